//! Programs under strace: which system calls they make, and one of them failing or being the last.

use host::{HELPER, Host, Outcome, STORE};
use std::collections::BTreeMap;

/// Where strace writes on the host.
pub const LOG: &str = "/tmp/strace.log";

/// A program that does not end in this many seconds hangs. The client of totp-helper gives up after ten: a close
/// that strace fails leaves the descriptor open, and the end of the answer never comes.
pub const PATIENCE: &str = "40";

/// Errors a call fails with. All of them for each: what a call may fail with is the kernel's to say, not ours.
pub const ERRORS: [&str; 6] = ["EIO", "ENOSPC", "EINTR", "EMFILE", "ENOMEM", "EROFS"];

/// Calls that never fail, or fail in a way that strace cannot play: brk gives the old break then, and libc takes an
/// errno for a new one, far away; a sleep may be interrupted, but not fail. The process may be killed at them all the
/// same.
const CANNOT_FAIL: [&str; 9] =
    ["brk", "umask", "getuid", "geteuid", "getgid", "getegid", "getpid", "gettid", "clock_nanosleep"];

/// Calls that end what the process was, or are part of a signal.
const NO_PART: [&str; 5] = ["execve", "exit", "exit_group", "rt_sigreturn", "restart_syscall"];

/// Calls of a loop that waits for a process to end. How many there are is a matter of chance: only the first counts,
/// and that one need not be met again.
const WAITING: [&str; 3] = ["wait4", "waitid", "clock_nanosleep"];

/// The status of a program that was killed.
const KILLED: i32 = 128 + 9;

/// One system call of a program.
#[derive(Clone, Debug)]
pub struct Call {
    /// As strace names it.
    pub name: String,
    /// The how many-th of its name in this process, from one.
    pub number: usize,
}

/// What befalls a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It fails with this errno and does nothing.
    Error(&'static str),
    /// The process is killed before the call does anything.
    Kill,
}

/// How a program is traced: with the processes it starts, or alone.
#[derive(Clone, Copy)]
pub struct Tracer<'a> {
    /// Who runs the program.
    pub user: &'a str,
    /// Standard input.
    pub input: &'a str,
    /// Options of strace besides.
    pub options: &'a [&'a str],
    /// The text in the log from which on calls may fail.
    pub from: &'a str,
}

