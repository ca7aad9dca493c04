//! What is wrong with sshd's settings, as pure functions of them and of the stack.

use crate::sshd::SERVICE;
use crate::sshd::effective::{Method, RootLogin, Settings, Way};
use crate::sshd::note::Reason;
use crate::stacks::Service;
use totp_core::policy::{EVERY_SERVICE, Mode, Policy};

/// Seconds that somebody needs who installs an app while logging in.
const TIME_TO_SET_UP: u64 = 10 * 60;

/// What the stack and the policy want of sshd.
pub struct Stack {
    /// Whether the policy asks anybody there.
    pub asks: bool,
    /// Whether the code line denies where it sees no key.
    requires_key: bool,
    /// Whether the account line refuses a key alone to those who need a code.
    refuses_keys: bool,
    /// Whether somebody may have to set up while logging in.
    sets_up: bool,
}

/// Who a user is to the policy.
pub struct Whom {
    /// Whether a login of theirs is asked for a code.
    pub asked: bool,
    /// Whether the policy means them in particular, or they are set up.
    pub meant: bool,
}

impl Stack {
    pub fn of(policy: &Policy, service: &Service) -> Self {
        // What another policy says is not looked at.
        let other = service.policy().is_some();
        let requires_key = service.auth.iter().flatten().any(|argument| argument == "require_key");
        let asks = |least: Mode| strictest(policy) >= least;
        Self {
            asks: other || asks(Mode::Optional),
            requires_key,
            refuses_keys: !other && policy.refuse_key_only && service.account,
            sets_up: !other
                && asks(Mode::Required)
                && service.sets_up()
                && policy.enrollment.is_at_login(SERVICE),
        }
    }
}

/// The strictest mode that the policy has for any login over ssh.
fn strictest(policy: &Policy) -> Mode {
    let is_listed = |services: &[String]| {
        services.iter().any(|one| one == EVERY_SERVICE || one.eq_ignore_ascii_case(SERVICE))
    };
    let rules = policy.rules.iter().filter(|rule| rule.services.as_deref().is_none_or(is_listed));
    let general = if is_listed(&policy.services) { policy.mode } else { Mode::Disabled };
    rules.map(|rule| rule.mode).max().unwrap_or(Mode::Disabled).max(general)
}

/// What is wrong for whoever has these settings and is asked for a code.
pub fn of_everybody(settings: &Settings, stack: &Stack) -> Vec<String> {
    if !stack.asks {
        return Vec::new();
    }
    let ways = settings.ways();
    let by_password = ways.iter().any(|way| way.has(Method::Password));
    if !settings.use_pam {
        let so = if by_password { ", and a password alone lets in" } else { "" };
        return vec![format!(
            "sshd has UsePAM no: it runs no PAM stack, asks nobody for a code{so}; set UsePAM yes"
        )];
    }
    if !settings.pam_service.eq_ignore_ascii_case(SERVICE) {
        return vec![format!(
            "sshd has PAMServiceName {0}: it goes through the PAM stack /etc/pam.d/{0}, not {SERVICE}'s, and that one was not looked at",
            settings.pam_service
        )];
    }
    if !settings.keyboard_interactive {
        let so = if by_password {
            "A right code never gets asked for: whoever needs one is refused with the right password"
        } else {
            "Whoever has no key is refused, and a key alone lets in"
        };
        return vec![format!(
            "sshd has KbdInteractiveAuthentication no, as Debian ships it: it cannot ask for a code. {so}; set KbdInteractiveAuthentication yes"
        )];
    }
    if !settings.can_ask() {
        let so = if by_password {
            "whoever needs a code is refused with the right password: the password method cannot ask for one, and shows no key to the module"
        } else {
            "nobody is asked for a code"
        };
        return vec![format!(
            "AuthenticationMethods {} of sshd has no list with keyboard-interactive: {so}; publickey,keyboard-interactive asks for key and code",
            settings.lists.join(" ")
        )];
    }
    let mut found = Vec::new();
    if by_password {
        let what = if settings.lists.is_empty() {
            "sshd has PasswordAuthentication yes".to_owned()
        } else {
            format!("AuthenticationMethods {} of sshd has a list with password", settings.lists.join(" "))
        };
        found.push(format!(
            "{what}: that method asks once and gives the answer to every prompt. By it, whoever needs a code is refused with the right password (password-repeated in the log), and whoever needs none gets in by the password alone; set PasswordAuthentication no: keyboard-interactive asks for the password, too"
        ));
    }
    found.extend(of_keys(settings, &ways, stack));
    if stack.sets_up && (1..TIME_TO_SET_UP).contains(&settings.grace_time) {
        found.push(format!(
            "sshd has LoginGraceTime {}: somebody who sets up while logging in is cut off after so many seconds; set LoginGraceTime 10m",
            settings.grace_time
        ));
    }
    found
}

