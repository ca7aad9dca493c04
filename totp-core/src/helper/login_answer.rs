//! An answer as the module reads it: value by value and without serde, which the module does not carry. What is
//! not exactly one that it knows is none.

use super::Answered;
use crate::clock::{Day, Timestamp};
use crate::credential::DeviceName;
use crate::issued::InvitationId;
use crate::login::newcomer::{Grace, Welcome};
use crate::login::{Factor, Reason, Refusal, Verdict};
use crate::operation::{Begun, Failure, Found, Judged, LoginReply, Outlook, Probe, SessionStart};
use crate::policy::Mode;
use crate::recovery::MOST_CODES;
use crate::source::Source;
use crate::state::RefusedSince;
use crate::toml_file::{Entry, Text};
use zeroize::Zeroizing;

impl Answered<LoginReply> {
    /// Reads an answer.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let document = Text::secret("", text).parse().ok()?;
        match document.entries().as_slice() {
            [answer] if answer.key() == "done" => reply(*answer).map(Self::Done),
            [answer] if answer.key() == "failed" => failure(*answer).map(Self::Failed),
            _ => None,
        }
    }
}

fn reply(entry: Entry<'_>) -> Option<LoginReply> {
    match word(entry)? {
        ("probed", Some(value)) => probe(value).map(LoginReply::Probed),
        ("judged", Some(value)) => judged(value).map(LoginReply::Judged),
        ("begun", Some(value)) => begun(value).map(LoginReply::Begun),
        ("recovery-codes", Some(value)) => {
            let codes = value.strings().ok()?;
            Some(LoginReply::RecoveryCodes(codes.into_iter().map(Zeroizing::new).collect()))
        }
        ("welcome", Some(value)) => welcome(value).map(LoginReply::Welcome),
        ("outlook", Some(value)) => outlook(value).map(LoginReply::Outlook),
        ("put-off", Some(value)) => grace(value).map(LoginReply::PutOff),
        ("session", Some(value)) => session_start(value).map(LoginReply::Session),
        ("done", None) => Some(LoginReply::Done),
        _ => None,
    }
}

fn failure(entry: Entry<'_>) -> Option<Failure> {
    match word(entry)? {
        ("refused", Some(value)) => refusal(value).map(Failure::Refused),
        ("not-proven", Some(value)) => {
            Some(Failure::NotProven { left: only(value, "left")?.integer(0..=u8::MAX).ok()? })
        }
        ("impossible", Some(value)) => owned(value).map(Failure::Impossible),
        ("not-configured", None) => Some(Failure::NotConfigured),
        ("orphaned", Some(value)) => owned(value).map(Failure::Orphaned),
        ("not-permitted", Some(value)) => owned(value).map(Failure::NotPermitted),
        ("unusable", Some(value)) => owned(value).map(Failure::Unusable),
        ("user-unusable", Some(value)) => owned(value).map(Failure::UserUnusable),
        _ => None,
    }
}

fn probe(entry: Entry<'_>) -> Option<Probe> {
    let [overridden, found] = fields(entry, ["overridden", "found"])?;
    let overridden = match overridden {
        Some(mode) => Some(mode.choice(&Mode::NAMES).ok()?),
        None => None,
    };
    let found = match word(found?)? {
        ("not-configured", None) => Found::NotConfigured,
        ("orphaned", None) => Found::Orphaned,
        ("remembered", None) => Found::Remembered,
        ("code", Some(value)) => Found::Code { digits: only(value, "digits")?.integer(0..=u8::MAX).ok()? },
        _ => return None,
    };
    Some(Probe { overridden, found })
}

fn judged(entry: Entry<'_>) -> Option<Judged> {
    let [accepted, refused, refused_since] = fields(entry, ["accepted", "refused", "refused_since"])?;
    let verdict = match (accepted, refused) {
        (Some(value), None) => Verdict::Accepted(factor(value)?),
        (None, Some(value)) => Verdict::Refused(refusal(value)?),
        _ => return None,
    };
    let refused_since = match refused_since {
        Some(value) => Some(self::refused_since(value)?),
        None => None,
    };
    Some(Judged { verdict, refused_since })
}

fn refused_since(entry: Entry<'_>) -> Option<RefusedSince> {
    let [count, latest, source] = fields(entry, ["count", "latest", "source"])?;
    Some(RefusedSince {
        count: count?.integer(0..=u32::MAX).ok()?,
        latest: Timestamp(latest?.integer(0..=u64::MAX).ok()?),
        source: Source::from_word(source?.string().ok()?)?,
    })
}

