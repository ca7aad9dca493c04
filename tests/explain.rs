//! What `admin explain` says of a login, and what that login then meets: the two must be the same.

#![forbid(unsafe_code)]

use host::{Builder, Host, Outcome, POLICY, PamStack, Stack};
use serde_json::Value;

const REQUIRED: &str = "mode = \"required\"\n[totp]\nwindow = 10\n";
const CODE: &str = "Verification code: ";
const ADDRESS: &str = "192.0.2.7";

fn builder() -> Builder {
    Host::builder().user("alice", "wonderland").policy(REQUIRED).stack("test", Stack::PasswordAndCode)
}

fn explain(host: &Host, user: &str, service: &str) -> Value {
    let from = ["--from", ADDRESS, "--json"];
    let words = [&["totp-enroll", "admin", "explain", user, "--service", service][..], &from].concat();
    let outcome = host.run(&words);
    assert_eq!(outcome.status, 0, "{outcome:?}");
    outcome.json()
}

/// Explains a login of alice and returns the words, which must contain these.
fn says(host: &Host, parts: &[&str]) -> String {
    let explained = explain(host, "alice", "test");
    let outcome = explained["outcome"].as_str().expect("words").to_owned();
    for part in parts {
        assert!(outcome.contains(part), "`{part}` is missing: {outcome}");
    }
    assert_eq!(explained["asked"], outcome.starts_with("asked for a code"), "{explained:#}");
    outcome
}

/// The whole login, from the password to the open session, with these answers to pam_totp.
fn login(host: &Host, user: &str, answers: &[&str]) -> Outcome {
    let remote = format!("rhost={ADDRESS}");
    let words = ["pamtester", "-I", &remote, "test", user, "authenticate", "acct_mgmt", "open_session"];
    let input = [&["wonderland"], answers].concat().join("\n") + "\n";
    host.run_with_input("root", &words, input)
}

fn is_asked_nothing_and_let_in(host: &Host) {
    let outcome = login(host, "alice", &[]);
    assert!(outcome.status == 0 && !outcome.text().contains(CODE), "{outcome:?}");
}

fn is_asked_and_let_in(host: &Host, answer: &str) {
    let outcome = login(host, "alice", &[answer]);
    assert!(outcome.status == 0 && outcome.text().contains(CODE), "{outcome:?}");
}

fn is_asked_and_refused(host: &Host, answer: &str) {
    let outcome = login(host, "alice", &[answer, "", "", "", ""]);
    assert!(outcome.status != 0 && outcome.text().contains(CODE), "{outcome:?}");
}

fn with_setup(enrollment: &str, stack: PamStack) -> Host {
    let policy = format!("{REQUIRED}[enrollment]\nat_login = [\"test\"]\n{enrollment}\n");
    builder().policy(&policy).stack("test", Stack::Text(&stack.text())).build()
}

#[test]
fn who_is_asked_nothing_and_why() {
    let host = builder().stack("test", Stack::Password).build();
    says(&host, &["asked nothing, because no auth line of /etc/pam.d/test names pam_totp.so"]);
    is_asked_nothing_and_let_in(&host);
    let host = builder().policy("mode = \"disabled\"\n").build();
    host.enrol("alice");
    says(&host, &["asked nothing, because mode is disabled"]);
    is_asked_nothing_and_let_in(&host);
    let host = builder().policy("mode = \"optional\"\n").build();
    says(&host, &["asked nothing, because the code is optional and nothing is set up"]);
    is_asked_nothing_and_let_in(&host);
}

/// How `explain` ends with these words after the command, and what it says then.
fn refused(host: &Host, words: &[&str]) -> (i32, String) {
    let outcome = host.run(&[&["totp-enroll", "admin", "explain"], words].concat());
    assert_eq!(outcome.stdout, "", "nothing is told of it: {outcome:?}");
    (outcome.status, outcome.stderr)
}

