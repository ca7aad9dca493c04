//! One slot of a state file: 4096 bytes with generation and checksum.
//!
//! ```text
//! 0   8   magic "PAMTOTP2"
//! 8   8   generation, grows with each record
//! 16  1   1 where the record was meant to be durable before its verdict, else 0
//! 17  2   length of the body
//! 19  4   CRC-32 of bytes 0 to 18 and of the body
//! 23      the body, then zeros
//! 4088 8  the generation once more, when the record is known to be on the disk
//! ```
//!
//! Numbers are little-endian. The last field is no plain flag: that of the record before it in the same slot
//! would pass for its own where a write ended short of it. The checksum tells a torn slot from a whole one; it is
//! no protection against whoever may write the store.

use super::{
    KEPT_REFUSALS, LONGEST_MAIL, MOST_HOSTS, PastRefusal, Progress, RefusedSince, RememberedHost, State,
};
use crate::clock::Timestamp;
use crate::credential::{CredentialId, DeviceId, MOST_DEVICES};
use crate::issued::{Handover, Invitation, Issued, TemporaryCode};
use crate::login::Reason;
use crate::recovery::{MOST_CODES, RecoverySet};
use crate::source::Source;
use crate::throttle::{Ledger, MOST_ADDRESSES, Tally};
use std::net::{IpAddr, Ipv6Addr};

/// Bytes of a slot.
pub const SLOT_BYTES: usize = 4096;
/// Where the generation stands that says the slot is on the disk.
pub const SETTLED_AT: usize = SLOT_BYTES - 8;

const MAGIC: [u8; 8] = *b"PAMTOTP2";
const HEADER_BYTES: usize = 23;
/// Devices a state may know: those of a credential and one that is being set up.
const MOST_PROGRESS: usize = MOST_DEVICES + 1;
/// The addresses and the three sources that are none.
const MOST_ACCOUNTS: usize = MOST_ADDRESSES + 3;

/// A slot as read: its state and what is known of its durability.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
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
    let body = encode_body(state)?;
    let length = u16::try_from(body.len()).map_err(|_| TooLarge)?;
    let mut record = Vec::with_capacity(SLOT_BYTES);
    record.extend(MAGIC);
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

/// The generation a slot says it is of. Only [`decode`] tells whether it is whole.
#[must_use]
pub fn claimed_generation(bytes: &[u8; SLOT_BYTES]) -> u64 {
    let claimed = bytes.get(MAGIC.len()..).and_then(|rest| rest.first_chunk());
    claimed.map_or(0, |claimed| u64::from_le_bytes(*claimed))
}

/// Decodes a slot; `None` for anything torn, foreign or of another version.
#[must_use]
pub fn decode(bytes: &[u8; SLOT_BYTES]) -> Option<Slot> {
    let (header, rest) = bytes.split_at_checked(HEADER_BYTES)?;
    let (checked, sum) = header.split_at_checked(HEADER_BYTES.checked_sub(4)?)?;
    let mut fields = Reader(checked);
    if fields.take::<8>()? != MAGIC {
        return None;
    }
    let generation = u64::from_le_bytes(fields.take()?);
    let durable = fields.flag()?;
    let length = usize::from(u16::from_le_bytes(fields.take()?));
    let body = rest.get(..length)?;
    if length > SETTLED_AT.checked_sub(HEADER_BYTES)? || checksum(checked, body).to_le_bytes() != sum {
        return None;
    }
    let settled = bytes.last_chunk() == Some(&settled_mark(generation));
    let mut body = Reader(body);
    let state = body.state()?;
    let whole = body.0.is_empty() && leaves_room(&state.ledger);
    whole.then_some(Slot { generation, durable, settled, state })
}

