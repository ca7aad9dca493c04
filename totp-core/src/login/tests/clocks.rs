//! Clocks that step back, were a year ahead or meet a leap second.

use super::*;
use crate::recovery::RecoverySet;

#[test]
fn a_clock_that_steps_back_an_hour_opens_no_used_code_and_is_caught_up_with() {
    let mut world = World::new();
    let (set, printed) = RecoverySet::generate(2).unwrap();
    world.state.recovery = set;
    let used = world.code(0);
    assert_eq!(world.reason(&used), None);
    world.now = Timestamp(NOON.0 - 3600);
    assert!(world.reason(&used).is_some());
    let code = world.code(0);
    assert_eq!(world.reason(&code), Some(Reason::UsedCode), "who saw it before the step must not use it now");
    assert_eq!(world.reason(&printed[0]), None, "a recovery code lets its owner in meanwhile");
    world.now = NOON;
    assert_eq!(world.reason(&used), Some(Reason::UsedCode));
    world.now = NOON.plus(30);
    let next = world.code(0);
    assert_eq!(world.reason(&next), None);
}

/// What the clock reads around the leap second of New Year's Eve 2016: where a second is repeated, as Linux
/// does; where one is left out, which could be ordered as well; and where the day is smeared.
fn clocks_with_a_leap_second() -> [(&'static str, Vec<u64>); 3] {
    const MIDNIGHT: u64 = 1_483_228_800;
    let (before, after) = (MIDNIGHT - 5..MIDNIGHT, MIDNIGHT..MIDNIGHT + 65);
    let inserted = before.clone().chain([MIDNIGHT - 1]).chain(after.clone()).collect();
    let deleted = (MIDNIGHT - 5..MIDNIGHT - 1).chain(after.clone()).collect();
    // Smeared, it is half a second behind by then: no second is missing, and one is read more often.
    let smeared = before.chain([MIDNIGHT]).chain(after).collect();
    [("inserted", inserted), ("deleted", deleted), ("smeared", smeared)]
}

#[test]
fn a_leap_second_denies_nobody_and_opens_no_used_code() {
    for (leap, seconds) in clocks_with_a_leap_second() {
        for (at, &second) in seconds.iter().enumerate().take(10) {
            // The phone knows the leap second, or is one second off for not knowing it.
            for phone in [second - 1, second, second + 1] {
                let mut world = World::new();
                world.now = Timestamp(phone);
                let code = world.code(0);
                world.now = Timestamp(second);
                assert_eq!(world.reason(&code), None, "{leap}: second {at}, phone at {phone}");
                // For as long as the window is open.
                for &later in &seconds[at..] {
                    world.now = Timestamp(later);
                    world.state.ledger = crate::throttle::Ledger::default();
                    assert!(world.reason(&code).is_some(), "{leap}: used at second {at}, again at {later}");
                }
            }
        }
    }
}

#[test]
fn a_clock_that_was_a_year_ahead_locks_nobody_out_when_it_is_set_right() {
    let mut world = World::new();
    let (right, used) = (world.code(1), world.code(0));
    assert_eq!(world.reason(&used), None);
    world.now = NOON.plus(365 * 86_400);
    for _ in 0..6 {
        assert!(world.reason(&right).is_some(), "the phone's clock is right");
    }
    world.now = NOON.plus(30);
    assert_eq!(world.reason(&used), Some(Reason::Throttled));
    // What was counted in that year delays for as long as it would have then, and no longer.
    world.now = world.now.plus(world.policy.throttle.max_delay);
    assert_eq!(world.reason(&used), Some(Reason::WrongCode));
    world.now = world.now.plus(world.policy.throttle.max_delay);
    let next = world.code(0);
    assert_eq!(world.reason(&next), None);
}
