//! Each system call of a login fails once, or the process is killed there; of a set-up and a revoke in set_ups.rs,
//! of a renewal in renewals.rs. Nothing is lost, nobody gets in, and the next login works.

#![forbid(unsafe_code)]

#[path = "every_fault/renewals.rs"]
mod renewals;
#[path = "every_fault/set_ups.rs"]
mod set_ups;
mod strace;
mod subject;
mod version2;

use host::{HELPER, Host, Outcome, Phone, STORE};
use renewals::{begin, confirm};
use set_ups::phone_in;
use strace::{Fault, Tracer};
use subject::{
    AUTH_ERR, ENROL, ENROL_AT_LOGIN, ONE_FAILURE, REVOKE, SUCCESS, Subject, UNTHROTTLED, codes_of, login,
    login_words, phone_on_file, request, short_writes, value,
};

/// What stands in the log once libpam has the module.
const MODULE: &str = "pam_totp.so";
const POLICY: &str = "/etc/pam_totp/policy.toml";
/// What the helper does first; before that it is the loader and the standard library that may fail.
const FIRST_OF_HELPER: &str = "close_range";

fn insist(holds: bool, otherwise: &str) -> Result<(), String> {
    if holds { Ok(()) } else { Err(otherwise.to_owned()) }
}

/// After a login with the second code that met a fault: the credential stands, what was accepted is refused,
/// and the next code logs in.
fn nothing_was_lost(subject: &Subject, accepted: bool) -> Result<(), String> {
    let Subject { host, codes, .. } = subject;
    insist(subject.credential_stands(), "the credential was changed")?;
    insist(login(host, &codes[0]) == AUTH_ERR, "a code accepted long ago was not refused")?;
    if accepted {
        insist(login(host, &codes[1]) == AUTH_ERR, "the accepted code was not refused")?;
    }
    insist(login(host, &codes[2]) == SUCCESS, "the next code does not log in")
}

#[test]
fn a_right_code_is_accepted_once_or_not_at_all() {
    let subject = Subject::new(UNTHROTTLED);
    let words = login_words(&subject.codes[1]);
    let tracer = Tracer::from(MODULE);
    let calls = tracer.calls(&subject.host, &words, SUCCESS);
    tracer.each_fault(
        &subject.host,
        &words,
        &calls,
        || subject.put_back(),
        |_, outcome| nothing_was_lost(&subject, outcome.stdout.contains("verdict 0\n")),
    );
}

#[test]
fn a_right_code_is_accepted_once_or_not_at_all_while_a_state_of_version_2_is_converted() {
    let mut subject = Subject::new(UNTHROTTLED);
    let state = subject.files.get_mut("alice.state").expect("alice has a state");
    *state = version2::as_version_2(state);
    subject.put_back();
    let words = login_words(&subject.codes[1]);
    let tracer = Tracer::from("alice.state");
    let calls = tracer.calls(&subject.host, &words, SUCCESS);
    assert!(
        calls.iter().filter(|call| call.name == "fdatasync").count() >= 2,
        "both slots are synced: {calls:?}"
    );
    tracer.each_fault(
        &subject.host,
        &words,
        &calls,
        || subject.put_back(),
        |_, outcome| {
            nothing_was_lost(&subject, outcome.stdout.contains("verdict 0\n"))?;
            let left = subject::status(&subject.host)["recovery_codes_left"].clone();
            insist(left == subject::RECOVERY_CODES, "recovery codes are lost")
        },
    );
}

/// Runs a program that can write no longer pieces than these to a file, and sees that some were cut.
fn cut_short(host: &Host, longest: usize, words: &[&str], input: &str) -> Outcome {
    let short = short_writes(host, longest);
    let short: Vec<&str> = short.iter().map(String::as_str).collect();
    let strace = ["strace", "-f", "-y", "-o", strace::LOG, "-e", "trace=write,pwrite64"];
    let outcome = host.run_with_input("root", &[&strace, &short[..], words].concat(), input);
    let log = strace::log(host);
    let cut = log.lines().any(|line| line.contains(STORE) && line.ends_with(&format!(" = {longest}")));
    assert!(cut, "{words:?}: nothing was cut short: {log}");
    outcome
}

#[test]
fn writes_that_are_cut_short_are_finished() {
    let subject = Subject::new(UNTHROTTLED);
    let Subject { host, codes, wrong, .. } = &subject;
    for longest in [1, 7, 1000] {
        let run = |words: &[&str], input: &str| cut_short(host, longest, words, input);
        subject.put_back();
        let tried = run(&login_words(&codes[1]), "");
        assert_eq!(tried.status, SUCCESS, "{longest}: {tried:?}");
        assert_eq!(nothing_was_lost(&subject, true), Ok(()), "{longest}");
        let refused = run(&login_words(wrong), "");
        assert_eq!(refused.status, AUTH_ERR, "{longest}: {refused:?}");
        let kept = host.must_run(&["totp-enroll", "admin", "why", "alice", "--json"]);
        assert!(kept.contains("wrong-code"), "{longest}: the refusal was not kept: {kept}");
        let begun = run(&[HELPER], &begin(&codes[3]));
        let new = codes_of(&Phone::scan(value(&begun.stdout, "uri")));
        run(&[HELPER], &confirm(value(&begun.stdout, "nonce"), &new[0]));
        assert_eq!(login(host, &codes[4]), AUTH_ERR, "{longest}: the old phone still logs in");
        assert_eq!(login(host, &new[1]), SUCCESS, "{longest}: the new phone does not log in");
        host.must_run(&REVOKE);
        let again = run(&ENROL, "");
        assert_eq!(again.status, 0, "{longest}: {again:?}");
        assert_eq!(login(host, &codes_of(&phone_in(&again))[0]), SUCCESS, "{longest}");
        host.must_run(&REVOKE);
        let at_login = run(&ENROL_AT_LOGIN, "");
        assert_eq!(at_login.status, SUCCESS, "{longest}: {at_login:?}");
        assert_eq!(login(host, &phone_on_file(host).code_at(1)), SUCCESS, "{longest}");
    }
}

