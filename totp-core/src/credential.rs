//! A user's credential: who it belongs to and the devices that compute its codes.
//!
//! Written at set-up and never at login; what logins change is the [state](crate::state).

use crate::clock::Timestamp;
use crate::otp::{Algorithm, Kind, Parameters};
use crate::random::{self, NoRandomness};
use crate::secret::Secret;
use crate::toml_file::{Entry, FileError, Text};
use serde::{Deserialize, Serialize};
use std::fmt::{self, Write as _};
use zeroize::Zeroizing;

/// Most devices one user may have.
pub const MOST_DEVICES: usize = 8;
/// Longest name of a device, in characters.
pub const LONGEST_DEVICE_NAME: usize = 32;
/// The name of a device where nobody gave one.
pub const DEFAULT_DEVICE_NAME: &str = "phone";
/// The version of the file format.
const VERSION: u32 = 1;

/// Tells one set-up of a user from the next. Renewing, adding and removing devices keep it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct CredentialId(pub [u8; 16]);

impl CredentialId {
    /// Stands for "no credential": the state of a user who is not set up.
    pub const ZERO: Self = Self([0; 16]);

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

/// Tells the devices of one credential apart, also a renewed one from what it replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DeviceId(pub u32);

impl DeviceId {
    /// Draws a new one.
    ///
    /// # Errors
    /// [`NoRandomness`] where the kernel gives none.
    pub fn generate() -> Result<Self, NoRandomness> {
        Ok(Self(u32::from_be_bytes(*random::bytes::<4>()?)))
    }
}

impl fmt::Display for DeviceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", self.0)
    }
}

/// The name a person gave a device: 1 to 32 ASCII letters, digits, spaces and `._-`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DeviceName(String);

impl TryFrom<String> for DeviceName {
    type Error = &'static str;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        Self::new(&name).ok_or(Self::ALLOWED)
    }
}

impl From<DeviceName> for String {
    fn from(name: DeviceName) -> Self {
        name.0
    }
}

impl DeviceName {
    /// What a name may hold, for errors.
    pub const ALLOWED: &'static str =
        "1 to 32 letters, digits, spaces, dots, hyphens and underscores, no space at either end";

    /// Takes a name, or `None` where it holds anything else.
    #[must_use]
    pub fn new(name: &str) -> Option<Self> {
        let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b" ._-".contains(&byte));
        let fits = (1..=LONGEST_DEVICE_NAME).contains(&name.len()) && name.trim() == name;
        (plain && fits).then(|| Self(name.to_owned()))
    }

    /// The name itself.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for DeviceName {
    fn default() -> Self {
        Self(DEFAULT_DEVICE_NAME.to_owned())
    }
}

impl fmt::Display for DeviceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Something that computes codes: an app on a phone, a token.
pub struct Device {
    /// Its identity in the state file.
    pub id: DeviceId,
    /// What its owner calls it.
    pub name: DeviceName,
    /// The shared secret.
    pub secret: Secret,
    /// How its codes are computed.
    pub parameters: Parameters,
    /// Steps accepted on either side where this device has its own; the policy's otherwise (0 to 10).
    pub window: Option<u8>,
    /// Seconds by which its clock is known to be ahead (negative: behind).
    pub clock_offset: i32,
    /// When it was set up.
    pub created: Timestamp,
}

impl Device {
    /// The step of this device at `now` by its own clock; 0 for a counter.
    #[must_use]
    pub fn step_at(&self, now: Timestamp) -> u64 {
        match self.parameters.kind {
            Kind::Hotp => 0,
            Kind::Totp { interval } => {
                let shifted = now.0.saturating_add_signed(i64::from(self.clock_offset));
                crate::otp::step_at(Timestamp(shifted), interval)
            }
        }
    }

    /// Steps accepted on either side of the present one.
    #[must_use]
    pub fn window(&self, policy: u8) -> u64 {
        u64::from(self.window.unwrap_or(policy))
    }

