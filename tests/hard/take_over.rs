//! Root unlocks or revokes a user whose lock another process holds and does not let go. Each system call of
//! that fails once, is cut short or is the last, and the holder goes on at any moment: nothing is lost, and what
//! the holder does after the take-over counts for nothing. For power cuts see power_cut.rs.

#![forbid(unsafe_code)]

#[path = "take_over/frozen.rs"]
mod frozen;
mod strace;
mod subject;

use frozen::Frozen;
use host::{HELPER, Outcome, Phone, STORE};
use std::cell::RefCell;
use std::fs::File;
use strace::{Call, Fault, Tracer};
use subject::{
    AUTH_ERR, ENROL, ONE_FAILURE, RECOVERY_CODES, REVOKE, SUCCESS, Subject, UNLOCK, UNTHROTTLED, codes_of,
    hold_lock, impatient, is_configured, login, request, status, value,
};

/// What stands in the log once a tool tries for the lock.
const STATE: &str = "alice.state";

fn insist(holds: bool, otherwise: &str) -> Result<(), String> {
    if holds { Ok(()) } else { Err(otherwise.to_owned()) }
}

/// alice, one wrong code of hers counted, and whoever holds her lock.
struct Held {
    subject: Subject,
    holder: RefCell<Option<File>>,
}

impl Held {
    fn new(throttle: &str) -> Held {
        let mut subject = Subject::new(throttle);
        assert_eq!(login(&subject.host, &subject.wrong), AUTH_ERR);
        subject.files = subject.host.store();
        Held { subject, holder: RefCell::default() }
    }

    /// The store as it was, with her lock held.
    fn put_back(&self) {
        self.subject.put_back();
        self.holder.replace(Some(hold_lock(&self.subject.host)));
    }

    /// The holder is gone.
    fn let_go(&self) {
        self.holder.replace(None);
    }

    fn options(&self, longest: usize) -> Vec<String> {
        let quick = ["-f", "--seccomp-bpf"].map(str::to_owned);
        quick.into_iter().chain(impatient(&self.subject.host, longest)).collect()
    }
}

/// Whether what was written last before this call is still what alice's failures are counted by.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Count {
    Stands,
    StandsOrIsForgiven,
}

/// After an unlock that met a fault: no recovery code, no refusal and no count of failures is lost, old codes
/// stay old, and alice gets in.
fn all_is_kept(held: &Held, outcome: &Outcome, count: Count) -> Result<(), String> {
    let told = outcome.status == 0;
    if !told {
        held.let_go();
    }
    let Subject { host, codes, recovery_codes, .. } = &held.subject;
    insist(held.subject.credential_stands(), "the credential was changed")?;
    let why = host.run(&["totp-enroll", "admin", "why", "alice", "--json"]).stdout;
    insist(why.contains("wrong-code"), "the refusal is forgotten")?;
    insist(status(host)["recovery_codes_left"] == RECOVERY_CODES, "recovery codes are lost")?;
    let next = login(host, &codes[1]);
    match (told, count) {
        (true, _) => insist(next == SUCCESS, "it was told, and the next code does not log in")?,
        (_, Count::Stands) => insist(next == AUTH_ERR, "the count of failures is lost")?,
        _ => insist(matches!(next, SUCCESS | AUTH_ERR), "the next login is not judged")?,
    }
    insist(login(host, &recovery_codes[9]) == SUCCESS, "a recovery code does not log in")?;
    insist(login(host, &codes[2]) == SUCCESS, "the code after it does not log in")?;
    insist(login(host, &codes[0]) == AUTH_ERR, "a code accepted long ago was not refused")?;
    insist(!host.store_names().iter().any(|name| name.ends_with(".new")), "something is left behind for good")
}

/// Where the calls that come before the record of the unlock end: what fails there leaves the count as it was.
fn before_the_record(calls: &[Call]) -> usize {
    let sync = calls.iter().rposition(|call| call.name == "fdatasync").expect("the unlock is recorded");
    calls[..sync].iter().rposition(|call| call.name == "pwrite64").expect("it is written") + 1
}

#[test]
fn an_unlock_that_takes_the_lock_over_loses_nothing() {
    let held = Held::new(ONE_FAILURE);
    let options = held.options(usize::MAX);
    let options: Vec<&str> = options.iter().map(String::as_str).collect();
    let tracer = Tracer { options: &options, ..Tracer::from(STATE) };
    held.put_back();
    let calls = tracer.calls(&held.subject.host, &UNLOCK, 0);
    let (before, after) = calls.split_at(before_the_record(&calls));
    for (calls, count) in [(before, Count::Stands), (after, Count::StandsOrIsForgiven)] {
        tracer.each_fault(
            &held.subject.host,
            &UNLOCK,
            calls,
            || held.put_back(),
            |_, outcome| all_is_kept(&held, outcome, count),
        );
    }
}

