//! A store on a disk that is full or read-only.

use super::{AUTH_ERR, AUTHINFO_UNAVAIL, authenticate, passes, required, says};
use host::{PROOF, STORE};

#[test]
fn logins_work_on_a_full_disk() {
    let host = required().store_size("256k").build();
    let mut phone = host.enrol("alice");
    host.fill_store();
    let code = phone.code();
    passes(&authenticate(&host, &code));
    says(&authenticate(&host, &code), AUTH_ERR);
    says(&authenticate(&host, phone.wrong_code()), AUTH_ERR);
    passes(&authenticate(&host, &phone.recovery_codes[0]));
    says(&authenticate(&host, &phone.recovery_codes[0]), AUTH_ERR);
    passes(&host.run_as("alice", &["totp-enroll", "verify", &phone.code()]));
}

#[test]
fn on_a_full_disk_set_up_fails_whole() {
    let host = required().store_size("256k").build();
    host.fill_store();
    let before = host.store();
    let outcome = host.run(&["totp-enroll", "admin", "enroll", "alice", "--json"]);
    assert_eq!(outcome.status, 5, "{outcome:?}");
    assert!(!outcome.stdout.contains("otpauth"), "{outcome:?}");
    assert_eq!(host.store(), before);
    assert_eq!(host.run_as("alice", &["totp-enroll", "verify", "123456"]).status, 3);
}

#[test]
fn on_a_full_disk_renewal_keeps_the_old_phone() {
    let host = required().policy("[totp]\nwindow = 10\n").store_size("256k").build();
    let mut phone = host.enrol("alice");
    host.fill_store();
    let terminal = host.terminal("alice", &["totp-enroll", "renew"]);
    terminal.shows("Code: ");
    terminal.enters(&phone.code());
    assert_ne!(terminal.exit_status(), 0);
    passes(&authenticate(&host, phone.code()));
}

#[test]
fn a_read_only_store_lets_nobody_in_and_says_so() {
    let host = required().user("bob", "builder").build();
    let mut phone = host.enrol("alice");
    host.make_store_read_only();
    says(&authenticate(&host, phone.code()), AUTHINFO_UNAVAIL);
    says(&authenticate(&host, &phone.recovery_codes[0]), AUTHINFO_UNAVAIL);
    host.wait_for_log(STORE);
    let outcome = host.run(&["totp-enroll", "admin", "enroll", "bob", "--json"]);
    assert_eq!(outcome.status, 5, "{outcome:?}");
    assert!(!outcome.stdout.contains("otpauth"), "{outcome:?}");
}

#[test]
fn an_ordinary_user_gets_a_clear_word_from_a_read_only_store() {
    let host = required().build();
    host.make_store_read_only();
    let outcome = host.terminal("alice", &["totp-enroll", "enroll"]);
    assert_eq!(outcome.exit_status(), 5, "{}", outcome.history());
    assert!(!outcome.history().contains(PROOF));
}
