//! Asking for the code: at a prompt, or in what was typed as one with the password.

use super::Attempt;
use crate::conversation::{self, ConversationError, Message, Typed};
use crate::one_entry;
use pamsm::PamLibExt as _;
use std::ffi::CString;
use std::time::Instant;
use zeroize::Zeroizing;

/// What everybody is told before the prompt where users are set up during login.
const NO_CODE_YET: &str = "If you have no code yet, press Enter.";
/// The prompt where password and code are typed as one.
const ONE_ENTRY_PROMPT: &str = "Password and verification code: ";

/// What came of asking.
pub(super) enum Answered {
    /// A code, as typed.
    Code(Typed),
    /// None, for this reason.
    Nothing(&'static str),
    /// The host will call again.
    Later,
}

impl Attempt<'_> {
    /// The code: from a prompt, or from what was typed as one with the password.
    pub(super) fn answer(&self, digits: u8) -> Answered {
        self.asked.set(true);
        let arguments = self.login.arguments;
        let one_entry = arguments.forward_pass || arguments.use_first_pass;
        if arguments.use_first_pass {
            let Some(entry) = self.cached_password() else {
                return Answered::Nothing("no-password");
            };
            return self.cut_one_entry(&entry, digits);
        }
        let prompt = match &arguments.prompt {
            Some(text) => text,
            None if one_entry => ONE_ENTRY_PROMPT,
            None => &self.policy.prompt,
        };
        // A password is never shown.
        let question =
            if arguments.echo && !one_entry { Message::Shown(prompt) } else { Message::Hidden(prompt) };
        let hint = self.login.offers_set_up(&self.policy).then_some(Message::Info(NO_CODE_YET));
        let messages: Vec<_> = hint.into_iter().chain([question]).collect();
        let reply = conversation::converse(self.login.pam, &messages, self.login.silent);
        self.answered.set(Instant::now());
        let typed = match reply {
            Ok(mut answers) => match answers.pop() {
                Some(typed) => typed,
                None => return Answered::Nothing("no-answer"),
            },
            Err(ConversationError::Again) => return Answered::Later,
            Err(ConversationError::Failed) => return Answered::Nothing("no-answer"),
        };
        if one_entry {
            return self.cut_one_entry(&typed, digits);
        }
        // ssh clients without keyboard-interactive answer every prompt with the password.
        if self.cached_password().is_some_and(|password| !typed.is_empty() && *password == *typed) {
            return Answered::Nothing("password-repeated");
        }
        Answered::Code(typed)
    }

    fn cut_one_entry(&self, entry: &Typed, digits: u8) -> Answered {
        let (password, code) = parts(Some(entry), digits);
        if self.login.arguments.forward_pass {
            let forwarded = password.and_then(|password| CString::new(password.as_slice()).ok());
            match forwarded {
                Some(forwarded) => {
                    let set = self.login.pam.set_authtok(&forwarded);
                    drop(Zeroizing::new(forwarded.into_bytes()));
                    if set.is_err() {
                        return Answered::Nothing("password-not-forwarded");
                    }
                }
                None => return Answered::Nothing("password-not-forwarded"),
            }
        }
        code.map_or(Answered::Nothing("malformed"), Answered::Code)
    }

    /// PAM_AUTHTOK: what an earlier module asked for, if one did.
    pub(super) fn cached_password(&self) -> Option<Typed> {
        let item = self.login.pam.get_cached_authtok().ok().flatten()?;
        Some(Zeroizing::new(item.to_bytes().to_vec()))
    }
}

/// Password and code of what was typed as one; all of it is the password where no code is at its end.
pub(super) fn parts(entry: Option<&Typed>, digits: u8) -> (Option<Typed>, Option<Typed>) {
    let Some(entry) = entry else { return (None, None) };
    let typed = |bytes: &[u8]| Some(Zeroizing::new(bytes.to_vec()));
    match one_entry::split(entry, digits) {
        Some(split) => (typed(split.password), typed(split.code)),
        None => (typed(entry), None),
    }
}
