//! A renewal by root and by the owner, from its beginning to its proof.

use super::{FIRST_OF_HELPER, POLICY, insist, nothing_was_lost};
use crate::strace::Tracer;
use crate::subject::{AUTH_ERR, SUCCESS, Subject, UNTHROTTLED, codes_of, login, request, value};
use host::{HELPER, Phone};
use std::cell::Cell;

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

pub(super) fn begin(code: &str) -> String {
    request(&format!("ask = \"begin\"\npurpose = \"renewal\"\ncode = \"{code}\""))
}

pub(super) fn confirm(nonce: &str, code: &str) -> String {
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
