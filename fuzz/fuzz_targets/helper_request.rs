//! Any text is a request that is sent on as it came, or an error that repeats none of it; and any text is an
//! answer or none. What the module takes for an answer, the tool reads alike.
#![no_main]

use libfuzzer_sys::fuzz_target;
use totp_core::helper::{Answered, Envelope};
use totp_core::operation::{LoginReply, Reply};

fuzz_target!(|text: &str| {
    match Envelope::parse(text) {
        Ok(envelope) => {
            let sent = envelope.to_toml();
            let arrived = Envelope::parse(&sent).unwrap_or_else(|_| panic!("not read again: {}", *sent));
            assert_eq!(*arrived.to_toml(), *sent);
        }
        Err(error) => assert_eq!(error, "the request is not one this helper knows"),
    }
    let answer = Answered::<Reply>::parse(text).map(|answer| {
        let sent = answer.to_toml().expect("what was read can be sent");
        let arrived = Answered::<Reply>::parse(&sent).expect("what was sent can be read");
        assert_eq!(*arrived.to_toml().expect("as before"), *sent);
        sent
    });
    if let Some(read) = Answered::<LoginReply>::parse(text) {
        let read: Answered = match read {
            Answered::Done(reply) => Answered::Done(reply.into()),
            Answered::Failed(failure) => Answered::Failed(failure),
        };
        assert_eq!(read.to_toml(), answer);
    }
});