#[test]
fn a_service_without_a_stack_is_an_error_that_names_those_that_are_here() {
    let host = builder().build();
    host.must_run(&["rm", "-f", "/etc/pam.d/other"]);
    let (status, told) = refused(&host, &["alice", "--service", "tset"]);
    assert_eq!(status, 2);
    assert!(
        told.contains("there is no PAM stack /etc/pam.d/tset; services with pam_totp.so here: test\n"),
        "{told}"
    );
    // A program that asks for a service without a stack gets this one; a mistyped name must not.
    host.write("/etc/pam.d/other", Stack::PasswordAndCode.text());
    let (status, told) = refused(&host, &["alice", "--service", "tset", "--json"]);
    assert_eq!(status, 2);
    assert!(told.contains("--service other explains that"), "{told}");
    assert!(explain(&host, "alice", "other")["outcome"].to_string().contains("asked for a code"));
    let real = host.run_with_input("root", &["pamtester", "tset", "alice", "authenticate"], "wonderland\n\n");
    assert!(real.status != 0 && real.text().contains(CODE), "{real:?}");
}

#[test]
fn an_address_that_is_none_is_an_error() {
    let host = builder().build();
    for from in ["gate.example.org", "192.0.2", "192.0.2.0/24", ""] {
        let (status, told) = refused(&host, &["alice", "--service", "test", "--from", from]);
        assert!(status == 2 && told.contains("not an address"), "{from}: {told}");
    }
}

#[test]
fn codes_that_pass_are_named() {
    let host = builder().build();
    let mut phone = host.enrol("alice");
    assert_eq!(says(&host, &[]), "asked for a code of phone, or a recovery code");
    is_asked_and_let_in(&host, &phone.code());
    let made = host.run(&["totp-enroll", "admin", "code", "alice", "--json"]).json();
    says(&host, &["or a recovery code or the temporary code"]);
    is_asked_and_let_in(&host, made["code"].as_str().expect("a code"));
    for code in phone.recovery_codes.clone() {
        is_asked_and_let_in(&host, &code);
    }
    assert_eq!(says(&host, &[]), "asked for a code of phone");
}

#[test]
fn a_remembered_address_is_asked_nothing_and_no_other() {
    let host = builder().policy(&format!("{REQUIRED}[remember]\nhosts_for = \"1h\"\n")).build();
    let mut phone = host.enrol("alice");
    is_asked_and_let_in(&host, &phone.code());
    says(&host, &["asked nothing, because a code was given from there at 20"]);
    is_asked_nothing_and_let_in(&host);
    let elsewhere = ["totp-enroll", "admin", "explain", "alice", "--service", "test", "--json"];
    assert_eq!(host.run(&elsewhere).json()["asked"], true);
}

#[test]
fn throttling_is_told_of_the_address_that_waits_and_of_no_other() {
    let throttle = "[throttle]\nfree_failures = 0\nbase_delay = \"10m\"\nbudget = 14\n";
    let host = builder().policy(&format!("{REQUIRED}{throttle}")).build();
    let mut phone = host.enrol("alice");
    is_asked_and_refused(&host, &phone.wrong_code());
    says(
        &host,
        &["none of phone is looked at for ", "too many wrong ones from there; a recovery code passes"],
    );
    is_asked_and_refused(&host, &phone.code());
    let local = ["totp-enroll", "admin", "explain", "alice", "--service", "test"];
    let told = host.must_run(&local);
    assert!(told.contains("at this machine") && !told.contains("looked at"), "{told}");
    is_asked_and_let_in(&host, &phone.recovery_codes[0]);

    let host = builder().policy(&format!("{REQUIRED}{throttle}")).build();
    let mut phone = host.enrol("alice");
    for source in ["198.51.100.1", "198.51.100.2"] {
        let remote = format!("rhost={source}");
        let words = ["pamtester", "-I", &remote, "test", "alice", "authenticate"];
        host.run_with_input("root", &words, format!("wonderland\n{}\n", phone.wrong_code()));
    }
    says(
        &host,
        &[
            "for 17h, after too many wrong ones over time from addresses without a login",
            "two codes of one device in a row pass",
            "`totp-enroll admin unlock alice` ends that",
        ],
    );
    is_asked_and_refused(&host, &phone.code());
    host.must_run(&["totp-enroll", "admin", "unlock", "alice"]);
    assert_eq!(says(&host, &[]), "asked for a code of phone, or a recovery code");
    is_asked_and_let_in(&host, &phone.code());
}

