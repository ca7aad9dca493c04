//! The auth phase: what comes of it. How the code is asked for stands in [`asking`].

mod asking;

use crate::arguments::Arguments;
use crate::conversation::{self, Message, Typed};
use crate::login::Login;
use crate::marker::{self, Outcome};
use crate::pam_log::PamLog;
use crate::refused;
use crate::unavailable::{Concern, Unavailable, odd_reply};
use asking::{Answered, parts};
use pamsm::{Pam, PamError, PamFlags, PamLibExt as _};
use std::cell::{Cell, RefCell};
use std::ffi::CStr;
use std::time::{Duration, Instant};
use totp_core::account::Account;
use totp_core::clock::Timestamp;
use totp_core::desk::Desk;
use totp_core::event::{Event, EventLog as _, Level};
use totp_core::login::newcomer::Welcome;
use totp_core::login::{Factor, Verdict};
use totp_core::operation::{Failure, Found, Intent, Judged, LoginReply, Request};
use totp_core::pending::Nonce;
use totp_core::policy::{Mode, Policy};
use totp_core::state::RefusedSince;
use zeroize::Zeroizing;

/// What everybody is told whose address is not known: the same line, set up or not, user or not.
const REFUSED: &str = "The code was not accepted.";
/// What a local user hears who needs a code and has no device.
const NOT_SET_UP: &str = "Two-factor login is required and not set up: run totp-enroll where you are logged in, or ask an administrator.";
/// What everybody is told who comes without a key where one is required.
const NO_KEY: &str = "This host takes a key and a code: no key of yours was accepted before.";

/// How long a refusal takes at least, from the answer on. A wrong code is judged and written, and the answer of
/// a user who is not set up is not: for whoever watches the clock all of them end here, unless one waited longer for
/// the lock that dozens of others held, or for a disk.
const REFUSAL_TAKES: Duration = Duration::from_millis(5);

/// pam_sm_authenticate(3).
pub(crate) fn authenticate(pam: &Pam, flags: PamFlags, words: &[String]) -> PamError {
    let (arguments, unknown) = Arguments::parse(words);
    for word in unknown {
        let event = Event::new("argument").with("result", &"ignored").with("argument", &word);
        PamLog::new(pam, arguments.debug).event(Level::Warning, &event);
    }
    if arguments.begin {
        return begin(pam, &arguments);
    }
    let login = match Login::of(pam, flags, &arguments) {
        Ok(login) => login,
        Err(answer) => {
            // Nobody was judged: whoever the login goes on as, it is somebody else.
            let _ = marker::note(pam, &arguments, c"", Outcome::Denied);
            return answer;
        }
    };
    answered(&login).unwrap_or_else(|unavailable| {
        // As after any other refusal, or the time it takes would tell whether the password was right.
        conversation::delay_failure(pam);
        login.deny_unavailable(&unavailable);
        login.unavailable_answer()
    })
}

/// The `begin` line: from here on the account line knows that a code line should have answered. The answer is no
/// word on the login.
fn begin(pam: &Pam, arguments: &Arguments) -> PamError {
    if let Err(error) = marker::begin(pam) {
        let event = Event::new("begin").with("result", &"unavailable").with("reason", &error);
        PamLog::new(pam, arguments.debug).event(Level::Error, &event);
        return PamError::AUTHINFO_UNAVAIL;
    }
    PamError::IGNORE
}

/// The code line's answer, and what it leaves for the phases to come. An error is one that every name meets.
fn answered(login: &Login<'_>) -> Result<PamError, Unavailable> {
    // Stands wherever this ends early, a panic included.
    note(login, Outcome::Denied)?;
    refused::begin(login.pam);
    let attempt = Attempt::of(login)?;
    let (answer, outcome) = attempt.run()?;
    if outcome == Outcome::Denied {
        return Ok(answer);
    }
    let passed = match attempt.goes_on_as_another() {
        Ok(true) => return Ok(PamError::AUTH_ERR),
        Ok(false) => note(login, outcome),
        Err(unavailable) => Err(unavailable),
    };
    match passed {
        Ok(()) => {
            attempt.leave_refused();
            Ok(answer)
        }
        Err(unavailable) => {
            let (answer, _) = attempt.refuse_unavailable(&unavailable, attempt.asked.get());
            Ok(answer)
        }
    }
}

