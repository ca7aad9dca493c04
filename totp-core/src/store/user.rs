//! One user under lock: everything that changes the user's files goes through here.

use super::file::OpenFile;
use super::slots::{FILE_BYTES, Slots};
use super::{Store, StoreError};
use crate::credential::{Credential, CredentialId};
use crate::login::Record;
use crate::mode_override::ModeOverride;
use crate::name::UserName;
use crate::pending::Pending;
use crate::state::State;
use nix::fcntl::OFlag;
use nix::sys::resource::{Resource, getrlimit};
use std::fs::TryLockError;
use std::time::{Duration, Instant};

/// How long a login waits for another one of the same user.
const LONGEST_WAIT: Duration = Duration::from_secs(2);
/// Between two tries for the lock: a login holds it for less than this.
const BETWEEN_TRIES: Duration = Duration::from_millis(1);

/// A user whose state file is locked by this process.
///
/// The lock is let go when this is dropped, also where another thread of the host program has forked
/// meanwhile and so holds a copy of the descriptor.
#[derive(Debug)]
pub struct LockedUser<'s> {
    store: &'s Store,
    user: UserName,
    open: OpenFile,
    slots: Slots,
}

impl Drop for LockedUser<'_> {
    fn drop(&mut self) {
        // The descriptor is closed next, which lets go as well.
        let _ = self.open.file.unlock();
    }
}

impl Store {
    /// Locks a user, making an empty state file where there is none.
    ///
    /// # Errors
    /// [`StoreError::Busy`] after two seconds; otherwise what keeps the state file from being used.
    pub fn lock(&self, user: &UserName) -> Result<LockedUser<'_>, StoreError> {
        let make = |name: &str| {
            insist_on_file_size()?;
            self.create(name, &[0; FILE_BYTES]).map(|()| true)
        };
        self.lock_or(user, make)?.ok_or(StoreError::Busy)
    }

    /// Locks a user who has a state file; `None` where there is none any more, and none is made.
    ///
    /// # Errors
    /// As [`Self::lock`].
    pub fn lock_if_there(&self, user: &UserName) -> Result<Option<LockedUser<'_>>, StoreError> {
        self.lock_or(user, |_| Ok(false))
    }

    /// `missing` says whether it made the file that is missing; `None` where it did not.
    fn lock_or(
        &self,
        user: &UserName,
        missing: impl Fn(&str) -> Result<bool, StoreError>,
    ) -> Result<Option<LockedUser<'_>>, StoreError> {
        let name = user.file_name("state");
        let deadline = Instant::now().checked_add(LONGEST_WAIT).ok_or(StoreError::Busy)?;
        loop {
            let Some(open) = self.open_file(&name, OFlag::O_RDWR)? else {
                if Instant::now() >= deadline {
                    return Err(StoreError::Busy);
                }
                if !missing(&name)? {
                    return Ok(None);
                }
                continue;
            };
            insist_on_file_size()?;
            loop {
                match open.file.try_lock() {
                    Ok(()) => break,
                    Err(TryLockError::Error(error)) => return Err(self.io("locking", &name, error)),
                    Err(TryLockError::WouldBlock) if Instant::now() >= deadline => {
                        return Err(StoreError::Busy);
                    }
                    Err(TryLockError::WouldBlock) => std::thread::sleep(BETWEEN_TRIES),
                }
            }
            // Whoever held it may have replaced or removed the file meanwhile.
            if self.is_current(&name, &open)? {
                let slots = Slots::read(&open.file).map_err(|error| self.io("reading", &name, error))?;
                return Ok(Some(LockedUser { store: self, user: user.clone(), open, slots }));
            }
            let _ = open.file.unlock();
            if Instant::now() >= deadline {
                return Err(StoreError::Busy);
            }
        }
    }

    /// Locks a user for an administrator, who does not wait behind a lock that does not come: the state
    /// file is replaced by a new one with the same state, and the holder finds that it has been.
    ///
    /// # Errors
    /// As [`Self::lock`].
    pub fn lock_by_force(&self, user: &UserName) -> Result<LockedUser<'_>, StoreError> {
        match self.lock(user) {
            Err(StoreError::Busy) => self.take_over(user),
            done => done,
        }
    }

    fn take_over(&self, user: &UserName) -> Result<LockedUser<'_>, StoreError> {
        let name = user.file_name("state");
        let old = self.open_file(&name, OFlag::O_RDONLY)?;
        // Locked before it has its name, so that nobody comes in between.
        let new = format!(".{name}.new");
        let open = self.look_at(&new, self.make_anew(&new, &[0; FILE_BYTES])?)?;
        open.file.try_lock().map_err(|_| StoreError::Busy)?;
        self.rename(&new, &name)?;
        let slots = Slots::read(&open.file).map_err(|error| self.io("reading", &name, error))?;
        let mut taken = LockedUser { store: self, user: user.clone(), open, slots };
        // Read only now: a holder that recorded before the rename has its record here, and one that comes
        // later finds the file replaced and gives no verdict.
        let read = old.map(|old| Slots::read(&old.file)).transpose();
        let former = read.map_err(|error| self.io("reading", &name, error))?;
        if let Some(state) = former.as_ref().and_then(Slots::state) {
            taken.record(state, Record::Durable)?;
        }
        Ok(taken)
    }
}

