//! Values as a fuzzer's bytes want them, each within what the product itself would read from its files.

use libfuzzer_sys::arbitrary::{Result, Unstructured};
use sha2::{Digest as _, Sha256};
use std::collections::HashSet;
use std::net::IpAddr;
use totp_core::clock::Timestamp;
use totp_core::credential::{Credential, CredentialId, Device, DeviceId, DeviceName};
use totp_core::issued::{Handover, Invitation, Issued, TemporaryCode};
use totp_core::login::Reason;
use totp_core::otp::{Algorithm, Kind, Parameters};
use totp_core::policy::Policy;
use totp_core::policy::{Budget, Refill};
use totp_core::recovery::RecoverySet;
use totp_core::secret::Secret;
use totp_core::source::Source;
use totp_core::state::{KEPT_REFUSALS, MOST_HOSTS, PastRefusal, Progress, RememberedHost, State};
use totp_core::throttle::{Bucket, Ledger, MOST_ADDRESSES, SourceRecord};

type Bytes<'a> = Unstructured<'a>;

/// Sixteen capitals that stand for a paper code of this number.
pub fn paper_code(number: u8) -> String {
    let letter = |shift: u8| char::from(b'A' + (number >> shift & 0xf));
    format!("PAPERCODEABCDE{}{}", letter(4), letter(0))
}

fn hash(salt: &[u8; 16], code: &str) -> [u8; 32] {
    Sha256::new().chain_update(salt).chain_update(code).finalize().into()
}

/// A device as a credential can hold it.
pub fn device(bytes: &mut Bytes<'_>, id: u32) -> Result<Device> {
    const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    // 32 letters are whole bytes: 20.
    let secret: [u8; 32] = bytes.arbitrary()?;
    let secret: String = secret.iter().map(|byte| char::from(LETTERS[usize::from(byte & 31)])).collect();
    let kind =
        if bytes.ratio(1, 4)? { Kind::Hotp } else { Kind::Totp { interval: bytes.int_in_range(5..=300)? } };
    Ok(Device {
        id: DeviceId(id),
        name: DeviceName::new(&format!("device {id}")).expect("a plain name"),
        secret: Secret::from_base32(&secret).expect("160 bits"),
        parameters: Parameters {
            kind,
            digits: bytes.int_in_range(6..=8)?,
            algorithm: *bytes.choose(&[Algorithm::Sha1, Algorithm::Sha256, Algorithm::Sha512])?,
        },
        window: if bytes.arbitrary()? { Some(bytes.int_in_range(0..=10)?) } else { None },
        clock_offset: bytes.int_in_range(-86_400..=86_400)?,
        created: Timestamp(0),
    })
}

/// A credential of one to three devices.
pub fn credential(bytes: &mut Bytes<'_>) -> Result<Credential> {
    let count = bytes.int_in_range(1..=3)?;
    Ok(Credential {
        id: CredentialId([7; 16]),
        uid: 1000,
        created: Timestamp(0),
        created_by: "root".into(),
        phone: None,
        mail: None,
        devices: (1..=count).map(|id| device(bytes, id)).collect::<Result<_>>()?,
    })
}

/// A policy whose numbers lie within their ranges.
pub fn policy(bytes: &mut Bytes<'_>) -> Result<Policy> {
    let mut policy = Policy::default();
    policy.totp.window = bytes.int_in_range(0..=10)?;
    policy.throttle.free_failures = bytes.int_in_range(0..=20)?;
    policy.throttle.base_delay = bytes.int_in_range(1..=3600)?;
    policy.throttle.max_delay = bytes.int_in_range(policy.throttle.base_delay..=86_400)?;
    policy.throttle.budget = budget(bytes)?;
    policy.throttle.known_budget = budget(bytes)?;
    policy.remember_hosts_for = if bytes.arbitrary()? { bytes.int_in_range(0..=2_592_000)? } else { 0 };
    policy.enrollment.needs_invitation = bytes.arbitrary()?;
    policy.enrollment.mail_invitations = bytes.arbitrary()?;
    policy.enrollment.grace_logins = bytes.int_in_range(0..=3)?;
    Ok(policy)
}

fn budget(bytes: &mut Bytes<'_>) -> Result<Budget> {
    let guesses = bytes.int_in_range(1..=200)?;
    Ok(Budget { guesses, refill: Refill { per_day: bytes.int_in_range(1..=200)? } })
}

fn bucket(bytes: &mut Bytes<'_>, now: Timestamp) -> Result<Bucket> {
    let spent = if bytes.ratio(1, 8)? { bytes.arbitrary()? } else { bytes.int_in_range(0..=120 * 86_400)? };
    Ok(Bucket { spent, as_of: moment(bytes, now)?, last_pair: moment(bytes, now)? })
}

