//! `judge` by example and by property. Codes are computed by the generator that the RFC tables test.

use super::*;
use crate::clock::KNOWN_FOR;
use crate::credential::example_device;
use crate::credential::tests::example;
use crate::credential::{CredentialId, DeviceId};
use crate::recovery::RecoverySet;
use proptest::prelude::*;
use std::collections::HashSet;

const NOON: Timestamp = Timestamp(1_790_000_010);
const STRANGER: &str = "192.0.2.66";

pub(super) fn code_at(device: &Device, step: u64) -> String {
    Generator::new(&device.secret, device.parameters).code(step)
}

/// One user with one phone: what a login meets.
struct World {
    policy: Policy,
    credential: Credential,
    state: State,
    now: Timestamp,
}

impl World {
    fn new() -> Self {
        let credential = example();
        let mut state = State::afresh(credential.id);
        for device in &credential.devices {
            state.set_progress(device.id, None);
        }
        Self { policy: Policy::default(), credential, state, now: NOON }
    }

    /// The code of the first device, so many steps from now.
    fn code(&self, offset: i64) -> String {
        let device = &self.credential.devices[0];
        code_at(device, device.step_at(self.now).saturating_add_signed(offset))
    }

    fn tries_from(&mut self, from: Source, typed: &str) -> Verdict {
        let answer = Answer::parse(typed.as_bytes());
        let state = self.state.clone();
        let (verdict, next) = judge(&self.policy, &self.credential, state, &answer, from, self.now);
        if verdict.record() == Record::Nothing {
            assert_eq!(next, self.state, "what is not recorded must not have changed");
        }
        self.state = next;
        verdict
    }

    fn tries(&mut self, typed: &str) -> Verdict {
        self.tries_from(Source::Local, typed)
    }

    fn reason(&mut self, typed: &str) -> Option<Reason> {
        refusal(self.tries(typed)).map(|refusal| refusal.reason)
    }
}

pub(super) fn refusal(verdict: Verdict) -> Option<Refusal> {
    match verdict {
        Verdict::Accepted(_) => None,
        Verdict::Refused(refusal) => Some(refusal),
    }
}

fn address(text: &str) -> Source {
    Source::from_remote_host(Some(text))
}

#[test]
fn a_code_of_this_step_is_accepted_and_must_be_durable() {
    let mut world = World::new();
    let verdict = world.tries(&world.code(0));
    assert_eq!(verdict, Verdict::Accepted(Factor::Device(DeviceName::default())));
    assert_eq!(verdict.record(), Record::Durable);
}

#[test]
fn the_same_code_never_works_twice() {
    let mut world = World::new();
    let code = world.code(0);
    assert_eq!(world.reason(&code), None);
    assert_eq!(world.reason(&code), Some(Reason::UsedCode));
    world.now = world.now.plus(30);
    assert_eq!(world.reason(&code), Some(Reason::UsedCode), "still within the window");
}

#[test]
fn a_code_older_than_the_last_accepted_one_counts_as_used() {
    let mut world = World::new();
    assert_eq!(world.reason(&world.code(1)), None);
    assert_eq!(world.reason(&world.code(0)), Some(Reason::UsedCode));
    assert_eq!(world.reason(&world.code(-1)), Some(Reason::UsedCode));
}

#[test]
fn the_window_is_one_step_on_either_side_and_beyond_it_codes_are_stale() {
    for (offset, expected) in [
        (-12, Some(Reason::WrongCode)),
        (-11, Some(Reason::StaleCode)),
        (-2, Some(Reason::StaleCode)),
        (-1, None),
        (0, None),
        (1, None),
        (2, Some(Reason::StaleCode)),
        (11, Some(Reason::StaleCode)),
        (12, Some(Reason::WrongCode)),
    ] {
        let mut world = World::new();
        assert_eq!(world.reason(&world.code(offset)), expected, "{offset}");
    }
}

