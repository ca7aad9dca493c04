//! The module's entry points, answers and arguments, one PAM call at a time, by pamtester.

#![forbid(unsafe_code)]

use host::{Builder, Host, Outcome, POLICY, Stack};

/// What libpam calls the answers of a module.
const AUTH_ERR: &str = "Authentication failure";
const USER_UNKNOWN: &str = "User not known to the underlying authentication module";
const AUTHINFO_UNAVAIL: &str = "Authentication service cannot retrieve authentication info";
/// A stack in which every module ignored the question.
const NOBODY_ANSWERED: &str = "Permission denied";

/// Nothing but pam_totp in each of the stacks.
const ALONE: Stack = Stack::Text(
    "auth required pam_totp.so\n\
     account required pam_totp.so\n\
     session required pam_totp.so\n\
     password required pam_totp.so\n",
);

fn with_mode(mode: &str) -> Builder {
    Host::builder()
        .user("alice", "wonderland")
        .policy(&format!("mode = \"{mode}\"\n[totp]\nwindow = 10\n"))
        .stack("test", ALONE)
}

fn authenticate(host: &Host, user: &str, answers: &str) -> Outcome {
    host.run_with_input("root", &["pamtester", "test", user, "authenticate"], answers)
}

fn says(outcome: &Outcome, answer: &str) {
    assert_eq!(outcome.status, 1, "{outcome:?}");
    assert!(outcome.text().contains(answer), "`{answer}` was not the answer: {outcome:?}");
}

fn succeeds(outcome: &Outcome) {
    assert_eq!(outcome.status, 0, "{outcome:?}");
}

#[test]
fn a_right_code_is_success_and_a_wrong_one_an_authentication_error() {
    let host = with_mode("required").build();
    let mut phone = host.enrol("alice");
    says(&authenticate(&host, "alice", &format!("{}\n", phone.wrong_code())), AUTH_ERR);
    succeeds(&authenticate(&host, "alice", &format!("{}\n", phone.code())));
}

#[test]
fn a_required_user_without_a_code_is_asked_and_gets_an_authentication_error() {
    let host = with_mode("required").build();
    let outcome = authenticate(&host, "alice", "123456\n");
    says(&outcome, AUTH_ERR);
    assert!(outcome.text().contains("Verification code: "), "{outcome:?}");
}

#[test]
fn an_optional_user_without_a_code_is_ignored_without_a_prompt() {
    let host = with_mode("optional").build();
    let outcome = authenticate(&host, "alice", "");
    says(&outcome, NOBODY_ANSWERED);
    assert!(!outcome.text().contains("Verification code"), "{outcome:?}");
}

#[test]
fn disabled_mode_is_ignored_without_a_prompt() {
    let host = with_mode("disabled").build();
    host.enrol("alice");
    for user in ["alice", "nobody-of-that-name"] {
        let outcome = authenticate(&host, user, "");
        says(&outcome, NOBODY_ANSWERED);
        assert!(!outcome.text().contains("Verification code"), "{outcome:?}");
    }
}

#[test]
fn an_unknown_user_is_asked_as_anybody_in_required_mode() {
    let host = with_mode("required").build();
    let outcome = authenticate(&host, "nobody-of-that-name", "123456\n");
    says(&outcome, USER_UNKNOWN);
    assert!(outcome.text().contains("Verification code: "), "{outcome:?}");
}

#[test]
fn an_unknown_user_is_not_asked_in_optional_mode() {
    let host = with_mode("optional").build();
    let outcome = authenticate(&host, "nobody-of-that-name", "");
    says(&outcome, USER_UNKNOWN);
    assert!(!outcome.text().contains("Verification code"), "{outcome:?}");
}

#[test]
fn an_unusable_policy_makes_the_service_unavailable() {
    let host = with_mode("required").build();
    for text in [
        "mode = 3\n",
        "mode = \"required\"\nmoda = 1\n",
        "[totp]\ndigits = 9\n",
        "mode = \"req",
        "[[rule]]\nusers = [\"x\"]\n",
        "strategy = \"sms\"\n",
    ] {
        host.write(POLICY, text);
        says(&authenticate(&host, "alice", "123456\n"), AUTHINFO_UNAVAIL);
    }
}

#[test]
fn a_missing_store_makes_the_service_unavailable() {
    let host = with_mode("required").build();
    host.must_run(&["rm", "-r", host::STORE]);
    says(&authenticate(&host, "alice", "123456\n"), AUTHINFO_UNAVAIL);
}

#[test]
fn setcred_succeeds() {
    let host = with_mode("required").build();
    succeeds(&host.run(&["pamtester", "test", "alice", "setcred"]));
}

