//! login, as on a console.

#![forbid(unsafe_code)]

use host::{Dialogue, Host, Phone, Stack};

fn house() -> (Host, Phone) {
    let host = Host::builder()
        .user("alice", "wonderland")
        .policy("mode = \"required\"\n[totp]\nwindow = 10\n")
        .stack("login", Stack::PasswordAndCode)
        .build();
    let phone = host.enrol("alice");
    (host, phone)
}

fn log_in(host: &Host, code: &str) -> Dialogue {
    let mut login = host.dialogue_as("root", &["login"]);
    login.answers("login: ", "alice");
    login.answers("Password: ", "wonderland");
    login.answers("Verification code: ", code);
    login
}

#[test]
fn a_console_login_takes_password_and_code() {
    let (host, mut phone) = house();
    log_in(&host, &phone.code()).is_let_in_as("alice");
    host.wait_for_log("event=login result=accepted user=alice service=login");
}

#[test]
fn a_console_login_with_a_wrong_code_is_refused() {
    let (host, phone) = house();
    log_in(&host, &phone.wrong_code()).sees("Login incorrect");
    host.wait_for_log("event=login result=denied reason=wrong-code user=alice service=login");
}

#[test]
fn a_console_login_may_try_again_and_is_told_what_was_wrong() {
    let (host, mut phone) = house();
    let code = phone.code();
    log_in(&host, &code).is_let_in_as("alice");
    let mut login = log_in(&host, &code);
    login.sees("already used");
    login.answers("login: ", "alice");
    login.answers("Password: ", "wonderland");
    login.answers("Verification code: ", &phone.code());
    login.is_let_in_as("alice");
}