/// A limit on file sizes, which a set-user-ID host keeps from its caller, would tear a slot while it is
/// written and so undo a count. Nothing is judged under one.
fn insist_on_file_size() -> Result<(), StoreError> {
    let (allowed, _) = getrlimit(Resource::RLIMIT_FSIZE).map_err(|_| StoreError::Limited)?;
    if allowed < FILE_BYTES as u64 { Err(StoreError::Limited) } else { Ok(()) }
}

impl LockedUser<'_> {
    fn name(&self, ending: &str) -> String {
        self.user.file_name(ending)
    }

    /// Ends a set-up whose device is in place by now. What is left of it where that fails can neither be
    /// proven nor wait for anything, and is pruned; the set-up was done all the same, and must be told.
    pub fn end_pending(&self) {
        let _ = self.remove_pending();
    }

    /// The state as it belongs to `credential`; afresh where it is lost, torn, or another's.
    #[must_use]
    pub fn state_of(&self, credential: CredentialId) -> State {
        self.slots.state().cloned().unwrap_or_default().belonging_to(credential)
    }

    /// Records a state as its verdict asks for.
    ///
    /// # Errors
    /// [`StoreError::Io`]; the verdict must not be given then.
    pub fn record(&mut self, state: &State, record: Record) -> Result<(), StoreError> {
        let durable = match record {
            Record::Nothing => return Ok(()),
            Record::Written => false,
            Record::Durable => true,
        };
        let Self { store, open, slots, user } = self;
        let name = user.file_name("state");
        slots.record(&open.file, state, durable).map_err(|error| store.io("recording", &name, error))?;
        // An administrator may have taken the lock over meanwhile; then this record is in a file that
        // counts for nothing.
        if store.is_current(&name, open)? { Ok(()) } else { Err(StoreError::Busy) }
    }

    /// The credential; `None` where there is none.
    ///
    /// # Errors
    /// As [`Store::credential`].
    pub fn credential(&self, user: &UserName) -> Result<Option<Credential>, StoreError> {
        self.store.credential(user)
    }

    /// Puts a credential in place, durably.
    ///
    /// # Errors
    /// [`StoreError::Io`], or [`StoreError::Busy`] where an administrator took the lock over meanwhile; the
    /// former credential stands then.
    pub fn write_credential(&self, credential: &Credential) -> Result<(), StoreError> {
        self.insist_on_lock()?;
        self.store.replace(&self.name("toml"), credential.to_toml().as_bytes())
    }

    /// Nothing is put in place after a revoke that did not wait for this process.
    fn insist_on_lock(&self) -> Result<(), StoreError> {
        if self.store.is_current(&self.name("state"), &self.open)? { Ok(()) } else { Err(StoreError::Busy) }
    }

    /// Puts a set-up under way in place of any other.
    ///
    /// # Errors
    /// As [`Self::write_credential`].
    pub fn write_pending(&self, pending: &Pending) -> Result<(), StoreError> {
        self.insist_on_lock()?;
        self.store.replace(&self.name("pending"), pending.to_toml().as_bytes())
    }

    /// Ends a set-up under way.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn remove_pending(&self) -> Result<(), StoreError> {
        self.store.remove(&self.name("pending"))
    }

    /// What a set-up or an errand for a user without a credential finds: see [`State::without_credential`].
    #[must_use]
    pub fn newcomer(&self, uid: u32) -> State {
        let mut state = self.state_of(CredentialId::none_of(uid));
        // A set-up, or its end, that was cut short leaves the state of a credential that is not there. Whoever
        // can kill a process at that moment gets no login of grace back by it.
        if let Some(rest) = self.slots.state().filter(|rest| !rest.credential.is_none())
            && !self.store.has_credential(&self.user).unwrap_or(false)
        {
            state.graces_used = rest.graces_used;
        }
        state
    }

    /// Puts an override in place, durably.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn write_mode_override(&self, made: &ModeOverride) -> Result<(), StoreError> {
        self.store.replace(&self.name("mode"), made.to_toml().as_bytes())
    }

    /// Ends an override.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn remove_mode_override(&self) -> Result<(), StoreError> {
        self.remove_whole("mode")
    }

    /// Removes credential and set-up under way, then leaves `state` of what was kept of them. In this order
    /// a crash in between leaves a user without a credential, never one whose used codes count again.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn remove_credential(&mut self, state: &State) -> Result<(), StoreError> {
        self.remove_whole("toml")?;
        self.remove_whole("pending")?;
        if state.holds_nothing() { self.remove_whole("state") } else { self.record(state, Record::Durable) }
    }

    /// Removes everything that is kept of a user.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn remove_everything(&self) -> Result<(), StoreError> {
        ["toml", "pending", "mode", "state"].into_iter().try_for_each(|ending| self.remove_whole(ending))
    }

    /// Removes the state file if nothing needs it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn tidy(&self, user: &UserName) -> Result<(), StoreError> {
        let unused = self.slots.state().is_none_or(State::holds_nothing);
        if unused && !self.store.has_credential(user)? { self.remove_whole("state") } else { Ok(()) }
    }

    fn remove_whole(&self, ending: &str) -> Result<(), StoreError> {
        let name = self.name(ending);
        // What a process that lost its lock was about to put in place.
        self.store.remove(&format!(".{name}.new"))?;
        self.store.remove(&name)
    }
}
