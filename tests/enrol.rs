//! totp-enroll sets a phone up, in a terminal of 80x24.

#![forbid(unsafe_code)]

mod tool;

use host::PROOF;
use tool::{DONE, alice, builder, enrol_in_a_terminal, house, is_configured, passes, scan};

#[test]
fn enrolling_shows_a_code_to_scan_checks_the_first_code_and_gives_recovery_codes() {
    let host = house();
    let phone = enrol_in_a_terminal(&host);
    assert_eq!(phone.recovery_codes.len(), 10);
    assert!(phone.label().ends_with("alice"), "{phone:?}");
    assert_eq!(phone.issuer(), Some("house"));
    assert!(is_configured(&host));
    assert_eq!(host.store_names(), ["alice.state", "alice.toml"]);
}

#[test]
fn before_the_qr_code_users_are_told_what_they_must_know() {
    let host = house();
    let terminal = host.terminal("alice", &["totp-enroll", "enroll"]);
    let told = terminal.asks_for_proof().to_lowercase();
    for word in ["scan", "cannot log in", "clock", "app"] {
        assert!(told.contains(word), "`{word}` is not in what is said:\n{told}");
    }
}

#[test]
fn the_code_that_proved_the_phone_does_not_log_in() {
    let host = house();
    let terminal = host.terminal("alice", &["totp-enroll", "enroll"]);
    let mut phone = scan(&terminal);
    let proof = phone.code();
    terminal.enters(&proof);
    terminal.shows(DONE);
    assert!(!passes(&host, &proof));
    assert!(passes(&host, &phone.code()));
}

#[test]
fn recovery_codes_shown_at_enrolment_log_in() {
    let host = house();
    let phone = enrol_in_a_terminal(&host);
    for code in &phone.recovery_codes[..2] {
        assert!(passes(&host, code));
        assert!(!passes(&host, code));
    }
}

#[test]
fn the_secret_shown_as_text_is_that_of_the_qr_code() {
    let host = house();
    let terminal = host.terminal("alice", &["totp-enroll", "enroll"]);
    let phone = scan(&terminal);
    let shown: String = terminal.history().split_whitespace().collect();
    assert!(shown.contains(phone.secret()), "the text does not name the secret:\n{}", terminal.history());
}

#[test]
fn a_wrong_first_code_is_asked_for_again() {
    let host = house();
    let terminal = host.terminal("alice", &["totp-enroll", "enroll"]);
    let mut phone = scan(&terminal);
    terminal.enters(&phone.wrong_code());
    terminal.shows_times(PROOF.trim_end(), 2);
    terminal.enters(&phone.code());
    terminal.shows(DONE);
    assert!(passes(&host, &phone.code()));
}

#[test]
fn three_wrong_first_codes_set_nothing_up() {
    let host = house();
    let terminal = host.terminal("alice", &["totp-enroll", "enroll"]);
    let phone = scan(&terminal);
    for attempt in 1..=3 {
        terminal.shows_times(PROOF.trim_end(), attempt);
        terminal.enters(&phone.wrong_code());
    }
    assert_eq!(terminal.exit_status(), 1);
    assert!(!is_configured(&host));
}

#[test]
fn enrolling_again_changes_nothing() {
    let host = house();
    host.enrol("alice");
    let before = host.store();
    let terminal = host.terminal("alice", &["totp-enroll", "enroll"]);
    assert_eq!(terminal.exit_status(), 1);
    assert_eq!(host.store(), before);
}

#[test]
fn without_a_command_it_sets_up_what_is_missing() {
    let host = house();
    let terminal = host.terminal("alice", &["totp-enroll"]);
    let mut phone = scan(&terminal);
    terminal.enters(&phone.code());
    terminal.shows(DONE);
    assert!(passes(&host, &phone.code()));
}

#[test]
fn in_disabled_mode_users_are_told_that_set_up_has_no_effect_yet() {
    let host = builder().policy("mode = \"disabled\"\n[totp]\nwindow = 10\n").build();
    let terminal = host.terminal("alice", &["totp-enroll", "enroll"]);
    let told = terminal.asks_for_proof();
    assert!(told.contains("no effect"), "{told}");
}

#[test]
fn a_second_device_takes_a_code_and_works_beside_the_first() {
    let host = house();
    let mut phone = host.enrol("alice");
    let terminal = host.terminal("alice", &["totp-enroll", "enroll", "--device", "tablet"]);
    terminal.shows("Code: ");
    terminal.enters(&phone.code());
    let mut tablet = scan(&terminal);
    assert_ne!(tablet.secret(), phone.secret());
    terminal.enters(&tablet.code());
    assert_eq!(terminal.exit_status(), 0);
    assert!(passes(&host, &phone.code()));
    let code = tablet.code();
    assert!(passes(&host, &code));
    assert!(!passes(&host, &code));
    let listed = alice(&host, &["devices"], "");
    assert!(listed.stdout.contains("tablet"), "{listed:?}");
}