/// What is wrong where a key and a code are meant: by `require_key`, or by a list that has both.
fn of_keys(settings: &Settings, ways: &[Way], stack: &Stack) -> Vec<String> {
    const RIGHT: &str = "set AuthenticationMethods publickey,keyboard-interactive";
    if stack.requires_key && settings.lists.is_empty() {
        let key = match (settings.public_key, stack.refuses_keys) {
            (true, false) => "a key alone lets in, without a code, and ",
            (true, true) => "a key alone is refused where a code is needed (ssh.refuse_key_only), and ",
            (false, _) => "",
        };
        return vec![format!(
            "the code line of sshd's PAM stack has require_key, but AuthenticationMethods is not set: {key}whoever comes without a key is denied; {RIGHT}"
        )];
    }
    let mut found = Vec::new();
    for way in ways {
        let list = &way.list;
        if way.has(Method::KeyboardInteractive) && !way.shows_a_key() {
            if stack.requires_key {
                found.push(format!(
                    "AuthenticationMethods {list} of sshd shows the module no key, and the code line has require_key: everybody is denied by it; {RIGHT}, in this order"
                ));
            } else if way.has(Method::PublicKey) {
                found.push(format!(
                    "AuthenticationMethods {list} of sshd has keyboard-interactive before publickey: the module sees no key, and strangers without one are asked; {RIGHT}, in this order"
                ));
            }
        } else if stack.requires_key && !way.has(Method::KeyboardInteractive) && !way.has(Method::Password) {
            found.push(format!(
                "AuthenticationMethods {list} of sshd lets in without a code, though the code line of its PAM stack has require_key; {RIGHT}"
            ));
        }
    }
    found
}

/// A way in without a code for some, where everybody else is asked by every way.
pub fn lapse(general: &Settings, settings: &Settings) -> Option<String> {
    let asks = |way: &Way| way.has(Method::KeyboardInteractive);
    if general.lists.is_empty() || !general.ways().iter().all(asks) || !settings.can_ask() {
        return None;
    }
    let way = settings.ways().into_iter().find(|way| !asks(way) && !way.has(Method::Password))?;
    Some(format!("{} lets in without a code, though the policy asks for one", way.list))
}

/// What sshd itself refuses root, where that matters.
pub fn of_root(settings: &Settings, whom: &Whom) -> Option<String> {
    if settings.root != RootLogin::KeysOnly || !settings.can_ask() {
        return None;
    }
    if settings.ways().iter().all(|way| way.has(Method::KeyboardInteractive)) {
        return Some(
            "sshd has PermitRootLogin prohibit-password: sshd itself refuses root every method but a key, and AuthenticationMethods wants keyboard-interactive, too: root cannot log in over ssh, with whatever key and code; PermitRootLogin yes lets root in by them, and no says that root is not meant to".to_owned(),
        );
    }
    whom.meant.then(|| {
        "sshd has PermitRootLogin prohibit-password: sshd itself refuses root's password and code, right or wrong, and root, whom the policy means to be asked, logs in by a key alone; PermitRootLogin yes lets root in by password and code, and no says that root is not meant to".to_owned()
    })
}

/// What the stack lacks for what the policy says of ssh.
pub fn of_the_stack(policy: &Policy, service: &Service) -> Option<String> {
    (policy.refuse_key_only && service.policy().is_none() && !service.account).then(|| {
        "ssh.refuse_key_only has no effect: sshd's PAM stack has no account line with pam_totp.so, and that is what refuses a key alone"
            .to_owned()
    })
}

