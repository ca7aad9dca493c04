//! Whether a policy asks anybody at all: what it can come to, where who logs in, or from where, is not known.

use super::{Fit, Mode, Policy, Rule, Subject, service};

/// The modes that logins of one subject can meet, from wherever they come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ModeRange {
    /// No login meets a laxer one than this.
    pub laxest: Mode,
    /// No login meets a stricter one than this.
    pub strictest: Mode,
}

impl Policy {
    /// Whether some user might be asked for a code by `service`: its mode, or that of a rule which can match
    /// there, is not `disabled`. Overrides for single users are not looked at.
    #[must_use]
    pub fn may_ask(&self, service: &str) -> bool {
        let at_service =
            |rule: &&Rule| rule.services.as_ref().is_none_or(|services| service::lists(services, service));
        for rule in self.rules.iter().filter(at_service) {
            if rule.mode != Mode::Disabled {
                return true;
            }
            // It matches everybody, so that nothing below it is ever reached.
            if rule.users.is_none() && rule.groups.is_none() && rule.networks.is_none() {
                return false;
            }
        }
        self.mode != Mode::Disabled && self.is_for(service)
    }

    /// The modes that `subject` can meet; where its source is not known, from any address and at this machine.
    /// They are bounds: rules that exclude each other may keep a login from meeting one of them.
    #[must_use]
    pub fn modes(&self, overridden: Option<Mode>, subject: &Subject<'_>) -> ModeRange {
        let strictest = self.decide(overridden, subject).mode;
        let laxest = if overridden.is_some() { strictest } else { self.laxest(subject) };
        ModeRange { laxest: laxest.min(strictest), strictest }
    }