impl<'a> Tracer<'a> {
    /// As root, with nothing to read, from the module or tool's first look at this path on.
    pub fn from(path: &'a str) -> Tracer<'a> {
        Tracer { user: "root", input: "", options: &["-f", "--seccomp-bpf"], from: path }
    }

    fn run(&self, host: &Host, options: &[&str], words: &[&str]) -> Outcome {
        let patience = ["timeout", "--kill-after=1", PATIENCE, "strace", "-o", LOG, "-u", self.user];
        let all = [&patience, self.options, options, words].concat();
        host.run_with_input("root", &all, self.input)
    }

    /// The calls of an undisturbed run that ends with this status: from the text on to the last that has to
    /// do with the store, and what is written and sent after that.
    pub fn calls(&self, host: &Host, words: &[&str], status: i32) -> Vec<Call> {
        let outcome = self.run(host, &["-y"], words);
        assert_eq!(outcome.status, status, "{words:?}: {outcome:?}");
        let log = log(host);
        let lines: Vec<&str> = log.lines().collect();
        let last = lines.iter().rposition(|line| line.contains(STORE) || line.contains(HELPER)).unwrap_or(0);
        let mut numbers = BTreeMap::new();
        let mut calls = Vec::new();
        let mut entered = false;
        for (place, line) in lines.iter().enumerate() {
            let Some(name) = name_in(line) else { continue };
            // The end of a child came between, by chance; it is made again.
            if line.contains(" EINTR ") {
                continue;
            }
            let number = numbers.entry(name.to_owned()).or_insert(0);
            *number += 1;
            entered |= line.contains(self.from);
            let concerns = place <= last || matches!(name, "write" | "sendto" | "poll" | "recvfrom");
            let by_chance = WAITING.contains(&name) && *number > 1;
            if entered && concerns && !by_chance && !NO_PART.contains(&name) {
                calls.push(Call { name: name.to_owned(), number: *number });
            }
        }
        assert!(calls.len() > 10, "`{}` is not in the log: {log}", self.from);
        calls
    }

    /// A run in which this befalls this call. `None` where the run never came to it.
    pub fn run_with(&self, host: &Host, call: &Call, fault: Fault, words: &[&str]) -> Option<Outcome> {
        let Call { name, number } = call;
        let what = match fault {
            Fault::Error(error) => format!("error={error}"),
            Fault::Kill => "signal=KILL".to_owned(),
        };
        let trace = format!("trace={name}");
        let inject = format!("inject={name}:{what}:when={number}");
        // strace forgets the signal where the kernel filters for it.
        let quick = self.options.iter().filter(|option| fault != Fault::Kill || **option != "--seccomp-bpf");
        let options: Vec<&str> = quick.copied().collect();
        let outcome = Tracer { options: &options, ..*self }.run(host, &["-e", &trace, "-e", &inject], words);
        let happened = match fault {
            Fault::Error(_) => log(host).contains("(INJECTED)"),
            // strace dies as its program does, and leaves its log behind unfinished.
            Fault::Kill => outcome.status == KILLED,
        };
        happened.then_some(outcome)
    }

    /// Every fault in every call; before each of them `before`, and after each `check`, which says what is
    /// wrong. Returns how many there were.
    pub fn each_fault(
        &self,
        host: &Host,
        words: &[&str],
        calls: &[Call],
        before: impl Fn(),
        check: impl Fn(Fault, &Outcome) -> Result<(), String>,
    ) -> usize {
        let (mut done, mut missed, mut wrong) = (0, Vec::new(), Vec::new());
        for call in calls {
            let errors = ERRORS.iter().filter(|_| !CANNOT_FAIL.contains(&call.name.as_str()));
            for fault in errors.map(|error| Fault::Error(error)).chain([Fault::Kill]) {
                before();
                let Some(outcome) = self.run_with(host, call, fault, words) else {
                    if WAITING.contains(&call.name.as_str()) {
                        continue;
                    }
                    missed.push(format!("{} no. {} with {fault:?}", call.name, call.number));
                    continue;
                };
                done += 1;
                let ended = match (fault, outcome.status) {
                    (Fault::Kill, KILLED) => Ok(()),
                    (_, status) if status < 100 && !outcome.text().contains("panicked") => Ok(()),
                    _ => Err("it did not end as a program should".to_owned()),
                };
                if let Err(why) = ended.and_then(|()| check(fault, &outcome)) {
                    wrong.push(format!(
                        "{} no. {} with {fault:?}: {why}: {outcome:?}",
                        call.name, call.number
                    ));
                }
            }
        }
        assert!(wrong.is_empty(), "of {done} faults {} did harm:\n{}", wrong.len(), wrong.join("\n"));
        // A call or two fewer, as when a buffer was large enough this time.
        assert!(
            missed.len() * 50 <= done,
            "of {} calls these faults never happened: {missed:?}",
            calls.len()
        );
        eprintln!("{}: {} calls, {done} faults; never met: {missed:?}", words[0], calls.len());
        done
    }
}

/// What strace wrote.
pub fn log(host: &Host) -> String {
    String::from_utf8_lossy(&host.read(LOG)).into_owned()
}

/// The name of the call in a line of the log; `None` for signals, ends, and second halves.
fn name_in(line: &str) -> Option<&str> {
    let call = line.trim_start_matches(|c: char| c.is_ascii_digit()).trim_start();
    let (name, _) = call.split_once('(')?;
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    (!name.is_empty() && name.bytes().all(plain)).then_some(name)
}
