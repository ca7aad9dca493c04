//! A code that is judged for a login, on a store that is whole, damaged, another user's or busy. The verdicts
//! themselves are tested beside `judge`.

use super::*;
use crate::state::RefusedSince;

#[test]
fn asking_about_a_user_who_is_not_set_up_leaves_no_file() {
    let home = Home::new();
    assert!(!home.status().configured);
    assert!(matches!(home.judges("123456"), Err(Failure::NotConfigured)));
    assert!(matches!(home.asks(Request::Unset { code: typed("123456") }), Err(Failure::NotConfigured)));
    assert_eq!(home.names(), Vec::<String>::new());
}

#[test]
fn a_user_of_the_same_name_with_another_uid_inherits_no_phone() {
    let mut home = Home::new();
    let (phone, _) = home.sets_up();
    home.account.uid = 1001;
    assert!(!home.status().configured);
    assert!(matches!(home.judges(&phone.code(home.now)), Err(Failure::NotConfigured)));
    assert!(home.lines.0.borrow().iter().any(|line| line.contains("reason=other-uid")));
    // Nor are they set up in its place, before an administrator says whose it is.
    assert!(matches!(home.begins(Purpose::First, None, None), Err(Failure::Orphaned(_))));
    admin::prune(&home.context()).unwrap();
    home.sets_up();
    home.account.uid = NOBODYS_UID;
    assert!(!home.status().configured, "and nor does the former one");
}

#[test]
fn a_second_try_in_one_login_is_judged_and_both_are_counted() {
    let mut home = Home::new();
    let (phone, _) = home.sets_up();
    let tries = |home: &Home, code: &str, second_try| {
        let request = Request::Judge { intent: Intent::Login, typed: typed(code), second_try };
        match home.asks(request) {
            Ok(Reply::Judged(judged)) => judged.verdict,
            _ => panic!("judge is answered by judged"),
        }
    };
    home.policy.throttle.free_failures = 0;
    assert_eq!(reason(Ok(tries(&home, "000000", false))), Reason::WrongCode);
    assert_eq!(reason(Ok(tries(&home, "000000", true))), Reason::WrongCode);
    assert_eq!(reason(Ok(tries(&home, &phone.code(home.now), false))), Reason::Throttled);
    let state = home.store.lock(&home.account.name).unwrap();
    let credential = home.store.credential(&home.account.name).unwrap().unwrap();
    assert_eq!(state.state_of(credential.id).unwrap().ledger.failures(Source::Local), 2);
    drop(state);
    // A recovery code is looked at while throttled and not counted: no reason to end the delay.
    let Verdict::Refused(uncounted) = tries(&home, "AAAA-BBBB-CCCC-DDDD", false) else {
        panic!("there is no such recovery code");
    };
    assert!(!uncounted.counted);
    assert!(matches!(tries(&home, &phone.code(home.now), true), Verdict::Accepted(_)));
}

#[test]
fn log_lines_are_written_when_the_lock_is_let_go() {
    /// A log that needs the lock itself.
    struct Locking<'a>(&'a Home);
    impl EventLog for Locking<'_> {
        fn write(&self, level: Level, line: &str) {
            drop(self.0.store.lock(&self.0.account.name).unwrap());
            self.0.lines.write(level, line);
        }
    }
    let mut home = Home::new();
    let (phone, _) = home.sets_up();
    let log = Locking(&home);
    let context = Context { log: &log, ..home.context() };
    let code = typed(&phone.code(home.now));
    perform(&context, Request::Judge { intent: Intent::Login, typed: code, second_try: false }).unwrap();
    assert!(home.lines.0.borrow().last().is_some_and(|line| line.contains("event=login result=accepted")));
}

#[test]
fn a_truncated_or_torn_state_lets_nobody_in_again_with_an_old_code() {
    for damage in ["truncated", "torn", "removed"] {
        let mut home = Home::new();
        let (phone, confirmed) = home.sets_up();
        let code = phone.code(home.now);
        assert!(home.is_let_in(&code));
        let file = home.directory.path().join("alice.state");
        match damage {
            "truncated" => fs::OpenOptions::new().write(true).open(&file).unwrap().set_len(100).unwrap(),
            "torn" => fs::write(&file, [0x55; 8192]).unwrap(),
            _ => fs::remove_file(&file).unwrap(),
        }
        assert_eq!(reason(home.judges(&code)), Reason::UsedCode, "{damage}");
        assert_eq!(reason(home.judges(&confirmed.recovery_codes[0])), Reason::WrongRecoveryCode, "{damage}");
        home.now = home.now.plus(90);
        assert!(home.is_let_in(&phone.code(home.now)), "{damage}");
    }
}

