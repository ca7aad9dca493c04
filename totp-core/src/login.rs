//! May this login pass? The decision, as a pure function of values.
//!
//! Nothing here reads a file, a clock or a terminal. Whoever calls [`judge`] holds the user's lock, and
//! records the state it returns as the verdict [asks for](Verdict::record) before anybody learns of it. Users
//! who are not set up are judged in [`newcomer`].

pub mod newcomer;

use crate::answer::{Answer, Pair};
use crate::clock::Timestamp;
use crate::credential::{Credential, Device, DeviceName};
use crate::otp::{Generator, HOTP_LOOK_AHEAD, Kind};
use crate::policy::Policy;
use crate::source::Source;
use crate::state::{PastRefusal, State};
use crate::throttle::{ThrottleState, cost_of_guess};
use std::fmt;
use std::ops::RangeInclusive;

/// How many counters ahead the second of two codes in a row may be.
const HOTP_PAIR_AHEAD: u64 = 3;
/// How many steps beyond the window a code is still called stale rather than wrong.
const STALE_STEPS: u64 = 10;

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
    const ALL: [(u8, &'static str, Self); 9] = [
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
            Reason::Exhausted => {
                "Too many wrong codes for this account; type two codes in a row: one, a space, and the one that the app shows next. A recovery code works too."
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
/// `state` belongs to `credential`. Every guess that is evaluated is counted; one that the
/// [throttle](crate::throttle) holds back is not evaluated at all. Three answers are never held back, so that strangers
/// cannot lock anybody out: recovery codes and temporary codes, whose 80 random bits need no throttle, and two codes
/// in a row, which nobody guesses.
#[must_use]
pub fn judge(
    policy: &Policy,
    credential: &Credential,
    mut state: State,
    answer: &Answer,
    source: Source,
    now: Timestamp,
) -> (Verdict, State) {
    let clock_stepped_back = state.ledger.clamp_to(now);
    let may_tell = matches!(source, Source::Local | Source::Helper) || state.ledger.knows(source, now);
    let cost = match answer {
        Answer::Code(code) => guess_cost(policy, credential, code),
        _ => 0,
    };
    let throttle = state.ledger.state_of(source, cost, now, &policy.throttle);
    let wait = match throttle {
        ThrottleState::Wait(seconds) => seconds,
        ThrottleState::Free | ThrottleState::Exhausted(_) => 0,
    };
    let evaluated = match answer {
        Answer::Empty => Evaluated::Held(Reason::NoAnswer, 0),
        Answer::Impossible => Evaluated::Held(Reason::Malformed, 0),
        Answer::Recovery(code) => match redeem(&mut state, code, now) {
            Some(factor) => Evaluated::Proven(factor),
            None if throttle == ThrottleState::Free => Evaluated::Wrong(Reason::WrongRecoveryCode),
            None => Evaluated::Held(Reason::WrongRecoveryCode, wait),
        },
        Answer::Pair(pair) => evaluate_pair(policy, credential, &mut state, pair, source, now),
        Answer::Code(code) => match throttle {
            ThrottleState::Free => evaluate(policy, credential, &mut state, code, now),
            ThrottleState::Wait(_) => Evaluated::Held(Reason::Throttled, wait),
            ThrottleState::Exhausted(_) => Evaluated::Held(Reason::Exhausted, 0),
        },
    };
    let counted = !matches!(evaluated, Evaluated::WrongPair);
    let (kept, told) = match evaluated {
        Evaluated::Proven(factor) => {
            state.ledger.count_success(source, now);
            // What was refused since the last login stays until a session has told the owner: what comes after may
            // still refuse this one, or show nothing.
            if let Some(address) = source.address().filter(|_| policy.remember_hosts_for > 0) {
                state.remember_host(address, now);
            }
            return (Verdict::Accepted(factor), state);
        }
        Evaluated::Held(reason, wait) => {
            let recorded = clock_stepped_back;
            return (Verdict::Refused(Refusal { reason, wait, may_tell, counted: false, recorded }), state);
        }
        Evaluated::Wrong(reason) => {
            state.ledger.count_failure(source, cost, now, &policy.throttle);
            (reason, reason)
        }
        Evaluated::Early => {
            state.ledger.count_failure(source, cost, now, &policy.throttle);
            // It will be good in a minute or so: told, a guess would be right for ten more steps.
            (Reason::StaleCode, Reason::WrongCode)
        }
        Evaluated::WrongPair => {
            state.ledger.count_pair(source, now);
            (Reason::WrongCode, Reason::WrongCode)
        }
    };
    state.note_refusal(PastRefusal { at: now, reason: kept, source });
    let wait = match state.ledger.state_of(source, cost, now, &policy.throttle) {
        ThrottleState::Wait(seconds) => seconds,
        ThrottleState::Free | ThrottleState::Exhausted(_) => 0,
    };
    (Verdict::Refused(Refusal { reason: told, wait, may_tell, counted, recorded: true }), state)
}

/// What an answer turned out to be.
enum Evaluated {
    /// It proves the second factor.
    Proven(Factor),
    /// It does not, and counts as a failure.
    Wrong(Reason),
    /// The code of a step beyond the window: a wrong clock, or a guess that is good later.
    Early,
    /// Two codes that are not those of one device in a row. Nothing is said of one that would have been good.
    WrongPair,
    /// It was not looked at, for this many seconds where there is a delay.
    Held(Reason, u64),
}

/// A recovery code or a temporary code.
fn redeem(state: &mut State, code: &str, now: Timestamp) -> Option<Factor> {
    if state.recovery.spend(code) {
        return Some(Factor::RecoveryCode { left: state.recovery.left() });
    }
    state.spend_temporary(code, now).map(|left| Factor::TemporaryCode { left })
}

/// How many codes are good at any time for an answer as long as this one.
fn good_codes(policy: &Policy, credential: &Credential, code: &str) -> u64 {
    let devices =
        credential.devices.iter().filter(|device| usize::from(device.parameters.digits) == code.len());
    let of_each = devices.map(|device| match device.parameters.kind {
        Kind::Totp { .. } => device.window(policy.totp.window).saturating_mul(2).saturating_add(1),
        Kind::Hotp => HOTP_LOOK_AHEAD,
    });
    of_each.fold(0, u64::saturating_add)
}

/// What a wrong code as long as `code` costs of a budget: see [`cost_of_guess`].
#[must_use]
pub fn guess_cost(policy: &Policy, credential: &Credential, code: &str) -> u32 {
    cost_of_guess(good_codes(policy, credential, code))
}

/// What the dearest wrong code costs.
#[must_use]
pub fn dearest_guess(policy: &Policy, credential: &Credential) -> u32 {
    let costs = ["000000", "0000000", "00000000"].map(|code| guess_cost(policy, credential, code));
    costs.into_iter().max().unwrap_or(0)
}

/// The steps whose codes are good but for those that were used, and the last of these; `None` for a counter that was
/// lost.
fn good_steps(
    policy: &Policy,
    state: &mut State,
    device: &Device,
    now: Timestamp,
) -> Option<(RangeInclusive<u64>, Option<u64>)> {
    let progress = state.progress_of(device.id);
    match device.parameters.kind {
        Kind::Totp { .. } => {
            let window = device.window(policy.totp.window);
            let present = device.step_at(now);
            let newest = present.saturating_add(window);
            // Without progress any code up to the newest may have been used.
            let last = progress.map_or(Some(newest), |progress| progress.last);
            state.set_progress(device.id, last);
            Some((present.saturating_sub(window)..=newest, last))
        }
        Kind::Hotp => {
            let last = progress?.last;
            let next = last.map_or(0, |last| last.saturating_add(1));
            Some((next..=next.saturating_add(HOTP_LOOK_AHEAD.saturating_sub(1)), last))
        }
    }
}

/// Forgets devices that the credential no longer has: one that came back from a backup has other devices than its
/// state knows. Together they could outgrow the state's slot, and then nobody would get in.
fn forget_other_devices(credential: &Credential, state: &mut State) {
    state.keep_devices(|id| credential.devices.iter().any(|device| device.id == id));
}

/// Looks for the device and step of `code`, and moves that device on.
fn evaluate(
    policy: &Policy,
    credential: &Credential,
    state: &mut State,
    code: &str,
    now: Timestamp,
) -> Evaluated {
    forget_other_devices(credential, state);
    let mut found = Evaluated::Wrong(Reason::WrongCode);
    for device in &credential.devices {
        let generator = Generator::new(&device.secret, device.parameters);
        let Some((good, last)) = good_steps(policy, state, device, now) else {
            found = Evaluated::Wrong(Reason::Unsynchronised);
            continue;
        };
        // A counter's codes before the next one are looked at as well, to say that they are used.
        let from = match device.parameters.kind {
            Kind::Totp { .. } => *good.start(),
            Kind::Hotp => good.start().saturating_sub(HOTP_LOOK_AHEAD),
        };
        match generator.latest(from..=*good.end(), code) {
            Some(step) if last.is_none_or(|last| step > last) => {
                state.set_progress(device.id, Some(step));
                return Evaluated::Proven(Factor::Device(device.name.clone()));
            }
            Some(_) => found = Evaluated::Wrong(Reason::UsedCode),
            None => {}
        }
        if matches!(found, Evaluated::Wrong(Reason::WrongCode)) {
            found = match step_nearby(device, &generator, &good, code) {
                Some(step) if step > *good.end() => Evaluated::Early,
                Some(_) => Evaluated::Wrong(Reason::StaleCode),
                None => found,
            };
        }
    }
    found
}

/// The step just outside the window whose code this is.
fn step_nearby(
    device: &Device,
    generator: &Generator,
    good: &RangeInclusive<u64>,
    code: &str,
) -> Option<u64> {
    if device.parameters.kind == Kind::Hotp {
        return None;
    }
    let around = good.start().saturating_sub(STALE_STEPS)..=good.end().saturating_add(STALE_STEPS);
    generator.latest(around, code)
}

/// Looks for the device of two codes in a row, and moves it on behind both.
///
/// For each budget one pair is looked at in as many seconds as a guess costs: a second with one device. Both steps must be unspent, and the second one good now; of
/// a counter it must be one of the next three. Right by luck is one in 10^12 / 3 with six digits and one device.
fn evaluate_pair(
    policy: &Policy,
    credential: &Credential,
    state: &mut State,
    pair: &Pair,
    source: Source,
    now: Timestamp,
) -> Evaluated {
    let cost = guess_cost(policy, credential, pair.codes().0);
    let takes_pair = state.ledger.takes_pair(source, cost, now);
    if takes_pair && let Some(factor) = find_pair(policy, credential, state, pair, now) {
        return Evaluated::Proven(factor);
    }
    if let Some(factor) = pair.as_recovery().and_then(|code| redeem(state, code, now)) {
        return Evaluated::Proven(factor);
    }
    if takes_pair { Evaluated::WrongPair } else { Evaluated::Held(Reason::Throttled, u64::from(cost).max(1)) }
}

fn find_pair(
    policy: &Policy,
    credential: &Credential,
    state: &mut State,
    pair: &Pair,
    now: Timestamp,
) -> Option<Factor> {
    forget_other_devices(credential, state);
    let (first, second) = pair.codes();
    for device in &credential.devices {
        let Some((good, last)) = good_steps(policy, state, device, now) else { continue };
        let seconds = match device.parameters.kind {
            Kind::Totp { .. } => good,
            Kind::Hotp => *good.start()..=good.start().saturating_add(HOTP_PAIR_AHEAD.saturating_sub(1)),
        };
        let generator = Generator::new(&device.secret, device.parameters);
        let is_unspent = |step: u64| last.is_none_or(|last| step > last);
        let mut found = None;
        for step in seconds {
            let Some(before) = step.checked_sub(1) else { continue };
            // Both are always computed: a first code that is right takes no longer than one that is wrong.
            let right = generator.matches(before, first) & generator.matches(step, second);
            if right && is_unspent(before) {
                found = Some(step);
            }
        }
        if let Some(step) = found {
            state.set_progress(device.id, Some(step));
            return Some(Factor::Device(device.name.clone()));
        }
    }
    None
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
