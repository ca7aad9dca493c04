//! Errands against a real store with a given clock: set-up, renewal, removal, and who may do what.

use super::*;
use crate::credential::DeviceName;
use crate::login::{Factor, Reason, Verdict};
use crate::name::UserName;
use crate::operation::request::Purpose;
use crate::otp::{Algorithm, Generator, Kind, Parameters};
use crate::pending::{LIVES_FOR, MOST_FAILURES};
use crate::policy::Mode;
use crate::secret::Secret;
use std::cell::RefCell;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use zeroize::Zeroizing;

mod rollout;

const NOON: Timestamp = Timestamp(1_790_000_010);

/// Keeps log lines.
#[derive(Default)]
struct Lines(RefCell<Vec<String>>);

impl EventLog for Lines {
    fn write(&self, _: Level, line: &str) {
        self.0.borrow_mut().push(line.to_owned());
    }
}

/// One user and their store.
struct Home {
    directory: tempfile::TempDir,
    store: Store,
    policy: Policy,
    account: Account,
    actor: Actor,
    now: Timestamp,
    lines: Lines,
}

impl Home {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        fs::set_permissions(directory.path(), Permissions::from_mode(0o700)).unwrap();
        let store = Store::open(directory.path()).unwrap();
        Self {
            directory,
            store,
            policy: Policy::default(),
            account: Account { name: UserName::new("alice").unwrap(), uid: 1000, gid: 1000 },
            actor: Actor::Owner,
            now: NOON,
            lines: Lines::default(),
        }
    }

    fn context(&self) -> Context<'_> {
        Context {
            store: &self.store,
            policy: &self.policy,
            account: &self.account,
            actor: self.actor,
            service: "test",
            source: Source::Local,
            now: self.now,
            log: &self.lines,
        }
    }

    fn asks(&self, request: Request) -> Result<Reply, Failure> {
        perform(&self.context(), request)
    }

    fn begins(&self, purpose: Purpose, device: Option<&str>, code: Option<&str>) -> Result<Begun, Failure> {
        let device = device.map(|name| DeviceName::new(name).unwrap());
        match self.asks(Request::Begin { purpose, device, code: code.map(typed) })? {
            Reply::Begun(begun) => Ok(begun),
            _ => panic!("begin is answered by begun"),
        }
    }

    fn confirms(&self, begun: &Begun, code: &str) -> Result<Confirmed, Failure> {
        match self.asks(Request::Confirm { nonce: begun.nonce, code: typed(code) })? {
            Reply::Confirmed(confirmed) => Ok(confirmed),
            _ => panic!("confirm is answered by confirmed"),
        }
    }

    fn judges(&self, code: &str) -> Result<Verdict, Failure> {
        match self.asks(Request::Judge { intent: Intent::Login, typed: typed(code), second_try: false })? {
            Reply::Judged(verdict) => Ok(verdict),
            _ => panic!("judge is answered by judged"),
        }
    }

    fn is_let_in(&self, code: &str) -> bool {
        matches!(self.judges(code), Ok(Verdict::Accepted(_)))
    }

    fn status(&self) -> Status {
        match self.asks(Request::Status) {
            Ok(Reply::Status(status)) => *status,
            _ => panic!("status is answered by status"),
        }
    }

    /// Sets a first phone up; its code of this step is spent by that.
    fn sets_up(&mut self) -> (Phone, Confirmed) {
        let begun = self.begins(Purpose::First, None, None).unwrap();
        let phone = Phone::with(&begun.secret);
        let confirmed = self.confirms(&begun, &phone.code(self.now)).unwrap();
        self.now = self.now.plus(30);
        (phone, confirmed)
    }

    fn files(&self) -> Vec<(String, Vec<u8>)> {
        let mut files: Vec<_> = fs::read_dir(self.directory.path())
            .unwrap()
            .map(|entry| entry.unwrap())
            .map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap()))
            .collect();
        files.sort();
        files
    }

    fn names(&self) -> Vec<String> {
        self.files().into_iter().map(|(name, _)| name).collect()
    }
}

struct Phone(Secret);

impl Phone {
    fn with(secret: &str) -> Self {
        Self(Secret::from_base32(secret).unwrap())
    }

    fn code(&self, now: Timestamp) -> String {
        let parameters =
            Parameters { kind: Kind::Totp { interval: 30 }, digits: 6, algorithm: Algorithm::Sha1 };
        Generator::new(&self.0, parameters).code(crate::otp::step_at(now, 30))
    }
}

fn typed(code: &str) -> Zeroizing<String> {
    Zeroizing::new(code.to_owned())
}

