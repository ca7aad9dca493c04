//! What logins change: last accepted steps, recovery codes left, failures, remembered hosts, and the codes
//! that root issued. A user who is not set up has a state, too, where there is something to keep.
//!
//! Values only; [`slot`] is their form on disk, and the store decides which of two slots counts.

pub mod slot;

use crate::clock::Timestamp;
use crate::credential::{CredentialId, DeviceId};
use crate::issued::{Invitation, TemporaryCode};
use crate::login::Reason;
use crate::recovery::RecoverySet;
use crate::source::Source;
use crate::throttle::Ledger;
use std::net::IpAddr;

/// Most addresses remembered.
pub const MOST_HOSTS: usize = 16;
/// Longest mail address, in bytes: RFC 5321 4.5.3.1.3, without its angle brackets.
pub const LONGEST_MAIL: usize = 254;
/// Refusals kept to explain them later.
pub const KEPT_REFUSALS: usize = 8;

/// The last accepted step or counter of one device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The device.
    pub device: DeviceId,
    /// The last step or counter accepted; `None` where none was yet.
    pub last: Option<u64>,
}

/// An address that is not asked again for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RememberedHost {
    /// The exact address.
    pub address: IpAddr,
    /// When a code was given from it.
    pub since: Timestamp,
}

/// A login that was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PastRefusal {
    /// When.
    pub at: Timestamp,
    /// Why.
    pub reason: Reason,
    /// From where.
    pub source: Source,
}

/// The codes that were refused since the last login that told its owner of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefusedSince {
    /// How many, of those that were judged.
    pub count: u32,
    /// When the last of them was refused.
    pub latest: Timestamp,
    /// Where that one came from.
    pub source: Source,
}

/// The login state of one user.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// The credential it belongs to; [`CredentialId::none_of`] for a user without one.
    pub credential: CredentialId,
    /// One entry a device.
    pub progress: Vec<Progress>,
    /// The recovery codes left.
    pub recovery: RecoverySet,
    /// Failures and successes by source.
    pub ledger: Ledger,
    /// Remembered hosts.
    pub hosts: Vec<RememberedHost>,
    /// The last few refusals, oldest first.
    pub refusals: Vec<PastRefusal>,
    /// The invitation of a user who is not set up.
    pub invitation: Option<Invitation>,
    /// A code that stands in for a device.
    pub temporary: Option<TemporaryCode>,
    /// How often set-up was skipped; neither set-up nor revoke gives these logins back.
    pub graces_used: u32,
    /// The mail address of a user who is not set up, at most [`LONGEST_MAIL`] bytes.
    pub mail: Option<String>,
    /// The codes refused that the owner has not been told of.
    pub refused_since: Option<RefusedSince>,
}

impl State {
    /// The state of a credential of which nothing is known: no recovery codes, and no progress for any
    /// device, which [`judge`](crate::login::judge) reads as "every code up to now may have been used".
    #[must_use]
    pub fn afresh(credential: CredentialId) -> Self {
        Self { credential, ..Self::default() }
    }

    /// This state if it belongs to `credential`, otherwise one [afresh](Self::afresh): losing a state
    /// never opens a used code again.
    #[must_use]
    pub fn belonging_to(self, credential: CredentialId) -> Self {
        if self.credential == credential { self } else { Self::afresh(credential) }
    }

    /// What is known of a device.
    #[must_use]
    pub fn progress_of(&self, device: DeviceId) -> Option<Progress> {
        self.progress.iter().find(|progress| progress.device == device).copied()
    }

    /// Sets the last accepted step or counter of a device.
    pub fn set_progress(&mut self, device: DeviceId, last: Option<u64>) {
        self.progress.retain(|progress| progress.device != device);
        self.progress.push(Progress { device, last });
    }

    /// Forgets devices that the credential no longer has.
    pub fn keep_devices(&mut self, keep: impl Fn(DeviceId) -> bool) {
        self.progress.retain(|progress| keep(progress.device));
    }

    /// Remembers that a code was given from `address`.
    pub fn remember_host(&mut self, address: IpAddr, now: Timestamp) {
        self.hosts.retain(|host| host.address != address);
        while self.hosts.len() >= MOST_HOSTS {
            self.hosts.remove(0);
        }
        self.hosts.push(RememberedHost { address, since: now });
    }

    /// Spends one use of the temporary code if `typed` is it, and says how many are left.
    pub fn spend_temporary(&mut self, typed: &str, now: Timestamp) -> Option<u8> {
        let temporary = self.temporary.as_mut().filter(|temporary| temporary.code.is(typed, now))?;
        let left = temporary.uses_left.saturating_sub(1);
        temporary.uses_left = left;
        if left == 0 {
            self.temporary = None;
        }
        Some(left)
    }

    /// Adds what the same user's state in an earlier version says to be used or counted besides. Of recovery codes and
    /// temporary codes it knows none: see `store::slots`.
    pub(crate) fn add_older(&mut self, older: &Self) {
        for progress in &mut self.progress {
            let other = older.progress_of(progress.device).and_then(|other| other.last);
            progress.last = progress.last.max(other);
        }
        self.ledger.add(&older.ledger);
    }

    /// What outlives the end of a credential: the state of the same user, of this uid, who is not set up.
    #[must_use]
    pub fn without_credential(&self, uid: u32, mail: Option<String>) -> Self {
        Self { graces_used: self.graces_used, mail, ..Self::afresh(CredentialId::none_of(uid)) }
    }

    /// Whether nothing is lost with it.
    #[must_use]
    pub fn holds_nothing(&self) -> bool {
        *self == Self::afresh(self.credential)
    }

    /// Keeps a refusal to explain it later, and to tell the owner.
    pub fn note_refusal(&mut self, refusal: PastRefusal) {
        let count = self.refused_since.map_or(0, |refused| refused.count).saturating_add(1);
        self.refused_since = Some(RefusedSince { count, latest: refusal.at, source: refusal.source });
        while self.refusals.len() >= KEPT_REFUSALS {
            self.refusals.remove(0);
        }
        self.refusals.push(refusal);
    }

    /// Forgets the refused codes that the owner was told of. Those that came later stay: they are told next time.
    pub fn end_refused(&mut self, count: u32, latest: Timestamp) {
        let Some(refused) = self.refused_since.filter(|refused| refused.latest >= latest) else { return };
        let count = refused.count.saturating_sub(count);
        self.refused_since = (count > 0).then_some(RefusedSince { count, ..refused });
    }
}
