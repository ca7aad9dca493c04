//! Requests, replies and failures: what goes in and out of [`perform`](super::perform), also over the
//! socket between totp-helper and its callers.

use crate::clock::{Day, Timestamp};
use crate::credential::DeviceName;
use crate::issued::InvitationId;
use crate::login::newcomer::{Grace, Welcome};
use crate::login::{Refusal, Verdict};
use crate::pending::Nonce;
use crate::policy::Mode;
use crate::recovery::PrintedCodes;
use crate::state::RefusedSince;
use crate::store::StoreError;
use crate::throttle::Party;
use serde::{Deserialize, Serialize};
use std::fmt;
use zeroize::Zeroizing;

/// What a judged code is for, as the log names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Intent {
    /// A login.
    Login,
    /// `totp-enroll verify`.
    Verify,
}

/// What a set-up is for, as a caller names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// The first device.
    First,
    /// A further one; takes a code.
    Further,
    /// A new secret for one that is there; takes a code.
    Renewal,
}

/// A request about one user.
pub enum Request {
    /// What a login will have to ask.
    Probe,
    /// Judge an answer, as typed.
    Judge {
        /// What it is for.
        intent: Intent,
        /// The answer.
        typed: Zeroizing<String>,
        /// Whether it follows an answer of the same login that was judged and counted, so that no delay
        /// for that one stands between them. Believed from root alone.
        second_try: bool,
    },
    /// What is set up.
    Status,
    /// Draw a secret and keep it pending.
    Begin {
        /// What for.
        purpose: Purpose,
        /// The device; the only one, or a default name, where it is not given.
        device: Option<DeviceName>,
        /// A code; for a first set-up an invitation, where one is needed.
        code: Option<Zeroizing<String>>,
    },
    /// Prove the pending device with its first code, and make it count.
    Confirm {
        /// From the beginning.
        nonce: Nonce,
        /// The first code.
        code: Zeroizing<String>,
    },
    /// End a set-up under way.
    Abandon {
        /// From the beginning.
        nonce: Nonce,
    },
    /// See a secret again.
    Show {
        /// The device; the only one where it is not given.
        device: Option<DeviceName>,
        /// A code.
        code: Zeroizing<String>,
    },
    /// Remove one of several devices.
    RemoveDevice {
        /// Which.
        device: DeviceName,
        /// A code.
        code: Zeroizing<String>,
    },
    /// Remove everything.
    Unset {
        /// A code.
        code: Zeroizing<String>,
    },
    /// Draw new recovery codes.
    RenewRecovery {
        /// A code.
        code: Zeroizing<String>,
    },
    /// Forget remembered hosts.
    ForgetHosts,
    /// For root: tell what the answer of a required user opens who is not set up.
    Welcome {
        /// The answer.
        typed: Zeroizing<String>,
    },
    /// For root: begin a set-up during login, after the whole auth stack said yes.
    BeginAtLogin {
        /// Ties account and session to it.
        nonce: Nonce,
        /// The invitation that was given.
        invited: Option<InvitationId>,
    },
    /// For root: prove the device of a set-up during login. It counts when the session opens.
    ProveAtLogin {
        /// From the beginning.
        nonce: Nonce,
        /// The first code.
        code: Zeroizing<String>,
    },
    /// For root: tell how set-up may be put off and where an invitation can be mailed.
    Outlook,
    /// For root: put set-up off for this login.
    PutOff,
    /// For root: make the set-up of the login count whose session opens.
    OpenSession {
        /// From the beginning; `None` for a login that set nothing up.
        nonce: Option<Nonce>,
    },
    /// For root: the owner was told of the refused codes that came with an acceptance.
    Acknowledge {
        /// How many there were.
        count: u32,
        /// When the last of them was refused.
        latest: Timestamp,
    },
}

/// What a login will have to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Probe {
    /// An administrator's override in force.
    pub overridden: Option<Mode>,
    /// What there is to ask for.
    pub found: Found,
}

/// What there is to ask a user for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// Nothing can be asked: not set up.
    NotConfigured,
    /// Nothing can be asked, and nobody is let in without: a second factor is kept under another name or uid of
    /// this user, see [`orphan`](super::orphan).
    Orphaned,
    /// Nothing needs to be: the address is remembered.
    Remembered,
    /// A code of so many digits.
    Code {
        /// Of the first device.
        digits: u8,
    },
}

