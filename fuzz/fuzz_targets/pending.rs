//! Any text is a set-up under way that is written as it was read and ends in time, or an error.
#![no_main]

use libfuzzer_sys::fuzz_target;
use totp_core::clock::Timestamp;
use totp_core::pending::{LIVES_FOR, MOST_FAILURES, Pending};
use totp_core::recovery::MOST_CODES;

fuzz_target!(|text: &str| {
    let Ok(pending) = Pending::parse("alice.pending", text) else { return };
    let written = pending.to_toml();
    let again = Pending::parse("alice.pending", &written).expect("what was written can be read");
    assert_eq!(*again.to_toml(), *written);
    assert_eq!(
        (again.purpose, &again.at_login, again.invited),
        (pending.purpose, &pending.at_login, pending.invited)
    );
    if let Some(proven) = pending.at_login.as_ref().and_then(|login| login.proven.as_ref()) {
        assert!(proven.recovery.hashes.len() <= MOST_CODES);
    }
    let lives = pending.failures < MOST_FAILURES;
    assert_eq!(pending.is_alive(pending.begun), lives);
    assert!(!pending.is_alive(pending.begun.plus(LIVES_FOR)));
    if let Some(before) = pending.begun.0.checked_sub(1) {
        assert!(!pending.is_alive(Timestamp(before)));
    }
});
