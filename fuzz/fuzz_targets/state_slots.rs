//! Any bytes are a slot or none. What is read fits a slot again, and a torn write is never a third state.
#![no_main]

use libfuzzer_sys::fuzz_target;
use totp_core::clock::Timestamp;
use totp_core::source::Source;
use totp_core::state::slot::{self, SLOT_BYTES, Slot};

const BODY: usize = 23;

fuzz_target!(|bytes: &[u8]| {
    let raw = padded(bytes);
    check(slot::decode(&raw));
    // Behind a right checksum, where a fuzzer would never get by itself.
    let body = &bytes[..bytes.len().min(SLOT_BYTES - BODY)];
    let version = if bytes.len().is_multiple_of(2) { b'3' } else { b'2' };
    let mut sealed = [b"PAMTOTP".as_slice(), &[version]].concat();
    sealed.extend(7u64.to_le_bytes());
    sealed.push(1);
    sealed.extend((body.len() as u16).to_le_bytes());
    let mut sum = crc32fast::Hasher::new();
    sum.update(&sealed);
    sum.update(body);
    sealed.extend(sum.finalize().to_le_bytes());
    sealed.extend(body);
    let sealed = padded(&sealed);
    let Some(found) = check(slot::decode(&sealed)) else { return };

    // The same state, written over by a later one and torn where the input's length says.
    let mut later = found.state.clone();
    later.graces_used = later.graces_used.wrapping_add(1);
    let new =
        slot::encode(&later, found.generation.wrapping_add(1), true).expect("as large as the one before");
    let mut torn = sealed;
    let cut = bytes.len().wrapping_mul(31) % SLOT_BYTES;
    torn[..cut].copy_from_slice(&new[..cut]);
    if let Some(read) = slot::decode(&torn) {
        assert!(read.state == found.state || read.state == later, "a mixture was read");
    }
});

fn padded(bytes: &[u8]) -> [u8; SLOT_BYTES] {
    let mut slot = [0; SLOT_BYTES];
    let length = bytes.len().min(SLOT_BYTES);
    slot[..length].copy_from_slice(&bytes[..length]);
    slot
}

fn check(found: Option<Slot>) -> Option<Slot> {
    let slot = found?;
    let written = slot::encode(&slot.state, slot.generation, slot.durable).expect("what was read fits");
    let again = slot::decode(&written).expect("what was written can be read");
    assert_eq!(again.state, slot.state);
    assert_eq!((again.generation, again.durable, again.settled), (slot.generation, slot.durable, false));
    let limits = totp_core::policy::Policy::default().throttle;
    // A login that fails from a new place still fits.
    for source in [Source::Local, Source::Named, Source::Helper, Source::parse(Some("192.0.2.99"))] {
        let mut counted = slot.state.clone();
        counted.ledger.count_failure(source, 1, Timestamp(1_790_000_000), &limits);
        counted.ledger.count_success(source, Timestamp(1_790_000_001));
        slot::encode(&counted, 1, true).expect("the next login fits");
    }
    Some(slot)
}
