//! A state file of version 2 is taken over by this version, while a module of version 2 is still at its prompt.

use super::*;
use crate::clock::Timestamp;
use crate::credential::{CredentialId, DeviceId};
use crate::policy::Policy;
use crate::recovery::RecoverySet;
use crate::source::Source;

const CREDENTIAL: CredentialId = CredentialId([7; 16]);
const PHONE: DeviceId = DeviceId(1);
const NOON: Timestamp = Timestamp(1_790_000_010);

/// What a module of version 2 reads, judges and writes, as far as these tests need it: no source, no issued code.
#[derive(Clone, Debug, PartialEq)]
struct Older {
    last: Option<u64>,
    recovery: RecoverySet,
    in_a_row: u32,
}

impl Older {
    fn afresh() -> Self {
        Self { last: None, recovery: RecoverySet::default(), in_a_row: 0 }
    }

    fn to_slot(&self, generation: u64, durable: bool, settled: bool) -> [u8; SLOT_BYTES] {
        let mut body = CREDENTIAL.0.to_vec();
        body.push(1);
        body.extend(PHONE.0.to_le_bytes());
        body.push(u8::from(self.last.is_some()));
        body.extend(self.last.unwrap_or(0).to_le_bytes());
        body.extend(self.recovery.salt);
        body.push(self.recovery.hashes.len() as u8);
        body.extend(self.recovery.hashes.concat());
        body.extend(self.in_a_row.to_le_bytes());
        // No sources, addresses, refusals, invitation, temporary code; no login of grace; no address of mail.
        body.extend([0; 5]);
        body.extend([0; 4]);
        body.push(0);
        let mut slot = b"PAMTOTP2".to_vec();
        slot.extend(generation.to_le_bytes());
        slot.push(u8::from(durable));
        slot.extend((body.len() as u16).to_le_bytes());
        let mut sum = crc32fast::Hasher::new();
        sum.update(&slot);
        sum.update(&body);
        slot.extend(sum.finalize().to_le_bytes());
        slot.extend(body);
        slot.resize(SLOT_BYTES, 0);
        if settled {
            slot[SETTLED_AT..].copy_from_slice(&generation.to_le_bytes());
        }
        slot.try_into().unwrap()
    }

    fn of(slot: &Slot) -> Self {
        let State { recovery, ledger, .. } = &slot.state;
        let last = slot.state.progress_of(PHONE).and_then(|progress| progress.last);
        Self { last, recovery: recovery.clone(), in_a_row: (ledger.strangers.spent / 86_400) as u32 }
    }
}

fn slot_at(file: &File, position: u64) -> [u8; SLOT_BYTES] {
    let mut bytes = [0; SLOT_BYTES];
    file.read_exact_at(&mut bytes, position * SLOT_BYTES as u64).unwrap();
    bytes
}

fn put(file: &File, position: u64, bytes: &[u8; SLOT_BYTES]) {
    file.write_all_at(bytes, position * SLOT_BYTES as u64).unwrap();
}

/// The newest slot that a module of version 2 can read, and where it writes the next one.
fn older_reads(file: &File) -> (Option<(u64, Slot)>, u64) {
    let readable = (0..2).filter_map(|position| {
        let slot = slot::decode(&slot_at(file, position))?;
        (slot.version == Version::Two).then_some((position, slot))
    });
    let newest = readable.max_by_key(|(position, slot)| (slot.generation, *position));
    let next = match &newest {
        None => 0,
        Some((position, slot)) if slot.durable => 1 - position,
        Some((position, _)) => *position,
    };
    (newest, next)
}

/// A module of version 2 judges `step`, or a wrong code, and writes what comes of it; says whether it accepted.
fn older_judges(file: &File, step: Option<u64>, newest_step: u64) -> bool {
    let (newest, next) = older_reads(file);
    let generation = newest.as_ref().map_or(0, |(_, slot)| slot.generation) + 1;
    let mut state = newest.as_ref().map_or_else(Older::afresh, |(_, slot)| Older::of(slot));
    let last = if newest.is_some() { state.last } else { Some(newest_step) };
    let accepted = step.is_some_and(|step| last.is_none_or(|last| step > last));
    state.last = if accepted { step } else { last };
    state.in_a_row = if accepted { 0 } else { state.in_a_row + 1 };
    put(file, next, &state.to_slot(generation, accepted, accepted));
    accepted
}

/// A file that a module of version 2 has used for a while: three recovery codes, 40 failures, step 100.
fn used_file(newest_is_durable: bool) -> (File, Older) {
    let file = tempfile::tempfile().unwrap();
    file.write_all_at(&[0; FILE_BYTES], 0).unwrap();
    let recovery = RecoverySet { salt: [5; 16], hashes: vec![[1; 32], [2; 32], [3; 32]] };
    let state = Older { last: Some(100), recovery, in_a_row: 40 };
    put(&file, 1, &Older { in_a_row: 39, ..state.clone() }.to_slot(8, true, true));
    put(&file, 0, &state.to_slot(9, newest_is_durable, newest_is_durable));
    (file, state)
}

