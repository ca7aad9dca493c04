//! totp-helper: acts on the store for callers who may not read it.
//!
//! Set-user-ID root for its [first lines](privileges) only; then it is the store's owner for good, reads
//! one request on standard input, and writes one answer to standard output.
#![deny(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod control_group;
mod privileges;
mod serve;
mod transfer;

use std::process::ExitCode;
use totp_core::helper::{Answered, Version};
use totp_core::operation::Failure;

fn main() -> ExitCode {
    // A panic's text may quote a request; the caller sees that there is no answer.
    std::panic::set_hook(Box::new(|_| {}));
    let (answered, version) = match privileges::shed() {
        Ok(caller) => serve::serve(&caller),
        Err(why) => (Answered::Failed(Failure::Unusable(why.to_string())), Version::Unnamed),
    };
    let sent = answered.to_toml(version).is_some_and(|answer| transfer::send(answer.as_bytes()).is_ok());
    if sent { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
