//! What libpam makes of a stack whose modules answer so and so: the rules of `_pam_dispatch_aux`.
//!
//! [`State::step`] is the one place that knows them; `explore` goes on by it. A test holds both against the
//! library itself.

use super::control::{Action, Answer};
use super::handler::{Handler, Runs};

/// What a stack looks like so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Impression {
    Undecided,
    Positive,
    Negative,
}

/// Where libpam stands in a stack.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    /// The handler that comes next; past the last one, the stack has ended.
    pub at: usize,
    pub impression: Impression,
    /// What the stack answers if it ends now.
    pub status: Answer,
    /// How deep in substacks the last handler stood.
    level: usize,
    /// What `reset` goes back to: by level, how the stack stood where it was entered.
    entered: Vec<(Impression, Answer)>,
}

impl State {
    /// Before the first line.
    pub fn start() -> Self {
        let (impression, status) = (Impression::Undecided, Answer::PERM_DENIED);
        Self { at: 0, impression, status, level: 0, entered: vec![(impression, status)] }
    }

    /// The state after the handler that is next gave this answer; handlers that run no module ignore it.
    pub fn step(&self, handlers: &[Handler], answer: Answer) -> Self {
        let Some(handler) = handlers.get(self.at) else { return self.clone() };
        let mut next = self.clone();
        next.level = handler.level;
        next.at = self.at.saturating_add(1);
        if self.level < handler.level {
            next.entered.resize(handler.level, (self.impression, self.status));
            next.entered.push((self.impression, self.status));
        } else {
            next.entered.truncate(handler.level.saturating_add(1));
        }
        let answer = match handler.runs {
            Runs::Nothing => return next,
            Runs::Denial => Answer::PERM_DENIED,
            Runs::MissingModule => Answer::MODULE_UNKNOWN,
            Runs::Module => answer,
        };
        next.take(handlers, answer, handler.action(answer));
        next
    }

    fn take(&mut self, handlers: &[Handler], answer: Answer, action: Action) {
        match action {
            Action::Ignore => {}
            Action::Reset => {
                if let Some(&(impression, status)) = self.entered.get(self.level) {
                    (self.impression, self.status) = (impression, status);
                }
            }
            Action::Ok | Action::Done => {
                let replaceable = self.impression == Impression::Positive && self.status == Answer::SUCCESS;
                if self.impression == Impression::Undecided || replaceable {
                    self.impression = Impression::Positive;
                    self.status = answer;
                }
                if action == Action::Done && self.impression == Impression::Positive {
                    self.leave(handlers);
                }
            }
            Action::Bad | Action::Die => {
                if self.impression != Impression::Negative {
                    self.impression = Impression::Negative;
                    self.status = if answer == Answer::IGNORE { Answer::PERM_DENIED } else { answer };
                }
                if action == Action::Die {
                    self.leave(handlers);
                }
            }
            Action::Jump(lines) => self.jump(handlers, lines),
        }
    }

    /// Ends the stack, or the substack where it stands in one.
    fn leave(&mut self, handlers: &[Handler]) {
        while handlers.get(self.at).is_some_and(|next| next.level >= self.level) {
            self.at = self.at.saturating_add(1);
        }
    }

    /// Skips so many lines of this level, where a substack is one. A jump over the end denies.
    fn jump(&mut self, handlers: &[Handler], lines: u32) {
        for _ in 0..lines {
            if handlers.get(self.at).is_none_or(|next| next.level < self.level) {
                self.impression = Impression::Negative;
                self.status = Answer::PERM_DENIED;
                return;
            }
            self.at = self.at.saturating_add(1);
            while handlers.get(self.at).is_some_and(|next| next.level > self.level) {
                self.at = self.at.saturating_add(1);
            }
        }
    }

    /// What a stack answers that ends so.
    pub fn result(&self) -> Answer {
        if self.status == Answer::SUCCESS && self.impression != Impression::Positive {
            return Answer::PERM_DENIED;
        }
        self.status
    }

    /// Forgets what no later line can tell apart, so that fewer states differ: libpam asks of the status only
    /// whether it is success, and callers only whether the login goes on.
    pub fn simplify(&mut self, resets: bool) {
        let simple = |status: &mut Answer| {
            if ![Answer::SUCCESS, Answer::NEW_AUTHTOK_REQD].contains(status) {
                *status = Answer::PERM_DENIED;
            }
        };
        simple(&mut self.status);
        if resets {
            self.entered.iter_mut().for_each(|(_, status)| simple(status));
        } else {
            self.entered.clear();
        }
    }
}
