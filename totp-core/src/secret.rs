//! The shared secret of a device: the key of RFC 4226, wiped when dropped and never printable by accident.

use crate::random::{self, NoRandomness};
use zeroize::Zeroizing;

const BASE32: base32::Alphabet = base32::Alphabet::Rfc4648 { padding: false };

/// Bytes of a secret that this project draws: 160 bits, as RFC 4226 4 (R6) recommends.
pub const GENERATED_BYTES: usize = 20;
/// Fewest bytes accepted: 128 bits, RFC 4226 4 (R6).
pub const FEWEST_BYTES: usize = 16;
/// Most bytes accepted: one block of SHA-512, beyond which HMAC hashes the key anyway.
pub const MOST_BYTES: usize = 128;

/// A shared secret. It has no `Debug`, no `Clone` and no `Display`: whoever shows it says so by
/// calling [`Secret::to_base32`].
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// Draws a new secret of [`GENERATED_BYTES`].
    ///
    /// # Errors
    /// [`NoRandomness`] where the kernel gives none.
    pub fn generate() -> Result<Self, NoRandomness> {
        let drawn = random::bytes::<GENERATED_BYTES>()?;
        Ok(Self(Zeroizing::new(drawn.to_vec())))
    }

    /// Reads Base32 (RFC 4648 6) as people pass it on: either case, with or without padding, spaces and
    /// hyphens. `None` where it is not Base32 or holds fewer than [`FEWEST_BYTES`] or more than
    /// [`MOST_BYTES`].
    #[must_use]
    pub fn from_base32(text: &str) -> Option<Self> {
        let mut bare = Zeroizing::new(String::with_capacity(text.len()));
        bare.extend(text.chars().filter(|c| !matches!(c, ' ' | '-' | '=')).map(|c| c.to_ascii_uppercase()));
        let bytes = Zeroizing::new(base32::decode(BASE32, &bare)?);
        (FEWEST_BYTES..=MOST_BYTES).contains(&bytes.len()).then_some(Self(bytes))
    }

    /// Base32 in capitals, without padding, as authenticator apps expect it.
    #[must_use]
    pub fn to_base32(&self) -> Zeroizing<String> {
        Zeroizing::new(base32::encode(BASE32, &self.0))
    }

    /// The key itself.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The same secret once more, for the few places that store one device in two files.
    #[must_use]
    pub fn duplicate(&self) -> Self {
        Self(self.0.clone())
    }
}

/// Writes bytes in the alphabet of recovery codes and secrets.
pub(crate) fn base32_of(bytes: &[u8]) -> Zeroizing<String> {
    Zeroizing::new(base32::encode(BASE32, bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_read_as_people_write_it() {
        let secret = Secret::from_base32("gezd gnbv-GY3T QOJQ gezdgnbvgy3tqojq====").unwrap();
        assert_eq!(secret.as_bytes(), b"12345678901234567890");
        assert_eq!(&*secret.to_base32(), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
    }

    #[test]
    fn short_long_and_foreign_text_is_no_secret() {
        assert!(Secret::from_base32("").is_none());
        assert!(Secret::from_base32("GEZDGNBVGY3TQOJQ").is_none(), "80 bits");
        assert!(Secret::from_base32("GEZDGNBVGY3TQOJQGEZDGNBV18").is_none());
        assert!(Secret::from_base32(&"A".repeat(400)).is_none());
    }

    #[test]
    fn two_generated_secrets_differ() {
        let (one, two) = (Secret::generate().unwrap(), Secret::generate().unwrap());
        assert_eq!(one.as_bytes().len(), GENERATED_BYTES);
        assert_ne!(one.as_bytes(), two.as_bytes());
    }
}
