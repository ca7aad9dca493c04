//! `admin policy show`: every setting and where it comes from, the rules, and the services that ask.

use super::layout;
use super::settings::{SETTINGS, Setting};
use crate::asked;
use crate::exit::Stop;
use crate::stacks::{self, Service, Stacks};
use crate::terminal::Terminal;
use crate::text::printable;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use totp_core::POLICY_FILE;
use totp_core::policy::{Policy, PolicyError, Rule, RuleNetwork, implied_services};

pub fn run(path: &Path, terminal: &Terminal, json: bool) -> Result<(), Stop> {
    let text = Policy::read(path)?;
    let policy = Policy::parse(&path.to_string_lossy(), &text).map_err(PolicyError::Invalid)?;
    let mut lines: BTreeMap<_, _> =
        layout::locate(&text).into_iter().map(|(key, place)| (key, place.line)).collect();
    lines.extend(policy.superseded.iter().map(|found| (found.read_as.to_owned(), found.line)));
    let stacks = stacks::read();
    if json {
        terminal.json(&as_json(path, &policy, &lines, &stacks))
    } else {
        terminal.write(&in_words(path, &policy, &lines, &stacks))
    }
}

fn source(line: Option<&usize>) -> String {
    line.map_or_else(|| "default".to_owned(), |line| format!("line {line}"))
}

/// The list of services that a setting is.
fn services_in<'p>(setting: &Setting, policy: &'p Policy) -> &'p [String] {
    match setting.key {
        "services" => &policy.services,
        "enrollment.at_login" => &policy.enrollment.at_login,
        _ => &[],
    }
}

fn in_words(path: &Path, policy: &Policy, lines: &BTreeMap<String, usize>, stacks: &Stacks) -> String {
    let mut told = vec![format!("Policy: {}", printable(&path.to_string_lossy())), String::new()];
    let settings: Vec<_> = SETTINGS
        .iter()
        .map(|setting| {
            let value =
                (setting.value)(policy).map_or_else(|| "(none)".to_owned(), |value| value.to_string());
            let services = services_in(setting, policy);
            let meaning = match implied_services(services).next() {
                Some(_) => format!(": {}", printable(&services_in_words(services))),
                None => String::new(),
            };
            (format!("{} = {}", setting.key, printable(&value)), source(lines.get(setting.key)) + &meaning)
        })
        .collect();
    let width = settings.iter().map(|(setting, _)| setting.chars().count()).max().unwrap_or(0);
    told.extend(settings.iter().map(|(setting, source)| format!("{setting:width$}  {source}")));
    told.push(String::new());
    if policy.rules.is_empty() {
        told.push("Rules: none".to_owned());
    } else {
        told.push("Rules, of which the first that matches counts:".to_owned());
        told.extend(policy.rules.iter().map(|one| format!("  line {}: {}", one.line, printable(&rule(one)))));
    }
    told.push(String::new());
    if stacks.services.is_empty() {
        told.push(
            "Services with pam_totp.so in their PAM stack: none; nobody is asked for a code".to_owned(),
        );
    } else {
        told.push("Services with pam_totp.so in their PAM stack:".to_owned());
        told.extend(
            stacks.services.iter().map(|one| format!("  {}", printable(&service(policy, path, one)))),
        );
        if asked::services_by(stacks, path).next().is_some() && asked::asking(policy, path, stacks).is_empty()
        {
            told.push(
                "Attention: no service of this host asks anybody for a code under this policy".to_owned(),
            );
        }
    }
    if !stacks.without_code.is_empty() {
        let names = printable(&stacks.without_code.join(", "));
        told.push(format!("Services that authenticate without a code: {names}"));
    }
    told.extend(stacks.troubles.iter().map(|trouble| format!("Attention: {}", printable(trouble))));
    told.push(String::new());
    told.join("\n")
}

/// A rule in words.
fn rule(rule: &Rule) -> String {
    let mut conditions = Vec::new();
    for (what, names) in [("user", &rule.users), ("group", &rule.groups)] {
        conditions.extend(names.as_ref().map(|names| format!("{what} {}", names.join(" or "))));
    }
    conditions
        .extend(rule.services.as_ref().map(|services| format!("service {}", services_in_words(services))));
    if let Some(networks) = &rule.networks {
        let written: Vec<_> = networks.iter().map(network).collect();
        conditions.push(format!("from {}", written.join(", ")));
    }
    match conditions.is_empty() {
        true => format!("{} for everybody", rule.mode),
        false => format!("{} for {}", rule.mode, conditions.join("; ")),
    }
}