fn note(login: &Login<'_>, outcome: Outcome) -> Result<(), Unavailable> {
    marker::note(login.pam, login.arguments, &login.typed_name, outcome)
        .map_err(|error| Unavailable::every_name(format!("libpam keeps no data: {error}")))
}

/// The auth phase of one login.
struct Attempt<'l> {
    login: &'l Login<'l>,
    policy: Policy,
    /// When the answer came; where nothing was asked, when the attempt began.
    answered: Cell<Instant>,
    /// Whether a code was asked for.
    asked: Cell<bool>,
    /// The codes refused before, once one was accepted.
    refused: RefCell<Option<(Account, RefusedSince)>>,
}

/// Why no code can be right, whatever is answered.
#[derive(Clone, Copy)]
enum Hopeless {
    UnknownUser,
    NotConfigured,
}

/// PAM's word, and what is noted for the phases to come.
type Answer = (PamError, Outcome);

const PASSED: Answer = (PamError::SUCCESS, Outcome::Passed);
const NOT_ASKED: Answer = (PamError::IGNORE, Outcome::Passed);

fn denied(answer: PamError) -> Answer {
    (answer, Outcome::Denied)
}

impl<'l> Attempt<'l> {
    fn of(login: &'l Login<'l>) -> Result<Self, Unavailable> {
        let policy = login.policy()?;
        Ok(Self {
            login,
            policy,
            answered: Cell::new(Instant::now()),
            asked: Cell::new(false),
            refused: RefCell::default(),
        })
    }

    /// An error is one that every name meets; what only some meet ends in a refusal like any other.
    fn run(&self) -> Result<Answer, Unavailable> {
        let Self { login, policy, .. } = self;
        if login.arguments.require_key && !login.has_key() {
            return Ok(self.refuse_without_key());
        }
        // Before the user is looked up: a store that cannot be used is the same for everybody.
        let desk = login.desk(policy)?;
        match login.account() {
            Ok(Some(account)) => Ok(self.ask_user(&desk, &account).unwrap_or_else(|unavailable| {
                let asked = login.mode(policy, None, Some(&account)) != Mode::Disabled;
                self.refuse_unavailable(&unavailable, asked)
            })),
            Ok(None) => Ok(match login.mode(policy, None, None) {
                Mode::Required => self.ask_in_vain(),
                Mode::Optional => denied(PamError::USER_UNKNOWN),
                Mode::Disabled => NOT_ASKED,
            }),
            Err(unavailable) if unavailable.concern == Concern::EveryName => Err(unavailable),
            Err(unavailable) => {
                let asked = login.mode(policy, None, None) == Mode::Required;
                Ok(self.refuse_unavailable(&unavailable, asked))
            }
        }
    }

    /// A name that an account has.
    fn ask_user(&self, desk: &Desk<'_>, account: &Account) -> Result<Answer, Unavailable> {
        let Self { login, policy, .. } = self;
        let probe = login.probe(desk, account)?;
        let mode = login.mode(policy, probe.overridden, Some(account));
        let digits = match (mode, probe.found) {
            (Mode::Disabled, _) => {
                login.debug("mode is disabled");
                return Ok(self.not_asked(Outcome::Passed));
            }
            (_, Found::Remembered) => {
                let event = login.event("login", "accepted", "remembered").with("factor", &"remembered-host");
                login.log.event(Level::Info, &event);
                return Ok(PASSED);
            }
            (Mode::Optional, Found::NotConfigured) => {
                login.debug("optional and not configured");
                return Ok(self.not_asked(Outcome::Passed));
            }
            (Mode::Required, Found::NotConfigured) | (_, Found::Orphaned) => {
                return self.receive(desk, account);
            }
            (_, Found::Code { digits }) => digits,
        };
        let first = self.first_pass(desk, account, digits)?;
        if first == Some(FirstPass::Accepted) {
            return Ok(PASSED);
        }
        match self.answer(digits) {
            Answered::Code(code) => {
                let second_try = first == Some(FirstPass::Counted);
                let verdict = self.judge(desk, account, &code, second_try)?;
                Ok(verdict.map_or_else(
                    || self.refuse_unjudged("not-configured"),
                    |verdict| self.conclude(&verdict),
                ))
            }
            Answered::Nothing(reason) => Ok(self.refuse_unjudged(reason)),
            Answered::Later => Ok(denied(PamError::INCOMPLETE)),
        }
    }

