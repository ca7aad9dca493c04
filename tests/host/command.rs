//! Programs run on a host without a terminal, and how they ended.

use crate::Host;
use std::io::{ErrorKind, Write};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, Stdio};

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

    /// Runs a command as a user, with this on standard input; it may take a minute.
    pub fn run_with_input(&self, user: &str, words: &[&str], input: impl AsRef<[u8]>) -> Outcome {
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

    /// Starts a command as a user in a terminal of its own.
    pub fn dialogue_as(&self, user: &str, words: &[&str]) -> crate::Dialogue {
        crate::Dialogue::start(self.command_as(user, words))
    }
}
