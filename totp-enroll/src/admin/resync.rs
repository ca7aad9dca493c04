//! `admin resync`: brings a device whose counter or clock went astray and this host together again.

use crate::exit::Stop;
use crate::session::Session;
use crate::terminal::Terminal;
use totp_core::credential::DeviceName;
use totp_core::operation::admin::{self, Resynced};

pub fn run(session: &Session, terminal: &Terminal, device: Option<DeviceName>) -> Result<(), Stop> {
    session.configured()?;
    terminal.remark("Two codes of the device that follow each other at once; both are spent by this.");
    let first = terminal.ask("First code: ")?;
    let second = terminal.ask("Next code: ")?;
    let resynced = session.administer(|context| admin::resync(context, device.as_ref(), &first, &second))?;
    terminal.say(&match resynced {
        Resynced::Counter(next) => format!("The counter is found; the next code is number {next}."),
        Resynced::ClockOffset(0) => "The clock of the device is right.".to_owned(),
        Resynced::ClockOffset(offset) => {
            let way = if offset > 0 { "ahead of" } else { "behind" };
            format!(
                "The clock of the device is {} s {way} this host's, which is remembered. Better set it right, and resync once more.",
                offset.unsigned_abs()
            )
        }
    })
}
