//! Which mode counts for a login: an administrator's override, else the first rule that matches, else `mode`.
//!
//! A rule that cannot be decided, as where the name service fails, counts as the stricter of its mode and
//! of what the rest would decide: a failure never opens a door.

use super::{Mode, Policy, Rule, RuleNetwork, lists_service};
use crate::name::UserName;
use crate::source::Source;

/// Whether the user is in a group, as the name service says.
pub trait Membership {
    /// `None` where that cannot be known.
    fn is_in(&self, group: &str) -> Option<bool>;

    /// Of a name that no account has: whether it may be this user all the same, whom the name service does not find at
    /// the moment.
    fn may_be(&self, user: &str) -> bool {
        let _ = user;
        false
    }
}

/// The groups of a name that no account has.
pub struct NoGroups;

impl Membership for NoGroups {
    fn is_in(&self, _: &str) -> Option<bool> {
        Some(false)
    }
}

/// Whom and what a decision is about. What is not known of it cannot be decided by.
#[derive(Clone, Copy)]
pub struct Subject<'a> {
    /// The canonical name; `None` for a name that no account has.
    pub user: Option<&'a UserName>,
    /// The groups of that user.
    pub groups: &'a dyn Membership,
    /// The PAM service; `None` for any.
    pub service: Option<&'a str>,
    /// Where the login comes from; `None` for anywhere.
    pub source: Option<Source>,
}

/// A key of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuleKey {
    /// `users`
    Users,
    /// `groups`
    Groups,
    /// `services`
    Services,
    /// `networks`
    Networks,
}

impl RuleKey {
    /// The name in the policy.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Users => "users",
            Self::Groups => "groups",
            Self::Services => "services",
            Self::Networks => "networks",
        }
    }
}

/// How a rule stands to a login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fit {
    /// It matches.
    Matches,
    /// This key does not.
    Differs(RuleKey),
    /// Whether this key matches cannot be known, and no other key differs.
    Undecided(RuleKey),
}

/// What a decision rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ground {
    /// The administrator's override for this user.
    Override,
    /// The rule at this position, counted from 0; `certain` where it matches, else it may.
    Rule {
        /// Position in [`Policy::rules`].
        position: usize,
        /// Whether it is known to match.
        certain: bool,
    },
    /// `mode`.
    Mode,
    /// `services` does not list the service, so that `mode` is not for it.
    OtherService,
}

/// The mode that counts, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// What counts.
    pub mode: Mode,
    /// Why.
    pub ground: Ground,
}

impl Policy {
    /// Decides which mode counts; `overridden` is an administrator's override in force.
    #[must_use]
    pub fn decide(&self, overridden: Option<Mode>, subject: &Subject<'_>) -> Decision {
        if let Some(mode) = overridden {
            return Decision { mode, ground: Ground::Override };
        }
        let mut strictest: Option<Decision> = None;
        let mut stricter = |found: Decision| match strictest {
            Some(earlier) if earlier.mode >= found.mode => earlier,
            _ => {
                strictest = Some(found);
                found
            }
        };
        for (position, rule) in self.rules.iter().enumerate() {
            let ground = |certain| Ground::Rule { position, certain };
            match rule.fit(subject) {
                Fit::Differs(_) => {}
                Fit::Undecided(_) => {
                    stricter(Decision { mode: rule.mode, ground: ground(false) });
                }
                Fit::Matches => return stricter(Decision { mode: rule.mode, ground: ground(true) }),
            }
        }
        stricter(if subject.service.is_none_or(|service| self.is_for(service)) {
            Decision { mode: self.mode, ground: Ground::Mode }
        } else {
            Decision { mode: Mode::Disabled, ground: Ground::OtherService }
        })
    }
}

