//! Codes that cannot be checked: who is told, and what `admin why` knows of it.

#![forbid(unsafe_code)]

use host::{Builder, Host, Outcome, POLICY, STORE, Stack};
use std::time::{Duration, Instant};

const CANNOT_CHECK: &str = "This host cannot check codes now; it is not your code.";
const REQUIRED: &str = "mode = \"required\"\n[totp]\nwindow = 10\n";
const AUTH_ERR: &str = "pamtester: Authentication failure";
/// libpam makes of the two seconds that a refusal is delayed by at least one.
const LEAST_DELAY: Duration = Duration::from_millis(900);
/// A stranger to the host; the addresses are for documentation (RFC 5737).
const FROM_AFAR: &str = "rhost=198.51.100.7";

fn required() -> Builder {
    Host::builder()
        .user("alice", "wonderland")
        .user("bob", "builder")
        .policy(REQUIRED)
        .stack("sshd", Stack::PasswordAndCode)
        .stack("su", Stack::PasswordAndCode)
        .stack("test", Stack::Code)
}

/// Somebody who logs in: whoever is set up, is not, and does not exist; with the right password and a wrong one.
const EVERYBODY: [(&str, &str); 5] = [
    ("alice", "wonderland"),
    ("alice", "looking-glass"),
    ("bob", "builder"),
    ("bob", "looking-glass"),
    ("nobody-of-that-name", "looking-glass"),
];

/// All that is said over ssh to whoever types this password, and this code where one is asked for, and how long
/// it took from the last answer on.
fn refused_over_ssh(host: &Host, (user, password): (&str, &str), code: Option<&str>) -> (String, Duration) {
    let mut login = host.ssh(user);
    login.answers("Password: ", password);
    if let Some(code) = code {
        login.answers("Verification code: ", code);
    }
    let answered = Instant::now();
    login.ends();
    (login.seen().replace(user, "USER"), answered.elapsed())
}

fn from_afar(host: &Host, user: &str) -> Outcome {
    host.run_with_input("root", &["pamtester", "-I", FROM_AFAR, "test", user, "authenticate"], "123456\n")
}

fn why(host: &Host, user: &str) -> Outcome {
    host.run(&["totp-enroll", "admin", "why", user])
}

#[test]
fn a_failure_of_the_whole_host_is_told_to_everybody_alike() {
    let host = required().build();
    host.enrol("alice");
    let relative = Stack::PasswordAndCodeWith("policy=policy.toml").text();
    host.write("/root/relative", relative);
    host.must_run(&["cp", "/etc/pam.d/sshd", "/root/sshd"]);
    host.must_run(&["cp", POLICY, "/root/policy"]);
    let failures: [(&str, &[&str], &[&str]); 6] = [
        ("no policy", &["rm", POLICY], &["cp", "/root/policy", POLICY]),
        ("a policy that does not parse", &["cp", "/root/sshd", POLICY], &["cp", "/root/policy", POLICY]),
        ("a policy that others may write", &["chmod", "666", POLICY], &["chmod", "644", POLICY]),
        ("no store", &["mv", STORE, "/root/store"], &["mv", "/root/store", STORE]),
        ("a store that others may read", &["chmod", "755", STORE], &["chmod", "700", STORE]),
        (
            "a relative path for the policy",
            &["cp", "/root/relative", "/etc/pam.d/sshd"],
            &["cp", "/root/sshd", "/etc/pam.d/sshd"],
        ),
    ];
    for (what, fails, is_mended) in failures {
        host.must_run(fails);
        let refused = EVERYBODY.map(|who| refused_over_ssh(&host, who, None));
        let (first, _) = &refused[0];
        assert!(first.contains(CANNOT_CHECK), "{what}: {first}");
        for detail in ["/etc", "/var", ".toml", "policy", "store"] {
            assert!(!first.contains(detail), "{what}: {first}");
        }
        for (who, (said, took)) in EVERYBODY.iter().zip(&refused) {
            assert_eq!(said, first, "{what}: {who:?}");
            assert!(*took > LEAST_DELAY, "{what}: {who:?} was refused after {took:?}");
        }
        host.must_run(is_mended);
    }
}

