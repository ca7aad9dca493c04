//! A set-up under way: a device that has been shown but not proven.
//!
//! One a user; the newest begin wins, and what is older than 15 minutes is dead.

use crate::clock::Timestamp;
use crate::credential::{CredentialId, Device, DeviceId, credential_id, moment, read_device, write_device};
use crate::issued::InvitationId;
use crate::random::{self, NoRandomness};
use crate::recovery::{Hash, MOST_CODES, RecoverySet};
use crate::toml_file::{Entry, FileError, Text, quoted};
use std::fmt::{self, Write as _};
use zeroize::Zeroizing;

/// Seconds a set-up may take.
pub const LIVES_FOR: u64 = 15 * 60;
/// Wrong codes after which a set-up is dead: whoever sees the secret needs few, whoever guesses gets no
/// more.
pub const MOST_FAILURES: u8 = 10;

/// Ties the confirmation of a set-up to its beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nonce(u128);

impl Nonce {
    /// Draws a new one.
    ///
    /// # Errors
    /// [`NoRandomness`] where the kernel gives none.
    pub fn generate() -> Result<Self, NoRandomness> {
        Ok(Self(u128::from_be_bytes(*random::bytes::<16>()?)))
    }
}

impl fmt::Display for Nonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl std::str::FromStr for Nonce {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        u128::from_str_radix(text, 16).map(Self)
    }
}

/// What a set-up is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// The first device of a user without a credential.
    First,
    /// A further device.
    Further,
    /// A new secret for this device.
    Renewal(DeviceId),
}

/// What a set-up during login knows beyond others: it counts only when the session opens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AtLogin {
    /// The PAM service.
    pub service: String,
    /// What its first code proved; `None` before that.
    pub proven: Option<Proven>,
}

/// The first code of a set-up during login was right, and the recovery codes were shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proven {
    /// The step of that code.
    pub step: u64,
    /// The recovery codes.
    pub recovery: RecoverySet,
}

/// A set-up under way.
pub struct Pending {
    /// Ties confirmation to beginning.
    pub nonce: Nonce,
    /// What it is for.
    pub purpose: Purpose,
    /// The uid it was begun for.
    pub uid: u32,
    /// The credential it started from; [`CredentialId::ZERO`] for none.
    pub from: CredentialId,
    /// When it was begun.
    pub begun: Timestamp,
    /// Wrong codes so far.
    pub failures: u8,
    /// The invitation it was begun with, which must still stand when it counts.
    pub invited: Option<InvitationId>,
    /// Set for a set-up during login.
    pub at_login: Option<AtLogin>,
    /// The device with its new secret.
    pub device: Device,
}

impl Pending {
    /// Whether it may still be confirmed at `now`. A beginning in the future is dead: after a clock that
    /// stepped back it would otherwise live for too long.
    #[must_use]
    pub fn is_alive(&self, now: Timestamp) -> bool {
        self.begun <= now && now.since(self.begun) < LIVES_FOR && self.failures < MOST_FAILURES
    }

    /// The file as it is stored. Wiped when dropped.
    #[must_use]
    pub fn to_toml(&self) -> Zeroizing<String> {
        let mut toml = Zeroizing::new(String::with_capacity(4096));
        let Self { nonce, uid, from, failures, .. } = self;
        let (purpose, renews) = match self.purpose {
            Purpose::First => ("first", None),
            Purpose::Further => ("further", None),
            Purpose::Renewal(device) => ("renewal", Some(device)),
        };
        // Writing to a String cannot fail.
        let _ = write!(
            toml,
            "version = 1\nnonce = \"{nonce}\"\npurpose = \"{purpose}\"\nuid = {uid}\nfrom = \"{from}\"\nbegun = {}\nfailures = {failures}\n",
            self.begun.to_rfc3339()
        );
        if let Some(device) = renews {
            let _ = writeln!(toml, "renews = \"{device}\"");
        }
        if let Some(InvitationId(invitation)) = self.invited {
            let _ = writeln!(toml, "invited = {invitation}");
        }
        if let Some(AtLogin { service, proven }) = &self.at_login {
            let _ = writeln!(toml, "service = {}", quoted(service));
            if let Some(Proven { step, recovery }) = proven {
                let hashes: Vec<_> =
                    recovery.hashes.iter().map(|hash| format!("\"{}\"", hex(hash))).collect();
                let (salt, hashes) = (hex(&recovery.salt), hashes.join(", "));
                let _ = writeln!(toml, "step = {step}\nsalt = \"{salt}\"\nrecovery = [{hashes}]");
            }
        }
        toml.push_str("\n[device]\n");
        write_device(&self.device, &mut toml);
        toml
    }

