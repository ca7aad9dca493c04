//! `admin policy check`: whether a policy can be used, and what in it deserves a look.

use super::layout;
use crate::admin::mail;
use crate::exit::Stop;
use crate::stacks::{self, Stacks};
use crate::terminal::Terminal;
use crate::text::printable;
use nix::unistd::Group;
use std::collections::BTreeSet;
use std::path::Path;
use totp_core::account::Account;
use totp_core::clock::Timestamp;
use totp_core::policy::{EVERY_SERVICE, Mode, Policy, PolicyError};

pub fn run(path: &Path, terminal: &Terminal) -> Result<(), Stop> {
    let text = Policy::read(path)?;
    let policy = Policy::parse(&path.to_string_lossy(), &text).map_err(PolicyError::Invalid)?;
    let states_at_login = layout::locate(&text).contains_key("enrollment.at_login");
    let mut warnings = unknown_names(&policy, &SystemNames);
    warnings.extend(grace(&policy, Timestamp::now()));
    warnings.extend(mail(&policy, mail::command().is_some()).map(str::to_owned));
    let stacks = stacks::read();
    warnings.extend(services(&policy, states_at_login, &stacks));
    warnings.extend(stacks.troubles);
    for warning in warnings {
        terminal.remark(&format!("warning: {}", printable(&warning)));
    }
    terminal.say(&format!("{}: the policy is good.", printable(&path.to_string_lossy())))
}

/// Whether the name service knows a name; an error in words where it gave no answer.
trait Names {
    fn knows_user(&self, name: &str) -> Result<bool, String>;
    fn knows_group(&self, name: &str) -> Result<bool, String>;
}

struct SystemNames;

impl Names for SystemNames {
    /// By the canonical name alone: that is what rules are compared with.
    fn knows_user(&self, name: &str) -> Result<bool, String> {
        let found = Account::by_name(name).map_err(|error| error.to_string())?;
        Ok(found.is_some_and(|account| account.name.as_str() == name))
    }

    fn knows_group(&self, name: &str) -> Result<bool, String> {
        let found = Group::from_name(name);
        found
            .map(|group| group.is_some())
            .map_err(|error| format!("the name service failed: {}", error.desc()))
    }
}

fn unknown_names(policy: &Policy, names: &dyn Names) -> Vec<String> {
    let mut warnings = Vec::new();
    for rule in &policy.rules {
        let users = rule.users.iter().flatten().map(|name| ("user", name, names.knows_user(name)));
        let groups = rule.groups.iter().flatten().map(|name| ("group", name, names.knows_group(name)));
        for (what, name, known) in users.chain(groups) {
            let line = rule.line;
            warnings.extend(match known {
                Ok(true) => None,
                Ok(false) => Some(format!(
                    "the rule on line {line} names the {what} \"{name}\", whom the name service does not know by exactly this name"
                )),
                Err(error) => Some(format!(
                    "the rule on line {line} names the {what} \"{name}\", who could not be looked up: {error}"
                )),
            });
        }
    }
    warnings
}

fn grace(policy: &Policy, now: Timestamp) -> Option<String> {
    let day = policy.enrollment.grace_until.filter(|day| day.is_over(now))?;
    Some(format!(
        "enrollment.grace_until = {day} is over: set-up during login can no longer be skipped by it"
    ))
}

/// Invitations by mail that no login sends.
fn mail(policy: &Policy, has_command: bool) -> Option<&'static str> {
    let enrollment = &policy.enrollment;
    match (enrollment.mail_invitations, enrollment.needs_invitation, has_command) {
        (false, ..) | (true, true, true) => None,
        (true, false, _) => {
            Some("enrollment.mail_invitations has no effect without enrollment.needs_invitation")
        }
        (true, true, false) => Some(
            "enrollment.mail_invitations mails by the sendmail command, and there is none: install a mail system",
        ),
    }
}