    /// A user who needs a code and is not set up. Nothing is said to strangers of what comes of it: whether
    /// the password was right is not known yet.
    fn receive(&self, desk: &Desk<'_>, account: &Account) -> Result<Answer, Unavailable> {
        let Self { login, policy, .. } = self;
        let typed = match self.answer(policy.totp.digits) {
            Answered::Code(typed) => typed,
            Answered::Nothing(_) => Typed::default(),
            Answered::Later => return Ok(denied(PamError::INCOMPLETE)),
        };
        let request = Request::Welcome { typed: text_of(&typed) };
        let welcome = match login.ask(desk, account, request) {
            Ok(LoginReply::Welcome(welcome)) => Some(welcome),
            Ok(_) => return Err(odd_reply()),
            Err(Failure::Impossible(_)) => return Ok(self.refuse_unjudged("set-up-meanwhile")),
            Err(Failure::Orphaned(way_out)) => return Ok(self.refuse_orphaned(&way_out)),
            // A screen locker: totp-helper sets nobody up for a program that is not root.
            Err(Failure::NotPermitted(_)) => None,
            Err(failure) => return Err(Unavailable::of(&failure, account)),
        };
        let set_up = |invited| -> Result<Answer, Unavailable> {
            let nonce = Nonce::generate().map_err(Unavailable::some_names)?;
            login.log.event(Level::Info, &login.event("setup", "offered", "not-configured"));
            // Only where the rest of the stack refuses.
            self.level_refusal();
            Ok(self.not_asked(Outcome::SetUp { nonce, invited }))
        };
        let first_factor = self.first_factor_was_given();
        let offered = first_factor && login.offers_set_up(policy);
        match welcome {
            Some(Welcome::Accepted(factor)) => {
                self.tell_what_is_left(&factor);
                Ok(PASSED)
            }
            Some(Welcome::Invited(invitation)) if offered => set_up(Some(invitation)),
            Some(Welcome::SetUp | Welcome::NotInvited) if offered => set_up(None),
            _ if first_factor && self.may_always_be_put_off() => {
                login.log.event(Level::Notice, &login.event("setup", "put-off", "grace"));
                // As for everybody, where the rest of the stack refuses.
                self.level_refusal();
                if login.is_local() {
                    login.tell(Message::Info(
                        "Two-factor login will be required and is not set up: run totp-enroll once you are logged in.",
                    ));
                }
                Ok(self.not_asked(Outcome::Passed))
            }
            _ => {
                self.refuse_hopeless(Hopeless::NotConfigured);
                Ok(denied(PamError::AUTH_ERR))
            }
        }
    }

    /// The answer where no code decides. After a key it is success: a stack of key and code has no other module
    /// that could say yes, and one in which all lines say "ignore" denies.
    fn not_asked(&self, outcome: Outcome) -> Answer {
        if self.login.arguments.require_key {
            (PamError::SUCCESS, outcome)
        } else {
            (PamError::IGNORE, outcome)
        }
    }

    /// `require_key`: sshd must have checked a key before it asks for a code. The same for every name.
    fn refuse_without_key(&self) -> Answer {
        self.login.log_denial("no-key");
        self.level_refusal();
        self.login.tell(Message::Error(NO_KEY));
        denied(PamError::AUTH_ERR)
    }

