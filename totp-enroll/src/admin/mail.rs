//! The mail that carries an invitation, by the system's sendmail command.

use crate::session::Session;
use lettre::message::header::ContentType;
use lettre::{Message, SendmailTransport, Transport as _};
use std::path::Path;
use totp_core::event::{Event, EventLog as _, Level};
use totp_core::operation::admin::Invited;

/// Where systems keep the command; it is not looked for in the caller's PATH.
const SENDMAIL: [&str; 2] = ["/usr/sbin/sendmail", "/usr/lib/sendmail"];

/// Hands the invitation to the mail system. The error says what that said.
pub fn send(session: &Session, invited: &Invited, address: &str) -> Result<(), String> {
    let sent = try_to_send(session, invited, address);
    if let Err(why) = &sent {
        let event = Event::new("mail")
            .with("result", &"failed")
            .with("reason", why)
            .with("user", &session.account.name)
            .with("to", &address);
        session.log().event(Level::Error, &event);
    }
    sent
}

fn try_to_send(session: &Session, invited: &Invited, address: &str) -> Result<(), String> {
    let command = command()
        .ok_or("there is no sendmail command; install a mail system, or hand the invitation over")?;
    let host = host_name();
    let (user, until) = (&session.account.name, invited.expires.to_rfc3339());
    // Short lines: a longer one would have the whole text encoded.
    let body = format!(
        "Two-factor login is to be set up for {user} on {host}.\n\n\
         This invitation lets you do it, once, until {until}:\n\n    {}\n\n\
         Log in, and type it when you are asked for a code. Where you are\n\
         logged in already, type this with the invitation in place of CODE:\n\n    \
         totp-enroll enroll --invitation CODE\n\n\
         You need an app for time-based codes (TOTP): an authenticator app on\n\
         a phone, or a password manager that keeps one-time codes.\n\n\
         If you know nothing of this, tell your administrator.\n",
        *invited.code
    );
    let unfit = |error: String| format!("the message cannot be written: {error}");
    let message = Message::builder()
        .from(format!("root@{host}").parse().map_err(|_| unfit(format!("root@{host} is no address")))?)
        .to(address.parse().map_err(|_| unfit(format!("{address} is no address")))?)
        .subject(format!("Invitation to set up two-factor login on {host}"))
        .header(ContentType::TEXT_PLAIN)
        .body(body)
        .map_err(|error| unfit(error.to_string()))?;
    let sendmail = SendmailTransport::new_with_command(command);
    sendmail.send(&message).map_err(|error| format!("{command} refused it: {}", error.to_string().trim_end()))
}

/// The mail system's command, where there is one.
pub fn command() -> Option<&'static str> {
    SENDMAIL.into_iter().find(|path| Path::new(path).exists())
}

fn host_name() -> String {
    let name = nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok());
    name.filter(|name| !name.is_empty()).unwrap_or_else(|| "localhost".to_owned())
}
