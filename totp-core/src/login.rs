//! May this login pass? The decision, as a pure function of values.
//!
//! Nothing here reads a file, a clock or a terminal. Whoever calls [`judge`] holds the user's lock, and
//! records the state it returns as the verdict [asks for](Verdict::record) before anybody learns of it. Users
//! who are not set up are judged in [`newcomer`].

pub mod newcomer;

use crate::answer::Answer;
use crate::clock::Timestamp;
use crate::credential::{Credential, Device, DeviceName};
use crate::otp::{Generator, HOTP_LOOK_AHEAD, Kind};
use crate::policy::Policy;
use crate::source::Source;
use crate::state::{PastRefusal, State};
use crate::throttle::Standing;
use std::fmt;

/// How many steps beyond the window a code is still called stale rather than wrong.
const STALE_STEPS: u64 = 10;

/// Why a login was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// No code of any device.
    WrongCode,
    /// A right code whose step is no later than the last accepted one (RFC 6238 5.2).
    UsedCode,
    /// The code of a step just outside the window: a slow hand or a wrong clock.
    StaleCode,
    /// No recovery code that is left.
    WrongRecoveryCode,
    /// This source failed too often and must wait.
    Throttled,
    /// Too many failures in a row; see [`Standing::Ceiling`].
    Ceiling,
    /// Nothing that could be a code; not counted.
    Malformed,
    /// Nothing at all; not counted.
    NoAnswer,
    /// The counter of an HOTP device was lost.
    Unsynchronised,
}

