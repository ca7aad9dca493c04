//! Answers: that it was done, with what came of it, or that it was not, and why.
//!
//! The module knows the replies that a login meets, and no others. A status is what the tool alone asks for: it is
//! written and read by serde, from its one definition.

use super::enrolling::{
    begun, codes, confirmed, grace, outlook, session, shown, welcome, write_begun, write_confirmed,
    write_grace, write_outlook, write_session, write_shown, write_welcome,
};
use super::judging::{judged, probe, refusal, write_judged, write_probe, write_refusal};
use super::reading::{Keys, owned, word};
use super::writing::Writer;
use super::{LONGEST_MESSAGE, Version};
use crate::operation::{Failure, LoginReply, Reply, Status};
use crate::toml_file::{Entry, Text};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// The helper's answer; a caller that asks but a few things names a type that knows their replies alone.
pub enum Answered<R = Reply> {
    /// It was done.
    Done(R),
    /// It was not.
    Failed(Failure),
}

impl Answered<Reply> {
    /// As sent to a caller of this version. Wiped when dropped. `None` where it cannot be sent, as with a text that
    /// is too long.
    #[must_use]
    pub fn to_toml(&self, version: Version) -> Option<Zeroizing<String>> {
        let mut to = Writer::new(version, push_as_before);
        let text = match self {
            Self::Done(Reply::Status(status)) => {
                let status = &in_version(status, version);
                Zeroizing::new(toml::to_string(&StatusAnswer { done: StatusReply { status } }).ok()?)
            }
            Self::Done(reply) => {
                write_reply(&mut to, "done", reply);
                to.finish()
            }
            Self::Failed(failure) => {
                write_failure(&mut to, "failed", failure);
                to.finish()
            }
        };
        Some(text).filter(|text| text.len() <= LONGEST_MESSAGE)
    }

    /// Reads an answer.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        answered(text, |entry| reply(entry, text))
    }
}

impl Answered<LoginReply> {
    /// Reads an answer.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        answered(text, login_reply)
    }
}

/// A string in the quotes that the toml crate gives it: callers without a version were always sent these bytes.
fn push_as_before(text: &mut String, value: &str) {
    // Writing to a String cannot fail.
    let _ = value.serialize(toml::ser::ValueSerializer::new(text));
}