    /// Whether the program set another PAM_USER while the person was asked: what was judged says nothing of that one.
    fn goes_on_as_another(&self) -> Result<bool, Unavailable> {
        let login = self.login;
        let current = login.pam.get_cached_user().ok().flatten().map(CStr::to_owned).unwrap_or_default();
        let other = !login.is_same_user(current.to_bytes())?;
        if other {
            let event =
                login.event("login", "denied", "other-user").with("became", &current.to_string_lossy());
            login.log.event(Level::Notice, &event);
            self.level_refusal();
        }
        Ok(other)
    }

    /// Whether a password was typed to a module above, or sshd has checked a key. Without either, whoever
    /// knows a name could set its user up, or be let through in a grace.
    fn first_factor_was_given(&self) -> bool {
        self.login.has_key() || self.cached_password().is_some_and(|password| !password.is_empty())
    }

    fn may_always_be_put_off(&self) -> bool {
        self.policy.enrollment.grace_until.is_some_and(|day| !day.is_over(Timestamp::now()))
    }

    /// Whether strangers hear nothing but the verdict. Where a user who is not set up may go on, a line for
    /// all others would tell them apart.
    fn is_quiet(&self) -> bool {
        self.login.offers_set_up(&self.policy) || self.may_always_be_put_off()
    }

    /// Before anything is said of a refusal: it takes as long as any other, and libpam delays it further.
    fn level_refusal(&self) {
        std::thread::sleep(REFUSAL_TAKES.saturating_sub(self.answered.get().elapsed()));
        conversation::delay_failure(self.login.pam);
    }

