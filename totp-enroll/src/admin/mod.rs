//! What root does for others: one file a command, straight in the store.

mod adopt;
mod code;
mod disable;
mod enroll;
mod explain;
mod invite;
mod mail;
mod mode;
pub mod orphans;
pub mod policy;
mod prune;
mod resync;
mod revoke;
mod show;
mod status;
mod unavailable;
mod unlock;
mod users;
mod why;

use crate::arguments::Admin;
use crate::exit::Stop;
use crate::session::{Office, Session};
use crate::terminal::Terminal;
use std::path::Path;
use totp_core::operation::admin::Contact;

/// Runs a command of an administrator.
pub fn run(policy: Option<&Path>, terminal: &Terminal, command: Admin) -> Result<(), Stop> {
    match command {
        Admin::Enroll { user, secret_stdin, hotp, phone, mail, json } => {
            let session = Session::of_root(policy, &user)?;
            let source = match (secret_stdin, hotp) {
                (true, _) => enroll::Source::StandardInput,
                (false, true) => enroll::Source::Counter,
                (false, false) => enroll::Source::Drawn,
            };
            enroll::run(&session, terminal, source, Contact { phone, mail }, json.json)
        }
        Admin::Resync { user, device } => {
            resync::run(&Session::of_root(policy, &user)?, terminal, device.name)
        }
        Admin::Show { user, qr, json } => {
            show::run(&Session::of_root(policy, &user)?, terminal, qr, json.json)
        }
        Admin::Status { user, json } => status::run(&Session::of_root(policy, &user)?, terminal, json.json),
        Admin::Revoke { user, yes } => {
            revoke::run(&Session::of_root_about_anybody(policy, &user)?, terminal, yes.yes)
        }
        Admin::Users(wanted) => users::run(&Office::open(policy)?, terminal, &wanted),
        Admin::Explain(wanted) => explain::run(Office::open(policy)?, terminal, &wanted),
        Admin::Prune { names, yes } => prune::run(&Office::open(policy)?, terminal, &names, yes.yes),
        Admin::Adopt { old, new, yes } => {
            adopt::run(&Session::of_root(policy, &new)?, terminal, &old, yes.yes)
        }
        Admin::Disable { user, yes } => disable::run(&Session::of_root(policy, &user)?, terminal, yes.yes),
        Admin::Why { user, json } => why::run(policy, &user, terminal, json.json),
        Admin::Mode { user, mode, until } => {
            mode::run(&Session::of_root(policy, &user)?, terminal, &mode, until)
        }
        Admin::Invite(invite) => {
            let session = Session::of_root(policy, &invite.user)?;
            invite::run(&session, terminal, invite)
        }
        Admin::Code { user, lives_for, uses, json } => {
            code::run(&Session::of_root(policy, &user)?, terminal, lives_for, uses, json.json)
        }
        Admin::Policy(command) => policy::run(policy, terminal, command),
        Admin::Unlock { user } => unlock::run(&Session::of_root(policy, &user)?, terminal),
    }
}
