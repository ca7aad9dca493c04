//! Logins by key: with a set-up, with a code, and alone.

#![forbid(unsafe_code)]

mod newcomer;

use host::{POLICY, Stack};
use newcomer::{CODE, REQUIRED, builder, is_let_in_with, sets_up};

/// A code after a key, and no other module that could say yes.
const KEY_AND_CODE: &str = "auth optional pam_totp.so begin\nauth required pam_totp.so require_key setup\n\
    account required pam_totp.so\naccount required pam_unix.so\n\
    session required pam_totp.so\nsession required pam_permit.so\n";
const KEY_FIRST: &str = "AuthenticationMethods publickey,keyboard-interactive";

#[test]
fn a_key_and_a_set_up_let_in_and_a_key_is_needed_for_it() {
    let host = builder().stack("sshd", Stack::Text(KEY_AND_CODE)).sshd_option(KEY_FIRST).build();
    let key = host.client_key("alice");
    let mut login = host.ssh_with_key("alice", &key);
    login.answers(CODE, "");
    let mut phone = sets_up(&mut login);
    login.types("").is_let_in_as("alice");
    let mut login = host.ssh_with_key("alice", &key);
    login.answers(CODE, &phone.code()).is_let_in_as("alice");
    let mut login = host.ssh_with_key("alice", &key);
    login.answers(CODE, &phone.wrong_code()).sees("Permission denied");

    // Without a first factor nobody is set up, whatever else the stack says.
    let permits = "auth required pam_totp.so setup\nauth required pam_permit.so\n";
    let host =
        builder().stack("sshd", Stack::Text(&format!("{permits}account required pam_totp.so\n"))).build();
    host.ssh("alice").answers(CODE, "").sees("Permission denied");
    assert!(host.store_names().is_empty());
}

#[test]
fn who_is_not_to_be_asked_gets_in_by_a_key_and_by_nothing_less() {
    let host = builder()
        .user("bob", "builder")
        .policy("mode = \"optional\"\n[[rule]]\nusers = [\"bob\"]\nmode = \"disabled\"\n")
        .stack("sshd", Stack::Text(KEY_AND_CODE))
        .sshd_option(KEY_FIRST)
        .build();
    for user in ["alice", "bob"] {
        let key = host.client_key(user);
        let mut login = host.ssh_with_key(user, &key);
        login.is_let_in_as(user);
        assert!(!login.seen().contains(CODE), "{}", login.seen());
    }
}

/// AuthenticationMethods may be forgotten, stand in a Match for others, or not be loaded yet.
#[test]
fn without_a_key_nobody_gets_to_a_code_whatever_sshd_lets_come_that_far() {
    for options in [&[][..], &["Match User nobody", KEY_FIRST, "Match all"]] {
        let mut builder = builder().user("bob", "builder").stack("sshd", Stack::Text(KEY_AND_CODE));
        for option in options {
            builder = builder.sshd_option(option);
        }
        let host = builder.policy("[[rule]]\nusers = [\"alice\"]\nmode = \"required\"\n").build();
        host.enrol("alice");
        for user in ["alice", "bob", "root", "nobody-here"] {
            let said = host.ssh(user).ends();
            assert!(said.contains("Permission denied") && !said.contains(CODE), "{user}: {said}");
            host.wait_for_log(&format!("event=login result=denied reason=no-key user={user} service=sshd"));
        }
    }
}

#[test]
fn a_key_alone_lets_in_unless_the_policy_refuses_it() {
    let host = builder().user("bob", "builder").build();
    let key = host.client_key("alice");
    host.ssh_with_key("alice", &key).is_let_in_as("alice");

    host.write(POLICY, format!("{REQUIRED}[ssh]\nrefuse_key_only = true\n"));
    let refused = || {
        let mut login = host.ssh_with_key("alice", &key);
        login.sees("A key alone is not enough on this host");
        login.sees("ssh -o PubkeyAuthentication=no");
        login.ends();
    };
    refused();
    host.wait_for_log("event=login result=denied reason=key-only user=alice service=sshd");
    let mut phone = host.enrol("alice");
    refused();
    is_let_in_with(&host, &phone.code());

    // Who has set it up where it is optional needs a code like anybody who must.
    host.write(POLICY, "[totp]\nwindow = 10\n[ssh]\nrefuse_key_only = true\n");
    refused();
    is_let_in_with(&host, &phone.code());
    let other = host.client_key("bob");
    host.ssh_with_key("bob", &other).is_let_in_as("bob");
    host.must_run(&["totp-enroll", "admin", "mode", "alice", "disabled"]);
    host.ssh_with_key("alice", &key).is_let_in_as("alice");
}

/// A script can answer no question: sshd must be content with its key, and the policy with no code.
#[test]
fn a_script_is_exempt_by_a_match_and_a_rule_of_its_own() {
    let policy = "mode = \"required\"\n[ssh]\nrefuse_key_only = true\n\
                  [[rule]]\nusers = [\"backup-robot\"]\nmode = \"disabled\"\n";
    let exempt = ["Match User backup-robot", "AuthenticationMethods publickey", "Match all"];
    for (options, works) in [(&exempt[..], true), (&[], false)] {
        let builder =
            builder().user("backup-robot", "bleep").policy(policy).stack("sshd", Stack::Text(KEY_AND_CODE));
        let builder = options.iter().fold(builder, |builder, option| builder.sshd_option(option));
        let host = builder.sshd_option(KEY_FIRST).build();
        let run_by = |user: &str| {
            let key = host.client_key(user);
            let mut script = host.ssh_command(user, &["-o", "BatchMode=yes", "-i", key.path()]);
            let output = script.arg("id -un").output().expect("ssh should start");
            String::from_utf8_lossy(&output.stdout).into_owned()
        };
        assert_eq!(run_by("backup-robot"), if works { "backup-robot\n" } else { "" });
        assert_eq!(run_by("alice"), "", "nobody else is let in by it");
    }
}

#[test]
fn a_key_and_a_code_are_not_a_key_alone() {
    let host = builder()
        .policy(&format!("{REQUIRED}[ssh]\nrefuse_key_only = true\n"))
        .stack("sshd", Stack::Code)
        .sshd_option("AuthenticationMethods publickey,keyboard-interactive")
        .build();
    let mut phone = host.enrol("alice");
    let key = host.client_key("alice");
    let mut login = host.ssh_with_key("alice", &key);
    login.answers(CODE, &phone.code()).is_let_in_as("alice");
}
