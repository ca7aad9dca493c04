//! What brings users to a phone: invitations, temporary codes, overrides, and set-up during login.

use super::*;
use crate::issued::{Handover, InvitationId};
use crate::login::newcomer::{self, Grace, Welcome};
use crate::operation::admin::{Delivery, Override};

const SSHD: &str = "sshd";

/// A login program at work on a user who is not set up.
fn at_login() -> Home {
    let mut home = Home::new();
    home.policy.mode = Mode::Required;
    home.actor = Actor::Host;
    home
}

impl Home {
    fn welcomes(&self, answer: &str) -> Welcome {
        match self.asks(Request::Welcome { typed: typed(answer) }) {
            Ok(Reply::Welcome(welcome)) => welcome,
            other => panic!("{:?}", other.err()),
        }
    }

    /// With the invitation there is, if there shall be one.
    fn begins_at_login(&self, invited: bool) -> Result<Begun, Failure> {
        let invitation = || self.context().newcomer().unwrap().invitation.map(|found| found.id());
        self.begins_with(if invited { invitation() } else { None })
    }

    fn begins_with(&self, invited: Option<InvitationId>) -> Result<Begun, Failure> {
        let nonce = crate::pending::Nonce::generate().unwrap();
        match self.asks(Request::BeginAtLogin { nonce, invited })? {
            Reply::Begun(begun) => Ok(begun),
            _ => panic!("begin is answered by begun"),
        }
    }

    fn proves(&self, begun: &Begun, code: &str) -> Result<usize, Failure> {
        match self.asks(Request::ProveAtLogin { nonce: begun.nonce, code: typed(code) })? {
            Reply::RecoveryCodes(codes) => Ok(codes.len()),
            _ => panic!("prove is answered by recovery codes"),
        }
    }

    fn opens(&self, begun: Option<&Begun>) -> Result<SessionStart, Failure> {
        match self.asks(Request::OpenSession { nonce: begun.map(|begun| begun.nonce) })? {
            Reply::Session(start) => Ok(start),
            _ => panic!("open is answered by session"),
        }
    }

    /// Begins and proves; the session has yet to open.
    fn proven(&self, invited: bool) -> (Begun, Phone) {
        let begun = self.begins_at_login(invited).unwrap();
        let phone = Phone::with(&begun.secret);
        assert_eq!(self.proves(&begun, &phone.code(self.now)), Ok(10));
        (begun, phone)
    }