    /// The line that every stranger hears alike.
    fn tell_stranger(&self) {
        if !self.is_quiet() {
            self.login.tell(Message::Error(REFUSED));
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
        let arguments = self.login.arguments;
        if !arguments.try_first_pass || arguments.use_first_pass {
            return Ok(None);
        }
        let (_, code) = parts(self.cached_password().as_ref(), digits);
        let Some(code) = code else { return Ok(None) };
        Ok(match self.judge(desk, account, &code, false)? {
            Some(Verdict::Accepted(_)) => Some(FirstPass::Accepted),
            Some(Verdict::Refused(refusal)) if refusal.counted => Some(FirstPass::Counted),
            Some(Verdict::Refused(_)) | None => None,
        })
    }

    /// Has a code judged; `None` where the credential went away while the person was typing.
    fn judge(
        &self,
        desk: &Desk<'_>,
        account: &Account,
        code: &[u8],
        second_try: bool,
    ) -> Result<Option<Verdict>, Unavailable> {
        let request = Request::Judge { intent: Intent::Login, typed: text_of(code), second_try };
        match self.login.ask(desk, account, request) {
            Ok(LoginReply::Judged(Judged { verdict, refused_since })) => {
                self.refused.replace(refused_since.map(|refused| (account.clone(), refused)));
                Ok(Some(verdict))
            }
            Ok(_) => Err(odd_reply()),
            Err(Failure::NotConfigured) => Ok(None),
            Err(failure) => Err(Unavailable::of(&failure, account)),
        }
    }

    /// Leaves for the session phase what it is to tell of codes refused before.
    fn leave_refused(&self) {
        if let Some((account, refused)) = self.refused.take() {
            refused::leave(self.login.pam, &account, refused);
        }
    }

    /// Turns a verdict into PAM's word, and says what may be said.
    fn conclude(&self, verdict: &Verdict) -> Answer {
        match verdict {
            Verdict::Accepted(factor) => {
                self.tell_what_is_left(factor);
                PASSED
            }
            Verdict::Refused(refusal) => {
                self.level_refusal();
                if self.login.may_tell(refusal) {
                    self.login.tell(Message::Error(&refusal.advice()));
                } else {
                    self.tell_stranger();
                }
                denied(PamError::AUTH_ERR)
            }
        }
    }

    /// How often what was given still works.
    fn tell_what_is_left(&self, factor: &Factor) {
        let left = match factor {
            Factor::Device(_) => return,
            Factor::RecoveryCode { left } => {
                let left = match left {
                    0 => "No recovery code is left".to_owned(),
                    1 => "One recovery code is left".to_owned(),
                    several => format!("{several} recovery codes are left"),
                };
                format!("{left}; `totp-enroll recovery --renew` makes new ones.")
            }
            Factor::TemporaryCode { left: 0 } => "The temporary code is used up now.".to_owned(),
            Factor::TemporaryCode { left: 1 } => "The temporary code is good for one more login.".to_owned(),
            Factor::TemporaryCode { left } => {
                format!("The temporary code is good for {left} more logins.")
            }
        };
        self.login.tell(Message::Info(&left));
    }

    /// Asks as everybody is asked, and denies: a stranger learns nothing from the difference.
    fn ask_in_vain(&self) -> Answer {
        if let Answered::Later = self.answer(self.policy.totp.digits) {
            return denied(PamError::INCOMPLETE);
        }
        self.refuse_hopeless(Hopeless::UnknownUser);
        denied(PamError::USER_UNKNOWN)
    }

    fn refuse_hopeless(&self, why: Hopeless) {
        self.login.log_denial(match why {
            Hopeless::UnknownUser => "unknown-user",
            Hopeless::NotConfigured => "not-configured",
        });
        self.level_refusal();
        match why {
            Hopeless::NotConfigured if self.login.is_local() => {
                self.login.tell(Message::Error(NOT_SET_UP));
            }
            Hopeless::NotConfigured | Hopeless::UnknownUser => self.tell_stranger(),
        }
    }

    /// Denies where only some names cannot be checked. A stranger meets what a wrong code meets, `asked` being whether a
    /// user whose files are whole would be asked for one.
    fn refuse_unavailable(&self, unavailable: &Unavailable, asked: bool) -> Answer {
        self.login.note_unavailable(unavailable);
        let is_local = self.login.is_local();
        if asked
            && !is_local
            && !self.asked.get()
            && let Answered::Later = self.answer(self.policy.totp.digits)
        {
            return denied(PamError::INCOMPLETE);
        }
        self.level_refusal();
        if is_local {
            self.login.tell_unavailable_here(unavailable);
        } else if asked {
            self.tell_stranger();
        }
        denied(self.login.unavailable_answer())
    }

    /// Denies whose second factor is kept under another name or uid. The library has logged it.
    fn refuse_orphaned(&self, way_out: &str) -> Answer {
        self.level_refusal();
        if self.login.is_local() {
            self.login.tell(Message::Error(way_out));
        } else {
            self.tell_stranger();
        }
        denied(PamError::AUTH_ERR)
    }

    /// Denies what was not judged, and so not counted.
    fn refuse_unjudged(&self, reason: &str) -> Answer {
        self.login.log_denial(reason);
        self.level_refusal();
        if self.login.is_local() {
            self.login.tell(Message::Error(match reason {
                "password-repeated" => "This is the password again; type the code that the app shows.",
                "malformed" => "Type the password and, right behind it, the code that the app shows.",
                "not-configured" => "Two-factor login was removed from this account meanwhile; log in again.",
                "set-up-meanwhile" => "Two-factor login was set up for this account meanwhile; log in again.",
                "no-password" => {
                    "No password was given that a code could stand behind; ask an administrator."
                }
                _ => "No code was given.",
            }));
        } else {
            self.tell_stranger();
        }
        denied(PamError::AUTH_ERR)
    }
}

/// An answer as text. What is no UTF-8, or longer than any code, is sent as something that is no code either.
fn text_of(typed: &[u8]) -> Zeroizing<String> {
    let text = std::str::from_utf8(typed).ok().filter(|text| text.len() <= 256).unwrap_or("?");
    Zeroizing::new(text.to_owned())
}

/// What came of a code typed with the password.
#[derive(Clone, Copy, PartialEq, Eq)]
enum FirstPass {
    /// It was right.
    Accepted,
    /// It was wrong, and counted.
    Counted,
}