/// As a tunnel or a proxy on the host would have it.
#[test]
fn an_address_of_the_host_itself_is_told_for_what_it_is() {
    const LOOPBACK: &str = "127.0.0.1";
    let throttle = "[throttle]\nfree_failures = 0\nbase_delay = \"10m\"\n[remember]\nhosts_for = \"1h\"\n";
    let host = builder().policy(&format!("{REQUIRED}{throttle}")).build();
    let mut phone = host.enrol("alice");
    let login_from_here = |code: &str| {
        let words = ["pamtester", "-I", "rhost=127.0.0.1", "test", "alice", "authenticate"];
        host.run_with_input("root", &words, format!("wonderland\n{code}\n"))
    };
    let explained = |from: &[&str]| {
        let words = [&["totp-enroll", "admin", "explain", "alice", "--service", "test"], from].concat();
        host.must_run(&words)
    };
    let is_own = |told: &str| told.contains("127.0.0.1 is an address of this machine");
    assert_eq!(login_from_here(&phone.code()).status, 0);
    let told = explained(&["--from", LOOPBACK]);
    assert!(is_own(&told) && told.contains("asked for a code of phone"), "{told}");
    let again = login_from_here(&phone.wrong_code()).text();
    assert!(again.contains(CODE) && again.contains("The code was not accepted."), "{again}");
    for from in [&["--from", LOOPBACK][..], &["--from", "::1"], &[]] {
        let told = explained(from);
        assert!(told.contains("too many wrong ones at this machine"), "{from:?}: {told}");
    }
    let told = explained(&["--from", ADDRESS]);
    assert!(!told.contains("an address of this machine") && !told.contains("too many"), "{told}");
    assert_eq!(explain(&host, "alice", "test")["own_address"], false);
}

#[test]
fn who_is_not_set_up_and_cannot_be_is_refused() {
    let host = builder().build();
    says(&host, &[", and refused: nothing is set up", "enrollment.at_login does not list it"]);
    is_asked_and_refused(&host, "");
    let host = with_setup("", PamStack::new());
    says(&host, &[", and refused: nothing is set up", "its auth line lacks the argument setup"]);
    is_asked_and_refused(&host, "");
    let host = with_setup("grace_until = 2999-12-31", PamStack::new());
    says(&host, &["let through whatever the answer, through 2999-12-31 (grace_until)"]);
    is_asked_and_let_in(&host, "x");
    let host = with_setup("needs_invitation = true", PamStack::new().setup());
    says(&host, &["; an invitation would set it up, and there is none", "`totp-enroll admin invite alice`"]);
    is_asked_and_refused(&host, "");
    let made = host.run(&["totp-enroll", "admin", "code", "alice", "--json"]).json();
    says(&host, &["; the temporary code logs in; an invitation would set it up"]);
    is_asked_and_refused(&host, "");
    is_asked_and_let_in(&host, made["code"].as_str().expect("a code"));
}

