//! One login as the module sees it: who, from where, by which policy; shared by its three phases.

use crate::arguments::Arguments;
use crate::conversation::{self, Message};
use crate::pam_log::PamLog;
use crate::presence;
use crate::unavailable::{Unavailable, odd_reply};
use pamsm::{Pam, PamError, PamFlags, PamLibExt as _};
use std::ffi::{CStr, CString};
use std::path::Path;
use totp_core::POLICY_FILE;
use totp_core::account::{Account, Groups, Stranger};
use totp_core::clock::Timestamp;
use totp_core::desk::{Caller, Desk, PolicyOrigin};
use totp_core::event::{Event, EventLog as _, Level};
use totp_core::login::Refusal;
use totp_core::operation::{Actor, Failure, Found, LoginReply, Probe, Request};
use totp_core::policy::{Mode, Policy, Subject};
use totp_core::source::Source;

/// One login.
pub(crate) struct Login<'p> {
    pub(crate) pam: &'p Pam,
    pub(crate) silent: bool,
    pub(crate) log: PamLog<'p>,
    /// As typed. A copy, for the program may set another name while a person is asked, and libpam frees the old one.
    pub(crate) typed_name: CString,
    pub(crate) service: String,
    pub(crate) remote_host: Option<String>,
    /// What PAM_RHOST means; asked of the kernel once.
    pub(crate) source: Source,
    pub(crate) arguments: &'p Arguments,
}

impl<'p> Login<'p> {
    /// Takes the items of the handle; an error is what the entry point answers.
    pub(crate) fn of(pam: &'p Pam, flags: PamFlags, arguments: &'p Arguments) -> Result<Self, PamError> {
        let typed_name = match pam.get_user(None) {
            Ok(Some(name)) => name.to_owned(),
            Ok(None) => return Err(PamError::USER_UNKNOWN),
            Err(PamError::CONV_AGAIN) => return Err(PamError::INCOMPLETE),
            Err(error) => return Err(error),
        };
        let text = |item: Result<Option<&CStr>, PamError>| {
            item.ok().flatten().map(|text| text.to_string_lossy().into_owned())
        };
        let remote_host = text(pam.get_rhost());
        Ok(Self {
            pam,
            silent: flags.contains(PamFlags::SILENT),
            log: PamLog::new(pam, arguments.debug),
            typed_name,
            service: text(pam.get_service()).unwrap_or_default(),
            source: Source::from_remote_host(remote_host.as_deref()),
            remote_host,
            arguments,
        })
    }

    pub(crate) fn policy(&self) -> Result<Policy, Unavailable> {
        let path = self.arguments.policy.as_deref().unwrap_or(Path::new(POLICY_FILE));
        // The working directory of su is its caller's to choose, and what stands there to write.
        if !path.is_absolute() {
            let path = path.display();
            let reason = format!("policy={path}: not an absolute path; write one that starts with /");
            return Err(Unavailable::every_name(reason));
        }
        Policy::load(path).map_err(Unavailable::every_name)
    }