/// After a revoke that met a fault: it is done, or all is as it was and it can be done again.
fn done_or_as_it_was(held: &Held, outcome: &Outcome) -> Result<(), String> {
    let Subject { host, codes, .. } = &held.subject;
    let told = outcome.status == 0;
    if !told {
        held.let_go();
    }
    insist(login(host, &codes[0]) == AUTH_ERR, "a code accepted long ago was not refused")?;
    let status = status(host);
    let there = status["configured"] == true;
    insist(!(told && there), "it was told and is not so")?;
    if there {
        insist(held.subject.credential_stands(), "the credential was changed")?;
        insist(status["recovery_codes_left"] == RECOVERY_CODES, "recovery codes are lost")?;
        insist(login(host, &codes[1]) == SUCCESS, "half a revoke")?;
        insist(host.run(&REVOKE).status == 0, "it cannot be done again")?;
    }
    insist(login(host, &codes[2]) == AUTH_ERR, "a revoked phone logs in")?;
    insist(host.run(&ENROL).status == 0, "nobody can be set up after it")?;
    insist(login(host, &codes[3]) == AUTH_ERR, "a revoked phone logs in after a new set-up")
}

fn new_phone(set_up: &Outcome) -> Vec<String> {
    let answer = set_up.json();
    codes_of(&Phone::scan(answer["uri"].as_str().expect("`uri` is a string")).with_window(10))
}

#[test]
fn a_revoke_that_takes_the_lock_over_is_done_or_can_be_done_again() {
    let held = Held::new(UNTHROTTLED);
    let options = held.options(usize::MAX);
    let options: Vec<&str> = options.iter().map(String::as_str).collect();
    let tracer = Tracer { options: &options, ..Tracer::from(STATE) };
    held.put_back();
    let calls = tracer.calls(&held.subject.host, &REVOKE, 0);
    tracer.each_fault(
        &held.subject.host,
        &REVOKE,
        &calls,
        || held.put_back(),
        |_, outcome| done_or_as_it_was(&held, outcome),
    );
}

#[test]
fn a_take_over_whose_writes_are_cut_short_finishes_them_and_killed_between_two_loses_nothing() {
    let held = Held::new(UNTHROTTLED);
    let host = &held.subject.host;
    for longest in [1, 7, 1000] {
        let options = held.options(longest);
        let options: Vec<&str> = options.iter().map(String::as_str).collect();
        let run = |words: &[&str]| {
            held.put_back();
            let traced = ["strace", "-y", "-o", strace::LOG, "-e", "trace=write,pwrite64"];
            let outcome = host.run(&[&traced, &options[..], words].concat());
            let log = strace::log(host);
            let cut =
                log.lines().any(|line| line.contains(STORE) && line.ends_with(&format!(" = {longest}")));
            assert!(cut, "{words:?}: nothing was cut short: {log}");
            assert_eq!(outcome.status, 0, "{longest}: {outcome:?}");
            outcome
        };
        assert_eq!(all_is_kept(&held, &run(&UNLOCK), Count::StandsOrIsForgiven), Ok(()), "{longest}");
        assert_eq!(done_or_as_it_was(&held, &run(&REVOKE)), Ok(()), "{longest}");
    }
    let options = held.options(1500);
    let options: Vec<&str> = options.iter().map(String::as_str).collect();
    let tracer = Tracer { options: &options, ..Tracer::from(STATE) };
    held.put_back();
    let mut calls = tracer.calls(host, &UNLOCK, 0);
    calls.retain(|call| call.name == "pwrite64" || call.name == "write");
    assert!(calls.len() >= 12, "the writes were not cut short: {calls:?}");
    for call in calls {
        held.put_back();
        if let Some(outcome) = tracer.run_with(host, &call, Fault::Kill, &UNLOCK) {
            let kept = all_is_kept(&held, &outcome, Count::StandsOrIsForgiven);
            assert_eq!(kept, Ok(()), "{call:?}");
        }
    }
}

fn judge(code: &str) -> String {
    request(&format!("ask = \"judge\"\nintent = \"login\"\ntyped = \"{code}\"\nsecond_try = false"))
}

