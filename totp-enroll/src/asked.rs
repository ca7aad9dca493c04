//! Where a code is asked for on this host: what the PAM stacks and the policy say together. A mode alone
//! protects nobody: it counts only where a service has the module in its stack and the policy is for it.

use crate::stacks::{Service, Stacks};
use crate::text::printable;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use totp_core::POLICY_FILE;
use totp_core::account::{Account, Groups};
use totp_core::policy::{Mode, Policy, Subject};

/// The services whose auth stack has a line of the module that goes by the policy in this file.
pub fn services_by<'s>(stacks: &'s Stacks, file: &'s Path) -> impl Iterator<Item = &'s Service> {
    stacks.services.iter().filter(move |service| service.auth.is_some() && goes_by(service, file))
}

/// The names of the services that ask somebody for a code under `policy`, which stands in `file`.
pub fn asking<'s>(policy: &Policy, file: &'s Path, stacks: &'s Stacks) -> Vec<&'s str> {
    services_by(stacks, file)
        .map(|service| service.name.as_str())
        .filter(|service| policy.may_ask(service))
        .collect()
}

/// Whether the module goes by the policy in this file at a login by `service`.
pub fn goes_by(service: &Service, file: &Path) -> bool {
    let named = Path::new(service.policy().unwrap_or(POLICY_FILE));
    let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    named == file || real(named) == real(file)
}

/// Where one user is asked for a code.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Places {
    /// Services that ask, as things are.
    now: Vec<Place>,
    /// Services that ask as soon as the user is set up.
    once_set_up: Vec<Place>,
    /// Services whose auth line names another policy, with that.
    by_other_policy: Vec<(String, PathBuf)>,
    /// Whether any service of this host asks anybody under the policy.
    elsewhere: bool,
}

/// A service that asks.
#[derive(Debug, PartialEq, Eq)]
struct Place {
    service: String,
    /// Whether it asks nobody who comes from certain addresses.
    by_address: bool,
}

/// Of whom the places are told.
pub struct Person<'a> {
    /// Who it is.
    pub account: &'a Account,
    /// The mode of an override in force.
    pub overridden: Option<Mode>,
    /// Whether a device is set up.
    pub configured: bool,
}

impl Places {
    /// Where `person` is asked under `policy`, which stands in `file`.
    pub fn of(person: &Person<'_>, policy: &Policy, file: &Path, stacks: &Stacks) -> Self {
        let groups = Groups::of(person.account);
        let asked = |mode| mode == Mode::Required || (mode == Mode::Optional && person.configured);
        let mut places = Self::default();
        for service in services_by(stacks, file) {
            let name = service.name.as_str();
            let user = Some(&person.account.name);
            let subject = Subject { user, groups: &groups, service: Some(name), source: None };
            let range = policy.modes(person.overridden, &subject);
            places.elsewhere |= policy.may_ask(name);
            let place = |by_address| Place { service: name.to_owned(), by_address };
            if asked(range.strictest) {
                places.now.push(place(!asked(range.laxest)));
            } else if range.strictest != Mode::Disabled {
                places.once_set_up.push(place(range.laxest == Mode::Disabled));
            }
        }
        let others =
            stacks.services.iter().filter(|service| service.auth.is_some() && !goes_by(service, file));
        places.by_other_policy = others
            .map(|service| (service.name.clone(), PathBuf::from(service.policy().unwrap_or(POLICY_FILE))))
            .collect();
        places
    }

    /// In words, a line each.
    pub fn in_words(&self) -> Vec<String> {
        let list = |places: &[Place]| {
            let words: Vec<_> = places.iter().map(Place::in_words).collect();
            words.join(", ")
        };
        let line = match (self.now.is_empty(), self.once_set_up.is_empty()) {
            (false, true) => format!("Asked for a code in: {}", list(&self.now)),
            (false, false) => {
                format!("Asked for a code in: {}; once set up: {}", list(&self.now), list(&self.once_set_up))
            }
            (true, false) => {
                format!("Asked for a code in: no service yet; once set up: {}", list(&self.once_set_up))
            }
            (true, true) if self.elsewhere => "No service of this host asks this user for a code".to_owned(),
            (true, true) if self.by_other_policy.is_empty() => {
                "No service of this host asks for a code".to_owned()
            }
            (true, true) => "No service of this host asks for a code under this policy".to_owned(),
        };
        let mut lines = vec![line];
        lines.extend(self.by_other_policy.iter().map(|(service, policy)| {
            let (service, policy) = (printable(service), printable(&policy.to_string_lossy()));
            format!("Decided by another policy: {service}, by {policy}")
        }));
        lines
    }

