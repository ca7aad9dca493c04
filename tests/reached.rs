//! The code line must answer: what another line of the stack goes past, or counts for nothing, is refused by the
//! account line, where `begin` or the code line itself has left word of it.

#![forbid(unsafe_code)]

use host::{Builder, Dialogue, Host, POLICY, Phone, Stack};

const PASSWORD: &str = "Password: ";
const CODE: &str = "Verification code: ";
const BEGIN: &str = "auth optional pam_totp.so begin\n";
/// What follows the auth lines.
const REST: &str = "account required pam_totp.so\naccount required pam_unix.so\n\
                    session required pam_totp.so\nsession required pam_permit.so\n";

/// Auth lines that let a right password past the code, each in its own way.
const PAST: [&str; 4] = [
    "auth sufficient pam_unix.so\nauth required pam_totp.so\n",
    "auth include past-the-code\nauth required pam_totp.so\n",
    "auth [success=1 default=ignore] pam_unix.so\nauth required pam_totp.so\nauth required pam_permit.so\n",
    "auth [success=done default=die] pam_unix.so\nauth required pam_totp.so\n",
];

fn with_stack(text: &str) -> Builder {
    Host::builder()
        .user("alice", "wonderland")
        .user("bob", "builder")
        .policy("[totp]\nwindow = 10\n")
        .stack("past-the-code", Stack::Text("auth sufficient pam_unix.so\n"))
        .stack("su", Stack::Text(text))
        .stack("sshd", Stack::Text(text))
}

fn su(host: &Host, user: &str, password: &str) -> Dialogue {
    let mut login = host.dialogue_as("bob", &["su", user]);
    login.answers(PASSWORD, password);
    login
}

fn is_refused(mut login: Dialogue) -> String {
    let said = login.ends();
    assert!(!said.contains("$ "), "{said}");
    said
}

#[test]
fn whoever_needs_a_code_and_was_not_asked_is_refused_where_a_line_begins() {
    for auth in PAST {
        let host = with_stack(&format!("{auth}{REST}")).build();
        host.enrol("alice");
        su(&host, "alice", "wonderland").is_let_in_as("alice");

        let host = with_stack(&format!("{BEGIN}{auth}{REST}")).build();
        host.enrol("alice");
        let said = is_refused(su(&host, "alice", "wonderland"));
        assert!(said.contains("were not asked for one"), "{auth}: {said}");
        host.wait_for_log("event=login result=denied reason=not-reached user=alice service=su");
        // Who needs none is nobody's business here.
        let mut login = host.dialogue_as("alice", &["su", "bob"]);
        login.answers(PASSWORD, "builder").is_let_in_as("bob");
    }
}

#[test]
fn sshd_refuses_who_was_not_asked_too_and_lets_who_was_asked_in() {
    let host = with_stack(&format!("{BEGIN}{}{REST}", PAST[0])).build();
    host.enrol("alice");
    let mut login = host.ssh("alice");
    login.answers(PASSWORD, "wonderland").sees("were not asked for one");
    login.sees("Permission denied");
    host.wait_for_log("event=login result=denied reason=not-reached user=alice service=sshd");

    let right = "auth required pam_unix.so\nauth required pam_totp.so\n";
    let host = with_stack(&format!("{BEGIN}{right}{REST}")).build();
    let mut phone = host.enrol("alice");
    let mut login = host.ssh("alice");
    login.answers(PASSWORD, "wonderland").answers(CODE, &phone.code()).is_let_in_as("alice");
    let mut login = host.ssh("bob");
    login.answers(PASSWORD, "builder").is_let_in_as("bob");
    // A key alone runs no auth phase.
    let key = host.client_key("alice");
    host.ssh_with_key("alice", &key).is_let_in_as("alice");
}

#[test]
fn a_denial_counts_whatever_the_control_word_of_its_line() {
    for control in ["optional", "[default=ignore]", "[success=ok auth_err=ok default=bad]", "sufficient"] {
        for begin in ["", BEGIN] {
            let text = format!(
                "{begin}auth required pam_unix.so\nauth {control} pam_totp.so\nauth required pam_permit.so\n{REST}"
            );
            let host = with_stack(&text).build();
            let mut phone = host.enrol("alice");
            let mut login = su(&host, "alice", "wonderland");
            login.answers(CODE, &phone.wrong_code());
            is_refused(login);
            host.wait_for_log("event=login result=denied reason=wrong-code user=alice service=su");
            let mut login = su(&host, "alice", "wonderland");
            login.answers(CODE, &phone.code()).is_let_in_as("alice");
        }
    }
}