    /// The same device once more, for storing it in a second file.
    #[must_use]
    pub fn duplicate(&self) -> Self {
        Self {
            id: self.id,
            name: self.name.clone(),
            secret: self.secret.duplicate(),
            parameters: self.parameters,
            window: self.window,
            clock_offset: self.clock_offset,
            created: self.created,
        }
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
        let text = Text { file, text };
        let document = text.parse()?;
        let mut draft = Draft::default();
        for entry in text.entries("", document.get_ref()) {
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

/// A string as TOML quotes it.
pub(crate) fn quoted(value: &str) -> String {
    toml::Value::String(value.to_owned()).to_string()
}

/// The keys of one device.
pub(crate) fn write_device(device: &Device, toml: &mut String) {
    let Device { id, name, .. } = device;
    let Parameters { kind, digits, algorithm } = device.parameters;
    let secret = device.secret.to_base32();
    let _ = write!(
        toml,
        "id = \"{id}\"\nname = {}\nkind = \"{}\"\nsecret = \"{}\"\ndigits = {digits}\nalgorithm = \"{algorithm}\"\n",
        quoted(name.as_str()),
        kind.as_str(),
        *secret,
    );
    if let Kind::Totp { interval } = kind {
        let _ = writeln!(toml, "interval = {interval}");
    }
    if let Some(window) = device.window {
        let _ = writeln!(toml, "window = {window}");
    }
    if device.clock_offset != 0 {
        let _ = writeln!(toml, "clock_offset = {}", device.clock_offset);
    }
    let _ = writeln!(toml, "created = {}", device.created.to_rfc3339());
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
    fn take(&mut self, entry: &Entry<'_, '_>) -> Result<(), FileError> {
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
                for keys in entry.tables()? {
                    self.devices.push(read_device(entry, &keys)?);
                }
            }
            _ => return Err(entry.unknown(&KEYS)),
        }
        Ok(())
    }
}

pub(crate) fn credential_id(entry: &Entry<'_, '_>) -> Result<CredentialId, FileError> {
    entry.string()?.parse().map_err(|_| entry.error("is no identifier; allowed: 32 hexadecimal digits"))
}

pub(crate) fn moment(entry: &Entry<'_, '_>) -> Result<Timestamp, FileError> {
    let wanted = "a date and time in UTC such as 2026-11-22T03:00:00Z";
    Timestamp::from_rfc3339(&entry.datetime(wanted)?)
        .ok_or_else(|| entry.error(format!("is no moment; allowed: {wanted}")))
}

/// Reads the keys of one device; `place` is what an error about a missing key points at.
pub(crate) fn read_device(place: &Entry<'_, '_>, keys: &[Entry<'_, '_>]) -> Result<Device, FileError> {
    const KEYS: [&str; 9] =
        ["id", "name", "kind", "secret", "digits", "algorithm", "interval", "window", "clock_offset"];
    let mut id = None;
    let mut name = None;
    let mut hotp = None;
    let mut secret = None;
    let mut digits = 6;
    let mut algorithm = Algorithm::default();
    let mut interval = 30;
    let mut window = None;
    let mut clock_offset = 0;
    let mut created = Timestamp::default();
    for entry in keys {
        match entry.key() {
            "id" => {
                let parsed = u32::from_str_radix(entry.string()?, 16);
                let wrong = |_| entry.error("is no identifier; allowed: 8 hexadecimal digits");
                id = Some(DeviceId(parsed.map_err(wrong)?));
            }
            "name" => {
                let wrong = || entry.error(format!("allowed: {}", DeviceName::ALLOWED));
                name = Some(DeviceName::new(entry.string()?).ok_or_else(wrong)?);
            }
            "kind" => hotp = Some(entry.choice(&[("totp", false), ("hotp", true)])?),
            "secret" => {
                // The value is not repeated in the error: it may be a secret with one wrong letter.
                let wrong = || entry.error("is no secret; allowed: Base32 of 16 to 128 bytes");
                secret = Some(Secret::from_base32(entry.string()?).ok_or_else(wrong)?);
            }
            "digits" => digits = entry.integer(6..=8)?,
            "algorithm" => algorithm = entry.choice(&Algorithm::NAMES)?,
            "interval" => interval = entry.integer(5..=300)?,
            "window" => window = Some(entry.integer(0..=10)?),
            "clock_offset" => clock_offset = entry.integer(-86_400..=86_400)?,
            "created" => created = moment(entry)?,
            _ => return Err(entry.unknown(&KEYS)),
        }
    }
    let missing = |key| place.error(format!("a device without {key}"));
    let kind = if hotp.ok_or_else(|| missing("kind"))? { Kind::Hotp } else { Kind::Totp { interval } };
    Ok(Device {
        id: id.ok_or_else(|| missing("id"))?,
        name: name.ok_or_else(|| missing("name"))?,
        secret: secret.ok_or_else(|| missing("secret"))?,
        parameters: Parameters { kind, digits, algorithm },
        window,
        clock_offset,
        created,
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

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

    pub(crate) fn example_device(id: u32, name: &str, kind: Kind) -> Device {
        Device {
            id: DeviceId(id),
            name: DeviceName::new(name).unwrap(),
            secret: Secret::from_base32("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ").unwrap(),
            parameters: Parameters { kind, digits: 6, algorithm: Algorithm::Sha1 },
            window: None,
            clock_offset: 0,
            created: Timestamp(1_790_000_000),
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
            "alice.toml:13: device.digits: 9 is out of range; allowed: 6 to 8"
        );
        assert_eq!(
            error("version = 1", "version = 2"),
            "alice.toml:1: version: 2 is out of range; allowed: 1 to 1"
        );
        assert!(error("uid = 1000", "uid = -1").contains(":3: uid"));
        assert!(error("uid = 1000\n", "").contains("uid: is missing"));
        assert!(error("kind", "mood").contains("device.mood: unknown key"));
        assert!(error("[[device]]", "[device]").contains("wrong type"));
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

    #[test]
    fn device_names_are_plain() {
        for name in ["phone", "Alice's".trim_end_matches("'s"), "a", "old phone 2.0_b-c"] {
            assert!(DeviceName::new(name).is_some(), "{name}");
        }
        for name in ["", " phone", "a\nb", "\u{1b}[2J", "\"", "gr\u{fc}n", &"x".repeat(33)] {
            assert!(DeviceName::new(name).is_none(), "{name:?}");
        }
    }
}
