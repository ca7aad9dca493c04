//! A user's credential: who it belongs to and the devices that compute its codes.
//!
//! Written at set-up and never at login; what logins change is the [state](crate::state).

mod device;

#[cfg(test)]
pub(crate) use device::tests::example_device;
pub use device::{DEFAULT_DEVICE_NAME, Device, DeviceId, DeviceName, LONGEST_DEVICE_NAME};
pub(crate) use device::{read_device, write_device};

use crate::clock::Timestamp;
use crate::random::{self, NoRandomness};
use crate::toml_file::{Entry, FileError, Text, quoted};
use std::fmt::{self, Write as _};
use zeroize::Zeroizing;

/// Most devices one user may have.
pub const MOST_DEVICES: usize = 8;
/// The version of the file format.
const VERSION: u32 = 1;

/// Tells one set-up of a user from the next. Renewing, adding and removing devices keep it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct CredentialId(pub [u8; 16]);

impl CredentialId {
    /// Stands for "no credential" in a set-up under way.
    pub const ZERO: Self = Self([0; 16]);

    /// Stands for "no credential" in the state of a user of this uid: another one of the same name does not
    /// inherit it.
    #[must_use]
    pub fn none_of(uid: u32) -> Self {
        Self(u128::from(uid).to_be_bytes())
    }

    /// Whether it stands for "no credential", of whatever user.
    #[must_use]
    pub fn is_none(&self) -> bool {
        u128::from_be_bytes(self.0) <= u128::from(u32::MAX)
    }

    /// Draws a new one.
    ///
    /// # Errors
    /// [`NoRandomness`] where the kernel gives none.
    pub fn generate() -> Result<Self, NoRandomness> {
        Ok(Self(*random::bytes::<16>()?))
    }
}

impl fmt::Display for CredentialId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl std::str::FromStr for CredentialId {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        u128::from_str_radix(text, 16).map(|number| Self(number.to_be_bytes()))
    }
}

/// A user's credential.
pub struct Credential {
    /// Tells this set-up from earlier and later ones.
    pub id: CredentialId,
    /// The uid it was made for: a re-created user of the same name does not inherit a phone.
    pub uid: u32,
    /// When it was first set up.
    pub created: Timestamp,
    /// Who set it up: a user name.
    pub created_by: String,
    /// Phone number (E.164) and mail address where they are known.
    pub phone: Option<String>,
    /// See [`Self::phone`].
    pub mail: Option<String>,
    /// One to eight devices with distinct names and ids.
    pub devices: Vec<Device>,
}

impl Credential {
    /// Reads a credential file.
    ///
    /// # Errors
    /// [`FileError`] with line and key for anything that [`Self::to_toml`] would not write.
    pub fn parse(file: &str, text: &str) -> Result<Self, FileError> {
        let text = Text::secret(file, text);
        let document = text.parse()?;
        let mut draft = Draft::default();
        for entry in document.entries() {
            draft.take(&entry)?;
        }
        let missing = |key| text.whole(key, "is missing");
        draft.version.ok_or_else(|| missing("version"))?;
        let credential = Self {
            id: draft.id.ok_or_else(|| missing("id"))?,
            uid: draft.uid.ok_or_else(|| missing("uid"))?,
            created: draft.created.ok_or_else(|| missing("created"))?,
            created_by: draft.created_by.ok_or_else(|| missing("created_by"))?,
            phone: draft.phone,
            mail: draft.mail,
            devices: draft.devices,
        };
        if !(1..=MOST_DEVICES).contains(&credential.devices.len()) {
            return Err(text.whole("device", "there must be one to eight of them"));
        }
        let twice = |device: &Device| {
            let same = |other: &&Device| other.id == device.id || other.name == device.name;
            credential.devices.iter().filter(same).count() > 1
        };
        if credential.devices.iter().any(twice) {
            return Err(text.whole("device", "two of them share a name or an id"));
        }
        Ok(credential)
    }

    /// The file as it is stored. Wiped when dropped.
    #[must_use]
    pub fn to_toml(&self) -> Zeroizing<String> {
        // Sized beforehand: a text that grows leaves pieces of secrets behind in freed memory.
        let mut toml = Zeroizing::new(String::with_capacity(16 * 1024));
        let Self { id, uid, created_by, .. } = self;
        let created = self.created.to_rfc3339();
        // Writing to a String cannot fail.
        let _ = write!(
            toml,
            "version = {VERSION}\nid = \"{id}\"\nuid = {uid}\ncreated = {created}\ncreated_by = {}\n",
            quoted(created_by)
        );
        for (key, value) in [("phone", &self.phone), ("mail", &self.mail)] {
            if let Some(value) = value {
                let _ = writeln!(toml, "{key} = {}", quoted(value));
            }
        }
        for device in &self.devices {
            toml.push_str("\n[[device]]\n");
            write_device(device, &mut toml);
        }
        toml
    }

    /// The device of that name.
    #[must_use]
    pub fn device(&self, name: &DeviceName) -> Option<&Device> {
        self.devices.iter().find(|device| device.name == *name)
    }
}

#[derive(Default)]
struct Draft {
    version: Option<u32>,
    id: Option<CredentialId>,
    uid: Option<u32>,
    created: Option<Timestamp>,
    created_by: Option<String>,
    phone: Option<String>,
    mail: Option<String>,
    devices: Vec<Device>,
}

