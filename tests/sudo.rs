//! sudo: one's own password and code, from a terminal and from a pipe.

#![forbid(unsafe_code)]

use host::{Host, Phone, Stack};

fn house() -> (Host, Phone) {
    let host = Host::builder()
        .user("alice", "wonderland")
        .policy("mode = \"required\"\n[totp]\nwindow = 10\n")
        .stack("sudo", Stack::PasswordAndCode)
        .build();
    host.write("/etc/sudoers.d/alice", "Defaults:alice passwd_tries=1, !lecture\nalice ALL=(ALL) ALL\n");
    let phone = host.enrol("alice");
    (host, phone)
}

#[test]
fn sudo_takes_password_and_code() {
    let (host, mut phone) = house();
    let mut sudo = host.dialogue_as("alice", &["sudo", "id", "-un"]);
    sudo.answers("password for alice: ", "wonderland");
    sudo.answers("Verification code: ", &phone.code());
    sudo.sees("root");
    assert_eq!(sudo.exit_status(), 0);
    host.wait_for_log("event=login result=accepted user=alice service=sudo");
}

#[test]
fn sudo_refuses_a_wrong_code() {
    let (host, phone) = house();
    let mut sudo = host.dialogue_as("alice", &["sudo", "id", "-un"]);
    sudo.answers("password for alice: ", "wonderland");
    sudo.answers("Verification code: ", &phone.wrong_code());
    sudo.sees("incorrect password attempt");
    assert_eq!(sudo.exit_status(), 1);
    host.wait_for_log("event=login result=denied reason=wrong-code user=alice service=sudo");
}

#[test]
fn sudo_refuses_a_used_code() {
    let (host, mut phone) = house();
    let code = phone.code();
    for (status, said) in [(0, "root"), (1, "incorrect password attempt")] {
        let mut sudo = host.dialogue_as("alice", &["sudo", "-k", "id", "-un"]);
        sudo.answers("password for alice: ", "wonderland");
        sudo.answers("Verification code: ", &code);
        sudo.sees(said);
        assert_eq!(sudo.exit_status(), status);
    }
}

#[test]
fn sudo_takes_password_and_code_from_a_pipe() {
    let (host, mut phone) = house();
    let input = format!("wonderland\n{}\n", phone.code());
    let outcome = host.run_with_input("alice", &["sudo", "-S", "id", "-un"], input);
    assert_eq!((outcome.status, outcome.stdout.as_str()), (0, "root\n"), "{outcome:?}");
}

#[test]
fn sudo_without_anybody_to_ask_fails_and_does_not_hang() {
    let (host, _) = house();
    let outcome = host.run_as("alice", &["sudo", "-n", "id", "-un"]);
    assert_eq!(outcome.status, 1, "{outcome:?}");
    assert!(!outcome.stdout.contains("root"));
}
