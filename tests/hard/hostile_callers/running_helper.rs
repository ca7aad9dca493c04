//! What a caller does to a helper that runs: signals at any moment, priorities, ptrace. What a control group does
//! to it is in control_groups.rs.

use super::ending::beyond_limits;
use super::{AS_ALICE, CALLER, House, MOST_TIMES, REQUEST, house};
use host::{HELPER, skip};

const STOPPED_AT_TERMINAL: u32 = 20;

#[test]
fn a_signal_at_any_moment_hides_no_guess_and_tears_no_record() {
    let mut house = house();
    let (mut judged, mut ended) = (0, 0);
    let usual = house.usual_time(&AS_ALICE, "timed");
    for signal in [1, 2, 3, 9, 10, 11, 13, 14, 15, STOPPED_AT_TERMINAL, 24, 25] {
        for delay in (0..16).map(|part| usual * part / 16) {
            if house.guesses(&format!("signal={signal}:{delay}")) {
                judged += 1;
            } else {
                assert_ne!(signal, STOPPED_AT_TERMINAL, "it goes on after that");
                ended += 1;
            }
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
        let before = house.state();
        let when = format!("{delay} us after the start");
        let mut call = house.takes_part(&AS_ALICE, &format!("stop={delay}"));
        if call.waits() == "stopped" {
            stopped += 1;
            assert!(!house.is_locked(), "it was stopped under its lock, {when}");
            assert_eq!(beyond_limits(&house.host), 0, "it counts against no limit of hers, {when}");
        } else {
            // Nothing stops it then, and its answer is not taken yet.
            house.lock_is_soon_let_go(&when);
        }
        let said = call.goes_on();
        assert!(house.judged_and_counted_since(&before, &said, &when), "no verdict, {when}: {said}");
        house.is_no_secret_in(&said);
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
    let setting = std::fs::read_to_string("/proc/sys/fs/suid_dumpable").expect("the kernel has this setting");
    if setting.trim() != "0" {
        return skip("cores of the helper", "this machine makes them of set-user-ID programs, for root");
    }
    // Otherwise a missing core means nothing.
    if !crashes(&house, "/usr/bin/yes", 3, 0).contains("ended=signal:3 core=1") {
        return skip("cores of the helper", "this machine makes none of any program");
    }
    // The same program without its privilege shows that the moments are those that matter.
    let plain = "/tmp/plain-helper";
    house.host.must_run(&["sh", "-c", &format!("cp {HELPER} {plain} && chmod 755 {plain}")]);
    let (mut ended, mut cores) = (0, 0);
    for _ in 0..MOST_TIMES {
        for delay in (0..400).step_by(25) {
            for signal in [3, 6, 11] {
                let said = crashes(&house, HELPER, signal, delay);
                assert!(said.contains("was=totp-helper\n") && said.contains("core=0"), "{said}");
                ended += i32::from(said.contains("ended=signal"));
                cores += i32::from(crashes(&house, plain, signal, delay).contains("core=1"));
            }
        }
        if ended > 0 && cores > 0 {
            break;
        }
    }
    eprintln!("{ended} helpers were ended, and {cores} without their privilege left a core");
    assert!(ended > 0 && cores > 0, "no moment was early enough: {ended} {cores}");
}

/// What is said of a program that gets a signal, microseconds after it has become itself.
fn crashes(house: &House, program: &str, signal: u32, delay: u32) -> String {
    let trick = format!("core-signal={signal}:{delay}");
    let outcome = house.host.run_as("alice", &[CALLER, &trick, program, REQUEST]);
    assert_eq!(outcome.status, 0, "{trick}: {outcome:?}");
    house.tells_no_secret(&outcome);
    outcome.stdout
}
