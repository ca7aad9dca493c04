//! `hosts`: addresses that are not asked for a code again for a while.

use crate::exit::Stop;
use crate::report;
use crate::session::Session;
use crate::terminal::Terminal;
use serde_json::json;
use totp_core::operation::Request;

pub fn list(session: &Session, terminal: &Terminal, json: bool) -> Result<(), Stop> {
    let status = session.configured()?;
    if json {
        let value = json!({ "user": status.user, "remembered_hosts": status.remembered_hosts });
        return terminal.json(&value);
    }
    if status.remembered_hosts.is_empty() {
        return terminal.say("No host is remembered: every login asks for a code.");
    }
    let lines: Vec<_> = status.remembered_hosts.iter().map(|host| report::host(host) + "\n").collect();
    terminal.write(&lines.concat())
}

pub fn forget(session: &Session, terminal: &Terminal) -> Result<(), Stop> {
    session.configured()?;
    session.done(Request::ForgetHosts)?;
    terminal.say("All remembered hosts are forgotten: every login asks for a code.")
}
