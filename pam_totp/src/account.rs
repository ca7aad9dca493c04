//! The account phase: set-up during login, for a user whose whole auth stack said yes.
//!
//! The secret is shown and proven here; it counts when the session opens. See `totp_core::operation` for what
//! the store does of it.

use crate::arguments::Arguments;
use crate::conversation::{self, Message, Typed};
use crate::invitation;
use crate::login::Login;
use crate::marker::{self, Found, Noted, Outcome};
use crate::unavailable::{Unavailable, odd_reply};
use pamsm::{Pam, PamError, PamFlags, PamLibExt as _};
use totp_core::account::Account;
use totp_core::answer::Answer;
use totp_core::desk::Desk;
use totp_core::event::{EventLog as _, Level};
use totp_core::issued::InvitationId;
use totp_core::login::newcomer::{Grace, Welcome};
use totp_core::operation::{Begun, Failure, LoginReply, Outlook, Request};
use totp_core::pending::Nonce;
use totp_core::policy::Policy;
use totp_core::qr;
use zeroize::Zeroizing;

/// How often a first code or an invitation may be typed.
const TRIES: usize = 3;

/// pam_sm_acct_mgmt(3).
pub(crate) fn account(pam: &Pam, flags: PamFlags, words: &[String]) -> PamError {
    let (arguments, _) = Arguments::parse(words);
    let login = match Login::of(pam, flags, &arguments) {
        Ok(login) => login,
        Err(answer) => return answer,
    };
    let answer = match marker::found(pam, &arguments) {
        Found::Answered(noted) => after(&login, &noted),
        Found::NotReached => refuse_without_code(&login, Gap::NotReached),
        Found::Nothing => refuse_key_only(&login),
    };
    answer.unwrap_or_else(|unavailable| login.deny_unavailable(&unavailable))
}

/// What follows from the answer of the code line.
fn after(login: &Login<'_>, noted: &Noted) -> Result<PamError, Unavailable> {
    if !login.is_same_user(&noted.user)? {
        return refuse_without_code(login, Gap::OtherUser);
    }
    match noted.outcome {
        Outcome::Passed => Ok(PamError::IGNORE),
        Outcome::Denied => refuse_without_code(login, Gap::NotCounted),
        Outcome::SetUp { nonce, invited } => SetUp::run(login, nonce, invited),
    }
}

/// How a login came through the auth phase without the code of its user.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Gap {
    /// The code line denied, and its control word or another line let the stack go on.
    NotCounted,
    /// An auth phase began, and something ended it or jumped over the code line.
    NotReached,
    /// Whoever was asked, it was not the user the login goes on as.
    OtherUser,
    /// A key that sshd has checked, and nothing else.
    KeyOnly,
}

impl Gap {
    /// The reason in the log.
    fn as_str(self) -> &'static str {
        match self {
            Self::NotCounted => "not-counted",
            Self::NotReached => "not-reached",
            Self::OtherUser => "other-user",
            Self::KeyOnly => "key-only",
        }
    }

    /// Whether `skippable` says that it is meant.
    fn is_meant_by_skippable(self) -> bool {
        matches!(self, Self::NotCounted | Self::NotReached)
    }

    /// What the person hears, who has been let through by everything else in the stack.
    fn message(self) -> &'static str {
        match self {
            Self::NotCounted => "You need a code to log in, and the one you gave was not accepted.",
            Self::NotReached => {
                "You need a code to log in, and were not asked for one. Try again; if that goes on, tell an \
                 administrator that the PAM stack of this service goes past the code."
            }
            Self::OtherUser => "You need a code of your own to log in.",
            Self::KeyOnly => {
                "A key alone is not enough on this host: a code is needed, too.\n\
                 To be asked for password and code: ssh -o PubkeyAuthentication=no ..."
            }
        }
    }
}

