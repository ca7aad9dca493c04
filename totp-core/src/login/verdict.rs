//! What can be said of a login: why it was refused, what proved it, and what must be recorded before anybody learns of it.

use crate::credential::DeviceName;
use std::fmt;

/// Why a login was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// No code of any device.
    WrongCode,
    /// A right code whose step is no later than the last accepted one (RFC 6238 5.2).
    UsedCode,
    /// The code of a step just outside the window: a slow hand or a wrong clock. The one of a step to come is told
    /// as a wrong code, for it stays good; log and `why` name it.
    StaleCode,
    /// No recovery code that is left.
    WrongRecoveryCode,
    /// This source failed too often and must wait.
    Throttled,
    /// A budget is used up; see [`ThrottleState::Exhausted`]. The word is that of earlier versions, which had a
    /// ceiling there: people's filters know it.
    Exhausted,
    /// Nothing that could be a code; not counted.
    Malformed,
    /// Nothing at all; not counted.
    NoAnswer,
    /// The counter of an HOTP device was lost.
    Unsynchronised,
}

impl Reason {
    pub(super) const ALL: [(u8, &'static str, Self); 9] = [
        (1, "wrong-code", Self::WrongCode),
        (2, "used-code", Self::UsedCode),
        (3, "stale-code", Self::StaleCode),
        (4, "wrong-recovery-code", Self::WrongRecoveryCode),
        (5, "throttled", Self::Throttled),
        (6, "ceiling", Self::Exhausted),
        (7, "malformed", Self::Malformed),
        (8, "no-answer", Self::NoAnswer),
        (9, "unsynchronised", Self::Unsynchronised),
    ];

    /// The word in the log.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(_, _, reason)| *reason == self).map_or("", |(_, word, _)| word)
    }

    /// Reads [`Self::as_str`].
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, known, _)| *known == word).map(|(_, _, reason)| *reason)
    }

    /// The number in a state file.
    #[must_use]
    pub fn number(self) -> u8 {
        Self::ALL.iter().find(|(_, _, reason)| *reason == self).map_or(0, |(number, _, _)| *number)
    }

    /// Reads [`Self::number`].
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.iter().find(|(known, _, _)| *known == number).map(|(_, _, reason)| *reason)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What proved the second factor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Factor {
    /// A code of this device.
    Device(DeviceName),
    /// A recovery code; so many are left.
    RecoveryCode {
        /// Codes left after this one.
        left: usize,
    },
    /// A temporary code; so many logins are left with it.
    TemporaryCode {
        /// Logins left after this one.
        left: u8,
    },
}

/// A refusal and what may be said of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Why, as far as anybody may hear it. What it was exactly is the last of the state's refusals.
    pub reason: Reason,
    /// Seconds until a code is judged again, where there is a delay.
    pub wait: u64,
    /// Whether the person may be told why: a local login, or an address that logged in within 30 days.
    pub may_tell: bool,
    /// Whether the answer was evaluated, and so counted as a failure. Two codes in a row that were wrong are none: see
    /// [`Ledger::count_pair`](crate::throttle::Ledger::count_pair).
    pub counted: bool,
    /// Whether the state changed by it and must be written: it was counted, or kept, or a clock stepped back.
    pub recorded: bool,
}

impl Refusal {
    /// What happened and what helps, for a person who may be told.
    #[must_use]
    pub fn advice(&self) -> String {
        let wait = |otherwise: &str| match self.wait {
            0 => otherwise.to_owned(),
            seconds => format!("wait {seconds} s or use a recovery code"),
        };
        match self.reason {
            Reason::WrongCode => format!("The code is wrong; {}.", wait("try again")),
            Reason::WrongRecoveryCode => {
                format!("This recovery or temporary code is not valid, or was used; {}.", wait("try again"))
            }
            Reason::UsedCode => {
                format!("This code was already used; {}.", wait("wait for the next"))
            }
            Reason::StaleCode => format!(
                "This code is too old or too new; {}. If it happens again, a clock is wrong.",
                wait("try the next")
            ),
            Reason::Throttled => format!("Too many wrong codes; {}.", wait("try again")),
            Reason::Exhausted => {
                "Too many wrong codes for this account; type two codes in a row: one, a space, and the one that the app shows next. A recovery code works too."
                    .to_owned()
            }
            Reason::Malformed => {
                "Not a code; type the 6 to 8 digits that the app shows, or a recovery code.".to_owned()
            }
            Reason::NoAnswer => "No code was given.".to_owned(),
            Reason::Unsynchronised => {
                "The counter of this device was lost; use a recovery code or ask an administrator.".to_owned()
            }
        }
    }
}

/// What [`judge`] says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The second factor is proven.
    Accepted(Factor),
    /// It is not.
    Refused(Refusal),
}

/// What must happen to the next state before the verdict is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Record {
    /// It is the same as before.
    Nothing,
    /// It must be written.
    Written,
    /// It must be on the disk.
    Durable,
}

impl Verdict {
    /// What must be recorded first: a success on the disk, a counted failure
    /// at least written.
    #[must_use]
    pub fn record(&self) -> Record {
        match self {
            Self::Accepted(_) => Record::Durable,
            Self::Refused(refusal) if refusal.recorded => Record::Written,
            Self::Refused(_) => Record::Nothing,
        }
    }
}