#[test]
fn a_name_service_that_finds_nobody_is_told_to_everybody_alike() {
    let host = Host::builder()
        .user("alice", "wonderland")
        .directory_user("carol", "looking-glass")
        .policy(REQUIRED)
        .stack("test", Stack::Code)
        .build();
    host.enrol("alice");
    host.write("/etc/nsswitch.conf", "passwd: directory\n");
    host.directory_fails(true);
    for user in ["alice", "carol", "root", "nobody-of-that-name"] {
        let began = Instant::now();
        let outcome = from_afar(&host, user);
        assert!(outcome.text().contains(AUTH_ERR), "{user}: {outcome:?}");
        assert!(outcome.text().contains(CANNOT_CHECK), "{user}: {outcome:?}");
        assert!(!outcome.text().contains("name service"), "{user}: {outcome:?}");
        assert!(!outcome.text().contains("Verification code"), "{user}: {outcome:?}");
        assert!(began.elapsed() > LEAST_DELAY, "{user}: {outcome:?}");
    }
}

#[test]
fn a_name_service_that_finds_users_of_this_machine_alone_tells_nobody_apart() {
    let host = required().directory_user("carol", "looking-glass").build();
    let phone = host.enrol("alice");
    let of_alice = host.run_with_input(
        "root",
        &["pamtester", "-I", FROM_AFAR, "test", "alice", "authenticate"],
        format!("{}\n", phone.wrong_code()),
    );
    host.directory_fails(true);
    // The last line is pamtester's own.
    let said = |outcome: &Outcome| {
        let text = outcome.text();
        text.lines().filter(|line| !line.starts_with("pamtester: ")).map(str::to_owned).collect::<Vec<_>>()
    };
    assert!(said(&of_alice).iter().any(|line| line.contains("Verification code: ")), "{of_alice:?}");
    for user in ["carol", "nobody-of-that-name", "bob"] {
        assert_eq!(said(&from_afar(&host, user)), said(&of_alice), "{user}");
    }
    host.wait_for_log("event=login result=unavailable reason=\"the name service failed");
}

#[test]
fn a_user_whose_own_files_fail_looks_like_everybody_else_to_strangers() {
    let host = required().build();
    let phone = host.enrol("alice");
    let credential = format!("{STORE}/alice.toml");
    let state = format!("{STORE}/alice.state");
    let other_mode = format!("{STORE}/alice.mode");
    let wrong = phone.wrong_code();
    let (usual, _) = refused_over_ssh(&host, EVERYBODY[0], Some(&wrong));
    assert!(usual.contains("The code was not accepted."), "{usual}");
    host.must_run(&["cp", "-a", &credential, "/root/credential"]);
    let failures: [(&str, &[&str], &[&str]); 5] = [
        (
            "a credential that does not parse",
            &["cp", "/root/usual", &credential],
            &["cp", "-a", "/root/credential", &credential],
        ),
        ("a credential that others may read", &["chmod", "644", &credential], &["chmod", "600", &credential]),
        ("an override that does not parse", &["cp", "/root/usual", &other_mode], &["rm", &other_mode]),
        ("a state that others may read", &["chmod", "644", &state], &["chmod", "600", &state]),
        ("a store that cannot be written", &["mount", "-o", "ro,bind", STORE, STORE], &["umount", STORE]),
    ];
    host.write("/root/usual", "nonsense\n");
    for (what, fails, is_mended) in failures {
        host.must_run(fails);
        for who in [EVERYBODY[0], EVERYBODY[1], EVERYBODY[2], EVERYBODY[4]] {
            // A code that would be right: nobody gets to look at it.
            let (said, took) = refused_over_ssh(&host, who, Some(&phone.code_at(2)));
            assert_eq!(said, usual, "{what}: {who:?}");
            assert!(took > LEAST_DELAY, "{what}: {who:?} was refused after {took:?}");
        }
        let told = why(&host, "alice");
        assert!(
            told.stdout.contains(": for this user alone: sshd from 127.0.0.1: /var/lib/pam_totp/alice."),
            "{what}: {told:?}"
        );
        // Who is here hears what it is.
        let mut su = host.dialogue_as("bob", &["su", "alice"]);
        su.answers("Password: ", "wonderland");
        if what.contains("store") || what.contains("state") {
            su.answers("Verification code: ", &phone.code_at(2));
        }
        su.sees(&format!("{CANNOT_CHECK} /var/lib/pam_totp/alice."));
        host.must_run(is_mended);
    }
    assert!(!why(&host, "bob").stdout.contains("could not be checked"));
}

#[test]
fn the_answer_to_a_program_of_the_network_does_not_tell_a_right_password_from_a_wrong_one() {
    let host = required().stack("web", Stack::PasswordAndCode).build();
    let mut phone = host.enrol("alice");
    // Cockpit shows its visitors which of PAM's answers it was.
    let mut answers_are_alike = |what: &str| {
        let said = ["wonderland", "looking-glass"].map(|password| {
            let words = ["pamtester", "-I", FROM_AFAR, "web", "alice", "authenticate"];
            let outcome = host.run_with_input("root", &words, format!("{password}\n{}\n", phone.code()));
            assert_eq!(outcome.status, 1, "{what}: {outcome:?}");
            outcome.text()
        });
        assert_eq!(said[0], said[1], "{what}");
    };
    let state = format!("{STORE}/alice.state");
    host.must_run(&["chmod", "644", &state]);
    answers_are_alike("a state that others may read");
    host.must_run(&["chmod", "600", &state]);
    host.must_run(&["chmod", "755", STORE]);
    answers_are_alike("a store that others may read");
}

