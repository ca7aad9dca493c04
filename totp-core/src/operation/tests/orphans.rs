//! Renamed users and changed uids: what their logins meet, and how an administrator ends it. The names are none of
//! this machine's users, but for root.

use super::*;
use crate::mode_override::ModeOverride;
use crate::operation::admin::Override;
use crate::operation::orphan::Orphan;
use crate::store::Adoption;

fn name(name: &str) -> UserName {
    UserName::new(name).unwrap()
}

impl Home {
    /// The same store, seen by another account.
    fn becomes(&mut self, name: &str, uid: u32) {
        self.account = Account { name: UserName::new(name).unwrap(), uid, gid: uid };
    }

    fn found(&self) -> Found {
        match self.asks(Request::Probe) {
            Ok(Reply::Probed(probe)) => probe.found,
            other => panic!("{:?}", other.err()),
        }
    }

    fn has_logged(&self, parts: &[&str]) -> bool {
        self.lines.0.borrow().iter().any(|line| parts.iter().all(|part| line.contains(part)))
    }

    fn adopts(&self, old: &str) -> Result<(), Failure> {
        admin::adopt(&Context { actor: Actor::Root, ..self.context() }, &name(old))
    }
}

/// A user "alice" who is set up, under another name or uid by now.
fn orphaned(user: &str, uid: u32) -> (Home, Phone, Confirmed) {
    let mut home = Home::new();
    let (phone, confirmed) = home.sets_up();
    home.becomes(user, uid);
    (home, phone, confirmed)
}

#[test]
fn who_has_another_name_or_uid_by_now_is_not_one_who_never_was_set_up() {
    for (user, uid, reason) in
        [("alicia", 1_900_001_000, "renamed-user"), ("alice", 1_900_002_000, "other-uid")]
    {
        let (mut home, phone, confirmed) = orphaned(user, uid);
        home.actor = Actor::Host;
        assert_eq!(home.found(), Found::Orphaned, "{user}");
        for answer in [&*phone.code(home.now), &*confirmed.recovery_codes[0], ""] {
            let refused = home.asks(Request::Welcome { typed: typed(answer) }).err();
            let Some(Failure::Orphaned(way_out)) = refused else { panic!("{refused:?}") };
            let commands = [format!("adopt alice {user}`"), "prune alice`".to_owned()];
            assert!(commands.iter().all(|command| way_out.contains(command)), "{way_out}");
        }
        let line = ["event=login", "result=denied", reason, &format!("user={user} "), "former_user=alice"];
        assert!(home.has_logged(&line), "{:?}", home.lines.0.borrow());
    }
}

#[test]
fn who_was_never_set_up_or_shares_a_uid_with_a_user_there_is_is_no_orphan() {
    let mut home = Home::new();
    home.becomes("root", 0);
    home.sets_up();
    home.becomes("toor", 0);
    assert_eq!(home.found(), Found::NotConfigured, "root is known, and it is another user of the same uid");
    home.becomes("bob", 1_900_001_001);
    assert_eq!(home.found(), Found::NotConfigured);
    assert_eq!(home.status().orphan, None);
}

#[test]
fn nobody_is_set_up_while_an_orphan_may_be_theirs() {
    for (user, uid) in [("alicia", 1_900_001_000), ("alice", 1_900_002_000)] {
        let (mut home, ..) = orphaned(user, uid);
        let before = home.files();
        assert!(matches!(home.begins(Purpose::First, None, None), Err(Failure::Orphaned(_))));
        home.actor = Actor::Host;
        assert!(matches!(home.begins_at_login(false), Err(Failure::Orphaned(_))));
        home.policy.enrollment.grace_logins = 3;
        assert!(matches!(home.asks(Request::PutOff), Err(Failure::Orphaned(_))), "nor is it put off");
        home.actor = Actor::Root;
        assert!(matches!(home.begins(Purpose::First, None, None), Err(Failure::Orphaned(_))));
        let enrolled = admin::enroll(&home.context(), Default::default(), Default::default());
        assert!(matches!(enrolled.err(), Some(Failure::Orphaned(_))));
        assert_eq!(home.files(), before, "{user}");
    }
}