    /// The services that ask as things are, for scripts.
    pub fn now_as_json(&self) -> Value {
        self.now.iter().map(Place::as_json).collect()
    }

    /// The services that ask as soon as the user is set up, for scripts.
    pub fn once_set_up_as_json(&self) -> Value {
        self.once_set_up.iter().map(Place::as_json).collect()
    }
}

impl Place {
    fn in_words(&self) -> String {
        let hint = if self.by_address { " (depending on the address)" } else { "" };
        format!("{}{hint}", printable(&self.service))
    }

    fn as_json(&self) -> Value {
        json!({ "service": self.service, "depends_on_address": self.by_address })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use totp_core::name::UserName;

    fn stacks(services: &[(&str, Option<&str>)]) -> Stacks {
        let service = |(name, argument): &(&str, Option<&str>)| Service {
            name: (*name).to_owned(),
            auth: argument.map(|word| vec![word.to_owned()]),
            account: true,
            session: true,
            ..Service::default()
        };
        Stacks { services: services.iter().map(service).collect(), ..Stacks::default() }
    }

    fn told(policy: &str, stacks: &Stacks, configured: bool) -> Vec<String> {
        let policy = Policy::parse("policy.toml", policy).expect(policy);
        let account = Account { name: UserName::new("alice").unwrap(), uid: 1000, gid: 1000 };
        let person = Person { account: &account, overridden: None, configured };
        Places::of(&person, &policy, Path::new(POLICY_FILE), stacks).in_words()
    }

    #[test]
    fn the_places_are_those_where_the_stack_has_the_line_and_the_policy_is_for_the_service() {
        let host = stacks(&[("cron", None), ("sshd", Some("setup")), ("su", Some("")), ("su-l", Some(""))]);
        let all = "mode = \"required\"\n";
        assert_eq!(told(all, &host, false), ["Asked for a code in: sshd, su, su-l"]);
        let some = "mode = \"required\"\nservices = [\"su\", \"cron\"]\n";
        assert_eq!(told(some, &host, true), ["Asked for a code in: su, su-l"]);
        let ssh = "mode = \"required\"\nservices = [\"ssh\"]\n";
        let nowhere = "No service of this host asks for a code";
        assert_eq!(told(ssh, &host, true), [nowhere]);
        assert_eq!(told(all, &stacks(&[("cron", None)]), true), [nowhere]);
        let others = "mode = \"disabled\"\n[[rule]]\nusers = [\"bob\"]\nmode = \"required\"\n";
        assert_eq!(told(others, &host, true), ["No service of this host asks this user for a code"]);
    }

    #[test]
    fn what_depends_on_the_address_or_on_a_device_says_so() {
        let host = stacks(&[("sshd", Some("")), ("su", Some(""))]);
        let outside = "[[rule]]\nservices = [\"sshd\"]\nnetworks = [\"!10.0.0.0/8\"]\nmode = \"required\"\n";
        assert_eq!(
            told(outside, &host, false),
            ["Asked for a code in: sshd (depending on the address); once set up: su"]
        );
        assert_eq!(told(outside, &host, true), ["Asked for a code in: sshd, su"]);
        assert_eq!(told("", &host, false), ["Asked for a code in: no service yet; once set up: sshd, su"]);
    }

    #[test]
    fn a_service_that_goes_by_another_policy_is_told_apart() {
        let host = stacks(&[
            ("sshd", Some("policy=/etc/other.toml")),
            ("su", Some(&format!("policy={POLICY_FILE}"))),
        ]);
        assert_eq!(
            told("mode = \"required\"\n", &host, true),
            ["Asked for a code in: su", "Decided by another policy: sshd, by /etc/other.toml"]
        );
        let policy = Policy::parse("", "").unwrap();
        assert_eq!(asking(&policy, Path::new("/etc/other.toml"), &host), ["sshd"]);
    }
}
