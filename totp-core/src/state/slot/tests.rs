//! Slots at their limits, torn, flipped and foreign: what is read is what was written, or none.

use super::super::{KEPT_REFUSALS, LONGEST_MAIL, MOST_HOSTS, PastRefusal, RefusedSince};
use super::*;
use crate::clock::Timestamp;
use crate::credential::{CredentialId, DeviceId};
use crate::issued::{Handover, Invitation, Issued, TemporaryCode};
use crate::login::Reason;
use crate::policy::Policy;
use crate::recovery::{MOST_CODES, RecoverySet};
use crate::source::Source;
use crate::throttle::{Bucket, MOST_ADDRESSES, SourceRecord};
use proptest::prelude::*;
use std::net::{IpAddr, Ipv6Addr};

/// A state with every list at its limit.
fn fullest() -> State {
    let mut state = State::afresh(CredentialId([9; 16]));
    for number in 0..9 {
        state.set_progress(DeviceId(number), (number > 0).then_some(u64::MAX));
    }
    state.recovery = RecoverySet { salt: [3; 16], hashes: vec![[0xab; 32]; MOST_CODES] };
    let limits = Policy::default().throttle;
    let fullest = Bucket { spent: u64::MAX, as_of: Timestamp(u64::MAX), last_pair: Timestamp(u64::MAX) };
    for number in 0..MOST_ADDRESSES as u128 {
        let address = IpAddr::V6(Ipv6Addr::from_bits(u128::MAX - (number << 64)));
        state.ledger.count_failure(Source::from_address(address), 1, Timestamp(u64::MAX), &limits);
        state.remember_host(address, Timestamp(u64::MAX));
    }
    for source in [Source::Local, Source::Named, Source::Helper] {
        state.ledger.count_failure(source, 1, Timestamp(1), &limits);
        state.ledger.count_success(source, Timestamp(2));
    }
    (state.ledger.strangers, state.ledger.this_machine, state.ledger.known) = (fullest, fullest, fullest);
    for _ in 0..20 {
        state.note_refusal(PastRefusal {
            at: Timestamp(u64::MAX),
            reason: Reason::WrongCode,
            source: Source::parse(Some("2001:db8::1")),
        });
    }
    let code = Issued { salt: [1; 16], hash: [2; 32], issued: Timestamp(3), expires: Timestamp(u64::MAX) };
    state.invitation = Some(Invitation { code: code.clone(), handover: Handover::Mailed(Timestamp(4)) });
    state.temporary = Some(TemporaryCode { code, uses_left: 100 });
    state.graces_used = u32::MAX;
    state.mail = Some("m".repeat(LONGEST_MAIL));
    state
}

#[test]
fn the_fullest_state_fits_and_is_read_back() {
    let state = fullest();
    // Every list is at its limit, and every part that may be missing is there.
    assert_eq!((state.progress.len(), state.recovery.hashes.len()), (9, MOST_CODES));
    assert_eq!((state.ledger.sources.len(), state.hosts.len()), (MOST_ADDRESSES + 2, MOST_HOSTS));
    assert_eq!((state.refusals.len(), state.mail.as_ref().unwrap().len()), (KEPT_REFUSALS, LONGEST_MAIL));
    assert!(state.invitation.is_some() && state.temporary.is_some() && state.refused_since.is_some());
    let bytes = encode(&state, 7, true).unwrap();
    let free = bytes[..SETTLED_AT].iter().rev().take_while(|byte| **byte == 0).count();
    assert!(free > 1000, "{free} bytes are free for what comes next");
    let version = Version::Three;
    assert_eq!(decode(&bytes), Some(Slot { version, generation: 7, durable: true, settled: false, state }));
}

/// Whose an address is may change until it is read, so that only the address is kept.
#[test]
fn an_address_of_this_machine_is_written_as_an_address() {
    let read_back = |source| {
        let mut state = State::afresh(CredentialId([9; 16]));
        state.note_refusal(PastRefusal { at: Timestamp(1), reason: Reason::WrongCode, source });
        decode(&encode(&state, 1, true).unwrap()).unwrap().state.refusals[0].source
    };
    let address = IpAddr::from([127, 0, 0, 1]);
    assert_eq!(read_back(Source::Own(address)), Source::Address(address));
}

#[test]
fn more_than_the_limits_is_an_error_not_a_cut() {
    let mut state = fullest();
    state.set_progress(DeviceId(99), None);
    assert_eq!(encode(&state, 1, true), Err(TooLarge));
}

