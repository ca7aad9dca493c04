//! `status`: what is set up.

use crate::exit::Stop;
use crate::report;
use crate::session::Session;
use crate::terminal::Terminal;
use serde_json::Value;
use totp_core::operation::Status;

pub fn run(session: &Session, terminal: &Terminal, json: bool) -> Result<(), Stop> {
    let status = session.status()?;
    if json { as_json(session, &status, terminal) } else { show(session, &status, terminal) }
}

/// In words.
pub fn show(session: &Session, status: &Status, terminal: &Terminal) -> Result<(), Stop> {
    let mut told = format!("Two-factor login: {}\n", terminal.bold(report::state(status)));
    let places = session.places(status).in_words();
    for line in report::details(status, places, &session.way_to_set_up()) {
        told.push_str(&terminal.fitted(&line));
        told.push('\n');
    }
    terminal.write(&told)
}

/// For scripts.
fn as_json(session: &Session, status: &Status, terminal: &Terminal) -> Result<(), Stop> {
    let mut value = serde_json::to_value(status).map_err(|error| Stop::Output(error.into()))?;
    let places = session.places(status);
    if let Some(keys) = value.as_object_mut() {
        // Left out where it is empty, for the helper's callers.
        keys.entry("exhausted").or_insert_with(|| Value::Array(Vec::new()));
        keys.insert("asked_in".to_owned(), places.now_as_json());
        keys.insert("asked_in_once_configured".to_owned(), places.once_set_up_as_json());
    }
    terminal.json(&value)
}
