//! The odd parts of the test house itself: a directory service that can fail, mail, stacks and users that
//! are not as usual.

#![forbid(unsafe_code)]

use host::{Builder, Host, PamStack, Stack};

fn with_directory() -> Builder {
    Host::builder()
        .bare()
        .user("alice", "wonderland")
        .directory_user("carol", "christmas")
        .directory_user("EXAMPLE\\dave", "copperfield")
        .directory_user("erin@example.org", "brockovich")
        .directory_group("admins", &["carol", "alice"])
}

fn log_in(host: &Host, typed: &str, password: &str, name: &str) {
    let mut login = host.ssh(typed);
    login.answers("Password: ", password);
    login.is_let_in_as(name);
}

fn getent(host: &Host, database: &str, key: &str) -> String {
    host.must_run(&["getent", database, key])
}

#[test]
fn sshd_lets_users_of_the_directory_in() {
    let host = with_directory().stack("sshd", Stack::Password).build();
    log_in(&host, "alice", "wonderland", "alice");
    log_in(&host, "carol", "christmas", "carol");
    log_in(&host, "EXAMPLE\\dave", "copperfield", "EXAMPLE\\dave");
    log_in(&host, "erin@example.org", "brockovich", "erin@example.org");
    let mut login = host.ssh("carol");
    login.answers("Password: ", "copperfield");
    login.sees("Permission denied");
}

#[test]
fn sshd_does_not_insist_on_the_spelling_of_the_directory() {
    let host = with_directory().stack("sshd", Stack::Password).build();
    log_in(&host, "CAROL", "christmas", "carol");
    host.wait_for_log("Accepted keyboard-interactive/pam for CAROL from 127.0.0.1");
    log_in(&host, "example\\DAVE", "copperfield", "EXAMPLE\\dave");
    log_in(&host, "Erin@Example.org", "brockovich", "erin@example.org");
}

#[test]
fn the_directory_answers_every_question_of_the_name_service() {
    let host = with_directory().build();
    let carol = "carol:x:20000:20000::/home/carol:/bin/bash\n";
    for key in ["carol", "CAROL", "20000"] {
        assert_eq!(getent(&host, "passwd", key), carol);
    }
    for key in ["admins", "Admins", "20003"] {
        assert_eq!(getent(&host, "group", key), "admins:x:20003:carol,alice\n");
    }
    assert!(getent(&host, "shadow", "carol").starts_with("carol:$5$directory$"));
    assert!(host.must_run(&["getent", "passwd"]).contains(carol));
    assert!(host.must_run(&["getent", "group"]).contains("admins:x:20003:"));
    assert_eq!(host.must_run(&["id", "--groups", "--name", "CAROL"]), "carol admins\n");
    assert!(host.must_run(&["id", "--groups", "--name", "alice"]).contains("admins"));
    assert_eq!(host.run(&["getent", "passwd", "nobody-of-that-name"]).status, 2);
}

#[test]
fn a_group_of_any_length_is_found() {
    let members: Vec<String> = (0..3000).map(|number| format!("member-{number}")).collect();
    let names: Vec<&str> = members.iter().map(String::as_str).chain(["alice"]).collect();
    let host = with_directory().directory_group("everybody", &names).build();
    assert!(getent(&host, "group", "everybody").trim_end().ends_with(",alice"));
    assert!(host.must_run(&["id", "--groups", "--name", "alice"]).contains("everybody"));
}

#[test]
fn a_failing_directory_is_no_answer_and_the_files_of_the_host_stay() {
    // getent itself does not tell "failing" from "unknown"; perl says what errno was.
    let errno_of =
        ["perl", "-e", "$! = 0; defined getpwnam($ARGV[0]) and exit 0; print $! + 0; exit 1", "carol"];
    let host = with_directory().build();
    assert_eq!(host.run(&errno_of).status, 0);
    for (errno, fail) in [("111", None), ("2", Some(2))] {
        match fail {
            None => host.directory_fails(true),
            Some(number) => host.directory_fails_with(number),
        }
        assert_eq!(host.run(&errno_of).stdout, errno);
        assert_ne!(host.run(&["getent", "group", "admins"]).status, 0);
        assert_eq!(host.must_run(&["id", "--user", "--name", "alice"]), "alice\n");
        assert_eq!(host.must_run(&["id", "--groups", "--name", "alice"]), "alice\n");
    }
    host.directory_fails(false);
    getent(&host, "passwd", "carol");
    getent(&host, "group", "admins");
}

#[test]
fn nothing_of_the_directory_stays_on_this_machine() {
    let host = with_directory().build();
    let found = host.must_run(&["find", "/usr", "/lib", "-name", "libnss_directory.so.2"]);
    let library = found.lines().next().expect("the host has the module");
    assert!(!std::path::Path::new(library).exists(), "{library}");
    let sources = std::fs::read_to_string("/etc/nsswitch.conf").unwrap_or_default();
    assert!(!sources.contains("directory"), "{sources}");
}

