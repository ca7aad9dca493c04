//! `admin explain`: which rule decides for a login, and what it will meet.

use crate::arguments::Explain;
use crate::exit::Stop;
use crate::session::{Office, Session};
use crate::stacks::{self, Stacks};
use crate::terminal::Terminal;
use crate::text::printable;
use serde_json::json;
use std::path::Path;
use totp_core::account::{Account, Groups};
use totp_core::clock::Timestamp;
use totp_core::operation::Status;
use totp_core::policy::{Decision, Fit, Ground, Membership, Mode, NoGroups, Policy, Rule, Subject};
use totp_core::source::Source;

pub fn run(office: Office, terminal: &Terminal, wanted: &Explain) -> Result<(), Stop> {
    let account = Account::by_name(&wanted.user)?;
    let status = match account.clone() {
        Some(account) => Some(Session::of_office(&office, account).status()?),
        None => None,
    };
    let source = Source::from_remote_host(wanted.from.as_deref());
    let groups: Box<dyn Membership + '_> = match &account {
        Some(account) => Box::new(Groups::of(account)),
        None => Box::new(NoGroups),
    };
    let subject = Subject {
        user: account.as_ref().map(|account| &account.name),
        groups: &*groups,
        service: Some(&wanted.service),
        source: Some(source),
    };
    let overridden = status.as_ref().and_then(|status| status.overridden.as_ref());
    let decision = office.policy.decide(overridden.map(|made| made.mode), &subject);
    let login =
        Login { policy: &office.policy, status: status.as_ref(), stacks: stacks::read(), wanted, source };
    let (asked, outcome) = login.outcome(decision.mode);
    let other_policy = login.stack_policy().filter(|path| Path::new(path) != office.path);
    let decided_by = decided_by(&office.policy, decision);
    if wanted.json.json {
        let rules: Vec<_> = office
            .policy
            .rules
            .iter()
            .map(|rule| json!({ "line": rule.line, "mode": rule.mode, "fit": fit(rule.fit(&subject)) }))
            .collect();
        return terminal.json(&json!({
            "user": wanted.user,
            "service": wanted.service,
            "from": wanted.from,
            "mode": decision.mode,
            "decided_by": decided_by,
            "other_policy": other_policy,
            "rules": rules,
            "asked": asked,
            "outcome": outcome,
        }));
    }
    let from = wanted
        .from
        .as_deref()
        .map_or_else(|| "at this machine".to_owned(), |from| format!("from {}", printable(from)));
    terminal.say(&format!("{}, service {}, {from}", printable(&wanted.user), printable(&wanted.service)))?;
    if overridden.is_none() {
        for line in considered(&office.policy, &subject, decision) {
            terminal.say(&line)?;
        }
    }
    if let Some(other) = other_policy {
        let (service, other) = (printable(&wanted.service), printable(other));
        terminal.remark(&format!(
            "warning: the PAM stack of {service} names another policy, which decides there: ask with --policy {other}"
        ));
    }
    terminal.say(&format!("Mode: {}, by {decided_by}", decision.mode))?;
    terminal.say(&format!("What happens: {outcome}"))
}

/// The rules up to the one that decides, each with how it stands.
fn considered(policy: &Policy, subject: &Subject<'_>, decision: Decision) -> Vec<String> {
    let last = match decision.ground {
        Ground::Rule { position, certain: true } => position,
        _ => policy.rules.len(),
    };
    let line = |(position, rule): (usize, &Rule)| {
        (position <= last).then(|| format!("Rule at line {}: {}", rule.line, fit(rule.fit(subject))))
    };
    policy.rules.iter().enumerate().filter_map(line).collect()
}

fn fit(fit: Fit) -> String {
    match fit {
        Fit::Matches => "matches".to_owned(),
        Fit::Differs(key) => format!("does not match: {}", key.as_str()),
        Fit::Undecided(key) => {
            format!("cannot be decided: {}; it counts where it is the stricter outcome", key.as_str())
        }
    }
}

