//! `su -` and `sudo -i` have stacks of their own (su-l, sudo-i): a policy for su and sudo means them, too.

#![forbid(unsafe_code)]

use host::{Host, Stack, distributions_stack, with_lines_added};

/// The tests take more codes than a phone shows meanwhile.
const TOTP: &str = "[totp]\nwindow = 10\n";

/// Service, what alice types, and who she is then.
const WAYS: [(&str, &[&str], &str); 4] = [
    ("su", &["su", "alice"], "alice"),
    ("su-l", &["su", "-", "alice"], "alice"),
    ("sudo", &["sudo", "-s"], "root"),
    ("sudo-i", &["sudo", "-i"], "root"),
];

/// alice, who is set up, may use sudo, on the distribution's stacks with the lines of config/pam.d.
fn house(policy: &str) -> Host {
    let add = |service, lines| {
        with_lines_added(&distributions_stack(service), lines).expect("they have their places")
    };
    let host = Host::builder()
        .user("alice", "wonderland")
        .policy(policy)
        .stack("su", Stack::Text(&add("su", include_str!("../config/pam.d/su"))))
        .stack("sudo", Stack::Text(&add("sudo", include_str!("../config/pam.d/sudo"))))
        .stack("sudo-i", Stack::Text(&add("sudo-i", include_str!("../config/pam.d/sudo-i"))))
        .build();
    host.write("/etc/sudoers.d/alice", "Defaults:alice !lecture, timestamp_timeout=0\nalice ALL=(ALL) ALL\n");
    host
}

/// These ways ask alice for a code, and the others for her password alone.
fn ask(host: &Host, services: &[&str]) {
    let mut phone = host.enrol("alice");
    for (service, words, becomes) in WAYS {
        let mut login = host.dialogue_as("alice", words);
        login.sees("assword");
        login.answers(": ", "wonderland");
        if services.contains(&service) {
            login.answers("Verification code: ", &phone.code());
        }
        login.is_let_in_as(becomes);
        assert_eq!(login.seen().contains("Verification code"), services.contains(&service), "{service}");
    }
}

#[test]
fn a_policy_for_su_and_sudo_asks_at_a_login_shell_as_well() {
    let services = "services = [\"sshd\", \"login\", \"su\", \"sudo\"]\n";
    ask(&house(&format!("mode = \"required\"\n{services}{TOTP}")), &["su", "su-l", "sudo", "sudo-i"]);
}

#[test]
fn a_rule_for_su_and_sudo_counts_at_a_login_shell_as_well() {
    let rule = "[[rule]]\nservices = [\"su\", \"sudo\"]\nmode = \"required\"\n";
    ask(&house(&format!("mode = \"disabled\"\n{TOTP}{rule}")), &["su", "su-l", "sudo", "sudo-i"]);
}

#[test]
fn a_list_that_names_a_login_shell_itself_is_taken_as_written() {
    let rule = "[[rule]]\nservices = [\"su\", \"sudo-i\"]\nmode = \"disabled\"\n";
    ask(&house(&format!("mode = \"required\"\n{TOTP}{rule}")), &["su-l", "sudo"]);
}
