//! The body of a slot of version 3, which is what is written.
//!
//! ```text
//! 16            credential id; of a user who is not set up one that is made of the uid
//! 1 + n * 13    devices, at most 9: id (4), 1 where a step or counter was accepted else 0 (1), the last one (8)
//! 16            salt of the recovery codes
//! 1 + n * 32    unspent recovery codes, at most 20: SHA-256 of salt and code
//! 3 * 24        budgets of strangers, of this machine, of known addresses: guesses spent times 86,400 (8), as of when (8),
//!               when two codes in a row were last judged (8)
//! 1 + n * ...   sources, at most 26: source, failures since its last success (4), the latest of them (8), the last
//!               success (8)
//! 1 + n * ...   remembered addresses, at most 16: source, since when (8)
//! 1 + n * ...   refusals, at most 8, oldest first: when (8), reason (1), source
//! 1 [+ 84]      1 where there is an invitation else 0: issued code, handed over by hand (0), mailed (1) or being
//!               mailed (2) (1), when it was mailed (8)
//! 1 [+ 76]      1 where there is a temporary code else 0: issued code, logins left (1)
//! 4             how often set-up was put off
//! 1 + n         mail address of a user who is not set up, at most 254 bytes of UTF-8
//! 1 [+ ...]     1 where codes were refused since the last login else 0: how many (4), when the latest (8), source
//! ```
//!
//! A list begins with its length in one byte. A source is one byte: this machine (0), a host that is only a name (1),
//! the helper (2; of refusals alone), an address (3), whose 16 bytes follow, IPv4 as mapped. An issued code is salt (16),
//! hash (32), when it was issued (8) and when it ends (8). Moments are seconds since 1970, 0 for never; reasons have the
//! numbers of [`Reason::number`]. Of the 4,065 bytes there are, the fullest state leaves more than a thousand.

use super::super::{
    KEPT_REFUSALS, LONGEST_MAIL, MOST_HOSTS, PastRefusal, Progress, RefusedSince, RememberedHost,
};
use super::{SLOT_BYTES, State, TooLarge};
use crate::clock::Timestamp;
use crate::credential::{CredentialId, DeviceId, MOST_DEVICES};
use crate::issued::{Handover, Invitation, Issued, TemporaryCode};
use crate::login::Reason;
use crate::recovery::{MOST_CODES, RecoverySet};
use crate::source::Source;
use crate::throttle::{Bucket, Ledger, MOST_ADDRESSES, SourceRecord};
use std::net::{IpAddr, Ipv6Addr};

/// Devices a state may know: those of a credential and one that is being set up.
const MOST_PROGRESS: usize = MOST_DEVICES + 1;
/// The addresses, this machine and the named hosts.
const MOST_SOURCES: usize = MOST_ADDRESSES + 2;

