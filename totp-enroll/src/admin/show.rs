//! `admin show`: the secrets of a user, for one who cannot scan them alone.

use crate::exit::Stop;
use crate::secret;
use crate::session::Session;
use crate::terminal::Terminal;
use serde_json::{Value, json};
use totp_core::operation::{Shown, admin};

pub fn run(session: &Session, terminal: &Terminal, qr: bool, json: bool) -> Result<(), Stop> {
    if !json {
        terminal.insist("ask for --json, or run it in a terminal")?;
    }
    let devices = session.administer(admin::show)?;
    if json {
        let devices: Vec<Value> = devices.iter().map(as_json).collect();
        return terminal.json(&json!({ "user": session.account.name.as_str(), "devices": devices }));
    }
    for shown in &devices {
        terminal.say(&format!("Device: {}", shown.device))?;
        let plain = session.policy.enrollment.qr;
        secret::show_again(terminal, plain, &shown.uri, &shown.secret, qr, false)?;
    }
    Ok(())
}

fn as_json(shown: &Shown) -> Value {
    json!({ "device": shown.device, "uri": *shown.uri, "secret": *shown.secret })
}
