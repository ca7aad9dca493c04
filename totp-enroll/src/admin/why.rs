//! `admin why`: the last refusals of a user and their reasons, and when codes could not be checked.

use super::unavailable::{self, LastTime};
use crate::exit::{Status as Exit, Stop};
use crate::report;
use crate::session::Session;
use crate::terminal::Terminal;
use crate::text::printable;
use serde_json::{Value, json};
use std::path::Path;
use totp_core::operation::{Status, admin};
use totp_core::policy::Mode;
use totp_core::state::PastRefusal;

pub fn run(policy: Option<&Path>, user: &str, terminal: &Terminal, json: bool) -> Result<(), Stop> {
    let known = Session::of_root(policy, user).and_then(|session| Known::of(&session));
    if let Err(stop) = &known
        && stop.status() != Exit::Unusable
    {
        return known.map(drop);
    }
    // What keeps this from looking at the user may be what kept the user out.
    let last_time = unavailable::last_time(user);
    if json {
        let known = known.as_ref();
        terminal.json(&json!({
            "user": known.map_or(user, |known| &known.user),
            "now": known.map(|known| known.now.as_str()).ok(),
            "refusals": known.map_or_else(|_| Vec::new(), Known::refusals_as_json),
            "unavailable": last_time.as_ref().ok().and_then(Option::as_ref).map(LastTime::as_json),
        }))?;
    } else {
        if let Ok(known) = &known {
            known.tell(terminal)?;
        }
        if let Some(line) = unavailable::line(&last_time) {
            terminal.say(&line)?;
        }
    }
    known.map(drop)
}

/// What the store and the policy say of a user.
struct Known {
    user: String,
    now: String,
    refusals: Vec<PastRefusal>,
}

impl Known {
    fn of(session: &Session) -> Result<Self, Stop> {
        let status = session.status()?;
        let refusals = if status.configured { session.administer(admin::refusals)? } else { Vec::new() };
        Ok(Self { now: now(session, &status), user: status.user, refusals })
    }

    fn tell(&self, terminal: &Terminal) -> Result<(), Stop> {
        terminal.say(&format!("Now: {}", self.now))?;
        if self.refusals.is_empty() {
            terminal.say("No refused code is on record; the log may tell more.")?;
        }
        for refusal in &self.refusals {
            let (at, from) = (refusal.at.to_rfc3339(), report::place(refusal.source));
            terminal.say(&format!("{at}: {from}: {}", report::reason(refusal.reason)))?;
        }
        Ok(())
    }

    fn refusals_as_json(&self) -> Vec<Value> {
        self.refusals.iter().map(as_json).collect()
    }
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
