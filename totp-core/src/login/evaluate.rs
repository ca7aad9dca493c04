//! What an answer turns out to be: which device and step its codes are of, or which code on paper it is.

use super::{Factor, Reason};
use crate::answer::Pair;
use crate::clock::Timestamp;
use crate::credential::{Credential, Device};
use crate::otp::{Generator, HOTP_LOOK_AHEAD, Kind};
use crate::policy::Policy;
use crate::source::Source;
use crate::state::State;
use crate::throttle::cost_of_guess;
use std::ops::RangeInclusive;

/// How many counters ahead the second of two codes in a row may be.
pub(super) const HOTP_PAIR_AHEAD: u64 = 3;
/// How many steps beyond the window a code is still called stale rather than wrong.
const STALE_STEPS: u64 = 10;

/// What an answer turned out to be.
pub(super) enum Evaluated {
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
pub(super) fn redeem(state: &mut State, code: &str, now: Timestamp) -> Option<Factor> {
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
pub(super) fn good_steps(
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
pub(super) fn evaluate(
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
pub(super) fn evaluate_pair(
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
