//! The example for sudoers: what a help desk may do with it, and the many ways to more that it shuts.

#![forbid(unsafe_code)]

use host::{Host, Outcome, Stack};

const EXAMPLE: &str = include_str!("../config/sudoers.d/totp-helpdesk");
const INSTALLED: &str = "/etc/sudoers.d/totp-helpdesk";

/// Carol is the help desk; alice and bob are set up.
fn house() -> Host {
    let host = Host::builder()
        .user("alice", "wonderland")
        .user("bob", "builder")
        .user("carol", "christmas")
        .stack("sudo", Stack::Password)
        .build();
    host.must_run(&["groupadd", "helpdesk"]);
    host.must_run(&["gpasswd", "--add", "carol", "helpdesk"]);
    install(&host, EXAMPLE);
    host.enrol("alice");
    host.enrol("bob");
    host
}

fn install(host: &Host, sudoers: &str) {
    host.write("/root/totp-helpdesk", sudoers);
    host.must_run(&["install", "-m", "440", "/root/totp-helpdesk", INSTALLED]);
}

fn sudo_as(host: &Host, user: &str, password: &str, words: &[&str]) -> Outcome {
    host.run_with_input(user, &[&["sudo", "-k", "-S"], words].concat(), format!("{password}\n"))
}

fn carol(host: &Host, words: &[&str]) -> Outcome {
    sudo_as(host, "carol", "christmas", words)
}

fn is_refused(outcome: &Outcome) -> bool {
    outcome.status == 1 && outcome.stderr.contains("is not allowed to execute") && outcome.stdout.is_empty()
}

fn is_configured(host: &Host, user: &str) -> bool {
    let status = host.run(&["totp-enroll", "admin", "status", user, "--json"]).json();
    status["configured"].as_bool().expect("`configured` is a boolean")
}

#[test]
fn the_example_is_good_to_visudo() {
    let host = house();
    host.must_run(&["visudo", "--check", "--strict", "--file", INSTALLED]);
    host.must_run(&["visudo", "--check", "--owner", "--perms", "--file", INSTALLED]);
    host.must_run(&["visudo", "--check", "--strict"]);
}

#[test]
fn a_help_desk_revokes_and_invites() {
    let host = house();
    let mut sudo = host.dialogue_as("carol", &["sudo", "totp-enroll", "admin", "revoke", "alice"]);
    sudo.answers("password for carol: ", "christmas");
    sudo.answers("[y/N] ", "y").sees("Two-factor login is removed for alice.");
    assert_eq!(sudo.exit_status(), 0);
    assert!(!is_configured(&host, "alice"));
    let revoked = carol(&host, &["totp-enroll", "admin", "revoke", "--yes", "bob"]);
    assert_eq!(revoked.status, 0, "{revoked:?}");
    assert!(!is_configured(&host, "bob"));

    let mut sudo = host.dialogue_as("carol", &["sudo", "-k", "totp-enroll", "admin", "invite", "alice"]);
    sudo.answers("password for carol: ", "christmas").sees("Invitation for alice, good once");
    assert_eq!(sudo.exit_status(), 0);
    host.must_run(&["totp-enroll", "admin", "invite", "bob", "--mail", "bob@example.org"]);
    host.take_mail();
    let mailed = carol(&host, &["totp-enroll", "admin", "invite", "--mail-known", "bob"]);
    assert_eq!(mailed.status, 0, "{mailed:?}");
    assert_eq!(host.take_mail().len(), 1);
}