#[test]
fn account_and_session_and_password_leave_the_word_to_others() {
    let host = with_mode("required")
        .stack(
            "test",
            Stack::Text(
                "auth required pam_permit.so\n\
                 account required pam_totp.so\n\
                 account required pam_permit.so\n\
                 session required pam_totp.so\n\
                 session required pam_permit.so\n\
                 password required pam_totp.so\n\
                 password required pam_permit.so\n",
            ),
        )
        .build();
    for call in ["acct_mgmt", "open_session", "close_session", "chauthtok"] {
        succeeds(&host.run(&["pamtester", "test", "alice", call]));
    }
}

#[test]
fn another_policy_file_names_another_store() {
    let host = with_mode("disabled")
        .stack("test", Stack::Text("auth required pam_totp.so policy=/etc/other.toml\n"))
        .build();
    host.must_run(&["install", "-d", "-m", "700", "-o", "_pam_totp", "-g", "_pam_totp", "/var/lib/other"]);
    host.write(
        "/etc/other.toml",
        "mode = \"required\"\n[totp]\nwindow = 10\n[store]\ndirectory = \"/var/lib/other\"\n",
    );
    let outcome =
        host.run(&["totp-enroll", "--policy", "/etc/other.toml", "admin", "enroll", "alice", "--json"]);
    succeeds(&outcome);
    let mut phone = host::Phone::scan(outcome.json()["uri"].as_str().expect("a URI"));
    succeeds(&authenticate(&host, "alice", &format!("{}\n", phone.code())));
    assert!(host.has("/var/lib/other/alice.toml"));
    assert!(!host.has("/var/lib/pam_totp/alice.toml"));
}

#[test]
fn the_prompt_of_the_service_replaces_that_of_the_policy() {
    let host = with_mode("required")
        .stack("test", Stack::Text("auth required pam_totp.so [prompt=Door code: ]\n"))
        .build();
    let mut phone = host.enrol("alice");
    let outcome = authenticate(&host, "alice", &format!("{}\n", phone.code()));
    succeeds(&outcome);
    assert!(outcome.text().contains("Door code: "), "{outcome:?}");
}

#[test]
fn with_echo_the_code_is_shown_while_it_is_typed() {
    let host = with_mode("required").stack("test", Stack::Text("auth required pam_totp.so echo\n")).build();
    let code = host.enrol("alice").code();
    let terminal = host.terminal("root", &["pamtester", "test", "alice", "authenticate"]);
    terminal.shows("Verification code:");
    terminal.types(&code);
    terminal.shows(&code);
    terminal.presses("Enter");
    assert_eq!(terminal.exit_status(), 0);
}

#[test]
fn without_echo_the_code_is_not_shown() {
    let host = with_mode("required").build();
    let code = host.enrol("alice").code();
    let terminal = host.terminal("root", &["pamtester", "test", "alice", "authenticate"]);
    terminal.shows("Verification code:");
    terminal.enters(&code);
    assert_eq!(terminal.exit_status(), 0);
    assert!(!terminal.history().contains(&code));
}

#[test]
fn an_unknown_argument_is_logged_and_relaxes_nothing() {
    let host = with_mode("required").stack("test", Stack::Text("auth required pam_totp.so nullok\n")).build();
    says(&authenticate(&host, "alice", "123456\n"), AUTH_ERR);
    host.wait_for_log("nullok");
}

#[test]
fn password_and_code_may_be_typed_as_one() {
    let host = with_mode("required").stack("test", Stack::CodeThenPasswordWith("forward_pass")).build();
    let mut phone = host.enrol("alice");
    succeeds(&authenticate(&host, "alice", &format!("wonderland{}\n", phone.code())));
    says(&authenticate(&host, "alice", &format!("looking-glass{}\n", phone.code())), AUTH_ERR);
    says(&authenticate(&host, "alice", &format!("wonderland{}\n", phone.wrong_code())), AUTH_ERR);
}

#[test]
fn a_first_password_holds_the_code_at_its_end() {
    let host = with_mode("required")
        .stack(
            "test",
            Stack::Text(
                "auth optional pam_unix.so\n\
                 auth required pam_totp.so use_first_pass forward_pass\n\
                 auth required pam_unix.so use_first_pass\n",
            ),
        )
        .build();
    let mut phone = host.enrol("alice");
    succeeds(&authenticate(&host, "alice", &format!("wonderland{}\n", phone.code())));
    says(&authenticate(&host, "alice", &format!("wonderland{}\n", phone.wrong_code())), AUTH_ERR);
}

#[test]
fn a_first_password_without_a_code_leads_to_a_prompt_where_it_is_only_tried() {
    let host = with_mode("required")
        .stack("test", Stack::Text("auth required pam_unix.so\nauth required pam_totp.so try_first_pass\n"))
        .build();
    let mut phone = host.enrol("alice");
    succeeds(&authenticate(&host, "alice", &format!("wonderland\n{}\n", phone.code())));
}

