//! `totp-enroll`: sets two-factor login up in a terminal, and helps administrators with that of others.
//!
//! Here a command finds its room: [`user`] for what a person does for themselves, [`admin`] for root.
#![forbid(unsafe_code)]
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects
    )
)]

mod admin;
mod arguments;
mod asked;
mod clipboard;
mod exit;
mod picture;
mod qr;
mod report;
mod secret;
mod session;
mod sshd;
mod stacks;
mod terminal;
mod text;
mod underway;
mod user;
mod warnings;

use arguments::{Arguments, Command};
use clap::Parser as _;
use exit::Stop;
use session::Session;
use std::process::ExitCode;
use terminal::Terminal;

fn main() -> ExitCode {
    match Arguments::try_parse() {
        Ok(arguments) => exit::report(run(arguments)),
        Err(error) => arguments::explain(&error),
    }
}

fn run(arguments: Arguments) -> Result<(), Stop> {
    let terminal = Terminal::find();
    let policy = arguments.policy.as_deref();
    match arguments.command {
        Some(Command::Admin(command)) => admin::run(policy, &terminal, command),
        command => user::run(Session::of_caller(policy)?, &terminal, command),
    }
}