impl Draft {
    fn take(&mut self, entry: &Entry<'_>) -> Result<(), FileError> {
        const KEYS: [&str; 8] = ["version", "id", "uid", "created", "created_by", "phone", "mail", "device"];
        match entry.key() {
            "version" => self.version = Some(entry.integer(VERSION..=VERSION)?),
            "id" => self.id = Some(credential_id(entry)?),
            "uid" => self.uid = Some(entry.integer(0..=u32::MAX)?),
            "created" => self.created = Some(moment(entry)?),
            "created_by" => self.created_by = Some(entry.string()?.to_owned()),
            "phone" => self.phone = Some(entry.string()?.to_owned()),
            "mail" => self.mail = Some(entry.string()?.to_owned()),
            "device" => {
                for (_, keys) in entry.tables()? {
                    self.devices.push(read_device(entry, &keys)?);
                }
            }
            _ => return Err(entry.unknown(&KEYS)),
        }
        Ok(())
    }
}

pub(crate) fn credential_id(entry: &Entry<'_>) -> Result<CredentialId, FileError> {
    entry.string()?.parse().map_err(|_| entry.error("is no identifier; allowed: 32 hexadecimal digits"))
}

pub(crate) fn moment(entry: &Entry<'_>) -> Result<Timestamp, FileError> {
    let wanted = "a date and time in UTC such as 2026-11-22T03:00:00Z";
    Timestamp::from_toml(entry.datetime(wanted)?)
        .ok_or_else(|| entry.error(format!("is no moment; allowed: {wanted}")))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::device::tests::example_device;
    use super::*;
    use crate::otp::{Algorithm, Kind, Parameters};

    /// A credential of one TOTP device with the secret of the RFCs.
    pub(crate) fn example() -> Credential {
        Credential {
            id: CredentialId([7; 16]),
            uid: 1000,
            created: Timestamp(1_790_000_000),
            created_by: "alice".into(),
            phone: None,
            mail: Some("a\"li\\ce@example.org".into()),
            devices: vec![example_device(1, "phone", Kind::Totp { interval: 30 })],
        }
    }

    #[test]
    fn a_credential_is_read_back_as_written() {
        let mut credential = example();
        credential.devices.push(Device {
            window: Some(3),
            clock_offset: -45,
            parameters: Parameters { kind: Kind::Hotp, digits: 8, algorithm: Algorithm::Sha512 },
            ..example_device(0xfedc_ba98, "yellow token", Kind::Hotp)
        });
        let written = credential.to_toml();
        let read = Credential::parse("alice.toml", &written).unwrap();
        assert_eq!(*read.to_toml(), *written);
        assert_eq!(read.mail, credential.mail);
        assert_eq!(read.devices[1].clock_offset, -45);
        assert_eq!(read.devices[1].secret.as_bytes(), b"12345678901234567890");
    }

    #[test]
    fn each_broken_credential_is_refused_with_line_and_key() {
        let whole = example().to_toml();
        let error = |from: &str, to: &str| {
            let text = whole.replace(from, to);
            assert_ne!(text, *whole, "the test must change something");
            Credential::parse("alice.toml", &text).err().expect(to).to_string()
        };
        assert_eq!(
            error("digits = 6", "digits = 9"),
            "alice.toml:13: device.digits: is out of range; allowed: 6 to 8"
        );
        assert_eq!(
            error("version = 1", "version = 2"),
            "alice.toml:1: version: is out of range; allowed: 1 to 1"
        );
        assert!(error("uid = 1000", "uid = -1").contains(":3: uid"));
        assert!(error("uid = 1000\n", "").contains("uid: is missing"));
        let unknown = error("kind", "mood");
        assert!(unknown.starts_with("alice.toml:11: device: unknown key; allowed: id, name"), "{unknown}");
        assert!(unknown.ends_with("clock_offset, created"), "{unknown}");
        assert!(error("[[device]]", "[device]").contains("wrong type"));
        assert_eq!(
            error("\"totp\"", "\"GEZDGNBVGY3TQOJQ\""),
            "alice.toml:11: device.kind: is not known; allowed: \"totp\", \"hotp\""
        );
        let secret = error("GEZDG", "18");
        assert!(secret.contains("is no secret") && !secret.contains("NBVGY"), "{secret}");
        let torn = Credential::parse("alice.toml", &whole[..whole.len() / 2]).err().unwrap();
        assert!(!torn.to_string().contains("GEZD"), "{torn}");
    }

    #[test]
    fn devices_are_one_to_eight_with_names_of_their_own() {
        let mut credential = example();
        let kind = Kind::Totp { interval: 30 };
        let refused =
            |credential: &Credential| Credential::parse("alice.toml", &credential.to_toml()).is_err();
        credential.devices.push(example_device(2, "phone", kind));
        assert!(refused(&credential), "same name");
        credential.devices[1] = example_device(1, "tablet", kind);
        assert!(refused(&credential), "same id");
        credential.devices.clear();
        assert!(refused(&credential), "none");
        for number in 1..=8 {
            credential.devices.push(example_device(number, &format!("d{number}"), kind));
        }
        assert!(!refused(&credential));
        credential.devices.push(example_device(9, "d9", kind));
        assert!(refused(&credential), "nine");
    }
}