/// Whether the next login can be counted in it: a ledger with an address too many, or with a source twice,
/// would outgrow its slot later.
fn leaves_room(ledger: &Ledger) -> bool {
    let Ledger { accounts, .. } = ledger;
    let addresses = accounts.iter().filter(|account| account.source.address().is_some()).count();
    let once = |source| accounts.iter().filter(|account| account.source == source).count() == 1;
    addresses <= MOST_ADDRESSES && accounts.iter().all(|account| once(account.source))
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

fn encode_body(state: &State) -> Result<Vec<u8>, TooLarge> {
    let State { credential, progress, recovery, ledger, hosts, refusals, .. } = state;
    let mut body = Vec::with_capacity(SLOT_BYTES);
    body.extend(credential.0);
    count(&mut body, progress.len(), MOST_PROGRESS)?;
    for Progress { device, last } in progress {
        body.extend(device.0.to_le_bytes());
        body.push(u8::from(last.is_some()));
        body.extend(last.unwrap_or(0).to_le_bytes());
    }
    body.extend(recovery.salt);
    count(&mut body, recovery.hashes.len(), MOST_CODES)?;
    for hash in &recovery.hashes {
        body.extend(hash);
    }
    body.extend(ledger.in_a_row.to_le_bytes());
    count(&mut body, ledger.accounts.len(), MOST_ACCOUNTS)?;
    for account in &ledger.accounts {
        source(&mut body, account.source);
        body.extend(account.failures.to_le_bytes());
        body.extend(account.last_failure.0.to_le_bytes());
        body.extend(account.last_success.0.to_le_bytes());
    }
    count(&mut body, hosts.len(), MOST_HOSTS)?;
    for host in hosts {
        source(&mut body, Source::Address(host.address));
        body.extend(host.since.0.to_le_bytes());
    }
    count(&mut body, refusals.len(), KEPT_REFUSALS)?;
    for refusal in refusals {
        body.extend(refusal.at.0.to_le_bytes());
        body.push(refusal.reason.number());
        source(&mut body, refusal.source);
    }
    body.push(u8::from(state.invitation.is_some()));
    if let Some(invitation) = &state.invitation {
        issued(&mut body, &invitation.code);
        let (kind, mailed) = match invitation.handover {
            Handover::ByHand => (0, Timestamp::default()),
            Handover::Mailed(moment) => (1, moment),
            Handover::Mailing => (2, Timestamp::default()),
        };
        body.push(kind);
        body.extend(mailed.0.to_le_bytes());
    }
    body.push(u8::from(state.temporary.is_some()));
    if let Some(temporary) = &state.temporary {
        issued(&mut body, &temporary.code);
        body.push(temporary.uses_left);
    }
    body.extend(state.graces_used.to_le_bytes());
    let mail = state.mail.as_deref().unwrap_or_default().as_bytes();
    count(&mut body, mail.len(), LONGEST_MAIL)?;
    body.extend(mail);
    if let Some(refused) = state.refused_since {
        body.extend(refused.count.to_le_bytes());
        body.extend(refused.latest.0.to_le_bytes());
        source(&mut body, refused.source);
    }
    Ok(body)
}

fn issued(body: &mut Vec<u8>, code: &Issued) {
    body.extend(code.salt);
    body.extend(code.hash);
    body.extend(code.issued.0.to_le_bytes());
    body.extend(code.expires.0.to_le_bytes());
}

fn count(body: &mut Vec<u8>, length: usize, most: usize) -> Result<(), TooLarge> {
    let length = u8::try_from(length).ok().filter(|_| length <= most).ok_or(TooLarge)?;
    body.push(length);
    Ok(())
}

/// One byte for the kind; an address follows in its IPv6 form, the others in none.
fn source(body: &mut Vec<u8>, source: Source) {
    match source {
        Source::Local => body.push(0),
        Source::Named => body.push(1),
        Source::Helper => body.push(2),
        Source::Address(address) => {
            body.push(3);
            let wide = match address {
                IpAddr::V4(address) => address.to_ipv6_mapped(),
                IpAddr::V6(address) => address,
            };
            body.extend(wide.octets());
        }
    }
}

/// Takes fields off the front of a byte string.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (field, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*field)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take::<1>().map(|[byte]| byte)
    }

    fn flag(&mut self) -> Option<bool> {
        match self.byte()? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }

    fn number(&mut self) -> Option<u64> {
        self.take().map(u64::from_le_bytes)
    }

    fn moment(&mut self) -> Option<Timestamp> {
        self.number().map(Timestamp)
    }

    fn list<T>(&mut self, most: usize, mut item: impl FnMut(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let length = usize::from(self.byte()?);
        if length > most {
            return None;
        }
        (0..length).map(|_| item(self)).collect()
    }

    fn source(&mut self) -> Option<Source> {
        match self.byte()? {
            0 => Some(Source::Local),
            1 => Some(Source::Named),
            2 => Some(Source::Helper),
            3 => Some(Source::from_address(IpAddr::V6(Ipv6Addr::from(self.take::<16>()?)))),
            _ => None,
        }
    }

    fn state(&mut self) -> Option<State> {
        Some(State {
            credential: CredentialId(self.take()?),
            progress: self.list(MOST_PROGRESS, |body| {
                let device = DeviceId(u32::from_le_bytes(body.take()?));
                let known = body.flag()?;
                let last = body.number()?;
                Some(Progress { device, last: known.then_some(last) })
            })?,
            recovery: RecoverySet { salt: self.take()?, hashes: self.list(MOST_CODES, Self::take)? },
            ledger: Ledger {
                in_a_row: u32::from_le_bytes(self.take()?),
                accounts: self.list(MOST_ACCOUNTS, |body| {
                    Some(Tally {
                        source: body.source()?,
                        failures: u32::from_le_bytes(body.take()?),
                        last_failure: body.moment()?,
                        last_success: body.moment()?,
                    })
                })?,
            },
            hosts: self.list(MOST_HOSTS, |body| {
                let address = body.source()?.address()?;
                Some(RememberedHost { address, since: body.moment()? })
            })?,
            refusals: self.list(KEPT_REFUSALS, |body| {
                Some(PastRefusal {
                    at: body.moment()?,
                    reason: Reason::from_number(body.byte()?)?,
                    source: body.source()?,
                })
            })?,
            invitation: self.optional(|body| {
                let code = body.issued()?;
                let handover = match (body.byte()?, body.moment()?) {
                    (0, _) => Handover::ByHand,
                    (1, moment) => Handover::Mailed(moment),
                    (2, _) => Handover::Mailing,
                    _ => return None,
                };
                Some(Invitation { code, handover })
            })?,
            temporary: self
                .optional(|body| Some(TemporaryCode { code: body.issued()?, uses_left: body.byte()? }))?,
            graces_used: u32::from_le_bytes(self.take()?),
            mail: {
                let bytes = self.list(LONGEST_MAIL, Self::byte)?;
                Some(String::from_utf8(bytes).ok()?).filter(|mail| !mail.is_empty())
            },
            refused_since: if self.0.is_empty() {
                None
            } else {
                Some(RefusedSince {
                    count: u32::from_le_bytes(self.take()?),
                    latest: self.moment()?,
                    source: self.source()?,
                })
            },
        })
    }

    fn issued(&mut self) -> Option<Issued> {
        Some(Issued {
            salt: self.take()?,
            hash: self.take()?,
            issued: self.moment()?,
            expires: self.moment()?,
        })
    }

    /// What a flag before it says to be there.
    #[allow(clippy::option_option)] // The outer one is the end of the slot.
    fn optional<T>(&mut self, item: impl FnOnce(&mut Self) -> Option<T>) -> Option<Option<T>> {
        if self.flag()? { item(self).map(Some) } else { Some(None) }
    }
}

#[cfg(test)]
mod tests;