#[test]
fn a_device_may_have_a_window_and_a_clock_of_its_own() {
    let mut world = World::new();
    world.policy.totp.window = 0;
    assert_eq!(world.reason(&world.code(1)), Some(Reason::StaleCode));
    world.credential.devices[0].window = Some(2);
    assert_eq!(world.reason(&world.code(2)), None);

    let mut world = World::new();
    let late = world.code(-20);
    world.credential.devices[0].clock_offset = -600;
    assert_eq!(world.reason(&late), None);
}

#[test]
fn each_device_has_its_own_last_step() {
    let mut world = World::new();
    let mut tablet = example_device(2, "tablet", Kind::Totp { interval: 60 });
    tablet.parameters.digits = 8;
    let tablet_code = code_at(&tablet, tablet.step_at(NOON));
    world.credential.devices.push(tablet);
    world.state.set_progress(DeviceId(2), None);
    assert_eq!(world.reason(&world.code(1)), None);
    let accepted = world.tries(&tablet_code);
    assert_eq!(accepted, Verdict::Accepted(Factor::Device(DeviceName::new("tablet").unwrap())));
    assert_eq!(world.reason(&tablet_code), Some(Reason::UsedCode));
}

#[test]
fn a_lost_state_opens_no_used_code_again() {
    let mut world = World::new();
    world.state = State::default().belonging_to(world.credential.id);
    for offset in -1..=1 {
        assert_eq!(world.reason(&world.code(offset)), Some(Reason::UsedCode), "{offset}");
    }
    // Only what no clock could have shown before is good.
    world.state.ledger.forgive();
    let later = world.code(2);
    world.now = world.now.plus(60);
    assert_eq!(world.reason(&later), None);
}

#[test]
fn a_state_of_another_credential_is_no_state() {
    let mut state = World::new().state;
    state.recovery = RecoverySet::generate(3).unwrap().0;
    assert_eq!(state.clone().belonging_to(CredentialId([8; 16])), State::afresh(CredentialId([8; 16])));
    assert_eq!(state.clone().belonging_to(state.credential), state);
}

#[test]
fn a_state_full_of_devices_that_are_gone_keeps_nobody_out() {
    let mut world = World::new();
    world.state.progress.clear();
    for gone in 100..109 {
        world.state.set_progress(DeviceId(gone), Some(1));
    }
    assert_eq!(world.reason(&world.code(0)), Some(Reason::UsedCode), "this device's own progress is lost");
    assert!(crate::state::slot::encode(&world.state, 1, true).is_ok());
    world.now = world.now.plus(60);
    assert_eq!(world.reason(&world.code(1)), None);
}

#[test]
fn a_counter_moves_ahead_by_ten_at_most_and_never_back() {
    let mut world = World::new();
    let token = example_device(2, "token", Kind::Hotp);
    let codes: Vec<_> = (0..12).map(|counter| code_at(&token, counter)).collect();
    world.credential.devices = vec![token];
    world.state.set_progress(DeviceId(2), None);
    assert_eq!(world.reason(&codes[10]), Some(Reason::WrongCode));
    assert_eq!(world.reason(&codes[9]), None);
    assert_eq!(world.reason(&codes[9]), Some(Reason::UsedCode));
    assert_eq!(world.reason(&codes[3]), Some(Reason::UsedCode));
    assert_eq!(world.reason(&codes[11]), None);
}

#[test]
fn a_counter_that_was_lost_is_refused() {
    let mut world = World::new();
    let token = example_device(2, "token", Kind::Hotp);
    let code = code_at(&token, 5);
    world.credential.devices = vec![token];
    world.state = State::afresh(world.credential.id);
    assert_eq!(world.reason(&code), Some(Reason::Unsynchronised));
}

