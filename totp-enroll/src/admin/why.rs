//! `admin why`: the last refusals of a user and their reasons.

use crate::exit::Stop;
use crate::report;
use crate::session::Session;
use crate::terminal::Terminal;
use crate::text::printable;
use serde_json::{Value, json};
use totp_core::operation::{Status, admin};
use totp_core::policy::Mode;
use totp_core::state::PastRefusal;

pub fn run(session: &Session, terminal: &Terminal, json: bool) -> Result<(), Stop> {
    let status = session.status()?;
    let refusals = if status.configured { session.administer(admin::refusals)? } else { Vec::new() };
    if json {
        let refusals: Vec<Value> = refusals.iter().map(as_json).collect();
        return terminal
            .json(&json!({ "user": status.user, "now": now(session, &status), "refusals": refusals }));
    }
    terminal.say(&format!("Now: {}", now(session, &status)))?;
    if refusals.is_empty() {
        return terminal.say("No refused code is on record; the log may tell more.");
    }
    for refusal in refusals {
        let (at, from) = (refusal.at.to_rfc3339(), report::place(refusal.source));
        terminal.say(&format!("{at}: {from}: {}", report::reason(refusal.reason)))?;
    }
    Ok(())
}

/// What a login meets now, as far as it is the user's own state.
fn now(session: &Session, status: &Status) -> String {
    if status.mode == Mode::Disabled {
        return "nobody asks this user for a code".to_owned();
    }
    if let Some(orphan) = &status.orphan {
        return format!(
            "nobody is let in without a code, and none can be right. {}",
            printable(&orphan.way_out)
        );
    }
    if !status.configured {
        return match (status.mode, &status.grace, &status.invited_until) {
            (Mode::Required, Some(grace), _) => format!("not set up; set-up may be put off {grace}"),
            (Mode::Required, None, Some(until)) => {
                format!("not set up, and a code is needed; invited until {until}")
            }
            (Mode::Required, None, None) => "not set up, and a code is needed".to_owned(),
            _ => "not set up, and no code is needed".to_owned(),
        };
    }
    if !status.exhausted.is_empty() {
        format!(
            "too many wrong codes over time {}: from there only two codes in a row and recovery codes pass; `totp-enroll admin unlock {}` ends that",
            report::parties(&status.exhausted),
            session.word()
        )
    } else if status.throttled_for > 0 {
        format!(
            "a source that failed too often waits for {} s; `totp-enroll admin unlock {}` ends that",
            status.throttled_for,
            session.word()
        )
    } else {
        "a right code passes".to_owned()
    }
}

fn as_json(refusal: &PastRefusal) -> Value {
    json!({
        "at": refusal.at.to_rfc3339(),
        "reason": refusal.reason.as_str(),
        "from": refusal.source.to_string(),
    })
}
