//! `recovery`: how many recovery codes are left, and new ones.

use super::proof;
use crate::exit::Stop;
use crate::report;
use crate::session::Session;
use crate::terminal::Terminal;
use serde_json::json;
use totp_core::operation::Request;
use zeroize::Zeroizing;

pub fn left(session: &Session, terminal: &Terminal, json: bool) -> Result<(), Stop> {
    let status = session.configured()?;
    if json {
        let value = json!({ "user": status.user, "recovery_codes_left": status.recovery_codes_left });
        return terminal.json(&value);
    }
    terminal.say(&format!("Recovery codes: {}", report::codes_left(status.recovery_codes_left)))
}

pub fn renew(session: &Session, terminal: &Terminal) -> Result<(), Stop> {
    session.configured()?;
    terminal.insist("run it in a terminal")?;
    let bound = session.policy.recovery_codes == 0 || !session.may(session.policy.enrollment.renew);
    session.refuse_early(bound, Request::RenewRecovery { code: Zeroizing::default() })?;

    terminal.say(
        "New recovery codes replace the old ones, which are worth nothing then. Give a code of a device that is set up, or a recovery code.",
    )?;
    let code = terminal.ask_code()?;
    let codes = session.recovery_codes(Request::RenewRecovery { code })?;
    terminal.write(&proof::recovery_codes(terminal, &codes))
}
