//! `verify`: whether a code is right. It is judged, counted and spent as in a login.

use crate::exit::{Status, Stop};
use crate::session::Session;
use crate::terminal::Terminal;
use crate::warnings;
use serde_json::{Value, json};
use totp_core::login::{Factor, Verdict};
use totp_core::operation::{Intent, Request};
use zeroize::Zeroizing;

pub fn run(session: &Session, terminal: &Terminal, code: Option<String>, json: bool) -> Result<(), Stop> {
    let typed = match code {
        Some(code) => Zeroizing::new(code),
        None => {
            session.configured()?;
            terminal.remark(warnings::VERIFY);
            terminal.ask_code()?
        }
    };
    let verdict = session.judged(Request::Judge { intent: Intent::Verify, typed, second_try: false })?;
    if json {
        terminal.json(&as_json(&verdict))?;
    } else {
        terminal.remark(&in_words(&verdict));
        terminal.write(if is_right(&verdict) { "true\n" } else { "false\n" })?;
    }
    if is_right(&verdict) { Ok(()) } else { Err(Stop::Told(Status::Refused)) }
}

fn is_right(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Accepted(_))
}

fn in_words(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Accepted(Factor::Device(name)) => {
            format!("The code is right, from the device \"{name}\". It is spent now, as by a login.")
        }
        Verdict::Accepted(Factor::RecoveryCode { left }) => format!(
            "The recovery code is right. It is spent now, as by a login; {}.",
            crate::report::codes_left(*left)
        ),
        // The library takes temporary codes for logins alone.
        Verdict::Accepted(Factor::TemporaryCode { .. }) => "The temporary code is right.".to_owned(),
        Verdict::Refused(refusal) if refusal.counted => {
            format!("{} It was counted as in a login.", refusal.advice())
        }
        Verdict::Refused(refusal) => refusal.advice(),
    }
}

fn as_json(verdict: &Verdict) -> Value {
    match verdict {
        Verdict::Accepted(Factor::Device(name)) => {
            json!({ "valid": true, "factor": "device", "device": name })
        }
        Verdict::Accepted(Factor::RecoveryCode { left }) => {
            json!({ "valid": true, "factor": "recovery-code", "recovery_codes_left": left })
        }
        Verdict::Accepted(Factor::TemporaryCode { left }) => {
            json!({ "valid": true, "factor": "temporary-code", "uses_left": left })
        }
        Verdict::Refused(refusal) => {
            json!({ "valid": false, "reason": refusal.reason.as_str(), "wait": refusal.wait })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use totp_core::login::{Reason, Refusal};

    #[test]
    fn json_gives_the_reason_in_the_words_of_the_log() {
        let refusal =
            Refusal { reason: Reason::UsedCode, wait: 5, may_tell: true, counted: true, recorded: true };
        let value = as_json(&Verdict::Refused(refusal));
        assert_eq!(value, json!({ "valid": false, "reason": "used-code", "wait": 5 }));
    }

    #[test]
    fn it_says_that_the_code_is_spent() {
        assert!(in_words(&Verdict::Accepted(Factor::RecoveryCode { left: 4 })).contains("spent"));
        assert!(in_words(&Verdict::Accepted(Factor::RecoveryCode { left: 4 })).contains("4 left"));
    }
}