    fn root(&self) -> Context<'_> {
        Context { actor: Actor::Root, ..self.context() }
    }

    fn invites(&self, delivery: Delivery) -> Result<String, Failure> {
        admin::invite(&self.root(), 3600, delivery).map(|invited| invited.code.to_string())
    }

    /// The set-up that this code opens.
    fn invitation_of(&self, code: &str) -> InvitationId {
        match self.welcomes(code) {
            Welcome::Invited(invitation) => invitation,
            other => panic!("{other:?}"),
        }
    }

    fn issues(&self, uses: u8) -> String {
        let root = Context { actor: Actor::Root, ..self.context() };
        admin::code(&root, 3600, uses).unwrap().0.to_string()
    }
}

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
fn an_invitation_is_good_once_also_for_two_at_once() {
    let mut home = at_login();
    home.policy.enrollment.needs_invitation = true;
    assert!(home.begins_at_login(false).is_err());
    let code = home.invites(Delivery::ByHand).unwrap();
    assert_eq!(home.invitation_of(&code), home.invitation_of(&code), "looking at it spends nothing");
    let (begun, _) = home.proven(true);
    assert_eq!(home.opens(Some(&begun)), Ok(SessionStart::Activated));
    admin::revoke(&Context { actor: Actor::Root, ..home.context() }).unwrap();
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
fn what_becomes_of_a_mail_concerns_its_own_invitation_alone() {
    let home = at_login();
    let root = Context { actor: Actor::Root, ..home.context() };
    let first = admin::invite(&root, 3600, Delivery::Mail("alice@example.org".into())).unwrap();
    let second = home.invites(Delivery::ByHand).unwrap();
    admin::invitation_mailed(&root, &first).unwrap();
    admin::withdraw_invitation(&root, &first).unwrap();
    assert!(matches!(home.welcomes(&second), Welcome::Invited(_)));
    let state = root.store.lock(&root.account.name).unwrap().newcomer(root.account.uid);
    assert_eq!(state.invitation.unwrap().handover, Handover::ByHand);
    assert_eq!(state.mail, None, "where the first went is not remembered either");
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
fn an_address_is_remembered_through_set_up_and_revoke_but_not_by_another_uid() {
    let mut home = at_login();
    home.policy.enrollment.needs_invitation = true;
    home.policy.enrollment.mail_invitations = true;
    assert!(matches!(home.invites(Delivery::KnownMail), Err(Failure::Impossible(_))));
    assert_eq!(home.names(), Vec::<String>::new());
    home.invites(Delivery::Mail("wrong@example.org".into())).unwrap();
    assert_eq!(home.status().mail, None, "an address that took no mail is not remembered");
    let root = Context { actor: Actor::Root, ..home.context() };
    let invited = admin::invite(&root, 3600, Delivery::Mail("alice@example.org".into())).unwrap();
    admin::invitation_mailed(&root, &invited).unwrap();
    let (begun, _) = home.proven(true);
    home.opens(Some(&begun)).unwrap();
    assert_eq!(home.status().mail.as_deref(), Some("alice@example.org"));
    admin::revoke(&Context { actor: Actor::Root, ..home.context() }).unwrap();
    assert_eq!(home.status().mail.as_deref(), Some("alice@example.org"));
    assert!(home.invites(Delivery::KnownMail).is_ok());
    home.account.uid += 1;
    assert_eq!(home.status().mail, None);
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
    admin::revoke(&Context { actor: Actor::Root, ..home.context() }).unwrap();
    assert_eq!(puts_off(&home), Some(Grace::Logins(0)));
    assert_eq!(puts_off(&home), None);
    home.now = home.now.plus(1);
    assert_eq!(home.status().grace, None);
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
            Ok(Reply::Judged(verdict)) => reason(Ok(verdict)),
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
    admin::revoke(&Context { actor: Actor::Root, ..home.context() }).unwrap();
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
        admin::set_mode(&Context { actor: Actor::Root, ..home.context() }, wanted).unwrap();
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
    let root = Context { actor: Actor::Root, ..home.context() };
    admin::set_mode(&root, Some(Override { mode: Mode::Disabled, until: None })).unwrap();
    admin::revoke(&root).unwrap();
    assert_eq!(home.names(), ["alice.mode"]);
    assert_eq!(admin::revoke(&root), Err(Failure::NotConfigured));
    home.issues(1);
    admin::prune(&root).unwrap();
    assert_eq!(home.names(), Vec::<String>::new());
}

#[test]
fn contact_is_noted_without_touching_the_devices() {
    let mut home = Home::new();
    let (phone, _) = home.sets_up();
    let root = Context { actor: Actor::Root, ..home.context() };
    let mail = |mail: &str| admin::Contact { phone: None, mail: Some(mail.into()) };
    admin::contact(&root, mail("alice@example.org")).unwrap();
    let number = admin::Contact { phone: Some("+4915112345678".into()), mail: None };
    admin::contact(&root, number).unwrap();
    let stored = home.store.credential(&home.account.name).unwrap().unwrap();
    assert_eq!(stored.mail.as_deref(), Some("alice@example.org"));
    assert_eq!(stored.phone.as_deref(), Some("+4915112345678"));
    assert!(home.is_let_in(&phone.code(home.now)));
}

fn counter_code(secret: &str, counter: u64) -> String {
    let parameters = Parameters { kind: Kind::Hotp, digits: 6, algorithm: Algorithm::Sha1 };
    Generator::new(&Secret::from_base32(secret).unwrap(), parameters).code(counter)
}

#[test]
fn a_token_that_counts_logs_in_and_is_found_again_after_its_state_was_lost() {
    let mut home = Home::new();
    let root = Context { actor: Actor::Root, ..home.context() };
    let (shown, _) = admin::enroll(&root, admin::Unattended::Counter, admin::Contact::default()).unwrap();
    assert!(shown.uri.starts_with("otpauth://hotp/") && shown.uri.ends_with("&counter=0"), "{}", *shown.uri);
    let code = |counter| counter_code(&shown.secret, counter);
    assert!(home.is_let_in(&code(0)) && home.is_let_in(&code(3)) && !home.is_let_in(&code(3)));
    assert!(!home.is_let_in(&code(40)), "beyond the look-ahead");

    fs::remove_file(home.directory.path().join("alice.state")).unwrap();
    home.now = home.now.plus(3600);
    assert_eq!(reason(home.judges(&code(41))), Reason::Unsynchronised);
    let resync = |home: &Home, first: &str, second: &str| {
        admin::resync(&Context { actor: Actor::Root, ..home.context() }, None, first, second)
    };
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
    let root = Context { actor: Actor::Root, ..home.context() };
    assert_eq!(admin::resync(&root, None, &first, &second), Ok(admin::Resynced::ClockOffset(1200)));
    assert!(!home.is_let_in(&first) && !home.is_let_in(&second));
    home.now = home.now.plus(60);
    assert!(home.is_let_in(&phone.code(ahead(&home))));
}

#[test]
fn a_secret_that_is_in_a_token_already_is_taken() {
    let home = Home::new();
    let root = Context { actor: Actor::Root, ..home.context() };
    let secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
    let given = admin::Unattended::Given(Secret::from_base32(secret).unwrap());
    let (shown, _) = admin::enroll(&root, given, admin::Contact::default()).unwrap();
    assert_eq!(*shown.secret, secret);
    assert!(home.is_let_in(&Phone::with(secret).code(home.now)));
}
