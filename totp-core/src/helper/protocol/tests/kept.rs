//! The bytes of each version, kept beside this: programs that run for weeks go on speaking an older one, so what
//! they send must be read, and what they are sent must stay as it was, byte for byte.
//!
//! A test that fails here has found a change that such programs would not understand. The bytes of a version that
//! was released are never edited; what a version gains comes last in its list.

use super::{as_sent, samples};
use crate::helper::{Answered, Envelope, Version};
use crate::operation::{LoginReply, Reply, Request};

/// A version with its requests and its answers.
pub(super) struct Kept {
    pub(super) version: Version,
    requests: &'static str,
    answers: &'static str,
}

pub(super) const KEPT: [Kept; 2] = [
    Kept {
        version: Version::Unnamed,
        requests: include_str!("../bytes/unversioned/requests.txt"),
        answers: include_str!("../bytes/unversioned/answers.txt"),
    },
    Kept {
        version: Version::One,
        requests: include_str!("../bytes/1/requests.txt"),
        answers: include_str!("../bytes/1/answers.txt"),
    },
];

impl Kept {
    pub(super) fn requests(&self) -> Vec<&'static str> {
        messages(self.requests)
    }

    pub(super) fn answers(&self) -> Vec<&'static str> {
        messages(self.answers)
    }
}

/// The messages of a file, each after a line of its own.
fn messages(file: &'static str) -> Vec<&'static str> {
    file.split("%%\n").skip(1).collect()
}

/// The samples that this version knows, as they are sent: every other one with an address, as the kept bytes have them.
fn requests(version: Version) -> Vec<Envelope> {
    let envelope = |(place, request)| Envelope {
        remote_host: (place % 2 == 1).then(|| "192.0.2.7".to_owned()),
        ..super::envelope(version, request)
    };
    let known =
        |request: &Request| version >= Version::One || !matches!(request, Request::Acknowledge { .. });
    samples::requests().into_iter().filter(known).enumerate().map(envelope).collect()
}

#[test]
fn the_bytes_of_the_current_version_are_kept() {
    assert!(KEPT.iter().any(|kept| kept.version == Version::CURRENT));
}

#[test]
fn requests_are_sent_as_they_were() {
    for kept in KEPT {
        let sent: Vec<_> = requests(kept.version).iter().map(Envelope::to_toml).collect();
        let sent: Vec<_> = sent.iter().map(|sent| sent.as_str()).collect();
        assert_eq!(sent, kept.requests(), "version {:?}", kept.version);
    }
}

#[test]
fn requests_are_read_as_they_were_meant() {
    for kept in KEPT {
        for text in kept.requests() {
            let read = Envelope::parse(text).expect(text);
            assert_eq!(read.version, kept.version);
            assert_eq!(*read.to_toml(), text);
        }
    }
}

#[test]
fn answers_are_sent_as_they_were() {
    for kept in KEPT {
        let sent = samples::answers().into_iter().map(|answer| answer.to_toml(kept.version).unwrap());
        let sent: Vec<_> = sent.map(|sent| sent.to_string()).collect();
        assert_eq!(sent, kept.answers(), "version {:?}", kept.version);
    }
}

#[test]
fn the_tool_reads_answers_as_they_were_meant() {
    for kept in KEPT {
        for text in kept.answers() {
            let read = Answered::<Reply>::parse(text).expect(text);
            assert_eq!(*read.to_toml(kept.version).unwrap(), text);
        }
    }
}

#[test]
fn the_module_reads_every_answer_to_a_login_as_it_was_meant() {
    let to_logins = samples::login_answers().len();
    for kept in KEPT {
        for (place, text) in kept.answers().into_iter().enumerate() {
            let read = Answered::<LoginReply>::parse(text);
            assert_eq!(read.is_some(), place < to_logins, "{text}");
            if let Some(read) = read {
                assert_eq!(*as_sent(kept.version, read), text);
            }
        }
    }
}
