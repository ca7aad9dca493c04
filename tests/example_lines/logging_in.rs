//! sshd and login: password and code, and set-up during the login.

use crate::house;
use host::{Dialogue, Phone};

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
    let mut login = host.ssh("alice");
    // common-auth ends the stack there: the code of a stranger who knows no password is not looked at.
    login.answers("Password: ", "wrong").sees("Permission denied");
    assert_eq!(host.times_logged("event=login"), 2);
}

#[test]
fn what_the_distribution_does_at_a_login_is_still_done() {
    let host = house(&["sshd"]);
    host.write("/etc/motd", "Kettle's on.\n");
    host.write("/etc/default/locale", "LANG=de_XX.UTF-8\n");
    let mut phone = host.enrol("alice");
    let mut login = host.ssh("alice");
    login.answers("Password: ", "wonderland").answers("Verification code: ", &phone.code());
    login.sees("Kettle's on.");
    login.is_let_in_as("alice");
    login.types("echo the-language-is-$LANG");
    login.sees("the-language-is-de_XX.UTF-8");
}

#[test]
fn login_takes_password_and_code() {
    let host = house(&["login"]);
    let mut phone = host.enrol("alice");
    let mut login = host.dialogue_as("root", &["login"]);
    login.answers("login: ", "alice").answers("Password: ", "wonderland");
    login.answers("Verification code: ", &phone.wrong_code()).sees("Login incorrect");
    login.answers("login: ", "alice").answers("Password: ", "wonderland");
    login.answers("Verification code: ", &phone.code()).is_let_in_as("alice");
    host.wait_for_log("event=login result=accepted user=alice service=login");
}

/// From the prompt that begins a set-up to the shell.
pub fn sets_up(login: &mut Dialogue) {
    login.answers("Press Enter when your app is ready to scan: ", "");
    let shown = login.sees("Code from the app");
    let uri = shown.split_whitespace().find(|word| word.starts_with("otpauth://")).expect("the URI is shown");
    let mut phone = Phone::scan(uri).with_window(10);
    login.answers(": ", &phone.code());
    login.answers("Press Enter to log in: ", "").is_let_in_as("alice");
}

#[test]
fn sshd_sets_up_who_needs_it() {
    let host = house(&["sshd"]);
    let mut login = host.ssh("alice");
    login.answers("Password: ", "wonderland").answers("Verification code: ", "");
    sets_up(&mut login);
}

#[test]
fn login_sets_up_who_needs_it() {
    let host = house(&["login"]);
    let mut login = host.dialogue_as("root", &["login"]);
    login.answers("login: ", "alice").answers("Password: ", "wonderland").answers("Verification code: ", "");
    sets_up(&mut login);
}

#[test]
fn an_expired_password_is_changed_after_the_code() {
    let host = house(&["sshd"]);
    let mut phone = host.enrol("alice");
    host.expire_password("alice");
    let mut login = host.ssh("alice");
    login.answers("Password: ", "wonderland").answers("Verification code: ", &phone.code());
    login.answers("Current password: ", "wonderland");
    login.answers("New password: ", "looking-glass").answers("Retype new password: ", "looking-glass");
    login.is_let_in_as("alice");
}