#[test]
fn a_recovery_code_works_once_and_is_durable() {
    let mut world = World::new();
    let (set, printed) = RecoverySet::generate(2).unwrap();
    world.state.recovery = set;
    let verdict = world.tries(&printed[0].to_lowercase());
    assert_eq!(verdict, Verdict::Accepted(Factor::RecoveryCode { left: 1 }));
    assert_eq!(verdict.record(), Record::Durable);
    assert_eq!(world.reason(&printed[0]), Some(Reason::WrongRecoveryCode));
}

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

#[test]
fn odd_answers_are_refused_uncounted() {
    let mut world = World::new();
    let long = "1".repeat(5000);
    for (typed, reason) in [
        ("", Reason::NoAnswer),
        ("   ", Reason::NoAnswer),
        ("hunter2", Reason::Malformed),
        ("12345", Reason::Malformed),
        (long.as_str(), Reason::Malformed),
        ("%n%s%x", Reason::Malformed),
    ] {
        let found = refusal(world.tries(typed)).unwrap();
        assert_eq!((found.reason, found.recorded), (reason, false), "{typed:.20}");
    }
    assert_eq!(world.state.ledger.failures(Source::Local), 0);
}

#[test]
fn every_guess_that_is_evaluated_is_counted_and_kept() {
    let mut world = World::new();
    for (number, typed) in ["000000", "00000000", "AAAABBBBCCCCDDDD"].into_iter().enumerate() {
        let verdict = world.tries(typed);
        assert_eq!(verdict.record(), Record::Written);
        assert_eq!(world.state.ledger.failures(Source::Local), number as u32 + 1);
    }
    let reasons: Vec<_> = world.state.refusals.iter().map(|refusal| refusal.reason).collect();
    assert_eq!(reasons, [Reason::WrongCode, Reason::WrongCode, Reason::WrongRecoveryCode]);
}

#[test]
fn while_throttled_a_right_code_is_not_evaluated_and_nothing_is_counted() {
    let mut world = World::new();
    for _ in 0..4 {
        world.tries("000000");
    }
    let code = world.code(0);
    let before = world.state.clone();
    let found = refusal(world.tries(&code)).unwrap();
    assert_eq!((found.reason, found.wait, found.recorded), (Reason::Throttled, 5, false));
    assert_eq!(world.state, before);
    world.now = world.now.plus(5);
    assert_eq!(world.reason(&code), None, "the code was not spent by trying it too early");
}

#[test]
fn a_recovery_code_is_never_refused_for_throttling() {
    let mut world = World::new();
    let (set, printed) = RecoverySet::generate(2).unwrap();
    world.state.recovery = set;
    world.policy.throttle.ceiling = 4;
    for _ in 0..4 {
        world.tries_from(address(STRANGER), "000000");
    }
    let refused = refusal(world.tries_from(address(STRANGER), "000000")).unwrap();
    assert_eq!(refused.reason, Reason::Ceiling);
    let verdict = world.tries_from(address(STRANGER), &printed[0]);
    assert_eq!(verdict, Verdict::Accepted(Factor::RecoveryCode { left: 1 }));
}

#[test]
fn strangers_at_the_ceiling_do_not_keep_a_known_address_out() {
    let mut world = World::new();
    let home = address("198.51.100.7");
    assert!(refusal(world.tries_from(home, &world.code(0))).is_none());
    for number in 0..150 {
        world.tries_from(address(&format!("203.0.113.{}", number % 250)), "000000");
    }
    let refused = refusal(world.tries_from(address(STRANGER), "000000")).unwrap();
    assert_eq!(refused.reason, Reason::Ceiling);
    assert!(refusal(world.tries_from(home, &world.code(1))).is_none());
    assert_eq!(world.state.ledger.in_a_row, 0);
}

#[test]
fn why_is_told_to_local_logins_and_known_addresses_only() {
    let mut world = World::new();
    let home = address("198.51.100.7");
    world.tries_from(home, &world.code(0));
    let tells = |world: &mut World, from| refusal(world.tries_from(from, "000000")).unwrap().may_tell;
    assert!(tells(&mut world, Source::Local));
    assert!(tells(&mut world, home));
    assert!(!tells(&mut world, address(STRANGER)));
    assert!(!tells(&mut world, Source::Named));
    world.now = world.now.plus(KNOWN_FOR);
    assert!(!tells(&mut world, home));
}