pub(super) fn encode(state: &State) -> Result<Vec<u8>, TooLarge> {
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
    for bucket in [&ledger.strangers, &ledger.this_machine, &ledger.known] {
        body.extend(bucket.spent.to_le_bytes());
        body.extend(bucket.as_of.0.to_le_bytes());
        body.extend(bucket.last_pair.0.to_le_bytes());
    }
    count(&mut body, ledger.sources.len(), MOST_SOURCES)?;
    for record in &ledger.sources {
        source(&mut body, record.source);
        body.extend(record.failures.to_le_bytes());
        body.extend(record.last_failure.0.to_le_bytes());
        body.extend(record.last_success.0.to_le_bytes());
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
    body.push(u8::from(state.refused_since.is_some()));
    if let Some(RefusedSince { count, latest, source: from }) = state.refused_since {
        body.extend(count.to_le_bytes());
        body.extend(latest.0.to_le_bytes());
        source(&mut body, from);
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

fn source(body: &mut Vec<u8>, source: Source) {
    match source {
        Source::Local => body.push(0),
        Source::Named => body.push(1),
        Source::Helper => body.push(2),
        Source::Address(address) | Source::Own(address) => {
            body.push(3);
            let wide = match address {
                IpAddr::V4(address) => address.to_ipv6_mapped(),
                IpAddr::V6(address) => address,
            };
            body.extend(wide.octets());
        }
    }
}

pub(super) fn decode(bytes: &[u8]) -> Option<State> {
    let mut body = Reader(bytes);
    let mut state = body.before_ledger()?;
    state.ledger = Ledger {
        strangers: body.bucket()?,
        this_machine: body.bucket()?,
        known: body.bucket()?,
        sources: body.sources(MOST_SOURCES)?,
    };
    body.after_ledger(&mut state)?;
    state.refused_since = body.optional(|body| {
        Some(RefusedSince { count: body.small_number()?, latest: body.moment()?, source: body.source()? })
    })?;
    (body.0.is_empty() && leaves_room(&state.ledger)).then_some(state)
}

/// Whether the next login can be counted in it: a ledger with an address too many, or with a source twice, would
/// outgrow its slot later.
fn leaves_room(Ledger { sources, .. }: &Ledger) -> bool {
    let addresses = sources.iter().filter(|record| record.source.address().is_some()).count();
    let once = |source| sources.iter().filter(|record| record.source == source).count() == 1;
    addresses <= MOST_ADDRESSES && sources.iter().all(|record| once(record.source))
}

/// Takes fields off the front of a byte string.
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl Reader<'_> {
    pub(super) fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (field, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*field)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take::<1>().map(|[byte]| byte)
    }

    pub(super) fn flag(&mut self) -> Option<bool> {
        match self.byte()? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }

    pub(super) fn number(&mut self) -> Option<u64> {
        self.take().map(u64::from_le_bytes)
    }

    pub(super) fn small_number(&mut self) -> Option<u32> {
        self.take().map(u32::from_le_bytes)
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

    fn bucket(&mut self) -> Option<Bucket> {
        Some(Bucket { spent: self.number()?, as_of: self.moment()?, last_pair: self.moment()? })
    }

    pub(super) fn sources(&mut self, most: usize) -> Option<Vec<SourceRecord>> {
        self.list(most, |body| {
            Some(SourceRecord {
                source: body.source()?,
                failures: body.small_number()?,
                last_failure: body.moment()?,
                last_success: body.moment()?,
            })
        })
    }

    /// What stands before the ledger, alike in versions 2 and 3.
    pub(super) fn before_ledger(&mut self) -> Option<State> {
        let credential = CredentialId(self.take()?);
        let progress = self.list(MOST_PROGRESS, |body| {
            let device = DeviceId(body.small_number()?);
            let known = body.flag()?;
            let last = body.number()?;
            Some(Progress { device, last: known.then_some(last) })
        })?;
        let recovery = RecoverySet { salt: self.take()?, hashes: self.list(MOST_CODES, Self::take)? };
        Some(State { progress, recovery, ..State::afresh(credential) })
    }

    /// What stands behind the ledger, alike in versions 2 and 3.
    pub(super) fn after_ledger(&mut self, state: &mut State) -> Option<()> {
        state.hosts = self.list(MOST_HOSTS, |body| {
            let address = body.source()?.address()?;
            Some(RememberedHost { address, since: body.moment()? })
        })?;
        state.refusals = self.list(KEPT_REFUSALS, |body| {
            let at = body.moment()?;
            // One that a later version knows explains nothing here, and costs nobody a recovery code.
            let reason = Reason::from_number(body.byte()?).unwrap_or(Reason::WrongCode);
            Some(PastRefusal { at, reason, source: body.source()? })
        })?;
        state.invitation = self.optional(|body| {
            let code = body.issued()?;
            let handover = match (body.byte()?, body.moment()?) {
                (0, _) => Handover::ByHand,
                (1, moment) => Handover::Mailed(moment),
                (2, _) => Handover::Mailing,
                _ => return None,
            };
            Some(Invitation { code, handover })
        })?;
        state.temporary =
            self.optional(|body| Some(TemporaryCode { code: body.issued()?, uses_left: body.byte()? }))?;
        state.graces_used = self.small_number()?;
        let mail = String::from_utf8(self.list(LONGEST_MAIL, Self::byte)?).ok()?;
        state.mail = Some(mail).filter(|mail| !mail.is_empty());
        Some(())
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
