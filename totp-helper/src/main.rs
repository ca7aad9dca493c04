//! totp-helper: acts on the store for callers who may not read it.
//!
//! Set-user-ID root for its [first lines](privileges) only; then it is the store's owner for good, reads
//! one request on standard input, and writes one answer to standard output. Both are sockets, as the client in
//! totp-core makes them. Whatever happens, it [ends](hard_end) within seconds.
#![deny(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod control_group;
mod hard_end;
mod privileges;
mod serve;
mod transfer;

use std::io::Write as _;
use std::process::ExitCode;
use totp_core::helper::{Answered, Version};
use totp_core::operation::Failure;
use transfer::Sockets;

/// For people who run it by hand.
const NO_SOCKETS: &str = "totp-helper: standard input and output are not sockets. pam_totp.so and totp-enroll start \
    this program; use totp-enroll instead.\n";

fn main() -> ExitCode {
    // A panic's text may quote a request; the caller sees that there is no answer.
    std::panic::set_hook(Box::new(|_| {}));
    let caller = privileges::shed();
    let Some(sockets) = Sockets::of_caller() else {
        let _ = std::io::stderr().write_all(NO_SOCKETS.as_bytes());
        return ExitCode::FAILURE;
    };
    let (answered, version) = match &caller {
        Ok(caller) => serve::serve(caller, &sockets),
        Err(why) => (Answered::Failed(Failure::Unusable(why.to_string())), Version::Unnamed),
    };
    let sent = answered.to_toml(version).is_some_and(|answer| sockets.send(answer.as_bytes()).is_ok());
    if sent { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