#[test]
fn a_set_up_that_was_begun_before_ends_in_nothing() {
    let mut home = Home::new();
    home.becomes("alicia", 1_900_001_000);
    let begun = home.begins(Purpose::First, None, None).unwrap();
    home.becomes("alice", 1_900_001_000);
    home.sets_up();
    home.becomes("alicia", 1_900_001_000);
    let code = Phone::with(&begun.secret).code(home.now);
    assert!(matches!(home.confirms(&begun, &code), Err(Failure::Orphaned(_))));
}

#[test]
fn the_status_says_it_and_counts_the_strictest_mode_but_for_disabled() {
    let (mut home, ..) = orphaned("alicia", 1_900_001_000);
    for (mode, counts) in
        [(Mode::Optional, Mode::Required), (Mode::Required, Mode::Required), (Mode::Disabled, Mode::Disabled)]
    {
        home.policy.mode = mode;
        let status = home.status();
        let orphan = status.orphan.expect("an orphan");
        assert_eq!((orphan.user.as_str(), orphan.uid, status.mode), ("alice", 1_900_001_000, counts));
    }
}

#[test]
fn a_temporary_code_of_an_administrator_lets_in_meanwhile() {
    let (mut home, ..) = orphaned("alicia", 1_900_001_000);
    home.actor = Actor::Root;
    let (code, _) = admin::code(&home.context(), 3600, 1).unwrap();
    home.actor = Actor::Host;
    assert!(matches!(home.welcomes(&code), Welcome::Accepted(_)));
    assert!(home.asks(Request::Welcome { typed: typed(&code) }).is_err(), "once");
}

#[test]
fn what_is_adopted_is_used_on_as_if_nothing_had_changed() {
    for (user, uid) in [("alicia", 1_900_001_000), ("alice", 1_900_002_000), ("alicia", 1_900_002_000)] {
        let (mut home, phone, confirmed) = orphaned("alice", 1_900_001_000);
        home.actor = Actor::Root;
        admin::contact(&home.context(), admin::Contact { phone: None, mail: Some("a@example.org".into()) })
            .unwrap();
        let wanted = Override { mode: Mode::Required, until: None };
        admin::set_mode(&home.context(), Some(wanted)).unwrap();
        let (used, spent) = (phone.code(home.now), confirmed.recovery_codes[0].clone());
        assert!(home.is_let_in(&used) && home.is_let_in(&spent));
        home.becomes(user, uid);
        home.adopts("alice").unwrap();
        assert_eq!(home.names(), ["mode", "state", "toml"].map(|ending| format!("{user}.{ending}")));
        assert_eq!(home.store.users_of_uid(uid).unwrap(), [name(user)]);
        assert!(!home.is_let_in(&used) && !home.is_let_in(&spent), "used codes stay used");
        assert!(home.is_let_in(&confirmed.recovery_codes[1]), "recovery codes stay");
        home.now = home.now.plus(30);
        assert!(home.is_let_in(&phone.code(home.now)));
        let status = home.status();
        assert_eq!(status.mail.as_deref(), Some("a@example.org"));
        assert_eq!(status.overridden.map(|made| made.mode), Some(Mode::Required));
        assert_eq!((status.orphan, status.recovery_codes_left), (None, 8));
        assert!(home.has_logged(&[
            "event=adopt",
            "result=done",
            &format!("user={user} "),
            "former_user=alice"
        ]));
    }
}

#[test]
fn an_override_of_the_new_name_stays() {
    let (mut home, ..) = orphaned("alice", 1_900_001_000);
    home.actor = Actor::Root;
    let wanted = |mode| Some(Override { mode, until: None });
    admin::set_mode(&home.context(), wanted(Mode::Disabled)).unwrap();
    home.becomes("alicia", 1_900_001_000);
    admin::set_mode(&home.context(), wanted(Mode::Required)).unwrap();
    home.adopts("alice").unwrap();
    assert_eq!(home.status().overridden.map(|made| made.mode), Some(Mode::Required));
    assert!(!home.names().contains(&"alice.mode".to_owned()));
}