/// Denies whoever needs a code; all others pass.
fn refuse_without_code(login: &Login<'_>, gap: Gap) -> Result<PamError, Unavailable> {
    if login.arguments.skippable && gap.is_meant_by_skippable() {
        let event = login.event("login", "ignored", gap.as_str());
        login.log.event(Level::Info, &event);
        return Ok(PamError::IGNORE);
    }
    let policy = login.policy()?;
    let desk = login.desk(&policy)?;
    let Some(account) = login.account()? else { return Ok(PamError::USER_UNKNOWN) };
    if !login.needs_code(&policy, &desk, &account)? {
        return Ok(PamError::IGNORE);
    }
    login.log_denial(gap.as_str());
    login.tell(Message::Error(gap.message()));
    Ok(PamError::PERM_DENIED)
}

/// `[ssh] refuse_key_only`: sshd checks a key by itself, and the auth phase never runs.
fn refuse_key_only(login: &Login<'_>) -> Result<PamError, Unavailable> {
    login.debug("not-asked");
    // Set by sshd alone; other programs skip the auth phase for reasons of their own, as su for root.
    if login.pam.getenv("SSH_AUTH_INFO_0").ok().flatten().is_none() || !login.policy()?.refuse_key_only {
        return Ok(PamError::IGNORE);
    }
    refuse_without_code(login, Gap::KeyOnly)
}

/// A set-up during login.
struct SetUp<'l> {
    login: &'l Login<'l>,
    policy: &'l Policy,
    desk: Desk<'l>,
    account: Account,
    nonce: Nonce,
}

/// What the person decided.
enum Step<T> {
    /// To go on with this.
    On(T),
    /// To put set-up off, which is granted and counted.
    PutOff,
    /// Nothing that lets the login go on; the reason, for the log.
    Denied(&'static str),
}

impl SetUp<'_> {
    fn run(login: &Login<'_>, nonce: Nonce, invited: Option<InvitationId>) -> Result<PamError, Unavailable> {
        let policy = login.policy()?;
        let desk = login.desk(&policy)?;
        let Some(account) = login.account()? else { return Ok(PamError::USER_UNKNOWN) };
        let set_up = SetUp { login, policy: &policy, desk, account, nonce };
        match set_up.steps(invited)? {
            Step::On(()) => Ok(PamError::SUCCESS),
            Step::PutOff => {
                if let Err(error) =
                    marker::note(login.pam, login.arguments, &login.typed_name, Outcome::Passed)
                {
                    return Err(Unavailable::some_names(format!("libpam keeps no data: {error}")));
                }
                Ok(PamError::IGNORE)
            }
            Step::Denied(reason) => {
                set_up.abandon();
                login.log.event(Level::Notice, &login.event("setup", "denied", reason));
                Ok(PamError::PERM_DENIED)
            }
        }
    }

    fn steps(&self, invited: Option<InvitationId>) -> Result<Step<()>, Unavailable> {
        let outlook = self.outlook()?;
        let mut invited = invited;
        if self.policy.enrollment.needs_invitation && invited.is_none() {
            match self.invitation(&outlook)? {
                Step::On(invitation) => invited = Some(invitation),
                Step::PutOff => return self.put_off(),
                Step::Denied(reason) => return Ok(Step::Denied(reason)),
            }
        }
        // Also tells whether this program can ask at all; sshd cannot after its own password method.
        let intro = self.introduction(outlook.grace);
        if self
            .asks(&[Message::Info(&intro), Message::Shown("Press Enter when your app is ready to scan: ")])
            .is_none()
        {
            return self.cannot_ask(&outlook);
        }
        let begun = match self.ask(Request::BeginAtLogin { nonce: self.nonce, invited }) {
            Ok(LoginReply::Begun(begun)) => begun,
            Ok(_) => return Err(odd_reply()),
            Err(failure) => return self.told(&failure),
        };
        let codes = match self.proof(&begun, outlook.grace)? {
            Step::On(codes) => codes,
            Step::PutOff => return self.put_off(),
            Step::Denied(reason) => return Ok(Step::Denied(reason)),
        };
        let shown = recovery_text(&codes);
        // sshd drops a text that no question follows.
        match self.asks(&[Message::Info(&shown), Message::Shown("Press Enter to log in: ")]) {
            Some(_) => Ok(Step::On(())),
            None => Ok(Step::Denied("cut-off")),
        }
    }

