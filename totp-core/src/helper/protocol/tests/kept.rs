//! The bytes of each version, kept beside this: programs that run for weeks go on speaking an older one, so what
//! they send must be read, and what they are sent must stay as it was, byte for byte.
//!
//! A test that fails here has found a change that such programs would not understand. The bytes of a version that
//! was released are never edited.

use super::samples;
use crate::helper::{Answered, Envelope};
use crate::operation::{LoginReply, Reply};
use zeroize::Zeroizing;

const REQUESTS: &str = include_str!("../bytes/unversioned/requests.txt");
const ANSWERS: &str = include_str!("../bytes/unversioned/answers.txt");

/// The messages of a file, each after a line of its own.
fn messages(file: &str) -> Vec<&str> {
    let messages: Vec<_> = file.split("%%\n").skip(1).collect();
    assert!(messages.len() > 20);
    messages
}

/// The samples as they are sent: every other one with an address, as the kept bytes have them.
fn requests() -> Vec<Envelope> {
    let envelope = |(place, request)| Envelope {
        user: "alice".into(),
        service: "su".into(),
        remote_host: (place % 2 == 1).then(|| "192.0.2.7".to_owned()),
        request,
    };
    samples::requests().into_iter().enumerate().map(envelope).collect()
}

#[test]
fn requests_are_sent_as_they_were() {
    let sent: Vec<_> = requests().iter().map(Envelope::to_toml).collect();
    assert_eq!(sent.iter().map(|sent| sent.as_str()).collect::<Vec<_>>(), messages(REQUESTS));
}

#[test]
fn requests_are_read_as_they_were_meant() {
    for text in messages(REQUESTS) {
        let read = Envelope::parse(text).expect(text);
        assert_eq!(*read.to_toml(), text);
    }
}

#[test]
fn answers_are_sent_as_they_were() {
    let sent: Vec<_> = samples::answers().iter().map(|answered| answered.to_toml().unwrap()).collect();
    assert_eq!(sent.iter().map(|sent| sent.as_str()).collect::<Vec<_>>(), messages(ANSWERS));
}

#[test]
fn the_tool_reads_answers_as_they_were_meant() {
    for text in messages(ANSWERS) {
        let read = Answered::<Reply>::parse(text).expect(text);
        assert_eq!(*read.to_toml().unwrap(), text);
    }
}

/// What the module read, as the helper would send it.
pub(super) fn as_sent(answered: Answered<LoginReply>) -> Zeroizing<String> {
    let answered = match answered {
        Answered::Done(reply) => Answered::Done(Reply::from(reply)),
        Answered::Failed(failure) => Answered::Failed(failure),
    };
    answered.to_toml().unwrap()
}

#[test]
fn the_module_reads_every_answer_to_a_login_as_it_was_meant() {
    let to_logins = samples::login_answers().len();
    for (place, text) in messages(ANSWERS).into_iter().enumerate() {
        let read = Answered::<LoginReply>::parse(text);
        assert_eq!(read.is_some(), place < to_logins, "{text}");
        if let Some(read) = read {
            assert_eq!(*as_sent(read), text);
        }
    }
}
