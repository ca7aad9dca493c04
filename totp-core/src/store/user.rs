//! One user under lock: everything that changes the user's files goes through here.

use super::file::{FENCE, OpenFile};
use super::slots::{FILE_BYTES, Slots};
use super::{Store, StoreError};
use crate::absence::Absence;
use crate::credential::{Credential, CredentialId};
use crate::login::Record;
use crate::mode_override::ModeOverride;
use crate::name::UserName;
use crate::pending::Pending;
use crate::state::State;
use nix::fcntl::OFlag;
use nix::sys::resource::{Resource, getrlimit};
use nix::sys::stat::{Mode, fchmod};
use std::fs::{File, TryLockError};
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
    pub(super) user: UserName,
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
                fence(&open);
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

    /// Killed anywhere, it leaves the old state file or a whole new one, with every record that the holder took
    /// for done: the new file is there as the [successor](successor_of) before the old one is read, and from then
    /// on no record of the holder counts. The holder looks for it where the old file [is marked](MARK), which
    /// comes first.
    fn take_over(&self, user: &UserName) -> Result<LockedUser<'_>, StoreError> {
        let name = user.file_name("state");
        let successor = successor_of(&name);
        self.end_dead_take_over(&successor)?;
        // Already now, so that one that is killed right after it has its name is found and removed.
        self.open_marked(&name)?;
        let (new, file) = self.write_aside(&name, &[0; FILE_BYTES])?;
        // Before anybody looks for it: whoever gets this lock knows that its process is gone.
        let locked = file.try_lock().map_err(|error| self.io("locking", &new, std::io::Error::from(error)));
        let locked = locked.and_then(|()| self.look_at(&new, file));
        if locked.is_err() {
            let _ = self.remove_quietly(&new);
        }
        let open = locked?;
        if !self.name_if_free(&new, &successor)? {
            return Err(StoreError::Busy);
        }
        let copied = self.copy_state(&name, &open.file);
        if copied.is_err() {
            let _ = self.remove_quietly(&successor);
        }
        let slots = copied?;
        self.rename(&successor, &name)?;
        Ok(LockedUser { store: self, user: user.clone(), open, slots })
    }

    /// Opens a state file, and has its holder look for a successor from now on.
    fn open_marked(&self, name: &str) -> Result<Option<OpenFile>, StoreError> {
        let old = self.open_file(name, OFlag::O_RDONLY)?;
        if let Some(old) = &old {
            fchmod(&old.file, MARK | FENCE).map_err(|error| self.io("marking", name, error))?;
        }
        Ok(old)
    }

    /// Brings the state that the file `name` holds into the empty `file` and to the disk.
    fn copy_state(&self, name: &str, file: &File) -> Result<Slots, StoreError> {
        let failed = |error| self.io("copying", name, error);
        let mut slots = Slots::read(file).map_err(failed)?;
        // Marked before it is read, for it may be the work of another take-over, done a moment ago.
        if let Some(old) = self.open_marked(name)? {
            match Slots::read(&old.file).map_err(failed)?.state() {
                Ok(Some(state)) => slots.record(file, state, true).map_err(failed)?,
                Ok(None) => {}
                // As it is, for whoever gives it up; everybody else is told of it.
                Err(_) => slots = Slots::copied(&old.file, file).map_err(failed)?,
            }
        }
        Ok(slots)
    }

    /// Removes the successor of a process that died while it took a lock over. [`StoreError::Busy`] where it
    /// lives: it may have read the state by now.
    fn end_dead_take_over(&self, successor: &str) -> Result<(), StoreError> {
        let Some(open) = self.open_file(successor, OFlag::O_RDONLY)? else {
            return Ok(());
        };
        match open.file.try_lock() {
            Ok(()) if self.is_current(successor, &open)? => self.remove_quietly(successor),
            // Another one's by now, or it has become the user's state.
            Ok(()) | Err(TryLockError::WouldBlock) => Err(StoreError::Busy),
            Err(TryLockError::Error(error)) => Err(self.io("locking", successor, error)),
        }
    }
}