/// A list of services, each with the login shell that it means, too.
fn services_in_words(services: &[String]) -> String {
    let meant: Vec<_> = implied_services(services).collect();
    let word = |name: &String| match name.to_ascii_lowercase().as_str() {
        "su" if meant.contains(&"su-l") => format!("{name} (and su -)"),
        "sudo" if meant.contains(&"sudo-i") => format!("{name} (and sudo -i)"),
        _ => name.clone(),
    };
    services.iter().map(word).collect::<Vec<_>>().join(" or ")
}

fn network(network: &RuleNetwork) -> String {
    let negation = if network.negated { "!" } else { "" };
    let place = network.network.map_or_else(|| "local".to_owned(), |network| network.to_string());
    format!("{negation}{place}")
}

fn service(policy: &Policy, path: &Path, service: &Service) -> String {
    let asks = match (asks_anybody(policy, path, service), &service.auth) {
        (Some(true), _) => "asks for a code".to_owned(),
        (Some(false), None) => "asks for no code".to_owned(),
        (Some(false), Some(_)) => "asks nobody for a code under this policy".to_owned(),
        (None, _) => format!("goes by the policy {}", service.policy().unwrap_or(POLICY_FILE)),
    };
    let sets_up = match why_not(policy, service) {
        None => "sets users up during login".to_owned(),
        Some(why) => format!("sets nobody up during login: {why}"),
    };
    let but: String = match asks_anybody(policy, path, service) {
        Some(false) => String::new(),
        Some(true) | None => service.but().iter().map(|but| format!(", {but}")).collect(),
    };
    format!("{}: {asks}{but}; {sets_up}", service.name)
}

/// Whether the service asks anybody under the policy in this file; `None` where it goes by another one.
fn asks_anybody(policy: &Policy, path: &Path, service: &Service) -> Option<bool> {
    if !service.asks() {
        return Some(false);
    }
    asked::goes_by(service, path).then(|| policy.may_ask(&service.name))
}

/// Why the service sets nobody up during login; `None` where it does.
fn why_not(policy: &Policy, service: &Service) -> Option<String> {
    if !service.sets_up() {
        return Some(format!("its stack lacks {}", service.lacks().join(" and ")));
    }
    // Another policy has a list of its own.
    let listed = service.policy().is_some() || policy.enrollment.is_at_login(&service.name);
    (!listed).then(|| "enrollment.at_login does not name it".to_owned())
}

fn as_json(path: &Path, policy: &Policy, lines: &BTreeMap<String, usize>, stacks: &Stacks) -> Value {
    let settings: Vec<_> = SETTINGS
        .iter()
        .map(|setting| {
            let line = lines.get(setting.key);
            json!({
                "key": setting.key,
                "value": (setting.value)(policy).map(plain),
                "source": source(line),
                "line": line,
                "services_implied": implied_services(services_in(setting, policy)).collect::<Vec<_>>(),
            })
        })
        .collect();
    let rules: Vec<_> = policy
        .rules
        .iter()
        .map(|rule| {
            json!({
                "line": rule.line,
                "users": rule.users,
                "groups": rule.groups,
                "services": rule.services,
                "services_implied":
                    rule.services.as_deref().map(|services| implied_services(services).collect::<Vec<_>>()),
                "networks": rule.networks.as_ref().map(|all| all.iter().map(network).collect::<Vec<_>>()),
                "mode": rule.mode.as_str(),
            })
        })
        .collect();
    let services: Vec<_> = stacks
        .services
        .iter()
        .map(|service| {
            let why_not = why_not(policy, service);
            json!({
                "service": service.name,
                "asks": service.asks(),
                "asks_anybody": asks_anybody(policy, path, service),
                "always_asks": service.asks() && service.but().is_empty(),
                "faults": service.faults.iter().map(|fault| fault.of_service(&service.name)).collect::<Vec<_>>(),
                "policy": service.policy(),
                "sets_up_at_login": why_not.is_none(),
                "why_not": why_not,
            })
        })
        .collect();
    json!({
        "policy": path.to_string_lossy(),
        "settings": settings,
        "rules": rules,
        "services": services,
        "services_without_code": stacks.without_code,
        "troubles": stacks.troubles,
    })
}