#[test]
fn of_sixteen_with_one_code_one_gets_in() {
    for _ in 0..20 {
        let mut home = Home::new();
        let (phone, _) = home.sets_up();
        home.policy.throttle.free_failures = 100;
        let code = phone.code(home.now);
        let Home { store, policy, account, now, .. } = &home;
        let winners: usize = std::thread::scope(|scope| {
            let attempts: Vec<_> = (0..16)
                .map(|_| {
                    scope.spawn(|| {
                        let log = Lines::default();
                        let context = Context {
                            store,
                            policy,
                            account,
                            actor: Actor::Owner,
                            service: "test",
                            source: Source::Local,
                            now: *now,
                            log: &log,
                        };
                        let request =
                            Request::Judge { intent: Intent::Login, typed: typed(&code), second_try: false };
                        matches!(
                            perform(&context, request),
                            Ok(Reply::Judged(Judged { verdict: Verdict::Accepted(_), .. }))
                        )
                    })
                })
                .collect();
            attempts.into_iter().map(|attempt| usize::from(attempt.join().unwrap())).sum()
        });
        assert_eq!(winners, 1);
    }
}

/// What a code comes to, with the refused codes that the login is to tell of.
fn judged(home: &Home, code: &str) -> Judged {
    match home.asks(Request::Judge { intent: Intent::Login, typed: typed(code), second_try: false }) {
        Ok(Reply::Judged(judged)) => judged,
        _ => panic!("judge is answered by judged"),
    }
}

fn acknowledges(home: &Home, told: RefusedSince) -> Result<(), Failure> {
    home.asks(Request::Acknowledge { count: told.count, latest: told.latest }).map(drop)
}

#[test]
fn a_login_is_to_tell_of_the_codes_refused_before_until_it_says_that_it_did() {
    let mut home = Home::new();
    let (phone, _) = home.sets_up();
    home.actor = Actor::Host;
    for _ in 0..2 {
        home.now = home.now.plus(1);
        assert_eq!(judged(&home, "000000").refused_since, None, "who was refused is told nothing");
    }
    let expected = RefusedSince { count: 2, latest: home.now, source: Source::Local };
    for _ in 0..2 {
        home.now = home.now.plus(60);
        let judged = judged(&home, &phone.code(home.now));
        assert_eq!(judged, Judged { verdict: judged.verdict.clone(), refused_since: Some(expected) });
        assert!(home.lines.0.borrow().last().is_some_and(|line| line.ends_with(" refused_since=2")));
    }
    assert_eq!(acknowledges(&home, expected), Ok(()));
    home.now = home.now.plus(60);
    assert_eq!(judged(&home, &phone.code(home.now)).refused_since, None);
    assert!(home.lines.0.borrow().last().is_some_and(|line| !line.contains("refused_since")));
}

#[test]
fn codes_refused_while_a_login_was_under_way_are_told_next_time() {
    let mut home = Home::new();
    let (phone, _) = home.sets_up();
    home.actor = Actor::Host;
    judged(&home, "000000");
    home.now = home.now.plus(60);
    let told = judged(&home, &phone.code(home.now)).refused_since.unwrap();
    home.now = home.now.plus(1);
    judged(&home, "000000");
    let later = home.now;
    assert_eq!(acknowledges(&home, told), Ok(()));
    home.now = home.now.plus(60);
    let next = judged(&home, &phone.code(home.now)).refused_since;
    assert_eq!(next, Some(RefusedSince { count: 1, latest: later, source: Source::Local }));
    // One of a time that the store does not know ends nothing.
    assert_eq!(acknowledges(&home, RefusedSince { latest: later.plus(1), ..told }), Ok(()));
    home.now = home.now.plus(60);
    assert_eq!(judged(&home, &phone.code(home.now)).refused_since, next);
}

#[test]
fn a_program_of_the_users_own_neither_hears_of_refused_codes_nor_ends_them() {
    let mut home = Home::new();
    let (phone, _) = home.sets_up();
    judged(&home, "000000");
    home.now = home.now.plus(60);
    assert_eq!(judged(&home, &phone.code(home.now)).refused_since, None);
    let all = RefusedSince { count: u32::MAX, latest: Timestamp(0), source: Source::Local };
    assert!(matches!(acknowledges(&home, all), Err(Failure::NotPermitted(_))));
    home.actor = Actor::Host;
    home.now = home.now.plus(60);
    assert_eq!(judged(&home, &phone.code(home.now)).refused_since.map(|refused| refused.count), Some(1));
}