#[test]
fn a_ledger_that_the_next_login_would_outgrow_is_none() {
    let with = |sources: &[Source]| {
        let mut state = State::afresh(CredentialId([9; 16]));
        let (last_failure, last_success) = (Timestamp(1), Timestamp(0));
        let record = |&source| SourceRecord { source, failures: 1, last_failure, last_success };
        state.ledger.sources = sources.iter().map(record).collect();
        decode(&encode(&state, 1, true).unwrap()).is_some()
    };
    let addresses = |count: u32| -> Vec<_> {
        (0..count).map(|number| Source::from_address(IpAddr::V4(number.into()))).collect()
    };
    assert!(with(&addresses(24)));
    assert!(!with(&addresses(25)));
    assert!(!with(&[Source::Local, Source::Local]));
}

#[test]
fn the_settled_mark_stands_outside_the_checksum() {
    let mut bytes = encode(&fullest(), 3, true).unwrap();
    bytes[SETTLED_AT..].copy_from_slice(&settled_mark(3));
    assert!(decode(&bytes).unwrap().settled);
}

#[test]
fn the_mark_of_the_record_before_settles_nothing() {
    let mut bytes = encode(&fullest(), 3, true).unwrap();
    bytes[SETTLED_AT..].copy_from_slice(&settled_mark(1));
    assert!(!decode(&bytes).unwrap().settled);
}

#[test]
fn a_slot_of_zeros_is_none() {
    assert_eq!(decode(&[0; SLOT_BYTES]), None);
}

proptest! {
    #[test]
    fn a_slot_torn_anywhere_is_none(cut in 0usize..2000) {
        let old = encode(&fullest(), 1, true).unwrap();
        let mut emptied = fullest();
        emptied.recovery.hashes.clear();
        emptied.graces_used = 5;
        let new = encode(&emptied, 2, true).unwrap();
        let mut torn = old;
        torn[..cut].copy_from_slice(&new[..cut]);
        if let Some(slot) = decode(&torn) {
            prop_assert!(torn == old || slot.state == emptied, "a mixture was read");
        }
    }

    #[test]
    fn one_flipped_bit_is_noticed(bit in 0usize..(800 * 8)) {
        let mut bytes = encode(&fullest(), 1, true).unwrap();
        bytes[bit / 8] ^= 1 << (bit % 8);
        prop_assert_eq!(decode(&bytes), None);
    }

    #[test]
    fn any_body_with_a_right_checksum_is_read_or_refused(
        version in prop::sample::select(vec![b'2', b'3']),
        body in proptest::collection::vec(any::<u8>(), 0..400),
    ) {
        let mut header = [MAGIC.as_slice(), &[version]].concat();
        header.extend(1u64.to_le_bytes());
        header.push(1);
        header.extend((body.len() as u16).to_le_bytes());
        header.extend(checksum(&header, &body).to_le_bytes());
        header.extend(&body);
        header.resize(SLOT_BYTES, 0);
        let _ = decode(header.as_slice().try_into().unwrap());
    }
}

/// Slots as each version wrote them. They are read for as long as a host may have them.
mod kept {
    use super::*;

    const FULLEST_2: &[u8] = include_bytes!("versions/2-fullest.slot");
    const CONFIGURED_2: &[u8] = include_bytes!("versions/2-configured.slot");
    const NOT_CONFIGURED_2: &[u8] = include_bytes!("versions/2-not-configured.slot");
    const FULLEST_3: &[u8] = include_bytes!("versions/3-fullest.slot");
    const CONFIGURED_3: &[u8] = include_bytes!("versions/3-configured.slot");

    const NOON: Timestamp = Timestamp(1_790_000_010);

    fn read(bytes: &[u8]) -> Slot {
        decode(bytes.try_into().unwrap()).expect("a slot that was written once is read")
    }

    fn address(text: &str) -> Source {
        Source::from_remote_host(Some(text))
    }

    fn code(salt: u8) -> Issued {
        Issued { salt: [salt; 16], hash: [2; 32], issued: NOON, expires: NOON.plus(3600) }
    }

    fn guesses(guesses: u32, seconds: u64) -> Bucket {
        Bucket { spent: u64::from(guesses) * 86_400, as_of: NOON.plus(seconds), ..Bucket::default() }
    }

    fn record(source: Source, failures: u32, last_failure: Timestamp) -> SourceRecord {
        SourceRecord { source, failures, last_failure, last_success: Timestamp(0) }
    }