#[test]
fn a_program_without_privileges_logs_its_user_in_through_the_helper() {
    let host = with_mode("required").build();
    let mut phone = host.enrol("alice");
    let code = phone.code();
    let locker = ["pamtester", "test", "alice", "authenticate"];
    succeeds(&host.run_with_input("alice", &locker, format!("{code}\n")));
    says(&host.run_with_input("alice", &locker, format!("{code}\n")), AUTH_ERR);
    says(&host.run_with_input("alice", &locker, format!("{}\n", phone.wrong_code())), AUTH_ERR);
    succeeds(&host.run_with_input("alice", &locker, format!("{}\n", phone.recovery_codes[0])));
    succeeds(&authenticate(&host, "alice", &format!("{}\n", phone.code())));
}

#[test]
fn a_code_used_as_root_does_not_work_through_the_helper() {
    let host = with_mode("required").build();
    let code = host.enrol("alice").code();
    succeeds(&authenticate(&host, "alice", &format!("{code}\n")));
    let outcome =
        host.run_with_input("alice", &["pamtester", "test", "alice", "authenticate"], format!("{code}\n"));
    says(&outcome, AUTH_ERR);
}

#[test]
fn the_module_has_no_entry_points_but_those_of_pam() {
    let host = with_mode("required").build();
    let path = host.run(&["find", "/usr/lib", "/usr/lib64", "-name", "pam_totp.so"]).stdout;
    let path = path.lines().next().expect("the module is installed");
    let symbols = host.must_run(&["nm", "--dynamic", "--defined-only", "--format=just-symbols", path]);
    let mut names: Vec<&str> = symbols.lines().collect();
    names.sort_unstable();
    assert_eq!(
        names,
        [
            "pam_sm_acct_mgmt",
            "pam_sm_authenticate",
            "pam_sm_chauthtok",
            "pam_sm_close_session",
            "pam_sm_open_session",
            "pam_sm_setcred",
        ]
    );
}

/// What libpam answers in auth and account to a program that goes on as another user, and what it showed.
/// With an answer the user is changed while a code is asked for.
fn goes_on_as(host: &Host, first: &str, second: &str, answer: Option<&str>) -> String {
    host.write("/tmp/change_of_user.c", include_str!("change_of_user.c"));
    host.must_run(&["cc", "-o", "/tmp/change_of_user", "/tmp/change_of_user.c", "-lpam"]);
    let words: Vec<_> = ["/tmp/change_of_user", first, second].into_iter().chain(answer).collect();
    host.must_run(&words)
}

#[test]
fn a_code_of_one_user_lets_nobody_in_as_another_whom_the_program_names_meanwhile() {
    let permits = "auth required pam_totp.so\nauth required pam_permit.so\n\
         account required pam_totp.so\naccount required pam_permit.so\n\
         session required pam_permit.so\n";
    let host = Host::builder()
        .user("alice", "wonderland")
        .user("bob", "builder")
        .policy("[totp]\nwindow = 10\n")
        .stack("test", Stack::Text(permits))
        .build();
    let mut phone = host.enrol("alice");
    // bob needs no code, and root less: neither was judged.
    for other in ["bob", "root"] {
        let said = goes_on_as(&host, "alice", other, Some(&phone.code()));
        assert!(said.contains("auth: 7 "), "{other}: {said}");
        host.wait_for_log(&format!(
            "event=login result=denied reason=other-user user=alice service=test from=local became={other}"
        ));
    }
    let said = goes_on_as(&host, "alice", "alice", Some(&phone.code()));
    assert!(said.contains("auth: 0 account: 0 session: 0"), "the same name is no other: {said}");
}

#[test]
fn what_one_user_was_asked_says_nothing_of_another() {
    let policy = "mode = \"required\"\n[enrollment]\nat_login = [\"test\"]\n\
         [[rule]]\nusers = [\"backup\", \"robot\"]\nmode = \"disabled\"\n";
    let permits = "auth required pam_totp.so setup\nauth required pam_permit.so\n\
         account required pam_totp.so\naccount required pam_permit.so\n\
         session required pam_totp.so\nsession required pam_permit.so\n";
    let host = Host::builder()
        .user("alice", "wonderland")
        .user("bob", "builder")
        .user("robot", "bleep")
        .policy(policy)
        .stack("test", Stack::Text(permits))
        .build();
    // Who needs no code, and who is to be set up, is not let in as alice.
    for first in ["robot", "bob"] {
        let said = goes_on_as(&host, first, "alice", None);
        assert!(said.contains("auth: 0 account: 6"), "{first}: {said}");
        assert!(!said.contains("otpauth:"), "{first}: {said}");
        host.wait_for_log("event=login result=denied reason=other-user user=alice");
    }
    assert!(host.store_names().is_empty());
    // A name that stands for the same user, or one who needs no code either, is no other.
    for second in ["robot", "backup"] {
        assert!(
            goes_on_as(&host, "robot", second, None).contains("auth: 0 account: 0 session: 0"),
            "{second}"
        );
    }
}
