//! Which codes count, how often, and what becomes of them where the state was lost.

use super::*;
use crate::credential::{CredentialId, DeviceId, example_device};
use crate::recovery::RecoverySet;

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
        (2, Some(Reason::WrongCode)),
        (11, Some(Reason::WrongCode)),
        (12, Some(Reason::WrongCode)),
    ] {
        let mut world = World::new();
        assert_eq!(world.reason(&world.code(offset)), expected, "{offset}");
    }
}

#[test]
fn a_code_of_a_step_to_come_is_told_as_a_wrong_one_and_kept_as_stale() {
    for (offset, kept) in [(2, Reason::StaleCode), (11, Reason::StaleCode), (12, Reason::WrongCode)] {
        let mut world = World::new();
        let early = refusal(world.tries(&world.code(offset))).unwrap();
        let wrong = refusal(World::new().tries("000000")).unwrap();
        assert_eq!(early, wrong, "{offset}: nothing tells them apart");
        assert_eq!(world.state.refusals.last().map(|refusal| refusal.reason), Some(kept));
    }
}

#[test]
fn a_device_may_have_a_window_and_a_clock_of_its_own() {
    let mut world = World::new();
    world.policy.totp.window = 0;
    assert_eq!(world.reason(&world.code(1)), Some(Reason::WrongCode));
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
fn a_lost_state_opens_no_used_code_again() {
    let mut world = World::new();
    world.state = State::default().belonging_to(world.credential.id);
    for offset in -1..=1 {
        assert_eq!(world.reason(&world.code(offset)), Some(Reason::UsedCode), "{offset}");
    }
    // Only what no clock could have shown before is good.
    world.state.ledger.reset_failures();
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
