//! A stack as libpam holds it in memory: the lines of a service and of the files it includes, in one row.

use super::control::{Action, Answer, Control};
use super::line::{Kind, Line, Target};
use std::fmt;
use std::rc::Rc;

/// What a handler runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Runs {
    /// Its module.
    Module,
    /// A module that is not on the disk, with or without a dash: the answer is PAM_MODULE_UNKNOWN.
    MissingModule,
    /// No module: a line that libpam cannot use answers PAM_PERM_DENIED.
    Denial,
    /// Nothing: where a substack begins.
    Nothing,
}

/// A line in its place in a stack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handler {
    /// The stack it stands in.
    pub kind: Kind,
    /// How deep in substacks it stands.
    pub level: usize,
    pub runs: Runs,
    /// The file it stands in.
    pub file: Rc<str>,
    pub line: Rc<Line>,
}

impl Handler {
    /// What follows this answer of it.
    pub fn action(&self, answer: Answer) -> Action {
        self.control().map_or(Action::Bad, |control| control.action(answer))
    }

    fn control(&self) -> Option<&Control> {
        match &self.line.target {
            Target::Module { control, .. } | Target::Broken { control } => Some(control),
            // That of a file that could not be included.
            Target::File { .. } => None,
        }
    }

    /// The name of its module without a directory; empty where it has none.
    pub fn module(&self) -> &str {
        match &self.line.target {
            Target::Module { path, .. } => path.rsplit('/').next().unwrap_or(path),
            _ => "",
        }
    }

    /// The arguments of its module.
    pub fn arguments(&self) -> &[String] {
        match &self.line.target {
            Target::Module { arguments, .. } => arguments,
            _ => &[],
        }
    }

    /// Whether it is a line of pam_totp.so.
    pub fn is_totp(&self) -> bool {
        self.module() == "pam_totp.so"
    }

    /// Whether an argument says so.
    pub fn says(&self, argument: &str) -> bool {
        self.arguments().iter().any(|one| one == argument)
    }

    /// Whether it is pam_totp.so's line of an auth stack that only notes that the phase began.
    pub fn is_begin(&self) -> bool {
        self.kind == Kind::Auth && self.is_totp() && self.says("begin")
    }

    /// Whether pam_totp.so decides here: an auth line that asks for the code, or an account or session line.
    pub fn decides(&self) -> bool {
        self.is_totp() && !self.is_begin()
    }
}

/// What an administrator looks for: `sufficient pam_unix.so (line 2 of /etc/pam.d/su)`.
impl fmt::Display for Handler {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.line.target, self.control()) {
            (Target::Module { path, .. }, Some(control)) => write!(formatter, "{} {path}", control.text()),
            (Target::File { name, .. }, _) => {
                write!(formatter, "the inclusion of {}", name.as_deref().unwrap_or("nothing"))
            }
            _ => write!(formatter, "a line without sense"),
        }?;
        write!(formatter, " (line {} of {})", self.line.number, self.file)
    }
}