#[test]
fn a_remembered_host_is_the_exact_address_for_the_stated_time() {
    let mut world = World::new();
    let home = address("2001:db8::7");
    world.policy.remember_hosts_for = 3600;
    world.tries_from(home, &world.code(0));
    let remembered = |world: &World, from, now| is_remembered(&world.policy, &world.state, from, now);
    assert!(remembered(&world, home, NOON.plus(3599)));
    assert!(!remembered(&world, home, NOON.plus(3600)));
    assert!(!remembered(&world, home, Timestamp(NOON.0 - 1)), "the clock stepped back");
    assert!(!remembered(&world, address("2001:db8::8"), NOON));
    assert!(!remembered(&world, Source::Local, NOON));
    world.policy.remember_hosts_for = 0;
    assert!(!remembered(&world, home, NOON));
}

#[test]
fn no_host_is_remembered_by_a_policy_that_always_asks() {
    let mut world = World::new();
    world.tries_from(address(STRANGER), &world.code(0));
    assert!(world.state.hosts.is_empty());
}

#[test]
fn the_first_code_of_a_device_proves_it() {
    let world = World::new();
    let device = &world.credential.devices[0];
    let present = device.step_at(NOON);
    let prove = |typed: &str| prove(&world.policy, device, &Answer::parse(typed.as_bytes()), NOON);
    for offset in -1..=1 {
        assert_eq!(prove(&world.code(offset)), Some(present.saturating_add_signed(offset)));
    }
    assert_eq!(prove(&world.code(2)), None);
    assert_eq!(prove(""), None);
}

#[test]
fn every_reason_has_a_word_and_a_number_of_its_own() {
    let words: HashSet<_> = Reason::ALL.iter().map(|(_, word, _)| word).collect();
    let numbers: HashSet<_> = Reason::ALL.iter().map(|(number, _, _)| number).collect();
    assert_eq!((words.len(), numbers.len()), (Reason::ALL.len(), Reason::ALL.len()));
    for (number, word, reason) in Reason::ALL {
        assert_eq!((reason.number(), reason.as_str()), (number, word));
        assert_eq!(Reason::from_number(number), Some(reason));
    }
    assert_eq!(Reason::from_number(0), None);
}

/// Any answers, from anywhere, while the clock goes on or steps back.
fn attempts() -> impl Strategy<Value = Vec<(i64, usize, i64)>> {
    prop::collection::vec((-14i64..14, 0usize..4, -90i64..200), 1..40)
}

proptest! {
    #[test]
    fn no_step_is_ever_accepted_twice(attempts in attempts()) {
        let mut world = World::new();
        let sources = [Source::Local, Source::Named, Source::Helper, address(STRANGER)];
        let mut accepted = HashSet::new();
        let mut last = 0;
        for (offset, from, passes) in attempts {
            world.now = Timestamp(world.now.0.saturating_add_signed(passes));
            let code = world.code(offset);
            if refusal(world.tries_from(sources[from], &code)).is_none() {
                let recorded = world.state.progress_of(world.credential.devices[0].id).unwrap().last.unwrap();
                prop_assert!(accepted.insert(recorded), "step {} twice", recorded);
                prop_assert!(recorded > last);
                last = recorded;
            }
        }
    }

    #[test]
    fn any_answer_gets_a_verdict_and_a_state_that_fits(typed in prop::collection::vec(any::<u8>(), 0..40), now in any::<u64>()) {
        let mut world = World::new();
        world.now = Timestamp(now);
        let answer = Answer::parse(&typed);
        let (_, next) = judge(&world.policy, &world.credential, world.state.clone(), &answer, Source::Local, world.now);
        prop_assert!(crate::state::slot::encode(&next, 1, true).is_ok());
    }
}
