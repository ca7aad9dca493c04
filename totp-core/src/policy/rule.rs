//! `[[rule]]`: whom a rule is for, as the policy writes it. Whether it matches a login is said in
//! [`decide`](super::decide).

use super::{Mode, service};
use crate::toml_file::{Entry, FileError};
use ipnet::{IpNet, Ipv4Net};
use std::net::IpAddr;

/// One rule. A key that is not given matches everything; every key that is given must match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The line it begins on, counted from 1.
    pub line: usize,
    /// Canonical user names.
    pub users: Option<Vec<String>>,
    /// Names of groups, of which the user must be in one.
    pub groups: Option<Vec<String>>,
    /// PAM services.
    pub services: Option<Vec<String>>,
    /// Where the login comes from. An address of this machine itself is an address like any other here.
    pub networks: Option<Vec<RuleNetwork>>,
    /// What counts for those it matches.
    pub mode: Mode,
}

/// One word of a rule's `networks`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RuleNetwork {
    /// With `!` before it: whoever comes from there is not meant.
    pub negated: bool,
    /// The network; `None` for `local`, a login without a remote address.
    pub network: Option<IpNet>,
}

impl RuleNetwork {
    fn parse(word: &str) -> Option<Self> {
        let (negated, bare) = match word.strip_prefix('!') {
            Some(bare) => (true, bare),
            None => (false, word),
        };
        let network = match bare {
            "local" => None,
            _ => Some(canonical(bare.parse().or_else(|_| bare.parse::<IpAddr>().map(IpNet::from)).ok()?)),
        };
        Some(Self { negated, network })
    }
}

/// IPv4-mapped addresses are IPv4, as those of logins are.
fn canonical(network: IpNet) -> IpNet {
    let IpNet::V6(wide) = network else { return network };
    let narrow = wide.addr().to_ipv4_mapped().zip(wide.prefix_len().checked_sub(96));
    narrow.and_then(|(address, length)| Ipv4Net::new(address, length).ok()).map_or(network, IpNet::V4)
}

/// Reads every rule of the policy.
pub(super) fn read(array: &Entry<'_>) -> Result<Vec<Rule>, FileError> {
    array.tables()?.into_iter().map(|(line, keys)| one(array, line, &keys)).collect()
}

fn one(array: &Entry<'_>, line: usize, keys: &[Entry<'_>]) -> Result<Rule, FileError> {
    const KEYS: [&str; 5] = ["users", "groups", "services", "networks", "mode"];
    let (mut users, mut groups, mut services, mut networks, mut mode) = (None, None, None, None, None);
    for entry in keys {
        match entry.key() {
            "users" => users = Some(some_people(entry)?),
            "groups" => groups = Some(some_people(entry)?),
            "services" => services = Some(some_services(entry)?),
            "networks" => networks = Some(some_networks(entry)?),
            "mode" => mode = Some(entry.choice(&Mode::NAMES)?),
            _ => return Err(entry.unknown(&KEYS)),
        }
    }
    let missing = || FileError {
        line,
        ..array.error("a rule without mode; allowed: \"required\", \"optional\", \"disabled\"")
    };
    Ok(Rule { line, users, groups, services, networks, mode: mode.ok_or_else(missing)? })
}

/// A list of names.
pub(super) fn names(entry: &Entry<'_>) -> Result<Vec<String>, FileError> {
    let names = entry.strings()?;
    if names.iter().any(String::is_empty) {
        return Err(entry.error("holds an empty name"));
    }
    if let Some(negated) = names.iter().find(|name| name.starts_with('!')) {
        return Err(entry.error(format!("{negated:?} is no name; only networks can be negated")));
    }
    Ok(names)
}

/// Names of users or groups, which may hold blanks, as with winbind, but never at an end.
fn some_people(entry: &Entry<'_>) -> Result<Vec<String>, FileError> {
    let names = some(entry, names(entry)?)?;
    if let Some(odd) = names.iter().find(|name| name.trim() != name.as_str()) {
        return Err(entry.error(format!("{odd:?} begins or ends with a blank; write {:?}", odd.trim())));
    }
    Ok(names)
}

fn some_services(entry: &Entry<'_>) -> Result<Vec<String>, FileError> {
    some(entry, service::read_named(entry, "without this key the rule is for every service")?)
}

/// A key that matches nothing would make a rule that never does, whatever else it says.
fn some(entry: &Entry<'_>, names: Vec<String>) -> Result<Vec<String>, FileError> {
    if names.is_empty() { Err(names_nothing(entry)) } else { Ok(names) }
}

fn names_nothing(entry: &Entry<'_>) -> FileError {
    entry.error("names nothing, so that the rule never matches; without the key it matches all")
}

fn some_networks(entry: &Entry<'_>) -> Result<Vec<RuleNetwork>, FileError> {
    let words = entry.strings()?;
    if words.is_empty() {
        return Err(names_nothing(entry));
    }
    let network = |word: &String| {
        let allowed =
            "a network such as \"10.0.0.0/8\", an address, \"local\", each with ! before it to negate";
        let wrong = || entry.error(format!("{word:?} is no network; allowed: {allowed}"));
        RuleNetwork::parse(word).ok_or_else(wrong)
    };
    words.iter().map(network).collect()
}
