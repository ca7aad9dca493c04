//! What a caller does to a helper that runs: signals at any moment, priorities, ptrace. What a control group does
//! to it is in control_groups.rs.

use super::{AS_ALICE, house};

#[test]
fn a_signal_at_any_moment_hides_no_guess_and_tears_no_record() {
    let mut house = house();
    let (mut judged, mut ended) = (0, 0);
    for signal in [2, 3, 9, 11, 14, 15, 25] {
        for delay in (0..2400).step_by(120) {
            if house.guesses(&format!("signal={signal}:{delay}")) { judged += 1 } else { ended += 1 }
        }
    }
    eprintln!("{judged} guesses were judged, {ended} calls were ended before");
    assert!(judged > 0 && ended > 0, "the moments were not those that matter: {judged} {ended}");
    house.is_whole();
}

#[test]
fn a_helper_that_its_caller_stops_holds_no_lock() {
    let mut house = house();
    let mut stopped = 0;
    for delay in (0..3000).step_by(40) {
        let mut call = house.takes_part(&AS_ALICE, &format!("stop={delay}"));
        if call.waits() == "stopped" {
            stopped += 1;
            assert!(!house.is_locked(), "it was stopped under its lock, {delay} us after its start");
        }
        call.goes_on();
    }
    eprintln!("stopped {stopped} times");
    assert!(stopped > 0, "no moment was early enough");
    house.is_whole();
}

#[test]
fn nobody_lowers_the_priority_that_the_helper_works_with() {
    let house = house();
    for _ in 0..200 {
        let outcome = house.calls("reniced");
        assert!(outcome.stdout.contains("nice=0 class=0 disk=0\n"), "{outcome:?}");
    }
}

#[test]
fn nobody_reaches_a_helper_that_runs() {
    let house = house();
    let outcome = house.calls("reached-for");
    assert!(!outcome.stdout.contains("reached="), "{outcome:?}");
    assert!(outcome.stdout.contains("wrong-code"), "{outcome:?}");
}

#[test]
fn a_helper_that_is_made_to_crash_leaves_no_core() {
    let house = house();
    let mut ended = 0;
    for delay in (0..1600).step_by(100) {
        for signal in [3, 6, 11] {
            let outcome = house.calls(&format!("signal={signal}:{delay}"));
            ended += i32::from(outcome.stdout.contains("ended=signal"));
            // As soon as it is the helper; before, it is the caller's own program.
            assert!(outcome.stdout.contains("core=0"), "{outcome:?}");
        }
    }
    assert!(ended > 0, "no moment was early enough");
}
