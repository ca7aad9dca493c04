//! Devices that root sets up or sets right: tokens that count, secrets that were in a token before, clocks that are
//! wrong.

use super::*;

fn counter_code(secret: &str, counter: u64) -> String {
    let parameters = Parameters { kind: Kind::Hotp, digits: 6, algorithm: Algorithm::Sha1 };
    Generator::new(&Secret::from_base32(secret).unwrap(), parameters).code(counter)
}

#[test]
fn a_token_that_counts_logs_in_and_is_found_again_after_its_state_was_lost() {
    let mut home = Home::new();
    let root = home.root();
    let (shown, _) = admin::enroll(&root, admin::Unattended::Counter, admin::Contact::default()).unwrap();
    assert!(shown.uri.starts_with("otpauth://hotp/") && shown.uri.ends_with("&counter=0"), "{}", *shown.uri);
    let code = |counter| counter_code(&shown.secret, counter);
    assert!(home.is_let_in(&code(0)) && home.is_let_in(&code(3)) && !home.is_let_in(&code(3)));
    assert!(!home.is_let_in(&code(40)), "beyond the look-ahead");

    fs::remove_file(home.directory.path().join("alice.state")).unwrap();
    home.now = home.now.plus(3600);
    assert_eq!(reason(home.judges(&code(41))), Reason::Unsynchronised);
    let resync = |home: &Home, first: &str, second: &str| admin::resync(&home.root(), None, first, second);
    assert!(resync(&home, &code(41), &code(43)).is_err());
    assert_eq!(resync(&home, &code(41), &code(42)), Ok(admin::Resynced::Counter(43)));
    home.now = home.now.plus(3600);
    assert!(!home.is_let_in(&code(42)) && home.is_let_in(&code(43)));
}

#[test]
fn a_phone_whose_clock_is_wrong_logs_in_after_a_resync_and_no_code_twice() {
    let mut home = Home::new();
    let (phone, _) = home.sets_up();
    let ahead = |home: &Home| home.now.plus(1200);
    assert!(!home.is_let_in(&phone.code(ahead(&home))));
    let (first, second) = (phone.code(ahead(&home)), phone.code(ahead(&home).plus(30)));
    home.now = home.now.plus(30);
    let root = home.root();
    assert_eq!(admin::resync(&root, None, &first, &second), Ok(admin::Resynced::ClockOffset(1200)));
    assert!(!home.is_let_in(&first) && !home.is_let_in(&second));
    home.now = home.now.plus(60);
    assert!(home.is_let_in(&phone.code(ahead(&home))));
}

#[test]
fn a_secret_that_is_in_a_token_already_is_taken() {
    let home = Home::new();
    let root = home.root();
    let secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
    let given = admin::Unattended::Given(Secret::from_base32(secret).unwrap());
    let (shown, _) = admin::enroll(&root, given, admin::Contact::default()).unwrap();
    assert_eq!(*shown.secret, secret);
    assert!(home.is_let_in(&Phone::with(secret).code(home.now)));
}
