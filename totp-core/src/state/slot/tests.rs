//! Slots at their limits, torn, flipped and foreign: what is read is what was written, or none.

use super::*;
use proptest::prelude::*;

/// A state with every list at its limit.
fn fullest() -> State {
    let mut state = State::afresh(CredentialId([9; 16]));
    for number in 0..9 {
        state.set_progress(DeviceId(number), (number > 0).then_some(u64::MAX));
    }
    state.recovery = RecoverySet { salt: [3; 16], hashes: vec![[0xab; 32]; MOST_CODES] };
    state.ledger.in_a_row = u32::MAX;
    for number in 0..MOST_ADDRESSES as u128 {
        let address = IpAddr::V6(Ipv6Addr::from_bits(u128::MAX - (number << 64)));
        state.ledger.count_failure(Source::from_address(address), Timestamp(u64::MAX));
        state.remember_host(address, Timestamp(u64::MAX));
    }
    for source in [Source::Local, Source::Named, Source::Helper] {
        state.ledger.count_failure(source, Timestamp(1));
        state.ledger.count_success(source, Timestamp(2));
    }
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
    let slot = decode(&encode(&state, 7, true).unwrap()).unwrap();
    assert_eq!(slot, Slot { generation: 7, durable: true, settled: false, state });
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
    let with = |accounts: &[Source]| {
        let mut state = State::afresh(CredentialId([9; 16]));
        let tally =
            |&source| Tally { source, failures: 1, last_failure: Timestamp(1), last_success: Timestamp(0) };
        state.ledger.accounts = accounts.iter().map(tally).collect();
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
        emptied.ledger.in_a_row = 5;
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
    fn any_body_with_a_right_checksum_is_read_or_refused(body in proptest::collection::vec(any::<u8>(), 0..400)) {
        let mut header = MAGIC.to_vec();
        header.extend(1u64.to_le_bytes());
        header.push(1);
        header.extend((body.len() as u16).to_le_bytes());
        header.extend(checksum(&header, &body).to_le_bytes());
        header.extend(&body);
        header.resize(SLOT_BYTES, 0);
        let _ = decode(header.as_slice().try_into().unwrap());
    }
}