fn reason(verdict: Result<Verdict, Failure>) -> Reason {
    match verdict {
        Ok(Verdict::Refused(refusal)) | Err(Failure::Refused(refusal)) => refusal.reason,
        other => panic!("{other:?} is no refusal"),
    }
}

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
    let credential = crate::credential::tests::example();
    assert_eq!(credential.uid, home.account.uid);
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
fn asking_about_a_user_who_is_not_set_up_leaves_no_file() {
    let home = Home::new();
    assert!(!home.status().configured);
    assert!(matches!(home.judges("123456"), Err(Failure::NotConfigured)));
    assert!(matches!(home.asks(Request::Unset { code: typed("123456") }), Err(Failure::NotConfigured)));
    assert_eq!(home.names(), Vec::<String>::new());
}

#[test]
fn a_second_first_set_up_is_refused() {
    let mut home = Home::new();
    home.sets_up();
    assert!(matches!(home.begins(Purpose::First, None, None), Err(Failure::Impossible(_))));
}

#[test]
fn renewing_takes_a_code_and_the_old_secret_works_until_the_new_is_proven() {
    let mut home = Home::new();
    let (old, _) = home.sets_up();
    assert_eq!(
        reason(home.begins(Purpose::Renewal, None, Some("000000")).map(|_| unreachable_verdict())),
        Reason::WrongCode
    );
    let begun = home.begins(Purpose::Renewal, None, Some(&old.code(home.now))).unwrap();
    let new = Phone::with(&begun.secret);
    home.now = home.now.plus(30);
    assert!(!home.is_let_in(&new.code(home.now)));
    assert!(home.is_let_in(&old.code(home.now)));
    home.now = home.now.plus(30);
    let confirmed = home.confirms(&begun, &new.code(home.now)).unwrap();
    assert!(confirmed.recovery_codes.is_empty(), "the recovery codes stay");
    assert_eq!(home.status().recovery_codes_left, 10);
    assert!(!home.is_let_in(&new.code(home.now)), "the proving code is spent");
    home.now = home.now.plus(30);
    assert!(!home.is_let_in(&old.code(home.now)));
    assert!(home.is_let_in(&new.code(home.now)));
}

fn unreachable_verdict() -> Verdict {
    Verdict::Accepted(Factor::RecoveryCode { left: 0 })
}

#[test]
fn devices_are_added_and_removed_with_a_code_and_go_by_name() {
    let mut home = Home::new();
    let (phone, _) = home.sets_up();
    assert!(
        matches!(home.begins(Purpose::Further, None, None), Err(Failure::Impossible(_))),
        "the name is taken"
    );
    let begun = home.begins(Purpose::Further, Some("tablet"), Some(&phone.code(home.now))).unwrap();
    let tablet = Phone::with(&begun.secret);
    home.confirms(&begun, &tablet.code(home.now)).unwrap();
    home.now = home.now.plus(30);
    assert!(home.is_let_in(&phone.code(home.now)) && home.is_let_in(&tablet.code(home.now)));
    assert!(
        matches!(home.begins(Purpose::Renewal, None, Some("000000")), Err(Failure::Impossible(_))),
        "which?"
    );

    home.now = home.now.plus(30);
    let device = DeviceName::new("phone").unwrap();
    let code = typed(&tablet.code(home.now));
    home.asks(Request::RemoveDevice { device: device.clone(), code }).unwrap();
    home.now = home.now.plus(30);
    assert!(!home.is_let_in(&phone.code(home.now)));
    let code = typed(&tablet.code(home.now));
    let last = DeviceName::new("tablet").unwrap();
    assert!(matches!(home.asks(Request::RemoveDevice { device: last, code }), Err(Failure::Impossible(_))));
}

#[test]
fn there_are_eight_devices_at_most() {
    let mut home = Home::new();
    let (phone, _) = home.sets_up();
    for number in 2..=8 {
        let begun =
            home.begins(Purpose::Further, Some(&format!("d{number}")), Some(&phone.code(home.now))).unwrap();
        home.confirms(&begun, &Phone::with(&begun.secret).code(home.now)).unwrap();
        home.now = home.now.plus(30);
    }
    assert_eq!(home.status().devices.len(), 8);
    let ninth = home.begins(Purpose::Further, Some("d9"), Some(&phone.code(home.now)));
    assert!(matches!(ninth, Err(Failure::Impossible(_))));
    assert!(home.is_let_in(&phone.code(home.now)), "and no code was spent on it");
}

#[test]
fn removing_two_factor_login_takes_a_code_and_leaves_nothing() {
    let mut home = Home::new();
    let (phone, _) = home.sets_up();
    assert_eq!(
        reason(home.asks(Request::Unset { code: typed("000000") }).map(|_| unreachable_verdict())),
        Reason::WrongCode
    );
    assert!(home.status().configured);
    home.asks(Request::Unset { code: typed(&phone.code(home.now)) }).unwrap();
    assert!(!home.status().configured);
    assert_eq!(home.names(), Vec::<String>::new());
}

