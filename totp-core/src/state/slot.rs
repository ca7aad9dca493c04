//! One slot of a state file: 4096 bytes with version, generation and checksum.
//!
//! ```text
//! 0    7  "PAMTOTP"
//! 7    1  version of the body, an ASCII digit: "3"; "2" is still read
//! 8    8  generation, grows with each record
//! 16   1  1 where the record was meant to be durable before its verdict, else 0
//! 17   2  length of the body
//! 19   4  CRC-32 of bytes 0 to 18 and of the body
//! 23      the body, then zeros: [`body`] says field by field what stands there
//! 4088 8  the generation once more, when the record is known to be on the disk
//! ```
//!
//! Numbers are little-endian. The last field is no plain flag: that of the record before it in the same slot
//! would pass for its own where a write ended short of it. The checksum tells a torn slot from a whole one; it is
//! no protection against whoever may write the store.
//!
//! A slot of a version that is not known is an error, whatever else it holds: a later version wrote it, and to take it
//! for lost would bring used codes back there and lose recovery codes here.

mod body;
mod version2;

use super::State;

/// Bytes of a slot.
pub const SLOT_BYTES: usize = 4096;
/// Where the generation stands that says the slot is on the disk.
pub const SETTLED_AT: usize = SLOT_BYTES - 8;

const MAGIC: [u8; 7] = *b"PAMTOTP";
const HEADER_BYTES: usize = 23;

/// The version of a slot's body. Later ones are greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// A count of failures in a row, and guesses through the helper counted by themselves.
    Two,
    /// Budgets, and what was refused since the last login.
    Three,
}

impl Version {
    /// What this version of the project writes.
    pub const CURRENT: Self = Self::Three;

    fn byte(self) -> u8 {
        match self {
            Self::Two => b'2',
            Self::Three => b'3',
        }
    }
}

/// A slot of a version that is not known, by the byte that names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownVersion(pub u8);

/// A slot as read: its state and what is known of its durability.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    /// In which version it was written. The state is converted already.
    pub version: Version,
    /// Grows with each record.
    pub generation: u64,
    /// Whether the record was meant to be durable before its verdict.
    pub durable: bool,
    /// Whether it is known to be on the disk.
    pub settled: bool,
    /// What it holds.
    pub state: State,
}

/// The state holds more than a slot can; nothing that goes through its methods does.
#[derive(Debug, PartialEq, Eq)]
pub struct TooLarge;

/// Encodes a slot that is not yet settled.
///
/// # Errors
/// [`TooLarge`] where a list in `state` is longer than its limit.
pub fn encode(state: &State, generation: u64, durable: bool) -> Result<[u8; SLOT_BYTES], TooLarge> {
    let body = body::encode(state)?;
    let length = u16::try_from(body.len()).map_err(|_| TooLarge)?;
    let mut record = Vec::with_capacity(SLOT_BYTES);
    record.extend(MAGIC);
    record.push(Version::CURRENT.byte());
    record.extend(generation.to_le_bytes());
    record.push(u8::from(durable));
    record.extend(length.to_le_bytes());
    record.extend(checksum(&record, &body).to_le_bytes());
    record.extend(body);
    if record.len() > SETTLED_AT {
        return Err(TooLarge);
    }
    let mut slot = [0; SLOT_BYTES];
    slot.get_mut(..record.len()).ok_or(TooLarge)?.copy_from_slice(&record);
    Ok(slot)
}

/// The version that a slot says it is of; `None` for one that is empty, or garbage.
///
/// # Errors
/// [`UnknownVersion`].
pub fn claimed_version(bytes: &[u8; SLOT_BYTES]) -> Result<Option<Version>, UnknownVersion> {
    match bytes.strip_prefix(&MAGIC).and_then(<[u8]>::first) {
        None => Ok(None),
        Some(b'2') => Ok(Some(Version::Two)),
        Some(b'3') => Ok(Some(Version::Three)),
        Some(other) => Err(UnknownVersion(*other)),
    }
}

/// The generation a slot says it is of. Only [`decode`] tells whether it is whole.
#[must_use]
pub fn claimed_generation(bytes: &[u8; SLOT_BYTES]) -> u64 {
    let claimed = bytes.get(8..).and_then(|rest| rest.first_chunk());
    claimed.map_or(0, |claimed| u64::from_le_bytes(*claimed))
}

/// Decodes a slot; `None` for anything torn, foreign or of a version that is not known.
#[must_use]
pub fn decode(bytes: &[u8; SLOT_BYTES]) -> Option<Slot> {
    let version = claimed_version(bytes).ok()??;
    let (header, rest) = bytes.split_at_checked(HEADER_BYTES)?;
    let (checked, sum) = header.split_at_checked(HEADER_BYTES.checked_sub(4)?)?;
    let mut fields = body::Reader(checked.get(8..)?);
    let generation = fields.number()?;
    let durable = fields.flag()?;
    let length = usize::from(u16::from_le_bytes(fields.take()?));
    let body = rest.get(..length)?;
    if length > SETTLED_AT.checked_sub(HEADER_BYTES)? || checksum(checked, body).to_le_bytes() != sum {
        return None;
    }
    let settled = bytes.last_chunk() == Some(&settled_mark(generation));
    let state = match version {
        Version::Two => version2::decode(body)?,
        Version::Three => body::decode(body)?,
    };
    Some(Slot { version, generation, durable, settled, state })
}

/// What stands at [`SETTLED_AT`] once the record of this generation is known to be on the disk.
#[must_use]
pub fn settled_mark(generation: u64) -> [u8; 8] {
    generation.to_le_bytes()
}

fn checksum(header: &[u8], body: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(header);
    hasher.update(body);
    hasher.finalize()
}

#[cfg(test)]
mod tests;