/// How a newcomer's login can go on without a set-up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outlook {
    /// How set-up may be put off.
    pub grace: Option<Grace>,
    /// Where an invitation goes, with most of it hidden.
    pub mailbox: Option<String>,
    /// Whether one was mailed so lately that no other is.
    pub mailed_lately: bool,
    /// Whether an administrator handed one over that is still good; no other is mailed in its place.
    pub handed_over: bool,
}

/// What came of opening a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionStart {
    /// The set-up of this login counts now.
    Activated,
    /// There was none.
    Nothing,
}

/// A device as its owner may see it without a code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceStatus {
    /// Its name.
    pub name: DeviceName,
    /// `totp` or `hotp`.
    pub kind: String,
    /// Digits of a code.
    pub digits: u8,
    /// Seconds of a step; none for a counter.
    pub interval: Option<u16>,
    /// The hash.
    pub algorithm: String,
    /// When it was set up (RFC 3339).
    pub created: String,
}

/// What is set up for a user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// The canonical name.
    pub user: String,
    /// Whether a code is needed: the strictest that any login of this user meets.
    pub mode: Mode,
    /// An administrator's override in force.
    pub overridden: Option<OverrideStatus>,
    /// Whether a device is set up.
    pub configured: bool,
    /// Under which other name or uid a second factor is kept that may be this user's, who is not let in meanwhile.
    pub orphan: Option<OrphanStatus>,
    /// `totp`.
    pub strategy: String,
    /// Since when (RFC 3339).
    pub since: Option<String>,
    /// The devices.
    pub devices: Vec<DeviceStatus>,
    /// Recovery codes left.
    pub recovery_codes_left: usize,
    /// Seconds until a code from the source that must wait longest is judged again; 0 where none must.
    pub throttled_for: u64,
    /// Whether the budget of strangers is used up.
    pub at_ceiling: bool,
    /// Whose budget of guesses is used up: no code from there is judged but two in a row.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exhausted: Vec<Party>,
    /// Addresses not asked again.
    pub remembered_hosts: Vec<HostStatus>,
    /// When a code was last accepted (RFC 3339).
    pub last_login: Option<String>,
    /// Until when a temporary code is good, and for how many logins.
    pub temporary_code: Option<TemporaryStatus>,
    /// Until when an invitation is good (RFC 3339).
    pub invited_until: Option<String>,
    /// How set-up may be put off, for a required user who is not set up.
    pub grace: Option<Grace>,
    /// The mail address.
    pub mail: Option<String>,
}

/// An administrator's override.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OverrideStatus {
    /// What counts for this user.
    pub mode: Mode,
    /// The last day of it.
    pub until: Option<Day>,
    /// When it was made (RFC 3339).
    pub since: String,
    /// Who made it.
    pub by: String,
}

/// A second factor that is kept under another name or uid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrphanStatus {
    /// The name.
    pub user: String,
    /// The uid.
    pub uid: u32,
    /// What an administrator does about it.
    pub way_out: String,
}

/// A temporary code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TemporaryStatus {
    /// Until when it is good (RFC 3339).
    pub until: String,
    /// Logins left.
    pub uses_left: u8,
}

/// A remembered host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostStatus {
    /// Its address.
    pub address: String,
    /// When a code was given from it (RFC 3339).
    pub since: String,
}

/// A set-up that was begun. Wiped when dropped.
pub struct Begun {
    /// For the confirmation.
    pub nonce: Nonce,
    /// The device's name.
    pub device: DeviceName,
    /// The otpauth URI.
    pub uri: Zeroizing<String>,
    /// The secret in Base32.
    pub secret: Zeroizing<String>,
}

/// A set-up that counts now.
pub struct Confirmed {
    /// The device's name.
    pub device: DeviceName,
    /// New recovery codes, where there are any to show.
    pub recovery_codes: PrintedCodes,
}

/// A secret shown again. Wiped when dropped.
pub struct Shown {
    /// The device's name.
    pub device: DeviceName,
    /// The otpauth URI.
    pub uri: Zeroizing<String>,
    /// The secret in Base32.
    pub secret: Zeroizing<String>,
}

/// A code that was judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    /// What came of it.
    pub verdict: Verdict,
    /// With an acceptance for a login program: the codes refused that the owner has not been told of. They stay on
    /// record until it [says](Request::Acknowledge) that it told them.
    pub refused_since: Option<RefusedSince>,
}

impl From<Verdict> for Judged {
    fn from(verdict: Verdict) -> Self {
        Self { verdict, refused_since: None }
    }
}

