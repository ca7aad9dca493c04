//! Set-up during login, which counts when the session opens, and putting it off.

use super::*;
use crate::login::newcomer::Grace;
use crate::pending::LIVES_FOR;

const SSHD: &str = "sshd";

#[test]
fn a_set_up_during_login_counts_when_its_session_opens_and_not_before() {
    let mut home = at_login();
    let (begun, phone) = home.proven(false);
    assert!(!home.status().configured);
    assert_eq!(home.opens(Some(&begun)), Ok(SessionStart::Activated));
    let status = home.status();
    assert_eq!((status.configured, status.recovery_codes_left), (true, 10));
    assert!(status.last_login.is_some(), "it was a login with a code");
    assert!(!home.is_let_in(&phone.code(home.now)), "the proving code is spent");
    home.now = home.now.plus(30);
    assert!(home.is_let_in(&phone.code(home.now)));
    assert_eq!(home.names(), ["alice.state", "alice.toml"]);
    assert!(home.opens(Some(&begun)).is_err(), "and once only");
    assert_eq!(home.opens(None), Ok(SessionStart::Nothing));
    let log = home.lines.0.borrow().join("\n");
    assert!(log.contains("event=setup result=done user=alice service=test from=local by=alice"), "{log}");
}

#[test]
fn a_set_up_whose_process_was_killed_when_it_was_done_keeps_no_later_login_out() {
    let home = at_login();
    let (begun, _) = home.proven(false);
    let pending = home.directory.path().join("alice.pending");
    let left_behind = fs::read(&pending).unwrap();
    assert_eq!(home.opens(Some(&begun)), Ok(SessionStart::Activated));
    fs::write(&pending, left_behind).unwrap();
    fs::set_permissions(&pending, Permissions::from_mode(0o600)).unwrap();
    assert_eq!(home.opens(None), Ok(SessionStart::Nothing));
    assert!(home.opens(Some(&begun)).is_err(), "it was opened already");
}

#[test]
fn an_unproven_set_up_opens_no_session() {
    let home = at_login();
    let begun = home.begins_at_login(false).unwrap();
    assert!(home.opens(Some(&begun)).is_err());
    assert!(matches!(home.proves(&begun, "000000"), Err(Failure::NotProven { .. })));
    assert!(home.opens(Some(&begun)).is_err());
    assert!(!home.status().configured);
}

#[test]
fn a_proven_set_up_is_for_its_service_its_nonce_and_fifteen_minutes() {
    let mut home = at_login();
    let (begun, _) = home.proven(false);
    let elsewhere = Context { service: SSHD, ..home.context() };
    let open = |context: &Context<'_>| perform(context, Request::OpenSession { nonce: Some(begun.nonce) });
    assert!(open(&elsewhere).is_err());
    let other = Begun { nonce: crate::pending::Nonce::generate().unwrap(), ..home.proven(false).0 };
    assert!(home.opens(Some(&other)).is_err());
    assert!(home.opens(Some(&begun)).is_err(), "the newest begin wins");
    let (begun, _) = home.proven(false);
    home.now = home.now.plus(LIVES_FOR);
    assert!(home.opens(Some(&begun)).is_err());
    assert!(!home.status().configured);
}

#[test]
fn a_login_that_lost_its_marker_is_refused_while_a_proven_set_up_waits() {
    let mut home = at_login();
    let begun = home.begins_at_login(false).unwrap();
    assert_eq!(home.opens(None), Ok(SessionStart::Nothing), "nothing is proven yet");
    home.proves(&begun, &Phone::with(&begun.secret).code(home.now)).unwrap();
    assert!(home.opens(None).is_err());
    let elsewhere = Context { service: SSHD, ..home.context() };
    assert!(perform(&elsewhere, Request::OpenSession { nonce: None }).is_ok());
    home.now = home.now.plus(LIVES_FOR);
    assert_eq!(home.opens(None), Ok(SessionStart::Nothing));
}

#[test]
fn a_set_up_during_login_cannot_be_confirmed_by_the_tool() {
    let mut home = at_login();
    let begun = home.begins_at_login(false).unwrap();
    home.actor = Actor::Owner;
    let code = Phone::with(&begun.secret).code(home.now);
    assert!(matches!(home.confirms(&begun, &code), Err(Failure::Impossible(_))));
    assert!(!home.status().configured);
}