#[test]
fn a_help_desk_does_nothing_else() {
    let host = house();
    host.write("/tmp/mine.toml", "mode = \"disabled\"\n");
    let before = host.store();
    for words in [
        // Root, however it is put.
        &["admin", "revoke", "root"][..],
        &["admin", "revoke", "--yes", "root"],
        &["admin", "revoke", "root", "--yes"],
        &["admin", "invite", "root"],
        &["admin", "invite", "--mail-known", "root"],
        // Another policy, and so another store.
        &["--policy", "/tmp/mine.toml", "admin", "revoke", "alice"],
        &["admin", "--policy", "/tmp/mine.toml", "revoke", "alice"],
        &["admin", "revoke", "--policy", "/tmp/mine.toml", "alice"],
        &["admin", "revoke", "--policy=/tmp/mine.toml", "alice"],
        &["admin", "revoke", "alice", "--policy", "/tmp/mine.toml"],
        // The invitation to somebody else, or for longer.
        &["admin", "invite", "--mail", "mallory@example.net", "alice"],
        &["admin", "invite", "alice", "--mail", "mallory@example.net"],
        &["admin", "invite", "alice", "--mail=mallory@example.net"],
        &["admin", "invite", "alice", "--expires", "9999h"],
        &["admin", "invite", "alice", "--json"],
        // More than one name, or none.
        &["admin", "revoke", "alice", "root"],
        &["admin", "revoke", "alice", "--yes"],
        &["admin", "revoke", "alice\nroot"],
        &["admin", "revoke", "alice "],
        &["admin", "revoke", "alice", ""],
        &["admin", "revoke", "", "alice"],
        &["admin", "revoke"],
        &["admin", "revoke", "--", "alice"],
        &["admin", "revoke", "--yes"],
        // A name that only a directory knows as another.
        &["admin", "revoke", "ALICE"],
        &["admin", "revoke", "alice@example.org"],
        &["admin", "revoke", "EXAMPLE\\alice"],
        // Other commands.
        &["admin", "disable", "alice"],
        &["admin", "code", "alice"],
        &["admin", "show", "alice"],
        &["admin", "enroll", "alice"],
        &["admin", "mode", "alice", "disabled"],
        &["admin", "policy", "edit"],
        &["admin", "policy", "set", "mode=disabled"],
        &["admin", "prune"],
        &["admin"],
        &["enroll"],
        &[],
    ] {
        let outcome = carol(&host, &[&["totp-enroll"], words].concat());
        assert!(is_refused(&outcome), "{words:?}: {outcome:?}");
    }
    for words in [
        &["/bin/totp-enroll", "admin", "revoke", "root"][..],
        &["/usr/bin/../bin/totp-enroll", "admin", "revoke", "root"],
        &["-s", "totp-enroll", "admin", "revoke", "alice"],
        &["-u", "alice", "totp-enroll", "admin", "revoke", "bob"],
        &["id"],
    ] {
        let outcome = carol(&host, words);
        assert!(is_refused(&outcome), "{words:?}: {outcome:?}");
    }
    // Joined, these read like a line that is let through; totp-enroll is given them as they are.
    for words in [&["admin revoke", "alice"][..], &["admin", "revoke alice"], &["admin revoke alice"]] {
        let outcome = carol(&host, &[&["totp-enroll"], words].concat());
        assert_eq!(outcome.status, 2, "{words:?}: {outcome:?}");
    }
    assert!(host.store() == before, "nothing was done");
    assert!(host.take_mail().is_empty());
}

#[test]
fn whom_the_example_excludes_is_not_revoked_and_who_is_no_help_desk_does_nothing() {
    let host = house();
    install(&host, &EXAMPLE.replace(" (root)$", " (root|alice|carol)$"));
    for words in [&["revoke", "alice"][..], &["revoke", "--yes", "alice"], &["invite", "carol"]] {
        let outcome = carol(&host, &[&["totp-enroll", "admin"], words].concat());
        assert!(is_refused(&outcome), "{words:?}: {outcome:?}");
    }
    let outcome = carol(&host, &["totp-enroll", "admin", "revoke", "--yes", "bob"]);
    assert_eq!(outcome.status, 0, "{outcome:?}");
    let outcome = sudo_as(&host, "bob", "builder", &["totp-enroll", "admin", "revoke", "--yes", "alice"]);
    assert!(outcome.status == 1 && is_configured(&host, "alice"), "{outcome:?}");
}

#[test]
fn a_wildcard_in_its_place_would_let_all_of_that_through() {
    let host = house();
    install(
        &host,
        "%helpdesk ALL = (root) /usr/bin/totp-enroll admin revoke *, /usr/bin/totp-enroll admin invite *\n",
    );
    host.must_run(&["totp-enroll", "admin", "revoke", "alice", "--yes"]);
    let mail = ["totp-enroll", "admin", "invite", "--mail", "mallory@example.net", "alice"];
    let outcome = carol(&host, &mail);
    assert_eq!(outcome.status, 0, "{outcome:?}");
    assert_eq!(host.take_mail()[0].header("To").as_deref(), Some("mallory@example.net"));
}
