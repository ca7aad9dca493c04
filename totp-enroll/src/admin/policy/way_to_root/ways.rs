//! By which services somebody comes to root, and which of them refuse who is not set up.

use crate::stacks::{Service, Stacks};
use std::path::Path;
use totp_core::POLICY_FILE;
use totp_core::clock::Timestamp;
use totp_core::login::newcomer;
use totp_core::name::UserName;
use totp_core::policy::{Membership, Mode, Policy, Subject};
use totp_core::source::Source;
use totp_core::state::State;

/// Where a session begins.
const ENTRIES: [&str; 2] = ["sshd", "login"];
/// Where root is the one who is asked, besides those.
const TO_ROOT: [&str; 2] = ["su", "su-l"];
/// Where users are asked who become root, besides those.
const FROM_USERS: [&str; 4] = ["sudo", "sudo-i", "doas", "polkit-1"];

/// Somebody, as the store knows them.
pub struct Person {
    pub name: UserName,
    pub is_root: bool,
    /// Whether they can give a code.
    pub set_up: bool,
    /// An administrator's override in force.
    pub overridden: Option<Mode>,
    /// What is kept of who is not set up: invitation, graces used, mail address.
    pub state: State,
}

/// The services of a host by which people come to root.
pub struct Ways {
    stacks: Stacks,
    /// The policy that is about to change.
    policy: String,
}

impl Ways {
    pub fn new(stacks: Stacks, policy: &Path) -> Self {
        Self { stacks, policy: policy.to_string_lossy().into_owned() }
    }

    /// The services that refuse this person under a policy, and go on refusing: nothing sets them up.
    pub fn refused(
        &self,
        policy: &Policy,
        person: &Person,
        groups: &dyn Membership,
        now: Timestamp,
    ) -> Vec<&'static str> {
        let refuses = |service: &str| self.refuses(policy, person, groups, service, now);
        if person.set_up || self.can_set_up(policy, person, groups, now) {
            return Vec::new();
        }
        let further: &[_] = if person.is_root { &TO_ROOT } else { &FROM_USERS };
        ENTRIES.iter().chain(further).copied().filter(|service| refuses(service)).collect()
    }

    /// Whether a login by this service meets a code that this person cannot give.
    fn refuses(
        &self,
        policy: &Policy,
        person: &Person,
        groups: &dyn Membership,
        service: &str,
        now: Timestamp,
    ) -> bool {
        let Some(stack) = self.asking(service) else { return false };
        // sshd may be come to from anywhere, and what cannot be decided counts as the strictest.
        let source = (service != "sshd").then_some(Source::Local);
        let subject = Subject { user: Some(&person.name), groups, service: Some(service), source };
        let asked = policy.decide(person.overridden, &subject).mode == Mode::Required;
        let until = policy.enrollment.grace_until.is_some_and(|day| !day.is_over(now));
        let put_off =
            until || (may_set_up(policy, stack) && newcomer::grace(policy, &person.state, now).is_some());
        asked && !put_off && !sets_up(policy, stack, person, now)
    }

    /// Whether there is a way to be set up under this policy: a login that does it, or a session in which to type
    /// `totp-enroll`.
    fn can_set_up(&self, policy: &Policy, person: &Person, groups: &dyn Membership, now: Timestamp) -> bool {
        let by_login =
            |service: &&str| self.asking(service).is_some_and(|stack| sets_up(policy, stack, person, now));
        let in_a_session = |service: &&str| {
            self.stacks.has_stack(service) && !self.refuses(policy, person, groups, service, now)
        };
        // Of root no invitation is wanted there, nor does the policy bind root.
        let by_oneself = person.is_root || (policy.enrollment.enroll && has_invitation(policy, person, now));
        ENTRIES.iter().any(by_login) || (by_oneself && ENTRIES.iter().any(in_a_session))
    }

    /// The service, where its stack asks for a code by the policy that is about to change.
    fn asking(&self, service: &str) -> Option<&Service> {
        let stack = self.stacks.service(service).filter(|stack| stack.auth.is_some())?;
        (stack.policy().unwrap_or(POLICY_FILE) == self.policy).then_some(stack)
    }
}

fn may_set_up(policy: &Policy, stack: &Service) -> bool {
    stack.sets_up() && policy.enrollment.is_at_login(&stack.name)
}

/// Whether a login by this service sets the person up.
fn sets_up(policy: &Policy, stack: &Service, person: &Person, now: Timestamp) -> bool {
    let mailed = policy.enrollment.mail_invitations && person.state.mail.is_some();
    may_set_up(policy, stack) && (mailed || has_invitation(policy, person, now))
}

/// Whether no invitation is missing.
fn has_invitation(policy: &Policy, person: &Person, now: Timestamp) -> bool {
    let alive = person.state.invitation.as_ref().is_some_and(|invitation| invitation.code.is_alive(now));
    !policy.enrollment.needs_invitation || alive
}

#[cfg(test)]
mod tests {
    use super::*;
    use totp_core::policy::NoGroups;

    const NOW: Timestamp = Timestamp(1_790_000_000);

    fn service(name: &str, arguments: &[&str]) -> Service {
        let auth = Some(arguments.iter().map(|&argument| argument.to_owned()).collect());
        let lines = Service { auth, account: true, session: true, ..Service::default() };
        Service { name: name.to_owned(), ..lines }
    }