#[test]
fn who_is_no_login_program_may_ask_for_none_of_it() {
    let mut home = at_login();
    let begun = home.begins_at_login(false).unwrap();
    let before = home.files();
    home.actor = Actor::Owner;
    let nonce = begun.nonce;
    let requests: [Request; 6] = [
        Request::Welcome { typed: typed("x") },
        Request::BeginAtLogin { nonce, invited: None },
        Request::ProveAtLogin { nonce, code: typed(&Phone::with(&begun.secret).code(home.now)) },
        Request::Outlook,
        Request::PutOff,
        Request::OpenSession { nonce: Some(nonce) },
    ];
    for request in requests {
        assert!(matches!(home.asks(request), Err(Failure::NotPermitted(_))));
    }
    assert_eq!(home.files(), before);
}

#[test]
fn ending_what_was_never_begun_leaves_nothing() {
    let home = at_login();
    let nonce = crate::pending::Nonce::generate().unwrap();
    home.asks(Request::Abandon { nonce }).unwrap();
    assert!(home.asks(Request::OpenSession { nonce: Some(nonce) }).is_err());
    assert_eq!(home.names(), Vec::<String>::new());
}

#[test]
fn a_user_set_up_meanwhile_is_not_set_up_again() {
    let mut home = at_login();
    let (begun, _) = home.proven(false);
    home.actor = Actor::Root;
    admin::enroll(&home.context(), admin::Unattended::Drawn, admin::Contact::default()).unwrap();
    home.actor = Actor::Host;
    assert!(home.opens(Some(&begun)).is_err());
    assert!(matches!(home.begins_at_login(false), Err(Failure::Impossible(_))));
}

#[test]
fn putting_off_is_counted_across_set_up_and_revoke() {
    let mut home = at_login();
    home.policy.enrollment.grace_logins = 2;
    let puts_off = |home: &Home| match home.asks(Request::PutOff) {
        Ok(Reply::PutOff(left)) => Some(left),
        Err(Failure::NotConfigured) => None,
        _ => panic!("put off is answered by what is left"),
    };
    assert_eq!(puts_off(&home), Some(Grace::Logins(1)));
    assert_eq!(home.status().grace, Some(Grace::Logins(1)));
    let (begun, _) = home.proven(false);
    home.opens(Some(&begun)).unwrap();
    admin::revoke(&home.root()).unwrap();
    assert_eq!(puts_off(&home), Some(Grace::Logins(0)));
    assert_eq!(puts_off(&home), None);
    home.now = home.now.plus(1);
    assert_eq!(home.status().grace, None);
}

#[test]
fn a_set_up_or_its_end_that_is_cut_short_gives_no_login_of_grace_back() {
    let mut home = at_login();
    home.policy.enrollment.grace_logins = 1;
    home.asks(Request::PutOff).unwrap();
    let (begun, _) = home.proven(false);
    home.opens(Some(&begun)).unwrap();
    // As a process leaves it that is killed before the credential is in place, or just after it went away.
    fs::remove_file(home.directory.path().join("alice.toml")).unwrap();
    assert!(matches!(home.asks(Request::PutOff), Err(Failure::NotConfigured)));
    home.opens(None).unwrap();
    let (begun, _) = home.proven(false);
    home.opens(Some(&begun)).unwrap();
    assert!(home.status().configured);
    // Another user of that name puts off as often as anybody.
    home.account.uid = 1001;
    assert!(matches!(home.asks(Request::PutOff), Err(Failure::Orphaned(_))));
    admin::prune(&home.context()).unwrap();
    assert!(home.asks(Request::PutOff).is_ok());
}

#[test]
fn putting_off_ends_a_set_up_that_was_cut_off() {
    let mut home = at_login();
    home.policy.enrollment.grace_logins = 5;
    let (begun, _) = home.proven(false);
    home.asks(Request::PutOff).unwrap();
    assert!(home.opens(Some(&begun)).is_err());
    assert_eq!(home.opens(None), Ok(SessionStart::Nothing));
}
