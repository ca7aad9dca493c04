//! Logins by key: with a set-up, with a code, and alone.

#![forbid(unsafe_code)]

mod newcomer;

use host::{POLICY, Stack};
use newcomer::{CODE, REQUIRED, builder, is_let_in_with, sets_up};

#[test]
fn a_key_and_a_set_up_let_in_and_a_key_is_needed_for_it() {
    let stack = "auth required pam_totp.so setup\nauth required pam_permit.so\n\
                 account required pam_totp.so\naccount required pam_unix.so\n\
                 session required pam_totp.so\nsession required pam_permit.so\n";
    let host = builder()
        .stack("sshd", Stack::Text(stack))
        .sshd_option("AuthenticationMethods publickey,keyboard-interactive")
        .build();
    let key = host.client_key("alice");
    let mut login = host.ssh_with_key("alice", &key);
    login.answers(CODE, "");
    sets_up(&mut login);
    login.types("").is_let_in_as("alice");

    // Without a first factor nobody is set up, whatever else the stack says.
    let host = builder().stack("sshd", Stack::Text(stack)).build();
    host.ssh("alice").answers(CODE, "").sees("Permission denied");
    assert!(host.store_names().is_empty());
}

#[test]
fn a_key_alone_lets_in_unless_the_policy_refuses_it() {
    let host = builder().build();
    let key = host.client_key("alice");
    host.ssh_with_key("alice", &key).is_let_in_as("alice");

    host.write(POLICY, format!("{REQUIRED}[ssh]\nrefuse_key_only = true\n"));
    host.ssh_with_key("alice", &key).ends();
    host.wait_for_log("event=login result=denied reason=key-only user=alice service=sshd");
    let mut phone = host.enrol("alice");
    host.ssh_with_key("alice", &key).ends();
    is_let_in_with(&host, &phone.code());

    host.must_run(&["totp-enroll", "admin", "mode", "alice", "optional"]);
    host.ssh_with_key("alice", &key).is_let_in_as("alice");
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
