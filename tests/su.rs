//! su: the code of the user one becomes, on the same machine.

#![forbid(unsafe_code)]

use host::{Dialogue, Host, Phone, Stack};

fn house() -> (Host, Phone) {
    let host = Host::builder()
        .user("alice", "wonderland")
        .user("bob", "builder")
        .policy("mode = \"optional\"\n[totp]\nwindow = 10\n")
        .stack("su", Stack::PasswordAndCode)
        .stack("su-l", Stack::PasswordAndCode)
        .build();
    let phone = host.enrol("bob");
    (host, phone)
}

fn alice_becomes_bob(host: &Host, password: &str, code: &str) -> Dialogue {
    let mut login = host.dialogue_as("alice", &["su", "-", "bob"]);
    login.answers("Password: ", password);
    login.answers("Verification code: ", code);
    login
}

#[test]
fn su_takes_the_password_and_the_code_of_the_other_user() {
    let (host, mut phone) = house();
    alice_becomes_bob(&host, "builder", &phone.code()).is_let_in_as("bob");
    host.wait_for_log("event=login result=accepted user=bob service=su-l");
}

#[test]
fn su_refuses_a_wrong_code() {
    let (host, phone) = house();
    let mut login = alice_becomes_bob(&host, "builder", &phone.wrong_code());
    login.sees("Authentication failure");
    assert_eq!(login.exit_status(), 1);
    host.wait_for_log("event=login result=denied reason=wrong-code user=bob");
}

#[test]
fn su_refuses_a_used_code_and_says_why() {
    let (host, mut phone) = house();
    let code = phone.code();
    alice_becomes_bob(&host, "builder", &code).is_let_in_as("bob");
    let mut login = alice_becomes_bob(&host, "builder", &code);
    login.sees("already used");
    login.sees("Authentication failure");
}

#[test]
fn su_to_a_user_who_is_not_set_up_asks_for_the_password_alone() {
    let (host, _) = house();
    let mut login = host.dialogue_as("bob", &["su", "alice"]);
    login.answers("Password: ", "wonderland");
    login.is_let_in_as("alice");
    assert!(!login.seen().contains("Verification code"));
}

#[test]
fn su_without_a_code_says_what_to_do_where_one_is_required() {
    let (host, _) = house();
    host.write(host::POLICY, "mode = \"required\"\n");
    let mut login = host.dialogue_as("bob", &["su", "alice"]);
    login.answers("Password: ", "wonderland");
    login.answers("Verification code: ", "123456");
    login.sees("Two-factor login is required and not set up");
    login.sees("Authentication failure");
}

#[test]
fn a_limit_on_file_sizes_undoes_no_count() {
    let (host, mut phone) = house();
    for _ in 0..4 {
        // One slot and a little of the next: a record would be torn, and the one before it count again.
        let limited = ["prlimit", "--fsize=4136:", "sh", "-c", "trap '' XFSZ; exec su bob"];
        let mut login = host.dialogue_as("alice", &limited);
        login.answers("Password: ", "builder").answers("Verification code: ", &phone.wrong_code());
        login.sees("Authentication failure");
    }
    alice_becomes_bob(&host, "builder", &phone.code()).sees("Too many wrong codes");
    host.wait_for_log("event=login result=denied reason=throttled user=bob");
}

#[test]
fn what_the_caller_of_su_cannot_lift_judges_nothing() {
    let (host, phone) = house();
    let before = host.store();
    let script = "trap '' XFSZ; exec su bob";
    let mut login = host.dialogue_as("alice", &["prlimit", "--fsize=4136", "sh", "-c", script]);
    login.sees("Password: ");
    login.types("builder");
    if host.root_has_capability("cap_sys_resource") {
        login.answers("Verification code: ", &phone.wrong_code());
        login.sees("Authentication failure");
    } else {
        login.sees("Authentication service cannot retrieve authentication info");
        assert_eq!(host.store(), before);
    }
}

#[test]
fn in_su_the_helper_acts_which_the_caller_cannot_stop() {
    let (host, mut phone) = house();
    alice_becomes_bob(&host, "builder", &phone.code()).is_let_in_as("bob");
    let line = host.wait_for_log("event=login result=accepted user=bob service=su-l from=local");
    assert!(line.contains("totp-helper["), "{line}");
}
