//! What is asked of the helper and how: requests that are slow, endless, too long, about others or for login
//! programs alone, many at once, and answers that nobody takes.

use super::{PATIENCE, REQUEST, ask, guess, house};
use host::HELPER;
use std::io::Read as _;
use std::process::Stdio;
use std::time::Instant;

#[test]
fn a_caller_whose_clock_hardly_ticks_is_not_waited_for_without_end() {
    let house = house();
    let begin = Instant::now();
    let outcome = house.calls("slack-and-no-request");
    assert!(outcome.stdout.contains("got no request"), "{outcome:?}");
    assert!(begin.elapsed() < PATIENCE, "it took {:?}", begin.elapsed());
}

#[test]
fn a_request_that_comes_slowly_or_never_ends_is_given_up() {
    let mut house = house();
    let before = house.host.store();
    for feeder in ["while printf x; do sleep 0.2; done", "yes", "cat /dev/zero"] {
        let begin = Instant::now();
        let outcome = house.host.run_as("alice", &["sh", "-c", &format!("{{ {feeder}; }} 2>&- | {HELPER}")]);
        assert!(outcome.stdout.contains("got no request"), "{feeder}: {outcome:?}");
        assert!(begin.elapsed() < PATIENCE, "{feeder} took {:?}", begin.elapsed());
    }
    house.is_whole_and_as(&before);
}

#[test]
fn an_answer_that_nobody_takes_holds_no_lock() {
    let mut house = house();
    // The pipe is full before the helper comes, and nobody reads.
    let script = format!(
        "mkfifo /tmp/full && exec 9<>/tmp/full && dd if=/dev/zero of=/tmp/full oflag=nonblock bs=4096 status=none 2>&-; \
         {HELPER} <{REQUEST} >/tmp/full 9>&-; echo ended"
    );
    let before = house.state();
    let mut child = house
        .host
        .command_as("alice", &["timeout", "30", "bash", "-c", &script])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .expect("nsenter (util-linux) should start");
    house.host.wait_until("the guess is counted", |_| house.state() != before);
    let begin = Instant::now();
    house.lock_is_soon_let_go("after the guess was counted");
    let mut said = String::new();
    child.stdout.take().expect("stdout is a pipe").read_to_string(&mut said).expect("bash writes text");
    assert!(child.wait().expect("it ends").success() && said == "ended\n", "{said}");
    assert!(begin.elapsed() < PATIENCE, "it took {:?}", begin.elapsed());
    house.is_whole();
}

#[test]
fn a_request_of_64_kib_is_judged_and_one_byte_more_is_not() {
    let mut house = house();
    let wrong = guess("alice", &house.alice.wrong_code());
    let padded = |length: usize| format!("{wrong}#{}\n", "x".repeat(length - wrong.len() - 2));
    house.request(&padded(64 * 1024));
    assert!(house.guesses("nothing"));
    house.request(&padded(64 * 1024 + 1));
    let before = house.host.store();
    let outcome = house.calls("nothing");
    assert!(outcome.stdout.contains("longer than 64 KiB"), "{outcome:?}");
    house.is_whole_and_as(&before);
}

#[test]
fn two_requests_in_one_are_refused_as_one_and_neither_is_judged() {
    let mut house = house();
    let wrong = guess("alice", &house.alice.wrong_code());
    let right = guess("alice", &house.alice.code());
    let before = house.host.store();
    for two in [[&wrong, &wrong], [&wrong, &right], [&right, &wrong]] {
        house.request(&two.map(String::as_str).concat());
        let outcome = house.calls("nothing");
        assert_eq!(outcome.stdout.matches('[').count(), 1, "one answer: {outcome:?}");
        assert!(outcome.stdout.contains("is not one this helper knows"), "{outcome:?}");
    }
    house.is_whole_and_as(&before);
}

#[test]
fn another_users_name_or_a_path_for_one_gets_the_same_refusal_as_nobody() {
    let mut house = house();
    let before = house.host.store();
    let long = "a".repeat(60_000);
    let mut refusals = Vec::new();
    for user in [
        "nobody-of-that-name",
        "bob",
        "root",
        "_pam_totp",
        "",
        ".",
        "..",
        "../bob",
        "alice/../bob",
        "/var/lib/pam_totp/bob",
        "bob.toml",
        "alice\\u0000",
        "alice ",
        "ALICE",
        "1000",
        "%2e%2e",
        &long,
    ] {
        let right = house.bob.code_at(0);
        for request in [guess(user, &right), ask(user, "ask = \"status\""), ask(user, "ask = \"probe\"")] {
            house.request(&request);
            let outcome = house.calls("nothing");
            assert!(outcome.stdout.contains("serves only the user who calls it"), "{user:.20}: {outcome:?}");
            refusals.push(outcome.stdout);
        }
    }
    refusals.dedup();
    assert_eq!(refusals.len(), 1, "one answer for all: {refusals:?}");
    house.is_whole_and_as(&before);
}

#[test]
fn what_only_a_login_program_may_ask_is_refused_to_a_user() {
    let mut house = house();
    house.host.must_run(&["totp-enroll", "admin", "revoke", "--yes", "bob"]);
    let before = house.host.store();
    let nonce = "00".repeat(16);
    for request in [
        "ask = \"welcome\"\ntyped = \"ABCD\"".to_owned(),
        format!("ask = \"begin-at-login\"\nnonce = \"{nonce}\"\ninvited = 1"),
        format!("ask = \"prove-at-login\"\nnonce = \"{nonce}\"\ncode = \"123456\""),
        format!("ask = \"open-session\"\nnonce = \"{nonce}\""),
        "ask = \"open-session\"".to_owned(),
        "ask = \"outlook\"".to_owned(),
        "ask = \"put-off\"".to_owned(),
    ] {
        for user in ["alice", "bob"] {
            let outcome = house.host.run_with_input(user, &[HELPER], ask(user, &request));
            assert!(outcome.stdout.contains("only a login program may ask"), "{request} {user}: {outcome:?}");
            house.tells_no_secret(&outcome);
        }
    }
    house.is_whole_and_as(&before);
}

#[test]
fn of_callers_at_once_with_one_code_one_is_let_through() {
    let mut house = house();
    for _ in 0..8 {
        let code = house.alice.code();
        house.request(&guess("alice", &code));
        let calls: Vec<_> = std::thread::scope(|scope| {
            let callers: Vec<_> = (0..8).map(|_| scope.spawn(|| house.calls("nothing"))).collect();
            callers.into_iter().map(|caller| caller.join().expect("a call ends")).collect()
        });
        let accepted = calls.iter().filter(|outcome| outcome.stdout.contains("accepted")).count();
        assert_eq!(accepted, 1, "{calls:?}");
    }
}
