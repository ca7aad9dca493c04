//! All ends that a stack can come to, whatever its modules answer.
//!
//! Answers that a line treats alike are tried once, and a state that was met before is not met again: so the
//! work grows with the lines of a stack, and not with the number of ways through it.

use super::control::{Action, Answer};
use super::dispatch::State;
use super::handler::{Handler, Runs};
use super::modules;
use std::collections::{BTreeMap, HashSet};

/// How many answers are followed: in a stack that people write, hundreds.
const MOST_STEPS: usize = 50_000;

/// What pam_totp.so's line said on the way to an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Said {
    /// It did not run.
    Nothing,
    /// PAM_SUCCESS.
    Yes,
    /// PAM_IGNORE.
    NotAsked,
    /// A denial.
    No,
}

/// What happened on the way to an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Way {
    /// What the line that the question is about said last.
    pub line: Said,
    /// The line by which it did not run, or that line itself where it denied.
    pub by: Option<usize>,
    /// A line with `begin` ran.
    pub begun: bool,
    /// pam_rootok succeeded.
    pub rootok: Option<usize>,
    /// A module that shows who somebody is succeeded, or had no opinion: whom it ignores, it was told.
    pub shown: bool,
}

/// How a stack can end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    pub result: Answer,
    pub way: Way,
}

/// Every end of a stack in which the lines of pam_totp.so without `begin` answer as told; `None` where there is
/// too much to look at.
pub fn ends(handlers: &[Handler], line_answers: &[Answer]) -> Option<Vec<End>> {
    let resets =
        handlers.iter().any(|handler| Answer::all().any(|answer| handler.action(answer) == Action::Reset));
    let answers: Vec<Vec<Answer>> =
        handlers.iter().map(|handler| distinct(handler, &answers(handler, line_answers))).collect();
    let start = Way { line: Said::Nothing, by: None, begun: false, rootok: None, shown: false };
    let mut waiting = vec![(State::start(), start)];
    let mut met: HashSet<(State, Way)> = HashSet::new();
    let mut ends: Vec<End> = Vec::new();
    let mut steps = 0usize;
    while let Some((state, way)) = waiting.pop() {
        let Some((handler, answers)) = handlers.get(state.at).zip(answers.get(state.at)) else {
            let end = End { result: state.result(), way };
            if !ends.contains(&end) {
                ends.push(end);
            }
            continue;
        };
        steps = steps.saturating_add(answers.len());
        if steps > MOST_STEPS {
            return None;
        }
        for &answer in answers {
            let mut next = state.step(handlers, answer);
            next.simplify(resets);
            let way = way.after(handlers, state.at, next.at, handler, answer);
            if met.insert((next.clone(), way)) {
                waiting.push((next, way));
            }
        }
    }
    Some(ends)
}

impl Way {
    fn after(self, handlers: &[Handler], at: usize, next: usize, handler: &Handler, answer: Answer) -> Self {
        let mut way = self;
        match (handler.runs, handler.is_totp()) {
            (Runs::MissingModule, true) if handler.decides() => way.by = Some(at),
            (Runs::Module, true) if !handler.decides() => way.begun = true,
            (Runs::Module, true) => {
                way.line = match answer {
                    Answer::SUCCESS => Said::Yes,
                    Answer::IGNORE => Said::NotAsked,
                    _ => Said::No,
                };
                way.by = (way.line == Said::No).then_some(at);
            }
            (Runs::Module, false) if handler.module() == "pam_rootok.so" => {
                way.rootok = way.rootok.or((answer == Answer::SUCCESS).then_some(at));
            }
            (Runs::Module, false) if [Answer::SUCCESS, Answer::IGNORE].contains(&answer) => {
                way.shown |= modules::shows_identity(handler);
            }
            _ => {}
        }
        let skipped = handlers.get(at.saturating_add(1)..next).unwrap_or_default();
        if way.line == Said::Nothing && way.by.is_none() && skipped.iter().any(Handler::decides) {
            way.by = Some(at);
        }
        way
    }
}

fn answers(handler: &Handler, line_answers: &[Answer]) -> Vec<Answer> {
    match (handler.runs, handler.is_totp()) {
        (Runs::Module, true) if handler.decides() => line_answers.to_vec(),
        // A line with `begin` only notes that the phase began.
        (Runs::Module, true) => vec![Answer::IGNORE],
        (Runs::Module, false) => modules::answers(handler),
        // Any: it is not asked for.
        _ => vec![Answer::IGNORE],
    }
}

/// One answer of each sort: what follows it, what it is to the stack's own answer, and what it says of the line.
fn distinct(handler: &Handler, answers: &[Answer]) -> Vec<Answer> {
    let mut sorts = BTreeMap::new();
    for &answer in answers {
        let stands_out =
            [Answer::SUCCESS, Answer::NEW_AUTHTOK_REQD, Answer::IGNORE].iter().position(|&one| one == answer);
        sorts.entry((handler.action(answer), stands_out)).or_insert(answer);
    }
    sorts.into_values().collect()
}

/// Whether a stack that ends so lets the login go on: after `account`, also where the password must be changed
/// first.
pub fn goes_on(result: Answer, in_account: bool) -> bool {
    result == Answer::SUCCESS || (in_account && result == Answer::NEW_AUTHTOK_REQD)
}