#[test]
fn sendmail_keeps_whole_letters_in_order_for_whoever_sends_them() {
    let host = Host::builder().bare().user("alice", "wonderland").build();
    assert!(host.take_mail().is_empty());
    let send = ["/usr/sbin/sendmail", "-i", "-t", "two words"];
    assert_eq!(host.run_with_input("root", &send, "To: alice\n\nYour code: ABCD-EFGH-2345-67AB\n").status, 0);
    assert_eq!(host.run_with_input("alice", &["/usr/sbin/sendmail"], "To: root\n\n.\nlast\n").status, 0);
    let mail = host.take_mail();
    assert_eq!(mail.len(), 2);
    assert_eq!(mail[0].arguments, ["-i", "-t", "two words"]);
    assert_eq!(mail[0].header("To").as_deref(), Some("alice"));
    assert_eq!(mail[0].invitation_code(), "ABCD-EFGH-2345-67AB");
    assert!(mail[1].arguments.is_empty());
    assert_eq!(mail[1].body(), ".\nlast\n");
    assert!(host.take_mail().is_empty());
    assert_ne!(host.run_as("alice", &["ls", "/var/mail-sink"]).status, 0);
}

#[test]
fn sendmail_fails_hangs_works_again_and_is_taken_away() {
    let host = Host::builder().bare().build();
    let send = |words: &[&str]| host.run_with_input("root", words, "To: alice\n\nhello\n");
    host.mail_fails("queue file write error");
    let outcome = send(&["/usr/sbin/sendmail", "-t"]);
    assert_eq!((outcome.status, outcome.stderr.as_str()), (75, "queue file write error\n"));
    host.mail_hangs();
    assert_eq!(send(&["sh", "-c", "timeout 0.3 /usr/sbin/sendmail -t; echo $?"]).stdout, "124\n");
    host.mail_works();
    assert_eq!(send(&["/usr/sbin/sendmail", "-t"]).status, 0);
    assert_eq!(host.take_mail().len(), 1);
    host.without_sendmail();
    assert!(!host.has("/usr/sbin/sendmail"));
}

/// The stack without pam_totp, of which there is none on a bare host.
fn without_pam_totp(stack: &PamStack) -> String {
    let lines = stack.text();
    lines.lines().filter(|line| !line.contains("pam_totp")).map(|line| format!("{line}\n")).collect()
}

#[test]
fn an_expired_password_needs_a_new_one_in_every_stack() {
    let host = Host::builder()
        .bare()
        .user("alice", "wonderland")
        .stack("usual", Stack::Password)
        .stack("jumping", Stack::Text(&without_pam_totp(&PamStack::new().with_account_skipped_on_expiry())))
        .build();
    let account = |service: &str| host.run(&["pamtester", service, "alice", "acct_mgmt"]);
    for service in ["usual", "jumping"] {
        assert_eq!(account(service).status, 0, "{service}");
    }
    host.expire_password("alice");
    for service in ["usual", "jumping"] {
        let outcome = account(service);
        assert!(outcome.text().contains("new one required"), "{service}: {outcome:?}");
    }
}

#[test]
fn a_user_without_a_right_password_or_shell_gets_no_further_than_that() {
    let host = Host::builder()
        .bare()
        .user("alice", "wonderland")
        .user("bob", "builder")
        .stack("su", Stack::Password)
        .build();
    host.add_service_account("backup-job", "secret word");
    host.lock("bob");
    let mut service = host.dialogue_as("alice", &["su", "backup-job"]);
    service.answers("Password: ", "secret word");
    service.sees("This account is currently not available");
    let mut locked = host.dialogue_as("alice", &["su", "bob"]);
    locked.answers("Password: ", "builder");
    locked.sees("Authentication failure");
    host.remove_user("bob");
    assert_eq!(host.run(&["id", "bob"]).status, 1);
}

#[test]
fn five_hundred_groups_cost_little() {
    let host = Host::builder().bare().user("alice", "wonderland").build();
    (0..500).for_each(|number| host.add_group(&format!("crowd-{number}"), &["alice"]));
    let groups = host.must_run(&["id", "--groups", "--name", "alice"]);
    assert_eq!(groups.split_whitespace().count(), 501);
    assert_eq!(host.run_as("alice", &["id", "--groups"]).stdout.split_whitespace().count(), 501);
}

#[test]
fn pam_env_takes_variables_from_a_file_of_the_user() {
    let stack = PamStack::new().reading_environment_of_users();
    let host = Host::builder()
        .bare()
        .user("alice", "wonderland")
        .stack("sshd", Stack::Text(&without_pam_totp(&stack)))
        .build();
    host.write("/home/alice/.pam_environment", "FROM_ALICE DEFAULT=curious\n");
    let mut login = host.ssh("alice");
    login.answers("Password: ", "wonderland");
    login.is_let_in_as("alice");
    login.types("echo it-is-$FROM_ALICE-");
    login.sees("it-is-curious-");
}

#[test]
fn a_requisite_password_and_a_last_account_line_end_a_login() {
    let stops = without_pam_totp(&PamStack::new().stopping_at_a_wrong_password());
    let refuses = without_pam_totp(&PamStack::new().last_account("required pam_deny.so"));
    let host = Host::builder()
        .bare()
        .user("alice", "wonderland")
        .stack("stopping", Stack::Text(&format!("{stops}auth required pam_echo.so file=/etc/further\n")))
        .stack("refusing", Stack::Text(&refuses))
        .build();
    host.write("/etc/further", "further on\n");
    let ask = |service: &str, call: &str, password: &str| {
        host.run_with_input("root", &["pamtester", service, "alice", call], format!("{password}\n"))
    };
    assert!(ask("stopping", "authenticate", "wonderland").text().contains("further on"));
    let stopped = ask("stopping", "authenticate", "looking-glass");
    assert!(stopped.status == 1 && !stopped.text().contains("further on"), "{stopped:?}");
    assert_eq!(ask("refusing", "authenticate", "wonderland").status, 0);
    assert_eq!(ask("refusing", "acct_mgmt", "").status, 1);
}