/// TOML's value as JSON has it; a date becomes a string.
fn plain(value: toml::Value) -> Value {
    match value {
        toml::Value::String(text) => Value::from(text),
        toml::Value::Integer(number) => Value::from(number),
        toml::Value::Boolean(truth) => Value::from(truth),
        toml::Value::Array(items) => items.into_iter().map(plain).collect(),
        other => Value::from(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stacks::Fault;

    fn shown(text: &str, stacks: &Stacks) -> String {
        let lines = layout::locate(text).into_iter().map(|(key, place)| (key, place.line)).collect();
        in_words(Path::new(POLICY_FILE), &Policy::parse("policy.toml", text).unwrap(), &lines, stacks)
    }

    #[test]
    fn settings_are_shown_with_where_they_come_from() {
        let text = "mode = \"required\"\n[totp]\n\ndigits = 8\n";
        let told = shown(text, &Stacks::default());
        let line = |start: &str| {
            let line = told.lines().find(|line| line.starts_with(start)).expect(start);
            line.split_whitespace().collect::<Vec<_>>().join(" ")
        };
        assert_eq!(line("mode"), "mode = \"required\" line 1");
        assert_eq!(line("totp.digits"), "totp.digits = 8 line 4");
        assert_eq!(line("totp.window"), "totp.window = 1 default");
        assert_eq!(line("enrollment.grace_until"), "enrollment.grace_until = (none) default");
        assert!(told.contains("\nRules: none\n") && told.contains("none; nobody is asked"), "{told}");
    }

    #[test]
    fn rules_are_shown_in_words() {
        let text = "[[rule]]\nmode = \"disabled\"\n[[rule]]\nusers = [\"a\", \"b\\u001b\"]\ngroups = [\"g\"]\nservices = [\"sshd\"]\nnetworks = [\"!10.0.0.0/8\", \"local\"]\nmode = \"required\"\n";
        let told = shown(text, &Stacks::default());
        assert!(told.contains("\n  line 1: disabled for everybody\n"), "{told}");
        let second =
            "\n  line 3: required for user a or b\\u{1b}; group g; service sshd; from !10.0.0.0/8, local\n";
        assert!(told.contains(second), "{told}");
    }

    #[test]
    fn services_are_shown_with_what_they_do() {
        let service = |name: &str, auth: Option<&[&str]>, session| Service {
            name: name.to_owned(),
            auth: auth.map(|words| words.iter().map(|&word| word.to_owned()).collect()),
            account: true,
            session,
            faults: Vec::new(),
        };
        let stacks = Stacks {
            services: vec![
                service("sshd", Some(&["setup"]), true),
                service("su", Some(&["setup"]), true),
                service("login", Some(&["policy=/etc/x.toml"]), false),
                service("odd", None, true),
                Service {
                    faults: vec![Fault::LetsPast(
                        "sufficient pam_unix.so (line 2 of /etc/pam.d/x)".to_owned(),
                    )],
                    ..service("x", Some(&[]), false)
                },
            ],
            without_code: vec!["sudo-i".to_owned(), "ftp".to_owned()],
            troubles: vec!["/etc/pam.d/x cannot be read: no".to_owned()],
            ..Stacks::default()
        };
        let told = shown("", &stacks);
        for line in [
            "  sshd: asks for a code; sets users up during login",
            "  su: asks for a code; sets nobody up during login: enrollment.at_login does not name it",
            "  login: goes by the policy /etc/x.toml; sets nobody up during login: its stack lacks the argument setup on its auth line and a session line",
            "  odd: asks for no code; sets nobody up during login: its stack lacks an auth line",
            "  x: asks for a code, but sufficient pam_unix.so (line 2 of /etc/pam.d/x) lets past it; sets nobody up during login: its stack lacks the argument setup on its auth line and a session line",
            "Services that authenticate without a code: sudo-i, ftp",
            "Attention: /etc/pam.d/x cannot be read: no",
        ] {
            assert!(told.lines().any(|found| found == line), "{line}\n{told}");
        }
        assert!(!told.contains("no service of this host"), "{told}");
        let told = shown("mode = \"required\"\nservices = [\"ssh\", \"su\"]\n", &stacks);
        assert!(told.contains("  sshd: asks nobody for a code under this policy; sets users up"), "{told}");
        assert!(told.contains("  su: asks for a code; "), "{told}");
        let told = shown("services = [\"ssh\"]\n", &stacks);
        assert!(
            told.contains("\nAttention: no service of this host asks anybody for a code under this policy\n"),
            "{told}"
        );
    }

    #[test]
    fn lists_with_su_and_sudo_are_shown_with_what_they_mean() {
        let text = "services = [\"sshd\", \"su\", \"sudo\"]\n[[rule]]\nservices = [\"su\"]\nmode = \"disabled\"\n[[rule]]\nservices = [\"su\", \"sudo-i\"]\nmode = \"disabled\"\n";
        let told = shown(text, &Stacks::default());
        for line in [
            "  line 1: sshd or su (and su -) or sudo (and sudo -i)\n",
            "\n  line 2: disabled for service su (and su -)\n",
            "\n  line 5: disabled for service su or sudo-i\n",
        ] {
            assert!(told.contains(line), "{line}\n{told}");
        }
        let policy = Policy::parse("policy.toml", text).unwrap();
        let value = as_json(Path::new(POLICY_FILE), &policy, &BTreeMap::new(), &Stacks::default());
        assert_eq!(value["settings"][1]["services_implied"], json!(["su-l", "sudo-i"]));
        assert_eq!(value["rules"][0]["services_implied"], json!(["su-l"]));
    }
}
