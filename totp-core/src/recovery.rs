//! Recovery codes: one-time passwords on paper, kept only as salted hashes.

use crate::random::{self, NoRandomness};
use crate::secret::base32_of;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

/// Random bytes of one code: 80 bits, the fewest that need no throttle (NIST SP 800-63B 5.1.2.2 asks
/// for 20 bits with one; a hash stolen with the store should not be worth a search).
const CODE_BYTES: usize = 10;
/// Most codes a user may have.
pub const MOST_CODES: usize = 20;

/// SHA-256 of salt and code.
pub type Hash = [u8; 32];

/// The unspent recovery codes of one credential.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecoverySet {
    /// Drawn with each new set of codes.
    pub salt: [u8; 16],
    /// One hash for each code that is left.
    pub hashes: Vec<Hash>,
}

/// Codes as shown to their owner once: `ABCD-EFGH-IJKL-MNOP`. Wiped when dropped.
pub type PrintedCodes = Vec<Zeroizing<String>>;

impl RecoverySet {
    /// Draws `count` new codes (at most [`MOST_CODES`]) and returns the set to keep with the codes to
    /// show.
    ///
    /// # Errors
    /// [`NoRandomness`] where the kernel gives none.
    pub fn generate(count: usize) -> Result<(Self, PrintedCodes), NoRandomness> {
        let mut set = Self { salt: *random::bytes::<16>()?, hashes: Vec::new() };
        let mut printed = Vec::new();
        for _ in 0..count.min(MOST_CODES) {
            let (code, grouped) = draw()?;
            set.hashes.push(hash(&set.salt, &code));
            printed.push(grouped);
        }
        Ok((set, printed))
    }

    /// Spends `code` (sixteen Base32 capitals): removes its hash and says whether there was one.
    pub fn spend(&mut self, code: &str) -> bool {
        let wanted = hash(&self.salt, code);
        let before = self.hashes.len();
        self.hashes.retain(|hash| !constant_time_eq::constant_time_eq_32(hash, &wanted));
        self.hashes.len() < before
    }

    /// How many codes are left.
    #[must_use]
    pub fn left(&self) -> usize {
        self.hashes.len()
    }
}

/// Draws a code: as it is typed without its hyphens, and as it is printed.
pub(crate) fn draw() -> Result<(Zeroizing<String>, Zeroizing<String>), NoRandomness> {
    let code = base32_of(random::bytes::<CODE_BYTES>()?.as_slice());
    let mut grouped = Zeroizing::new(String::with_capacity(19));
    for (position, character) in code.chars().enumerate() {
        if position > 0 && position.is_multiple_of(4) {
            grouped.push('-');
        }
        grouped.push(character);
    }
    Ok((code, grouped))
}

/// The only form in which a code is kept.
pub(crate) fn hash(salt: &[u8; 16], code: &str) -> Hash {
    let mut digest = Sha256::new();
    digest.update(salt);
    digest.update(code.as_bytes());
    digest.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::Answer;

    #[test]
    fn each_code_is_good_once() {
        let (mut set, printed) = RecoverySet::generate(10).unwrap();
        assert_eq!((set.left(), printed.len()), (10, 10));
        for code in &printed {
            let Answer::Recovery(typed) = Answer::parse(code.to_lowercase().as_bytes()) else {
                panic!("a printed code has the shape of one");
            };
            assert!(set.spend(&typed));
            assert!(!set.spend(&typed));
        }
        assert_eq!(set.left(), 0);
    }

    #[test]
    fn two_sets_share_neither_codes_nor_salt() {
        let (one, _) = RecoverySet::generate(1).unwrap();
        let (two, codes) = RecoverySet::generate(1).unwrap();
        assert_ne!(one.salt, two.salt);
        assert!(!one.clone().spend(&codes[0].replace('-', "")));
    }
}
