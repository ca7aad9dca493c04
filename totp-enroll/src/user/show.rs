//! `show`: a secret again, after a code, where the policy allows it.

use crate::clipboard;
use crate::exit::Stop;
use crate::picture;
use crate::qr::Code;
use crate::secret;
use crate::session::Session;
use crate::terminal::Terminal;
use std::path::PathBuf;
use totp_core::credential::DeviceName;
use totp_core::operation::Request;
use zeroize::Zeroizing;

/// In which forms a secret is wanted; with none of them it is shown on the terminal in all.
pub struct Wanted {
    /// The URI in a line.
    pub uri: bool,
    /// The secret in a line.
    pub secret: bool,
    /// In the terminal's clipboard.
    pub copy: bool,
    /// As a picture in this file.
    pub png: Option<PathBuf>,
}

pub fn run(
    session: &Session,
    terminal: &Terminal,
    device: Option<DeviceName>,
    wanted: &Wanted,
) -> Result<(), Stop> {
    let status = session.configured()?;
    let piecemeal = wanted.uri || wanted.secret || wanted.png.is_some();
    if !piecemeal || wanted.copy {
        terminal.insist("run it in a terminal, or ask for --uri, --secret or --png FILE")?;
    }
    if let Some(path) = &wanted.png {
        picture::insist_on_a_new_name(path)?;
    }
    let nameable = match &device {
        Some(name) => status.devices.iter().any(|device| device.name == *name),
        None => status.devices.len() == 1,
    };
    let bound = !nameable || !session.may(session.policy.enrollment.show);
    let nothing = Zeroizing::default();
    session.refuse_early(bound, Request::Show { device: device.clone(), code: nothing })?;

    let code = terminal.ask_code()?;
    let shown = session.shown(Request::Show { device, code })?;
    if !piecemeal {
        terminal.say(&format!("Device: {}", shown.device))?;
        let plain = session.policy.enrollment.qr;
        return secret::show_again(terminal, plain, &shown.uri, &shown.secret, true, wanted.copy);
    }
    if wanted.uri {
        terminal.write(&Zeroizing::new(format!("{}\n", *shown.uri)))?;
    }
    if wanted.secret {
        terminal.write(&Zeroizing::new(format!("{}\n", *shown.secret)))?;
    }
    if let Some(path) = &wanted.png {
        picture::write(&Code::of(&shown.uri).ok_or(Stop::NoQrCode)?, path)?;
        terminal.remark(&format!(
            "The QR code is in {}. Whoever sees it has your codes: delete it after scanning.",
            crate::text::printable(&path.to_string_lossy())
        ));
    }
    if wanted.copy { clipboard::copy(terminal, &shown.secret) } else { Ok(()) }
}