fn factor(entry: Entry<'_>) -> Option<Factor> {
    match word(entry)? {
        ("device", Some(value)) => DeviceName::new(value.string().ok()?).map(Factor::Device),
        ("recovery-code", Some(value)) => {
            Some(Factor::RecoveryCode { left: only(value, "left")?.integer(0..=MOST_CODES).ok()? })
        }
        ("temporary-code", Some(value)) => {
            Some(Factor::TemporaryCode { left: only(value, "left")?.integer(0..=u8::MAX).ok()? })
        }
        _ => None,
    }
}

fn refusal(entry: Entry<'_>) -> Option<Refusal> {
    let keys = ["reason", "wait", "may_tell", "counted", "recorded"];
    let [reason, wait, may_tell, counted, recorded] = fields(entry, keys)?;
    Some(Refusal {
        reason: Reason::from_word(reason?.string().ok()?)?,
        wait: wait?.integer(0..=u64::MAX).ok()?,
        may_tell: may_tell?.boolean().ok()?,
        counted: counted?.boolean().ok()?,
        recorded: recorded?.boolean().ok()?,
    })
}

fn welcome(entry: Entry<'_>) -> Option<Welcome> {
    match word(entry)? {
        ("accepted", Some(value)) => factor(value).map(Welcome::Accepted),
        ("invited", Some(value)) => Some(Welcome::Invited(InvitationId(value.integer(0..=u32::MAX).ok()?))),
        ("set-up", None) => Some(Welcome::SetUp),
        ("not-invited", None) => Some(Welcome::NotInvited),
        _ => None,
    }
}

fn outlook(entry: Entry<'_>) -> Option<Outlook> {
    let keys = ["grace", "mailbox", "mailed_lately", "handed_over"];
    let [grace, mailbox, mailed_lately, handed_over] = fields(entry, keys)?;
    Some(Outlook {
        grace: match grace {
            Some(value) => Some(self::grace(value)?),
            None => None,
        },
        mailbox: match mailbox {
            Some(value) => Some(owned(value)?),
            None => None,
        },
        mailed_lately: mailed_lately?.boolean().ok()?,
        handed_over: handed_over?.boolean().ok()?,
    })
}

fn grace(entry: Entry<'_>) -> Option<Grace> {
    match word(entry)? {
        ("until", Some(value)) => Day::parse(value.string().ok()?).map(Grace::Until),
        ("logins", Some(value)) => value.integer(0..=u32::MAX).ok().map(Grace::Logins),
        _ => None,
    }
}

fn session_start(entry: Entry<'_>) -> Option<SessionStart> {
    match word(entry)? {
        ("activated", None) => Some(SessionStart::Activated),
        ("nothing", None) => Some(SessionStart::Nothing),
        _ => None,
    }
}

fn begun(entry: Entry<'_>) -> Option<Begun> {
    let [nonce, device, uri, secret] = fields(entry, ["nonce", "device", "uri", "secret"])?;
    Some(Begun {
        nonce: nonce?.string().ok()?.parse().ok()?,
        device: DeviceName::new(device?.string().ok()?)?,
        uri: Zeroizing::new(owned(uri?)?),
        secret: Zeroizing::new(owned(secret?)?),
    })
}

/// A word that stands alone, `"word"`, or with something that belongs to it, as the one key of a table.
fn word(entry: Entry<'_>) -> Option<(&str, Option<Entry<'_>>)> {
    if let Ok(word) = entry.string() {
        return Some((word, None));
    }
    match entry.table().ok()?.as_slice() {
        [only] => Some((only.key(), Some(*only))),
        _ => None,
    }
}

/// The values of a table that has none of other names.
fn fields<'t, const N: usize>(entry: Entry<'t>, names: [&str; N]) -> Option<[Option<Entry<'t>>; N]> {
    let entries = entry.table().ok()?;
    let known = entries.iter().all(|entry| names.contains(&entry.key()));
    known.then(|| names.map(|name| entries.iter().copied().find(|entry| entry.key() == name)))
}

/// The one value of a table, under this name.
fn only<'t>(entry: Entry<'t>, name: &str) -> Option<Entry<'t>> {
    let [value] = fields(entry, [name])?;
    value
}

fn owned(entry: Entry<'_>) -> Option<String> {
    entry.string().ok().map(str::to_owned)
}
