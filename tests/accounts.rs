//! The accounts people forget: root, services, users of a directory with the names it gives them, users in
//! no group and in hundreds, and a name service that fails.

#![forbid(unsafe_code)]

use host::{Builder, Dialogue, Host, Outcome, POLICY, Stack};

const AUTH_ERR: &str = "Authentication failure";
const AUTHINFO_UNAVAIL: &str = "Authentication service cannot retrieve authentication info";
const USER_UNKNOWN: &str = "User not known to the underlying authentication module";

/// `ENOENT`, which a client of a directory reports where the socket of its service is gone.
const NO_SUCH_FILE: i32 = 2;

fn required() -> Builder {
    Host::builder().user("alice", "wonderland").policy("mode = \"required\"\n[totp]\nwindow = 10\n")
}

fn with_directory() -> Builder {
    required()
        .directory_user("carol", "christmas")
        .directory_user("EXAMPLE\\dave", "copperfield")
        .directory_user("erin@example.org", "brockovich")
        .stack("test", Stack::Text("auth required pam_totp.so\n"))
}

fn log_in(host: &Host, typed: &str, password: &str, code: &str) -> Dialogue {
    let mut login = host.ssh(typed);
    login.answers("Password: ", password);
    login.answers("Verification code: ", code);
    login
}

fn authenticate(host: &Host, user: &str, answer: &str) -> Outcome {
    host.run_with_input("root", &["pamtester", "test", user, "authenticate"], format!("{answer}\n"))
}

fn passes(outcome: &Outcome) {
    assert_eq!(outcome.status, 0, "{outcome:?}");
}

fn says(outcome: &Outcome, answer: &str) {
    assert_eq!(outcome.status, 1, "{outcome:?}");
    assert!(outcome.text().contains(answer), "`{answer}` was not the answer: {outcome:?}");
}

#[test]
fn root_logs_in_on_the_console_with_a_code() {
    let host = required().stack("login", Stack::PasswordAndCode).build();
    host.set_password("root", "square");
    let mut phone = host.enrol("root");
    let log_in = |code: &str| {
        let mut login = host.dialogue_as("root", &["login"]);
        login.answers("login: ", "root");
        login.answers("Password: ", "square");
        login.answers("Verification code: ", code);
        login
    };
    log_in(&phone.wrong_code()).sees("Login incorrect");
    log_in(&phone.code()).is_let_in_as("root");
    host.wait_for_log("event=login result=accepted user=root service=login from=local");
}

#[test]
fn su_to_root_takes_a_code() {
    let host = required().stack("su", Stack::PasswordAndCode).build();
    host.set_password("root", "square");
    let mut phone = host.enrol("root");
    let become_root = |code: &str| {
        let mut login = host.dialogue_as("alice", &["su"]);
        login.answers("Password: ", "square");
        login.answers("Verification code: ", code);
        login
    };
    become_root(&phone.wrong_code()).sees(AUTH_ERR);
    become_root(&phone.code()).is_let_in_as("root");
    host.wait_for_log("event=login result=accepted user=root service=su from=local");
}

#[test]
fn root_logs_in_over_ssh_with_a_code() {
    let host = required().stack("sshd", Stack::PasswordAndCode).sshd_option("PermitRootLogin yes").build();
    host.set_password("root", "square");
    let mut phone = host.enrol("root");
    log_in(&host, "root", "square", &phone.wrong_code()).sees("Permission denied");
    log_in(&host, "root", "square", &phone.code()).is_let_in_as("root");
}

#[test]
fn root_without_a_code_is_denied_where_one_is_required() {
    let host = required().stack("su", Stack::PasswordAndCode).build();
    host.set_password("root", "square");
    let mut login = host.dialogue_as("alice", &["su"]);
    login.answers("Password: ", "square");
    login.answers("Verification code: ", "123456");
    login.sees("Two-factor login is required and not set up");
    login.sees(AUTH_ERR);
}