    fn laxest(&self, subject: &Subject<'_>) -> Mode {
        let by_address = |rule: &Rule| subject.source.is_none() && rule.networks.is_some();
        let mut laxest = Mode::Required;
        // The strictest rule above that must be reckoned with wherever the login comes from.
        let mut at_least = Mode::Disabled;
        for rule in &self.rules {
            match rule.fit(subject) {
                Fit::Differs(_) => {}
                Fit::Matches => return laxest.min(rule.mode.max(at_least)),
                Fit::Undecided(_) if by_address(rule) => laxest = laxest.min(rule.mode.max(at_least)),
                Fit::Undecided(_) => at_least = at_least.max(rule.mode),
            }
        }
        let for_all = if subject.service.is_none_or(|service| self.is_for(service)) {
            self.mode
        } else {
            Mode::Disabled
        };
        laxest.min(for_all.max(at_least))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::UserName;
    use crate::policy::{Membership, NoGroups};
    use crate::source::Source;
    use proptest::prelude::*;

    fn policy(text: &str) -> Policy {
        Policy::parse("policy.toml", text).expect(text)
    }

    #[test]
    fn a_service_may_ask_where_a_mode_or_a_rule_for_it_is_not_disabled() {
        for (text, asks) in [
            ("", true),
            ("mode = \"disabled\"", false),
            ("services = [\"ssh\"]", false),
            ("services = [\"SSHD\"]", true),
            ("mode = \"disabled\"\n[[rule]]\nusers = [\"a\"]\nmode = \"optional\"", true),
            ("mode = \"disabled\"\n[[rule]]\nservices = [\"su\"]\nmode = \"required\"", false),
            ("mode = \"disabled\"\n[[rule]]\nservices = [\"sshd\"]\nmode = \"required\"", true),
            ("[[rule]]\nmode = \"disabled\"", false),
            ("[[rule]]\nservices = [\"sshd\", \"su\"]\nmode = \"disabled\"", false),
            ("[[rule]]\nservices = [\"su\"]\nmode = \"disabled\"", true),
            ("[[rule]]\nnetworks = [\"10.0.0.0/8\"]\nmode = \"disabled\"", true),
            ("[[rule]]\nusers = [\"a\"]\nmode = \"disabled\"", true),
            ("[[rule]]\nmode = \"disabled\"\n[[rule]]\nmode = \"required\"", false),
        ] {
            assert_eq!(policy(text).may_ask("sshd"), asks, "{text}");
        }
    }

    #[test]
    fn su_and_sudo_may_ask_for_a_login_shell_as_well() {
        let listed = policy("services = [\"su\", \"sudo\"]\n");
        assert!(["su", "su-l", "sudo", "sudo-i"].iter().all(|service| listed.may_ask(service)));
        let exempt = policy("[[rule]]\nservices = [\"sudo\", \"sudo-i\", \"su\"]\nmode = \"disabled\"\n");
        assert!(!exempt.may_ask("sudo-i") && exempt.may_ask("su-l"), "what is exempt does not grow");
    }

    #[test]
    fn a_rule_by_address_leaves_both_its_mode_and_the_next_one_open() {
        let lax_inside =
            policy("mode = \"required\"\n[[rule]]\nnetworks = [\"10.0.0.0/8\"]\nmode = \"disabled\"\n");
        let anywhere = Subject { user: None, groups: &NoGroups, service: Some("sshd"), source: None };
        let range = |policy: &Policy, overridden| policy.modes(overridden, &anywhere);
        let both = ModeRange { laxest: Mode::Disabled, strictest: Mode::Required };
        assert_eq!(range(&lax_inside, None), both);
        let strict_outside =
            policy("mode = \"disabled\"\n[[rule]]\nnetworks = [\"!10.0.0.0/8\"]\nmode = \"required\"\n");
        assert_eq!(range(&strict_outside, None), both);
        let overridden = ModeRange { laxest: Mode::Optional, strictest: Mode::Optional };
        assert_eq!(range(&lax_inside, Some(Mode::Optional)), overridden);
        let known = Subject { source: Some(Source::Local), ..anywhere };
        let required = ModeRange { laxest: Mode::Required, strictest: Mode::Required };
        assert_eq!(lax_inside.modes(None, &known), required);
    }

    /// A name service that fails.
    struct Failing;

    impl Membership for Failing {
        fn is_in(&self, _: &str) -> Option<bool> {
            None
        }
    }

    fn rules() -> impl Strategy<Value = String> {
        let keys = proptest::sample::subsequence(
            vec![
                "users = [\"alice\"]",
                "groups = [\"g\"]",
                "networks = [\"10.0.0.0/8\"]",
                "services = [\"su\"]",
                "services = [\"su\", \"sudo-i\"]",
            ],
            0..4,
        );
        let rule = (keys, 0usize..3).prop_filter_map("one list of services", |(keys, mode)| {
            let services = keys.iter().filter(|key| key.starts_with("services")).count();
            let mode = Mode::NAMES.get(mode).map(|(name, _)| *name)?;
            (services < 2).then(|| format!("[[rule]]\n{}\nmode = \"{mode}\"\n", keys.join("\n")))
        });
        proptest::collection::vec(rule, 0..5).prop_map(|rules| rules.concat())
    }

    proptest! {
        /// No login is ever outside of what is said before it is known, and none is asked where nobody may be.
        #[test]
        fn every_login_meets_a_mode_within_the_bounds(
            text in rules(),
            mode in 0usize..3,
            listed in proptest::sample::select(vec!["\"*\"", "\"su\"", "\"sudo\", \"su-l\"", "\"sshd\""]),
            service in proptest::sample::select(vec!["su", "su-l", "sudo", "sudo-i", "sshd"]),
            address in proptest::sample::select(vec!["", "10.1.2.3", "192.0.2.7", "gate.example.org"]),
            fails in any::<bool>(),
            known in any::<bool>(),
        ) {
            let policy = policy(&format!("mode = \"{}\"\nservices = [{listed}]\n{text}", Mode::NAMES[mode].0));
            let alice = UserName::new("alice").unwrap();
            let groups: &dyn Membership = if fails { &Failing } else { &NoGroups };
            let anywhere = Subject { user: known.then_some(&alice), groups, service: Some(service), source: None };
            let range = policy.modes(None, &anywhere);
            prop_assert_eq!(range.strictest, policy.decide(None, &anywhere).mode);
            let source = Some(Source::parse(Some(address)));
            let met = policy.decide(None, &Subject { source, ..anywhere }).mode;
            // A name as the remote host counts as the stricter outcome, and so within the bounds, too.
            prop_assert!(range.laxest <= met && met <= range.strictest);
            prop_assert!(met == Mode::Disabled || policy.may_ask(service), "{}", text);
        }
    }
}