#[test]
fn who_is_not_set_up_and_can_be_comes_to_the_set_up() {
    const READY: &str = "Press Enter when your app is ready";
    let comes_to_it = |host: &Host, answer: &str| {
        let outcome = login(host, "alice", &[answer, "", "", "", ""]);
        assert!(outcome.text().contains(READY), "{outcome:?}");
    };
    let host = with_setup("grace_logins = 2", PamStack::new().setup());
    says(&host, &["; pressing Enter sets it up", "; it may be put off for 2 more logins"]);
    assert!(login(&host, "alice", &["", "", ""]).text().contains(READY));
    says(&host, &["; it may be put off for one more login"]);
    comes_to_it(&host, "");
    let host = with_setup("needs_invitation = true", PamStack::new().setup());
    let invited = host.run(&["totp-enroll", "admin", "invite", "alice", "--json"]).json();
    says(&host, &["; the invitation, good until 20", "sets it up"]);
    comes_to_it(&host, invited["invitation"].as_str().expect("an invitation"));
    let host = with_setup("needs_invitation = true\nmail_invitations = true", PamStack::new().setup());
    host.must_run(&["totp-enroll", "admin", "enroll", "alice", "--mail", "alice@example.org", "--json"]);
    host.must_run(&["totp-enroll", "admin", "revoke", "alice", "--yes"]);
    says(&host, &["pressing Enter has an invitation mailed"]);
    login(&host, "alice", &["", "", "", ""]);
    assert_eq!(host.take_mail().len(), 1);
}

#[test]
fn a_stack_that_lacks_lines_lets_in_or_ends_as_is_said() {
    let host = with_setup("", PamStack::new().setup().without_account());
    says(&host, &[", and ended when the session opens: the stack lacks an account line"]);
    is_asked_and_refused(&host, "");
    let host = with_setup("", PamStack::new().setup().without_account().without_session());
    says(&host, &[", and let through without one: the stack lacks an account line and a session line"]);
    is_asked_and_let_in(&host, "");
    let host = with_setup("", PamStack::new().setup().without_session());
    says(
        &host,
        &["but that never counts, and the login goes on all the same: the stack lacks a session line"],
    );
}

#[test]
fn what_lets_past_the_code_is_named_and_does() {
    let rest = "account required pam_totp.so\naccount required pam_unix.so\nsession required pam_permit.so\n";
    let ways = [
        ("auth sufficient pam_unix.so\nauth required pam_totp.so\n", "sufficient pam_unix.so (line 1 of"),
        (
            "auth required pam_unix.so\nauth [success=1 default=ignore] pam_permit.so\nauth required pam_totp.so\nauth required pam_permit.so\n",
            "[success=1 default=ignore] pam_permit.so (line 2 of",
        ),
        (
            "auth [success=done default=die] pam_unix.so\nauth required pam_totp.so\n",
            "[success=done default=die] pam_unix.so (line 1 of",
        ),
    ];
    for (auth, line) in ways {
        let host = builder().stack("test", Stack::Text(&format!("{auth}{rest}"))).build();
        host.enrol("alice");
        says(&host, &[&format!("; but {line} /etc/pam.d/test) lets past it")]);
        is_asked_nothing_and_let_in(&host);

        let begin = format!("auth optional pam_totp.so begin\n{auth}{rest}");
        host.write("/etc/pam.d/test", begin);
        says(&host, &["; but whoever gets past it by ", " is refused"]);
        let outcome = login(&host, "alice", &[]);
        assert!(outcome.status != 0 && !outcome.text().contains(CODE), "{outcome:?}");
    }
    let optional = "auth required pam_unix.so\nauth optional pam_totp.so\n";
    let rest = rest.replace("account required pam_totp.so\n", "");
    let host = builder().stack("test", Stack::Text(&format!("{optional}{rest}"))).build();
    let phone = host.enrol("alice");
    says(
        &host,
        &["; but a wrong one lets in, too, because of optional pam_totp.so (line 2 of /etc/pam.d/test)"],
    );
    is_asked_and_let_in(&host, &phone.wrong_code());
}

