//! The words of the protocol, as they really are sent. They outlive every rename in the code: a module that a screen
//! locker keeps for weeks knows no others.

use super::{envelope, samples};
use crate::helper::{Answered, Version};
use std::collections::{BTreeSet, HashSet};
use std::mem::discriminant;

/// Keys of requests, and what is asked and said in words.
const REQUESTS: &str = "
    version user service remote_host request
    ask intent typed second_try purpose device code nonce invited
    ask=probe ask=judge ask=status ask=begin ask=confirm ask=abandon ask=show ask=remove-device ask=unset
    ask=renew-recovery ask=forget-hosts ask=welcome ask=begin-at-login ask=prove-at-login ask=outlook ask=put-off
    ask=open-session ask=acknowledge count latest
    intent=login intent=verify
    purpose=first purpose=further purpose=renewal";

/// Keys of answers, and what they say in words.
const ANSWERS: &str = "
    done failed
    done=done probed judged status begun confirmed shown recovery-codes welcome outlook put-off session
    refused not-proven impossible orphaned not-permitted unusable user-unusable failed=not-configured
    overridden overridden=required overridden=optional overridden=disabled
    found found=not-configured found=orphaned found=remembered code digits
    accepted device recovery-code temporary-code left refused_since count latest source
    reason wait may_tell counted recorded
    reason=wrong-code reason=used-code reason=stale-code reason=wrong-recovery-code reason=throttled reason=ceiling
    reason=malformed reason=no-answer reason=unsynchronised
    nonce uri secret recovery_codes
    invited welcome=set-up welcome=not-invited
    grace mailbox mailed_lately handed_over until logins
    session=activated session=nothing
    user mode configured orphan strategy since devices recovery_codes_left throttled_for at_ceiling exhausted remembered_hosts
    last_login temporary_code invited_until mail mode=required by uid way_out
    name kind interval algorithm created address uses_left";

/// Keys whose values are words of the protocol; those of others are names, codes and sentences.
const IN_WORDS: [&str; 11] = [
    "ask",
    "intent",
    "purpose",
    "done",
    "failed",
    "overridden",
    "found",
    "reason",
    "welcome",
    "session",
    "mode",
];

fn note_words(key: &str, value: &toml::Value, found: &mut BTreeSet<String>) {
    match value {
        toml::Value::Table(table) => {
            for (key, value) in table {
                found.insert(key.clone());
                note_words(key, value, found);
            }
        }
        toml::Value::Array(items) => items.iter().for_each(|item| note_words(key, item, found)),
        toml::Value::String(word) if IN_WORDS.contains(&key) => drop(found.insert(format!("{key}={word}"))),
        _ => {}
    }
}

fn compare(listed: &str, messages: impl Iterator<Item = String>) {
    let listed: BTreeSet<_> = listed.split_whitespace().map(str::to_owned).collect();
    let mut found = BTreeSet::new();
    for message in messages {
        note_words("", &toml::Value::Table(message.parse().unwrap()), &mut found);
    }
    let gone: Vec<_> = listed.difference(&found).collect();
    let new: Vec<_> = found.difference(&listed).collect();
    assert!(gone.is_empty(), "gone, and programs that run still say or await them: {gone:?} (new: {new:?})");
    assert!(new.is_empty(), "list what is new, which then stays: {new:?}");
}

#[test]
fn the_words_of_requests_stay() {
    let mut sent = samples::requests().into_iter().map(|request| envelope(Version::CURRENT, request));
    let first = sent.next().map(|mut sent| {
        sent.remote_host = Some("192.0.2.7".into());
        sent
    });
    compare(REQUESTS, first.into_iter().chain(sent).map(|sent| sent.to_toml().to_string()));
}

#[test]
fn the_words_of_answers_stay() {
    let sent = samples::answers().into_iter().map(|answer| answer.to_toml(Version::CURRENT).unwrap());
    compare(ANSWERS, sent.map(|sent| sent.to_string()));
}

/// How many variants an enum has, by its source.
fn variants_of(enumeration: &str) -> usize {
    let source = include_str!("../../../operation/request.rs");
    let (_, body) = source.split_once(&format!("pub enum {enumeration} {{")).expect(enumeration);
    let body = body.split("\n}").next().unwrap();
    let is_variant = |line: &&str| {
        line.strip_prefix("    ")
            .is_some_and(|line| line.starts_with(|first: char| first.is_ascii_uppercase()))
    };
    body.lines().filter(is_variant).count()
}

/// A list of messages that left one out would not miss its words.
#[test]
fn there_is_a_sample_of_every_request_and_answer() {
    let requests: HashSet<_> = samples::requests().iter().map(discriminant).collect();
    let (mut replies, mut failures) = (HashSet::new(), HashSet::new());
    for answer in samples::answers() {
        match answer {
            Answered::Done(reply) => drop(replies.insert(discriminant(&reply))),
            Answered::Failed(failure) => drop(failures.insert(discriminant(&failure))),
        }
    }
    assert_eq!(requests.len(), variants_of("Request"));
    assert_eq!(replies.len(), variants_of("Reply"));
    assert_eq!(failures.len(), variants_of("Failure"));
}
