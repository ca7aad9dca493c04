//! The control of a line: what libpam does about each answer of its module, as pam.conf(5) writes it.

use std::fmt;

/// What libpam calls its return codes in brackets; the place in this list is the number.
const NAMES: [&str; 32] = [
    "success",
    "open_err",
    "symbol_err",
    "service_err",
    "system_err",
    "buf_err",
    "perm_denied",
    "auth_err",
    "cred_insufficient",
    "authinfo_unavail",
    "user_unknown",
    "maxtries",
    "new_authtok_reqd",
    "acct_expired",
    "session_err",
    "cred_unavail",
    "cred_expired",
    "cred_err",
    "no_module_data",
    "conv_err",
    "authtok_err",
    "authtok_recover_err",
    "authtok_lock_busy",
    "authtok_disable_aging",
    "try_again",
    "ignore",
    "abort",
    "authtok_expired",
    "module_unknown",
    "bad_item",
    "conv_again",
    "incomplete",
];

/// What a module, or a whole stack, answers: a return code of libpam.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Answer(usize);

impl Answer {
    pub const SUCCESS: Self = Self(0);
    pub const PERM_DENIED: Self = Self(6);
    pub const AUTH_ERR: Self = Self(7);
    pub const AUTHINFO_UNAVAIL: Self = Self(9);
    pub const USER_UNKNOWN: Self = Self(10);
    pub const NEW_AUTHTOK_REQD: Self = Self(12);
    pub const IGNORE: Self = Self(25);
    pub const MODULE_UNKNOWN: Self = Self(28);
    /// The module waits for the application, which then calls again.
    pub const INCOMPLETE: Self = Self(31);

    /// Every answer there is.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..NAMES.len()).map(Self)
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(NAMES.get(self.0).unwrap_or(&"?"))
    }
}

/// What follows an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    Ignore,
    Ok,
    Done,
    Bad,
    Die,
    Reset,
    /// So many lines are skipped; at least one.
    Jump(u32),
}

const ACTIONS: [(&str, Action); 6] = [
    ("ignore", Action::Ignore),
    ("ok", Action::Ok),
    ("done", Action::Done),
    ("bad", Action::Bad),
    ("die", Action::Die),
    ("reset", Action::Reset),
];

/// The actions of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Control {
    actions: [Action; NAMES.len()],
    /// As it stands in the file.
    text: String,
}

impl Control {
    /// Reads a control: a word, or pairs of answer and action, which need no brackets where they hold no blank.
    pub fn parse(word: &str, text: String) -> Self {
        use Action::{Bad, Die, Done, Ignore, Ok};
        let by_word = |success, ignore, default| {
            let mut actions = [default; NAMES.len()];
            for (answer, action) in
                [(Answer::SUCCESS, success), (Answer::NEW_AUTHTOK_REQD, success), (Answer::IGNORE, ignore)]
            {
                if let Some(place) = actions.get_mut(answer.0) {
                    *place = action;
                }
            }
            actions
        };
        let actions = match word.to_ascii_lowercase().as_str() {
            "required" => by_word(Ok, Ignore, Bad),
            "requisite" => by_word(Ok, Ignore, Die),
            "optional" => by_word(Ok, Ignore, Ignore),
            "sufficient" => by_word(Done, Ignore, Ignore),
            // An error in one pair spoils all of them.
            _ => pairs(word).unwrap_or([Bad; NAMES.len()]),
        };
        Self { actions, text }
    }

    /// That of a line which libpam cannot use.
    pub fn bad() -> Self {
        Self { actions: [Action::Bad; NAMES.len()], text: String::new() }
    }

    /// What follows this answer.
    pub fn action(&self, answer: Answer) -> Action {
        self.actions.get(answer.0).copied().unwrap_or(Action::Bad)
    }

    /// As it stands in the file.
    pub fn text(&self) -> &str {
        &self.text
    }
}

/// Reads `answer=action` pairs; `None` for what libpam takes for an error. Names are compared by their
/// beginning, so nothing need stand between two pairs.
fn pairs(text: &str) -> Option<[Action; NAMES.len()]> {
    let mut actions = [None; NAMES.len()];
    let mut rest = blanks(text);
    while !rest.is_empty() {
        // `default` stands last in libpam's list, too.
        let names = NAMES.iter().chain([&"default"]);
        let (place, left) =
            names.enumerate().find_map(|(place, name)| rest.strip_prefix(name).map(|left| (place, left)))?;
        let (action, left) = action(blanks(blanks(left).strip_prefix('=')?))?;
        match actions.get_mut(place) {
            Some(one) => *one = Some(action),
            // It fills what was not named so far; what is named later counts all the same.
            None => actions.iter_mut().for_each(|one| *one = one.or(Some(action))),
        }
        rest = blanks(left);
    }
    Some(actions.map(|action| action.unwrap_or(Action::Bad)))
}

fn action(text: &str) -> Option<(Action, &str)> {
    let by_name = |(name, action): &(&str, Action)| text.strip_prefix(name).map(|left| (*action, left));
    if let Some(found) = ACTIONS.iter().find_map(by_name) {
        return Some(found);
    }
    let left = text.trim_start_matches(|character: char| character.is_ascii_digit());
    let number: i32 = text.strip_suffix(left)?.parse().ok()?;
    let number = u32::try_from(number).ok().filter(|&number| number > 0)?;
    Some((Action::Jump(number), left))
}

/// isspace(3) of the C locale.
fn blanks(text: &str) -> &str {
    text.trim_start_matches([' ', '\t', '\n', '\x0b', '\x0c', '\r'])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn control(text: &str) -> Control {
        Control::parse(text, text.to_owned())
    }

    #[test]
    fn pairs_are_read_as_libpam_reads_them() {
        let read = control("success=1 new_authtok_reqd=done default=ignore perm_denied=die");
        assert_eq!(read.action(Answer::SUCCESS), Action::Jump(1));
        assert_eq!(read.action(Answer::NEW_AUTHTOK_REQD), Action::Done);
        assert_eq!(read.action(Answer::PERM_DENIED), Action::Die);
        assert_eq!(read.action(Answer::AUTH_ERR), Action::Ignore);
        assert_eq!(control("success = ok").action(Answer::AUTH_ERR), Action::Bad);
        assert_eq!(control("success=okdefault=ignore").action(Answer::AUTH_ERR), Action::Ignore);
    }

    #[test]
    fn one_error_makes_every_answer_bad() {
        for text in [
            "sucess=ok",
            "success=okay",
            "success",
            "success=",
            "success=0",
            "success=ok default=99999999999",
            "success=-1",
            "binding",
            "",
        ] {
            let read = control(text);
            assert!(Answer::all().all(|answer| read.action(answer) == Action::Bad), "{text}");
        }
    }

    #[test]
    fn control_words_ignore_case() {
        assert_eq!(control("SUFFICIENT").action(Answer::SUCCESS), Action::Done);
        assert_eq!(control("Requisite").action(Answer::AUTH_ERR), Action::Die);
        assert_eq!(control("optional").action(Answer::AUTH_ERR), Action::Ignore);
        assert_eq!(control("required").action(Answer::IGNORE), Action::Ignore);
    }
}