fn decided_by(policy: &Policy, decision: Decision) -> String {
    match decision.ground {
        Ground::Override => "an administrator's override for this user".to_owned(),
        Ground::Rule { position, .. } => {
            let line = policy.rules.get(position).map_or(0, |rule| rule.line);
            format!("the rule at line {line}")
        }
        Ground::Mode => "the setting mode".to_owned(),
        Ground::OtherService => "the setting services, which does not list this one".to_owned(),
    }
}

/// A login that somebody wonders about.
struct Login<'a> {
    policy: &'a Policy,
    status: Option<&'a Status>,
    stacks: Stacks,
    wanted: &'a Explain,
    source: Source,
}

impl Login<'_> {
    /// The policy that the PAM stack names for this service.
    fn stack_policy(&self) -> Option<&str> {
        self.stacks.service(&self.wanted.service)?.policy()
    }

    /// Whether a code is asked for, and what comes of it.
    fn outcome(&self, mode: Mode) -> (bool, String) {
        let service = printable(&self.wanted.service);
        let auth = self.stacks.service(&self.wanted.service).is_some_and(|service| service.auth.is_some());
        if !auth {
            return (
                false,
                format!("asked nothing, because no auth line of /etc/pam.d/{service} names pam_totp.so"),
            );
        }
        let Some(status) = self.status else {
            return match mode {
                Mode::Required => {
                    (true, "asked for a code like anybody, and refused: there is no such user".to_owned())
                }
                _ => (false, "asked nothing by this module, and refused: there is no such user".to_owned()),
            };
        };
        match (mode, status.configured) {
            (Mode::Disabled, _) => (false, "asked nothing, because mode is disabled".to_owned()),
            (Mode::Optional, false) => {
                (false, "asked nothing, because the code is optional and nothing is set up".to_owned())
            }
            (_, true) => self.with_devices(status),
            (Mode::Required, false) => (true, self.without_devices(status)),
        }
    }

    fn with_devices(&self, status: &Status) -> (bool, String) {
        let address = self.source.address().map(|address| address.to_string());
        if let Some(host) =
            status.remembered_hosts.iter().find(|host| Some(&host.address) == address.as_ref())
        {
            return (false, format!("asked nothing, because a code was given from there at {}", host.since));
        }
        let devices: Vec<_> = status.devices.iter().map(|device| device.name.to_string()).collect();
        let mut told = format!("asked for a code of {}, or a recovery code", devices.join(" or "));
        if status.at_ceiling {
            told.push_str("; codes pass only from known addresses, after too many wrong ones in a row");
        } else if status.throttled_for > 0 {
            told.push_str(&format!("; a source that failed too often waits for {} s", status.throttled_for));
        }
        (true, told)
    }

    fn without_devices(&self, status: &Status) -> String {
        let enrollment = &self.policy.enrollment;
        let service = self.stacks.service(&self.wanted.service);
        let lacks = service.map(stacks::Service::lacks).unwrap_or_default();
        let listed = enrollment.is_at_login(&self.wanted.service);
        if listed && lacks.is_empty() {
            let invitation = match (enrollment.needs_invitation, &status.invited_until) {
                (false, _) => "pressing Enter sets it up".to_owned(),
                (true, Some(until)) => format!("the invitation, good until {until}, sets it up"),
                (true, None) if enrollment.mail_invitations && status.mail.is_some() => {
                    "pressing Enter has an invitation mailed, which sets it up".to_owned()
                }
                (true, None) => "an invitation would set it up, and there is none".to_owned(),
            };
            let grace = status.grace.map_or_else(String::new, |grace| format!("; it may be put off {grace}"));
            return format!("asked for a code; {invitation}{grace}");
        }
        if enrollment.grace_until.is_some_and(|day| !day.is_over(Timestamp::now())) {
            return "asked for a code, and let through whatever the answer, until grace_until".to_owned();
        }
        let why = if listed {
            format!("the stack lacks {}", lacks.join(", "))
        } else {
            "enrollment.at_login does not list the service".to_owned()
        };
        format!(
            "asked for a code, and refused: nothing is set up, and this service cannot set it up, because {why}"
        )
    }
}
