//! `admin adopt`: gives what is kept of a former name, or of a former uid, to its user.

use crate::exit::Stop;
use crate::session::Session;
use crate::terminal::Terminal;
use crate::text::printable;
use totp_core::name::UserName;
use totp_core::nsswitch::{Database, Sources};
use totp_core::operation::admin;

pub fn run(session: &Session, terminal: &Terminal, old: &str, yes: bool) -> Result<(), Stop> {
    let old = UserName::new(old).map_err(|_| Stop::NoSuchUser(old.to_owned()))?;
    let found = session.administer(|context| admin::adoptable(context, &old))?;
    let (former, user) = (printable(old.as_str()), session.user());
    let devices = match found.devices.len() {
        0 => "an override alone".to_owned(),
        _ => format!("set up: {}", printable(&found.devices.join(", "))),
    };
    terminal.say(&format!("Kept of {former}, made for uid {}: {devices}.", found.uid))?;
    terminal.say(&format!("It would be {user}'s, who has uid {}.", session.account.uid))?;
    if !yes {
        terminal.say(&doubt(&old, session, found.uid))?;
        terminal.ask_to_go_on(&format!("Is {user} the person who set that up?"))?;
    }
    session.administer(|context| admin::adopt(context, &old))?;
    terminal.say(&format!("Two-factor login of {former} is {user}'s now; used codes stay used."))
}

/// Why it may be somebody else's.
fn doubt(old: &UserName, session: &Session, made_for: u32) -> String {
    let former = printable(old.as_str());
    if *old == session.account.name {
        return format!(
            "Somebody who was deleted and added again may be another person of the same name: only if the uid of {former} was changed is this the same person."
        );
    }
    let doubt = if made_for == session.account.uid {
        format!(
            "useradd gives the uid of a deleted user to the next new one: only if {former} was renamed, not deleted, is this the same person. The phone of a stranger would be {}'s second factor.",
            session.user()
        )
    } else {
        format!(
            "Neither name nor uid are those of {former}: nothing but your word says that this is the same person."
        )
    };
    let hidden = if Sources::of(Database::Passwd).name_a_directory() {
        format!(
            " /etc/nsswitch.conf names a directory, which may be down: be sure that nobody is named {former} there."
        )
    } else {
        String::new()
    };
    doubt + &hidden
}
