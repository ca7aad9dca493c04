//! login, as on a console.

#![forbid(unsafe_code)]

use host::{Dialogue, Host, POLICY, Phone, Stack};

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

#[test]
fn under_a_broken_policy_nobody_gets_past_the_console_and_the_log_names_the_line() {
    let (host, mut phone) = house();
    host.write(POLICY, "mode = \"required\"\nmode = \n");
    let mut login = host.dialogue_as("root", &["login"]);
    login.answers("login: ", "alice");
    login.answers("Password: ", "wonderland");
    login.sees("This host cannot check codes now");
    login.sees("Login incorrect");
    host.wait_for_log("/etc/pam_totp/policy.toml:2: ");
    // Mended from a console outside, it is in force at once: the same login program asks again.
    host.write(POLICY, "mode = \"required\"\n[totp]\nwindow = 10\n");
    login.answers("login: ", "alice");
    login.answers("Password: ", "wonderland");
    login.answers("Verification code: ", &phone.code());
    login.is_let_in_as("alice");
}

#[test]
fn single_user_mode_asks_root_for_the_password_alone_and_the_policy_is_mended_there() {
    let (host, _) = house();
    host.set_password("root", "toor");
    host.write(POLICY, "mode = \"required\"\nmode = \n");
    host.write("/tmp/editor", "#!/bin/sh\necho 'mode = \"optional\"' > \"$1\"\n");
    host.must_run(&["chmod", "755", "/tmp/editor"]);
    // What rescue.target and emergency.target run.
    let mut console = host.dialogue_as("root", &["sulogin"]);
    console.answers("Give root password for maintenance", "toor");
    console.is_let_in_as("root");
    console.types("totp-enroll admin policy check").sees("/etc/pam_totp/policy.toml:2: ");
    console
        .types("EDITOR=/tmp/editor totp-enroll admin policy edit")
        .sees("the policy is good, and in force.");
    assert_eq!(host.read(POLICY), b"mode = \"optional\"\n");
}

#[test]
fn in_a_bare_shell_without_proc_and_syslog_the_policy_is_mended_as_well() {
    let (host, _) = house();
    host.write(POLICY, "mode = \"required\"\nmode = \n");
    // As booted with init=/bin/sh: nothing is mounted but the root file system, and nothing runs.
    let mend =
        "rm /dev/log; mount -t tmpfs none /proc; export EDITOR='sed -i 2d'; totp-enroll admin policy edit";
    let mended = host.run(&["unshare", "--mount", "sh", "-c", mend]);
    assert_eq!(mended.status, 0, "{mended:?}");
    assert!(mended.stdout.contains("the policy is good, and in force."), "{mended:?}");
    assert_eq!(host.read(POLICY), b"mode = \"required\"\n");
}