impl Reason {
    const ALL: [(u8, &'static str, Self); 9] = [
        (1, "wrong-code", Self::WrongCode),
        (2, "used-code", Self::UsedCode),
        (3, "stale-code", Self::StaleCode),
        (4, "wrong-recovery-code", Self::WrongRecoveryCode),
        (5, "throttled", Self::Throttled),
        (6, "ceiling", Self::Ceiling),
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
    /// Why.
    pub reason: Reason,
    /// Seconds until a code is judged again, where there is a delay.
    pub wait: u64,
    /// Whether the person may be told why: a local login, or an address that logged in within 30 days.
    pub may_tell: bool,
    /// Whether the answer was evaluated, and so counted as a failure.
    pub counted: bool,
    /// Whether the state changed by it and must be written: it was counted, or a clock stepped back.
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
                format!("This is no recovery or temporary code that is left; {}.", wait("try again"))
            }
            Reason::UsedCode => {
                format!("This code was already used; {}.", wait("wait for the next"))
            }
            Reason::StaleCode => format!(
                "This code is too old or too new; {}. If it happens again, a clock is wrong.",
                wait("try the next")
            ),
            Reason::Throttled => format!("Too many wrong codes; {}.", wait("try again")),
            Reason::Ceiling => {
                "Too many wrong codes from everywhere; use a recovery code, or log in from where you did lately."
                    .to_owned()
            }
            Reason::Malformed => {
                "This is no code; type the 6 to 8 digits that the app shows, or a recovery code.".to_owned()
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

/// Whether `source` gave a code so lately that none is asked for.
#[must_use]
pub fn is_remembered(policy: &Policy, state: &State, source: Source, now: Timestamp) -> bool {
    source.address().is_some_and(|address| {
        state.hosts.iter().any(|host| {
            // A moment in the future is a clock that stepped back: ask.
            host.address == address && host.since <= now && now.since(host.since) < policy.remember_hosts_for
        })
    })
}

/// Judges one answer.
///
/// `state` belongs to `credential`. Every guess that is evaluated is counted; one from a throttled source
/// is not evaluated at all, unless it is a recovery code: 80 random bits need no throttle, and so
/// strangers cannot lock anybody out for good. A temporary code is as long.
#[must_use]
pub fn judge(
    policy: &Policy,
    credential: &Credential,
    mut state: State,
    answer: &Answer,
    source: Source,
    now: Timestamp,
) -> (Verdict, State) {
    let clock_stepped_back = state.ledger.settle_clock(now);
    let standing = state.ledger.standing(source, now, &policy.throttle);
    let may_tell = matches!(source, Source::Local | Source::Helper) || state.ledger.knows(source, now);
    let uncounted =
        |reason, wait| Refusal { reason, wait, may_tell, counted: false, recorded: clock_stepped_back };

    let found = match answer {
        Answer::Empty => return (Verdict::Refused(uncounted(Reason::NoAnswer, 0)), state),
        Answer::Impossible => return (Verdict::Refused(uncounted(Reason::Malformed, 0)), state),
        Answer::Recovery(code) => {
            if state.recovery.spend(code) {
                Ok(Factor::RecoveryCode { left: state.recovery.left() })
            } else {
                let temporary = state.spend_temporary(code, now);
                temporary.map(|left| Factor::TemporaryCode { left }).ok_or(Reason::WrongRecoveryCode)
            }
        }
        Answer::Code(code) => match standing {
            Standing::Free => evaluate(policy, credential, &mut state, code, now),
            Standing::Wait(_) => Err(Reason::Throttled),
            Standing::Ceiling => Err(Reason::Ceiling),
        },
    };
    match found {
        Ok(factor) => {
            state.ledger.count_success(source, now);
            if let Some(address) = source.address().filter(|_| policy.remember_hosts_for > 0) {
                state.remember_host(address, now);
            }
            (Verdict::Accepted(factor), state)
        }
        Err(reason) => match standing {
            Standing::Wait(wait) => (Verdict::Refused(uncounted(reason, wait)), state),
            Standing::Ceiling => (Verdict::Refused(uncounted(reason, 0)), state),
            Standing::Free => {
                state.ledger.count_failure(source, now);
                state.note_refusal(PastRefusal { at: now, reason, source });
                let wait = match state.ledger.standing(source, now, &policy.throttle) {
                    Standing::Wait(seconds) => seconds,
                    Standing::Free | Standing::Ceiling => 0,
                };
                (Verdict::Refused(Refusal { reason, wait, may_tell, counted: true, recorded: true }), state)
            }
        },
    }
}

/// Looks for the device and step of `code`, and moves that device on.
fn evaluate(
    policy: &Policy,
    credential: &Credential,
    state: &mut State,
    code: &str,
    now: Timestamp,
) -> Result<Factor, Reason> {
    // A credential that came back from a backup has other devices than its state knows: together they could
    // outgrow the state's slot, and then nobody would get in.
    state.keep_devices(|id| credential.devices.iter().any(|device| device.id == id));
    let mut reason = Reason::WrongCode;
    for device in &credential.devices {
        let generator = Generator::new(&device.secret, device.parameters);
        let window = device.window(policy.totp.window);
        let present = device.step_at(now);
        let (range, last) = match (device.parameters.kind, state.progress_of(device.id)) {
            (Kind::Totp { .. }, progress) => {
                let newest = present.saturating_add(window);
                // Without progress any code up to the newest may have been used.
                let last = progress.map_or(Some(newest), |progress| progress.last);
                state.set_progress(device.id, last);
                (present.saturating_sub(window)..=newest, last)
            }
            (Kind::Hotp, Some(progress)) => {
                let first = progress.last.map_or(0, |last| last.saturating_add(1));
                let behind = first.saturating_sub(HOTP_LOOK_AHEAD);
                (behind..=first.saturating_add(HOTP_LOOK_AHEAD.saturating_sub(1)), progress.last)
            }
            (Kind::Hotp, None) => {
                reason = Reason::Unsynchronised;
                continue;
            }
        };
        match generator.latest(range, code) {
            Some(step) if last.is_none_or(|last| step > last) => {
                state.set_progress(device.id, Some(step));
                return Ok(Factor::Device(device.name.clone()));
            }
            Some(_) => reason = Reason::UsedCode,
            None => {}
        }
        if reason == Reason::WrongCode && is_stale(device, &generator, window, code, now) {
            reason = Reason::StaleCode;
        }
    }
    Err(reason)
}

fn is_stale(device: &Device, generator: &Generator, window: u64, code: &str, now: Timestamp) -> bool {
    if device.parameters.kind == Kind::Hotp {
        return false;
    }
    let reach = window.saturating_add(STALE_STEPS);
    let present = device.step_at(now);
    let around = present.saturating_sub(reach)..=present.saturating_add(reach);
    generator.latest(around, code).is_some()
}

/// Proves a device that is being set up: the step of its first code.
///
/// A TOTP code counts within the window, a counter's within the first ten.
#[must_use]
pub fn prove(policy: &Policy, device: &Device, answer: &Answer, now: Timestamp) -> Option<u64> {
    let Answer::Code(code) = answer else {
        return None;
    };
    let range = match device.parameters.kind {
        Kind::Totp { .. } => {
            let window = device.window(policy.totp.window);
            let present = device.step_at(now);
            present.saturating_sub(window)..=present.saturating_add(window)
        }
        Kind::Hotp => 0..=HOTP_LOOK_AHEAD.saturating_sub(1),
    };
    Generator::new(&device.secret, device.parameters).latest(range, code)
}

#[cfg(test)]
mod guessing;
#[cfg(test)]
mod tests;
