//! The last time that codes could not be checked, as the module noted it: of the whole host, or of one user.

use crate::report;
use crate::text::printable;
use serde_json::{Value, json};
use std::io;
use std::path::Path;
use totp_core::account::Account;
use totp_core::incident::{self, Concerned, DIRECTORY, Incident};

/// The last time, and whom it concerned.
pub struct LastTime {
    incident: Incident,
    of_host: bool,
}

/// The last time that concerned this user or the whole host; `None` where there was none since the last boot.
pub fn last_time(user: &str) -> io::Result<Option<LastTime>> {
    let directory = Path::new(DIRECTORY);
    let of_host = incident::last(directory, Concerned::Host)?;
    // A name service that is down may be what it was about.
    let account = Account::by_name(user).ok().flatten();
    let of_user = match &account {
        Some(account) => incident::last(directory, Concerned::User(&account.name))?,
        None => None,
    };
    let told = |incident, of_host| LastTime { incident, of_host };
    Ok(match (of_host, of_user) {
        (Some(host), Some(user)) if user.at > host.at => Some(told(user, false)),
        (Some(host), _) => Some(told(host, true)),
        (None, user) => user.map(|user| told(user, false)),
    })
}

/// That in a line; also why it cannot be known.
pub fn line(last_time: &io::Result<Option<LastTime>>) -> Option<String> {
    const WHAT: &str = "Codes could not be checked, last time";
    match last_time {
        Ok(None) => None,
        Ok(Some(last_time)) => Some(format!("{WHAT}: {}", last_time.in_words())),
        Err(error) => Some(format!("{WHAT}: not known: {DIRECTORY}: {}", printable(&error.to_string()))),
    }
}

impl LastTime {
    fn in_words(&self) -> String {
        let Incident { at, service, source, reason } = &self.incident;
        let whom = if self.of_host { "for all users" } else { "for this user alone" };
        format!(
            "{}: {whom}: {} {}: {}",
            at.to_rfc3339(),
            printable(service),
            report::place(*source),
            printable(reason)
        )
    }

    /// The same for a script.
    pub fn as_json(&self) -> Value {
        let Incident { at, service, source, reason } = &self.incident;
        json!({
            "at": at.to_rfc3339(),
            "concerns": if self.of_host { "host" } else { "user" },
            "service": service,
            "from": source.to_string(),
            "reason": reason,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use totp_core::clock::Timestamp;
    use totp_core::source::Source;

    #[test]
    fn a_hostile_service_cannot_forge_a_line() {
        let incident = Incident::new(Timestamp(1_790_000_000), "x\nNow: \u{1b}[2J", Source::Local, "a\nb");
        let told = line(&Ok(Some(LastTime { incident, of_host: true }))).unwrap_or_default();
        assert_eq!(
            told,
            "Codes could not be checked, last time: 2026-09-21T14:13:20Z: for all users: x\\nNow: \\u{1b}[2J at this machine: a\\nb"
        );
    }
}
