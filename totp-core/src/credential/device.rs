//! A device: something that computes codes, its name, and its keys in a file.

use super::moment;
use crate::clock::Timestamp;
use crate::otp::{Algorithm, Kind, Parameters};
use crate::random::{self, NoRandomness};
use crate::secret::Secret;
use crate::toml_file::{Entry, FileError, quoted};
use serde::{Deserialize, Serialize};
use std::fmt::{self, Write as _};

/// Longest name of a device, in characters.
pub const LONGEST_DEVICE_NAME: usize = 32;
/// The name of a device where nobody gave one.
pub const DEFAULT_DEVICE_NAME: &str = "phone";

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

/// Reads the keys of one device; `place` is what an error about a missing key points at.
pub(crate) fn read_device(place: &Entry<'_>, keys: &[Entry<'_>]) -> Result<Device, FileError> {
    const KEYS: [&str; 10] = [
        "id",
        "name",
        "kind",
        "secret",
        "digits",
        "algorithm",
        "interval",
        "window",
        "clock_offset",
        "created",
    ];
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
    fn device_names_are_plain() {
        for name in ["phone", "Alice's".trim_end_matches("'s"), "a", "old phone 2.0_b-c"] {
            assert!(DeviceName::new(name).is_some(), "{name}");
        }
        for name in ["", " phone", "a\nb", "\u{1b}[2J", "\"", "gr\u{fc}n", &"x".repeat(33)] {
            assert!(DeviceName::new(name).is_none(), "{name:?}");
        }
    }
}
