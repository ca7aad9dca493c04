//! Where a code is asked for: what the tool says of it is what logins meet, and a change that ends it is not made
//! by a slip of the hand.

#![forbid(unsafe_code)]

use host::{Host, Outcome, POLICY, Phone, Stack};
use serde_json::json;

const REQUIRED: &str = "mode = \"required\"\nservices = [\"sshd\", \"su\", \"sudo\"]\n[totp]\nwindow = 10\n";
const CODE: &str = "Verification code: ";
const NOBODY: &str = "no service of this host asks";

fn house() -> (Host, Phone) {
    let host = Host::builder()
        .user("alice", "wonderland")
        .user("bob", "builder")
        .policy(REQUIRED)
        .stack("sshd", Stack::PasswordAndCode)
        .stack("su", Stack::PasswordAndCode)
        .stack("su-l", Stack::PasswordAndCode)
        .stack("sudo", Stack::PasswordAndCode)
        .stack("sudo-i", Stack::PasswordAndCode)
        .stack("cron", Stack::Password)
        .build();
    host.keep_only_stacks(&["sshd", "su", "su-l", "sudo", "sudo-i", "cron"]);
    host.write("/etc/sudoers.d/alice", "Defaults:alice passwd_tries=1, !lecture\nalice ALL=(ALL) ALL\n");
    let phone = host.enrol("alice");
    (host, phone)
}

fn policy(host: &Host, words: &[&str]) -> Outcome {
    host.run(&[&["totp-enroll", "admin", "policy"], words].concat())
}

fn has_line(text: &str, line: &str) {
    let found = text.lines().any(|told| told.split_whitespace().collect::<Vec<_>>().join(" ") == line);
    assert!(found, "`{line}` is missing: {text}");
}

/// A code of alice's that is good for many logins, so that none of them waits after a refusal.
fn lasting_code(host: &Host) -> String {
    let made = host.run(&["totp-enroll", "admin", "code", "alice", "--uses", "100", "--json"]).json();
    made["code"].as_str().expect("a code").to_owned()
}

/// Whether a login of alice's is asked for a code.
fn is_asked(host: &Host, service: &str, code: &str) -> bool {
    let (user, words): (&str, &[&str]) = match service {
        "su" => ("bob", &["su", "alice", "-c", "id -un"]),
        "su-l" => ("bob", &["su", "-", "alice", "-c", "id -un"]),
        "sudo" => ("alice", &["sudo", "-k", "-S", "id", "-un"]),
        _ => ("alice", &["sudo", "-k", "-S", "-i", "id", "-un"]),
    };
    let outcome = host.run_with_input(user, words, format!("wonderland\n{code}\n"));
    assert_eq!(outcome.status, 0, "{service}: {outcome:?}");
    outcome.text().contains(CODE)
}

const FOUR: [&str; 4] = ["su", "su-l", "sudo", "sudo-i"];

/// Which of the four ask alice, in truth and by what `explain` says.
fn asking(host: &Host, code: &str) -> Vec<&'static str> {
    let explained = |service: &str| {
        let words = ["totp-enroll", "admin", "explain", "alice", "--service", service, "--json"];
        host.run(&words).json()["asked"] == true
    };
    FOUR.into_iter()
        .filter(|service| {
            let asked = is_asked(host, service, code);
            assert_eq!(asked, explained(service), "{service}");
            asked
        })
        .collect()
}