#[test]
fn an_account_without_a_shell_needs_its_code_and_gets_no_further_with_it() {
    let host = required().stack("sshd", Stack::PasswordAndCode).build();
    host.add_service_account("backup-job", "secret word");
    log_in(&host, "backup-job", "secret word", "123456").sees("Permission denied");
    let mut phone = host.enrol("backup-job");
    log_in(&host, "backup-job", "secret word", &phone.code()).sees("This account is currently not available");
    host.wait_for_log("event=login result=accepted user=backup-job service=sshd from=127.0.0.1");
}

#[test]
fn a_code_does_not_open_an_account_whose_password_is_locked() {
    let host = required().stack("sshd", Stack::PasswordAndCode).build();
    let mut phone = host.enrol("alice");
    host.lock("alice");
    log_in(&host, "alice", "wonderland", &phone.code()).sees("Permission denied");
}

#[test]
fn users_of_a_directory_log_in_over_ssh_and_have_files_in_the_store() {
    let host = with_directory().stack("sshd", Stack::PasswordAndCode).build();
    for (name, password, stem) in [
        ("carol", "christmas", "carol"),
        ("EXAMPLE\\dave", "copperfield", "EXAMPLE%5Cdave"),
        ("erin@example.org", "brockovich", "erin@example.org"),
    ] {
        let mut phone = host.enrol(name);
        let names = host.store_names();
        for kind in ["toml", "state"] {
            assert!(names.contains(&format!("{stem}.{kind}")), "{names:?}");
        }
        log_in(&host, name, password, &phone.wrong_code()).sees("Permission denied");
        log_in(&host, name, password, &phone.code()).is_let_in_as(name);
    }
}

#[test]
fn users_of_a_directory_serve_themselves_through_the_helper() {
    let host = with_directory().build();
    for name in ["carol", "EXAMPLE\\dave", "erin@example.org"] {
        let mut phone = host.enrol(name);
        passes(&host.run_as(name, &["totp-enroll", "verify", &phone.code()]));
        let locker = ["pamtester", "test", name, "authenticate"];
        passes(&host.run_with_input(name, &locker, format!("{}\n", phone.code())));
    }
}

#[test]
fn another_spelling_meets_the_same_credential_over_ssh() {
    let host = with_directory().stack("sshd", Stack::PasswordAndCode).build();
    let mut phone = host.enrol("carol");
    let code = phone.code();
    log_in(&host, "CAROL", "christmas", &code).is_let_in_as("carol");
    log_in(&host, "carol", "christmas", &code).sees("Permission denied");
    host.wait_for_log("event=login result=denied reason=used-code user=carol service=sshd");
    let code = phone.code();
    log_in(&host, "carol", "christmas", &code).is_let_in_as("carol");
    log_in(&host, "Carol", "christmas", &code).sees("Permission denied");
    assert_eq!(host.times_logged("event=login result=denied reason=used-code"), 2);
}

#[test]
fn every_spelling_has_one_credential_one_state_and_one_count() {
    let policy =
        "mode = \"required\"\n[totp]\nwindow = 10\n[throttle]\nfree_failures = 1\nbase_delay = \"10m\"\n";
    let host = with_directory().policy(policy).build();
    let mut phone = host.enrol("CAROL");
    assert_eq!(host.store_names(), ["carol.state", "carol.toml"]);
    let recovery = phone.recovery_codes[0].clone();
    passes(&authenticate(&host, "Carol", &recovery));
    says(&authenticate(&host, "carol", &recovery), AUTH_ERR);
    says(&authenticate(&host, "CAROL", &phone.wrong_code()), AUTH_ERR);
    let throttled = authenticate(&host, "cAROL", &phone.code());
    says(&throttled, AUTH_ERR);
    host.wait_for_log("event=login result=denied reason=throttled user=carol");
    assert_eq!(host.store_names(), ["carol.state", "carol.toml"]);
    passes(&host.run(&["totp-enroll", "admin", "revoke", "--yes", "Carol"]));
    assert!(!host.has("/var/lib/pam_totp/carol.toml"));
}

#[test]
fn a_local_user_is_not_met_by_another_spelling() {
    let host = with_directory().build();
    let mut phone = host.enrol("alice");
    says(&authenticate(&host, "ALICE", &phone.code()), USER_UNKNOWN);
    passes(&authenticate(&host, "alice", &phone.code()));
}

