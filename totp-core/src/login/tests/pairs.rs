//! Two codes in a row, where a single one is not looked at any more.

use super::*;
use crate::credential::{DeviceId, example_device};
use crate::recovery::RecoverySet;

fn home() -> Source {
    address("198.51.100.7")
}

impl World {
    /// Two codes of the first device, the second one so many steps from now.
    fn pair(&self, second: i64) -> String {
        format!("{} {}", self.code(second - 1), self.code(second))
    }

    /// Uses up every budget, from where each of them is drawn on.
    fn is_attacked(&mut self) {
        assert!(refusal(self.tries_from(home(), &self.code(-1))).is_none());
        self.policy.throttle.free_failures = 1000;
        for from in [home(), Source::Local, address(STRANGER)] {
            while refusal(self.tries_from(from, "000000")).unwrap().counted {}
        }
    }

    fn reason_from(&mut self, from: Source, typed: &str) -> Option<Reason> {
        refusal(self.tries_from(from, typed)).map(|refusal| refusal.reason)
    }
}

#[test]
fn where_a_budget_is_used_up_two_codes_in_a_row_pass_and_one_is_not_looked_at() {
    for from in [home(), Source::Local, Source::Helper, address(STRANGER), Source::Named] {
        let mut world = World::new();
        world.is_attacked();
        let code = world.code(0);
        assert_eq!(world.reason_from(from, &code), Some(Reason::Exhausted), "{from}");
        let pair = world.pair(1);
        let verdict = world.tries_from(from, &pair);
        assert_eq!(verdict, Verdict::Accepted(Factor::Device(DeviceName::default())), "{from}");
        assert_eq!(verdict.record(), Record::Durable);
    }
}

#[test]
fn they_pass_where_nothing_is_used_up_and_where_a_source_waits() {
    let mut world = World::new();
    for _ in 0..6 {
        world.tries("000000");
    }
    assert_eq!(world.reason(&world.code(0)), Some(Reason::Throttled));
    assert_eq!(world.reason(&world.pair(0)), None);
}

#[test]
fn both_are_spent() {
    let mut world = World::new();
    let (first, second, pair) = (world.code(0), world.code(1), world.pair(1));
    assert_eq!(world.reason(&pair), None);
    assert_eq!(world.reason(&first), Some(Reason::UsedCode));
    assert_eq!(world.reason(&second), Some(Reason::UsedCode));
    world.now = world.now.plus(2);
    assert_eq!(world.reason(&pair), Some(Reason::WrongCode));
}

#[test]
fn the_second_must_be_good_now_and_the_first_unspent() {
    for (second, passes) in [(-2, false), (-1, true), (0, true), (1, true), (2, false)] {
        let mut world = World::new();
        assert_eq!(world.reason(&world.pair(second)).is_none(), passes, "{second}");
    }
    let mut world = World::new();
    assert_eq!(world.reason(&world.code(0)), None);
    assert_eq!(world.reason(&world.pair(1)), Some(Reason::WrongCode), "the first was used");
}

#[test]
fn they_must_stand_in_their_order_and_be_of_one_device() {
    let mut world = World::new();
    let secret = crate::secret::Secret::from_base32("JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP").unwrap();
    let tablet = Device { secret, ..example_device(2, "tablet", Kind::Totp { interval: 30 }) };
    let other = code_at(&tablet, tablet.step_at(NOON).saturating_add(1));
    world.credential.devices.push(tablet);
    world.state.set_progress(DeviceId(2), None);
    let [before, now, next] = [-1, 0, 1].map(|offset| world.code(offset));
    for wrong in [[&next, &now], [&now, &now], [&before, &next], [&now, &other], [&other, &now]] {
        world.now = world.now.plus(2);
        let typed = format!("{} {}", wrong[0], wrong[1]);
        assert_eq!(world.reason(&typed), Some(Reason::WrongCode), "{typed}");
    }
    world.now = world.now.plus(2);
    assert_eq!(world.reason(&format!("{now}{next}")), None);
}

#[test]
fn half_a_pair_is_told_counted_and_kept_as_any_wrong_one() {
    let right = World::new();
    let halves = [format!("{} 000000", right.code(0)), format!("000000 {}", right.code(0))];
    let mut wrong = World::new();
    let expected = wrong.tries_from(address(STRANGER), "000000 000000");
    for half in halves {
        let mut world = World::new();
        assert_eq!(world.tries_from(address(STRANGER), &half), expected);
        assert_eq!(world.state, wrong.state, "nothing is spent by it");
    }
}

#[test]
fn one_pair_a_second_is_looked_at_for_each_budget() {
    let mut world = World::new();
    world.is_attacked();
    let wrong = "000000 000000";
    assert_eq!(world.reason_from(address(STRANGER), wrong), Some(Reason::WrongCode));
    let right = world.pair(1);
    let held = refusal(world.tries_from(address("203.0.113.1"), &right)).unwrap();
    assert_eq!((held.reason, held.wait, held.counted), (Reason::Throttled, 1, false));
    assert_eq!(world.reason_from(Source::Local, wrong), Some(Reason::WrongCode), "another budget");
    world.now = world.now.plus(1);
    assert_eq!(world.reason_from(address(STRANGER), &right), None);
}

#[test]
fn a_wrong_pair_makes_nobody_wait_and_costs_nothing() {
    let mut world = World::new();
    for _ in 0..50 {
        world.now = world.now.plus(1);
        assert_eq!(world.reason("000000 000000"), Some(Reason::WrongCode));
    }
    assert_eq!(world.state.refused_since.map(|since| since.count), Some(50));
    assert_eq!(world.reason(&world.code(0)), None);
}

/// Else one typed behind the password would end the delay before the code at the prompt.
#[test]
fn a_wrong_pair_is_no_failure_after_which_a_second_try_is_judged_at_once() {
    let mut world = World::new();
    let refused = refusal(world.tries("000000 000000")).unwrap();
    assert_eq!((refused.counted, refused.recorded), (false, true));
}

#[test]
fn of_a_counter_the_second_is_one_of_the_next_three() {
    let token = example_device(2, "token", Kind::Hotp);
    let pair = |second: u64| format!("{} {}", code_at(&token, second - 1), code_at(&token, second));
    for (second, passes) in [(5, false), (6, true), (7, true), (8, false)] {
        let mut world = World::new();
        world.credential.devices = vec![example_device(2, "token", Kind::Hotp)];
        world.state.set_progress(DeviceId(2), Some(4));
        assert_eq!(world.reason(&pair(second)).is_none(), passes, "{second}");
        let expected = if passes { second } else { 4 };
        assert_eq!(world.state.progress_of(DeviceId(2)).unwrap().last, Some(expected));
    }
}

#[test]
fn a_lost_state_takes_no_pair_that_may_have_been_used() {
    let mut world = World::new();
    world.state = State::afresh(world.credential.id);
    for second in -1..=1 {
        world.now = world.now.plus(1);
        assert_eq!(world.reason(&world.pair(second)), Some(Reason::WrongCode));
    }
}

#[test]
fn a_recovery_code_of_digits_is_taken_whatever_was_typed_before() {
    let mut world = World::new();
    let typed = "2345672223456722";
    let (mut set, _) = RecoverySet::generate(1).unwrap();
    set.hashes = vec![crate::recovery::hash(&set.salt, typed)];
    world.state.recovery = set;
    // The pair of this second is gone.
    assert_eq!(world.reason("0000000000000000"), Some(Reason::WrongCode));
    assert_eq!(world.tries("2345-6722-2345-6722"), Verdict::Accepted(Factor::RecoveryCode { left: 0 }));
}