/// The answer to a request that was done.
pub enum Reply {
    /// To [`Request::Probe`].
    Probed(Probe),
    /// To [`Request::Judge`].
    Judged(Judged),
    /// To [`Request::Status`].
    Status(Box<Status>),
    /// To [`Request::Begin`].
    Begun(Begun),
    /// To [`Request::Confirm`].
    Confirmed(Confirmed),
    /// To [`Request::Show`].
    Shown(Shown),
    /// To [`Request::RenewRecovery`] and [`Request::ProveAtLogin`].
    RecoveryCodes(PrintedCodes),
    /// To [`Request::Welcome`].
    Welcome(Welcome),
    /// To [`Request::Outlook`].
    Outlook(Outlook),
    /// To [`Request::PutOff`]: what is left.
    PutOff(Grace),
    /// To [`Request::OpenSession`].
    Session(SessionStart),
    /// To everything else.
    Done,
}

/// Those of the replies that a login meets; the module knows no others, which keeps it small.
pub enum LoginReply {
    /// See [`Reply::Probed`].
    Probed(Probe),
    /// See [`Reply::Judged`].
    Judged(Judged),
    /// See [`Reply::Begun`].
    Begun(Begun),
    /// See [`Reply::RecoveryCodes`].
    RecoveryCodes(PrintedCodes),
    /// See [`Reply::Welcome`].
    Welcome(Welcome),
    /// See [`Reply::Outlook`].
    Outlook(Outlook),
    /// See [`Reply::PutOff`].
    PutOff(Grace),
    /// See [`Reply::Session`].
    Session(SessionStart),
    /// See [`Reply::Done`].
    Done,
}

impl From<LoginReply> for Reply {
    fn from(reply: LoginReply) -> Self {
        match reply {
            LoginReply::Probed(probe) => Self::Probed(probe),
            LoginReply::Judged(judged) => Self::Judged(judged),
            LoginReply::Begun(begun) => Self::Begun(begun),
            LoginReply::RecoveryCodes(codes) => Self::RecoveryCodes(codes),
            LoginReply::Welcome(welcome) => Self::Welcome(welcome),
            LoginReply::Outlook(outlook) => Self::Outlook(outlook),
            LoginReply::PutOff(grace) => Self::PutOff(grace),
            LoginReply::Session(start) => Self::Session(start),
            LoginReply::Done => Self::Done,
        }
    }
}

/// Why a request was not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The code was refused.
    Refused(Refusal),
    /// The first code of a new device was wrong; so many tries are left.
    NotProven {
        /// Tries left before the set-up is dead.
        left: u8,
    },
    /// It cannot be done as things are; the sentence says what can.
    Impossible(String),
    /// No device is set up.
    NotConfigured,
    /// A second factor is kept under another name or uid of this user; the sentence says what an administrator does.
    Orphaned(String),
    /// The policy or the system does not let this user do it.
    NotPermitted(String),
    /// Policy, store, totp-helper or name service cannot be used, for any user.
    Unusable(String),
    /// A file of this user in the store cannot be used, or their lock does not come.
    UserUnusable(String),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(refusal) => f.write_str(&refusal.advice()),
            Self::NotProven { left: 0 } => {
                f.write_str("That code is wrong too; begin again and scan the new QR code.")
            }
            Self::NotProven { .. } => f.write_str(
                "That is not the code of this secret. Type the code that the app shows now; if it keeps being wrong, the clock of the phone or of this host is.",
            ),
            Self::Impossible(why)
            | Self::Orphaned(why)
            | Self::NotPermitted(why)
            | Self::Unusable(why)
            | Self::UserUnusable(why) => f.write_str(why),
            Self::NotConfigured => f.write_str("two-factor login is not set up; `totp-enroll enroll` does it"),
        }
    }
}

impl std::error::Error for Failure {}

/// Of an open store: what fails there is a file of one user, or their lock. For a store that cannot be opened there is
/// [`Failure::of_store`].
impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotPermitted | StoreError::Random(_) => Self::Unusable(error.to_string()),
            StoreError::Io { .. }
            | StoreError::Unsafe { .. }
            | StoreError::Invalid(_)
            | StoreError::LaterVersion { .. }
            | StoreError::Busy
            | StoreError::Limited => Self::UserUnusable(error.to_string()),
        }
    }
}

impl Failure {
    /// The store as a whole cannot be opened.
    #[must_use]
    pub fn of_store(error: &StoreError) -> Self {
        Self::Unusable(error.to_string())
    }
}

impl From<crate::random::NoRandomness> for Failure {
    fn from(error: crate::random::NoRandomness) -> Self {
        Self::Unusable(error.to_string())
    }
}