#[test]
fn su_and_sudo_mean_login_shells_too_unless_a_list_tells_them_apart() {
    let (host, _) = house();
    let code = lasting_code(&host);
    assert_eq!(asking(&host, &code), FOUR);
    let shown = policy(&host, &["show"]).stdout;
    has_line(
        &shown,
        "services = [\"sshd\", \"su\", \"sudo\"] line 2: sshd or su (and su -) or sudo (and sudo -i)",
    );
    for (services, expected) in [
        ("[\"su\"]", &["su", "su-l"][..]),
        ("[\"sudo\"]", &["sudo", "sudo-i"]),
        ("[\"su\", \"sudo\", \"sudo-i\"]", &["su", "sudo", "sudo-i"]),
        ("[\"su-l\"]", &["su-l"]),
    ] {
        host.write(POLICY, format!("mode = \"required\"\nservices = {services}\n"));
        assert_eq!(asking(&host, &code), expected, "{services}");
        host.write(
            POLICY,
            format!("mode = \"disabled\"\n[[rule]]\nservices = {services}\nmode = \"required\"\n"),
        );
        assert_eq!(asking(&host, &code), expected, "a rule for {services}");
        host.write(
            POLICY,
            format!("mode = \"required\"\n[[rule]]\nservices = {services}\nmode = \"disabled\"\n"),
        );
        let others: Vec<_> = FOUR.into_iter().filter(|service| !expected.contains(service)).collect();
        assert_eq!(asking(&host, &code), others, "a rule that exempts {services}");
    }
}

#[test]
fn a_change_after_which_nobody_is_asked_takes_a_yes() {
    let (host, _) = house();
    let telling = "no service of this host asks anybody for a code any more under this policy; so far: sshd, su, su-l, sudo, sudo-i.";
    let unchanged = |outcome: &Outcome, why: &str| {
        assert_eq!(outcome.status, 1, "{outcome:?}");
        assert!(outcome.stderr.contains(telling) && outcome.stderr.contains(why), "{outcome:?}");
        assert_eq!(host.read(POLICY), REQUIRED.as_bytes());
        assert_eq!(host.must_run(&["ls", "-A", "/etc/pam_totp"]), "policy.toml\n");
        assert_eq!(host.times_logged("event=policy"), 0);
    };
    let slip = ["totp-enroll", "admin", "policy", "set", "services=ssh"];
    unchanged(&host.run(&slip), "nothing was changed; --yes makes the change all the same");
    unchanged(&host.run_with_input("root", &slip, "n\n"), "nothing was changed");
    host.write("/tmp/editor", "#!/bin/sh\nsed -i 's/^services.*/services = [\"ssh\"]/' \"$1\"\n");
    host.must_run(&["chmod", "755", "/tmp/editor"]);
    let edit = ["env", "EDITOR=/tmp/editor", "totp-enroll", "admin", "policy", "edit"];
    unchanged(&host.run(&edit), "discarded; nothing was changed");
    unchanged(&host.run_with_input("root", &edit, "n\nd\n"), "What now? (e)dit again, (d)iscard: ");

    // On a terminal it is asked about, and what `check` has to say comes behind the change.
    let mut asked = host.dialogue_as("root", &slip);
    asked.answers("Change the policy all the same? [y/N] ", "y");
    asked.sees("services: [\"sshd\", \"su\", \"sudo\"] -> [\"ssh\"]");
    asked.sees("warning: nobody is asked for a code");
    assert_eq!(asked.exit_status(), 0);
    // Where nobody is asked already, there is nothing to ask about.
    assert_eq!(policy(&host, &["set", "services=shh"]).status, 0);
    for words in [&["set", "services=sshd"][..], &["set", "services=ssh", "--yes"]] {
        assert_eq!(policy(&host, words).status, 0, "{words:?}");
    }
    host.write(POLICY, REQUIRED);
    let outcome = host.run(&[&edit[..], &["--yes"]].concat());
    assert_eq!(outcome.status, 0, "{outcome:?}");
    assert!(outcome.stderr.contains("warning: services names the service \"ssh\""), "{outcome:?}");
}

#[test]
fn set_and_edit_tell_what_check_finds_and_nothing_where_it_finds_nothing() {
    let (host, _) = house();
    let outcome = policy(&host, &["set", "services=sshd,su,ftp"]);
    assert_eq!(outcome.status, 0, "{outcome:?}");
    assert_eq!(outcome.stdout, "services: [\"sshd\", \"su\", \"sudo\"] -> [\"sshd\", \"su\", \"ftp\"]\n");
    let found = policy(&host, &["check"]);
    assert!(found.stderr.contains("the service \"ftp\""), "{found:?}");
    assert_eq!(outcome.stderr, found.stderr);
    let clean = policy(&host, &["set", "mode=optional", "services=sshd,su"]);
    assert_eq!((clean.status, clean.stderr.as_str()), (0, ""), "{clean:?}");
    assert_eq!(policy(&host, &["check"]).stderr, "");
}

