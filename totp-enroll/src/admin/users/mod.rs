//! `admin users`: every user with what is set up, or how far the host has come.

mod people;
mod summary;

pub use people::everybody;

use crate::arguments::{Only, Users};
use crate::asked::{self, Places};
use crate::exit::{Status, Stop, say_to_stderr};
use crate::session::Office;
use crate::stacks::{self, Stacks};
use crate::terminal::Terminal;
use crate::text::printable;
use nix::unistd::Group;
use people::Person;
use serde_json::{Value, json};
use summary::Summary;
use totp_core::account::Groups;
use totp_core::clock::Timestamp;
use totp_core::operation::admin::{Survey, survey};
use totp_core::policy::{Membership as _, Mode};

pub fn run(office: &Office, terminal: &Terminal, wanted: &Users) -> Result<(), Stop> {
    let store = office.store()?;
    let now = Timestamp::now();
    if let Some(group) = &wanted.group {
        insist_on_group(group)?;
    }
    let holdings = store.holdings().map_err(Stop::store)?;
    // Where that fails, the list is right all the same.
    let _ = store.index_uids();
    let (people, orphans) = everybody(&store, holdings)?;
    let mut summary = Summary::beside(orphans.iter().filter(|orphan| orphan.is_of_nobody()).count());
    let stacks = stacks::read();
    // An override counts in every service, whatever the policy says of it.
    let mut overridden = false;
    let mut rows = Vec::new();
    let mut broken = false;
    for person in people {
        // Who cannot log in is of interest only with something in the store.
        let shown = person.logs_in || person.holding != totp_core::store::Holding::default() || wanted.all;
        if !shown || !is_member(&person, wanted.group.as_deref())? {
            continue;
        }
        match survey(&store, &office.policy, &person.account, person.holding, now) {
            Ok(found) if wanted.only.iter().all(|only| fits(*only, &found)) => {
                summary.count(&found);
                overridden |= found.overridden && found.mode != Mode::Disabled;
                if !wanted.summary {
                    rows.push((person, found));
                }
            }
            Ok(_) => {}
            // One broken file hides nobody else.
            Err(failure) => {
                say_to_stderr(&printable(&format!("totp-enroll: {}: {failure}", person.account.name)));
                broken = true;
            }
        }
    }
    let asking = services_that_ask(office, &stacks, overridden);
    match (wanted.summary, wanted.json.json) {
        (true, true) => terminal.json(&summary.as_json(&asking))?,
        (true, false) => {
            terminal.write(&(summary.in_words(terminal) + &terminal.fitted(&where_asked(&asking))))?;
        }
        (false, true) => {
            let rows = rows.iter().map(|row| as_json(row, office, &stacks));
            terminal.json(&Value::Array(rows.collect()))?;
        }
        (false, false) => {
            terminal.write(&(table(&rows) + &terminal.fitted(&where_asked(&asking))))?;
        }
    }
    if !wanted.summary {
        for orphan in &orphans {
            terminal.remark(&format!("In the store: {}.", orphan.in_words()));
        }
    }
    if broken { Err(Stop::Told(Status::Unusable)) } else { Ok(()) }
}

/// A group of a mistyped name would have no members.
fn insist_on_group(group: &str) -> Result<(), Stop> {
    match Group::from_name(group) {
        Ok(Some(_)) => Ok(()),
        Ok(None) => Err(Stop::Refused(format!("there is no group named \"{group}\""))),
        Err(_) => Err(Stop::GroupUnknowable(group.to_owned())),
    }
}

fn is_member(person: &Person, group: Option<&str>) -> Result<bool, Stop> {
    let Some(group) = group else { return Ok(true) };
    Groups::of(&person.account).is_in(group).ok_or_else(|| Stop::GroupUnknowable(group.to_owned()))
}

fn fits(only: Only, found: &Survey) -> bool {
    match only {
        Only::Configured => !found.devices.is_empty(),
        Only::NotConfigured => found.devices.is_empty(),
        Only::Throttled => found.throttled,
        Only::Override => found.overridden,
        Only::Invited => found.invited,
        Only::Required => found.mode == Mode::Required,
        Only::Optional => found.mode == Mode::Optional,
        Only::Disabled => found.mode == Mode::Disabled,
    }
}

/// The state in a word or two.
fn state(found: &Survey) -> &'static str {
    if found.orphan.is_some() {
        return "orphaned";
    }
    match (found.devices.is_empty(), found.throttled, found.invited) {
        (false, true, _) => "throttled",
        (false, false, _) => "configured",
        (true, _, true) => "invited",
        (true, _, false) => "not configured",
    }
}

/// The services that ask anybody, whom an override names among them.
fn services_that_ask<'s>(office: &'s Office, stacks: &'s Stacks, overridden: bool) -> Vec<&'s str> {
    asked::services_by(stacks, &office.policy_file)
        .map(|service| service.name.as_str())
        .filter(|service| overridden || office.policy.may_ask(service))
        .collect()
}

