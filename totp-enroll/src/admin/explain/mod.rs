//! `admin explain`: which rule decides for a login, and what it will meet.

mod outcome;

use crate::arguments::Explain;
use crate::exit::Stop;
use crate::session::{Office, Session};
use crate::stacks::{self, OTHER, Stacks};
use crate::terminal::Terminal;
use crate::text::printable;
use outcome::Login;
use serde_json::json;
use totp_core::account::{Account, Groups, Stranger};
use totp_core::clock::Timestamp;
use totp_core::operation::admin;
use totp_core::policy::{Decision, Fit, Ground, Membership, Policy, Rule, Subject};
use totp_core::source::Source;
use totp_core::throttle::{Party, ThrottleState};

pub fn run(office: Office, terminal: &Terminal, wanted: &Explain) -> Result<(), Stop> {
    let stacks = stacks::read();
    ensure_stack(&stacks, &wanted.service)?;
    let account = account(wanted)?;
    let status = match account.clone() {
        Some(account) => Some(Session::of_office(&office, account).status()?),
        None => None,
    };
    let source = Source::from_remote_host(wanted.from.as_deref());
    let groups: Box<dyn Membership + '_> = match &account {
        Some(account) => Box::new(Groups::of(account)),
        None => Box::new(Stranger::of(&wanted.user)),
    };
    let subject = Subject {
        user: account.as_ref().map(|account| &account.name),
        groups: &*groups,
        service: Some(&wanted.service),
        source: Some(source),
    };
    let overridden = status.as_ref().and_then(|status| status.overridden.as_ref());
    let decision = office.policy.decide(overridden.map(|made| made.mode), &subject);
    let throttle = match &account {
        Some(account) => {
            admin::throttle_state(&office.store()?, &office.policy, account, source, Timestamp::now())?
        }
        None => (Party::Strangers, ThrottleState::Free),
    };
    let login = Login {
        policy: &office.policy,
        of_system: office.is_of_system(),
        word: account.as_ref().map(|account| printable(&account.name.as_word())).unwrap_or_default(),
        status: status.as_ref(),
        throttle,
        stacks,
        service: &wanted.service,
        source,
        mode: decision.mode,
    };
    let outcome = login.outcome();
    let user = account.as_ref().map_or(wanted.user.as_str(), |account| account.name.as_str());
    let decided_by = decided_by(&office.policy, decision);
    if wanted.json.json {
        let rules: Vec<_> = office
            .policy
            .rules
            .iter()
            .map(|rule| json!({ "line": rule.line, "mode": rule.mode, "fit": fit(rule.fit(&subject)) }))
            .collect();
        return terminal.json(&json!({
            "user": user,
            "service": wanted.service,
            "from": wanted.from,
            "own_address": own_address(source).is_some(),
            "mode": decision.mode,
            "decided_by": decided_by,
            "rules": rules,
            "asked": outcome.asked,
            "outcome": outcome.words,
            "by_key_alone": outcome.by_key_alone,
        }));
    }
    let from = wanted
        .from
        .as_deref()
        .map_or_else(|| at_this_machine(&wanted.service), |from| format!("from {}", printable(from)));
    terminal.say(&format!("{}, service {}, {from}", printable(user), printable(&wanted.service)))?;
    if let Some(line) = own_address(source) {
        terminal.say(&line)?;
    }
    if overridden.is_none() {
        for line in considered(&office.policy, &subject, decision) {
            terminal.say(&line)?;
        }
    }
    terminal.say(&format!("Mode: {}, by {decided_by}", decision.mode))?;
    terminal.say(&format!("What happens: {}", outcome.words))?;
    match outcome.by_key_alone {
        Some(words) => terminal.say(&format!("By key alone: {words}")),
        None => Ok(()),
    }
}

/// Whom it is about. A mistyped name must not pass for a stranger: what that meets says nothing of the user.
fn account(wanted: &Explain) -> Result<Option<Account>, Stop> {
    let user = &wanted.user;
    match (Account::by_name(user)?, wanted.stranger) {
        (None, false) => Err(Stop::Refused(format!(
            "there is no user named \"{user}\"; --stranger tells what a name meets that no user has"
        ))),
        (Some(_), true) => {
            Err(Stop::Usage(format!("there is a user named \"{user}\"; leave --stranger out")))
        }
        (found, _) => Ok(found),
    }
}

/// Nothing is told of a service that no program here can ask for.
fn ensure_stack(stacks: &Stacks, service: &str) -> Result<(), Stop> {
    if stacks.has_stack(service) {
        return Ok(());
    }
    let with_module: Vec<_> = stacks.services.iter().map(|service| service.name.as_str()).collect();
    let here = if with_module.is_empty() {
        "no service here has pam_totp.so in its stack".to_owned()
    } else {
        format!("services with pam_totp.so here: {}", with_module.join(", "))
    };
    let other = if stacks.has_stack(OTHER) {
        format!("; a program that asks for it gets the stack of {OTHER}, and --service {OTHER} explains that")
    } else {
        String::new()
    };
    Err(Stop::Usage(format!("there is no PAM stack /etc/pam.d/{service}; {here}{other}")))
}

/// What follows from an address that is this machine's own.
fn own_address(source: Source) -> Option<String> {
    let Source::Own(address) = source else { return None };
    Some(format!(
        "{address} is an address of this machine: anybody may come from there who has a tunnel or a proxy here. It is never known or remembered, is told no reasons, and its wrong codes count with those at this machine."
    ))
}

fn at_this_machine(service: &str) -> String {
    // It has no other logins than remote ones.
    let hint = if service.eq_ignore_ascii_case("sshd") { " (--from ADDRESS asks of another)" } else { "" };
    format!("at this machine{hint}")
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
