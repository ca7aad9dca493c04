//! Errands against a real store with a given clock. Here are the user, their store and phone, and what is asked of
//! `perform`; each file beneath has the errands of one kind.

mod changes;
mod helpdesk;
mod invitations;
mod logins;
mod orphans;
mod prune;
mod set_up;
mod set_up_at_login;
mod tokens;

use super::*;
use crate::credential::DeviceName;
use crate::issued::InvitationId;
use crate::login::newcomer::Welcome;
use crate::login::{Reason, Verdict};
use crate::name::UserName;
use crate::operation::admin::Delivery;
use crate::operation::request::Purpose;
use crate::otp::{Algorithm, Generator, Kind, Parameters};
use crate::policy::Mode;
use crate::secret::Secret;
use std::cell::RefCell;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use zeroize::Zeroizing;

const NOON: Timestamp = Timestamp(1_790_000_010);

/// Keeps log lines.
#[derive(Default)]
struct Lines(RefCell<Vec<String>>);

impl EventLog for Lines {
    fn write(&self, _: Level, line: &str) {
        self.0.borrow_mut().push(line.to_owned());
    }
}

/// A uid that no user of the machine has which runs the tests.
const NOBODYS_UID: u32 = 1_900_001_000;

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
        let directory = crate::store::tests::directory();
        fs::set_permissions(directory.path(), Permissions::from_mode(0o700)).unwrap();
        let store = Store::open(directory.path()).unwrap();
        Self {
            directory,
            store,
            policy: Policy::default(),
            account: Account { name: UserName::new("alice").unwrap(), uid: NOBODYS_UID, gid: NOBODYS_UID },
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
            Reply::Judged(judged) => Ok(judged.verdict),
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
            .filter(|entry| entry.file_name() != ".uids" && entry.file_name() != ".callers")
            .map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap()))
            .collect();
        files.sort();
        files
    }

    fn names(&self) -> Vec<String> {
        self.files().into_iter().map(|(name, _)| name).collect()
    }

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
        admin::code(&self.root(), 3600, uses).unwrap().0.to_string()
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

/// A login program at work on a user who is not set up.
fn at_login() -> Home {
    let mut home = Home::new();
    home.policy.mode = Mode::Required;
    home.actor = Actor::Host;
    home
}
