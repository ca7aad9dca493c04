//! `admin enroll`: sets a user up unattended, or notes where one who is set up can be reached.

use crate::exit::Stop;
use crate::session::Session;
use crate::terminal::Terminal;
use crate::text::grouped;
use crate::warnings;
use serde_json::json;
use totp_core::operation::admin::{self, Contact, Unattended};
use totp_core::secret::Secret;
use zeroize::Zeroizing;

/// Where the secret comes from, and what its codes move along.
pub enum Source {
    /// Drawn here; codes by time.
    Drawn,
    /// Drawn here; codes by counter.
    Counter,
    /// In a token already; codes by time.
    StandardInput,
}

pub fn run(
    session: &Session,
    terminal: &Terminal,
    source: Source,
    contact: Contact,
    json: bool,
) -> Result<(), Stop> {
    if contact != Contact::default() && session.status()?.configured {
        session.administer(|context| admin::contact(context, contact))?;
        let note = format!("Noted where {} can be reached; the set-up stays as it is.", session.user());
        return if json {
            terminal.json(&json!({ "user": session.account.name.as_str(), "contact": "noted" }))
        } else {
            terminal.say(&note)
        };
    }
    if !json {
        terminal.insist("ask for --json, or run it in a terminal")?;
    }
    let unattended = match source {
        Source::Drawn => Unattended::Drawn,
        Source::Counter => Unattended::Counter,
        Source::StandardInput => {
            let typed = terminal.ask("Secret of the token, in Base32: ")?;
            Unattended::Given(Secret::from_base32(&typed).ok_or(Stop::NoSecret)?)
        }
    };
    let (shown, codes) = session.administer(|context| admin::enroll(context, unattended, contact))?;
    let told = if json {
        let codes: Vec<&str> = codes.iter().map(|code| code.as_str()).collect();
        let value = json!({
            "user": session.account.name.as_str(),
            "device": shown.device,
            "uri": *shown.uri,
            "secret": *shown.secret,
            "recovery_codes": codes,
        });
        format!("{value:#}\n")
    } else {
        let mut told = format!(
            "Two-factor login is set up for {}, device \"{}\".\n{}\n{}\n",
            session.user(),
            shown.device,
            *shown.uri,
            *grouped(&shown.secret)
        );
        if !codes.is_empty() {
            told.push_str("\nRecovery codes:\n");
            codes.iter().for_each(|code| told.extend(["  ", code, "\n"]));
            told.push_str(&terminal.fitted(warnings::RECOVERY_CODES));
            told.push('\n');
        }
        told.push_str(&terminal.fitted("\nWhoever has these can log in as the user, given the password: hand them over in person, or by a way as safe."));
        told.push('\n');
        told
    };
    // It stands already; who cannot read it must learn that.
    terminal.write(&Zeroizing::new(told)).map_err(|stop| match stop {
        Stop::Output(error) => Stop::Unprinted(session.user(), session.word(), error),
        stop => stop,
    })
}
