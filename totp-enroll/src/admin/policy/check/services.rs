//! Services that the policy names without effect.

use crate::stacks::Stacks;
use std::collections::BTreeSet;
use totp_core::policy::{EVERY_SERVICE, Mode, Policy, implied_services, lists_service};

/// Services that are named without effect.
pub fn findings(policy: &Policy, states_at_login: bool, stacks: &Stacks) -> Vec<String> {
    let mut warnings: Vec<_> = nobody_is_asked(policy, stacks).into_iter().collect();
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
    warnings.extend(login_shells(policy, stacks));
    // Its default names services that many hosts do not have, and is without effect where nobody must be set up.
    let needed = policy.mode == Mode::Required || policy.rules.iter().any(|rule| rule.mode == Mode::Required);
    if states_at_login {
        let services = &policy.enrollment.at_login;
        warnings
            .extend(services.iter().filter_map(|service| absent("enrollment.at_login".to_owned(), service)));
    }
    let mut at_login: Vec<&str> = policy.enrollment.at_login.iter().map(String::as_str).collect();
    at_login.extend(implied_services(&policy.enrollment.at_login));
    for service in at_login {
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

/// Programs whose login shell is a service of its own that a list taken as written leaves out.
fn login_shells(policy: &Policy, stacks: &Stacks) -> BTreeSet<String> {
    let general = (policy.mode != Mode::Disabled).then(|| ("services".to_owned(), &policy.services));
    let rules = policy.rules.iter().filter(|rule| rule.mode != Mode::Disabled);
    let rules =
        rules.filter_map(|rule| Some((format!("the rule on line {}", rule.line), rule.services.as_ref()?)));
    let named_by_a_rule = |login: &str| {
        let mut named = policy.rules.iter().flat_map(|rule| rule.services.iter().flatten());
        named.any(|service| service.eq_ignore_ascii_case(login))
    };
    let mut warnings = BTreeSet::new();
    for (who, services) in general.into_iter().chain(rules) {
        if lists_service(services, EVERY_SERVICE) {
            continue;
        }
        for program in services {
            let program = program.to_ascii_lowercase();
            let alone = [program.clone()];
            let Some(login) = implied_services(&alone).next() else { continue };
            let asks = stacks.at_login_by(login).is_some_and(crate::stacks::Service::asks);
            if asks && !lists_service(services, login) && !named_by_a_rule(login) {
                let typed = if login == "su-l" { "su -" } else { "sudo -i" };
                warnings.insert(format!(
                    "{who} names \"{program}\" but not \"{login}\", and so leaves `{typed}` out: a list that names su-l or sudo-i is taken as written; add \"{login}\""
                ));
            }
        }
    }
    warnings
}

/// A policy that would ask somebody, but nobody where the module is in the stack.
fn nobody_is_asked(policy: &Policy, stacks: &Stacks) -> Option<String> {
    let means_to =
        policy.mode != Mode::Disabled || policy.rules.iter().any(|rule| rule.mode != Mode::Disabled);
    let mut services = stacks.services.iter().filter(|service| service.auth.is_some()).peekable();
    let in_vain =
        means_to && services.peek().is_some() && !services.any(|service| policy.may_ask(&service.name));
    in_vain.then(|| {
        "nobody is asked for a code: this policy asks in no service that has pam_totp.so in its auth stack"
            .to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stacks::Service;

    fn policy(text: &str) -> Policy {
        Policy::parse("policy.toml", text).expect(text)
    }

    fn stacks(names: &[&str]) -> Stacks {
        let service = |name: &&str| Service {
            name: (*name).to_owned(),
            auth: Some(vec!["setup".to_owned()]),
            account: true,
            session: *name != "sshd",
            faults: Vec::new(),
        };
        Stacks { services: names.iter().map(service).collect(), ..Stacks::default() }
    }

    #[test]
    fn services_without_the_module_are_told_once() {
        let text = "services = [\"SSHD\", \"ftp\"]\n[[rule]]\nservices = [\"ftp\", \"cron\", \"ftp\"]\nmode = \"disabled\"\n";
        let told = findings(&policy(text), false, &stacks(&["sshd"]));
        assert_eq!(told.len(), 3, "{told:?}");
        assert!(told[0].starts_with("services names the service \"ftp\""), "{told:?}");
        assert!(told[1].starts_with("the rule on line 2 names the service \"ftp\""), "{told:?}");
    }

    #[test]
    fn a_policy_that_asks_in_vain_is_told_first() {
        let told =
            |text: &str, services: &[&str]| findings(&policy(text), false, &stacks(services)).join("\n");
        let ssh = told("mode = \"required\"\nservices = [\"ssh\"]\n", &["sshd", "login"]);
        assert!(
            ssh.starts_with("nobody is asked for a code: ") && ssh.contains("the service \"ssh\""),
            "{ssh}"
        );
        for (text, services) in [
            ("services = [\"su\"]\n", &["sshd", "su-l"][..]),
            ("mode = \"disabled\"\n", &["login"]),
            ("services = [\"sshd\"]\n", &[]),
        ] {
            assert!(!told(text, services).contains("nobody is asked"), "{text}");
        }
    }

    #[test]
    fn a_login_shell_that_a_list_leaves_out_is_told() {
        let told = |text: &str, names: &[&str]| {
            // The names of services that have a stack, too, as on a host.
            let names_of_stacks = names.iter().map(|name| (*name).to_owned()).collect();
            let host = Stacks { names: names_of_stacks, ..stacks(names) };
            let all = findings(&policy(text), false, &host);
            all.into_iter().filter(|told| told.contains("taken as written")).collect::<Vec<_>>()
        };
        let all = ["sshd", "login", "su", "su-l", "sudo", "sudo-i"];
        let listed = "services = [\"sshd\", \"login\", \"su\", \"su-l\", \"sudo\"]\n";
        let leaves_out = told(listed, &all);
        assert_eq!(leaves_out.len(), 1, "{leaves_out:?}");
        assert!(
            leaves_out[0]
                .starts_with("services names \"sudo\" but not \"sudo-i\", and so leaves `sudo -i` out"),
            "{leaves_out:?}"
        );
        let rule = "[[rule]]\nservices = [\"SU\", \"sudo-i\"]\nmode = \"required\"\n";
        let by_rule = told(rule, &all);
        assert!(
            by_rule.len() == 1 && by_rule[0].starts_with("the rule on line 1 names \"su\""),
            "{by_rule:?}"
        );
        for (text, names) in [
            ("services = [\"su\", \"sudo\"]\n", &all[..]),
            ("services = [\"su\", \"su-l\", \"sudo\", \"sudo-i\"]\n", &all),
            ("services = [\"*\"]\n", &all),
            (listed, &["sshd", "login", "su", "su-l", "sudo"]),
            (&rule.replace("required", "disabled"), &all),
            (&format!("mode = \"disabled\"\n{listed}"), &all),
            (&format!("{listed}[[rule]]\nservices = [\"sudo-i\"]\nmode = \"disabled\"\n"), &all),
        ] {
            assert_eq!(told(text, names), [""; 0], "{text}");
        }
    }

    #[test]
    fn set_up_that_is_not_possible_is_told_where_it_matters() {
        let sshd = stacks(&["sshd"]);
        assert!(findings(&policy("services = [\"*\"]\n"), false, &sshd).is_empty());
        let told = findings(&policy("mode = \"required\"\n"), false, &sshd);
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(
            told[0].contains("\"sshd\"") && told[0].ends_with("its PAM stack lacks a session line"),
            "{told:?}"
        );
        let stated = policy("[enrollment]\nat_login = [\"sshd\", \"login\"]\n");
        assert_eq!(findings(&stated, true, &sshd).len(), 2);
        assert!(findings(&stated, true, &stacks(&["login"])).len() == 1, "login is fine");
    }
}
