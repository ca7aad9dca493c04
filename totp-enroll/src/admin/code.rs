//! `admin code`: a temporary code, as for a phone left at home.

use crate::exit::Stop;
use crate::session::Session;
use crate::terminal::Terminal;
use serde_json::json;
use totp_core::operation::admin;
use zeroize::Zeroizing;

pub fn run(session: &Session, terminal: &Terminal, lives_for: u64, uses: u8, json: bool) -> Result<(), Stop> {
    if !json {
        terminal.insist("ask for --json, or run it in a terminal")?;
    }
    let (code, expires) = session.administer(|context| admin::code(context, lives_for, uses))?;
    let (user, until) = (session.user(), expires.to_rfc3339());
    let unseen = |stop| match stop {
        Stop::Output(error) => Stop::Refused(format!(
            "standard output cannot be written: {error}; nobody has seen the code, and `totp-enroll admin code {}` draws another in its place",
            session.word()
        )),
        stop => stop,
    };
    if json {
        let name = session.account.name.as_str();
        let value = json!({ "user": name, "code": *code, "uses": uses, "expires": until });
        return terminal.json(&value).map_err(unseen);
    }
    let logins = if uses == 1 { "one login".to_owned() } else { format!("{uses} logins") };
    let told = format!(
        "Temporary code for {user}, good for {logins}, until {until}:\n\n  {}\n\n{}\n",
        *code,
        terminal.fitted(&format!(
            "{user} types it in place of a code from the app. It logs in and does nothing else: renewing or removing devices takes a code of a device or a recovery code. Be sure that it is {user} who asks."
        ))
    );
    terminal.write(&Zeroizing::new(told)).map_err(unseen)
}
