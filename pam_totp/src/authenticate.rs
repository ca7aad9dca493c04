//! One login's way through the module: who, by which policy, what is asked, and what is answered.

use crate::arguments::Arguments;
use crate::conversation::{self, ConversationError, Message, Typed};
use crate::one_entry;
use crate::pam_log::PamLog;
use pamsm::{Pam, PamError, PamFlags, PamLibExt as _};
use std::ffi::{CStr, CString};
use std::path::Path;
use totp_core::POLICY_FILE;
use totp_core::account::Account;
use totp_core::clock::Timestamp;
use totp_core::desk::{Caller, Desk, PolicyOrigin};
use totp_core::event::{Event, EventLog as _, Level};
use totp_core::login::{Factor, Verdict};
use totp_core::operation::{Actor, Failure, Probe};
use totp_core::policy::{Mode, Policy};
use totp_core::source::Source;
use zeroize::Zeroizing;

/// What everybody is told whose address is not known: the same line, set up or not, user or not.
const REFUSED: &str = "The code was not accepted.";
/// What a local user hears who needs a code and has no device.
const NOT_SET_UP: &str = "Two-factor login is required and not set up: run totp-enroll where you are logged in, or ask an administrator.";
/// The prompt where password and code are typed as one.
const ONE_ENTRY_PROMPT: &str = "Password and verification code: ";

/// pam_sm_authenticate(3).
pub(crate) fn authenticate(pam: &Pam, flags: PamFlags, words: &[String]) -> PamError {
    let (arguments, unknown) = Arguments::parse(words);
    let log = PamLog::new(pam, arguments.debug);
    for word in unknown {
        let event = Event::new("argument").with("result", &"ignored").with("argument", &word);
        log.event(Level::Warning, &event);
    }
    if arguments.setup {
        let event = Event::new("argument")
            .with("result", &"ignored")
            .with("argument", &"setup")
            .with("reason", &"this version does not set users up during login");
        log.event(Level::Warning, &event);
    }
    let typed_name = match pam.get_user(None) {
        Ok(Some(name)) => name,
        Ok(None) => return PamError::USER_UNKNOWN,
        Err(PamError::CONV_AGAIN) => return PamError::INCOMPLETE,
        Err(error) => return error,
    };
    let text = |item: Result<Option<&CStr>, PamError>| {
        item.ok().flatten().map(|text| text.to_string_lossy().into_owned())
    };
    let login = Login {
        pam,
        silent: flags.contains(PamFlags::SILENT),
        log,
        user: typed_name.to_string_lossy().into_owned(),
        service: text(pam.get_service()).unwrap_or_default(),
        remote_host: text(pam.get_rhost()),
        arguments: &arguments,
    };
    match login.run(typed_name) {
        Ok(answer) => answer,
        Err(failure) => {
            login.log.event(Level::Error, &login.event("unavailable", &failure));
            PamError::AUTHINFO_UNAVAIL
        }
    }
}

/// One login.
struct Login<'p> {
    pam: &'p Pam,
    silent: bool,
    log: PamLog<'p>,
    /// As typed, for the log.
    user: String,
    service: String,
    remote_host: Option<String>,
    arguments: &'p Arguments,
}

/// Why no code can be right, whatever is answered.
#[derive(Clone, Copy)]
enum Hopeless {
    UnknownUser,
    NotConfigured,
}

/// Something that a login needs cannot be used.
type Unavailable = String;

