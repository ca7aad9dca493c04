//! `admin invite`: a single-use code that lets a user set up, handed over or sent by mail.

use super::mail;
use crate::arguments::Invite;
use crate::exit::Stop;
use crate::session::Session;
use crate::terminal::Terminal;
use crate::text::printable;
use serde_json::json;
use totp_core::operation::admin::{self, Delivery, Invited};
use zeroize::Zeroizing;

pub fn run(session: &Session, terminal: &Terminal, invite: Invite) -> Result<(), Stop> {
    let delivery = match (invite.mail, invite.mail_known, invite.at_login) {
        (Some(address), ..) => Delivery::Mail(address),
        (None, true, _) => Delivery::KnownMail,
        (None, false, true) => Delivery::AtLogin,
        (None, false, false) => Delivery::ByHand,
    };
    if delivery == Delivery::ByHand && !invite.json.json {
        terminal.insist("ask for --json or --mail ADDRESS, or run it in a terminal")?;
    }
    let invited = session.administer(|context| admin::invite(context, invite.expires, delivery))?;
    match &invited.mail {
        Some(address) => send(session, terminal, &invited, address),
        None => hand_over(session, terminal, &invited, invite.json.json).map_err(|stop| match stop {
            Stop::Output(error) => withdrawn(session, &invited, |withdrawal| {
                Stop::Refused(format!(
                    "standard output cannot be written: {error}; the invitation {withdrawal}"
                ))
            }),
            stop => stop,
        }),
    }
}

/// Withdraws an invitation that nobody has, and says in `why` what became of it.
fn withdrawn(session: &Session, invited: &Invited, why: impl FnOnce(&str) -> Stop) -> Stop {
    match session.administer(|context| admin::withdraw_invitation(context, invited)) {
        Ok(()) => why("is withdrawn"),
        Err(stop) => why(&format!("could not be withdrawn: {stop}")),
    }
}

fn hand_over(session: &Session, terminal: &Terminal, invited: &Invited, json: bool) -> Result<(), Stop> {
    let until = invited.expires.to_rfc3339();
    if json {
        let user = session.account.name.as_str();
        return terminal.json(&json!({ "user": user, "invitation": *invited.code, "expires": until }));
    }
    let user = session.user();
    let told = format!(
        "Invitation for {user}, good once, until {until}:\n\n  {}\n\n{}\n",
        *invited.code,
        terminal.fitted(&format!(
            "Hand it over in person, or by a way as safe. {user} types it at the code prompt of a login, or gives it to `totp-enroll enroll --invitation CODE`."
        ))
    );
    terminal.write(&Zeroizing::new(told))
}

/// An invitation that was not sent is withdrawn: nobody has it.
fn send(session: &Session, terminal: &Terminal, invited: &Invited, address: &str) -> Result<(), Stop> {
    match mail::send(session, invited, address) {
        Ok(()) => {
            session.administer(|context| admin::invitation_mailed(context, invited))?;
            terminal.say(&format!(
                "The invitation for {} was handed to the mail system for {}. It is good once, until {}.",
                session.user(),
                printable(address),
                invited.expires.to_rfc3339()
            ))
        }
        Err(why) => Err(withdrawn(session, invited, |withdrawal| {
            Stop::Refused(format!(
                "the invitation for {address} was not sent: {why}; it {withdrawal}; without --mail one is shown here, to be handed over"
            ))
        })),
    }
}
