//! Very many calls of one user at once: what is left of the host for others.

use super::ending::beyond_limits;
use super::{AS_ALICE, House, PATIENCE, REQUEST, guess, house};
use host::{HELPER, Host, Outcome, Phone};
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdout, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

const MANY: &str = "/usr/local/bin/many_callers";
/// `CALLS_AT_ONCE` of totp-core.
const PLACES: usize = 32;
/// How long others may have to wait on a machine that is busy with all that.
const SOON: Duration = Duration::from_secs(5);
const UNAVAILABLE: &str = "Authentication service cannot retrieve authentication info";

/// One crowd at a time: the kernel counts processes by uid, whichever host they are on.
static ALONE: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// alice's program, which runs until it is told to end.
struct Crowd {
    child: Child,
    stdout: BufReader<ChildStdout>,
}

impl Crowd {
    /// Starts with a limit of alice's processes that is far from what she starts.
    fn gathers(house: &House, words: &[&str]) -> Crowd {
        let host = &house.host;
        if !host.has(MANY) {
            host.write("/tmp/many_callers.c", include_str!("../many_callers.c"));
            let flags =
                ["-std=gnu11", "-Wall", "-Wextra", "-Werror", "-O1", "-o", MANY, "/tmp/many_callers.c"];
            host.must_run(&[&["cc"], &flags[..]].concat());
        }
        let mut child = host
            .command_as("root", &[&["prlimit", "--nproc=300"], &AS_ALICE[..], &[MANY], words].concat())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("nsenter (util-linux) should start");
        let stdout = BufReader::new(child.stdout.take().expect("stdout is a pipe"));
        Crowd { child, stdout }
    }

    fn says(&mut self) -> String {
        let mut line = String::new();
        self.stdout.read_line(&mut line).expect("it writes text");
        line
    }

    fn goes_home(mut self) -> String {
        let mut stdin = self.child.stdin.take().expect("stdin is a pipe");
        stdin.write_all(b"\n").expect("it waits for this");
        let line = self.says();
        assert!(self.child.wait().expect("it ends").success(), "{line}");
        eprint!("{line}");
        line
    }
}

fn number(line: &str, name: &str) -> usize {
    let found = line.split_whitespace().find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
    found.and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("no {name} in `{line}`"))
}

/// What somebody gets who asks for a login of this user now, who must not wait for long.
fn served(host: &Host, who: &str, user: &str, code: &str) -> Outcome {
    let begin = Instant::now();
    let words = ["pamtester", "test", user, "authenticate"];
    let outcome = host.run_with_input(who, &words, format!("{code}\n"));
    assert!(begin.elapsed() < SOON, "{who} waited {:?} for {user}: {outcome:?}", begin.elapsed());
    outcome
}

fn is_served(host: &Host, who: &str, user: &str, phone: &mut Phone) {
    let outcome = served(host, who, user, &phone.code());
    assert_eq!(outcome.status, 0, "{who} as {user}: {outcome:?}");
}

/// As su does it for a user who may be anybody.
fn su_is_served(house: &mut House) {
    let begin = Instant::now();
    let code = house.alice.code();
    let outcome = house.host.run_with_input("root", &[HELPER], guess("alice", &code));
    assert!(outcome.stdout.contains("accepted") && begin.elapsed() < SOON, "{outcome:?}");
}

#[test]
fn of_1500_calls_at_once_few_outlive_their_callers_limit_and_everybody_else_is_served() {
    let _alone = alone();
    let mut house = house();
    let mut crowd = Crowd::gathers(&house, &["hold", "1500", HELPER]);
    let mut most = 0;
    let gathered = std::thread::spawn(move || {
        let line = crowd.says();
        (crowd, line, Instant::now())
    });
    while !gathered.is_finished() {
        is_served(&house.host, "bob", "bob", &mut house.bob);
        most = most.max(beyond_limits(&house.host));
        std::thread::sleep(Duration::from_millis(300));
    }
    let (crowd, line, since) = gathered.join().expect("it starts them all");
    is_served(&house.host, "root", "alice", &mut house.alice);
    su_is_served(&mut house);
    most = most.max(beyond_limits(&house.host));
    eprint!("at most {most} beyond her limit, {line}");
    assert!((1..=PLACES).contains(&most), "{most}");
    house.host.wait_until("all are gone", |host| beyond_limits(host) == 0);
    assert!(since.elapsed() < PATIENCE, "the last was gone {:?} after its start", since.elapsed());
    let refused = number(&crowd.goes_home(), "refused");
    assert!(refused > 1500 / 2, "{refused}");
    house.is_whole();
}

#[test]
fn whoever_takes_all_their_places_is_unavailable_for_seconds_and_nobody_else_is() {
    let _alone = alone();
    let mut house = house();
    let before = house.host.store();
    let mut crowd = Crowd::gathers(&house, &["hold", "40", HELPER]);
    let begin = Instant::now();
    assert_eq!(number(&crowd.says(), "started"), 40);
    house.host.wait_until("the places are taken", |host| beyond_limits(host) == PLACES);
    let outcome = served(&house.host, "alice", "alice", &house.alice.wrong_code());
    assert!(outcome.text().contains(UNAVAILABLE), "{outcome:?}");
    house.host.wait_for_log("this user has 32 calls under way already");
    assert_eq!(house.host.store(), before, "nothing is judged or counted");
    is_served(&house.host, "bob", "bob", &mut house.bob);
    is_served(&house.host, "root", "alice", &mut house.alice);
    assert!(begin.elapsed() < SOON, "too slow to tell: their places were free again");
    su_is_served(&mut house);
    house.host.wait_until("the places are free", |host| beyond_limits(host) == 0);
    is_served(&house.host, "alice", "alice", &mut house.alice);
    assert_eq!(number(&crowd.goes_home(), "refused"), 40 - PLACES);
    house.is_whole();
}

#[test]
fn whoever_asks_without_end_keeps_nobody_out_not_even_their_own_login() {
    let _alone = alone();
    let mut house = house();
    // One place is left to those who ask, or it would be up to the scheduler whether the bound is ever met.
    let mut holders = Crowd::gathers(&house, &["hold", "31", HELPER]);
    assert_eq!(number(&holders.says(), "started"), PLACES - 1);
    let mut crowd = Crowd::gathers(&house, &["ask", "64", HELPER, REQUEST]);
    let begin = Instant::now();
    assert_eq!(number(&crowd.says(), "asking"), 64);
    let mut slowest = Duration::ZERO;
    for _ in 0..5 {
        let login = Instant::now();
        is_served(&house.host, "root", "alice", &mut house.alice);
        slowest = slowest.max(login.elapsed());
        su_is_served(&mut house);
        is_served(&house.host, "bob", "bob", &mut house.bob);
    }
    let took = begin.elapsed();
    let line = crowd.goes_home();
    eprintln!("in {took:?}; the slowest login of hers took {slowest:?}");
    assert!(number(&line, "judged") > 0 && number(&line, "refused") > 0, "{line}");
    holders.goes_home();
    house.host.wait_until("all are gone", |host| beyond_limits(host) == 0);
    house.is_whole();
}
