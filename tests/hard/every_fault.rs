//! Each system call of a login, a set-up, a renewal and a revoke fails once, or the process is killed there.
//! Nothing is lost, nobody gets in, and the next login works.

#![forbid(unsafe_code)]

mod strace;
mod subject;

use host::{HELPER, Host, Outcome, Phone, STORE};
use std::cell::Cell;
use strace::{Fault, Tracer};
use subject::{
    AUTH_ERR, ENROL, ENROL_AT_LOGIN, ONE_FAILURE, REVOKE, SUCCESS, Subject, UNTHROTTLED, codes_of, house,
    is_configured, login, login_words, phone_on_file, request, short_writes, value,
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

fn phone_in(outcome: &Outcome) -> Phone {
    let answer = outcome.json();
    Phone::scan(answer["uri"].as_str().expect("`uri` is a string")).with_window(10)
}

#[test]
fn a_set_up_is_whole_or_can_be_made_again() {
    let host = house(UNTHROTTLED);
    let nothing = host.store();
    let tracer = Tracer::from(POLICY);
    let calls = tracer.calls(&host, &ENROL, 0);
    tracer.each_fault(
        &host,
        &ENROL,
        &calls,
        || host.put_store(&nothing),
        |fault, outcome| {
            let there = is_configured(&host);
            if outcome.status == 0 {
                insist(there, "it was told and is not so")?;
                insist(
                    login(&host, &codes_of(&phone_in(outcome))[0]) == SUCCESS,
                    "its code does not log in",
                )?;
            } else if there {
                insist(login(&host, &codes_of(&phone_on_file(&host))[0]) == SUCCESS, "half a set-up")?;
                // The disk may not have the name of the credential, and so it is no success; all else that
                // fails this late is not the set-up.
                let told = outcome.stderr.contains("alice is set up")
                    || outcome.stderr.contains("/var/lib/pam_totp/.: writing failed");
                insist(told || fault == Fault::Kill, "it is so and was told otherwise")?;
                insist(host.run(&REVOKE).status == 0, "it cannot be revoked")?;
            } else {
                insist(login(&host, "123456") == AUTH_ERR, "who is not set up is let in")?;
            }
            if !is_configured(&host) {
                let again = host.run(&ENROL);
                insist(again.status == 0, "it cannot be made again")?;
                insist(login(&host, &codes_of(&phone_in(&again))[0]) == SUCCESS, "made again, it fails")?;
            }
            Ok(())
        },
    );
}

#[test]
fn a_set_up_in_a_login_is_whole_or_can_be_made_again() {
    let host = house(UNTHROTTLED);
    let nothing = host.store();
    // The program under it starts oathtool, which is not to be disturbed.
    let tracer = Tracer { options: &[], ..Tracer::from(POLICY) };
    let calls = tracer.calls(&host, &ENROL_AT_LOGIN, SUCCESS);
    let its_codes_work = |outcome: &Outcome| {
        let proof = outcome.stdout.lines().find_map(|line| line.strip_prefix("typed "));
        let proof = proof.ok_or("nothing was shown, and it counts")?;
        insist(login(&host, proof) == AUTH_ERR, "the proof logs in")?;
        let next = phone_on_file(&host).code_at(1);
        insist(login(&host, &next) == SUCCESS, "the next code does not log in")
    };
    tracer.each_fault(
        &host,
        &ENROL_AT_LOGIN,
        &calls,
        || host.put_store(&nothing),
        |_, outcome| {
            let there = is_configured(&host);
            if outcome.stdout.contains("session 0\n") {
                insist(there, "who was not set up was let in")?;
            }
            if there {
                return its_codes_work(outcome);
            }
            let again = host.run(&ENROL_AT_LOGIN);
            insist(again.status == SUCCESS, "it cannot be made again")?;
            its_codes_work(&again)
        },
    );
}

#[test]
fn a_revoke_is_done_or_can_be_done_again() {
    let subject = Subject::new(UNTHROTTLED);
    let Subject { host, codes, .. } = &subject;
    let tracer = Tracer::from(POLICY);
    let calls = tracer.calls(host, &REVOKE, 0);
    tracer.each_fault(
        host,
        &REVOKE,
        &calls,
        || subject.put_back(),
        |_, outcome| {
            insist(login(host, &codes[0]) == AUTH_ERR, "a code accepted long ago was not refused")?;
            let there = is_configured(host);
            insist(!(outcome.status == 0 && there), "it was told and is not so")?;
            if there {
                insist(subject.credential_stands(), "the credential was changed")?;
                insist(login(host, &codes[1]) == SUCCESS, "half a revoke")?;
                insist(host.run(&REVOKE).status == 0, "it cannot be done again")?;
            }
            insist(login(host, &codes[2]) == AUTH_ERR, "a revoked phone logs in")?;
            let again = host.run(&ENROL);
            insist(again.status == 0, "nobody can be set up after it")?;
            insist(login(host, &codes[3]) == AUTH_ERR, "a revoked phone logs in after a new set-up")?;
            insist(login(host, &codes_of(&phone_in(&again))[0]) == SUCCESS, "the new phone does not log in")
        },
    );
}

/// A renewal that this caller begins leaves the old secret in force. For the owner strace, as root, starts the
/// helper with the owner's real uid and the privileges of a set-user-ID program.
fn begins(user: &str, from: &str) {
    let subject = Subject::new(UNTHROTTLED);
    let input = begin(&subject.codes[1]);
    let tracer = Tracer { user, input: &input, ..Tracer::from(from) };
    let begun = Cell::new(0);
    let calls = tracer.calls(&subject.host, &[HELPER], 0);
    tracer.each_fault(
        &subject.host,
        &[HELPER],
        &calls,
        || subject.put_back(),
        |_, outcome| {
            let told = outcome.stdout.contains("otpauth://");
            begun.set(begun.get() + u32::from(told));
            nothing_was_lost(&subject, told)
        },
    );
    assert!(begun.get() > 0, "none was begun");
}

#[test]
fn a_renewal_that_begins_leaves_the_old_secret_in_force() {
    begins("root", POLICY);
}

#[test]
fn a_renewal_that_its_owner_begins_leaves_the_old_secret_in_force() {
    begins("alice", FIRST_OF_HELPER);
}

fn begin(code: &str) -> String {
    request(&format!("ask = \"begin\"\npurpose = \"renewal\"\ncode = \"{code}\""))
}

fn confirm(nonce: &str, code: &str) -> String {
    request(&format!("ask = \"confirm\"\nnonce = \"{nonce}\"\ncode = \"{code}\""))
}

/// A renewal that this caller confirms ends with the old secret or the new one.
fn confirms(user: &str) {
    let mut subject = Subject::new(UNTHROTTLED);
    let begun = subject.host.run_with_input(user, &[HELPER], begin(&subject.codes[1]));
    let new = codes_of(&Phone::scan(value(&begun.stdout, "uri")));
    let nonce = value(&begun.stdout, "nonce").to_owned();
    subject.files = subject.host.store();
    let input = confirm(&nonce, &new[0]);
    let tracer = Tracer { user, input: &input, ..Tracer::from(POLICY) };
    let confirmed = Cell::new(0);
    let calls = tracer.calls(&subject.host, &[HELPER], 0);
    let Subject { host, codes, .. } = &subject;
    tracer.each_fault(
        host,
        &[HELPER],
        &calls,
        || subject.put_back(),
        |_, outcome| {
            let told = outcome.stdout.contains("recovery_codes");
            confirmed.set(confirmed.get() + u32::from(told));
            insist(login(host, &codes[0]) == AUTH_ERR, "a code accepted long ago was not refused")?;
            insist(login(host, &codes[1]) == AUTH_ERR, "the code that began it was not refused")?;
            if subject.credential_stands() {
                insist(!told, "it was told and is not so")?;
                insist(login(host, &new[2]) == AUTH_ERR, "the new phone logs in too early")?;
                return insist(login(host, &codes[2]) == SUCCESS, "the old phone does not log in");
            }
            // Its caller may hear nothing where the answer is what fails.
            let unsure = outcome.stdout.is_empty() || outcome.stdout.contains("writing failed");
            insist(told || unsure, "it is so and was told otherwise")?;
            insist(login(host, &codes[2]) == AUTH_ERR, "the old phone still logs in")?;
            insist(login(host, &new[0]) == AUTH_ERR, "the proof logs in")?;
            insist(login(host, &new[2]) == SUCCESS, "the new phone does not log in")
        },
    );
    assert!(confirmed.get() > 0, "none was confirmed");
}

#[test]
fn a_renewal_ends_with_the_old_secret_or_the_new_one() {
    confirms("root");
}

#[test]
fn a_renewal_that_its_owner_ends_has_the_old_secret_or_the_new_one() {
    confirms("alice");
}
