//! Brings a device and this host together again: a token whose counter ran ahead or was lost, or a clock
//! that is wrong and stays so.
//!
//! Two codes in a row are asked for (RFC 4226 7.4), which no guess hits over the range that is searched.

use super::super::{Context, Failure, devices, with_held_log};
use crate::answer::Answer;
use crate::clock::Timestamp;
use crate::credential::{Device, DeviceName};
use crate::login::Record;
use crate::otp::{Generator, Kind};

/// How far a counter may have run ahead of the last one accepted, or of zero where that was lost.
const COUNTER_REACH: u64 = 100_000;
/// Seconds that a clock may be wrong by, the range of a device's `clock_offset`.
const CLOCK_REACH: u64 = 86_400;

/// What was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resynced {
    /// The counter that comes next.
    Counter(u64),
    /// Seconds that the clock of the device is ahead of this host's, in whole steps.
    ClockOffset(i32),
}

/// Finds where a device stands from two codes in a row, and spends both.
///
/// # Errors
/// [`Failure::NotConfigured`]; [`Failure::Impossible`] where the codes are not two in a row of this device
/// within reach.
pub fn resync(
    context: &Context<'_>,
    device: Option<&DeviceName>,
    first: &str,
    second: &str,
) -> Result<Resynced, Failure> {
    with_held_log(context, |context| resync_now(context, device, first, second))
}

fn resync_now(
    context: &Context<'_>,
    device: Option<&DeviceName>,
    first: &str,
    second: &str,
) -> Result<Resynced, Failure> {
    let (mut user, mut credential) = context.locked_with_credential()?;
    let name = devices::chosen(&credential, device)?.name.clone();
    let mut state = user.state_of(credential.id)?;
    let chosen = credential.devices.iter_mut().find(|device| device.name == name);
    let chosen = chosen.ok_or(Failure::NotConfigured)?;
    let last = state.progress_of(chosen.id).and_then(|progress| progress.last);
    let not_found = || {
        Failure::Impossible(format!(
            "these are not two codes in a row of the device \"{name}\" within reach; nothing was changed; take two that follow each other at once"
        ))
    };
    let (step, resynced) = place(chosen, last, first, second, context.now).ok_or_else(not_found)?;
    // Nothing that was ever accepted is accepted again.
    let spent = last.map_or(step, |last| last.max(step));
    state.set_progress(chosen.id, Some(spent));
    if let Resynced::ClockOffset(offset) = resynced {
        chosen.clock_offset = offset;
    }
    user.record(&state, Record::Durable)?;
    if let Resynced::ClockOffset(_) = resynced {
        user.write_credential(&credential)?;
    }
    context.log_change("resync", |event| match resynced {
        Resynced::Counter(_) => event.with("device", &name),
        Resynced::ClockOffset(offset) => event.with("device", &name).with("clock_offset", &offset),
    });
    Ok(resynced)
}

/// The step of the second code, and what it says of the device.
fn place(
    device: &Device,
    last: Option<u64>,
    first: &str,
    second: &str,
    now: Timestamp,
) -> Option<(u64, Resynced)> {
    let (Answer::Code(first), Answer::Code(second)) =
        (Answer::parse(first.as_bytes()), Answer::parse(second.as_bytes()))
    else {
        return None;
    };
    let generator = Generator::new(&device.secret, device.parameters);
    let follows = |step: &u64| generator.matches(step.saturating_add(1), &second);
    match device.parameters.kind {
        Kind::Hotp => {
            let lowest = last.map_or(0, |last| last.saturating_add(1));
            let step = generator
                .matching(lowest..=lowest.saturating_add(COUNTER_REACH), &first)
                .find(follows)?
                .saturating_add(1);
            Some((step, Resynced::Counter(step.saturating_add(1))))
        }
        Kind::Totp { interval } => {
            let present = crate::otp::step_at(now, interval);
            let reach = CLOCK_REACH.checked_div(u64::from(interval)).unwrap_or(0).saturating_sub(1);
            let range = present.saturating_sub(reach)..=present.saturating_add(reach);
            // The code just typed is that of the present step by the clock of the device.
            let nearest = generator
                .matching(range, &first)
                .filter(follows)
                .map(|step| step.saturating_add(1))
                .min_by_key(|step| step.abs_diff(present))?;
            let steps = i64::try_from(nearest).ok()?.checked_sub(i64::try_from(present).ok()?)?;
            let offset = i32::try_from(steps.checked_mul(i64::from(interval))?).ok()?;
            Some((nearest, Resynced::ClockOffset(offset)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::credential::example_device;

    const NOON: Timestamp = Timestamp(1_790_000_010);

    fn code(device: &Device, step: u64) -> String {
        Generator::new(&device.secret, device.parameters).code(step)
    }

    #[test]
    fn a_counter_that_ran_ahead_is_found_and_one_behind_is_not() {
        let device = example_device(1, "token", Kind::Hotp);
        let found = place(&device, Some(5), &code(&device, 5000), &code(&device, 5001), NOON);
        assert_eq!(found, Some((5001, Resynced::Counter(5002))));
        let lost = place(&device, None, &code(&device, 700), &code(&device, 701), NOON);
        assert_eq!(lost, Some((701, Resynced::Counter(702))));
        assert_eq!(place(&device, Some(900), &code(&device, 700), &code(&device, 701), NOON), None);
        assert_eq!(place(&device, Some(5), &code(&device, 700), &code(&device, 702), NOON), None);
        assert_eq!(place(&device, Some(5), &code(&device, 701), &code(&device, 700), NOON), None);
    }

    #[test]
    fn a_clock_that_is_wrong_is_learnt() {
        let device = example_device(1, "phone", Kind::Totp { interval: 30 });
        let present = crate::otp::step_at(NOON, 30);
        for (steps, offset) in [(0, 0), (40, 1200), (-40, -1200), (2000, 60_000)] {
            let there = present.saturating_add_signed(steps);
            let found = place(&device, None, &code(&device, there - 1), &code(&device, there), NOON);
            assert_eq!(found, Some((there, Resynced::ClockOffset(offset))), "{steps}");
            let mut learnt = example_device(1, "phone", Kind::Totp { interval: 30 });
            learnt.clock_offset = offset;
            assert_eq!(learnt.step_at(NOON), there);
        }
        let far = present + 3000;
        assert_eq!(place(&device, None, &code(&device, far), &code(&device, far + 1), NOON), None);
    }

    #[test]
    fn what_is_no_code_finds_nothing() {
        let device = example_device(1, "phone", Kind::Totp { interval: 30 });
        for typed in ["", "12345", "AAAA-BBBB-CCCC-DDDD", "hunter2"] {
            assert_eq!(place(&device, None, typed, typed, NOON), None);
        }
    }
}
