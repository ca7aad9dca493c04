//! The PAM stacks that are shipped as examples, as they stand in config/pam.d.

#![forbid(unsafe_code)]

use host::{Builder, Host, Stack};

fn builder() -> Builder {
    Host::builder().user("alice", "wonderland").policy("mode = \"required\"\n[totp]\nwindow = 10\n")
}

#[test]
fn the_example_for_sshd_takes_password_and_code() {
    let host = builder().stack("sshd", Stack::Text(include_str!("../config/pam.d/sshd"))).build();
    let mut phone = host.enrol("alice");
    let mut login = host.ssh("alice");
    login.answers("Password: ", "wonderland").answers("Verification code: ", &phone.code());
    login.is_let_in_as("alice");
    let mut login = host.ssh("alice");
    // common-auth ends the stack there: the code of a stranger who knows no password is not looked at.
    login.answers("Password: ", "wrong").sees("Permission denied");
    assert_eq!(host.times_logged("event=login"), 1);
}

#[test]
fn the_example_for_key_and_code_takes_no_password_and_lets_nobody_in_by_key_alone() {
    let host = builder()
        .stack("sshd", Stack::Text(include_str!("../config/pam.d/sshd-key-and-code")))
        .sshd_option("AuthenticationMethods publickey,keyboard-interactive")
        .build();
    let mut phone = host.enrol("alice");
    let key = host.client_key("alice");
    let mut login = host.ssh_with_key("alice", &key);
    login.answers("Verification code: ", &phone.code()).is_let_in_as("alice");
    let mut login = host.ssh_with_key("alice", &key);
    login.answers("Verification code: ", &phone.wrong_code()).sees("Permission denied");
}

#[test]
fn the_example_for_key_and_code_lets_in_who_is_not_asked() {
    let host = builder()
        .policy("mode = \"optional\"\n")
        .stack("sshd", Stack::Text(include_str!("../config/pam.d/sshd-key-and-code")))
        .sshd_option("AuthenticationMethods publickey,keyboard-interactive")
        .build();
    let key = host.client_key("alice");
    host.ssh_with_key("alice", &key).is_let_in_as("alice");
}

#[test]
fn the_example_for_su_asks_users_and_not_root() {
    let stack = Stack::Text(include_str!("../config/pam.d/su"));
    let host = builder().user("bob", "builder").stack("su", stack).build();
    let mut phone = host.enrol("alice");
    let mut login = host.dialogue_as("bob", &["su", "alice"]);
    login.answers("Password: ", "wonderland").answers("Verification code: ", &phone.code());
    login.is_let_in_as("alice");
    host.dialogue_as("root", &["su", "alice"]).is_let_in_as("alice");
}

#[test]
fn the_example_for_sudo_takes_password_and_code() {
    let host = builder().stack("sudo", Stack::Text(include_str!("../config/pam.d/sudo"))).build();
    host.write("/etc/sudoers.d/alice", "Defaults:alice !lecture\nalice ALL=(ALL) ALL\n");
    let mut phone = host.enrol("alice");
    let mut sudo = host.dialogue_as("alice", &["sudo", "id", "-un"]);
    sudo.answers("password for alice: ", "wonderland").answers("Verification code: ", &phone.code());
    sudo.sees("root");
    assert_eq!(sudo.exit_status(), 0);
}

#[test]
fn the_example_for_login_takes_password_and_code() {
    let host = builder().stack("login", Stack::Text(include_str!("../config/pam.d/login"))).build();
    let mut phone = host.enrol("alice");
    let mut login = host.dialogue_as("root", &["login"]);
    login.answers("login: ", "alice").answers("Password: ", "wonderland");
    login.answers("Verification code: ", &phone.code()).is_let_in_as("alice");
}

/// From the prompt that begins a set-up to the shell.
fn sets_up(login: &mut host::Dialogue) {
    login.answers("Press Enter when your app is ready to scan: ", "");
    let shown = login.sees("Code from the app");
    let uri = shown.split_whitespace().find(|word| word.starts_with("otpauth://")).expect("the URI is shown");
    let mut phone = host::Phone::scan(uri).with_window(10);
    login.answers(": ", &phone.code());
    login.answers("Press Enter to log in: ", "").is_let_in_as("alice");
}

#[test]
fn the_example_for_sshd_sets_up_who_needs_it() {
    let host = builder().stack("sshd", Stack::Text(include_str!("../config/pam.d/sshd"))).build();
    let mut login = host.ssh("alice");
    login.answers("Password: ", "wonderland").answers("Verification code: ", "");
    sets_up(&mut login);
}

#[test]
fn the_example_for_key_and_code_sets_up_who_came_with_a_key_and_nobody_else() {
    let stack = Stack::Text(include_str!("../config/pam.d/sshd-key-and-code"));
    let host = builder()
        .stack("sshd", stack)
        .sshd_option("AuthenticationMethods publickey,keyboard-interactive")
        .build();
    let key = host.client_key("alice");
    let mut login = host.ssh_with_key("alice", &key);
    login.answers("Verification code: ", "");
    sets_up(&mut login);
    // Without AuthenticationMethods the code would be the only factor.
    let host = builder().stack("sshd", stack).build();
    host.ssh("alice").answers("Verification code: ", "").sees("Permission denied");
}

#[test]
fn the_example_for_login_sets_up_who_needs_it() {
    let host = builder().stack("login", Stack::Text(include_str!("../config/pam.d/login"))).build();
    let mut login = host.dialogue_as("root", &["login"]);
    login.answers("login: ", "alice").answers("Password: ", "wonderland").answers("Verification code: ", "");
    sets_up(&mut login);
}