impl Rule {
    /// How this rule stands to `subject`. Groups are looked up only where everything else matches or cannot
    /// be known.
    #[must_use]
    pub fn fit(&self, subject: &Subject<'_>) -> Fit {
        let users = self.users.as_ref().map(|users| {
            match subject.user {
                Some(name) => Some(users.iter().any(|listed| listed == name.as_str())),
                // A name that no account has is in no list, unless it is one that was not found.
                None if users.iter().any(|listed| subject.groups.may_be(listed)) => None,
                None => Some(false),
            }
        });
        let services = self.services.as_ref().map(|services| Some(lists_service(services, subject.service?)));
        let networks = self.networks.as_ref().map(|networks| is_from(networks, subject.source?));
        let mut undecided = None;
        for (key, found) in
            [(RuleKey::Users, users), (RuleKey::Services, services), (RuleKey::Networks, networks)]
        {
            match found {
                None | Some(Some(true)) => {}
                Some(Some(false)) => return Fit::Differs(key),
                Some(None) => undecided = Some(key),
            }
        }
        match self.groups.as_ref().map(|groups| in_one_of(groups, subject)) {
            None | Some(Some(true)) => {}
            Some(Some(false)) => return Fit::Differs(RuleKey::Groups),
            Some(None) => undecided = Some(RuleKey::Groups),
        }
        undecided.map_or(Fit::Matches, Fit::Undecided)
    }
}

fn in_one_of(groups: &[String], subject: &Subject<'_>) -> Option<bool> {
    let mut known = true;
    for group in groups {
        match subject.groups.is_in(group) {
            Some(true) => return Some(true),
            Some(false) => {}
            None => known = false,
        }
    }
    known.then_some(false)
}

