//! What people do for themselves: one file a command.

mod devices;
mod enroll;
mod guided;
mod hosts;
mod proof;
mod recovery;
mod renew;
mod show;
pub mod status;
mod unset;
mod verify;

use crate::arguments::Command;
use crate::exit::Stop;
use crate::session::Session;
use crate::sshd;
use crate::terminal::Terminal;
use zeroize::Zeroizing;

/// Runs a command of a user.
pub fn run(session: Session, terminal: &Terminal, command: Option<Command>) -> Result<(), Stop> {
    // Those who are about to rely on codes, or wonder whether they can; scripts read JSON alone.
    let for_a_person = match &command {
        None | Some(Command::Enroll { .. }) => true,
        Some(Command::Status(json)) => !json.json,
        _ => false,
    };
    if let Some(warning) = sshd::note::said().filter(|_| for_a_person) {
        terminal.remark(&format!("warning: {warning}"));
    }
    match command {
        None => guided::run(session, terminal),
        Some(Command::Status(json)) => status::run(&session, terminal, json.json),
        Some(Command::Enroll { device, invitation, copy }) => {
            let invitation = invitation.map(Zeroizing::new);
            enroll::run(session, terminal, device.name, invitation, copy.copy)
        }
        Some(Command::Devices { remove: Some(name), yes, .. }) => {
            devices::remove(&session, terminal, name, yes.yes)
        }
        Some(Command::Devices { remove: None, json, .. }) => devices::list(&session, terminal, json.json),
        Some(Command::Show { device, uri, secret, copy, png }) => {
            let wanted = show::Wanted { uri, secret, copy: copy.copy, png };
            show::run(&session, terminal, device.name, &wanted)
        }
        Some(Command::Renew { device, copy }) => renew::run(session, terminal, device.name, copy.copy),
        Some(Command::Unset(yes)) => unset::run(&session, terminal, yes.yes),
        Some(Command::Verify { code, json }) => verify::run(&session, terminal, code, json.json),
        Some(Command::Recovery { renew: true, .. }) => recovery::renew(&session, terminal),
        Some(Command::Recovery { renew: false, json }) => recovery::left(&session, terminal, json.json),
        Some(Command::Hosts { forget: true, .. }) => hosts::forget(&session, terminal),
        Some(Command::Hosts { forget: false, json }) => hosts::list(&session, terminal, json.json),
        Some(Command::Admin(_)) => Err(Stop::RootOnly("`totp-enroll admin`")),
    }
}