#[test]
fn a_login_killed_between_two_pieces_of_a_write_loses_nothing() {
    let subject = Subject::new(UNTHROTTLED);
    let Subject { host, codes, .. } = &subject;
    for longest in [400, 1024, 4000] {
        let short = short_writes(host, longest);
        let short: Vec<&str> = short.iter().map(String::as_str).collect();
        let tracer = Tracer { options: &short, ..Tracer::from("pwrite64") };
        let words = login_words(&codes[1]);
        subject.put_back();
        let mut calls = tracer.calls(host, &words, SUCCESS);
        calls.retain(|call| call.name == "pwrite64");
        assert!(calls.len() >= 3, "the writes were not cut short: {calls:?}");
        for call in calls {
            subject.put_back();
            let outcome = tracer.run_with(host, &call, Fault::Kill, &words);
            assert!(outcome.is_some(), "{longest}: {call:?} was never made");
            assert_eq!(nothing_was_lost(&subject, false), Ok(()), "{longest}: {call:?}");
        }
    }
}

/// After a login with a wrong code that met a fault: a refusal that was given is counted.
fn the_refusal_counts(subject: &Subject, outcome: &Outcome, refused: bool) -> Result<(), String> {
    let Subject { host, codes, recovery_codes, .. } = subject;
    insist(!outcome.stdout.contains("verdict 0\n"), "a wrong code was let in")?;
    insist(subject.credential_stands(), "the credential was changed")?;
    let next = login(host, &codes[1]);
    if refused {
        insist(next == AUTH_ERR, "the refusal was given and not counted")?;
    }
    insist(next == SUCCESS || login(host, &recovery_codes[0]) == SUCCESS, "nothing logs in any more")
}

#[test]
fn a_refusal_that_was_given_is_counted() {
    let subject = Subject::new(ONE_FAILURE);
    let words = login_words(&subject.wrong);
    // Before the policy it is libpam that may fail, and refuse by another module.
    let tracer = Tracer::from(POLICY);
    let calls = tracer.calls(&subject.host, &words, AUTH_ERR);
    tracer.each_fault(
        &subject.host,
        &words,
        &calls,
        || subject.put_back(),
        |_, outcome| the_refusal_counts(&subject, outcome, outcome.stdout.contains("verdict 7\n")),
    );
}

#[test]
fn a_recovery_code_is_spent_once_and_the_others_stay() {
    let subject = Subject::new(UNTHROTTLED);
    let Subject { host, recovery_codes, .. } = &subject;
    let words = login_words(&recovery_codes[0]);
    let tracer = Tracer::from("alice.state");
    let calls = tracer.calls(host, &words, SUCCESS);
    tracer.each_fault(
        host,
        &words,
        &calls,
        || subject.put_back(),
        |_, outcome| {
            if outcome.stdout.contains("verdict 0\n") {
                insist(login(host, &recovery_codes[0]) == AUTH_ERR, "it logged in twice")?;
            }
            insist(login(host, &recovery_codes[9]) == SUCCESS, "another one is lost")?;
            nothing_was_lost(&subject, false)
        },
    );
}

#[test]
fn a_program_without_privileges_meets_a_fault_on_its_way_to_the_helper() {
    let subject = Subject::new(UNTHROTTLED);
    let words = login_words(&subject.codes[1]);
    // Alone: the helper is another process, with calls of the same numbers.
    let tracer = Tracer { user: "alice", options: &[], ..Tracer::from(MODULE) };
    let calls = tracer.calls(&subject.host, &words, SUCCESS);
    tracer.each_fault(
        &subject.host,
        &words,
        &calls,
        || subject.put_back(),
        |_, outcome| nothing_was_lost(&subject, outcome.stdout.contains("verdict 0\n")),
    );
}

fn judge(code: &str) -> String {
    request(&format!("ask = \"judge\"\nintent = \"login\"\ntyped = \"{code}\"\nsecond_try = false"))
}

#[test]
fn the_helper_meets_a_fault() {
    let subject = Subject::new(UNTHROTTLED);
    let input = judge(&subject.codes[1]);
    let tracer = Tracer { input: &input, ..Tracer::from(FIRST_OF_HELPER) };
    let calls = tracer.calls(&subject.host, &[HELPER], SUCCESS);
    tracer.each_fault(
        &subject.host,
        &[HELPER],
        &calls,
        || subject.put_back(),
        |_, outcome| nothing_was_lost(&subject, outcome.stdout.contains("accepted")),
    );
}

#[test]
fn the_helper_counts_a_refusal_that_it_answers() {
    let subject = Subject::new(ONE_FAILURE);
    let input = judge(&subject.wrong);
    let tracer = Tracer { input: &input, ..Tracer::from(FIRST_OF_HELPER) };
    let calls = tracer.calls(&subject.host, &[HELPER], SUCCESS);
    tracer.each_fault(
        &subject.host,
        &[HELPER],
        &calls,
        || subject.put_back(),
        |_, outcome| {
            insist(!outcome.stdout.contains("accepted"), "a wrong code was accepted")?;
            the_refusal_counts(&subject, outcome, outcome.stdout.contains("wrong-code"))
        },
    );
}