#[test]
fn an_adoption_that_is_cut_off_anywhere_leaves_the_credential_once_and_can_be_done_again() {
    for (user, uid) in [("alicia", 1_900_001_000), ("alice", 1_900_002_000), ("alicia", 1_900_002_000)] {
        for steps in 0..=7 {
            let (mut home, phone, confirmed) = orphaned("alice", 1_900_001_000);
            let used = phone.code(home.now);
            assert!(home.is_let_in(&used));
            let made = ModeOverride {
                uid: 1_900_001_000,
                mode: Mode::Required,
                until: None,
                since: home.now,
                by: "root".to_owned(),
            };
            home.store.lock(&name("alice")).unwrap().write_mode_override(&made).unwrap();
            {
                let mut old = home.store.lock(&name("alice")).unwrap();
                let mut new = (user != "alice").then(|| home.store.lock(&name(user)).unwrap());
                let mut adoption = Adoption {
                    store: &home.store,
                    old: &mut old,
                    new: new.as_mut(),
                    uid,
                    old_belongs_to: None,
                };
                for step in Adoption::STEPS.into_iter().take(steps) {
                    step(&mut adoption).unwrap();
                }
            }
            let of = |who: &str, uid: u32| {
                let found = home.store.credential(&name(who)).unwrap();
                found.is_some_and(|credential| credential.uid == uid)
            };
            let owners = [
                of("alice", 1_900_001_000),
                of("alice", 1_900_002_000),
                of("alicia", 1_900_001_000),
                of("alicia", 1_900_002_000),
            ];
            assert_eq!(owners.iter().filter(|owns| **owns).count(), 1, "{user} {uid} {steps}");
            home.becomes(user, uid);
            // The user is let in by what is theirs, or by nothing.
            let code = phone.code(home.now.plus(60));
            match home.found() {
                Found::Orphaned => assert!(home.judges(&code).is_err()),
                Found::Code { .. } => assert!(!home.is_let_in(&used), "{user} {uid} {steps}"),
                // Nothing but the administrator's word ties another name with another uid to it.
                Found::NotConfigured => assert!((user, uid) == ("alicia", 1_900_002_000) && steps <= 3),
                Found::Remembered => panic!("no address is remembered"),
            }
            if !home.status().configured {
                home.adopts("alice").unwrap();
            }
            assert!(!home.is_let_in(&used));
            assert!(home.is_let_in(&confirmed.recovery_codes[0]));
            home.now = home.now.plus(30);
            assert!(home.is_let_in(&phone.code(home.now)));
            assert_eq!(home.status().overridden.map(|made| made.mode), Some(Mode::Required));
        }
    }
}

#[test]
fn what_somebody_has_is_not_given_away_and_nothing_is_covered() {
    let (mut home, ..) = orphaned("alice", 1_900_001_000);
    let refused = |home: &Home, old: &str| {
        let before = home.files();
        let refused = home.adopts(old).err().map(|failure| failure.to_string()).expect("it must be refused");
        assert_eq!(home.files(), before);
        refused
    };
    assert!(refused(&home, "alice").contains("of the uid 1900001000 that this user has"));
    home.becomes("root", 0);
    home.sets_up();
    assert!(refused(&home, "alice").contains("root is set up already"));
    home.becomes("toor", 0);
    assert!(refused(&home, "root").contains("there is a user named root, with uid 0"));
    home.becomes("bob", 1_900_001_001);
    assert!(refused(&home, "carol").contains("nothing is kept of carol"));
    home.sets_up();
    home.becomes("bob", 1002);
    assert!(refused(&home, "alice").contains("made for another uid (1900001001)"));
}

#[test]
fn the_way_out_is_a_command_that_a_shell_takes_and_no_terminal_obeys() {
    let account = Account { name: name("EX\\bob"), uid: 1, gid: 1 };
    let orphan = Orphan::OtherName { name: name("a b\u{1b}[2J\n") };
    let told = orphan.way_out(&account);
    assert!(told.contains("adopt 'a b\\u{1b}[2J\\n' 'EX\\bob'`"), "{told}");
    assert!(!told.contains(|one: char| one.is_control()));
}
