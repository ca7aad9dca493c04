//! What a login meets, in words. They must say what the module does: `tests/explain.rs` compares the two.

use crate::report;
use crate::stacks::{Service, Stacks};
use crate::text::printable;
use totp_core::clock::Timestamp;
use totp_core::operation::Status;
use totp_core::policy::{Mode, Policy, write_span};
use totp_core::source::Source;
use totp_core::throttle::{Party, ThrottleState};

/// A login that somebody wonders about.
pub struct Login<'a> {
    pub policy: &'a Policy,
    /// Whether that is the policy of the system; any other one was asked for.
    pub of_system: bool,
    /// The user as typed into a shell.
    pub word: String,
    /// `None` for a name that no account has.
    pub status: Option<&'a Status>,
    /// With whom the source shares a budget, and what it may do.
    pub throttle: (Party, ThrottleState),
    pub stacks: Stacks,
    pub service: &'a str,
    pub source: Source,
    /// The mode that counts.
    pub mode: Mode,
}

/// What it meets.
pub struct Outcome {
    /// Whether it is asked for a code; `None` where another policy says.
    pub asked: Option<bool>,
    /// What comes of it.
    pub words: String,
    /// What comes of a login to sshd by a key and nothing else, where that is something else.
    pub by_key_alone: Option<&'static str>,
}

impl Outcome {
    fn not_asked(words: impl Into<String>) -> Self {
        Self { asked: Some(false), words: format!("asked nothing, {}", words.into()), by_key_alone: None }
    }

    fn asked(words: impl Into<String>) -> Self {
        Self { asked: Some(true), words: format!("asked for a code{}", words.into()), by_key_alone: None }
    }
}