#[test]
fn whoever_takes_files_from_su_does_not_learn_by_it_whether_a_password_is_right() {
    let host = required().build();
    host.enrol("alice");
    let refused = |password: &str| {
        let began = Instant::now();
        let words = ["sh", "-c", "ulimit -n 8; exec su alice"];
        let outcome = host.run_with_input("bob", &words, format!("{password}\n"));
        assert!(outcome.text().contains(CANNOT_CHECK), "{outcome:?}");
        assert!(began.elapsed() > LEAST_DELAY, "{outcome:?}");
        outcome.text()
    };
    assert_eq!(refused("wonderland"), refused("looking-glass"));
}

#[test]
fn where_nobody_is_asked_the_time_does_not_tell_a_right_password_either() {
    let host = required().build();
    host.write(POLICY, "mode = \"disabled\"\n");
    host.write(&format!("{STORE}/alice.mode"), "nonsense\n");
    let began = Instant::now();
    // Nothing stands above the code here: it is as behind a password that was right.
    let outcome = from_afar(&host, "alice");
    assert!(outcome.text().contains(AUTH_ERR) && !outcome.text().contains("code"), "{outcome:?}");
    assert!(began.elapsed() > LEAST_DELAY, "{outcome:?}");
}

#[test]
fn why_tells_the_last_failure_also_while_the_policy_cannot_be_used() {
    let host = required().build();
    host.enrol("alice");
    assert!(!why(&host, "alice").stdout.contains("could not be checked"));
    host.write(POLICY, "mode = 3\n");
    refused_over_ssh(&host, EVERYBODY[4], None);
    for user in ["alice", "bob"] {
        let told = why(&host, user);
        assert_eq!(told.status, 5, "{told:?}");
        let line = told.stdout.lines().next().unwrap_or_default();
        let said = "Codes could not be checked, last time: ";
        assert!(line.starts_with(said), "{told:?}");
        assert!(
            line.contains(": for all users: sshd from 127.0.0.1: /etc/pam_totp/policy.toml:1: mode"),
            "{told:?}"
        );
    }
    let script = host.run(&["totp-enroll", "admin", "why", "alice", "--json"]);
    assert_eq!((script.status, script.json()["now"].is_null()), (5, true), "{script:?}");
    assert_eq!(script.json()["unavailable"]["service"], "sshd");
    host.write(POLICY, REQUIRED);
    let script = host.run(&["totp-enroll", "admin", "why", "alice", "--json"]);
    let unavailable = &script.json()["unavailable"];
    assert_eq!((script.status, &unavailable["concerns"]), (0, &"host".into()), "{script:?}");
    assert_eq!(unavailable["from"], "127.0.0.1");
    assert!(unavailable["reason"].as_str().is_some_and(|reason| reason.contains("policy.toml:1")));
    assert!(why(&host, "alice").stdout.starts_with("Now: a right code passes\n"));
}

#[test]
fn why_knows_what_kept_totp_helper_from_acting() {
    let host = required().build();
    host.enrol("alice");
    host.must_run(&["rm", host::HELPER]);
    let mut su = host.dialogue_as("bob", &["su", "alice"]);
    su.answers("Password: ", "wonderland");
    su.sees("totp-helper: cannot be started");
    su.ends();
    let told = why(&host, "bob");
    assert!(
        told.stdout.contains(": for all users: su at this machine: /usr/libexec/pam_totp/totp-helper: "),
        "{told:?}"
    );
}

#[test]
fn a_directory_that_somebody_else_made_is_left_alone() {
    let host = required().build();
    host.enrol("alice");
    host.must_run(&["install", "-d", "-o", "bob", "-m", "755", "/run/pam_totp"]);
    host.write(POLICY, "mode = 3\n");
    let (said, _) = refused_over_ssh(&host, EVERYBODY[0], None);
    assert!(said.contains(CANNOT_CHECK), "{said}");
    assert_eq!(host.must_run(&["ls", "-A", "/run/pam_totp"]), "");
    let told = why(&host, "alice");
    assert!(told.stdout.contains("not known: /run/pam_totp: "), "{told:?}");
}
