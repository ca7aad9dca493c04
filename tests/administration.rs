//! What root does with `totp-enroll admin`, and with another policy.

#![forbid(unsafe_code)]

mod tool;

use host::{POLICY, Phone, Stack, Theme};
use tool::{alice, builder, enrol_in_a_terminal, house, is_configured, passes, status};

#[test]
fn administrators_and_users_see_the_same_status() {
    let host = house();
    host.enrol("alice");
    assert_eq!(alice(&host, &["status", "--json"], "").json(), status(&host));
}

#[test]
fn unattended_enrolment_prints_everything_a_script_needs() {
    let host = house();
    let outcome = host.run(&["totp-enroll", "admin", "enroll", "alice", "--json"]);
    let answer = outcome.json();
    let mut phone = Phone::scan(answer["uri"].as_str().expect("a URI")).with_window(10);
    assert_eq!(answer["secret"].as_str(), Some(phone.secret()));
    assert_eq!(phone.secret().len(), 32, "160 bits in Base32");
    assert_eq!(answer["recovery_codes"].as_array().map(Vec::len), Some(10));
    assert!(answer["device"].is_string());
    assert!(passes(&host, &phone.code()));
}

#[test]
fn unattended_enrolment_of_somebody_set_up_changes_nothing() {
    let host = house();
    host.enrol("alice");
    let before = host.store();
    let outcome = host.run(&["totp-enroll", "admin", "enroll", "alice", "--json"]);
    assert_eq!(outcome.status, 1, "{outcome:?}");
    assert_eq!(host.store(), before);
}

#[test]
fn an_administrator_shows_the_same_secret_as_text_and_as_a_qr_code() {
    let host = house();
    let phone = host.enrol("alice");
    let terminal = host.terminal("root", &["totp-enroll", "admin", "show", "alice", "--qr"]);
    assert_eq!(terminal.exit_status(), 0);
    let uri = terminal.qr(Theme::Dark).expect("a camera reads it");
    assert_eq!(Phone::scan(&uri).secret(), phone.secret());
}

#[test]
fn an_administrator_revokes_and_the_user_may_enrol_anew() {
    let host = house();
    let mut old = host.enrol("alice");
    let outcome = host.run(&["totp-enroll", "admin", "revoke", "alice", "--yes"]);
    assert_eq!(outcome.status, 0, "{outcome:?}");
    assert!(!is_configured(&host));
    let mut new = enrol_in_a_terminal(&host);
    assert!(!passes(&host, &old.code()));
    assert!(passes(&host, &new.code()));
}

#[test]
fn revoking_asks_first() {
    let host = house();
    host.enrol("alice");
    let terminal = host.terminal("root", &["totp-enroll", "admin", "revoke", "alice"]);
    terminal.shows("[y/N]");
    terminal.enters("n");
    terminal.exit_status();
    assert!(is_configured(&host));
}

#[test]
fn an_administrator_unlocks_who_is_throttled() {
    let host = builder()
        .policy(
            "mode = \"required\"\n[totp]\nwindow = 10\n[throttle]\nfree_failures = 0\nbase_delay = \"10m\"\n",
        )
        .build();
    let mut phone = host.enrol("alice");
    assert!(!passes(&host, &phone.wrong_code()));
    assert!(!passes(&host, &phone.code()));
    host.wait_for_log("reason=throttled");
    let outcome = host.run(&["totp-enroll", "admin", "unlock", "alice"]);
    assert_eq!(outcome.status, 0, "{outcome:?}");
    assert!(passes(&host, &phone.code()));
}

#[test]
fn set_up_and_its_end_are_logged_with_who_did_it() {
    let host = house();
    enrol_in_a_terminal(&host);
    host.run(&["totp-enroll", "admin", "revoke", "alice", "--yes"]);
    host.wait_until("both are logged", |host| {
        let log = host.log();
        let about = |word: &str| {
            log.iter()
                .any(|line| line.contains("event=") && line.contains("user=alice") && line.contains(word))
        };
        about("by=alice") && about("by=root")
    });
}

