//! A state file: two slots, of which the newest whole one counts.
//!
//! A login overwrites one slot in place and allocates nothing, so it works on a full disk. The last slot
//! known to be on the disk is never the one overwritten, so after any crash one whole slot stands.

use crate::state::State;
use crate::state::slot::{self, SETTLED_AT, SLOT_BYTES, Slot, UnknownVersion, Version};
use std::cmp::Reverse;
use std::fs::File;
use std::io::{self, Seek as _};
use std::os::unix::fs::FileExt as _;

/// Bytes of a state file.
pub(super) const FILE_BYTES: usize = 2 * SLOT_BYTES;

/// The slots of one open state file, under its user's lock.
#[derive(Debug)]
pub(super) struct Slots {
    /// Position (0 or 1) of the newest whole slot, with its generation and durability.
    newest: Option<(u64, Slot)>,
    /// Whether a slot is of another version: the next record is written into both.
    converting: bool,
    /// A slot of a version that is not known stands there.
    unknown: Option<UnknownVersion>,
}

impl Slots {
    /// Reads both slots. A file of another length, torn or foreign, reads as having none.
    pub(super) fn read(file: &File) -> io::Result<Self> {
        let mut bytes = [0; FILE_BYTES];
        let mut filled = 0;
        while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match file.read_at(rest, filled as u64) {
                Ok(0) => break,
                Ok(count) => filled = filled.saturating_add(count),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        let (slots, _) = bytes.as_chunks::<SLOT_BYTES>();
        let mut versions = Vec::with_capacity(2);
        for bytes in slots {
            match slot::claimed_version(bytes) {
                Ok(version) => versions.push(version),
                Err(unknown) => return Ok(Self { newest: None, converting: false, unknown: Some(unknown) }),
            }
        }
        let converting = versions.iter().flatten().any(|version| *version < Version::CURRENT);
        // A later version counts before an earlier one: see `with_older`.
        let mut slots: Vec<_> = (0u64..).zip(slots).zip(versions).collect();
        slots.sort_by_key(|((position, bytes), version)| {
            Reverse((*version, slot::claimed_generation(bytes), *position))
        });
        // Where the one that claims to be newer is whole, the other need not be looked into.
        let mut whole =
            slots.into_iter().filter_map(|((position, bytes), _)| Some((position, slot::decode(bytes)?)));
        let mut newest = whole.next();
        if converting && let (Some((_, newest)), Some((_, older))) = (&mut newest, whole.next()) {
            with_older(newest, &older);
        }
        Ok(Self { newest, converting, unknown: None })
    }

    /// Copies a file as it is, whole and onto the disk, and reads it.
    pub(super) fn copied(mut from: &File, mut to: &File) -> io::Result<Self> {
        to.rewind()?;
        io::copy(&mut from, &mut to)?;
        to.sync_data()?;
        Self::read(to)
    }

    /// The state that counts.
    pub(super) fn state(&self) -> Result<Option<&State>, UnknownVersion> {
        match self.unknown {
            Some(unknown) => Err(unknown),
            None => Ok(self.newest.as_ref().map(|(_, slot)| &slot.state)),
        }
    }

    /// Takes slots of a version that is not known for none: what they hold is given up, and written over.
    pub(super) fn give_up_unknown(&mut self) {
        self.converting |= self.unknown.take().is_some();
    }

    /// Writes `state` into the slot that may be overwritten; with `durable` it is on the disk when this
    /// returns.
    ///
    /// Where a slot of an earlier version stands, both are written, durably and one after the other. A module of that
    /// version that is still at its prompt reads no slot of a later one: it would take the one it knows, and in it codes
    /// that have been used since. Once the file has its [fence](super::file::FENCE) such a module does not even open it;
    /// one that waited for the lock meanwhile finds no slot that it knows.
    pub(super) fn record(&mut self, file: &File, state: &State, durable: bool) -> io::Result<()> {
        if let Some(UnknownVersion(_)) = self.unknown {
            return Err(io::Error::other("the login state is of a version that is not known"));
        }
        self.write(file, state, durable || self.converting)?;
        if self.converting {
            self.write(file, state, true)?;
            self.converting = false;
        }
        Ok(())
    }

    fn write(&mut self, file: &File, state: &State, durable: bool) -> io::Result<()> {
        let (position, generation) = match &self.newest {
            None => (0, 0),
            Some((position, newest)) => {
                let other = 1u64.saturating_sub(*position);
                let position = match (newest.durable, newest.settled) {
                    (true, true) => other,
                    (true, false) => {
                        // Its writer died before it knew, or the disk failed it; the older slot may be
                        // overwritten only once this one is safe. It is written again, for after a sync that
                        // failed Linux takes the page for clean, and the next sync succeeds without it.
                        let start = position.saturating_mul(SLOT_BYTES as u64);
                        let mut same = [0; SLOT_BYTES];
                        file.read_exact_at(&mut same, start)?;
                        file.write_all_at(&same, start)?;
                        file.sync_data()?;
                        other
                    }
                    // An unsynced failure: the other slot is the last synced one.
                    (false, _) => *position,
                };
                (position, newest.generation)
            }
        };
        let generation = generation.saturating_add(1);
        let bytes = slot::encode(state, generation, durable)
            .map_err(|slot::TooLarge| io::Error::other("the login state outgrew its slot"))?;
        let start = position.saturating_mul(SLOT_BYTES as u64);
        file.write_all_at(&bytes, start)?;
        let mut settled = false;
        if durable {
            file.sync_data()?;
            // Need not reach the disk: what is read after a crash was there.
            let settled_at = start.saturating_add(SETTLED_AT as u64);
            settled = file.write_all_at(&slot::settled_mark(generation), settled_at).is_ok();
        }
        let version = Version::CURRENT;
        self.newest = Some((position, Slot { version, generation, durable, settled, state: state.clone() }));
        Ok(())
    }
}

/// Adds to a slot what another one of an earlier version holds besides.
///
/// Both slots are converted at once. So that stands there for one of two reasons: a module of the earlier version has
/// written since, which could read neither slot, took the state for lost and began to count anew; or the process that
/// converted them was killed in between, and then failures count twice. What is used by either is used.
fn with_older(newest: &mut Slot, older: &Slot) {
    if older.version < newest.version && older.state.credential == newest.state.credential {
        newest.state.add_older(&older.state);
    }
}

#[cfg(test)]
mod upgrade;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::credential::CredentialId;