/// Whether a login from `source` is meant: by any network that is not negated, where there is one, and by
/// none that is. `None` where the source is a name, which is never resolved, and a network would have to
/// be compared with it.
fn is_from(networks: &[RuleNetwork], source: Source) -> Option<bool> {
    let within = |network: &RuleNetwork| match (source, network.network) {
        // Who calls the helper sits at this machine, or came to it by a login of their own.
        (Source::Local | Source::Helper, place) => Some(place.is_none()),
        (Source::Address(address) | Source::Own(address), Some(place)) => Some(place.contains(&address)),
        (Source::Named, Some(_)) => None,
        (Source::Address(_) | Source::Own(_) | Source::Named, None) => Some(false),
    };
    let any = |negated: bool| {
        let mut found = Some(false);
        for network in networks.iter().filter(|network| network.negated == negated) {
            match within(network) {
                Some(true) => return Some(true),
                Some(false) => {}
                None => found = None,
            }
        }
        found
    };
    let only_negations = networks.iter().all(|network| network.negated);
    let meant = if only_negations { Some(true) } else { any(false) };
    match (meant, any(true)) {
        (Some(false), _) | (_, Some(true)) => Some(false),
        (Some(true), Some(false)) => Some(true),
        (None, _) | (_, None) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A name service that knows these groups of everybody's, or fails.
    struct Groups(Option<&'static [&'static str]>);

    impl Membership for Groups {
        fn is_in(&self, group: &str) -> Option<bool> {
            self.0.map(|groups| groups.contains(&group))
        }
    }

    const NO_GROUPS: Groups = Groups(Some(&[]));
    const FAILING: Groups = Groups(None);

    fn policy(text: &str) -> Policy {
        Policy::parse("policy.toml", text).expect(text)
    }

    fn from(remote_host: &str) -> Option<Source> {
        Some(Source::parse(Some(remote_host)))
    }

    struct Login {
        name: UserName,
        groups: Groups,
        service: Option<&'static str>,
        source: Option<Source>,
    }

    impl Login {
        fn of(name: &str, groups: &'static [&'static str]) -> Self {
            let name = UserName::new(name).unwrap();
            Self { name, groups: Groups(Some(groups)), service: Some("sshd"), source: from("192.0.2.7") }
        }

        fn decide(&self, policy: &Policy, overridden: Option<Mode>) -> Decision {
            let Self { name, groups, service, source } = self;
            let subject = Subject { user: Some(name), groups, service: *service, source: *source };
            policy.decide(overridden, &subject)
        }
    }

    fn mode_from(networks: &str, source: Option<Source>) -> Mode {
        let policy = policy(&format!("[[rule]]\nnetworks = {networks}\nmode = \"required\"\n"));
        Login { source, ..Login::of("alice", &[]) }.decide(&policy, None).mode
    }

    #[test]
    fn an_override_goes_before_rules_and_rules_before_mode() {
        let policy = policy("mode = \"optional\"\n[[rule]]\nusers = [\"alice\"]\nmode = \"required\"\n");
        let alice = Login::of("alice", &[]);
        let decision = alice.decide(&policy, Some(Mode::Disabled));
        assert_eq!(decision, Decision { mode: Mode::Disabled, ground: Ground::Override });
        let ground = Ground::Rule { position: 0, certain: true };
        assert_eq!(alice.decide(&policy, None), Decision { mode: Mode::Required, ground });
        let decision = Login::of("bob", &[]).decide(&policy, None);
        assert_eq!(decision, Decision { mode: Mode::Optional, ground: Ground::Mode });
    }

    #[test]
    fn the_first_rule_that_matches_counts() {
        let policy = policy(
            "[[rule]]\nusers = [\"backup\"]\nmode = \"disabled\"\n\
             [[rule]]\ngroups = [\"staff\", \"admins\"]\nmode = \"required\"\n\
             [[rule]]\nmode = \"disabled\"\n",
        );
        assert_eq!(Login::of("backup", &["admins"]).decide(&policy, None).mode, Mode::Disabled);
        assert_eq!(Login::of("alice", &["admins"]).decide(&policy, None).mode, Mode::Required);
        let last = Ground::Rule { position: 2, certain: true };
        assert_eq!(Login::of("bob", &["users"]).decide(&policy, None).ground, last);
    }

    #[test]
    fn every_key_that_is_given_must_match() {
        let text = "[[rule]]\nusers = [\"alice\"]\ngroups = [\"admins\"]\nservices = [\"SSHD\"]\nnetworks = [\"192.0.2.0/24\"]\nmode = \"required\"\n";
        let policy = policy(text);
        let alice = || Login::of("alice", &["admins"]);
        assert_eq!(alice().decide(&policy, None).mode, Mode::Required);
        for other in [
            Login::of("bob", &["admins"]),
            Login::of("alice", &["staff"]),
            Login { service: Some("su"), ..alice() },
            Login { source: from("198.51.100.1"), ..alice() },
        ] {
            assert_eq!(other.decide(&policy, None).mode, Mode::Optional);
        }
    }

    #[test]
    fn networks_are_addresses_ranges_and_local_and_may_be_negated() {
        let (inside, outside, local) = (from("10.1.2.3"), from("203.0.113.9"), Some(Source::Local));
        for (networks, expected) in [
            ("[\"10.0.0.0/8\"]", [true, false, false]),
            ("[\"local\"]", [false, false, true]),
            ("[\"!10.0.0.0/8\"]", [false, true, true]),
            ("[\"!local\"]", [true, true, false]),
            ("[\"!10.0.0.0/8\", \"!local\"]", [false, true, false]),
            ("[\"10.0.0.0/8\", \"!10.1.2.3\"]", [false, false, false]),
            ("[\"203.0.113.9\", \"local\"]", [false, true, true]),
            ("[\"::ffff:10.0.0.0/104\"]", [true, false, false]),
            ("[\"0.0.0.0/0\"]", [true, true, false]),
            ("[\"::/0\"]", [false, false, false]),
        ] {
            let found = [inside, outside, local].map(|source| mode_from(networks, source) == Mode::Required);
            assert_eq!(found, expected, "{networks}");
        }
        assert_eq!(mode_from("[\"10.0.0.0/8\"]", from("::ffff:10.1.2.3")), Mode::Required);
        assert_eq!(mode_from("[\"2001:db8::/32\"]", from("2001:db8::1")), Mode::Required);
        assert_eq!(mode_from("[\"local\"]", Some(Source::Helper)), Mode::Required);
    }

    #[test]
    fn an_address_of_this_machine_is_an_address_and_not_local() {
        let own = from("127.0.0.2");
        assert!(matches!(own, Some(Source::Own(_))));
        assert_eq!(mode_from("[\"127.0.0.0/8\"]", own), Mode::Required);
        assert_eq!(mode_from("[\"!127.0.0.2\"]", own), Mode::Optional);
        assert_eq!(mode_from("[\"local\"]", own), Mode::Optional);
    }

    #[test]
    fn a_name_as_the_remote_host_counts_as_the_stricter_outcome() {
        let name = from("gate.example.org");
        for networks in ["[\"10.0.0.0/8\"]", "[\"!10.0.0.0/8\"]", "[\"local\", \"10.0.0.0/8\"]"] {
            assert_eq!(mode_from(networks, name), Mode::Required, "{networks}");
        }
        // Certain without its address: it is not local.
        assert_eq!(mode_from("[\"local\"]", name), Mode::Optional);
        let relaxing =
            policy("mode = \"required\"\n[[rule]]\nnetworks = [\"10.0.0.0/8\"]\nmode = \"disabled\"\n");
        let login = Login { source: name, ..Login::of("alice", &[]) };
        assert_eq!(login.decide(&relaxing, None), Decision { mode: Mode::Required, ground: Ground::Mode });
    }

    #[test]
    fn a_failing_group_look_up_counts_as_the_stricter_outcome() {
        let login = Login { groups: FAILING, ..Login::of("alice", &[]) };
        let strict = policy("[[rule]]\ngroups = [\"admins\"]\nmode = \"required\"\n");
        let ground = Ground::Rule { position: 0, certain: false };
        assert_eq!(login.decide(&strict, None), Decision { mode: Mode::Required, ground });
        let lax = policy("mode = \"required\"\n[[rule]]\ngroups = [\"robots\"]\nmode = \"disabled\"\n");
        assert_eq!(login.decide(&lax, None).mode, Mode::Required);
        let later =
            policy("[[rule]]\ngroups = [\"robots\"]\nmode = \"disabled\"\n[[rule]]\nmode = \"required\"\n");
        assert_eq!(login.decide(&later, None).mode, Mode::Required);
    }

    #[test]
    fn groups_are_not_looked_up_where_another_key_differs() {
        let text = "[[rule]]\nusers = [\"bob\"]\ngroups = [\"admins\"]\nmode = \"required\"\n";
        let login = Login { groups: FAILING, ..Login::of("alice", &[]) };
        assert_eq!(login.decide(&policy(text), None).mode, Mode::Optional);
    }

    #[test]
    fn a_stranger_is_in_no_list_and_in_no_group() {
        let policy = policy(
            "mode = \"optional\"\n[[rule]]\nusers = [\"alice\"]\nmode = \"required\"\n\
             [[rule]]\ngroups = [\"admins\"]\nmode = \"required\"\n[[rule]]\nservices = [\"sshd\"]\nmode = \"disabled\"\n",
        );
        let stranger = |service| Subject {
            user: None,
            groups: &NoGroups,
            service: Some(service),
            source: from("10.0.0.1"),
        };
        assert_eq!(policy.decide(None, &stranger("sshd")).mode, Mode::Disabled);
        assert_eq!(policy.decide(None, &stranger("login")).mode, Mode::Optional);
    }

    /// Who may be alice, and in any group.
    struct PerhapsAlice;

    impl Membership for PerhapsAlice {
        fn is_in(&self, _: &str) -> Option<bool> {
            None
        }

        fn may_be(&self, user: &str) -> bool {
            user == "alice"
        }
    }

    #[test]
    fn of_who_was_not_found_the_strictest_counts_that_a_rule_may_say() {
        for (rule, mode) in [
            ("users = [\"alice\", \"bob\"]\nmode = \"required\"", Mode::Required),
            ("users = [\"bob\"]\nmode = \"required\"", Mode::Optional),
            ("groups = [\"admins\"]\nmode = \"required\"", Mode::Required),
            ("groups = [\"admins\"]\nservices = [\"su\"]\nmode = \"required\"", Mode::Optional),
            ("users = [\"alice\"]\nmode = \"disabled\"", Mode::Optional),
        ] {
            let policy = policy(&format!("mode = \"optional\"\n[[rule]]\n{rule}\n"));
            let subject = Subject { user: None, groups: &PerhapsAlice, service: Some("sshd"), source: None };
            assert_eq!(policy.decide(None, &subject).mode, mode, "{rule}");
        }
    }

    #[test]
    fn mode_is_for_the_services_listed() {
        let policy = policy("mode = \"required\"\nservices = [\"sshd\"]\n");
        let login = |service| Login { service, ..Login::of("alice", &[]) }.decide(&policy, None);
        assert_eq!(login(Some("sshd")).mode, Mode::Required);
        let elsewhere = Decision { mode: Mode::Disabled, ground: Ground::OtherService };
        assert_eq!(login(Some("su")), elsewhere);
        assert_eq!(login(None).mode, Mode::Required, "some login of this user needs a code");
    }

    #[test]
    fn a_login_shell_by_su_or_sudo_is_asked_like_any_other() {
        let policy = policy(
            "mode = \"required\"\nservices = [\"su\", \"sudo\"]\n[[rule]]\nusers = [\"bob\"]\nservices = [\"SU\"]\nmode = \"optional\"\n",
        );
        let mode = |name: &str, service| Login { service, ..Login::of(name, &[]) }.decide(&policy, None).mode;
        for service in ["su", "su-l", "SU-L", "sudo", "sudo-i"] {
            assert_eq!(mode("alice", Some(service)), Mode::Required, "{service}");
        }
        assert_eq!(
            (mode("bob", Some("su-l")), mode("bob", Some("sudo-i"))),
            (Mode::Optional, Mode::Required)
        );
    }

    #[test]
    fn where_the_login_is_not_known_the_strictest_counts() {
        let policy = policy(
            "mode = \"disabled\"\n[[rule]]\nservices = [\"sshd\"]\nnetworks = [\"!10.0.0.0/8\"]\nmode = \"required\"\n",
        );
        let login = Login { service: None, source: None, ..Login::of("alice", &[]) };
        assert_eq!(login.decide(&policy, None).mode, Mode::Required);
    }

    proptest! {
        /// Learning more never makes a decision stricter: what is unknown counted as the strictest already.
        #[test]
        fn the_unknown_is_never_laxer_than_any_truth(
            modes in proptest::collection::vec(0usize..3, 1..6),
            keys in proptest::collection::vec(0usize..6, 6),
            member in any::<bool>(),
            local in any::<bool>(),
            service in proptest::sample::select(vec!["sshd", "su-l", "sudo-i"]),
        ) {
            let texts = ["groups = [\"g\"]", "networks = [\"10.0.0.0/8\"]", "networks = [\"!local\"]", "services = [\"sshd\"]", "services = [\"su\"]", "services = [\"sudo\", \"su-l\"]"];
            let names = Mode::NAMES.map(|(name, _)| name);
            let text: String = modes.iter().zip(&keys)
                .map(|(mode, key)| format!("[[rule]]\n{}\nmode = \"{}\"\n", texts[*key], names[*mode])).collect();
            let policy = policy(&text);
            let alice = UserName::new("alice").unwrap();
            let known: &dyn Membership = if member { &Groups(Some(&["g"])) } else { &NO_GROUPS };
            let source = if local { Some(Source::Local) } else { from("10.1.1.1") };
            let truth = Subject { user: Some(&alice), groups: known, service: Some(service), source };
            let truth = policy.decide(None, &truth).mode;
            for (groups, service, source) in [
                (&FAILING as &dyn Membership, Some(service), source),
                (known, None, source),
                (known, Some(service), None),
                (&FAILING, None, None),
            ] {
                let subject = Subject { user: Some(&alice), groups, service, source };
                prop_assert!(policy.decide(None, &subject).mode >= truth);
            }
        }
    }
}