impl Login<'_> {
    fn run(&self, typed_name: &CStr) -> Result<PamError, Unavailable> {
        let path = self.arguments.policy.as_deref().unwrap_or(Path::new(POLICY_FILE));
        let policy = Policy::load(path).map_err(|error| error.to_string())?;
        if policy.mode == Mode::Disabled {
            self.debug("mode is disabled");
            return Ok(PamError::IGNORE);
        }
        let origin = if self.arguments.policy.is_some() { PolicyOrigin::Named } else { PolicyOrigin::System };
        // Before the user is looked up: a store that cannot be used is the same for everybody.
        let desk = Desk::open(&policy, origin).map_err(|failure| failure.to_string())?;
        // No account has a name that is no text.
        let account = match typed_name.to_str() {
            Ok(name) => Account::by_name(name).map_err(|error| error.to_string())?,
            Err(_) => None,
        };
        let Some(account) = account else {
            return match policy.mode {
                Mode::Required => self.ask_in_vain(&policy, Hopeless::UnknownUser),
                Mode::Optional | Mode::Disabled => Ok(PamError::USER_UNKNOWN),
            };
        };
        let probe = desk.probe(&self.caller(&account), Timestamp::now(), &self.log);
        let digits = match probe.map_err(|failure| failure.to_string())? {
            Probe::Ask { digits } => digits,
            Probe::Remembered => return Ok(PamError::SUCCESS),
            Probe::NotConfigured => {
                if policy.mode == Mode::Required {
                    return self.ask_in_vain(&policy, Hopeless::NotConfigured);
                }
                self.debug("optional and not configured");
                return Ok(PamError::IGNORE);
            }
        };
        let first = self.first_pass(&desk, &account, digits)?;
        if first == Some(FirstPass::Accepted) {
            return Ok(PamError::SUCCESS);
        }
        match self.answer(&policy, digits) {
            Answered::Code(code) => {
                let second_try = first == Some(FirstPass::Counted);
                let verdict = self.judge(&desk, &account, &code, second_try)?;
                Ok(verdict.map_or_else(
                    || self.refuse_unjudged("not-configured"),
                    |verdict| self.conclude(&verdict),
                ))
            }
            Answered::Nothing(reason) => Ok(self.refuse_unjudged(reason)),
            Answered::Later => Ok(PamError::INCOMPLETE),
        }
    }

    /// With `try_first_pass`: what an earlier module was given may end in a code. If not, nothing is said
    /// of it, and there is still the prompt.
    fn first_pass(
        &self,
        desk: &Desk<'_>,
        account: &Account,
        digits: u8,
    ) -> Result<Option<FirstPass>, Unavailable> {
        if !self.arguments.try_first_pass || self.arguments.use_first_pass {
            return Ok(None);
        }
        let (_, code) = self.parts(self.cached_password().as_ref(), digits);
        let Some(code) = code else { return Ok(None) };
        Ok(match self.judge(desk, account, &code, false)? {
            Some(Verdict::Accepted(_)) => Some(FirstPass::Accepted),
            Some(Verdict::Refused(refusal)) if refusal.counted => Some(FirstPass::Counted),
            Some(Verdict::Refused(_)) | None => None,
        })
    }

    fn caller<'c>(&'c self, account: &'c Account) -> Caller<'c> {
        Caller {
            account,
            actor: Actor::Owner,
            service: &self.service,
            remote_host: self.remote_host.as_deref(),
        }
    }

    /// Has a code judged; `None` where the credential went away while the person was typing.
    fn judge(
        &self,
        desk: &Desk<'_>,
        account: &Account,
        code: &[u8],
        second_try: bool,
    ) -> Result<Option<Verdict>, Unavailable> {
        // Text that is no UTF-8, or longer than any code, is sent as something that is no code either.
        let typed = std::str::from_utf8(code).ok().filter(|text| text.len() <= 256).unwrap_or("?");
        let typed = Zeroizing::new(typed.to_owned());
        let caller = self.caller(account);
        match desk.judge_login(&caller, Timestamp::now(), &self.log, typed, second_try) {
            Ok(verdict) => Ok(Some(verdict)),
            Err(Failure::NotConfigured) => Ok(None),
            Err(failure) => Err(failure.to_string()),
        }
    }

    /// Turns a verdict into PAM's word, and says what may be said.
    fn conclude(&self, verdict: &Verdict) -> PamError {
        match verdict {
            Verdict::Accepted(factor) => {
                if let Factor::RecoveryCode { left } = factor {
                    let left = match left {
                        0 => "No recovery code is left".to_owned(),
                        1 => "One recovery code is left".to_owned(),
                        several => format!("{several} recovery codes are left"),
                    };
                    self.tell(Message::Info(&format!(
                        "{left}; `totp-enroll recovery --renew` makes new ones."
                    )));
                }
                PamError::SUCCESS
            }
            Verdict::Refused(refusal) => {
                conversation::delay_failure(self.pam);
                let advice = refusal.advice();
                self.tell(Message::Error(if refusal.may_tell { &advice } else { REFUSED }));
                PamError::AUTH_ERR
            }
        }
    }

    /// Asks as everybody is asked, and denies: a stranger learns nothing from the difference.
    fn ask_in_vain(&self, policy: &Policy, why: Hopeless) -> Result<PamError, Unavailable> {
        if let Answered::Later = self.answer(policy, policy.totp.digits) {
            return Ok(PamError::INCOMPLETE);
        }
        let (reason, denial) = match why {
            Hopeless::UnknownUser => ("unknown-user", PamError::USER_UNKNOWN),
            Hopeless::NotConfigured => ("not-configured", PamError::AUTH_ERR),
        };
        self.log_denial(reason);
        conversation::delay_failure(self.pam);
        self.tell(Message::Error(match why {
            Hopeless::NotConfigured if self.is_local() => NOT_SET_UP,
            Hopeless::NotConfigured | Hopeless::UnknownUser => REFUSED,
        }));
        Ok(denial)
    }

    /// Denies what was not judged, and so not counted.
    fn refuse_unjudged(&self, reason: &str) -> PamError {
        self.log_denial(reason);
        conversation::delay_failure(self.pam);
        self.tell(Message::Error(match reason {
            _ if !self.is_local() => REFUSED,
            "password-repeated" => "This is the password again; type the code that the app shows.",
            "malformed" => "Type the password and, right behind it, the code that the app shows.",
            "not-configured" => "Two-factor login was removed from this account meanwhile; log in again.",
            "no-password" => "No password was given that a code could stand behind; ask an administrator.",
            _ => "No code was given.",
        }));
        PamError::AUTH_ERR
    }

    fn is_local(&self) -> bool {
        Source::from_remote_host(self.remote_host.as_deref()) == Source::Local
    }

    /// The code: from a prompt, or from what was typed as one with the password.
    fn answer(&self, policy: &Policy, digits: u8) -> Answered {
        let arguments = self.arguments;
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
            None => &policy.prompt,
        };
        // A password is never shown.
        let question =
            if arguments.echo && !one_entry { Message::Shown(prompt) } else { Message::Hidden(prompt) };
        let typed = match conversation::converse(self.pam, &[question], self.silent) {
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
        let (password, code) = self.parts(Some(entry), digits);
        if self.arguments.forward_pass {
            let forwarded = password.and_then(|password| CString::new(password.as_slice()).ok());
            match forwarded {
                Some(forwarded) => {
                    let set = self.pam.set_authtok(&forwarded);
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

    /// Password and code of what was typed as one; all of it is the password where no code is at its end.
    fn parts(&self, entry: Option<&Typed>, digits: u8) -> (Option<Typed>, Option<Typed>) {
        let Some(entry) = entry else { return (None, None) };
        let typed = |bytes: &[u8]| Some(Zeroizing::new(bytes.to_vec()));
        match one_entry::split(entry, digits) {
            Some(split) => (typed(split.password), typed(split.code)),
            None => (typed(entry), None),
        }
    }

    /// PAM_AUTHTOK: what an earlier module asked for, if one did.
    fn cached_password(&self) -> Option<Typed> {
        let item = self.pam.get_cached_authtok().ok().flatten()?;
        Some(Zeroizing::new(item.to_bytes().to_vec()))
    }

    fn tell(&self, message: Message<'_>) {
        // A host that cannot show a message is told the verdict all the same.
        let _ = conversation::converse(self.pam, &[message], self.silent);
    }

    fn event(&self, result: &str, reason: &str) -> Event {
        Event::new("login")
            .with("result", &result)
            .with("reason", &reason)
            .with("user", &self.user)
            .with("service", &self.service)
            .with("from", &Source::from_remote_host(self.remote_host.as_deref()))
    }

    fn log_denial(&self, reason: &str) {
        self.log.event(Level::Notice, &self.event("denied", reason));
    }

    fn debug(&self, why: &str) {
        self.log.event(Level::Debug, &self.event("ignored", why));
    }
}

/// What came of a code typed with the password.
#[derive(Clone, Copy, PartialEq, Eq)]
enum FirstPass {
    /// It was right.
    Accepted,
    /// It was wrong, and counted.
    Counted,
}

/// What came of asking.
enum Answered {
    /// A code, as typed.
    Code(Typed),
    /// None, for this reason.
    Nothing(&'static str),
    /// The host will call again.
    Later,
}
