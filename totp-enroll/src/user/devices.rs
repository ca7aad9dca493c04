//! `devices`: what gives codes, and the removal of one.

use crate::exit::Stop;
use crate::report;
use crate::session::Session;
use crate::terminal::Terminal;
use totp_core::credential::DeviceName;
use totp_core::operation::Request;
use zeroize::Zeroizing;

pub fn list(session: &Session, terminal: &Terminal, json: bool) -> Result<(), Stop> {
    let status = session.configured()?;
    if json {
        let value = serde_json::json!({ "user": status.user, "devices": status.devices });
        return terminal.json(&value);
    }
    let lines: Vec<_> =
        status.devices.iter().map(|device| terminal.fitted(&report::device(device)) + "\n").collect();
    terminal.write(&lines.concat())
}

pub fn remove(session: &Session, terminal: &Terminal, name: DeviceName, yes: bool) -> Result<(), Stop> {
    let status = session.configured()?;
    let there = status.devices.iter().any(|device| device.name == name);
    let bound = !there || status.devices.len() < 2 || !session.may(session.policy.enrollment.unset);
    let request = |code| Request::RemoveDevice { device: name.clone(), code };
    session.refuse_early(bound, request(Zeroizing::default()))?;

    terminal.say(&format!(
        "Codes of the device \"{name}\" stop working. Give a code of a device that is set up, or a recovery code."
    ))?;
    let code = terminal.ask_code()?;
    if !yes {
        terminal.ask_to_go_on(&format!("Remove the device \"{name}\"?"))?;
    }
    session.done(request(code))?;
    terminal.say(&format!("The device \"{name}\" is removed."))
}
