//! A program that strace stops after one of its system calls, until it is to go on.

use crate::strace::{Call, PATIENCE};
use host::{Host, Outcome, ended_on_socket};
use std::cell::RefCell;
use std::io::Write as _;
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::process::Child;

/// A program between two of its system calls.
pub struct Frozen {
    socket: UnixStream,
    child: Child,
    /// Its number among the processes of the host.
    process: String,
}

impl Frozen {
    /// Starts a program and returns once it has done this call. `name` tells its log from another's.
    pub fn after(
        host: &Host,
        name: &str,
        options: &[&str],
        call: &Call,
        words: &[&str],
        input: &str,
    ) -> Frozen {
        let Call { name: made, number } = call;
        let log = format!("/tmp/{name}.log");
        let (trace, inject) = (format!("trace={made}"), format!("inject={made}:signal=STOP:when={number}"));
        host.write(&log, "");
        let traced = ["strace", "-f", "-o", &log, "-e", &trace, "-e", &inject];
        let patience = ["timeout", "--kill-after=1", PATIENCE];
        let (mut socket, child) =
            host.start_on_socket("root", &[&patience, &traced[..], options, words].concat());
        socket.write_all(input.as_bytes()).expect("there is room for it");
        socket.shutdown(Shutdown::Write).expect("it is not closed yet");
        let process = RefCell::new(String::new());
        host.wait_until(&format!("{words:?} is stopped after {call:?}"), |host| {
            let log = String::from_utf8_lossy(&host.read(&log)).into_owned();
            let stopped = log.lines().find(|line| line.contains("stopped by SIGSTOP"));
            process.replace(stopped.and_then(|line| line.split(' ').next()).unwrap_or_default().to_owned());
            stopped.is_some()
        });
        Frozen { socket, child, process: process.into_inner() }
    }

    /// Lets it go on to its end.
    pub fn goes_on(self, host: &Host) -> Outcome {
        self.ends(host, "-CONT")
    }

    /// It does nothing more.
    pub fn dies(self, host: &Host) -> Outcome {
        self.ends(host, "-KILL")
    }

    fn ends(self, host: &Host, signal: &str) -> Outcome {
        host.must_run(&["kill", signal, &self.process]);
        // strace dies as its program does.
        ended_on_socket(self.socket, self.child)
    }
}