impl Login<'_> {
    pub fn outcome(&self) -> Outcome {
        let Some((service, arguments)) = self.auth_line() else {
            return Outcome::not_asked(self.why_no_auth_line());
        };
        if let Some(path) = service.policy().filter(|_| self.of_system) {
            let path = printable(path);
            return Outcome {
                asked: None,
                words: format!(
                    "decided by another policy, which its auth line names: ask again with --policy {path}"
                ),
                by_key_alone: None,
            };
        }
        let Some(status) = self.status else { return self.of_a_stranger() };
        let mut outcome = match (self.mode, status.configured) {
            (Mode::Disabled, _) => Outcome::not_asked("because mode is disabled"),
            _ if status.orphan.is_some() => Outcome::asked(
                ", and refused whatever it is, because two-factor login was set up for another name or uid of this user (`totp-enroll admin status` says which)",
            ),
            (Mode::Optional, false) => {
                Outcome::not_asked("because the code is optional and nothing is set up")
            }
            (_, true) => self.with_devices(status),
            (Mode::Required, false) => Outcome::asked(self.without_devices(status, service, arguments)),
        };
        if outcome.asked == Some(true) {
            outcome.words.extend(service.but().iter().map(|but| format!("; {but}")));
        }
        if outcome.asked == Some(true) && self.service.eq_ignore_ascii_case("sshd") {
            let refused = self.policy.refuse_key_only && service.account;
            outcome.by_key_alone = Some(if refused {
                "refused, because ssh.refuse_key_only is set"
            } else {
                "asked nothing, unless AuthenticationMethods in sshd_config wants keyboard-interactive, too"
            });
        }
        outcome
    }

    fn auth_line(&self) -> Option<(&Service, &[String])> {
        let service = self.stacks.at_login_by(self.service)?;
        Some((service, service.auth.as_deref()?))
    }

    fn why_no_auth_line(&self) -> String {
        format!("because no auth line of /etc/pam.d/{} names pam_totp.so", printable(self.service))
    }

    fn of_a_stranger(&self) -> Outcome {
        match self.mode {
            Mode::Required => Outcome::asked(" like anybody, and refused: there is no such user"),
            _ => Outcome::not_asked("and refused by the rest of the stack: there is no such user"),
        }
    }

    fn with_devices(&self, status: &Status) -> Outcome {
        let address = self.source.address().map(|address| address.to_string());
        if let Some(host) =
            status.remembered_hosts.iter().find(|host| Some(&host.address) == address.as_ref())
        {
            return Outcome::not_asked(format!("because a code was given from there at {}", host.since));
        }
        let devices: Vec<_> = status.devices.iter().map(|device| device.name.to_string()).collect();
        let devices = devices.join(" or ");
        let mut others = Vec::new();
        others.extend((status.recovery_codes_left > 0).then_some("a recovery code"));
        others.extend(status.temporary_code.as_ref().map(|_| "the temporary code"));
        let others = others.join(" or ");
        let passes =
            if others.is_empty() { "nothing else passes".to_owned() } else { format!("{others} passes") };
        let or_others = if others.is_empty() { others } else { format!(", or {others}") };
        let (party, throttle) = self.throttle;
        Outcome::asked(match throttle {
            ThrottleState::Free => format!(" of {devices}{or_others}"),
            ThrottleState::Wait(seconds) => format!(
                "; none of {devices} is looked at for {seconds} s, after too many wrong ones {}; {passes}",
                self.counted_place()
            ),
            ThrottleState::Exhausted(seconds) => format!(
                "; none of {devices} is looked at for {}, after too many wrong ones over time {}; two codes of one device in a row pass, and {passes}; `totp-enroll admin unlock {}` ends that",
                rounded(seconds),
                report::parties(&[party]),
                self.word
            ),
        })
    }

    /// Where the wrong codes came from that this login waits for.
    fn counted_place(&self) -> &'static str {
        if self.source.throttle_key() == Source::Local { "at this machine" } else { "from there" }
    }

    /// What follows "asked for a code". The module believes the argument `setup`: lines that the stack lacks
    /// all the same are what this must not gloss over.
    fn without_devices(&self, status: &Status, service: &Service, arguments: &[String]) -> String {
        let temporary = if status.temporary_code.is_some() {
            "; the temporary code logs in; with any other answer it is"
        } else {
            ", and"
        };
        let listed = self.policy.enrollment.is_at_login(self.service);
        let setup = arguments.iter().any(|argument| argument == "setup");
        if !(listed && setup) {
            if let Some(day) = self.policy.enrollment.grace_until.filter(|day| !day.is_over(Timestamp::now()))
            {
                return format!("{temporary} let through whatever the answer, through {day} (grace_until)");
            }
            let why = if listed {
                "its auth line lacks the argument setup"
            } else {
                "enrollment.at_login does not list it"
            };
            return format!(
                "{temporary} refused: nothing is set up, and this service cannot set it up, because {why}"
            );
        }
        let way = self.way_to_set_up(status);
        match (service.account, service.session) {
            (true, true) => {
                let temporary = status.temporary_code.as_ref().map_or("", |_| "; the temporary code logs in");
                format!("{temporary}; {way}{}", grace(status))
            }
            (true, false) => format!(
                "; {way}, but that never counts, and the login goes on all the same: the stack lacks a session line"
            ),
            (false, true) => {
                format!("{temporary} ended when the session opens: the stack lacks an account line")
            }
            (false, false) => format!(
                "{temporary} let through without one: the stack lacks an account line and a session line"
            ),
        }
    }

    /// How a login that may set up comes to it.
    fn way_to_set_up(&self, status: &Status) -> String {
        let enrollment = &self.policy.enrollment;
        if !enrollment.needs_invitation {
            return "pressing Enter sets it up".to_owned();
        }
        match &status.invited_until {
            Some(until) => format!("the invitation, good until {until}, sets it up"),
            None if enrollment.mail_invitations && status.mail.is_some() => {
                "pressing Enter has an invitation mailed, which sets it up".to_owned()
            }
            None => format!(
                "an invitation would set it up, and there is none; `totp-enroll admin invite {}` draws one",
                self.word
            ),
        }
    }
}

fn grace(status: &Status) -> String {
    status.grace.map_or_else(String::new, |grace| format!("; it may be put off {grace}"))
}

/// A span in hours or minutes, none of which ends too early.
fn rounded(seconds: u64) -> String {
    const HOUR: u64 = 60 * 60;
    let unit = if seconds > 2 * HOUR { HOUR } else { 60 };
    write_span(seconds.div_ceil(unit).saturating_mul(unit))
}