    /// A user with a phone, a key fob and three recovery codes, whose host was guessed at.
    fn configured() -> State {
        let mut state = State::afresh(CredentialId([7; 16]));
        state.set_progress(DeviceId(1), Some(59_666_667));
        state.set_progress(DeviceId(2), None);
        state.recovery = RecoverySet { salt: [5; 16], hashes: vec![[0x11; 32], [0x22; 32], [0x33; 32]] };
        state.ledger.strangers = guesses(8, 64);
        state.ledger.this_machine = guesses(3, 64);
        state.ledger.known = guesses(0, 64);
        let never = Timestamp(0);
        state.ledger.sources = vec![
            SourceRecord { last_success: NOON, ..record(address("198.51.100.7"), 0, never) },
            record(address("203.0.113.9"), 5, NOON.plus(60)),
            record(address("2001:db8::"), 1, NOON.plus(61)),
            record(Source::Local, 3, NOON.plus(63)),
            record(Source::Named, 1, NOON.plus(64)),
        ];
        state.remember_host("198.51.100.7".parse().unwrap(), NOON);
        let mut refused = |seconds, reason, source| {
            state.refusals.push(PastRefusal { at: NOON.plus(seconds), reason, source });
        };
        refused(61, Reason::StaleCode, address("2001:db8::1"));
        refused(63, Reason::WrongCode, Source::Helper);
        state.temporary = Some(TemporaryCode { code: code(1), uses_left: 2 });
        state
    }

    #[test]
    fn of_version_2_a_user_who_is_set_up() {
        let slot = read(CONFIGURED_2);
        let known = (slot.version, slot.generation, slot.durable, slot.settled);
        assert_eq!(known, (Version::Two, 41, true, true));
        assert_eq!(slot.state, configured());
    }

    #[test]
    fn of_version_2_a_user_who_is_invited() {
        let slot = read(NOT_CONFIGURED_2);
        assert_eq!((slot.generation, slot.durable, slot.settled), (2, false, false));
        let mut state = State::afresh(CredentialId::none_of(1000));
        state.invitation = Some(Invitation { code: code(9), handover: Handover::Mailed(NOON) });
        state.graces_used = 3;
        state.mail = Some("alice@example.org".into());
        assert_eq!(slot.state, state);
    }

    #[test]
    fn of_version_2_the_fullest_keeps_every_code_and_every_address_and_fits() {
        let state = read(FULLEST_2).state;
        let expected = fullest();
        assert_eq!((&state.progress, &state.recovery), (&expected.progress, &expected.recovery));
        assert_eq!((&state.hosts, &state.refusals), (&expected.hosts, &expected.refusals));
        assert_eq!((&state.invitation, &state.temporary), (&expected.invitation, &expected.temporary));
        assert_eq!((state.graces_used, &state.mail), (u32::MAX, &expected.mail));
        assert_eq!(state.ledger.sources.len(), MOST_ADDRESSES + 2);
        assert!(encode(&state, 1, true).is_ok());
    }

    #[test]
    fn of_version_3_what_this_version_writes() {
        let mut state = configured();
        state.refused_since = Some(RefusedSince { count: 2, latest: NOON.plus(63), source: Source::Helper });
        state.ledger.known.last_pair = NOON.plus(59);
        let mut bytes = encode(&state, 42, true).unwrap();
        bytes[SETTLED_AT..].copy_from_slice(&settled_mark(42));
        assert_eq!(bytes.as_slice(), CONFIGURED_3);
        assert_eq!(read(CONFIGURED_3).state, state);
        assert_eq!(encode(&fullest(), 7, false).unwrap().as_slice(), FULLEST_3);
        assert_eq!(read(FULLEST_3).state, fullest());
    }

    #[test]
    fn of_a_later_version_is_an_error_and_not_lost() {
        let mut bytes: [u8; SLOT_BYTES] = CONFIGURED_3.try_into().unwrap();
        bytes[7] = b'4';
        assert_eq!(claimed_version(&bytes), Err(UnknownVersion(b'4')));
        assert_eq!(claimed_version(CONFIGURED_2.try_into().unwrap()), Ok(Some(Version::Two)));
        assert_eq!(claimed_version(CONFIGURED_3.try_into().unwrap()), Ok(Some(Version::CURRENT)));
        assert_eq!(claimed_version(&[0; SLOT_BYTES]), Ok(None));
    }

    #[test]
    fn a_reason_that_a_later_version_knows_costs_nobody_the_state() {
        let mut state = State::afresh(CredentialId([7; 16]));
        state.note_refusal(PastRefusal { at: NOON, reason: Reason::Exhausted, source: Source::Local });
        let mut body = body::encode(&state).unwrap();
        let at =
            body.windows(9).position(|bytes| bytes == [&NOON.0.to_le_bytes()[..], &[6]].concat()).unwrap();
        body[at + 8] = 99;
        assert_eq!(body::decode(&body).unwrap().refusals[0].reason, Reason::WrongCode);
    }
}
