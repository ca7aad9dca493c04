//! Invitations: one sets one user up once, by hand or by mail, with the tool or during login.

use super::*;
use crate::issued::Handover;
use crate::login::newcomer;

#[test]
fn an_invitation_is_good_once_also_for_two_at_once() {
    let mut home = at_login();
    home.policy.enrollment.needs_invitation = true;
    assert!(home.begins_at_login(false).is_err());
    let code = home.invites(Delivery::ByHand).unwrap();
    assert_eq!(home.invitation_of(&code), home.invitation_of(&code), "looking at it spends nothing");
    let (begun, _) = home.proven(true);
    assert_eq!(home.opens(Some(&begun)), Ok(SessionStart::Activated));
    admin::revoke(&home.root()).unwrap();
    assert_eq!(home.welcomes(&code), Welcome::NotInvited);

    // The tool and a login with one invitation: whichever counts first.
    let invited = admin::invite(&home.root(), 3600, Delivery::ByHand).unwrap();
    let (begun, _) = home.proven(true);
    admin::withdraw_invitation(&home.root(), &invited).unwrap();
    assert!(home.opens(Some(&begun)).is_err());
    assert!(!home.status().configured);
    assert_eq!(home.welcomes(&invited.code), Welcome::NotInvited);
}

#[test]
fn a_set_up_that_cannot_be_written_spends_no_invitation() {
    let mut home = at_login();
    home.policy.enrollment.needs_invitation = true;
    home.policy.enrollment.grace_logins = 2;
    home.asks(Request::PutOff).unwrap();
    let invitation = home.invites(Delivery::ByHand).unwrap();
    home.issues(2);
    let before = home.context().newcomer().unwrap();
    let (begun, phone) = home.proven(true);
    // Nothing can be written in its place, as on a full disk.
    fs::create_dir(home.directory.path().join(".alice.toml.new")).unwrap();
    assert!(matches!(home.opens(Some(&begun)), Err(Failure::UserUnusable(_))));
    assert_eq!(home.context().newcomer().unwrap(), before);
    fs::remove_dir(home.directory.path().join(".alice.toml.new")).unwrap();
    home.invitation_of(&invitation);
    assert_eq!(home.opens(Some(&begun)), Ok(SessionStart::Activated));
    assert_eq!(reason(home.judges(&phone.code(home.now))), Reason::UsedCode);
}

#[test]
fn what_an_invitation_began_ends_with_no_other() {
    let mut home = at_login();
    home.policy.enrollment.needs_invitation = true;
    // Whoever has seen the first one is not let in by the one that was made in its place.
    let first = home.invitation_of(&home.invites(Delivery::ByHand).unwrap());
    let (begun, _) = home.proven(true);
    let second = home.invites(Delivery::ByHand).unwrap();
    assert!(home.opens(Some(&begun)).is_err());
    assert!(matches!(home.begins_with(Some(first)), Err(Failure::Impossible(_))));
    assert!(!home.status().configured);
    home.actor = Actor::Owner;
    let begun = home.begins(Purpose::First, None, Some(&second)).unwrap();
    let third = home.invites(Delivery::ByHand).unwrap();
    assert!(home.confirms(&begun, &Phone::with(&begun.secret).code(home.now)).is_err());
    assert!(!home.status().configured);
    home.actor = Actor::Host;
    assert!(home.begins_with(Some(home.invitation_of(&third))).is_ok(), "the last one stands");
}

#[test]
fn an_invitation_in_the_place_of_another_ends_what_was_begun_with_that() {
    let mut home = at_login();
    home.policy.enrollment.needs_invitation = true;
    home.invites(Delivery::ByHand).unwrap();
    let (at_login, _) = home.proven(true);
    let code = home.invites(Delivery::ByHand).unwrap();
    assert!(home.opens(Some(&at_login)).is_err());
    let begun = home.begins(Purpose::First, None, Some(&code)).unwrap();
    home.invites(Delivery::ByHand).unwrap();
    assert!(home.confirms(&begun, &Phone::with(&begun.secret).code(home.now)).is_err());
    assert!(!home.status().configured);
}

#[test]
fn an_invitation_expires_and_a_new_one_takes_its_place() {
    let mut home = at_login();
    home.policy.enrollment.needs_invitation = true;
    let first = home.invites(Delivery::ByHand).unwrap();
    let second = home.invites(Delivery::ByHand).unwrap();
    assert_eq!(home.welcomes(&first), Welcome::NotInvited);
    home.invitation_of(&second);
    assert!(home.status().invited_until.is_some());
    home.now = home.now.plus(3600);
    assert_eq!(home.welcomes(&second), Welcome::NotInvited);
    assert!(home.status().invited_until.is_none());
}

