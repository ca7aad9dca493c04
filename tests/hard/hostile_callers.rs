//! Users who call totp-helper in ways that no program would. The caller is caller.c, and alice's house, where it
//! calls, is here; each file beneath has one kind of trick. What must hold: no verdict without its guess counted,
//! no lock out of the helper's hands, nobody else's data, and no secret in any output.

#![forbid(unsafe_code)]

#[path = "hostile_callers/control_groups.rs"]
mod control_groups;
#[path = "hostile_callers/ending.rs"]
mod ending;
#[path = "hostile_callers/inherited.rs"]
mod inherited;
#[path = "hostile_callers/many.rs"]
mod many;
#[path = "hostile_callers/places.rs"]
mod places;
#[path = "hostile_callers/requests.rs"]
mod requests;
#[path = "hostile_callers/running_helper.rs"]
mod running_helper;

use host::{Builder, HELPER, Host, Outcome, Phone, STORE, Stack};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

const SOURCE: &str = include_str!("caller.c");
const CALLER: &str = "/usr/local/bin/caller";
const REQUEST: &str = "/tmp/request";
/// What a helper without root answers.
const NOT_ROOT: &str = "does not run as root here";
/// How long the helper waits for a request, and some more.
const PATIENCE: Duration = Duration::from_secs(12);
/// For how long a helper may hold its user's lock.
const LONGEST_LOCK: Duration = Duration::from_secs(2);

/// How often a test goes through its moments where a slow machine let it miss those that matter.
const MOST_TIMES: usize = 10;

/// Guesses are not throttled here, so that each one that is judged changes the state.
const POLICY: &str = "mode = \"required\"\n\
     [totp]\nwindow = 10\n\
     [throttle]\nfree_failures = 1000000\nbudget = 1000000\nknown_budget = 1000000\n";

fn builder() -> Builder {
    Host::builder()
        .user("alice", "wonderland")
        .user("bob", "builder")
        .policy(POLICY)
        .stack("test", Stack::Text("auth required pam_totp.so\n"))
}

/// A host with alice and bob set up, and how many secrets there are to keep.
struct House {
    host: Host,
    alice: Phone,
    bob: Phone,
}

fn house() -> House {
    static BUILT: OnceLock<Vec<u8>> = OnceLock::new();
    let host = builder().build();
    let program = BUILT.get_or_init(|| {
        host.write("/tmp/caller.c", SOURCE);
        let flags = ["-std=gnu11", "-Wall", "-Wextra", "-Werror", "-O1", "-o", CALLER, "/tmp/caller.c"];
        host.must_run(&[&["cc"], &flags[..]].concat());
        host.read(CALLER)
    });
    host.write(CALLER, program);
    host.must_run(&["chmod", "755", CALLER]);
    let (alice, bob) = (host.enrol("alice"), host.enrol("bob"));
    let house = House { host, alice, bob };
    house.request(&guess("alice", &house.alice.wrong_code()));
    house
}

fn ask(user: &str, request: &str) -> String {
    format!("user = \"{user}\"\nservice = \"test\"\n[request]\n{request}\n")
}

fn guess(user: &str, code: &str) -> String {
    ask(user, &format!("ask = \"judge\"\nintent = \"login\"\ntyped = \"{code}\"\nsecond_try = false"))
}

impl House {
    /// What the caller sends from now on.
    fn request(&self, text: &str) {
        self.host.write(REQUEST, text);
    }

    fn state(&self) -> Vec<u8> {
        self.host.read(&format!("{STORE}/alice.state"))
    }

    /// Whether somebody holds alice's lock.
    fn is_locked(&self) -> bool {
        let file = File::open(self.host.path(&format!("{STORE}/alice.state"))).expect("alice has a state");
        file.try_lock().is_err()
    }