    fn file() -> File {
        let file = tempfile::tempfile().unwrap();
        file.write_all_at(&[0; FILE_BYTES], 0).unwrap();
        file
    }

    fn numbered(number: u32) -> State {
        let mut state = State::afresh(CredentialId([1; 16]));
        state.graces_used = number;
        state
    }

    fn number(file: &File) -> Option<u32> {
        Slots::read(file).unwrap().state().unwrap().map(|state| state.graces_used)
    }

    /// Where record number `number` stands, if anywhere.
    fn position_of(file: &File, number: u32) -> Option<usize> {
        let mut bytes = [0; FILE_BYTES];
        file.read_exact_at(&mut bytes, 0).unwrap();
        (0..2).find(|position| {
            let start = position * SLOT_BYTES;
            let bytes = bytes[start..start + SLOT_BYTES].try_into().unwrap();
            slot::decode(bytes).is_some_and(|slot| slot.state.graces_used == number)
        })
    }

    fn record(file: &File, number: u32, durable: bool) {
        Slots::read(file).unwrap().record(file, &numbered(number), durable).unwrap();
    }

    #[test]
    fn the_newest_record_counts_and_the_one_before_stands() {
        let file = file();
        assert_eq!(number(&file), None);
        for generation in 1..10 {
            record(&file, generation, true);
            assert_eq!(number(&file), Some(generation));
            if generation > 1 {
                assert!(position_of(&file, generation - 1).is_some());
            }
        }
    }

    #[test]
    fn unsynced_failures_never_overwrite_the_last_synced_record() {
        let file = file();
        record(&file, 1, true);
        for failure in 2..6 {
            record(&file, failure, false);
            assert!(position_of(&file, 1).is_some(), "failure {failure}");
        }
        record(&file, 6, true);
        assert!(position_of(&file, 1).is_some());
        record(&file, 7, true);
        assert_eq!((position_of(&file, 1), position_of(&file, 6).is_some()), (None, true));
    }

    #[test]
    fn a_torn_newest_slot_leaves_the_one_before() {
        let file = file();
        record(&file, 1, true);
        record(&file, 2, true);
        let start = position_of(&file, 2).unwrap() * SLOT_BYTES;
        file.write_all_at(&[0xff; 32], start as u64).unwrap();
        assert_eq!(number(&file), Some(1));
        record(&file, 3, true);
        assert_eq!(number(&file), Some(3));
    }

    #[test]
    fn a_short_or_foreign_file_has_no_state_and_can_be_written_again() {
        let file = tempfile::tempfile().unwrap();
        file.write_all_at(b"garbage", 0).unwrap();
        assert_eq!(number(&file), None);
        record(&file, 1, true);
        assert_eq!(number(&file), Some(1));
    }

    #[test]
    fn a_record_takes_no_byte_more() {
        let file = file();
        for generation in 1..5 {
            record(&file, generation, true);
        }
        assert_eq!(file.metadata().unwrap().len(), FILE_BYTES as u64);
    }
}