fn answered<R>(text: &str, reply: impl Fn(Entry<'_>) -> Option<R>) -> Option<Answered<R>> {
    let document = Text::secret("", text).parse().ok()?;
    let mut keys = Keys::of(document.entries());
    match (keys.take("done"), keys.take("failed")) {
        (Some(done), None) => reply(done).map(Answered::Done),
        (None, Some(failed)) => failure(failed).map(Answered::Failed),
        _ => None,
    }
}

fn write_reply(to: &mut Writer, key: &'static str, reply: &Reply) {
    match reply {
        Reply::Welcome(welcome) => to.table(key, |to| write_welcome(to, "welcome", welcome)),
        Reply::Session(start) => to.table(key, |to| write_session(to, "session", *start)),
        Reply::RecoveryCodes(codes) => to.table(key, |to| to.strings("recovery-codes", codes)),
        Reply::Probed(probe) => to.table(key, |to| to.table("probed", |to| write_probe(to, probe))),
        Reply::Judged(judged) => to.table(key, |to| to.table("judged", |to| write_judged(to, judged))),
        Reply::Begun(begun) => to.table(key, |to| to.table("begun", |to| write_begun(to, begun))),
        Reply::Outlook(outlook) => to.table(key, |to| to.table("outlook", |to| write_outlook(to, outlook))),
        Reply::PutOff(left) => to.table(key, |to| to.table("put-off", |to| write_grace(to, *left))),
        Reply::Confirmed(confirmed) => {
            to.table(key, |to| to.table("confirmed", |to| write_confirmed(to, confirmed)));
        }
        Reply::Shown(shown) => to.table(key, |to| to.table("shown", |to| write_shown(to, shown))),
        Reply::Done => to.string(key, "done"),
        // See `StatusAnswer`.
        Reply::Status(_) => {}
    }
}

fn login_reply(entry: Entry<'_>) -> Option<LoginReply> {
    match word(entry, "probed judged begun recovery-codes welcome outlook put-off session done")? {
        ("probed", Some(value)) => probe(value).map(LoginReply::Probed),
        ("judged", Some(value)) => judged(value).map(LoginReply::Judged),
        ("begun", Some(value)) => begun(value).map(LoginReply::Begun),
        ("recovery-codes", Some(value)) => codes(value).map(LoginReply::RecoveryCodes),
        ("welcome", Some(value)) => welcome(value).map(LoginReply::Welcome),
        ("outlook", Some(value)) => outlook(value).map(LoginReply::Outlook),
        ("put-off", Some(value)) => grace(value).map(LoginReply::PutOff),
        ("session", Some(value)) => session(value).map(LoginReply::Session),
        ("done", None) => Some(LoginReply::Done),
        _ => None,
    }
}

/// What a login may be answered means the same to the tool. `text` is the whole answer.
fn reply(entry: Entry<'_>, text: &str) -> Option<Reply> {
    login_reply(entry).map(Reply::from).or_else(|| tool_reply(entry, text))
}

fn tool_reply(entry: Entry<'_>, text: &str) -> Option<Reply> {
    match word(entry, "status confirmed shown")? {
        ("status", Some(_)) => status(text).map(Reply::Status),
        ("confirmed", Some(value)) => confirmed(value).map(Reply::Confirmed),
        ("shown", Some(value)) => shown(value).map(Reply::Shown),
        _ => None,
    }
}

/// A status as it is sent, for both sides.
#[derive(Serialize, Deserialize)]
struct StatusAnswer<S> {
    done: StatusReply<S>,
}

#[derive(Serialize, Deserialize)]
struct StatusReply<S> {
    status: S,
}

/// Without the keys that are newer than `version`.
fn in_version(status: &Status, version: Version) -> Status {
    let mut status = status.clone();
    if version < Version::One {
        status.exhausted = Vec::new();
    }
    status
}

fn status(text: &str) -> Option<Box<Status>> {
    toml::from_str::<StatusAnswer<_>>(text).ok().map(|answer| answer.done.status)
}

/// Every version has the word "unusable": what a caller has no word for, it is sent as that.
fn write_failure(to: &mut Writer, key: &'static str, failure: &Failure) {
    match failure {
        Failure::Refused(refusal) => to.table(key, |to| to.table("refused", |to| write_refusal(to, refusal))),
        Failure::NotProven { left } => {
            to.table(key, |to| to.table("not-proven", |to| to.bare("left", &left)));
        }
        Failure::NotConfigured => to.string(key, "not-configured"),
        Failure::Impossible(why) => to.table(key, |to| to.string("impossible", why)),
        Failure::Orphaned(why) => to.table(key, |to| to.string("orphaned", why)),
        Failure::NotPermitted(why) => to.table(key, |to| to.string("not-permitted", why)),
        Failure::UserUnusable(why) if to.version() >= Version::One => {
            to.table(key, |to| to.string("user-unusable", why));
        }
        Failure::Unusable(why) | Failure::UserUnusable(why) => {
            to.table(key, |to| to.string("unusable", why));
        }
    }
}

fn failure(entry: Entry<'_>) -> Option<Failure> {
    match word(
        entry,
        "refused not-proven impossible not-configured orphaned not-permitted unusable user-unusable",
    )? {
        ("refused", Some(value)) => refusal(value).map(Failure::Refused),
        ("not-proven", Some(value)) => {
            Some(Failure::NotProven { left: Keys::within(value)?.integer("left", 0..=u8::MAX)? })
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
