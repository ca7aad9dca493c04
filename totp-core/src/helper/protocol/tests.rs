mod identity;
mod kept;
mod samples;
mod unknown;
mod words;

use super::{Answered, Envelope, Version};
use crate::operation::{LoginReply, Reply, Request};
use zeroize::Zeroizing;

fn envelope(version: Version, request: Request) -> Envelope {
    Envelope { version, user: "alice".into(), service: "su".into(), remote_host: None, request }
}

/// What the module read, as the helper would send it.
fn as_sent(version: Version, answered: Answered<LoginReply>) -> Zeroizing<String> {
    let answered = match answered {
        Answered::Done(reply) => Answered::Done(Reply::from(reply)),
        Answered::Failed(failure) => Answered::Failed(failure),
    };
    answered.to_toml(version).unwrap()
}
