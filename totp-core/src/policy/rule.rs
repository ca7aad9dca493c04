//! `[[rule]]`: checked in full, so that a typing error is named as such, but not yet decided by.

use super::Mode;
use crate::toml_file::{Entry, FileError};

/// Checks one rule.
pub(super) fn check(place: &Entry<'_, '_>, keys: &[Entry<'_, '_>]) -> Result<(), FileError> {
    const KEYS: [&str; 5] = ["users", "groups", "services", "networks", "mode"];
    let mut mode = None;
    for entry in keys {
        match entry.key() {
            "users" | "groups" | "services" => {
                if entry.strings()?.iter().any(String::is_empty) {
                    return Err(entry.error("holds an empty name"));
                }
            }
            "networks" => {
                for network in entry.strings()? {
                    if !is_network(&network) {
                        let allowed = "a network such as \"10.0.0.0/8\", an address, \"local\", each with ! before it to negate";
                        return Err(entry.error(format!("{network:?} is no network; allowed: {allowed}")));
                    }
                }
            }
            "mode" => mode = Some(entry.choice(&Mode::NAMES)?),
            _ => return Err(entry.unknown(&KEYS)),
        }
    }
    match mode {
        Some(_) => Ok(()),
        None => Err(place.error("a rule without mode")),
    }
}

fn is_network(text: &str) -> bool {
    let bare = text.strip_prefix('!').unwrap_or(text);
    bare == "local" || bare.parse::<ipnet::IpNet>().is_ok() || bare.parse::<std::net::IpAddr>().is_ok()
}
