//! Answers about a code: what there is to ask for, and what became of it.

use super::Version;
use super::reading::{Keys, word};
use super::writing::Writer;
use crate::clock::Timestamp;
use crate::credential::DeviceName;
use crate::login::{Factor, Reason, Refusal, Verdict};
use crate::operation::{Found, Judged, Probe};
use crate::policy::Mode;
use crate::recovery::MOST_CODES;
use crate::source::Source;
use crate::state::RefusedSince;
use crate::toml_file::Entry;

pub(super) fn write_probe(to: &mut Writer, probe: &Probe) {
    to.string_if_any("overridden", probe.overridden.map(Mode::as_str));
    match probe.found {
        Found::NotConfigured => to.string("found", "not-configured"),
        Found::Orphaned => to.string("found", "orphaned"),
        Found::Remembered => to.string("found", "remembered"),
        Found::Code { digits } => {
            to.table("found", |to| to.table("code", |to| to.bare("digits", &digits)));
        }
    }
}

/// An unknown override is not left out: it may be one that asks for more.
pub(super) fn probe(entry: Entry<'_>) -> Option<Probe> {
    let mut keys = Keys::within(entry)?;
    Some(Probe {
        overridden: keys.optional("overridden", |mode| mode.choice(&Mode::NAMES).ok())?,
        found: found(keys.take("found")?)?,
    })
}

fn found(entry: Entry<'_>) -> Option<Found> {
    match word(entry, "not-configured orphaned remembered code")? {
        ("not-configured", None) => Some(Found::NotConfigured),
        ("orphaned", None) => Some(Found::Orphaned),
        ("remembered", None) => Some(Found::Remembered),
        ("code", Some(value)) => {
            Some(Found::Code { digits: Keys::within(value)?.integer("digits", 0..=u8::MAX)? })
        }
        _ => None,
    }
}

/// What comes with an acceptance and changes nothing about it goes beside it, and to callers of
/// [`Version::One`](super::Version::One) and later alone.
pub(super) fn write_judged(to: &mut Writer, judged: &Judged) {
    match &judged.verdict {
        Verdict::Accepted(factor) => to.table("accepted", |to| write_factor(to, factor)),
        Verdict::Refused(refusal) => to.table("refused", |to| write_refusal(to, refusal)),
    }
    if let Some(refused) = judged.refused_since.filter(|_| to.version() >= Version::One) {
        to.table("refused_since", |to| {
            to.bare("count", &refused.count);
            // TOML knows no number beyond.
            to.bare("latest", &refused.latest.0.min(i64::MAX.unsigned_abs()));
            to.string("source", &refused.source.to_string());
        });
    }
}

/// What cannot be understood of the codes refused before keeps nobody out.
pub(super) fn judged(entry: Entry<'_>) -> Option<Judged> {
    let verdict = match word(entry, "accepted refused")? {
        ("accepted", Some(value)) => Verdict::Accepted(factor(value)?),
        ("refused", Some(value)) => Verdict::Refused(refusal(value)?),
        _ => return None,
    };
    let refused_since = Keys::within(entry)?.take("refused_since").and_then(refused_since);
    Some(Judged { verdict, refused_since })
}

fn refused_since(entry: Entry<'_>) -> Option<RefusedSince> {
    let mut keys = Keys::within(entry)?;
    Some(RefusedSince {
        count: keys.integer("count", 0..=u32::MAX)?,
        latest: Timestamp(keys.integer("latest", 0..=u64::MAX)?),
        source: Source::from_word(keys.string("source")?)?,
    })
}

pub(super) fn write_factor(to: &mut Writer, factor: &Factor) {
    match factor {
        Factor::Device(device) => to.string("device", device.as_str()),
        Factor::RecoveryCode { left } => to.table("recovery-code", |to| to.bare("left", &left)),
        Factor::TemporaryCode { left } => to.table("temporary-code", |to| to.bare("left", &left)),
    }
}

pub(super) fn factor(entry: Entry<'_>) -> Option<Factor> {
    match word(entry, "device recovery-code temporary-code")? {
        ("device", Some(value)) => DeviceName::new(value.string().ok()?).map(Factor::Device),
        ("recovery-code", Some(value)) => {
            Some(Factor::RecoveryCode { left: Keys::within(value)?.integer("left", 0..=MOST_CODES)? })
        }
        ("temporary-code", Some(value)) => {
            Some(Factor::TemporaryCode { left: Keys::within(value)?.integer("left", 0..=u8::MAX)? })
        }
        _ => None,
    }
}

pub(super) fn write_refusal(to: &mut Writer, refusal: &Refusal) {
    // TOML knows no number beyond.
    let wait = refusal.wait.min(i64::MAX.unsigned_abs());
    to.string("reason", reason_for(to.version(), refusal.reason.as_str()));
    to.bare("wait", &wait);
    to.bare("may_tell", &refusal.may_tell);
    to.bare("counted", &refusal.counted);
    to.bare("recorded", &refusal.recorded);
}

/// Reasons that callers from before versions know; to them, a word that is none of these is no answer at all.
const REASONS_BEFORE_VERSIONS: [&str; 9] = [
    "wrong-code",
    "used-code",
    "stale-code",
    "wrong-recovery-code",
    "throttled",
    "ceiling",
    "malformed",
    "no-answer",
    "unsynchronised",
];

/// The word for a reason that a caller of this version is sent.
fn reason_for(version: Version, word: &'static str) -> &'static str {
    match version {
        Version::Unnamed if !REASONS_BEFORE_VERSIONS.contains(&word) => Reason::WrongCode.as_str(),
        _ => word,
    }
}

/// A reason of a newer helper is a refusal all the same.
pub(super) fn refusal(entry: Entry<'_>) -> Option<Refusal> {
    let mut keys = Keys::within(entry)?;
    Some(Refusal {
        reason: Reason::from_word(keys.string("reason")?).unwrap_or(Reason::WrongCode),
        wait: keys.integer("wait", 0..=u64::MAX)?,
        may_tell: keys.boolean("may_tell")?,
        counted: keys.boolean("counted")?,
        recorded: keys.boolean("recorded")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_that_is_newer_than_versions_is_a_wrong_code_to_callers_from_before_them() {
        assert_eq!(reason_for(Version::Unnamed, "too-loud"), "wrong-code");
        assert_eq!(reason_for(Version::One, "too-loud"), "too-loud");
        assert_eq!(reason_for(Version::Unnamed, "ceiling"), "ceiling");
    }
}
