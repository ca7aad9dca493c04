//! Set-up with the tool, and by root without the user: what it takes until a phone counts, and how it ends early.

use super::*;
use crate::pending::{LIVES_FOR, MOST_FAILURES};

#[test]
fn nothing_counts_before_the_first_code_is_proven() {
    let home = Home::new();
    let begun = home.begins(Purpose::First, None, None).unwrap();
    assert!(!home.status().configured);
    assert!(matches!(home.judges(&Phone::with(&begun.secret).code(NOON)), Err(Failure::NotConfigured)));
    assert_eq!(home.confirms(&begun, "000000").err(), Some(Failure::NotProven { left: MOST_FAILURES - 1 }));
    assert!(!home.status().configured);
    assert_eq!(home.names(), ["alice.pending", "alice.state"]);
}

#[test]
fn a_set_up_starts_with_the_step_just_proven_and_gives_recovery_codes() {
    let mut home = Home::new();
    let (phone, confirmed) = home.sets_up();
    assert_eq!(confirmed.recovery_codes.len(), 10);
    assert!(!home.is_let_in(&phone.code(NOON)), "the proving code is spent");
    assert!(home.is_let_in(&phone.code(home.now)));
    assert!(home.is_let_in(&confirmed.recovery_codes[3]));
    assert!(!home.is_let_in(&confirmed.recovery_codes[3]));
    let status = home.status();
    assert!(status.configured);
    assert_eq!((status.devices.len(), status.recovery_codes_left), (1, 9));
    assert_eq!(home.names(), ["alice.state", "alice.toml"]);
}

#[test]
fn the_store_holds_no_recovery_code_and_the_log_no_secret() {
    let mut home = Home::new();
    let (phone, confirmed) = home.sets_up();
    let code = phone.code(home.now);
    home.is_let_in(&code);
    home.is_let_in(&confirmed.recovery_codes[0]);
    let secrets: Vec<String> = confirmed
        .recovery_codes
        .iter()
        .flat_map(|printed| [printed.to_string(), printed.replace('-', "")])
        .collect();
    for (name, bytes) in home.files() {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        assert!(secrets.iter().all(|secret| !text.contains(secret)), "{name}");
    }
    let log = home.lines.0.borrow().join("\n");
    assert!(log.contains("event=login result=accepted user=alice"), "{log}");
    let secret = phone.0.to_base32();
    for text in secrets.iter().chain([&code, &*secret]) {
        assert!(!log.contains(text.as_str()), "{text} in {log}");
    }
}

#[test]
fn an_unattended_set_up_spends_no_step() {
    let mut home = Home::new();
    home.actor = Actor::Root;
    let (shown, codes) =
        admin::enroll(&home.context(), admin::Unattended::Drawn, admin::Contact::default()).unwrap();
    assert_eq!(codes.len(), 10);
    let before = home.files();
    assert!(matches!(
        admin::enroll(&home.context(), admin::Unattended::Drawn, admin::Contact::default()),
        Err(Failure::Impossible(_))
    ));
    assert_eq!(home.files(), before, "a second one changes nothing");
    assert!(home.is_let_in(&Phone::with(&shown.secret).code(NOON)));
}

#[test]
fn the_newest_begin_wins_and_a_set_up_is_confirmed_once() {
    let home = Home::new();
    let first = home.begins(Purpose::First, None, None).unwrap();
    let second = home.begins(Purpose::First, None, None).unwrap();
    let code = |begun: &Begun| Phone::with(&begun.secret).code(NOON);
    assert!(matches!(home.confirms(&first, &code(&first)), Err(Failure::Impossible(_))));
    assert!(home.confirms(&second, &code(&second)).is_ok());
    assert!(matches!(home.confirms(&second, &code(&second)), Err(Failure::Impossible(_))));
}

#[test]
fn a_set_up_dies_of_age_and_of_wrong_codes() {
    let mut home = Home::new();
    let begun = home.begins(Purpose::First, None, None).unwrap();
    for left in (0..MOST_FAILURES).rev() {
        assert_eq!(home.confirms(&begun, "000000").err(), Some(Failure::NotProven { left }));
    }
    let right = Phone::with(&begun.secret).code(NOON);
    assert!(matches!(home.confirms(&begun, &right), Err(Failure::Impossible(_))));

    let begun = home.begins(Purpose::First, None, None).unwrap();
    home.now = home.now.plus(LIVES_FOR);
    let right = Phone::with(&begun.secret).code(home.now);
    assert!(matches!(home.confirms(&begun, &right), Err(Failure::Impossible(_))));
    assert_eq!(home.names(), ["alice.state"]);
}

#[test]
fn a_set_up_is_not_confirmed_on_another_credential_than_it_began_with() {
    let home = Home::new();
    let begun = home.begins(Purpose::First, None, None).unwrap();
    // As by another way into the store, or one of a later version.
    let credential = Credential { uid: home.account.uid, ..crate::credential::tests::example() };
    home.store.lock(&home.account.name).unwrap().write_credential(&credential).unwrap();
    let code = Phone::with(&begun.secret).code(NOON);
    assert!(matches!(home.confirms(&begun, &code), Err(Failure::Impossible(_))));
    let stands = home.store.credential(&home.account.name).unwrap().unwrap();
    assert_eq!(*stands.to_toml(), *credential.to_toml());
    assert_eq!(home.names(), ["alice.state", "alice.toml"]);
}

#[test]
fn abandoning_ends_only_the_set_up_it_names() {
    let home = Home::new();
    let first = home.begins(Purpose::First, None, None).unwrap();
    let second = home.begins(Purpose::First, None, None).unwrap();
    home.asks(Request::Abandon { nonce: first.nonce }).unwrap();
    assert_eq!(home.names(), ["alice.pending", "alice.state"]);
    home.asks(Request::Abandon { nonce: second.nonce }).unwrap();
    assert_eq!(home.names(), Vec::<String>::new());
}

#[test]
fn a_second_first_set_up_is_refused() {
    let mut home = Home::new();
    home.sets_up();
    assert!(matches!(home.begins(Purpose::First, None, None), Err(Failure::Impossible(_))));
}