    /// Whoever has the lock now has it no longer than the helper may.
    fn lock_is_soon_let_go(&self, when: &str) {
        let begin = Instant::now();
        while self.is_locked() {
            assert!(begin.elapsed() < LONGEST_LOCK, "the lock was held for {LONGEST_LOCK:?}, {when}");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    fn calls(&self, trick: &str) -> Outcome {
        let outcome = self.host.run_as("alice", &[CALLER, trick, HELPER, REQUEST]);
        assert_eq!(outcome.status, 0, "{trick}: {outcome:?}");
        self.tells_no_secret(&outcome);
        outcome
    }

    fn tells_no_secret(&self, outcome: &Outcome) {
        self.is_no_secret_in(&outcome.text());
    }

    fn is_no_secret_in(&self, text: &str) {
        for phone in [&self.alice, &self.bob] {
            assert!(!text.contains(phone.secret()), "{text}");
            assert!(!phone.recovery_codes.iter().any(|code| text.contains(code)), "{text}");
        }
    }

    /// A guess under a trick: whether there was a verdict, which must have been counted.
    fn guesses(&self, trick: &str) -> bool {
        let before = self.state();
        let outcome = self.calls(trick);
        let judged = self.judged_and_counted_since(&before, &outcome.stdout, trick);
        assert!(!self.is_locked(), "{trick}");
        judged
    }

    /// Whether this tells a verdict on a wrong code, which must have been counted since alice's state was that.
    fn judged_and_counted_since(&self, before: &[u8], told: &str, when: &str) -> bool {
        let judged = told.contains("wrong-code");
        assert!(!judged || self.state() != before, "a guess was judged and not counted, {when}: {told}");
        judged
    }

    /// All is well with alice: nobody holds her lock, her state is whole, and a right code counts once.
    fn is_whole(&mut self) {
        assert!(!self.is_locked());
        let code = self.alice.code();
        for (expected, status) in [("accepted", 0), ("used", 1)] {
            let words = ["pamtester", "test", "alice", "authenticate"];
            let outcome = self.host.run_with_input("alice", &words, format!("{code}\n"));
            assert_eq!(outcome.status, status, "{expected}: {outcome:?}");
        }
    }

    /// Nothing came of it all: the store is as it was, and all is well with alice.
    fn is_whole_and_as(&mut self, before: &BTreeMap<String, Vec<u8>>) {
        assert_eq!(&self.host.store(), before);
        self.is_whole();
    }

    /// Microseconds from the start to the answer of a call that nothing disturbs, so that a test of moments meets
    /// them on a loaded machine too.
    fn usual_time(&self, around: &[&str], trick: &str) -> usize {
        let mut times: Vec<usize> = (0..9)
            .map(|_| {
                let said = self.takes_part(around, trick).ends();
                let took = said.lines().find_map(|line| line.strip_prefix("took="));
                took.expect("the caller says so").parse().expect("it is a number")
            })
            .collect();
        times.sort_unstable();
        times[times.len() / 2]
    }

    /// Starts a call that the test takes part in.
    fn takes_part(&self, around: &[&str], trick: &str) -> Call {
        let mut child = self
            .host
            .command_as("root", &[around, &[CALLER, trick, HELPER, REQUEST]].concat())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("nsenter (util-linux) should start");
        let stdout = BufReader::new(child.stdout.take().expect("stdout is a pipe"));
        Call { child, stdout }
    }
}

/// A call under way.
struct Call {
    child: Child,
    stdout: BufReader<std::process::ChildStdout>,
}

impl Call {
    /// The word that the caller waits behind.
    fn waits(&mut self) -> String {
        let mut line = String::new();
        self.stdout.read_line(&mut line).expect("the caller writes text");
        line.trim_end().to_owned()
    }

    /// Lets it go on, and returns the rest of what it says.
    fn goes_on(mut self) -> String {
        let mut stdin = self.child.stdin.take().expect("stdin is a pipe");
        stdin.write_all(b"\n").expect("the caller waited");
        self.ends()
    }

    /// What it says until its end.
    fn ends(mut self) -> String {
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest).expect("the caller writes text");
        assert!(self.child.wait().expect("the caller ends").success(), "{rest}");
        rest
    }
}

/// What goes before a command that is to run as alice.
const AS_ALICE: [&str; 5] = ["setpriv", "--reuid=alice", "--regid=alice", "--init-groups", "--"];