#[test]
fn a_failing_name_service_is_unavailable_and_changes_nothing() {
    let host = with_directory().build();
    let mut phone = host.enrol("carol");
    let code = phone.code();
    let before = host.store();
    for mode in ["required", "optional"] {
        host.write(POLICY, format!("mode = \"{mode}\"\n[totp]\nwindow = 10\n"));
        // Who is not known to it may be somebody all the same.
        for name in ["carol", "CAROL", "EXAMPLE\\dave", "nobody-of-that-name"] {
            host.directory_fails(true);
            says(&authenticate(&host, name, &code), AUTHINFO_UNAVAIL);
            host.directory_fails_with(NO_SUCH_FILE);
            says(&authenticate(&host, name, &code), AUTHINFO_UNAVAIL);
        }
    }
    host.wait_for_log("the name service failed");
    assert_eq!(host.store(), before);
    host.directory_fails(false);
    passes(&authenticate(&host, "carol", &phone.code()));
    says(&authenticate(&host, "nobody-of-that-name", "123456"), USER_UNKNOWN);
}

#[test]
fn a_failing_name_service_does_not_concern_local_users() {
    let host = with_directory().stack("sshd", Stack::PasswordAndCode).build();
    let mut phone = host.enrol("alice");
    host.directory_fails(true);
    log_in(&host, "alice", "wonderland", &phone.wrong_code()).sees("Permission denied");
    log_in(&host, "alice", "wonderland", &phone.code()).is_let_in_as("alice");
}

#[test]
fn nobody_of_a_failing_directory_gets_in_over_ssh() {
    let host = with_directory().stack("sshd", Stack::PasswordAndCode).build();
    let mut phone = host.enrol("carol");
    let code = phone.code();
    host.directory_fails(true);
    let before = host.store();
    // She is asked as everybody is: only users of this machine can be looked up.
    log_in(&host, "carol", "christmas", &code).sees("Permission denied");
    assert_eq!(host.store(), before);
    host.directory_fails(false);
    log_in(&host, "carol", "christmas", &code).is_let_in_as("carol");
}

#[test]
fn the_tool_says_that_the_name_service_failed_and_changes_nothing() {
    let host = with_directory().build();
    host.enrol("carol");
    let before = host.store();
    host.directory_fails_with(NO_SUCH_FILE);
    let as_carol = ["setpriv", "--reuid=20000", "--regid=20000", "--clear-groups", "--"];
    for words in [
        &["totp-enroll", "admin", "enroll", "carol", "--json"][..],
        &["totp-enroll", "admin", "revoke", "carol"],
        &["totp-enroll", "admin", "status", "carol"],
        &[&as_carol[..], &["totp-enroll", "status"]].concat(),
        &[&as_carol[..], &["totp-enroll", "verify", "123456"]].concat(),
    ] {
        let outcome = host.run(words);
        assert_ne!(outcome.status, 0, "{words:?}: {outcome:?}");
        assert!(outcome.stderr.contains("the name service failed"), "{words:?}: {outcome:?}");
    }
    assert_eq!(host.store(), before);
}

#[test]
fn a_user_who_was_removed_is_unknown_and_the_files_open_nothing() {
    let host = with_directory().user("bob", "builder").build();
    let mut phone = host.enrol("bob");
    host.remove_user("bob");
    let before = host.store();
    says(&authenticate(&host, "bob", &phone.code()), USER_UNKNOWN);
    assert_eq!(host.store(), before);
}

#[test]
fn a_user_in_no_group_and_one_in_five_hundred_log_in() {
    let host = required().user("bob", "builder").stack("sshd", Stack::PasswordAndCode).build();
    assert_eq!(host.must_run(&["id", "--groups", "--name", "alice"]), "alice\n");
    (0..500).for_each(|number| host.add_group(&format!("crowd-{number}"), &["bob"]));
    for (name, password) in [("alice", "wonderland"), ("bob", "builder")] {
        let mut phone = host.enrol(name);
        log_in(&host, name, password, &phone.wrong_code()).sees("Permission denied");
        log_in(&host, name, password, &phone.code()).is_let_in_as(name);
    }
}
