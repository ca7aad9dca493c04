//! `admin policy edit`: an editor on a copy, which is installed only if it checks.

use super::changes;
use super::check;
use super::confirm::{Replacement, confirm};
use super::install::{Held, NotInstalled};
use crate::exit::{Status, Stop, say_to_stderr};
use crate::terminal::Terminal;
use crate::text::printable;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use totp_core::policy::{Policy, PolicyError};

const NOTHING: &str = "nothing was changed";

pub fn run(path: &Path, terminal: &Terminal, yes: bool) -> Result<(), Stop> {
    let held = Held::take(path)?;
    let before = checked(&held, held.text());
    let draft = Draft::make(&held)?;
    let may_install = |after: &Policy| {
        confirm(terminal, yes, &Replacement { file: path, before: before.as_ref().ok(), after })
    };
    let Some((text, policy)) = edited(&held, &draft, terminal, may_install)? else {
        terminal.say(&format!("{}: unchanged.", printable(&path.to_string_lossy())))?;
        // What did not check before does not now.
        return before.map(drop).map_err(Stop::Policy);
    };
    let installed = draft.last_act(|| held.install(&text));
    installed.map_err(|error| match error {
        NotInstalled::Failed(stop) => stop,
        NotInstalled::Changed => changed_meanwhile(&held, &draft),
    })?;
    terminal.say(&format!("{}: the policy is good, and in force.", printable(&path.to_string_lossy())))?;
    match before {
        Ok(before) => {
            let changes = changes::between(&before, &policy);
            changes::log(&changes);
            changes::tell(terminal, &changes)?;
        }
        Err(_) => changes::log_repair(),
    }
    check::tell(terminal, &check::findings(&policy, &text));
    Ok(())
}

fn checked(held: &Held, text: &str) -> Result<Policy, PolicyError> {
    Policy::parse(&held.shown().to_string_lossy(), text).map_err(PolicyError::Invalid)
}

/// Lets the editor at the copy until it checks and `may_install` agrees, or until it is given up; `None` where
/// nothing was changed in it.
fn edited(
    held: &Held,
    draft: &Draft,
    terminal: &Terminal,
    may_install: impl Fn(&Policy) -> Result<(), Stop>,
) -> Result<Option<(String, Policy)>, Stop> {
    loop {
        draft.edit()?;
        let problem = match judged(held, draft, &may_install) {
            Ok(outcome) => return Ok(outcome),
            Err(problem) => problem,
        };
        say_to_stderr(&printable(&problem.to_string()));
        if !wants_to_go_on(terminal) {
            say_to_stderr(&format!("totp-enroll: discarded; {NOTHING}"));
            return Err(Stop::Told(problem.status()));
        }
    }
}

fn judged(
    held: &Held,
    draft: &Draft,
    may_install: impl Fn(&Policy) -> Result<(), Stop>,
) -> Result<Option<(String, Policy)>, Stop> {
    let text = Policy::read_draft(&draft.path)?;
    if text == held.text() {
        return Ok(None);
    }
    let policy = checked(held, &text)?;
    may_install(&policy)?;
    Ok(Some((text, policy)))
}

fn wants_to_go_on(terminal: &Terminal) -> bool {
    loop {
        match terminal.ask("What now? (e)dit again, (d)iscard: ").as_deref().map(|answer| answer.trim()) {
            Ok("e" | "edit" | "E") => return true,
            Ok("d" | "discard" | "D") => return false,
            Ok(_) | Err(Stop::LongLine) => {}
            // Nobody is there to answer.
            Err(_) => return false,
        }
    }
}

/// Keeps the copy under a name of its own: the work in it may be worth something.
fn changed_meanwhile(held: &Held, draft: &Draft) -> Stop {
    let theirs = format!(
        "{} was changed by somebody else meanwhile; their change stands, yours was not installed",
        held.shown().display()
    );
    Stop::Refused(match draft.keep(held) {
        Ok(kept) => format!("{theirs}; it is kept in {}", kept.display()),
        Err(error) => format!("{theirs} and could not be kept: {error}"),
    })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// A signal is for the editor: Ctrl-C means a search there, not the end.
    Editor,
    /// A signal ends the run.
    Waiting,
    /// A signal comes too late.
    Installing,
}

/// The copy that is edited, removed in every outcome.
struct Draft {
    path: PathBuf,
    stage: Arc<Mutex<Stage>>,
}

impl Draft {
    fn make(held: &Held) -> Result<Self, Stop> {
        let path = held.beside("edit");
        let stage = Arc::new(Mutex::new(Stage::Waiting));
        let watched = ([path.clone(), held.beside("lock")], Arc::clone(&stage));
        ctrlc::set_handler(move || interrupted(&watched.0, &watched.1)).map_err(Stop::Signals)?;
        // Held, so that a signal finds either no copy or a whole one.
        let guard = lock(&stage);
        let made = held.make_beside(&path, held.text());
        drop(guard);
        match made {
            Ok(_) => Ok(Self { path, stage }),
            Err(error) => {
                Err(Stop::Refused(format!("{}: no copy can be made: {error}; {NOTHING}", path.display())))
            }
        }
    }

    /// Runs the editor on it.
    fn edit(&self) -> Result<(), Stop> {
        *lock(&self.stage) = Stage::Editor;
        let ended = run_editor(&self.path);
        *lock(&self.stage) = Stage::Waiting;
        ended.map_err(|problem| Stop::Refused(format!("{problem}; {NOTHING}")))
    }

    fn last_act<T>(&self, act: impl FnOnce() -> T) -> T {
        *lock(&self.stage) = Stage::Installing;
        act()
    }

    /// Gives the copy a name that nobody has, and that says what it is.
    fn keep(&self, held: &Held) -> io::Result<PathBuf> {
        for number in 1..=99_u32 {
            let mut name = held.path().file_name().unwrap_or_default().to_owned();
            name.push(format!(".not-installed.{number}"));
            let kept = self.path.with_file_name(name);
            match fs::hard_link(&self.path, &kept) {
                Ok(()) => return Ok(kept),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::Error::other("too many copies are kept already"))
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

fn interrupted(own: &[PathBuf], stage: &Mutex<Stage>) {
    let stage = lock(stage);
    if *stage != Stage::Waiting {
        return;
    }
    for file in own {
        let _ = fs::remove_file(file);
    }
    say_to_stderr(&format!("\ntotp-enroll: interrupted; {NOTHING}"));
    std::process::exit(Status::Interrupted as i32);
}

fn lock(stage: &Mutex<Stage>) -> MutexGuard<'_, Stage> {
    stage.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs the editor that the environment names, or the one that the host has.
fn run_editor(file: &Path) -> Result<(), String> {
    let named = ["VISUAL", "EDITOR"].into_iter().find_map(|name| words(std::env::var_os(name)?));
    let candidates =
        named.map_or_else(|| vec![vec!["editor".to_owned()], vec!["vi".to_owned()]], |one| vec![one]);
    let mut missing = String::new();
    for words in candidates {
        let Some((program, arguments)) = words.split_first() else { continue };
        match Command::new(program).args(arguments).arg(file).status() {
            Ok(status) if status.success() => return Ok(()),
            Ok(status) => return Err(format!("the editor \"{program}\" failed: {status}")),
            Err(error) => missing = format!("the editor \"{program}\" cannot be run: {error}"),
        }
    }
    Err(missing)
}

/// A command as a variable names it, with its arguments.
fn words(variable: OsString) -> Option<Vec<String>> {
    let text = variable.to_string_lossy();
    let words: Vec<_> = text.split_whitespace().map(str::to_owned).collect();
    (!words.is_empty()).then_some(words)
}