#[test]
fn administrators_commands_are_for_root() {
    let host = house();
    host.enrol("alice");
    let before = host.store();
    for words in [
        &["admin", "enroll", "alice", "--json"][..],
        &["admin", "show", "alice"],
        &["admin", "status", "alice", "--json"],
        &["admin", "revoke", "alice", "--yes"],
        &["admin", "unlock", "alice"],
        &["--policy", "/etc/pam_totp/policy.toml", "status"],
    ] {
        let outcome = alice(&host, words, "");
        assert_eq!(outcome.status, 4, "{words:?}: {outcome:?}");
    }
    assert_eq!(host.store(), before);
}

#[test]
fn an_unusable_policy_is_reported_with_its_line() {
    let host = house();
    host.write(POLICY, "\nmode = \"sometimes\"\n");
    let outcome = alice(&host, &["status"], "");
    assert_eq!(outcome.status, 5, "{outcome:?}");
    for part in [POLICY, "2", "sometimes", "required"] {
        assert!(outcome.stderr.contains(part), "`{part}` is missing: {outcome:?}");
    }
}

#[test]
fn a_policy_that_asks_for_what_is_not_there_yet_is_refused() {
    let host = house();
    host.write(POLICY, "strategy = \"sms\"\n");
    let outcome = alice(&host, &["status"], "");
    assert_eq!(outcome.status, 5, "{outcome:?}");
    assert!(outcome.stderr.contains("this version cannot send codes by sms"), "{outcome:?}");
}

#[test]
fn root_works_on_another_policy_and_its_store() {
    let host = house();
    host.must_run(&["install", "-d", "-m", "700", "-o", "_pam_totp", "-g", "_pam_totp", "/var/lib/other"]);
    host.write("/etc/other.toml", "[store]\ndirectory = \"/var/lib/other\"\n");
    let with = ["totp-enroll", "--policy", "/etc/other.toml"];
    let outcome = host.run(&[&with[..], &["admin", "enroll", "alice", "--json"]].concat());
    assert_eq!(outcome.status, 0, "{outcome:?}");
    let other = host.run(&[&with[..], &["admin", "status", "alice", "--json"]].concat());
    assert_eq!(other.json()["configured"], true);
    assert!(!is_configured(&host));
}

#[test]
fn explain_says_where_another_policy_decides() {
    let host = builder().stack("vpn", Stack::CodeWith("policy=/etc/other.toml")).build();
    host.write("/etc/other.toml", "mode = \"disabled\"\n");
    let explain = ["admin", "explain", "alice", "--service", "vpn"];
    let other =
        "decided by another policy, which its auth line names: ask again with --policy /etc/other.toml";
    let outcome = host.run(&[&["totp-enroll"], &explain[..]].concat());
    assert!(outcome.stdout.contains(other), "{outcome:?}");
    let outcome = host.run(&[&["totp-enroll", "--policy", "/etc/other.toml"], &explain[..]].concat());
    assert!(
        !outcome.stdout.contains("another policy") && outcome.stdout.contains("Mode: disabled"),
        "{outcome:?}"
    );
}

#[test]
fn an_address_that_took_no_mail_does_not_replace_one_that_did() {
    let host = house();
    let invite = |address: &str| host.run(&["totp-enroll", "admin", "invite", "alice", "--mail", address]);
    assert_eq!(invite("alice@example.org").status, 0);
    host.mail_fails("no such mailbox");
    let outcome = invite("alcie@example.org");
    assert_eq!(outcome.status, 1, "{outcome:?}");
    assert!(outcome.stderr.contains("no such mailbox; it is withdrawn; without --mail"), "{outcome:?}");
    assert_eq!(status(&host)["mail"], "alice@example.org");
}
