//! Programs run on a host without a terminal, and how they ended.

use crate::{HELPER, Host};
use std::io::{ErrorKind, Read as _, Write};
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Command, Stdio};

/// How a program ended.
#[derive(Debug)]
pub struct Outcome {
    /// The exit status; 128 and the number for a signal.
    pub status: i32,
    /// What it wrote to standard output.
    pub stdout: String,
    /// What it wrote to standard error.
    pub stderr: String,
}

impl Outcome {
    /// Standard output as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("this is not JSON ({error}): {self:?}"))
    }

    /// Everything it wrote.
    pub fn text(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }
}

impl Host {
    /// A command of this user, not yet started; for root without a change of identity.
    pub fn command_as(&self, user: &str, words: &[&str]) -> Command {
        let (program, arguments) = words.split_first().expect("a command has a name");
        let mut command = if user == "root" {
            self.namespace.command(program)
        } else {
            let mut command = self.namespace.command("setpriv");
            command
                .arg(format!("--reuid={user}"))
                .arg(format!("--regid={user}"))
                .args(["--init-groups", "--", program])
                .env("HOME", format!("/home/{user}"));
            command
        };
        command.args(arguments).env("USER", user).env("LOGNAME", user).env("SHELL", "/bin/bash");
        command
    }

    /// Runs a command as root, with nothing on standard input.
    pub fn run(&self, words: &[&str]) -> Outcome {
        self.run_as("root", words)
    }

    /// Runs a command as root that must succeed, and returns its standard output.
    pub fn must_run(&self, words: &[&str]) -> String {
        let outcome = self.run(words);
        assert_eq!(outcome.status, 0, "{words:?} failed: {outcome:?}");
        outcome.stdout
    }

    /// Runs a command as a user, with nothing on standard input.
    pub fn run_as(&self, user: &str, words: &[&str]) -> Outcome {
        self.run_with_input(user, words, "")
    }

    /// Runs a command as a user, with this on standard input; it may take a minute. totp-helper gets a socket.
    pub fn run_with_input(&self, user: &str, words: &[&str], input: impl AsRef<[u8]>) -> Outcome {
        if words.contains(&HELPER) {
            return self.run_on_socket(user, words, input);
        }
        let limited = [&["timeout", "--kill-after=5", "60"], words].concat();
        let mut child = self
            .command_as(user, &limited)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("nsenter (util-linux) should start");
        let mut stdin = child.stdin.take().expect("stdin is a pipe");
        match stdin.write_all(input.as_ref()) {
            Err(error) if error.kind() != ErrorKind::BrokenPipe => panic!("{words:?}: {error}"),
            _ => drop(stdin),
        }
        let output = child.wait_with_output().expect("a program ends");
        let ended = output.status;
        let status =
            ended.code().or_else(|| Some(128 + ended.signal()?)).expect("a program that ended says how");
        assert!(status != 124, "{words:?} did not end in time");
        Outcome {
            status,
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// As [`Host::run_with_input`], with one socket for standard input and output, as totp-helper is started.
    pub fn run_on_socket(&self, user: &str, words: &[&str], input: impl AsRef<[u8]>) -> Outcome {
        let limited = [&["timeout", "--kill-after=5", "60"], words].concat();
        let (mut ours, child) = self.start_on_socket(user, &limited);
        match ours.write_all(input.as_ref()) {
            Err(error) if !matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset) => {
                panic!("{words:?}: {error}")
            }
            _ => {}
        }
        ended_on_socket(ours, child)
    }

    /// Starts a command on a socket, and returns the other end of it.
    pub fn start_on_socket(&self, user: &str, words: &[&str]) -> (UnixStream, Child) {
        let (ours, theirs) = UnixStream::pair().expect("the kernel has room for sockets");
        let output = theirs.try_clone().expect("the kernel has room for descriptors");
        let child = self
            .command_as(user, words)
            .stdin(OwnedFd::from(theirs))
            .stdout(OwnedFd::from(output))
            .stderr(Stdio::piped())
            .spawn()
            .expect("nsenter (util-linux) should start");
        (ours, child)
    }

    /// Starts a command as a user in a terminal of its own.
    pub fn dialogue_as(&self, user: &str, words: &[&str]) -> crate::Dialogue {
        crate::Dialogue::start(self.command_as(user, words))
    }
}

/// Ends the input of a command on a socket, and takes what it says until it has ended.
pub fn ended_on_socket(mut ours: UnixStream, child: Child) -> Outcome {
    // Fails where the program is gone already.
    let _ = ours.shutdown(Shutdown::Write);
    let mut answer = Vec::new();
    match ours.read_to_end(&mut answer) {
        // What it left unread; its answer came first.
        Err(error) if error.kind() != ErrorKind::ConnectionReset => panic!("{error}"),
        _ => {}
    }
    let output = child.wait_with_output().expect("a program ends");
    let ended = output.status;
    let status = ended.code().or_else(|| Some(128 + ended.signal()?)).expect("a program that ended says how");
    assert!(status != 124, "it did not end in time: {output:?}");
    Outcome {
        status,
        stdout: String::from_utf8_lossy(&answer).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}