/// After a take-over and a login with the second code that went on in the course of it.
fn counts_or_is_refused(subject: &Subject, accepted: bool) -> Result<(), String> {
    let Subject { host, codes, recovery_codes, .. } = subject;
    insist(subject.credential_stands(), "the credential was changed")?;
    insist(status(host)["recovery_codes_left"] == RECOVERY_CODES, "recovery codes are lost")?;
    if accepted {
        insist(login(host, &codes[1]) == AUTH_ERR, "the accepted code was not refused")?;
    }
    insist(login(host, &codes[0]) == AUTH_ERR, "a code accepted long ago was not refused")?;
    insist(login(host, &recovery_codes[9]) == SUCCESS, "a recovery code does not log in")?;
    insist(login(host, &codes[2]) == SUCCESS, "the next code does not log in")
}

/// The one hole that a copy of the state can have: a verdict that is given after it was read.
#[test]
fn a_holder_that_goes_on_while_its_lock_is_taken_over_is_refused_or_counts() {
    let subject = Subject::new(UNTHROTTLED);
    let host = &subject.host;
    let options = impatient(host, usize::MAX);
    let options: Vec<&str> = options.iter().map(String::as_str).collect();
    let followed = [&["-f"], &options[..]].concat();
    let tracer = Tracer { options: &followed, ..Tracer::from(STATE) };
    let asked = judge(&subject.codes[1]);
    let mut of_login = Tracer { input: &asked, ..Tracer::from(STATE) }.calls(host, &[HELPER], 0);
    // It has read the state, and judges and records next.
    of_login.truncate(of_login.iter().position(|call| call.name == "pwrite64").expect("it is recorded"));
    let judges = of_login.last().expect("it has read the state");
    let holder = hold_lock(host);
    let mut calls = tracer.calls(host, &UNLOCK, 0);
    drop(holder);
    // What comes before the take-over is the waiting, which another process's lock ends in the same way.
    let first = calls.iter().position(|call| call.name == "getrandom").expect("a name is drawn");
    calls.drain(..first);
    let (mut accepted, mut refused) = (0, 0);
    for call in &calls {
        for killed in [false, true] {
            subject.put_back();
            let holder = Frozen::after(host, "holder", &[], judges, &[HELPER], &asked);
            let taking = Frozen::after(host, "unlock", &options, call, &UNLOCK, "");
            let answer = holder.goes_on(host);
            let ended = if killed { taking.dies(host) } else { taking.goes_on(host) };
            let let_in = answer.stdout.contains("accepted");
            *(if let_in { &mut accepted } else { &mut refused }) += 1;
            let kept = counts_or_is_refused(&subject, let_in);
            assert_eq!(kept, Ok(()), "after {call:?}, killed: {killed}: {answer:?} {ended:?}");
        }
    }
    assert!(accepted > 0 && refused > 0, "the moments were not those that matter: {accepted} {refused}");
    eprintln!("{} calls; {accepted} logins were accepted, {refused} were not", calls.len());
}

#[test]
fn a_renewal_that_goes_on_after_a_revoke_leaves_nobody_a_phone() {
    let mut subject = Subject::new(UNTHROTTLED);
    let begin = request(&format!("ask = \"begin\"\npurpose = \"renewal\"\ncode = \"{}\"", subject.codes[1]));
    let begun = subject.host.run_with_input("root", &[HELPER], begin);
    let new = codes_of(&Phone::scan(value(&begun.stdout, "uri")));
    let nonce = value(&begun.stdout, "nonce");
    let confirm = request(&format!("ask = \"confirm\"\nnonce = \"{nonce}\"\ncode = \"{}\"", new[0]));
    subject.files = subject.host.store();
    let Subject { host, codes, .. } = &subject;
    let tracer = Tracer { input: &confirm, ..Tracer::from(STATE) };
    let calls = tracer.calls(host, &[HELPER], 0);
    let options = impatient(host, usize::MAX);
    let options: Vec<&str> = options.iter().map(String::as_str).collect();
    for call in &calls {
        subject.put_back();
        let holder = Frozen::after(host, "holder", &[], call, &[HELPER], &confirm);
        let revoked =
            host.run(&[&["strace", "-o", "/dev/null", "-e", "trace=none"], &options[..], &REVOKE].concat());
        assert_eq!(revoked.status, 0, "{call:?}: {revoked:?}");
        let answer = holder.goes_on(host);
        assert!(!is_configured(host), "after {call:?} a renewal undid the revoke: {answer:?}");
        for code in [&new[2], &codes[2]] {
            assert_eq!(login(host, code), AUTH_ERR, "after {call:?} a revoked phone logs in: {answer:?}");
        }
        let again = host.run(&ENROL);
        assert_eq!(again.status, 0, "{call:?}: {again:?}");
        assert_eq!(login(host, &new[2]), AUTH_ERR, "after {call:?} a revoked phone logs in after a set-up");
        assert_eq!(login(host, &new_phone(&again)[0]), SUCCESS, "{call:?}: the new phone does not log in");
    }
    eprintln!("{} calls", calls.len());
}