    /// What to say to a program that shows no question, and what to do about it.
    fn cannot_ask(&self, outlook: &Outlook) -> Result<Step<()>, Unavailable> {
        match outlook.grace {
            Some(_) => self.put_off(),
            None => {
                self.login.tell(Message::Error(
                    "Two-factor login is required and not set up, and this way of logging in cannot set it up.",
                ));
                Ok(Step::Denied("cannot-ask"))
            }
        }
    }

    fn introduction(&self, grace: Option<Grace>) -> String {
        let mut text = format!(
            "Two-factor login is required on this host, and not set up for {} yet.\n\
             Any app for time-based codes (TOTP) will do: an authenticator app on a phone, or\n\
             a password manager that keeps one-time codes. Scan the QR code before you go on:\n\
             it is not shown again, and from then on you cannot log in without a code.\n\
             The clock of the phone and of this host must both be right.\n",
            self.account.name
        );
        if let Some(grace) = grace {
            text.push_str(&format!("You may put it off {grace}: give no code when you are asked for one.\n"));
        }
        text
    }

    /// Shows the secret and takes its first code.
    fn proof(
        &self,
        begun: &Begun,
        grace: Option<Grace>,
    ) -> Result<Step<Vec<Zeroizing<String>>>, Unavailable> {
        let text = secret_text(begun, self.policy);
        let question = match grace {
            Some(grace) => format!("Code from the app (Enter alone puts it off, {grace}): "),
            None => "Code from the app: ".to_owned(),
        };
        let mut above = Message::Info(&text);
        for _ in 0..TRIES {
            let Some(typed) = self.asks(&[above, Message::Shown(&question)]) else {
                return Ok(Step::Denied("cut-off"));
            };
            if grace.is_some() && matches!(Answer::parse(&typed), Answer::Empty) {
                return Ok(Step::PutOff);
            }
            let code = Zeroizing::new(String::from_utf8_lossy(&typed).into_owned());
            match self.ask(Request::ProveAtLogin { nonce: self.nonce, code }) {
                Ok(LoginReply::RecoveryCodes(codes)) => return Ok(Step::On(codes)),
                Ok(_) => return Err(odd_reply()),
                Err(Failure::NotProven { .. }) => {}
                Err(failure) => return self.told(&failure),
            }
            above = Message::Error(
                "That is not the code of this secret. Type the code that the app shows now; if it keeps being wrong, a clock is.",
            );
        }
        self.login.tell(Message::Error("Three wrong codes; nothing was set up. Log in again to begin anew."));
        Ok(Step::Denied("not-proven"))
    }

    /// Mails an invitation, where that is on and an address is known, and takes it.
    fn invitation(&self, outlook: &Outlook) -> Result<Step<InvitationId>, Unavailable> {
        let mut sent = None;
        if let Some(mailbox) = outlook.mailbox.as_ref().filter(|_| !outlook.handed_over) {
            if !outlook.mailed_lately {
                invitation::mail(self.login, &self.account);
            }
            sent = self.outlook()?.mailed_lately.then_some(mailbox);
        }
        let mut text = match (sent, outlook.grace) {
            (Some(mailbox), _) if outlook.mailed_lately => {
                format!("A first set-up takes an invitation; a code was sent to {mailbox} a short while ago.")
            }
            (Some(mailbox), _) => {
                format!("A first set-up takes an invitation; we have sent a code to {mailbox}.")
            }
            (None, _) if outlook.handed_over => {
                "A first set-up takes an invitation; type the one that you were given.".to_owned()
            }
            (None, _) if outlook.mailbox.is_some() => {
                "A first set-up takes an invitation, which could not be mailed; ask an administrator for one."
                    .to_owned()
            }
            (None, _) => "A first set-up takes an invitation; ask an administrator for one.".to_owned(),
        };
        let question = match outlook.grace {
            Some(grace) => format!("Invitation (Enter alone puts it off, {grace}): "),
            None => "Invitation: ".to_owned(),
        };
        for _ in 0..TRIES {
            let Some(typed) = self.asks(&[Message::Info(&text), Message::Shown(&question)]) else {
                return Ok(if outlook.grace.is_some() { Step::PutOff } else { Step::Denied("cannot-ask") });
            };
            if outlook.grace.is_some() && matches!(Answer::parse(&typed), Answer::Empty) {
                return Ok(Step::PutOff);
            }
            let typed = Zeroizing::new(String::from_utf8_lossy(&typed).into_owned());
            match self.ask(Request::Welcome { typed }) {
                Ok(LoginReply::Welcome(Welcome::Invited(invitation))) => return Ok(Step::On(invitation)),
                Ok(LoginReply::Welcome(_)) => {}
                Ok(_) => return Err(odd_reply()),
                Err(failure) => return self.told(&failure),
            }
            "This is not the invitation, or it has expired.".clone_into(&mut text);
        }
        Ok(Step::Denied("wrong-invitation"))
    }