    /// Reads what [`Self::to_toml`] wrote.
    ///
    /// # Errors
    /// [`FileError`] for anything else.
    pub fn parse(file: &str, text: &str) -> Result<Self, FileError> {
        const KEYS: [&str; 14] = [
            "version", "nonce", "purpose", "uid", "from", "begun", "failures", "renews", "invited",
            "service", "step", "salt", "recovery", "device",
        ];
        let text = Text::secret(file, text);
        let document = text.parse()?;
        let (mut nonce, mut purpose, mut uid, mut from, mut begun) = (None, None, None, None, None);
        let (mut failures, mut renews, mut device, mut invited) = (0, None, None, None);
        let (mut service, mut step, mut salt, mut hashes) = (None, None, None, Vec::new());
        for entry in document.entries() {
            match entry.key() {
                "version" => drop(entry.integer(1u8..=1)?),
                "nonce" => {
                    let wrong = |_| entry.error("is no nonce; allowed: 32 hexadecimal digits");
                    nonce = Some(entry.string()?.parse().map_err(wrong)?);
                }
                "purpose" => {
                    let choices = [("first", Some(false)), ("further", Some(true)), ("renewal", None)];
                    purpose = Some(entry.choice(&choices)?);
                }
                "uid" => uid = Some(entry.integer(0..=u32::MAX)?),
                "from" => from = Some(credential_id(&entry)?),
                "begun" => begun = Some(moment(&entry)?),
                "failures" => failures = entry.integer(0..=u8::MAX)?,
                "renews" => {
                    let wrong = |_| entry.error("is no identifier; allowed: 8 hexadecimal digits");
                    renews = Some(u32::from_str_radix(entry.string()?, 16).map_err(wrong)?);
                }
                "invited" => invited = Some(InvitationId(entry.integer(0..=u32::MAX)?)),
                "service" => service = Some(entry.string()?.to_owned()),
                "step" => step = Some(entry.integer(0..=u64::MAX)?),
                "salt" => salt = Some(bytes_of(&entry, entry.string()?)?),
                "recovery" => hashes = recovery_hashes(&entry)?,
                "device" => device = Some(read_device(&entry, &entry.table()?)?),
                _ => return Err(entry.unknown(&KEYS)),
            }
        }
        let missing = |key| text.whole(key, "is missing");
        let purpose = match (purpose.ok_or_else(|| missing("purpose"))?, renews) {
            (Some(false), _) => Purpose::First,
            (Some(true), _) => Purpose::Further,
            (None, Some(device)) => Purpose::Renewal(DeviceId(device)),
            (None, None) => return Err(missing("renews")),
        };
        Ok(Self {
            nonce: nonce.ok_or_else(|| missing("nonce"))?,
            purpose,
            uid: uid.ok_or_else(|| missing("uid"))?,
            from: from.ok_or_else(|| missing("from"))?,
            begun: begun.ok_or_else(|| missing("begun"))?,
            failures,
            invited,
            at_login: service.map(|service| {
                let proven = step
                    .zip(salt)
                    .map(|(step, salt)| Proven { step, recovery: RecoverySet { salt, hashes } });
                AtLogin { service, proven }
            }),
            device: device.ok_or_else(|| missing("device"))?,
        })
    }
}

fn recovery_hashes(entry: &Entry<'_>) -> Result<Vec<Hash>, FileError> {
    let written = entry.strings()?;
    if written.len() > MOST_CODES {
        return Err(entry.error(format!("allowed: at most {MOST_CODES} hashes")));
    }
    written.iter().map(|hash| bytes_of(entry, hash)).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn bytes_of<const N: usize>(entry: &Entry<'_>, text: &str) -> Result<[u8; N], FileError> {
    let wrong = || entry.error(format!("allowed: {N} bytes in hexadecimal"));
    let (pairs, odd) = text.as_bytes().as_chunks::<2>();
    let byte = |pair: &[u8; 2]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    let bytes: Option<Vec<u8>> = pairs.iter().map(byte).collect();
    bytes.filter(|_| odd.is_empty()).and_then(|bytes| bytes.try_into().ok()).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::credential::example_device;
    use crate::otp::Kind;

    fn example(purpose: Purpose) -> Pending {
        Pending {
            nonce: Nonce::generate().unwrap(),
            purpose,
            uid: 1000,
            from: CredentialId([5; 16]),
            begun: Timestamp(1_790_000_000),
            failures: 2,
            invited: None,
            at_login: None,
            device: example_device(3, "phone", Kind::Totp { interval: 60 }),
        }
    }

    #[test]
    fn a_set_up_is_read_back_as_written() {
        for purpose in [Purpose::First, Purpose::Further, Purpose::Renewal(DeviceId(0x0a0b_0c0d))] {
            let written = example(purpose).to_toml();
            let read = Pending::parse("alice.pending", &written).unwrap();
            assert_eq!(read.purpose, purpose);
            assert_eq!(*read.to_toml(), *written);
        }
    }

    #[test]
    fn a_set_up_during_login_is_read_back_as_written() {
        let recovery = RecoverySet { salt: [0xab; 16], hashes: vec![[0x0f; 32]; MOST_CODES] };
        for proven in [None, Some(Proven { step: 59_666_667, recovery })] {
            let mut pending = example(Purpose::First);
            pending.invited = Some(InvitationId(u32::MAX));
            pending.at_login = Some(AtLogin { service: "ssh\"d".into(), proven });
            let read = Pending::parse("alice.pending", &pending.to_toml()).unwrap();
            assert_eq!((&read.at_login, read.invited), (&pending.at_login, pending.invited));
        }
        let odd = example(Purpose::First).to_toml().replace("[device]", "salt = \"abc\"\n[device]");
        assert!(Pending::parse("alice.pending", &odd).is_err());
    }

    #[test]
    fn a_broken_one_is_an_error() {
        let whole = example(Purpose::Renewal(DeviceId(1))).to_toml();
        for (from, to) in [
            ("renews = \"00000001\"\n", ""),
            ("nonce", "once"),
            ("[device]", "[[device]]"),
            ("secret", "# secret"),
        ] {
            let text = whole.replace(from, to);
            assert!(Pending::parse("alice.pending", &text).is_err(), "{from} -> {to}");
        }
    }

    #[test]
    fn it_is_dead_after_fifteen_minutes_ten_failures_or_a_clock_that_stepped_back() {
        let mut pending = example(Purpose::First);
        let begun = pending.begun;
        assert!(pending.is_alive(begun) && pending.is_alive(begun.plus(899)));
        assert!(!pending.is_alive(begun.plus(900)));
        assert!(!pending.is_alive(Timestamp(begun.0 - 1)));
        pending.failures = MOST_FAILURES;
        assert!(!pending.is_alive(begun));
    }
}
