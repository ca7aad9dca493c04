//! `enroll`: a first device, or with `--device` a further one.

use super::proof;
use crate::exit::Stop;
use crate::session::Session;
use crate::terminal::Terminal;
use crate::underway::Underway;
use crate::warnings;
use totp_core::credential::DeviceName;
use totp_core::operation::{Purpose, Request};
use zeroize::Zeroizing;

pub fn run(
    session: Session,
    terminal: &Terminal,
    device: Option<DeviceName>,
    invitation: Option<Zeroizing<String>>,
    copy: bool,
) -> Result<(), Stop> {
    terminal.insist("run it in a terminal")?;
    let status = session.status()?;
    // Who is set up and names no device is told by the library what can be done instead.
    let further = status.configured && device.is_some();
    let purpose = if further { Purpose::Further } else { Purpose::First };
    if let Some(name) = device.as_ref().filter(|_| further) {
        let taken = status.devices.iter().any(|device| device.name == *name);
        let full = status.devices.len() >= totp_core::credential::MOST_DEVICES;
        let bound = taken || full || !session.may(session.policy.enrollment.enroll);
        session.refuse_early(bound, Request::Begin { purpose, device: Some(name.clone()), code: None })?;
    }
    let underway = Underway::watch(session, "nothing was set up")?;
    let code = match (further, &device) {
        (true, Some(name)) => {
            terminal.say(&format!(
                "To add the device \"{name}\", give a code of a device that is set up, or a recovery code."
            ))?;
            Some(terminal.ask_code()?)
        }
        _ if status.configured => None,
        _ => match invitation {
            None if underway.session().needs_invitation() => {
                terminal
                    .say("A first set-up takes an invitation on this host; an administrator hands it out.")?;
                Some(terminal.ask("Invitation: ")?)
            }
            given => given,
        },
    };
    let begun = underway.begin(purpose, device, code)?;
    terminal.say(&format!(
        "Setting up two-factor login for {}, device \"{}\".\n",
        underway.session().user(),
        begun.device
    ))?;
    for warning in warnings::before_scan(&underway.session().policy, status.mode, further) {
        terminal.say(&warning)?;
    }
    let confirmed = proof::prove(&underway, terminal, begun, copy)?;
    let done = if further {
        format!("The device \"{}\" is set up; its codes work from the next one on.", confirmed.device)
    } else {
        format!(
            "Two-factor login is set up for {}. The next code of \"{}\" logs you in; this one is spent.",
            underway.session().user(),
            confirmed.device
        )
    };
    let codes = proof::recovery_codes(terminal, &confirmed.recovery_codes);
    terminal.write(&Zeroizing::new(format!("\n{}\n{}", terminal.fitted(&done), *codes)))
}
