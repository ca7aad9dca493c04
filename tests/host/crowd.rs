//! A crowd at the door of a host: logins and commands that act at the same moment, round after round. The
//! processes are those of crowd.c; here stands who takes part, and what came of it.

use crate::Host;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::sync::OnceLock;

const SOURCE: &str = include_str!("crowd.c");

/// Where the program lies on a host.
const PROGRAM: &str = "/tmp/crowd";

/// Some who do the same in one round.
#[derive(Clone)]
pub struct Party {
    what: &'static str,
    count: usize,
    from: String,
    later: u64,
    who: String,
    user: String,
    answer: String,
}

impl Party {
    fn new(what: &'static str, count: usize, user: &str, answer: &str) -> Party {
        let [who, from] = ["root", "-"].map(str::to_owned);
        Party { what, count, from, later: 0, who, user: user.to_owned(), answer: answer.to_owned() }
    }

    /// Logins of a user in programs of root, all with this answer.
    pub fn logins(count: usize, user: &str, answer: &str) -> Party {
        Party::new("login", count, user, answer)
    }

    /// Logins behind a key that set the user up, with an invitation for an answer, on all three phases.
    pub fn set_ups(count: usize, user: &str, invitation: &str) -> Party {
        Party::new("set-up", count, user, invitation)
    }

    /// Logins behind a key that put set-up off.
    pub fn put_offs(count: usize, user: &str) -> Party {
        Party::new("put-off", count, user, "")
    }

    /// A command of the shell.
    pub fn command(who: &str, command: &str) -> Party {
        Party { who: who.to_owned(), ..Party::new("run", 1, "", command) }
    }

    /// In programs of the user themselves, as a screen locker is: through totp-helper.
    pub fn unprivileged(mut self) -> Party {
        self.user.clone_into(&mut self.who);
        self
    }

    /// From this remote host.
    pub fn from(mut self, host: &str) -> Party {
        host.clone_into(&mut self.from);
        self
    }

    /// So many microseconds after all others; a command takes that long to start.
    pub fn later(mut self, microseconds: u64) -> Party {
        self.later = microseconds;
        self
    }

    fn line(&self) -> String {
        let Party { what, count, from, later, who, user, answer } = self;
        assert!(!answer.contains(['\t', '\n']), "a round is one line: {answer:?}");
        match *what {
            "run" => format!("run {who} {answer}"),
            what => format!("{what} {count} {who} {user} {from} {later} {answer}"),
        }
    }
}

/// What came of one who took part.
#[derive(Clone, Copy, Debug)]
pub struct Act {
    /// The answer of PAM, with 100 added for one of the account phase and 200 for one of the session; the exit
    /// status of a command; -1 for who did not come to an end.
    pub result: i32,
    /// When it began, in microseconds of the clock that only goes forward.
    pub began: u64,
    /// When it had ended.
    pub ended: u64,
}

/// The crowd of one PAM service; it goes home on drop.
pub struct Crowd {
    program: Child,
    rounds: Option<ChildStdin>,
    reports: BufReader<ChildStdout>,
}

impl Host {
    /// Gathers a crowd that logs in by this service.
    pub fn crowd(&self, service: &str) -> Crowd {
        if !self.has(PROGRAM) {
            self.write(PROGRAM, built(self));
            self.must_run(&["chmod", "755", PROGRAM]);
        }
        let mut program = self
            .command_as("root", &[PROGRAM, service])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("nsenter (util-linux) should start");
        let rounds = program.stdin.take();
        let reports = BufReader::new(program.stdout.take().expect("stdout is a pipe"));
        Crowd { program, rounds, reports }
    }
}

impl Crowd {
    /// Lets all of these act at once, and returns what came of each, in the order of the parties.
    pub fn at_once(&mut self, parties: &[Party]) -> Vec<Act> {
        let round: Vec<String> = parties.iter().map(Party::line).collect();
        let rounds = self.rounds.as_mut().expect("it is taken on drop only");
        writeln!(rounds, "{}", round.join("\t")).expect("the crowd should hear of the round");
        let mut report = String::new();
        self.reports.read_line(&mut report).expect("a report is text");
        let acts: Vec<Act> = report.split_whitespace().map(act).collect();
        let taking_part: usize = parties.iter().map(|party| party.count).sum();
        assert_eq!(acts.len(), taking_part, "the crowd reported `{report}`");
        acts
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        // The end of its input is the end of the program.
        drop(self.rounds.take());
        let _ = self.program.wait();
    }
}

fn act(word: &str) -> Act {
    let mut numbers = word.split(':').map(str::parse::<i64>);
    let mut next = || match numbers.next() {
        Some(Ok(number)) => number,
        _ => panic!("the crowd reported `{word}`"),
    };
    let result = i32::try_from(next()).expect("results are small");
    let mut moment = || u64::try_from(next()).expect("the clock is positive");
    Act { result, began: moment(), ended: moment() }
}

/// The program, compiled once a test process, inside a host so that nothing of it stays.
fn built(host: &Host) -> &'static [u8] {
    static PROGRAM: OnceLock<Vec<u8>> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        host.write("/tmp/crowd.c", SOURCE);
        let flags = ["-std=gnu11", "-Wall", "-Wextra", "-Werror", "-O1"];
        let files = ["-o", "/tmp/crowd.out", "/tmp/crowd.c", "-lpam"];
        host.must_run(&[&["cc"], &flags[..], &files].concat());
        host.read("/tmp/crowd.out")
    })
}