    /// sshd sets up, sudo and su only ask; login is left alone.
    fn usual() -> Vec<Service> {
        vec![service("sshd", &["setup"]), service("su", &[]), service("sudo", &[])]
    }

    fn person(name: &str) -> Person {
        Person {
            name: UserName::new(name).unwrap(),
            is_root: name == "root",
            set_up: false,
            overridden: None,
            state: State::default(),
        }
    }

    fn refused(services: Vec<Service>, policy: &str, person: &Person) -> String {
        let mut names: std::collections::BTreeSet<_> = services.iter().map(|one| one.name.clone()).collect();
        names.insert("login".to_owned());
        let stacks = Stacks { services, names, ..Stacks::default() };
        let policy = Policy::parse("policy.toml", policy).unwrap();
        Ways::new(stacks, Path::new(POLICY_FILE)).refused(&policy, person, &NoGroups, NOW).join(" ")
    }

    const REQUIRED: &str = "mode = \"required\"\n";
    const INVITED: &str = "mode = \"required\"\n[enrollment]\nneeds_invitation = true\n";

    #[test]
    fn who_is_not_set_up_and_needs_an_invitation_is_refused_everywhere() {
        assert_eq!(refused(usual(), INVITED, &person("bob")), "sshd sudo");
        // Root may sit down at the console, which asks nobody, and type `totp-enroll`.
        assert_eq!(refused(usual(), INVITED, &person("root")), "");
        let with_login = [usual(), vec![service("login", &["setup"])]].concat();
        assert_eq!(refused(with_login, INVITED, &person("root")), "sshd login su");
    }

    #[test]
    fn who_can_be_set_up_or_set_up_themselves_keeps_the_way() {
        assert_eq!(refused(usual(), REQUIRED, &person("bob")), "", "sshd sets up");
        let sudo = || vec![service("sudo", &[])];
        assert_eq!(refused(sudo(), REQUIRED, &person("bob")), "", "a session, and `totp-enroll`");
        let closed = "mode = \"required\"\n[enrollment]\nself_service = []\n";
        assert_eq!(refused(sudo(), closed, &person("bob")), "sudo");
        let elsewhere = "mode = \"required\"\n[enrollment]\nat_login = [\"kdm\"]\nself_service = []\n";
        assert_eq!(refused(usual(), elsewhere, &person("bob")), "sshd sudo");
        let lacks = vec![service("sshd", &[]), service("login", &[]), service("sudo", &[])];
        assert_eq!(refused(lacks, REQUIRED, &person("bob")), "sshd login sudo");
    }

    #[test]
    fn who_is_set_up_or_not_asked_keeps_the_way() {
        assert_eq!(refused(usual(), INVITED, &Person { set_up: true, ..person("bob") }), "");
        let overridden = Person { overridden: Some(Mode::Optional), ..person("bob") };
        assert_eq!(refused(usual(), INVITED, &overridden), "");
        let exempt = format!("{INVITED}[[rule]]\nusers = [\"bob\"]\nmode = \"disabled\"\n");
        assert_eq!(refused(usual(), &exempt, &person("bob")), "");
        let sshd_alone = INVITED.replacen('\n', "\nservices = [\"sshd\"]\n", 1);
        assert_eq!(refused(usual(), &sshd_alone, &person("bob")), "sshd");
        let other = vec![service("sshd", &["policy=/etc/other.toml"]), service("sudo", &[])];
        assert_eq!(refused(other, INVITED, &person("bob")), "sudo");
        assert_eq!(refused(Vec::new(), INVITED, &person("bob")), "");
    }

    #[test]
    fn a_grace_counts_where_the_module_counts_it() {
        let until = format!("{INVITED}grace_until = 2999-12-31\n");
        assert_eq!(refused(usual(), &until, &person("bob")), "");
        let over = format!("{INVITED}grace_until = 2020-12-31\n");
        assert_eq!(refused(usual(), &over, &person("bob")), "sshd sudo");
        let logins = format!("{INVITED}grace_logins = 2\n");
        assert_eq!(refused(usual(), &logins, &person("bob")), "sudo");
        let state = State { graces_used: 2, ..State::default() };
        assert_eq!(refused(usual(), &logins, &Person { state, ..person("bob") }), "sshd sudo");
    }

    #[test]
    fn an_address_to_which_a_login_mails_an_invitation_keeps_the_way() {
        let mails = format!("{INVITED}mail_invitations = true\n");
        let state = State { mail: Some("bob@example.org".to_owned()), ..State::default() };
        assert_eq!(refused(usual(), &mails, &Person { state, ..person("bob") }), "");
        assert_eq!(refused(usual(), &mails, &person("bob")), "sshd sudo");
    }

    #[test]
    fn a_rule_by_network_counts_as_the_strictest_for_ssh_and_is_decided_at_this_machine() {
        let rule = "[enrollment]\nneeds_invitation = true\n[[rule]]\nnetworks = [\"!10.0.0.0/8\", \"!local\"]\nmode = \"required\"\n";
        assert_eq!(refused(usual(), rule, &person("bob")), "sshd");
    }
}
