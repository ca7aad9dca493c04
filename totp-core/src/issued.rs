//! Codes that root issues: an invitation to set up, and a temporary code for a forgotten phone.
//!
//! They look like recovery codes (80 random bits, so that no throttle is needed), are kept as salted
//! hashes, and end by themselves.

use crate::clock::Timestamp;
use crate::random::{self, NoRandomness};
use crate::recovery::{Hash, draw, hash};
use zeroize::Zeroizing;

/// Seconds that an invitation is good for where nobody says otherwise: three days.
pub const INVITATION_LIVES_FOR: u64 = 72 * 60 * 60;
/// Most logins with one temporary code.
pub const MOST_USES: u8 = 100;

/// A code that root issued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issued {
    /// Drawn with it.
    pub salt: [u8; 16],
    /// SHA-256 of salt and code.
    pub hash: Hash,
    /// When it was drawn.
    pub issued: Timestamp,
    /// When it ends.
    pub expires: Timestamp,
}

impl Issued {
    /// Draws a code that is good for `lives_for` seconds, and returns it as it is printed.
    ///
    /// # Errors
    /// [`NoRandomness`] where the kernel gives none.
    pub fn draw(now: Timestamp, lives_for: u64) -> Result<(Self, Zeroizing<String>), NoRandomness> {
        let salt = *random::bytes::<16>()?;
        let (code, printed) = draw()?;
        let hash = hash(&salt, &code);
        Ok((Self { salt, hash, issued: now, expires: now.plus(lives_for) }, printed))
    }

    /// Whether it is good at `now`. Before it was issued it is not: a clock that stepped back would
    /// otherwise bring it back to life.
    #[must_use]
    pub fn is_alive(&self, now: Timestamp) -> bool {
        self.issued <= now && now < self.expires
    }

    /// Whether `typed` (sixteen Base32 capitals) is this code, and it is good at `now`.
    #[must_use]
    pub fn is(&self, typed: &str, now: Timestamp) -> bool {
        let same = constant_time_eq::constant_time_eq_32(&self.hash, &hash(&self.salt, typed));
        same && self.is_alive(now)
    }
}

/// Lets a user set up who needs that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invitation {
    /// The code. It is spent when the set-up counts.
    pub code: Issued,
    /// How it reaches its user.
    pub handover: Handover,
}

/// How an invitation reaches its user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handover {
    /// By an administrator.
    ByHand,
    /// By mail, which the mail system has not taken yet.
    Mailing,
    /// By mail, which the mail system took at that moment.
    Mailed(Timestamp),
}

/// Tells one invitation of a user from the next: what was begun with one does not end with another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvitationId(pub u32);

impl Invitation {
    /// Which one it is.
    #[must_use]
    pub fn id(&self) -> InvitationId {
        let [first, second, third, fourth, ..] = self.code.salt;
        InvitationId(u32::from_be_bytes([first, second, third, fourth]))
    }
}

/// Stands in for a code of a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemporaryCode {
    /// The code.
    pub code: Issued,
    /// Logins it is good for, 1 to [`MOST_USES`].
    pub uses_left: u8,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::Answer;

    #[test]
    fn a_code_is_good_from_when_it_was_issued_until_it_expires() {
        let now = Timestamp(1_790_000_000);
        let (issued, printed) = Issued::draw(now, 60).unwrap();
        let Answer::Recovery(typed) = Answer::parse(printed.to_lowercase().as_bytes()) else {
            panic!("it has the shape of a recovery code");
        };
        assert!(issued.is(&typed, now) && issued.is(&typed, now.plus(59)));
        assert!(!issued.is(&typed, now.plus(60)));
        assert!(!issued.is(&typed, Timestamp(now.0 - 1)));
        assert!(!issued.is("AAAABBBBCCCCDDDD", now));
    }
}
