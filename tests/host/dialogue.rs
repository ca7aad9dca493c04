//! A program on a terminal of its own, and what a person sees and types there.
//! For programs that ask line by line; whole screens are terminal.rs.

use rexpect::process::WaitStatus;
use rexpect::session::PtySession;
use std::process::Command;
use std::time::{Duration, Instant};

/// How long a person waits for the next words, in milliseconds.
const PATIENCE: u64 = 30_000;

/// A conversation under way; the program is ended on drop.
pub struct Dialogue {
    session: PtySession,
    seen: String,
}

impl Dialogue {
    /// Starts the command in a new terminal.
    pub fn start(command: Command) -> Dialogue {
        let mut session = rexpect::session::spawn_command(command, Some(PATIENCE))
            .expect("the program should start in a terminal");
        session.process_mut().set_kill_timeout(Some(1000));
        Dialogue { session, seen: String::new() }
    }

    /// Waits for this text and returns what came before it.
    pub fn sees(&mut self, text: &str) -> String {
        let before = match self.session.exp_string(text) {
            Ok(before) => before,
            Err(error) => panic!("`{text}` was never shown ({error}); before that:\n{}", self.seen),
        };
        self.seen.push_str(&before);
        self.seen.push_str(text);
        before
    }

    /// Types a line.
    pub fn types(&mut self, line: &str) -> &mut Dialogue {
        self.session.send_line(line).expect("the terminal should take a line");
        self
    }

    /// Waits for a prompt and answers it.
    pub fn answers(&mut self, prompt: &str, line: &str) -> &mut Dialogue {
        self.sees(prompt);
        self.types(line)
    }

    /// A shell of this user answers.
    pub fn is_let_in_as(&mut self, user: &str) {
        // What is typed before the shell's prompt may be thrown away by whoever asked for the password.
        match self.session.exp_regex("[$#] $") {
            Ok((before, prompt)) => self.seen.extend([before, prompt]),
            Err(error) => panic!("no shell came ({error}); before that:\n{}", self.seen),
        }
        self.types("echo let-in-as-$(id -un)-");
        self.sees(&format!("let-in-as-{user}-"));
    }

    /// Waits for the end and returns what was said until then.
    pub fn ends(&mut self) -> String {
        let rest = match self.session.exp_eof() {
            Ok(rest) => rest,
            Err(error) => panic!("the program did not end ({error}); before that:\n{}", self.seen),
        };
        self.seen.push_str(&rest);
        rest
    }

    /// Waits for the end and returns the exit status.
    pub fn exit_status(&mut self) -> i32 {
        self.ends();
        let deadline = Instant::now() + Duration::from_millis(PATIENCE);
        loop {
            match self.session.process().status() {
                Some(WaitStatus::Exited(_, status)) => return status,
                Some(WaitStatus::Signaled(_, signal, _)) => panic!("the program died of {signal}"),
                _ => assert!(Instant::now() < deadline, "the program closed its terminal but lives on"),
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Everything shown so far that was waited for.
    pub fn seen(&self) -> &str {
        &self.seen
    }
}
