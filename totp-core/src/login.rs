//! May this login pass? The decision, as a pure function of values.
//!
//! Nothing here reads a file, a clock or a terminal. Whoever calls [`judge`] holds the user's lock, and
//! records the state it returns as the verdict [asks for](Verdict::record) before anybody learns of it. Users
//! who are not set up are judged in [`newcomer`].

mod evaluate;
pub mod newcomer;
mod verdict;

pub use evaluate::{dearest_guess, guess_cost};
pub use verdict::{Factor, Reason, Record, Refusal, Verdict};

use crate::answer::Answer;
use crate::clock::Timestamp;
use crate::credential::{Credential, Device};
use crate::otp::{Generator, HOTP_LOOK_AHEAD, Kind};
use crate::policy::Policy;
use crate::source::Source;
use crate::state::{PastRefusal, State};
use crate::throttle::ThrottleState;
use evaluate::{Evaluated, evaluate, evaluate_pair, redeem};

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
