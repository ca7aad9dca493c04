//! What root does for a user: temporary codes, overrides, revoking, unlocking, contact. Tokens are in tokens.rs,
//! invitations in invitations.rs.

use super::*;
use crate::login::Factor;
use crate::operation::admin::Override;

#[test]
fn a_temporary_code_logs_in_and_authorises_nothing() {
    let mut home = Home::new();
    let (phone, _) = home.sets_up();
    let code = home.issues(2);
    for request in [
        Request::Begin { purpose: Purpose::Renewal, device: None, code: Some(typed(&code)) },
        Request::RenewRecovery { code: typed(&code) },
        Request::Unset { code: typed(&code) },
        Request::Judge { intent: Intent::Verify, typed: typed(&code), second_try: false },
    ] {
        let refused = home.asks(request);
        let refused = match refused {
            Ok(Reply::Judged(judged)) => reason(Ok(judged.verdict)),
            Err(failure) => reason(Err(failure)),
            Ok(_) => panic!("a temporary code authorised something"),
        };
        assert_eq!(refused, Reason::WrongRecoveryCode);
        home.now = home.now.plus(60);
    }
    assert!(home.is_let_in(&code));
    assert_eq!(home.status().temporary_code.map(|left| left.uses_left), Some(1));
    assert!(home.is_let_in(&phone.code(home.now)), "and the phone still counts");
}

#[test]
fn a_temporary_code_ends_by_use_by_time_and_by_revoke() {
    let mut home = Home::new();
    home.sets_up();
    let code = home.issues(1);
    assert!(home.is_let_in(&code));
    assert!(!home.is_let_in(&code));
    let code = home.issues(5);
    home.now = home.now.plus(3600);
    assert!(!home.is_let_in(&code));
    let code = home.issues(5);
    admin::revoke(&home.root()).unwrap();
    home.actor = Actor::Host;
    assert!(!matches!(home.welcomes(&code), Welcome::Accepted(_)));
    let code = home.issues(1);
    assert!(matches!(home.welcomes(&code), Welcome::Accepted(Factor::TemporaryCode { left: 0 })));
    assert!(!matches!(home.welcomes(&code), Welcome::Accepted(_)));
}

#[test]
fn an_override_is_for_its_user_and_its_days() {
    let mut home = Home::new();
    let root = |home: &Home, wanted| {
        admin::set_mode(&home.root(), wanted).unwrap();
    };
    let until = crate::clock::Day::parse("2026-09-22");
    root(&home, Some(Override { mode: Mode::Required, until }));
    assert_eq!(home.names(), ["alice.mode"]);
    assert_eq!(home.status().mode, Mode::Required);
    assert_eq!(
        home.status().overridden.map(|made| (made.mode, made.by)),
        Some((Mode::Required, "root".into()))
    );
    home.account.uid += 1;
    assert_eq!(home.status().mode, Mode::Optional, "another user of the same name");
    home.account.uid -= 1;
    home.now = home.now.plus(2 * 24 * 3600);
    assert_eq!(home.status().mode, Mode::Optional);
    root(&home, None);
    assert_eq!(home.names(), Vec::<String>::new());
}

#[test]
fn an_override_outlives_a_revoke_and_nothing_outlives_a_prune() {
    let mut home = Home::new();
    home.sets_up();
    let root = home.root();
    admin::set_mode(&root, Some(Override { mode: Mode::Disabled, until: None })).unwrap();
    admin::revoke(&root).unwrap();
    assert_eq!(home.names(), ["alice.mode"]);
    assert_eq!(admin::revoke(&root), Err(Failure::NotConfigured));
    home.issues(1);
    admin::prune(&root).unwrap();
    assert_eq!(home.names(), Vec::<String>::new());
}

#[test]
fn revoking_also_removes_what_cannot_be_read() {
    let mut home = Home::new();
    home.sets_up();
    fs::write(home.directory.path().join("alice.toml"), "nonsense").unwrap();
    assert!(matches!(home.asks(Request::Status), Err(Failure::UserUnusable(_))));
    home.actor = Actor::Root;
    admin::revoke(&home.context()).unwrap();
    assert_eq!(home.names(), Vec::<String>::new());
    assert_eq!(admin::revoke(&home.context()), Err(Failure::NotConfigured));
}

#[test]
fn unlocking_ends_the_wait_and_opens_no_used_code() {
    let mut home = Home::new();
    let (phone, _) = home.sets_up();
    for _ in 0..6 {
        let _ = home.judges("000000");
    }
    assert!(home.status().throttled_for > 0);
    assert_eq!(reason(home.judges(&phone.code(home.now))), Reason::Throttled);
    admin::unlock(&home.context()).unwrap();
    assert_eq!(home.status().throttled_for, 0);
    assert_eq!(reason(home.judges(&phone.code(NOON))), Reason::UsedCode);
    assert!(home.is_let_in(&phone.code(home.now)));
}

#[test]
fn contact_is_noted_without_touching_the_devices() {
    let mut home = Home::new();
    let (phone, _) = home.sets_up();
    let root = home.root();
    let mail = |mail: &str| admin::Contact { phone: None, mail: Some(mail.into()) };
    admin::contact(&root, mail("alice@example.org")).unwrap();
    let number = admin::Contact { phone: Some("+4915112345678".into()), mail: None };
    admin::contact(&root, number).unwrap();
    let stored = home.store.credential(&home.account.name).unwrap().unwrap();
    assert_eq!(stored.mail.as_deref(), Some("alice@example.org"));
    assert_eq!(stored.phone.as_deref(), Some("+4915112345678"));
    assert!(home.is_let_in(&phone.code(home.now)));
}