#[test]
fn where_it_is_required_and_no_login_could_set_it_up_again_it_cannot_be_removed() {
    let mut home = Home::new();
    let (phone, _) = home.sets_up();
    home.policy.mode = Mode::Required;
    home.policy.enrollment.at_login.clear();
    let refused = home.asks(Request::Unset { code: typed(&phone.code(home.now)) });
    assert!(matches!(refused, Err(Failure::Impossible(_))));
    assert!(home.is_let_in(&phone.code(home.now)), "the code was not spent on it");
    home.now = home.now.plus(30);
    home.policy.enrollment.at_login.push("sshd".into());
    home.policy.enrollment.needs_invitation = true;
    let refused = home.asks(Request::Unset { code: typed(&phone.code(home.now)) });
    assert!(matches!(refused, Err(Failure::Impossible(_))), "nobody would hand out an invitation");
    home.policy.enrollment.needs_invitation = false;
    assert!(home.asks(Request::Unset { code: typed(&phone.code(home.now)) }).is_ok());
}

#[test]
fn the_policy_says_what_users_may_do_and_root_may_everything() {
    let mut home = Home::new();
    let (phone, _) = home.sets_up();
    let may = &mut home.policy.enrollment;
    (may.enroll, may.renew, may.unset, may.show) = (false, false, false, false);
    let code = || typed("000000");
    let device = || DeviceName::new("phone").unwrap();
    let requests: [&dyn Fn() -> Request; 6] = [
        &|| Request::Begin { purpose: Purpose::Further, device: None, code: Some(code()) },
        &|| Request::Begin { purpose: Purpose::Renewal, device: None, code: Some(code()) },
        &|| Request::RenewRecovery { code: code() },
        &|| Request::RemoveDevice { device: device(), code: code() },
        &|| Request::Unset { code: code() },
        &|| Request::Show { device: None, code: code() },
    ];
    for request in requests {
        assert!(matches!(home.asks(request()), Err(Failure::NotPermitted(_))));
    }
    home.actor = Actor::Root;
    for request in requests {
        assert!(!matches!(home.asks(request()), Err(Failure::NotPermitted(_))));
    }
    home.now = home.now.plus(3600);
    home.asks(Request::Show { device: None, code: typed(&phone.code(home.now)) }).unwrap();
}

#[test]
fn new_recovery_codes_take_the_place_of_the_old() {
    let mut home = Home::new();
    let (_, confirmed) = home.sets_up();
    let old = &confirmed.recovery_codes;
    let Ok(Reply::RecoveryCodes(new)) = home.asks(Request::RenewRecovery { code: old[0].clone() }) else {
        panic!("a recovery code is a code");
    };
    assert_eq!(home.status().recovery_codes_left, 10);
    assert!(!home.is_let_in(&old[1]));
    assert!(home.is_let_in(&new[1]));
}

#[test]
fn a_user_of_the_same_name_with_another_uid_inherits_no_phone() {
    let mut home = Home::new();
    let (phone, _) = home.sets_up();
    home.account.uid = 1001;
    assert!(!home.status().configured);
    assert!(matches!(home.judges(&phone.code(home.now)), Err(Failure::NotConfigured)));
    assert!(home.lines.0.borrow().iter().any(|line| line.contains("reason=other-uid")));
    home.sets_up();
    home.account.uid = 1000;
    assert!(!home.status().configured, "and nor does the former one");
}

#[test]
fn revoking_also_removes_what_cannot_be_read() {
    let mut home = Home::new();
    home.sets_up();
    fs::write(home.directory.path().join("alice.toml"), "nonsense").unwrap();
    assert!(matches!(home.asks(Request::Status), Err(Failure::Unusable(_))));
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
fn a_second_try_in_one_login_is_judged_and_both_are_counted() {
    let mut home = Home::new();
    let (phone, _) = home.sets_up();
    let tries = |home: &Home, code: &str, second_try| {
        let request = Request::Judge { intent: Intent::Login, typed: typed(code), second_try };
        match home.asks(request) {
            Ok(Reply::Judged(verdict)) => verdict,
            _ => panic!("judge is answered by judged"),
        }
    };
    home.policy.throttle.free_failures = 0;
    assert_eq!(reason(Ok(tries(&home, "000000", false))), Reason::WrongCode);
    assert_eq!(reason(Ok(tries(&home, "000000", true))), Reason::WrongCode);
    assert_eq!(reason(Ok(tries(&home, &phone.code(home.now), false))), Reason::Throttled);
    let state = home.store.lock(&home.account.name).unwrap();
    let credential = home.store.credential(&home.account.name).unwrap().unwrap();
    assert_eq!(state.state_of(credential.id).ledger.failures(Source::Local), 2);
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
                        matches!(perform(&context, request), Ok(Reply::Judged(Verdict::Accepted(_))))
                    })
                })
                .collect();
            attempts.into_iter().map(|attempt| usize::from(attempt.join().unwrap())).sum()
        });
        assert_eq!(winners, 1);
    }
}