#[test]
fn the_tool_takes_an_invitation_where_one_is_needed() {
    let mut home = Home::new();
    home.policy.enrollment.needs_invitation = true;
    assert!(matches!(home.begins(Purpose::First, None, None), Err(Failure::NotPermitted(_))));
    let wrong = home.begins(Purpose::First, None, Some("AAAA-BBBB-CCCC-DDDD"));
    assert!(matches!(wrong, Err(Failure::Impossible(_))));
    let code = home.invites(Delivery::ByHand).unwrap();
    let begun = home.begins(Purpose::First, None, Some(&code)).unwrap();
    home.confirms(&begun, &Phone::with(&begun.secret).code(home.now)).unwrap();
    assert!(home.status().configured);
    assert!(matches!(home.invites(Delivery::ByHand), Err(Failure::Impossible(_))), "none is needed any more");
}

#[test]
fn a_login_mails_no_invitation_in_the_place_of_one_that_is_under_way() {
    let mut home = at_login();
    home.policy.enrollment.needs_invitation = true;
    home.policy.enrollment.mail_invitations = true;
    let mail = |home: &Home| home.invites(Delivery::AtLogin);
    let first = admin::invite(&home.root(), 3600, Delivery::Mail("alice@example.org".into())).unwrap();
    admin::invitation_mailed(&home.root(), &first).unwrap();
    assert!(matches!(mail(&home), Err(Failure::Impossible(_))), "many at once send one");
    home.now = home.now.plus(newcomer::BETWEEN_MAILS);
    mail(&home).unwrap();
    let by_hand = home.invites(Delivery::ByHand).unwrap();
    home.now = home.now.plus(newcomer::BETWEEN_MAILS);
    assert!(matches!(mail(&home), Err(Failure::Impossible(_))));
    home.invitation_of(&by_hand);
    home.now = home.now.plus(3600);
    mail(&home).unwrap();
}

#[test]
fn an_invitation_that_could_not_be_mailed_takes_no_other_with_it() {
    let home = at_login();
    let mailed = admin::invite(&home.root(), 3600, Delivery::Mail("alice@example.org".into())).unwrap();
    let by_hand = home.invites(Delivery::ByHand).unwrap();
    admin::withdraw_invitation(&home.root(), &mailed).unwrap();
    admin::invitation_mailed(&home.root(), &mailed).unwrap();
    home.invitation_of(&by_hand);
    assert!(matches!(home.asks(Request::Outlook), Ok(Reply::Outlook(Outlook { handed_over: true, .. }))));
}

#[test]
fn what_becomes_of_a_mail_concerns_its_own_invitation_alone() {
    let home = at_login();
    let root = home.root();
    let first = admin::invite(&root, 3600, Delivery::Mail("alice@example.org".into())).unwrap();
    let second = home.invites(Delivery::ByHand).unwrap();
    admin::invitation_mailed(&root, &first).unwrap();
    admin::withdraw_invitation(&root, &first).unwrap();
    assert!(matches!(home.welcomes(&second), Welcome::Invited(_)));
    let state = root.store.lock(&root.account.name).unwrap().newcomer(root.account.uid).unwrap();
    assert_eq!(state.invitation.unwrap().handover, Handover::ByHand);
    assert_eq!(state.mail, None, "where the first went is not remembered either");
}

#[test]
fn an_address_is_remembered_through_set_up_and_revoke_but_not_by_another_uid() {
    let mut home = at_login();
    home.policy.enrollment.needs_invitation = true;
    home.policy.enrollment.mail_invitations = true;
    assert!(matches!(home.invites(Delivery::KnownMail), Err(Failure::Impossible(_))));
    assert_eq!(home.names(), Vec::<String>::new());
    home.invites(Delivery::Mail("wrong@example.org".into())).unwrap();
    assert_eq!(home.status().mail, None, "an address that took no mail is not remembered");
    let root = home.root();
    let invited = admin::invite(&root, 3600, Delivery::Mail("alice@example.org".into())).unwrap();
    admin::invitation_mailed(&root, &invited).unwrap();
    let (begun, _) = home.proven(true);
    home.opens(Some(&begun)).unwrap();
    assert_eq!(home.status().mail.as_deref(), Some("alice@example.org"));
    admin::revoke(&home.root()).unwrap();
    assert_eq!(home.status().mail.as_deref(), Some("alice@example.org"));
    assert!(home.invites(Delivery::KnownMail).is_ok());
    home.account.uid += 1;
    assert_eq!(home.status().mail, None);
}