#[test]
fn a_stranger_is_explained_as_a_stranger_where_one_is_meant() {
    let host = builder().build();
    let stranger = |host: &Host| {
        let words =
            ["totp-enroll", "admin", "explain", "no-such-user", "--service", "test", "--stranger", "--json"];
        host.run(&words).json()
    };
    let (status, told) = refused(&host, &["no-such-user", "--service", "test"]);
    assert_eq!(status, 1);
    assert!(told.contains("there is no user named \"no-such-user\"; --stranger tells"), "{told}");
    let explained = stranger(&host);
    assert_eq!(explained["outcome"], "asked for a code like anybody, and refused: there is no such user");
    let outcome = login(&host, "no-such-user", &["123456"]);
    assert!(outcome.status != 0 && outcome.text().contains(CODE), "{outcome:?}");
    host.write(POLICY, "mode = \"optional\"\n");
    assert_eq!(stranger(&host)["asked"], false);
    let outcome = login(&host, "no-such-user", &["123456"]);
    assert!(outcome.status != 0 && !outcome.text().contains(CODE), "{outcome:?}");
    let (status, told) = refused(&host, &["alice", "--service", "test", "--stranger"]);
    assert!(status == 2 && told.contains("there is a user named \"alice\""), "{told}");
}

#[test]
fn a_key_alone_is_explained_where_sshd_takes_it() {
    let host = builder().stack("sshd", Stack::PasswordAndCode).build();
    let key = host.client_key("alice");
    let by_key = |host: &Host| explain(host, "alice", "sshd")["by_key_alone"].to_string();
    assert!(by_key(&host).contains("asked nothing, unless AuthenticationMethods"), "{}", by_key(&host));
    host.ssh_with_key("alice", &key).is_let_in_as("alice");
    host.write(POLICY, format!("{REQUIRED}[ssh]\nrefuse_key_only = true\n"));
    assert!(by_key(&host).contains("refused, because ssh.refuse_key_only is set"), "{}", by_key(&host));
    host.ssh_with_key("alice", &key).ends();
    assert_eq!(explain(&host, "alice", "test")["by_key_alone"], Value::Null);
}

#[test]
fn another_policy_in_the_stack_is_named_and_can_be_asked() {
    let host = builder().stack("test", Stack::PasswordAndCodeWith("policy=/etc/other.toml")).build();
    host.must_run(&["install", "-d", "-m", "700", "-o", "_pam_totp", "/var/lib/other"]);
    host.write("/etc/other.toml", "mode = \"disabled\"\n[store]\ndirectory = \"/var/lib/other\"\n");
    let explained = explain(&host, "alice", "test");
    assert_eq!(explained["asked"], Value::Null);
    assert!(explained["outcome"].to_string().contains("--policy /etc/other.toml"), "{explained:#}");
    let words =
        ["totp-enroll", "--policy", "/etc/other.toml", "admin", "explain", "alice", "--service", "test"];
    let told = host.must_run(&words);
    assert!(told.contains("What happens: asked nothing, because mode is disabled"), "{told}");
    is_asked_nothing_and_let_in(&host);
}

#[test]
fn the_rule_that_decides_is_named_by_its_line() {
    let rules = "[[rule]]\nnetworks = [\"10.0.0.0/8\"]\nmode = \"disabled\"\n[[rule]]\nusers = [\"alice\"]\nmode = \"optional\"\n";
    let host = builder().policy(&format!("{REQUIRED}{rules}")).build();
    let told =
        host.must_run(&["totp-enroll", "admin", "explain", "alice", "--service", "test", "--from", ADDRESS]);
    for line in [
        "alice, service test, from 192.0.2.7",
        "Rule at line 4: does not match: networks",
        "Rule at line 7: matches",
        "Mode: optional, by the rule at line 7",
        "What happens: asked nothing, because the code is optional and nothing is set up",
    ] {
        assert!(told.lines().any(|told| told == line), "`{line}` is missing: {told}");
    }
    is_asked_nothing_and_let_in(&host);
    host.must_run(&["totp-enroll", "admin", "mode", "alice", "required"]);
    assert_eq!(explain(&host, "alice", "test")["decided_by"], "an administrator's override for this user");
    is_asked_and_refused(&host, "");
}