fn state(file: &File) -> State {
    Slots::read(file).unwrap().state().unwrap().unwrap().clone()
}

fn last(file: &File) -> Option<u64> {
    state(file).progress_of(PHONE).unwrap().last
}

fn guesses(file: &File) -> u64 {
    state(file).ledger.strangers.spent / 86_400
}

/// This version accepts `step`.
fn accept(file: &File, step: u64) {
    let mut slots = Slots::read(file).unwrap();
    let mut state = slots.state().unwrap().unwrap().clone();
    state.set_progress(PHONE, Some(step));
    slots.record(file, &state, true).unwrap();
}

/// This version refuses a code.
fn refuse(file: &File) {
    let mut slots = Slots::read(file).unwrap();
    let mut state = slots.state().unwrap().unwrap().clone();
    state.ledger.count_failure(Source::Named, 1, NOON, &Policy::default().throttle);
    slots.record(file, &state, false).unwrap();
}

#[test]
fn what_version_2_counted_and_spent_is_there() {
    for durable in [true, false] {
        let (file, older) = used_file(durable);
        assert_eq!((last(&file), guesses(&file)), (Some(100), 40));
        assert_eq!(state(&file).recovery, older.recovery);
    }
}

#[test]
fn after_one_record_no_slot_is_left_that_version_2_can_read() {
    for durable in [true, false] {
        for use_it in [|file: &File| accept(file, 101), |file: &File| refuse(file)] {
            let (file, _) = used_file(durable);
            use_it(&file);
            assert_eq!(older_reads(&file).0, None);
            let versions = [0, 1].map(|position| slot::decode(&slot_at(&file, position)).unwrap());
            assert!(versions.iter().all(|slot| slot.durable && slot.settled), "both are on the disk");
        }
    }
}

#[test]
fn a_module_of_version_2_at_its_prompt_accepts_no_code_that_this_version_did() {
    let (file, older) = used_file(true);
    accept(&file, 105);
    for step in 95..=106 {
        assert!(!older_judges(&file, Some(step), 106), "{step}");
    }
    assert_eq!(state(&file).recovery, older.recovery, "no recovery code is lost by it");
    assert!(last(&file) >= Some(105));
}

#[test]
fn what_a_module_of_version_2_accepts_or_counts_after_that_is_used_and_counted() {
    let (file, older) = used_file(true);
    accept(&file, 105);
    let before = guesses(&file);
    for _ in 0..3 {
        assert!(!older_judges(&file, None, 106));
    }
    assert_eq!(guesses(&file), before + 3);
    assert!(older_judges(&file, Some(107), 108) || older_judges(&file, Some(109), 110));
    let used = last(&file);
    assert!(used >= Some(107), "{used:?}");
    refuse(&file);
    assert_eq!((last(&file), older_reads(&file).0), (used, None), "and it is converted again");
    assert_eq!(state(&file).recovery, older.recovery);
}

#[test]
fn killed_between_the_two_slots_nothing_is_lost() {
    for durable in [true, false] {
        let (file, older) = used_file(durable);
        let former = [0, 1].map(|position| slot_at(&file, position));
        accept(&file, 105);
        // The second of the two is written over what is newest and on the disk.
        let second = if durable { 0 } else { 1 };
        put(&file, second as u64, &former[second]);
        assert_eq!(last(&file), Some(105));
        assert!(guesses(&file) >= 40 && state(&file).recovery == older.recovery);
        // 105 was told to nobody: a module of version 2 goes on from what it knows, and so does this version.
        assert!(older_judges(&file, Some(104), 106));
        assert_eq!(state(&file).recovery, older.recovery);
        accept(&file, 107);
        assert_eq!((last(&file), older_reads(&file).0), (Some(107), None));
    }
}

#[test]
fn a_slot_of_a_later_version_is_an_error_until_it_is_given_up() {
    let (file, _) = used_file(true);
    accept(&file, 101);
    let mut later = slot_at(&file, 1);
    later[7] = b'4';
    put(&file, 1, &later);
    let mut slots = Slots::read(&file).unwrap();
    assert_eq!(slots.state(), Err(UnknownVersion(b'4')));
    assert!(slots.record(&file, &State::default(), true).is_err());
    assert_eq!(slot_at(&file, 1), later, "nothing is written over it");
    slots.give_up_unknown();
    assert_eq!(slots.state(), Ok(None));
    slots.record(&file, &State::default(), true).unwrap();
    assert_eq!(Slots::read(&file).unwrap().state(), Ok(Some(&State::default())), "nothing is left of it");
}
