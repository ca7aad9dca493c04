//! `renew`: a new secret for a device, after a code.

use super::proof;
use crate::exit::Stop;
use crate::session::Session;
use crate::terminal::Terminal;
use crate::underway::Underway;
use crate::warnings;
use totp_core::credential::DeviceName;
use totp_core::operation::{Purpose, Request};

pub fn run(
    session: Session,
    terminal: &Terminal,
    device: Option<DeviceName>,
    copy: bool,
) -> Result<(), Stop> {
    let status = session.configured()?;
    terminal.insist("run it in a terminal")?;
    let nameable = match &device {
        Some(name) => status.devices.iter().any(|device| device.name == *name),
        None => status.devices.len() == 1,
    };
    let purpose = Purpose::Renewal;
    let bound = !nameable || !session.may(session.policy.enrollment.renew);
    session.refuse_early(bound, Request::Begin { purpose, device: device.clone(), code: None })?;

    let underway = Underway::watch(session, "nothing was changed, the old secret still works")?;
    terminal.say(warnings::RENEWAL)?;
    terminal.say("First give a code of a device that is set up, or a recovery code.")?;
    let code = terminal.ask_code()?;
    let begun = underway.begin(purpose, device, Some(code))?;
    terminal.say("")?;
    for warning in warnings::before_scan(&underway.session().policy, status.mode, false) {
        terminal.say(&warning)?;
    }
    let confirmed = proof::prove(&underway, terminal, begun, copy)?;
    terminal.say(&format!(
        "\nThe new secret of the device \"{}\" counts from now on. The old entry in the app no longer works: delete it. Recovery codes stay as they are.",
        confirmed.device
    ))
}
