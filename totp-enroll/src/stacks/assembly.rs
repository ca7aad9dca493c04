//! Puts a stack together from a service's file and those that it includes, as libpam does when it starts.

use super::files::{File, Files};
use super::handler::{Handler, Runs};
use super::line::{Kind, Line, Scope, Target};
use std::rc::Rc;

/// How deep libpam follows files that include others (PAM_SUBSTACK_MAX_LEVEL).
const DEEPEST: usize = 16;
/// How many lines of a service are looked at, those of included files each time they are included: files that
/// include each other twice and more would never end.
const MOST_LINES: usize = 1_000;

/// The four stacks of a service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stack {
    pub auth: Vec<Handler>,
    pub account: Vec<Handler>,
    pub session: Vec<Handler>,
    pub password: Vec<Handler>,
    /// libpam cannot use it: every call ends in an error, and so nobody gets in.
    pub unusable: bool,
    /// It has more lines than are looked at.
    pub too_long: bool,
}

impl Stack {
    pub fn of(&self, kind: Kind) -> &[Handler] {
        match kind {
            Kind::Auth => &self.auth,
            Kind::Account => &self.account,
            Kind::Session => &self.session,
            Kind::Password => &self.password,
        }
    }

    fn of_mut(&mut self, kind: Kind) -> &mut Vec<Handler> {
        match kind {
            Kind::Auth => &mut self.auth,
            Kind::Account => &mut self.account,
            Kind::Session => &mut self.session,
            Kind::Password => &mut self.password,
        }
    }

    /// Takes the lines of the service `other` for each kind of which it has none itself.
    pub fn or(mut self, other: &Stack) -> Self {
        for kind in [Kind::Auth, Kind::Account, Kind::Session, Kind::Password] {
            if self.of(kind).is_empty() {
                *self.of_mut(kind) = other.of(kind).to_vec();
            }
        }
        // libpam reads that one for every service.
        self.unusable |= other.unusable;
        self.too_long |= other.too_long;
        self
    }
}

/// A part that libpam could not read.
struct Failed;

/// Puts the stack of a service together.
pub fn assemble(files: &mut Files<'_>, file: &Rc<File>) -> Stack {
    let mut assembly = Assembly { files, stack: Stack::default(), lines_left: MOST_LINES };
    let top = Position { requested: None, includes: 0, level: 0 };
    if assembly.take(file, top).is_err() {
        assembly.stack.unusable = true;
    }
    let stack = assembly.stack;
    if stack.too_long {
        files.troubles.insert(format!(
            "{} has more than {MOST_LINES} lines with those that it includes, and no more are looked at",
            file.path
        ));
    }
    stack
}

/// From where a file is read.
#[derive(Clone, Copy)]
struct Position {
    /// The kind whose lines are wanted; `None` for all.
    requested: Option<Kind>,
    includes: usize,
    level: usize,
}

struct Assembly<'f, 'r> {
    files: &'f mut Files<'r>,
    stack: Stack,
    lines_left: usize,
}

impl Assembly<'_, '_> {
    fn take(&mut self, file: &Rc<File>, position: Position) -> Result<(), Failed> {
        for line in &file.lines {
            let Some(left) = self.lines_left.checked_sub(1) else {
                self.stack.too_long = true;
                return Ok(());
            };
            self.lines_left = left;
            self.take_line(file, line, position);
        }
        if file.whole { Ok(()) } else { Err(Failed) }
    }

    fn take_line(&mut self, file: &Rc<File>, line: &Rc<Line>, position: Position) {
        let kind = match line.scope {
            Scope::Of(kind) => Some(kind),
            Scope::Every => position.requested,
            Scope::Unknown => Some(position.requested.unwrap_or(Kind::Auth)),
        };
        if position.requested.is_some() && kind != position.requested {
            return;
        }
        let handler = |kind, runs| Handler {
            kind,
            level: position.level,
            runs,
            file: Rc::clone(&file.path),
            line: Rc::clone(line),
        };
        let runs = match &line.target {
            Target::Module { path, .. } if self.files.lacks_module(path) => Runs::MissingModule,
            Target::Module { .. } => Runs::Module,
            Target::Broken { .. } => Runs::Denial,
            Target::File { name, substack } => {
                if *substack && let Some(kind) = kind {
                    self.stack.of_mut(kind).push(handler(kind, Runs::Nothing));
                }
                let inside = Position {
                    requested: kind,
                    includes: position.includes.saturating_add(1),
                    level: position.level.saturating_add(usize::from(*substack)),
                };
                if self.include(name.as_deref(), inside).is_ok() {
                    return;
                }
                Runs::Denial
            }
        };
        match kind {
            Some(kind) => self.stack.of_mut(kind).push(handler(kind, runs)),
            // libpam has no kind for a line that denies in place of such a file, and gives up.
            None => self.stack.unusable = true,
        }
    }

    fn include(&mut self, name: Option<&str>, position: Position) -> Result<(), Failed> {
        let path = self.files.included(name.ok_or(Failed)?);
        if position.includes >= DEEPEST {
            self.files.trouble(&path, "it includes itself, or files include each other too deeply");
            return Err(Failed);
        }
        let file = self.files.read(&path).ok_or(Failed)?;
        self.take(&file, position)
    }
}