#[test]
fn a_policy_that_cannot_be_used_denies_whatever_the_control_word() {
    let text =
        format!("auth required pam_unix.so\nauth optional pam_totp.so\nauth required pam_permit.so\n{REST}");
    let host = with_stack(&text).build();
    host.write(POLICY, "mode = \"sometimes\"\n");
    let said = is_refused(su(&host, "alice", "wonderland"));
    assert!(said.contains("This host cannot check codes now; it is not your code."), "{said}");
    assert!(said.contains("/etc/pam_totp/policy.toml:1: mode: "), "who sits here can mend it: {said}");
    let mut login = host.ssh("alice");
    let said = login.answers(PASSWORD, "wonderland").ends();
    assert!(!said.contains("policy.toml"), "nobody else hears of it: {said}");
}

#[test]
fn other_modules_may_stand_in_for_the_code_where_the_account_line_says_so() {
    let rest = REST.replace("account required pam_totp.so\n", "account required pam_totp.so skippable\n");
    let host = with_stack(&format!("{BEGIN}{}{rest}", PAST[0])).build();
    host.enrol("alice");
    su(&host, "alice", "wonderland").is_let_in_as("alice");
    host.wait_for_log("event=login result=ignored reason=not-reached user=alice service=su");

    let either = "auth required pam_unix.so\nauth [success=1 default=ignore] pam_totp.so\n\
                  auth required pam_succeed_if.so quiet user = alice\nauth required pam_permit.so\n";
    let host = with_stack(&format!("{BEGIN}{either}{rest}")).build();
    let phone = host.enrol("alice");
    let mut login = su(&host, "alice", "wonderland");
    login.answers(CODE, &phone.wrong_code()).is_let_in_as("alice");
    host.wait_for_log("event=login result=ignored reason=not-counted user=alice service=su");
}

#[test]
fn root_becomes_anybody_and_is_asked_nothing() {
    let text = format!(
        "auth sufficient pam_rootok.so\n{BEGIN}auth required pam_unix.so\nauth required pam_totp.so\n{REST}"
    );
    let host = with_stack(&text).build();
    let mut phone = host.enrol("alice");
    host.dialogue_as("root", &["su", "alice"]).is_let_in_as("alice");
    let mut login = su(&host, "alice", "wonderland");
    login.answers(CODE, &phone.code()).is_let_in_as("alice");
}

#[test]
fn cached_sudo_runs_no_auth_phase_and_is_not_in_its_log() {
    let text = format!("{BEGIN}auth required pam_unix.so\nauth required pam_totp.so\n{REST}");
    let host = Host::builder()
        .user("alice", "wonderland")
        .policy("mode = \"required\"\n[totp]\nwindow = 10\n")
        .stack("sudo", Stack::Text(&text))
        .build();
    host.write(
        "/etc/sudoers.d/alice",
        "Defaults:alice passwd_tries=1, !lecture, timestamp_type=global\nalice ALL=(ALL) ALL\n",
    );
    let mut phone: Phone = host.enrol("alice");
    let mut sudo = host.dialogue_as("alice", &["sh", "-c", "sudo id -un && sudo id -un"]);
    sudo.answers("password for alice: ", "wonderland").answers(CODE, &phone.code());
    sudo.sees("root");
    sudo.sees("root");
    assert_eq!(sudo.exit_status(), 0);
    assert_eq!(host.times_logged("not-asked"), 0, "{:?}", host.log());

    let debug = text.replace("account required pam_totp.so", "account required pam_totp.so debug");
    host.write("/etc/pam.d/sudo", debug);
    let mut sudo = host.dialogue_as("alice", &["sudo", "id", "-un"]);
    sudo.sees("root");
    host.wait_for_log("event=login result=ignored reason=not-asked user=alice service=sudo");
}

/// A program that asks for the name again, as login does, has libpam go through the stack a second time.
#[test]
fn a_code_given_in_an_earlier_try_is_none_in_the_next() {
    let auth = "auth [success=1 default=ignore] pam_exec.so quiet /usr/bin/test -e /tmp/past\n\
                auth required pam_totp.so\nauth required pam_permit.so\n";
    let host = with_stack("").stack("test", Stack::Text(&format!("{BEGIN}{auth}{REST}"))).build();
    let mut phone = host.enrol("alice");
    let words = ["pamtester", "test", "alice", "authenticate", "authenticate", "acct_mgmt"];
    let mut tries = host.dialogue_as("root", &words);
    tries.sees(CODE);
    host.write("/tmp/past", "");
    tries.types(&phone.code());
    assert_eq!(tries.exit_status(), 1, "{}", tries.seen());
    host.wait_for_log("event=login result=denied reason=not-reached user=alice service=test");

    host.must_run(&["rm", "/tmp/past"]);
    let mut tries = host.dialogue_as("root", &["pamtester", "test", "alice", "authenticate", "acct_mgmt"]);
    tries.answers(CODE, &phone.code());
    assert_eq!(tries.exit_status(), 0, "{}", tries.seen());
}
