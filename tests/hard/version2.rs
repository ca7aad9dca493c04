//! A state as the version before wrote it, made of one that this version wrote.

/// Bytes of a slot, and of what stands before its body.
const SLOT: usize = 4096;
const HEADER: usize = 23;
/// The three budgets that version 2 did not have.
const BUDGETS: usize = 72;

/// A state file whose slots are of version 2: without budgets, with a count in a row, and without what was refused since
/// the last login.
pub fn as_version_2(state: &[u8]) -> Vec<u8> {
    state
        .chunks(SLOT)
        .flat_map(|slot| if slot.starts_with(b"PAMTOTP3") { slot_of_2(slot) } else { slot.to_vec() })
        .collect()
}

fn slot_of_2(slot: &[u8]) -> Vec<u8> {
    let length = usize::from(u16::from_le_bytes([slot[17], slot[18]]));
    let body = &slot[HEADER..HEADER + length];
    let devices = 16 + 1 + usize::from(body[16]) * 13;
    let ledger = devices + 16 + 1 + usize::from(body[devices + 16]) * 32;
    let end = body.len() - 1;
    assert_eq!(body[end], 0, "nothing was refused since the last login");
    let body = [&body[..ledger], &3u32.to_le_bytes(), &body[ledger + BUDGETS..end]].concat();
    let mut header = slot[..HEADER - 4].to_vec();
    header[7] = b'2';
    header[17..19].copy_from_slice(&(body.len() as u16).to_le_bytes());
    let sum = crc32([&header[..], &body].concat());
    let mut new = [header, sum.to_le_bytes().to_vec(), body].concat();
    new.resize(SLOT - 8, 0);
    new.extend(&slot[SLOT - 8..]);
    new
}

/// CRC-32 as of IEEE 802.3, bit by bit.
fn crc32(bytes: Vec<u8>) -> u32 {
    !bytes.iter().fold(u32::MAX, |sum, byte| {
        (0..8).fold(
            sum ^ u32::from(*byte),
            |sum, _| {
                if sum & 1 == 1 { (sum >> 1) ^ 0xedb8_8320 } else { sum >> 1 }
            },
        )
    })
}
