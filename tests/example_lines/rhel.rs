//! The same lines on stacks as Fedora's and RHEL's packages ship them; the files that these include are those of
//! authselect's profile `sssd`, which is their default. Its module is not on this machine and not reached by local
//! users.

use crate::{added, builder, lines};
use host::{Builder, Host, Stack, with_lines_added};

/// A stack as it is shipped.
fn distributions(service: &str) -> &'static str {
    match service {
        "sshd" => include_str!("rhel/sshd"),
        "login" => include_str!("rhel/login"),
        "su" => include_str!("rhel/su"),
        "su-l" => include_str!("rhel/su-l"),
        "sudo" => include_str!("rhel/sudo"),
        "sudo-i" => include_str!("rhel/sudo-i"),
        "polkit-1" => include_str!("rhel/polkit-1"),
        _ => panic!("no such stack: {service}"),
    }
}

/// With the lines of config/pam.d.
fn with_example(service: &str, example: &str) -> String {
    with_lines_added(distributions(service), &lines(example))
        .unwrap_or_else(|why| panic!("config/pam.d/{example} does not fit: {why}"))
}

/// A host with the files that the others include.
fn rhel() -> Builder {
    let included = include_str!("rhel/system-auth");
    builder()
        .stack("system-auth", Stack::Text(included))
        .stack("password-auth", Stack::Text(included))
        .stack("postlogin", Stack::Text(include_str!("rhel/postlogin")))
}

/// With the stacks of these services.
fn house(services: &[&str]) -> Host {
    let add = |builder: Builder, service: &&str| {
        builder.stack(service, Stack::Text(&with_example(service, service)))
    };
    let host = services.iter().fold(rhel(), add).build();
    if services.contains(&"sudo") {
        host.write(
            "/etc/sudoers.d/alice",
            "Defaults:alice passwd_tries=1, !lecture, timestamp_timeout=0\nalice ALL=(ALL) ALL\n",
        );
    }
    host
}

#[test]
fn every_line_of_the_stack_stays() {
    for service in ["sshd", "login", "su", "su-l", "sudo", "sudo-i", "polkit-1"] {
        let included = "auth       include      system-auth";
        let stays = match service {
            "sudo" | "polkit-1" => distributions(service).replace(included, &format!("# {included}")),
            _ => distributions(service).to_owned(),
        };
        let after = with_example(service, service);
        let mut added = added(&stays, &after);
        added.retain(|line| *line != "auth     substack  system-auth");
        let expected = if ["su-l", "sudo-i"].contains(&service) { 0 } else { 4 };
        assert_eq!(added.len(), expected, "{service}: {added:?}");
        assert!(added.iter().all(|line| line.contains("pam_totp.so")), "{service}: {added:?}");
    }
}

#[test]
fn sshd_takes_password_and_code() {
    let host = house(&["sshd"]);
    let mut phone = host.enrol("alice");
    let mut login = host.ssh("alice");
    login.answers("Password: ", "wonderland").answers("Verification code: ", &phone.code());
    login.is_let_in_as("alice");
    let mut login = host.ssh("alice");
    login.answers("Password: ", "wonderland").answers("Verification code: ", &phone.wrong_code());
    login.sees("Permission denied");
    // Here the code is asked for after a wrong password, too.
    let mut login = host.ssh("alice");
    login.answers("Password: ", "wrong").answers("Verification code: ", &phone.code());
    login.sees("Permission denied");
}

#[test]
fn sshd_takes_key_and_code() {
    let methods = "AuthenticationMethods publickey,keyboard-interactive";
    let stack = with_example("sshd", "sshd-key-and-code");
    let host = rhel().stack("sshd", Stack::Text(&stack)).sshd_option(methods).build();
    let mut phone = host.enrol("alice");
    let key = host.client_key("alice");
    let mut login = host.ssh_with_key("alice", &key);
    login.answers("Verification code: ", &phone.code()).is_let_in_as("alice");
    let mut login = host.ssh_with_key("alice", &key);
    login.answers("Verification code: ", &phone.wrong_code()).sees("Permission denied");
}

#[test]
fn su_asks_users_and_not_root() {
    let stack = with_example("su", "su");
    let su_l = with_example("su-l", "su-l");
    let host = rhel()
        .user("bob", "builder")
        .stack("su", Stack::Text(&stack))
        .stack("su-l", Stack::Text(&su_l))
        .build();
    let mut phone = host.enrol("alice");
    for words in [&["su", "alice"][..], &["su", "-", "alice"]] {
        let mut login = host.dialogue_as("bob", words);
        login.answers("Password: ", "wonderland").answers("Verification code: ", &phone.wrong_code());
        login.sees("Authentication failure");
        let mut login = host.dialogue_as("bob", words);
        login.answers("Password: ", "wonderland").answers("Verification code: ", &phone.code());
        login.is_let_in_as("alice");
        host.dialogue_as("root", words).is_let_in_as("alice");
    }
}

#[test]
fn sudo_and_sudo_i_take_password_and_code() {
    let host = house(&["sudo", "sudo-i"]);
    let mut phone = host.enrol("alice");
    for words in [["sudo", "-s"], ["sudo", "-i"]] {
        let mut wrong = host.dialogue_as("alice", &words);
        wrong.answers("password for alice: ", "wonderland");
        wrong.answers("Verification code: ", &phone.wrong_code()).sees("incorrect password attempt");
        let mut right = host.dialogue_as("alice", &words);
        right.answers("password for alice: ", "wonderland").answers("Verification code: ", &phone.code());
        right.is_let_in_as("root");
    }
}

/// `sufficient pam_unix.so` ends the stack that includes it.
#[test]
fn below_an_include_the_code_line_of_sudo_is_not_reached_and_the_account_line_denies() {
    let host = house(&["sudo"]);
    let right = with_example("sudo", "sudo");
    let wrong = right.replace("substack  system-auth", "include  system-auth");
    assert_ne!(wrong, right);
    host.write("/etc/pam.d/sudo", wrong);
    host.enrol("alice");
    let mut sudo = host.dialogue_as("alice", &["sudo", "id", "-un"]);
    sudo.answers("password for alice: ", "wonderland");
    assert_ne!(sudo.exit_status(), 0, "{}", sudo.seen());
    host.wait_for_log("event=login result=denied reason=not-reached user=alice service=sudo");
}
