//! Any text is a request that is sent on as it came, or an error that repeats none of it; and any text is an
//! answer or none. What the module takes for an answer, the tool reads alike, in each version.
#![no_main]

use libfuzzer_sys::fuzz_target;
use totp_core::helper::{Answered, Envelope, Version};
use totp_core::operation::{LoginReply, Reply};

fuzz_target!(|text: &str| {
    request(text);
    let answer = Answered::<Reply>::parse(text);
    if let Some(answer) = &answer {
        for version in [Version::Unnamed, Version::CURRENT] {
            is_read_back(answer, version);
        }
    }
    if let Some(read) = Answered::<LoginReply>::parse(text) {
        let read: Answered = match read {
            Answered::Done(reply) => Answered::Done(reply.into()),
            Answered::Failed(failure) => Answered::Failed(failure),
        };
        let alike = answer.expect("the tool reads what the module does");
        assert_eq!(read.to_toml(Version::CURRENT), alike.to_toml(Version::CURRENT));
    }
});

fn request(text: &str) {
    match Envelope::parse(text) {
        Ok(envelope) => {
            let sent = envelope.to_toml();
            let arrived = Envelope::parse(&sent).unwrap_or_else(|_| panic!("not read again: {}", *sent));
            assert_eq!(*arrived.to_toml(), *sent);
            assert!(arrived.version == envelope.version);
        }
        Err(error) => assert!(error.starts_with("the request "), "{error}"),
    }
}

fn is_read_back(answer: &Answered, version: Version) {
    let sent = answer.to_toml(version).expect("what was read can be sent");
    let arrived = Answered::<Reply>::parse(&sent).expect("what was sent can be read");
    assert_eq!(arrived.to_toml(version), Some(sent));
}