/// One of a few places, so that they meet again.
pub fn source(bytes: &mut Bytes<'_>) -> Result<Source> {
    Ok(match bytes.int_in_range(0..=6u8)? {
        0 => Source::Local,
        1 => Source::Named,
        2 => Source::Helper,
        3 => Source::from_address(IpAddr::from([0x2001, 0xdb8, 0, bytes.int_in_range(0..=40)?, 0, 0, 0, 1])),
        4 => Source::Own(IpAddr::from([127, 0, 0, bytes.arbitrary()?])),
        _ => Source::from_address(IpAddr::from([192, 0, 2, bytes.arbitrary()?])),
    })
}

fn moment(bytes: &mut Bytes<'_>, now: Timestamp) -> Result<Timestamp> {
    Ok(match bytes.int_in_range(0..=3u8)? {
        0 => Timestamp(0),
        1 => Timestamp(bytes.arbitrary()?),
        _ => Timestamp(now.0.saturating_add_signed(bytes.int_in_range(-3_000_000..=100_000)?)),
    })
}

fn issued(bytes: &mut Bytes<'_>, number: u8, now: Timestamp) -> Result<Issued> {
    let salt = [number; 16];
    let (issued, expires) = (moment(bytes, now)?, moment(bytes, now)?);
    Ok(Issued { salt, hash: hash(&salt, &paper_code(number)), issued, expires })
}

/// A state as the store could hold it for `devices`: every list within its limit, no source
/// twice, and devices among them that are gone.
/// Recovery codes are paper codes 0 to 19, the invitation is number 100, the temporary code number 101.
pub fn state(
    bytes: &mut Bytes<'_>,
    credential: CredentialId,
    devices: &[Device],
    now: Timestamp,
) -> Result<State> {
    let mut state = State::afresh(credential);
    for device in devices {
        if bytes.ratio(7, 8)? {
            let last = match bytes.int_in_range(0..=2u8)? {
                0 => None,
                1 => Some(bytes.arbitrary()?),
                _ => Some(device.step_at(now).saturating_add_signed(bytes.int_in_range(-30..=30)?)),
            };
            state.progress.push(Progress { device: device.id, last });
        }
    }
    for gone in 0..bytes.int_in_range(0..=9 - state.progress.len() as u32)? {
        state.progress.push(Progress { device: DeviceId(1000 + gone), last: Some(1) });
    }
    let salt = [9; 16];
    let papers = bytes.int_in_range(0..=20u8)?;
    let hashes = (0..papers).map(|number| hash(&salt, &paper_code(number))).collect();
    state.recovery = RecoverySet { salt, hashes };

    let mut seen = HashSet::new();
    let mut sources = Vec::new();
    for _ in 0..bytes.int_in_range(0..=26)? {
        let source = source(bytes)?.throttle_key();
        let addresses = seen.iter().filter(|seen: &&Source| seen.address().is_some()).count();
        let has_room = source.address().is_none() || addresses < MOST_ADDRESSES;
        if has_room && seen.insert(source) {
            let failures =
                if bytes.ratio(1, 8)? { bytes.arbitrary()? } else { bytes.int_in_range(0..=12)? };
            let (last_failure, last_success) = (moment(bytes, now)?, moment(bytes, now)?);
            sources.push(SourceRecord { source, failures, last_failure, last_success });
        }
    }
    let (strangers, this_machine, known) = (bucket(bytes, now)?, bucket(bytes, now)?, bucket(bytes, now)?);
    state.ledger = Ledger { strangers, this_machine, known, sources };

    let mut hosts: Vec<RememberedHost> = Vec::new();
    for _ in 0..bytes.int_in_range(0..=MOST_HOSTS)? {
        let since = moment(bytes, now)?;
        if let Some(address) =
            source(bytes)?.address().filter(|new| hosts.iter().all(|host| host.address != *new))
        {
            hosts.push(RememberedHost { address, since });
        }
    }
    state.hosts = hosts;
    for _ in 0..bytes.int_in_range(0..=KEPT_REFUSALS)? {
        let (at, source) = (moment(bytes, now)?, source(bytes)?);
        state.refusals.push(PastRefusal { at, reason: Reason::WrongCode, source });
    }
    if bytes.arbitrary()? {
        let code = issued(bytes, 100, now)?;
        let handover = match bytes.int_in_range(0..=2)? {
            0 => Handover::ByHand,
            1 => Handover::Mailing,
            _ => Handover::Mailed(moment(bytes, now)?),
        };
        state.invitation = Some(Invitation { code, handover });
    }
    if bytes.arbitrary()? {
        let code = issued(bytes, 101, now)?;
        state.temporary = Some(TemporaryCode { code, uses_left: bytes.int_in_range(1..=100)? });
    }
    state.graces_used = bytes.int_in_range(0..=4)?;
    if bytes.arbitrary()? {
        state.mail = Some("alice@example.org".into());
    }
    Ok(state)
}