    fn outlook(&self) -> Result<Outlook, Unavailable> {
        match self.ask(Request::Outlook) {
            Ok(LoginReply::Outlook(outlook)) => Ok(outlook),
            Ok(_) => Err(odd_reply()),
            Err(failure) => Err(Unavailable::of(&failure, &self.account)),
        }
    }

    fn put_off(&self) -> Result<Step<()>, Unavailable> {
        match self.ask(Request::PutOff) {
            Ok(LoginReply::PutOff(left)) => {
                let left = match left {
                    Grace::Logins(0) => {
                        "This was the last login without two-factor login: set it up now, by totp-enroll."
                            .to_owned()
                    }
                    left => format!("You may put it off {left}; totp-enroll sets it up at any time."),
                };
                self.login.tell(Message::Info(&left));
                Ok(Step::PutOff)
            }
            Ok(_) => Err(odd_reply()),
            // Another login used the last one up.
            Err(Failure::NotConfigured) => Ok(Step::Denied("no-grace-left")),
            Err(failure) => self.told(&failure),
        }
    }

    /// What cannot be done as things are is told; what cannot be used is for the log.
    fn told<T>(&self, failure: &Failure) -> Result<Step<T>, Unavailable> {
        match failure {
            Failure::Unusable(_) | Failure::UserUnusable(_) => Err(Unavailable::of(failure, &self.account)),
            failure => {
                self.login.tell(Message::Error(&failure.to_string()));
                Ok(Step::Denied("set-up-meanwhile"))
            }
        }
    }

    fn ask(&self, request: Request) -> Result<LoginReply, Failure> {
        self.login.ask(&self.desk, &self.account, request)
    }

    /// The answer to the one question among `messages`; `None` where the program cannot ask.
    fn asks(&self, messages: &[Message<'_>]) -> Option<Typed> {
        // With PAM_SILENT the texts would be left out, and nobody could scan or keep anything.
        if self.login.silent {
            return None;
        }
        conversation::converse(self.login.pam, messages, false).ok()?.pop()
    }

    /// Leaves nothing half-made; where this fails, it is dead in 15 minutes.
    fn abandon(&self) {
        let _ = self.ask(Request::Abandon { nonce: self.nonce });
        marker::remove(self.login.pam, self.nonce);
    }
}

/// The secret as one text; its first line is a sentence, for ssh puts a prefix before it. The QR code stands
/// last, right above the question.
fn secret_text(begun: &Begun, policy: &Policy) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(16 * 1024));
    text.push_str("Add this to your app: scan the QR code, or open the URI, or type the secret.\n");
    text.push_str(&begun.uri);
    text.push('\n');
    for (position, character) in begun.secret.chars().enumerate() {
        if position > 0 && position.is_multiple_of(4) {
            text.push(' ');
        }
        text.push(character);
    }
    text.push('\n');
    let drawn = qr::modules(&begun.uri).map(|rows| Zeroizing::new(qr::draw(&rows, policy.enrollment.qr)));
    text.push_str(drawn.as_deref().map_or("", String::as_str));
    text
}

fn recovery_text(codes: &[Zeroizing<String>]) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(2048));
    text.push_str("Two-factor login is set up; the next code of the app logs you in next time.\n");
    if codes.is_empty() {
        return text;
    }
    text.push_str(
        "Each of these recovery codes works once, in place of a code from the app, as when\n\
         the phone is lost. Keep them on paper, in a safe place; they are not shown again.\n",
    );
    for code in codes {
        text.push_str("  ");
        text.push_str(code);
        text.push('\n');
    }
    text
}
