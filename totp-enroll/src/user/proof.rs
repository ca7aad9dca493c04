//! The heart of every set-up: the secret on the screen, and its first code, three tries.

use crate::exit::Stop;
use crate::secret;
use crate::terminal::Terminal;
use crate::underway::Underway;
use totp_core::operation::{Begun, Confirmed, Failure};
use zeroize::Zeroizing;

/// How often a wrong first code is asked for again, in all.
const TRIES: u8 = 3;

/// Shows what was begun and takes codes until one is right.
pub fn prove(underway: &Underway, terminal: &Terminal, begun: Begun, copy: bool) -> Result<Confirmed, Stop> {
    let plain = underway.session().policy.enrollment.qr;
    let Begun { nonce, uri, secret, .. } = begun;
    secret::show_to_scan(terminal, plain, &uri, &secret, copy)?;
    let mut tries = TRIES;
    loop {
        let code = terminal.ask("Code from the app: ")?;
        if code.trim().is_empty() {
            continue;
        }
        match underway.confirm(nonce, code) {
            Err(Stop::Failure(failure @ Failure::NotProven { .. })) => {
                tries = tries.saturating_sub(1);
                if tries == 0 {
                    return Err(Stop::NotProven(underway.nothing()));
                }
                terminal.say(&failure.to_string())?;
            }
            outcome => return outcome,
        }
    }
}

/// Recovery codes, one a line, and what they are for; nothing where the policy gives none.
pub fn recovery_codes(terminal: &Terminal, codes: &[Zeroizing<String>]) -> Zeroizing<String> {
    let mut told = Zeroizing::new(String::with_capacity(2048));
    if codes.is_empty() {
        return told;
    }
    told.push('\n');
    for code in codes {
        told.push_str("  ");
        told.push_str(code);
        told.push('\n');
    }
    told.push('\n');
    told.push_str(&terminal.fitted(crate::warnings::RECOVERY_CODES));
    told.push('\n');
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recovery_codes_stand_one_a_line_above_what_they_are_for() {
        let terminal = Terminal::find();
        let codes = ["AAAA-BBBB-CCCC-DDDD", "EEEE-FFFF-GGGG-HHHH"].map(|code| Zeroizing::new(code.into()));
        let told = recovery_codes(&terminal, &codes);
        assert!(told.starts_with("\n  AAAA-BBBB-CCCC-DDDD\n  EEEE-FFFF-GGGG-HHHH\n\nEach"));
        assert!(recovery_codes(&terminal, &[]).is_empty());
    }
}