/// Services that are named without effect.
fn services(policy: &Policy, states_at_login: bool, stacks: &Stacks) -> Vec<String> {
    let mut warnings = Vec::new();
    let mut told = BTreeSet::new();
    let mut absent = |who: String, service: &str| {
        let unknown = service != EVERY_SERVICE && stacks.service(service).is_none();
        (unknown && told.insert((who.clone(), service.to_owned()))).then(|| {
            format!("{who} names the service \"{service}\", in whose PAM stack there is no pam_totp.so")
        })
    };
    for service in &policy.services {
        warnings.extend(absent("services".to_owned(), service));
    }
    for rule in &policy.rules {
        for service in rule.services.iter().flatten() {
            warnings.extend(absent(format!("the rule on line {}", rule.line), service));
        }
    }
    // Its default names services that many hosts do not have, and is without effect where nobody must be set up.
    let needed = policy.mode == Mode::Required || policy.rules.iter().any(|rule| rule.mode == Mode::Required);
    for service in &policy.enrollment.at_login {
        if states_at_login {
            warnings.extend(absent("enrollment.at_login".to_owned(), service));
        }
        let lacks = stacks.service(service).map(|found| found.lacks()).unwrap_or_default();
        if (states_at_login || needed) && !lacks.is_empty() {
            warnings.push(format!(
                "enrollment.at_login names \"{service}\", but set-up during login is not possible there: its PAM stack lacks {}",
                lacks.join(" and ")
            ));
        }
    }
    warnings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stacks::Service;

    struct Known;

    impl Names for Known {
        fn knows_user(&self, name: &str) -> Result<bool, String> {
            Ok(name == "alice")
        }

        fn knows_group(&self, name: &str) -> Result<bool, String> {
            if name == "broken" { Err("it failed".to_owned()) } else { Ok(name == "staff") }
        }
    }

    fn policy(text: &str) -> Policy {
        Policy::parse("policy.toml", text).expect(text)
    }

    fn stacks(names: &[&str]) -> Stacks {
        let service = |name: &&str| Service {
            name: (*name).to_owned(),
            auth: Some(vec!["setup".to_owned()]),
            account: true,
            session: *name != "sshd",
        };
        Stacks { services: names.iter().map(service).collect(), ..Stacks::default() }
    }

    #[test]
    fn names_that_nobody_has_are_told() {
        let text = "[[rule]]\nusers = [\"alice\", \"bob\"]\ngroups = [\"staff\", \"ghosts\", \"broken\"]\nmode = \"required\"\n";
        let told = unknown_names(&policy(text), &Known).join("\n");
        for part in [
            "line 1 names the user \"bob\", whom",
            "the group \"ghosts\", whom",
            "\"broken\", who could not be looked up: it failed",
        ] {
            assert!(told.contains(part), "{part}: {told}");
        }
        assert!(!told.contains("alice") && !told.contains("staff"), "{told}");
    }

    #[test]
    fn a_grace_that_is_over_is_told() {
        let policy = policy("[enrollment]\ngrace_until = 2026-09-21\n");
        let day = 24 * 60 * 60;
        assert_eq!(grace(&policy, Timestamp(1_790_000_000)), None);
        assert!(grace(&policy, Timestamp(1_790_000_000 + day)).unwrap().contains("2026-09-21 is over"));
    }

    #[test]
    fn mail_that_no_login_sends_is_told() {
        let policy = |enrollment: &str| policy(&format!("[enrollment]\n{enrollment}\n"));
        let mails = policy("mail_invitations = true\nneeds_invitation = true");
        assert_eq!(mail(&mails, true), None);
        assert!(mail(&mails, false).unwrap().contains("install a mail system"));
        assert!(mail(&policy("mail_invitations = true"), true).unwrap().contains("no effect"));
        assert_eq!(mail(&policy("needs_invitation = true"), false), None);
    }

    #[test]
    fn services_without_the_module_are_told_once() {
        let text = "services = [\"SSHD\", \"ftp\"]\n[[rule]]\nservices = [\"ftp\", \"cron\", \"ftp\"]\nmode = \"disabled\"\n";
        let told = services(&policy(text), false, &stacks(&["sshd"]));
        assert_eq!(told.len(), 3, "{told:?}");
        assert!(told[0].starts_with("services names the service \"ftp\""), "{told:?}");
        assert!(told[1].starts_with("the rule on line 2 names the service \"ftp\""), "{told:?}");
    }

    #[test]
    fn set_up_that_is_not_possible_is_told_where_it_matters() {
        let sshd = stacks(&["sshd"]);
        assert!(services(&policy("services = [\"*\"]\n"), false, &sshd).is_empty());
        let told = services(&policy("mode = \"required\"\n"), false, &sshd);
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(
            told[0].contains("\"sshd\"") && told[0].ends_with("its PAM stack lacks a session line"),
            "{told:?}"
        );
        let stated = policy("[enrollment]\nat_login = [\"sshd\", \"login\"]\n");
        assert_eq!(services(&stated, true, &sshd).len(), 2);
        assert!(services(&stated, true, &stacks(&["login"])).len() == 1, "login is fine");
    }
}
