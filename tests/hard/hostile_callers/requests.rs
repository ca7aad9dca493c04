//! What is asked of the helper and how: requests that are slow, endless, too long, about others or for login
//! programs alone, many at once, and answers that nobody takes.

use super::{House, PATIENCE, REQUEST, ask, guess, house};
use host::HELPER;
use std::io::{Read as _, Write as _};
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::Child;
use std::time::{Duration, Instant};

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
    for (piece, pause) in [(&b"x"[..], Duration::from_millis(200)), (&[b'y'; 4096], Duration::ZERO)] {
        let begin = Instant::now();
        let (mut socket, mut helper) = house.host.start_on_socket("alice", &[HELPER]);
        // Until it has ended, and nobody is there to take the next piece.
        while socket.write_all(piece).is_ok() {
            std::thread::sleep(pause);
            assert!(begin.elapsed() < PATIENCE, "{} bytes at a time are still taken", piece.len());
        }
        let mut answer = Vec::new();
        let _ = socket.read_to_end(&mut answer);
        let answer = String::from_utf8_lossy(&answer);
        assert!(answer.contains("got no request"), "{} bytes at a time: {answer}", piece.len());
        helper.wait().expect("it ends");
    }
    house.is_whole_and_as(&before);
}

#[test]
fn an_answer_that_nobody_takes_holds_no_lock() {
    let mut house = house();
    let (ours, theirs) = shared_socket();
    // Full before the helper comes, and nobody reads.
    fill(&theirs);
    let before = house.state();
    let mut child = start(&house, "alice", &[HELPER], &theirs);
    (&ours).write_all(&house.host.read(REQUEST)).expect("there is room for it");
    ours.shutdown(Shutdown::Write).expect("it is open");
    house.host.wait_until("the guess is counted", |_| house.state() != before);
    let begin = Instant::now();
    house.lock_is_soon_let_go("after the guess was counted");
    ends_in_time(&mut child, begin);
    house.is_whole();
}

/// A socket pair whose second end stays open here too, as in a process that shares it with the helper.
fn shared_socket() -> (UnixStream, UnixStream) {
    UnixStream::pair().expect("the kernel has room for sockets")
}

fn start(house: &House, user: &str, words: &[&str], theirs: &UnixStream) -> Child {
    let end = || OwnedFd::from(theirs.try_clone().expect("the kernel has room for descriptors"));
    let mut command = house.host.command_as(user, words);
    command.stdin(end()).stdout(end()).spawn().expect("nsenter (util-linux) should start")
}

/// Writes until there is no room.
fn fill(socket: &UnixStream) {
    socket.set_nonblocking(true).expect("a socket can be that");
    while (&*socket).write(&[b'z'; 512]).is_ok() {}
    socket.set_nonblocking(false).expect("a socket can be that");
}

fn ends_in_time(child: &mut Child, begin: Instant) {
    while child.try_wait().expect("it is a child").is_none() {
        assert!(begin.elapsed() < PATIENCE, "it still waits after {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Starts the helper so that it goes on late after its so many-th poll(2), and waits until that has seen something.
fn start_late(house: &House, number: u32, theirs: &UnixStream) -> Child {
    let inject = format!("inject=poll:delay_exit=500000:when={number}");
    let words = ["strace", "-o", POLLS, "-e", "trace=poll", "-e", &inject, HELPER];
    start(house, "root", &words, theirs)
}

const POLLS: &str = "/tmp/poll.log";
/// Its first is the standard library's, before main.
const OF_REQUEST: u32 = 2;
const OF_ANSWER: u32 = 4;

#[test]
fn whoever_takes_what_the_helper_saw_blocks_it_no_longer_than_the_request_may_take() {
    let mut house = house();
    let before = house.host.store();
    let (ours, theirs) = shared_socket();
    let begin = Instant::now();
    let mut child = start_late(&house, OF_REQUEST, &theirs);
    house.host.wait_until("it waits for the request", |host| {
        host.has(POLLS) && String::from_utf8_lossy(&host.read(POLLS)).contains("events=POLLIN}], 1")
    });
    (&ours).write_all(b"x").expect("there is room for it");
    std::thread::sleep(Duration::from_millis(100));
    (&theirs).read_exact(&mut [0]).expect("it is there until the helper goes on");
    ends_in_time(&mut child, begin);
    house.is_whole_and_as(&before);
}

#[test]
fn whoever_fills_the_room_that_the_helper_saw_blocks_it_no_longer_than_the_answer_may_take() {
    let mut house = house();
    let (ours, theirs) = shared_socket();
    let begin = Instant::now();
    (&ours).write_all(&house.host.read(REQUEST)).expect("there is room for it");
    ours.shutdown(Shutdown::Write).expect("it is open");
    let mut child = start_late(&house, OF_ANSWER, &theirs);
    house.host.wait_until("it is about to answer", |host| {
        host.has(POLLS) && String::from_utf8_lossy(&host.read(POLLS)).contains("events=POLLOUT}], 1")
    });
    std::thread::sleep(Duration::from_millis(100));
    fill(&theirs);
    ends_in_time(&mut child, begin);
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