/// What the mode of a user is worth on this host.
fn where_asked(asking: &[&str]) -> String {
    if asking.is_empty() {
        return "Nobody is asked: no service of this host asks for a code under this policy.\n".to_owned();
    }
    format!("Services that ask for a code: {}\n", printable(&asking.join(", ")))
}

fn as_json((person, found): &(Person, Survey), office: &Office, stacks: &Stacks) -> Value {
    let whom = asked::Person {
        account: &person.account,
        overridden: found.overridden.then_some(found.mode),
        configured: !found.devices.is_empty(),
    };
    let places = Places::of(&whom, &office.policy, &office.policy_file, stacks);
    json!({
        "user": person.account.name.as_str(),
        "uid": person.account.uid,
        "configured": !found.devices.is_empty(),
        "orphan": found.orphan.as_ref().map(|orphan| json!({
            "user": orphan.name(&person.account).as_str(),
            "uid": orphan.uid(&person.account),
        })),
        "mode": found.mode,
        "asked_in": places.now_as_json(),
        "asked_in_once_configured": places.once_set_up_as_json(),
        "override": found.overridden,
        "strategy": "totp",
        "devices": found.devices,
        "throttled": found.throttled,
        "invited": found.invited,
        "last_login": found.last_login.map(Timestamp::to_rfc3339),
    })
}

/// As much of a moment as a table has room for.
fn to_the_minute(moment: Timestamp) -> String {
    moment.to_rfc3339().replace('T', " ").chars().take("2027-01-31 00:00".len()).collect()
}

/// One user a line, in columns; what is not known is a hyphen, and a mode by override has an asterisk.
fn table(rows: &[(Person, Survey)]) -> String {
    let heads = ["USER", "STATE", "MODE", "STRATEGY", "DEVICES", "LAST CODE (UTC)"].map(str::to_owned);
    let cells = rows.iter().map(|(person, found)| {
        let devices = if found.devices.is_empty() { "-".to_owned() } else { found.devices.join(", ") };
        let mode = if found.overridden { format!("{}*", found.mode) } else { found.mode.to_string() };
        [
            printable(person.account.name.as_str()),
            state(found).to_owned(),
            mode,
            "totp".to_owned(),
            devices,
            found.last_login.map_or_else(|| "-".to_owned(), to_the_minute),
        ]
    });
    let lines: Vec<[String; 6]> = std::iter::once(heads).chain(cells).collect();
    let mut widths = [0_usize; 6];
    for line in &lines {
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut table = String::new();
    for line in &lines {
        let cells: Vec<String> =
            line.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        table.push_str(cells.join("  ").trim_end());
        table.push('\n');
    }
    if rows.iter().any(|(_, found)| found.overridden) {
        table.push_str("* by an administrator's override\n");
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use totp_core::account::Account;
    use totp_core::name::UserName;
    use totp_core::store::Holding;

    fn row(name: &str, devices: &[&str]) -> (Person, Survey) {
        let account = Account { name: UserName::new(name).unwrap(), uid: 1000, gid: 1000 };
        let found = Survey {
            mode: Mode::Required,
            overridden: name == "bob",
            orphan: None,
            devices: devices.iter().map(|name| (*name).to_owned()).collect(),
            throttled: false,
            invited: false,
            last_login: (!devices.is_empty()).then_some(Timestamp(1_790_000_000)),
        };
        (Person { account, holding: Holding::default(), logs_in: true }, found)
    }

    #[test]
    fn users_stand_in_columns() {
        let told = table(&[row("alice", &["phone", "tablet"]), row("bob", &[])]);
        let lines: Vec<_> = told.lines().collect();
        assert_eq!(lines[0], "USER   STATE           MODE       STRATEGY  DEVICES        LAST CODE (UTC)");
        assert_eq!(lines[1], "alice  configured      required   totp      phone, tablet  2026-09-21 14:13");
        assert_eq!(lines[2], "bob    not configured  required*  totp      -              -");
        assert_eq!(lines[3..], ["* by an administrator's override"]);
        assert!(!table(&[row("alice", &["phone"])]).contains('*'));
    }

    #[test]
    fn filters_say_what_they_name() {
        let (_, set_up) = row("alice", &["phone"]);
        let (_, not_set_up) = row("bob", &[]);
        assert!(fits(Only::Configured, &set_up) && !fits(Only::NotConfigured, &set_up));
        assert!(fits(Only::Override, &not_set_up) && fits(Only::Required, &not_set_up));
        assert!(!fits(Only::Throttled, &set_up) && !fits(Only::Invited, &set_up));
        assert!(!fits(Only::Optional, &set_up) && !fits(Only::Disabled, &set_up));
    }
}