#[test]
fn show_status_and_users_claim_no_more_than_logins_ask() {
    let (host, _) = house();
    let code = lasting_code(&host);
    let status = |words: &[&str]| host.must_run(&[&["totp-enroll", "admin"], words].concat());
    let of_alice = || host.run_as("alice", &["totp-enroll", "status"]).stdout;
    let everywhere = "Asked for a code in: sshd, su, su-l, sudo, sudo-i";
    has_line(&of_alice(), everywhere);
    has_line(&status(&["status", "alice"]), everywhere);
    has_line(&status(&["users"]), "Services that ask for a code: sshd, su, su-l, sudo, sudo-i");
    has_line(&status(&["users", "--summary"]), "Services that ask for a code: sshd, su, su-l, sudo, sudo-i");

    // One letter less: the mode is required, and nobody is asked.
    host.write(POLICY, REQUIRED.replace("[\"sshd\", \"su\", \"sudo\"]", "[\"ssh\"]"));
    assert!(asking(&host, &code).is_empty());
    let nowhere = "No service of this host asks for a code";
    has_line(&of_alice(), nowhere);
    has_line(&status(&["status", "alice"]), nowhere);
    assert_eq!(
        host.run(&["totp-enroll", "admin", "status", "alice", "--json"]).json()["asked_in"],
        json!([])
    );
    for words in [&["users"][..], &["users", "--summary"], &["policy", "show"]] {
        assert!(status(words).contains(NOBODY), "{words:?}: {}", status(words));
    }
    let users = host.run(&["totp-enroll", "admin", "users", "--json"]).json();
    let alice = users.as_array().unwrap().iter().find(|row| row["user"] == "alice").unwrap();
    assert_eq!((&alice["mode"], &alice["asked_in"]), (&json!("required"), &json!([])));
    let summary = host.run(&["totp-enroll", "admin", "users", "--summary", "--json"]).json();
    assert_eq!(summary["services_that_ask"], json!([]));
    let shown = policy(&host, &["show"]).stdout;
    assert!(shown.contains("  sshd: asks nobody for a code under this policy; "), "{shown}");
    let shown = policy(&host, &["show", "--json"]).json();
    let sshd = shown["services"].as_array().unwrap().iter().find(|one| one["service"] == "sshd").unwrap();
    assert_eq!((&sshd["asks"], &sshd["asks_anybody"]), (&json!(true), &json!(false)));

    // An override counts in every service that has the line.
    host.must_run(&["totp-enroll", "admin", "mode", "alice", "required"]);
    assert_eq!(asking(&host, &code), FOUR);
    has_line(&of_alice(), everywhere);
    has_line(&status(&["users"]), "Services that ask for a code: sshd, su, su-l, sudo, sudo-i");
}

#[test]
fn what_depends_on_the_address_or_on_a_set_up_says_so() {
    let (host, _) = house();
    host.write(
        POLICY,
        "services = [\"su\"]\n[[rule]]\nservices = [\"sshd\"]\nnetworks = [\"!10.0.0.0/8\"]\nmode = \"required\"\n",
    );
    let of = |user: &str| host.run_as(user, &["totp-enroll", "status"]).stdout;
    has_line(&of("alice"), "Asked for a code in: sshd (depending on the address), su, su-l");
    has_line(&of("bob"), "Asked for a code in: sshd (depending on the address); once set up: su, su-l");
    let bob = host.run_as("bob", &["totp-enroll", "status", "--json"]).json();
    assert_eq!(
        bob["asked_in"],
        json!([{ "service": "sshd", "depends_on_address": true, "lets_past": false }])
    );
    assert_eq!(bob["asked_in_once_configured"][0]["service"], "su");
}
