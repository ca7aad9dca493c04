//! Giving what is kept of one name to another, or to another uid of the same name.
//!
//! Killed between any two steps, the credential is there once: under the old name and uid, or under the new. Its state
//! is in place before it, so that no used code works again, and what is left of the old name can do nothing without a
//! credential. Done again from the start it comes to its end.

use super::{LockedUser, Store, StoreError};
use crate::credential::Credential;
use crate::login::Record;
use crate::mode_override::ModeOverride;
use nix::fcntl::{RenameFlags, renameat2};

/// An adoption under way: both names are locked.
pub struct Adoption<'a, 's> {
    /// The store.
    pub store: &'s Store,
    /// The former name.
    pub old: &'a mut LockedUser<'s>,
    /// The name it goes to; `None` where the name stays and the uid is another.
    pub new: Option<&'a mut LockedUser<'s>>,
    /// The uid it goes to.
    pub uid: u32,
    /// The uid of whoever has the former name by now: what was made for that one stays.
    pub old_belongs_to: Option<u32>,
}

/// One step, done or not as a whole.
type Step<'a, 's> = fn(&mut Adoption<'a, 's>) -> Result<(), StoreError>;

impl<'a, 's> Adoption<'a, 's> {
    /// In this order. What counts for the new name is strict until the credential is there.
    pub(crate) const STEPS: [Step<'a, 's>; 7] = [
        Self::end_pending,
        Self::move_override,
        Self::index,
        Self::change_uid,
        Self::copy_state,
        Self::move_credential,
        Self::remove_rest,
    ];

    /// Does it.
    ///
    /// # Errors
    /// [`StoreError`]; it can be done again from the start.
    pub fn run(&mut self) -> Result<(), StoreError> {
        Self::STEPS.iter().try_for_each(|step| step(self))
    }

    fn credential(&self) -> Result<Option<Credential>, StoreError> {
        self.store.credential(&self.old.user)
    }

    /// Set-ups under way belong to what was there before.
    fn end_pending(&mut self) -> Result<(), StoreError> {
        self.old.remove_whole("pending")?;
        self.new.as_ref().map_or(Ok(()), |new| new.remove_whole("pending"))
    }

    /// An override of the new name is the later word of an administrator, and stays.
    fn move_override(&mut self) -> Result<(), StoreError> {
        let found = self.store.mode_override(&self.old.user)?;
        let Some(found) = found.filter(|found| Some(found.uid) != self.old_belongs_to) else { return Ok(()) };
        let moved = ModeOverride { uid: self.uid, ..found };
        let target = self.new.as_deref().unwrap_or(self.old);
        let own = self.store.mode_override(&target.user)?.filter(|own| own.uid == self.uid);
        if own.is_some() { Ok(()) } else { target.write_mode_override(&moved) }
    }

    /// The uid leads to either name then; only one of them has the credential.
    fn index(&mut self) -> Result<(), StoreError> {
        if self.credential()?.is_none() {
            return Ok(());
        }
        self.store.index_uid(self.uid, &self.old.user)?;
        self.new.as_ref().map_or(Ok(()), |new| self.store.index_uid(self.uid, &new.user))
    }

    fn change_uid(&mut self) -> Result<(), StoreError> {
        match self.credential()? {
            Some(credential) if credential.uid != self.uid => {
                let former = credential.uid;
                self.old.write_credential(&Credential { uid: self.uid, ..credential })?;
                self.store.forget_uid(former, &self.old.user);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn copy_state(&mut self) -> Result<(), StoreError> {
        match (self.credential()?, &mut self.new) {
            (Some(credential), Some(new)) => new.record(&self.old.state_of(credential.id)?, Record::Durable),
            _ => Ok(()),
        }
    }

    /// The one moment at which it changes hands.
    fn move_credential(&mut self) -> Result<(), StoreError> {
        let Some(new) = self.new.as_ref() else { return Ok(()) };
        if self.credential()?.is_none() {
            return Ok(());
        }
        self.old.insist_on_lock()?;
        new.insist_on_lock()?;
        let (from, to) = (self.old.name("toml"), new.name("toml"));
        let directory = &self.store.directory;
        renameat2(directory, from.as_str(), directory, to.as_str(), RenameFlags::RENAME_NOREPLACE)
            .map_err(|error| self.store.io("making", &to, error))?;
        self.store.sync_directory()
    }

    fn remove_rest(&mut self) -> Result<(), StoreError> {
        let Some(new) = self.new.as_ref() else { return Ok(()) };
        match self.old_belongs_to {
            None => self.old.remove_everything()?,
            // A state that stays is of another credential, and so of none, for whoever has the name by now.
            Some(uid) => {
                let own = self.store.mode_override(&self.old.user)?.is_some_and(|made| made.uid == uid);
                if !own {
                    self.old.remove_whole("mode")?;
                }
            }
        }
        self.store.forget_uid(self.uid, &self.old.user);
        new.tidy(&new.user)
    }
}
