//! What root does for others: one file a command, straight in the store.

mod enroll;
mod revoke;
mod show;
mod status;
mod unlock;

use crate::arguments::Admin;
use crate::exit::Stop;
use crate::session::Session;
use crate::terminal::Terminal;
use std::path::Path;

/// Runs a command of an administrator.
pub fn run(policy: Option<&Path>, terminal: &Terminal, command: Admin) -> Result<(), Stop> {
    match command {
        Admin::Enroll { user, json } => enroll::run(&Session::of_root(policy, &user)?, terminal, json.json),
        Admin::Show { user, qr, json } => {
            show::run(&Session::of_root(policy, &user)?, terminal, qr, json.json)
        }
        Admin::Status { user, json } => status::run(&Session::of_root(policy, &user)?, terminal, json.json),
        Admin::Revoke { user, yes } => {
            revoke::run(&Session::of_root_about_anybody(policy, &user)?, terminal, yes.yes)
        }
        Admin::Unlock { user } => unlock::run(&Session::of_root(policy, &user)?, terminal),
    }
}