/// The mode of a state file whose lock was to be taken over once: a login looks for the
/// [successor](successor_of) of such a file alone. It is never unmarked, for another take-over may count on it.
const MARK: Mode = Mode::S_IRWXU;

/// Keeps modules of before version 3 away from a state file that one of them made. It is marked at once: a take-over may
/// have marked it since it was looked at. Where that fails, as on a read-only disk, nothing is recorded either.
fn fence(open: &OpenFile) {
    if !Mode::from_bits_truncate(open.about.st_mode).contains(FENCE) {
        let _ = fchmod(&open.file, MARK | FENCE);
    }
}

/// The file that is to take the place of a state file whose lock does not come. Only under its lock is it
/// written, given the state file's name, or removed.
fn successor_of(state: &str) -> String {
    format!(".{state}.new")
}

/// A limit on file sizes, which a set-user-ID host keeps from its caller, would tear a slot while it is
/// written and so undo a count. Nothing is judged under one.
fn insist_on_file_size() -> Result<(), StoreError> {
    let (allowed, _) = getrlimit(Resource::RLIMIT_FSIZE).map_err(|_| StoreError::Limited)?;
    if allowed < FILE_BYTES as u64 { Err(StoreError::Limited) } else { Ok(()) }
}

impl LockedUser<'_> {
    pub(super) fn name(&self, ending: &str) -> String {
        self.user.file_name(ending)
    }

    /// Ends a set-up whose device is in place by now. What is left of it where that fails can neither be
    /// proven nor wait for anything, and is pruned; the set-up was done all the same, and must be told.
    pub fn end_pending(&self) {
        let _ = self.remove_pending();
    }

    /// The state as it belongs to `credential`; afresh where it is lost, torn, or another's.
    ///
    /// # Errors
    /// [`StoreError::LaterVersion`].
    pub fn state_of(&self, credential: CredentialId) -> Result<State, StoreError> {
        Ok(self.state()?.cloned().unwrap_or_default().belonging_to(credential))
    }

    fn state(&self) -> Result<Option<&State>, StoreError> {
        let later = |unknown| self.store.later_version(&self.name("state"), unknown);
        self.slots.state().map_err(later)
    }

    /// Gives up a state that a later version wrote: from here on it reads as lost.
    pub fn give_up_later_version(&mut self) {
        self.slots.give_up_unknown();
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
        slots
            .record(&open.file, state, durable)
            .map_err(|error| store.io("recording", &user.file_name("state"), error))?;
        // Only now: who takes the lock over from here on reads this record.
        self.insist_on_lock()
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
        // First: a credential that cannot be found by its uid would be lost with its user's name.
        self.store.index_uid(credential.uid, &self.user)?;
        // From now on there is a user whose screen locker needs it; the helper makes it where this fails.
        let _ = self.store.make_caller_places();
        self.put("toml", credential.to_toml().as_bytes())
    }

    /// Puts a file in place, whole or not at all, and on the disk when this returns.
    fn put(&self, ending: &str, contents: &[u8]) -> Result<(), StoreError> {
        self.insist_on_lock()?;
        let name = self.name(ending);
        let new = format!(".{name}.new");
        self.store.make_anew(&new, contents)?;
        // Once more, for whoever revokes and did not wait removes this new file before the old one: either it is
        // gone when it is to be renamed, or the lock is found lost here.
        if let Err(lost) = self.insist_on_lock() {
            let _ = self.store.remove_quietly(&new);
            return Err(lost);
        }
        self.store.rename(&new, &name)
    }

    /// An administrator may have taken the lock over meanwhile; then nothing of this process counts any more.
    pub(super) fn insist_on_lock(&self) -> Result<(), StoreError> {
        let name = self.name("state");
        let there = self.store.current(&name, &self.open)?.ok_or(StoreError::Busy)?;
        if !Mode::from_bits_truncate(there.st_mode).contains(MARK) {
            return Ok(());
        }
        // In this order: a successor that is gone has been removed, or has become the user's state.
        self.store.end_dead_take_over(&successor_of(&name))?;
        if self.store.is_current(&name, &self.open)? { Ok(()) } else { Err(StoreError::Busy) }
    }

    /// Puts a set-up under way in place of any other.
    ///
    /// # Errors
    /// As [`Self::write_credential`].
    pub fn write_pending(&self, pending: &Pending) -> Result<(), StoreError> {
        self.put("pending", pending.to_toml().as_bytes())
    }

    /// Ends a set-up under way.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn remove_pending(&self) -> Result<(), StoreError> {
        self.store.remove(&self.name("pending"))
    }

    /// What a set-up or an errand for a user without a credential finds: see [`State::without_credential`].
    ///
    /// # Errors
    /// [`StoreError::LaterVersion`].
    pub fn newcomer(&self, uid: u32) -> Result<State, StoreError> {
        let mut state = self.state_of(CredentialId::none_of(uid))?;
        // A set-up, or its end, that was cut short leaves the state of a credential that is not there. Whoever
        // can kill a process at that moment gets no login of grace back by it.
        if let Some(rest) = self.state()?.filter(|rest| !rest.credential.is_none())
            && !self.store.has_credential(&self.user).unwrap_or(false)
        {
            state.graces_used = rest.graces_used;
        }
        Ok(state)
    }

    /// Puts an override in place, durably.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn write_mode_override(&self, made: &ModeOverride) -> Result<(), StoreError> {
        self.put("mode", made.to_toml().as_bytes())
    }

    /// Ends an override.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn remove_mode_override(&self) -> Result<(), StoreError> {
        self.remove_whole("mode")
    }

    /// Puts a note in place that the name service does not know the user, durably.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn write_absence(&self, absence: &Absence) -> Result<(), StoreError> {
        self.put("absent", absence.to_toml().as_bytes())
    }

    /// Ends such a note.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn remove_absence(&self) -> Result<(), StoreError> {
        self.remove_whole("absent")
    }

    /// Removes credential and set-up under way, then leaves `state` of what was kept of them. In this order
    /// a crash in between leaves a user without a credential, never one whose used codes count again.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn remove_credential(&mut self, state: &State) -> Result<(), StoreError> {
        self.remove_toml()?;
        self.remove_whole("pending")?;
        if state.holds_nothing() { self.remove_state() } else { self.record(state, Record::Durable) }
    }

    /// Removes everything that is kept of a user.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn remove_everything(&self) -> Result<(), StoreError> {
        self.remove_toml()?;
        ["pending", "mode", "absent"].into_iter().try_for_each(|ending| self.remove_whole(ending))?;
        self.remove_state()
    }

    /// Removes the state file if nothing needs it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn tidy(&self, user: &UserName) -> Result<(), StoreError> {
        // One of a later version may be needed there.
        let unused = self.state().is_ok_and(|state| state.is_none_or(State::holds_nothing));
        if unused && !self.store.has_credential(user)? { self.remove_state() } else { Ok(()) }
    }

    fn remove_toml(&self) -> Result<(), StoreError> {
        let former = self.store.credential(&self.user).ok().flatten();
        self.remove_whole("toml")?;
        if let Some(credential) = former {
            self.store.forget_uid(credential.uid, &self.user);
        }
        Ok(())
    }

    pub(super) fn remove_whole(&self, ending: &str) -> Result<(), StoreError> {
        self.insist_on_lock()?;
        let name = self.name(ending);
        // What a process that lost its lock was about to put in place.
        self.store.remove(&format!(".{name}.new"))?;
        self.store.remove(&name)
    }

    fn remove_state(&self) -> Result<(), StoreError> {
        self.insist_on_lock()?;
        self.store.remove(&self.name("state"))
    }
}