/// What users are to hear: why nobody is asked.
pub fn reason(settings: &Settings) -> Option<Reason> {
    if !settings.use_pam {
        Some(Reason::UsePam)
    } else if !settings.keyboard_interactive {
        Some(Reason::KeyboardInteractive)
    } else {
        (!settings.can_ask()).then_some(Reason::AuthenticationMethods)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sshd::effective::tests::{OPENSSH_9_2, OPENSSH_10_0, debian_with};

    const ASKS: (&str, &str) = ("kbdinteractiveauthentication", "yes");
    const NO_PASSWORD: (&str, &str) = ("passwordauthentication", "no");

    fn service(arguments: &[&str]) -> Service {
        let auth = Some(arguments.iter().map(|&argument| argument.to_owned()).collect());
        let lines = Service { auth, account: true, session: true, ..Service::default() };
        Service { name: SERVICE.to_owned(), ..lines }
    }

    fn told_under(policy: &str, arguments: &[&str], settings: &Settings) -> Vec<String> {
        let policy = Policy::parse("policy.toml", policy).unwrap();
        of_everybody(settings, &Stack::of(&policy, &service(arguments)))
    }

    fn told(arguments: &[&str], lines: &[(&str, &str)]) -> Vec<String> {
        told_under("", arguments, &debian_with(lines))
    }

    fn methods(list: &'static str) -> [(&'static str, &'static str); 3] {
        [ASKS, NO_PASSWORD, ("authenticationmethods", list)]
    }

    #[test]
    fn a_right_configuration_is_quiet() {
        assert!(told(&["setup"], &[ASKS, NO_PASSWORD]).is_empty());
        assert!(told(&["require_key"], &methods("publickey,keyboard-interactive")).is_empty());
        let by_password = [ASKS, ("authenticationmethods", "publickey,keyboard-interactive:pam")];
        assert!(told(&["require_key"], &by_password).is_empty(), "no list has password");
        assert!(told(&[], &methods("publickey,keyboard-interactive keyboard-interactive")).is_empty());
    }

    #[test]
    fn as_debian_ships_it_a_right_code_never_gets_asked_for() {
        for text in [OPENSSH_9_2, OPENSSH_10_0] {
            let settings = Settings::parse(text).unwrap();
            let told = told_under("", &[], &settings);
            assert_eq!(told.len(), 1, "{told:?}");
            assert!(told[0].contains("KbdInteractiveAuthentication no, as Debian ships it"), "{told:?}");
            assert!(told[0].contains("A right code never gets asked for"), "{told:?}");
            assert_eq!(reason(&settings), Some(Reason::KeyboardInteractive));
        }
        let keys_alone = told(&[], &[NO_PASSWORD]);
        assert!(keys_alone[0].contains("a key alone lets in"), "{keys_alone:?}");
    }

    #[test]
    fn another_stack_than_sshds_is_told() {
        let text = OPENSSH_10_0.replace("pamservicename sshd", "pamservicename ssh-inner");
        let told = told_under("", &[], &Settings::parse(&text).unwrap());
        assert!(told.len() == 1 && told[0].contains("/etc/pam.d/ssh-inner"), "{told:?}");
    }

    #[test]
    fn without_pam_nobody_is_asked() {
        let lines = [ASKS, ("usepam", "no")];
        let told = told(&[], &lines);
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].contains("UsePAM no") && told[0].contains("a password alone lets in"), "{told:?}");
        assert_eq!(reason(&debian_with(&lines)), Some(Reason::UsePam));
    }

    #[test]
    fn the_password_method_is_named_beside_one_that_asks() {
        let alone = told(&[], &[ASKS]);
        assert!(alone.len() == 1 && alone[0].starts_with("sshd has PasswordAuthentication yes"), "{alone:?}");
        let listed = told(&[], &[ASKS, ("authenticationmethods", "publickey,password keyboard-interactive")]);
        assert!(listed.len() == 1 && listed[0].contains("has a list with password"), "{listed:?}");
        assert_eq!(reason(&debian_with(&[ASKS])), None);
    }

    #[test]
    fn key_and_code_need_both_methods_in_their_order() {
        for (list, part) in [
            ("any", "require_key, but AuthenticationMethods is not set: a key alone lets in"),
            ("keyboard-interactive,publickey", "shows the module no key"),
            ("keyboard-interactive", "shows the module no key"),
            (
                "publickey,keyboard-interactive publickey",
                "AuthenticationMethods publickey of sshd lets in without a code",
            ),
            ("publickey", "no list with keyboard-interactive: nobody is asked"),
        ] {
            let told = told(&["require_key"], &methods(list));
            assert!(told.iter().any(|one| one.contains(part)), "{list}: {told:?}");
        }
        let refused = "[ssh]\nrefuse_key_only = true\n";
        let refused = told_under(refused, &["require_key"], &debian_with(&methods("any")));
        assert!(refused[0].contains("a key alone is refused where a code is needed"), "{refused:?}");
        let password = told(&["require_key"], &[ASKS, ("authenticationmethods", "publickey,password")]);
        assert!(
            password[0].contains("the password method cannot ask for one, and shows no key"),
            "{password:?}"
        );
        let order = told(&["setup"], &methods("keyboard-interactive,publickey"));
        assert!(order.len() == 1 && order[0].contains("before publickey"), "{order:?}");
    }

    #[test]
    fn a_list_without_a_code_for_some_is_a_lapse_where_all_others_are_asked() {
        let general = debian_with(&methods("publickey,keyboard-interactive"));
        let both = debian_with(&methods("publickey,keyboard-interactive publickey"));
        assert!(lapse(&general, &both).unwrap().starts_with("publickey lets in without a code"));
        assert_eq!(lapse(&general, &general), None);
        let unset = debian_with(&[ASKS, NO_PASSWORD]);
        assert_eq!(lapse(&unset, &both), None, "a key alone lets everybody in there");
    }

    #[test]
    fn root_is_told_of_where_sshd_refuses_root_by_itself() {
        let whom = |meant| Whom { asked: true, meant };
        let usual = debian_with(&[ASKS, NO_PASSWORD]);
        assert_eq!(of_root(&usual, &whom(false)), None);
        assert!(of_root(&usual, &whom(true)).unwrap().contains("logs in by a key alone"));
        let both = debian_with(&methods("publickey,keyboard-interactive"));
        assert!(of_root(&both, &whom(false)).unwrap().contains("root cannot log in over ssh"));
        for value in ["yes", "no"] {
            let lines = [ASKS, NO_PASSWORD, ("permitrootlogin", value)];
            assert_eq!(of_root(&debian_with(&lines), &whom(true)), None, "{value}");
        }
    }

    #[test]
    fn time_to_set_up_is_wanted_where_somebody_must() {
        let settings = |time| debian_with(&[ASKS, NO_PASSWORD, ("logingracetime", time)]);
        let under =
            |policy: &str, arguments: &[&str], time| told_under(policy, arguments, &settings(time)).len();
        let staff = "[[rule]]\ngroups = [\"staff\"]\nmode = \"required\"\n";
        assert_eq!(under("mode = \"required\"\n", &["setup"], "120"), 1);
        assert_eq!(under(staff, &["setup"], "599"), 1);
        for (policy, arguments, time) in [
            ("mode = \"required\"\n", &["setup"][..], "600"),
            ("mode = \"required\"\n", &["setup"], "0"),
            ("mode = \"required\"\n", &[], "120"),
            ("", &["setup"], "120"),
            ("mode = \"required\"\n[enrollment]\nat_login = [\"login\"]\n", &["setup"], "120"),
            ("mode = \"required\"\nservices = [\"su\"]\n", &["setup"], "120"),
        ] {
            assert_eq!(under(policy, arguments, time), 0, "{policy} {arguments:?} {time}");
        }
    }

    #[test]
    fn where_the_policy_asks_nobody_over_ssh_sshd_may_be_as_it_is() {
        let debian = debian_with(&[]);
        assert!(told_under("mode = \"disabled\"\n", &[], &debian).is_empty());
        assert!(told_under("services = [\"su\", \"sudo\"]\n", &[], &debian).is_empty());
        assert_eq!(told_under("mode = \"disabled\"\n", &["policy=/etc/other.toml"], &debian).len(), 1);
    }

    #[test]
    fn keys_alone_are_refused_by_the_account_line_and_not_without_it() {
        let policy = Policy::parse("", "[ssh]\nrefuse_key_only = true\n").unwrap();
        assert_eq!(of_the_stack(&policy, &service(&[])), None);
        let without = Service { account: false, ..service(&[]) };
        assert!(of_the_stack(&policy, &without).unwrap().contains("no account line"));
        assert_eq!(of_the_stack(&Policy::default(), &without), None);
    }
}
