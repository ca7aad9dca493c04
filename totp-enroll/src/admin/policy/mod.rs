//! `admin policy`: shows, checks and changes the policy file.
//!
//! One file a command; [`settings`] is the table of keys and values, [`layout`] changes the text of the
//! file, [`install`] puts it in place, [`confirm`] asks before what nobody may mean, and [`changes`] tells and logs what
//! is different then.

mod arguments;
mod changes;
mod check;
mod confirm;
mod edit;
mod get;
mod install;
mod layout;
mod set;
mod settings;
mod show;
mod way_to_root;

pub use arguments::PolicyCommand;

use crate::exit::Stop;
use crate::session::insist_on_root;
use crate::terminal::Terminal;
use std::path::Path;
use totp_core::POLICY_FILE;

/// Runs a command about the policy at `path`, or that of the system.
pub fn run(path: Option<&Path>, terminal: &Terminal, command: PolicyCommand) -> Result<(), Stop> {
    insist_on_root()?;
    let path = path.unwrap_or(Path::new(POLICY_FILE));
    match command {
        PolicyCommand::Show(json) => show::run(path, terminal, json.json),
        PolicyCommand::Get { key } => get::run(path, terminal, &key),
        PolicyCommand::Set { assignments, yes } => set::run(path, terminal, &assignments, yes.yes),
        PolicyCommand::Check(wanted) => check::run(path, terminal, &wanted),
        PolicyCommand::Edit(yes) => edit::run(path, terminal, yes.yes),
    }
}
