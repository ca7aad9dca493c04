//! A state file: two slots, of which the newest whole one counts.
//!
//! A login overwrites one slot in place and allocates nothing, so it works on a full disk. The last slot
//! known to be on the disk is never the one overwritten, so after any crash one whole slot stands.

use crate::state::State;
use crate::state::slot::{self, SETTLED_AT, SLOT_BYTES, Slot};
use std::cmp::Reverse;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

/// Bytes of a state file.
pub(super) const FILE_BYTES: usize = 2 * SLOT_BYTES;

/// The slots of one open state file, under its user's lock.
#[derive(Debug)]
pub(super) struct Slots {
    /// Position (0 or 1) of the newest whole slot, with its generation and durability.
    newest: Option<(u64, Slot)>,
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
        // Where the one that claims to be newer is whole, the other need not be looked into.
        let mut slots: Vec<_> = (0u64..).zip(slots).collect();
        slots.sort_by_key(|(position, bytes)| Reverse((slot::claimed_generation(bytes), *position)));
        let newest = slots.into_iter().find_map(|(position, bytes)| Some((position, slot::decode(bytes)?)));
        Ok(Self { newest })
    }

    /// The state that counts.
    pub(super) fn state(&self) -> Option<&State> {
        self.newest.as_ref().map(|(_, slot)| &slot.state)
    }

    /// Writes `state` into the slot that may be overwritten; with `durable` it is on the disk when this
    /// returns.
    pub(super) fn record(&mut self, file: &File, state: &State, durable: bool) -> io::Result<()> {
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
        self.newest = Some((position, Slot { generation, durable, settled, state: state.clone() }));
        Ok(())
    }
}

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
        state.ledger.in_a_row = number;
        state
    }

    fn number(file: &File) -> Option<u32> {
        Slots::read(file).unwrap().state().map(|state| state.ledger.in_a_row)
    }

    /// Where record number `number` stands, if anywhere.
    fn position_of(file: &File, number: u32) -> Option<usize> {
        let mut bytes = [0; FILE_BYTES];
        file.read_exact_at(&mut bytes, 0).unwrap();
        (0..2).find(|position| {
            let start = position * SLOT_BYTES;
            let bytes = bytes[start..start + SLOT_BYTES].try_into().unwrap();
            slot::decode(bytes).is_some_and(|slot| slot.state.ledger.in_a_row == number)
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