    pub(crate) fn desk<'d>(&self, policy: &'d Policy) -> Result<Desk<'d>, Unavailable> {
        let origin = if self.arguments.policy.is_some() { PolicyOrigin::Named } else { PolicyOrigin::System };
        Desk::open(policy, origin).map_err(Unavailable::every_name)
    }

    /// Who is meant; `None` for a name that no account has.
    pub(crate) fn account(&self) -> Result<Option<Account>, Unavailable> {
        match self.typed_name.to_str() {
            Ok(name) => Account::by_name(name).map_err(|error| Unavailable::of_look_up(&error)),
            // No account has a name that is no text.
            Err(_) => Ok(None),
        }
    }

    /// The mode that counts for this login, of an account or of a stranger.
    pub(crate) fn mode(&self, policy: &Policy, overridden: Option<Mode>, account: Option<&Account>) -> Mode {
        let groups = account.map(Groups::of);
        let typed = self.typed_name.to_string_lossy();
        let stranger = Stranger::of(&typed);
        let decision = policy.decide(
            overridden,
            &Subject {
                user: account.map(|account| &account.name),
                groups: match &groups {
                    Some(groups) => groups,
                    None => &stranger,
                },
                service: Some(&self.service),
                source: Some(self.source),
            },
        );
        decision.mode
    }

    /// Has the store, or totp-helper, do something.
    pub(crate) fn ask(
        &self,
        desk: &Desk<'_>,
        account: &Account,
        request: Request,
    ) -> Result<LoginReply, Failure> {
        let caller = Caller {
            account,
            actor: Actor::Host,
            service: &self.service,
            remote_host: self.remote_host.as_deref(),
            source: self.source,
        };
        desk.perform_for_login(&caller, Timestamp::now(), &self.log, request)
    }

    /// Whether this login takes a code, by what the policy and the store say of its user.
    pub(crate) fn needs_code(
        &self,
        policy: &Policy,
        desk: &Desk<'_>,
        account: &Account,
    ) -> Result<bool, Unavailable> {
        let probe = self.probe(desk, account)?;
        Ok(match (self.mode(policy, probe.overridden, Some(account)), probe.found) {
            (Mode::Disabled, _) | (_, Found::Remembered) | (Mode::Optional, Found::NotConfigured) => false,
            (Mode::Optional | Mode::Required, _) => true,
        })
    }

    /// Whether PAM_USER, which is `current` by now, means the user whom this login began with: a module may have
    /// written the name as the directory does.
    pub(crate) fn is_same_user(&self, current: &[u8]) -> Result<bool, Unavailable> {
        if self.typed_name.to_bytes() == current {
            return Ok(true);
        }
        let Ok(current) = std::str::from_utf8(current) else { return Ok(false) };
        let current = Account::by_name(current).map_err(|error| Unavailable::of_look_up(&error))?;
        Ok(current.is_some() && current == self.account()?)
    }

    /// Whether sshd has checked a key of this login. Only sshd sets the variable, in the PAM environment, which is
    /// not that of a process.
    pub(crate) fn has_key(&self) -> bool {
        self.pam.getenv("SSH_AUTH_INFO_0").ok().flatten().is_some_and(|methods| {
            methods.to_bytes().split(|byte| *byte == b'\n').any(|method| method.starts_with(b"publickey "))
        })
    }

    pub(crate) fn probe(&self, desk: &Desk<'_>, account: &Account) -> Result<Probe, Unavailable> {
        match self.ask(desk, account, Request::Probe) {
            Ok(LoginReply::Probed(probe)) => Ok(probe),
            Ok(_) => Err(odd_reply()),
            Err(failure) => Err(Unavailable::of(&failure, account)),
        }
    }

    /// Whether the person is here, and so hears why a login fails. A program that names no address is not enough
    /// for that; for rules and for counting it is.
    pub(crate) fn is_local(&self) -> bool {
        let [terminal, display] = conversation::terminal_and_display(self.pam);
        self.source == Source::Local && presence::is_evident(terminal.as_deref(), display.as_deref())
    }

    /// Whether the person hears why a code was refused, which `judged` is about: what the library allows without an
    /// address it allows to whoever is here.
    pub(crate) fn may_tell(&self, judged: &Refusal) -> bool {
        judged.may_tell && (self.source != Source::Local || self.is_local())
    }

    /// Whether the stack and the policy let this service set users up during login.
    pub(crate) fn offers_set_up(&self, policy: &Policy) -> bool {
        self.arguments.setup && policy.enrollment.is_at_login(&self.service)
    }

    pub(crate) fn tell(&self, message: Message<'_>) {
        // A host that cannot show a message is told the verdict all the same.
        let _ = conversation::converse(self.pam, &[message], self.silent);
    }

    pub(crate) fn event(&self, name: &str, result: &str, reason: &str) -> Event {
        Event::new(name)
            .with("result", &result)
            .with("reason", &reason)
            .with("user", &self.typed_name.to_string_lossy())
            .with("service", &self.service)
            .with("from", &self.source)
    }

    pub(crate) fn log_denial(&self, reason: &str) {
        self.log.event(Level::Notice, &self.event("login", "denied", reason));
    }

    pub(crate) fn debug(&self, why: &str) {
        self.log.event(Level::Debug, &self.event("login", "ignored", why));
    }
}
