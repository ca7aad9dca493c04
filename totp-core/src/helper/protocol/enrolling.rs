//! Answers about setting up: what a login without a second factor may do, and secrets that are shown.

use super::judging::{factor, write_factor};
use super::reading::{Keys, owned, word};
use super::writing::Writer;
use crate::clock::Day;
use crate::credential::DeviceName;
use crate::issued::InvitationId;
use crate::login::newcomer::{Grace, Welcome};
use crate::operation::{Begun, Confirmed, Outlook, SessionStart, Shown};
use crate::recovery::PrintedCodes;
use crate::toml_file::Entry;
use zeroize::Zeroizing;

/// `key` is where it belongs: it may be a word alone.
pub(super) fn write_welcome(to: &mut Writer, key: &'static str, welcome: &Welcome) {
    match welcome {
        Welcome::Accepted(factor) => to.table(key, |to| to.table("accepted", |to| write_factor(to, factor))),
        Welcome::Invited(InvitationId(id)) => to.table(key, |to| to.bare("invited", &id)),
        Welcome::SetUp => to.string(key, "set-up"),
        Welcome::NotInvited => to.string(key, "not-invited"),
    }
}

pub(super) fn welcome(entry: Entry<'_>) -> Option<Welcome> {
    match word(entry, "accepted invited set-up not-invited")? {
        ("accepted", Some(value)) => factor(value).map(Welcome::Accepted),
        ("invited", Some(value)) => Some(Welcome::Invited(InvitationId(value.integer(0..=u32::MAX).ok()?))),
        ("set-up", None) => Some(Welcome::SetUp),
        ("not-invited", None) => Some(Welcome::NotInvited),
        _ => None,
    }
}

pub(super) fn write_outlook(to: &mut Writer, outlook: &Outlook) {
    to.string_if_any("mailbox", outlook.mailbox.as_deref());
    to.bare("mailed_lately", &outlook.mailed_lately);
    to.bare("handed_over", &outlook.handed_over);
    if let Some(grace) = &outlook.grace {
        to.table("grace", |to| write_grace(to, *grace));
    }
}

pub(super) fn outlook(entry: Entry<'_>) -> Option<Outlook> {
    let mut keys = Keys::within(entry)?;
    Some(Outlook {
        grace: keys.optional("grace", grace)?,
        mailbox: keys.optional("mailbox", owned)?,
        mailed_lately: keys.boolean("mailed_lately")?,
        handed_over: keys.boolean("handed_over")?,
    })
}

pub(super) fn write_grace(to: &mut Writer, grace: Grace) {
    match grace {
        Grace::Until(day) => to.string("until", &day.to_string()),
        Grace::Logins(logins) => to.bare("logins", &logins),
    }
}

pub(super) fn grace(entry: Entry<'_>) -> Option<Grace> {
    match word(entry, "until logins")? {
        ("until", Some(value)) => Day::parse(value.string().ok()?).map(Grace::Until),
        ("logins", Some(value)) => value.integer(0..=u32::MAX).ok().map(Grace::Logins),
        _ => None,
    }
}

pub(super) fn write_session(to: &mut Writer, key: &'static str, start: SessionStart) {
    to.string(
        key,
        match start {
            SessionStart::Activated => "activated",
            SessionStart::Nothing => "nothing",
        },
    );
}

pub(super) fn session(entry: Entry<'_>) -> Option<SessionStart> {
    match word(entry, "activated nothing")? {
        ("activated", None) => Some(SessionStart::Activated),
        ("nothing", None) => Some(SessionStart::Nothing),
        _ => None,
    }
}

pub(super) fn write_begun(to: &mut Writer, begun: &Begun) {
    to.string("nonce", &begun.nonce.to_string());
    write_secret(to, &begun.device, &begun.uri, &begun.secret);
}

pub(super) fn begun(entry: Entry<'_>) -> Option<Begun> {
    let mut keys = Keys::within(entry)?;
    let nonce = keys.string("nonce")?.parse().ok()?;
    let (device, uri, secret) = secret(keys)?;
    Some(Begun { nonce, device, uri, secret })
}

pub(super) fn write_shown(to: &mut Writer, shown: &Shown) {
    write_secret(to, &shown.device, &shown.uri, &shown.secret);
}

pub(super) fn shown(entry: Entry<'_>) -> Option<Shown> {
    let (device, uri, secret) = secret(Keys::within(entry)?)?;
    Some(Shown { device, uri, secret })
}

fn write_secret(to: &mut Writer, device: &DeviceName, uri: &str, secret: &str) {
    to.string("device", device.as_str());
    to.string("uri", uri);
    to.string("secret", secret);
}

type Secret = Zeroizing<String>;

fn secret(mut keys: Keys<'_>) -> Option<(DeviceName, Secret, Secret)> {
    Some((DeviceName::new(keys.string("device")?)?, keys.secret("uri")?, keys.secret("secret")?))
}

pub(super) fn write_confirmed(to: &mut Writer, confirmed: &Confirmed) {
    to.string("device", confirmed.device.as_str());
    to.strings("recovery_codes", &confirmed.recovery_codes);
}

pub(super) fn confirmed(entry: Entry<'_>) -> Option<Confirmed> {
    let mut keys = Keys::within(entry)?;
    Some(Confirmed {
        device: DeviceName::new(keys.string("device")?)?,
        recovery_codes: codes(keys.take("recovery_codes")?)?,
    })
}

/// Recovery codes; [`Writer::strings`] writes them.
pub(super) fn codes(entry: Entry<'_>) -> Option<PrintedCodes> {
    Some(entry.strings().ok()?.into_iter().map(Zeroizing::new).collect())
}
