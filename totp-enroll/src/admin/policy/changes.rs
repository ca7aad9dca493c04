//! What is different between two policies, told to the administrator and to the log.

use super::settings::SETTINGS;
use crate::exit::Stop;
use crate::session::SERVICE;
use crate::terminal::Terminal;
use crate::text::printable;
use totp_core::account::Account;
use totp_core::event::{Event, EventLog, Level};
use totp_core::policy::{Policy, Rule};
use totp_core::syslog::Syslog;

/// One setting, or the rules as a whole, before and after.
#[derive(Debug, PartialEq, Eq)]
pub struct Change {
    /// The dotted key, or `rule`.
    pub key: &'static str,
    before: String,
    after: String,
}

/// What `after` says otherwise than `before`.
pub fn between(before: &Policy, after: &Policy) -> Vec<Change> {
    let mut changes: Vec<_> = SETTINGS
        .iter()
        .map(|setting| Change { key: setting.key, before: setting.bare(before), after: setting.bare(after) })
        .filter(|change| change.before != change.after)
        .collect();
    if rules(before) != rules(after) {
        let count = |policy: &Policy| match policy.rules.len() {
            1 => "1 rule".to_owned(),
            count => format!("{count} rules"),
        };
        let same_count = before.rules.len() == after.rules.len();
        let after = format!("{}{}", count(after), if same_count { ", changed" } else { "" });
        changes.push(Change { key: "rule", before: count(before), after });
    }
    changes
}

/// The rules, wherever they stand.
pub fn rules(policy: &Policy) -> Vec<Rule> {
    policy.rules.iter().cloned().map(|rule| Rule { line: 0, ..rule }).collect()
}

/// One change a line.
pub fn tell(terminal: &Terminal, changes: &[Change]) -> Result<(), Stop> {
    let shown = |value: &str| if value.is_empty() { "(none)".to_owned() } else { printable(value) };
    for Change { key, before, after } in changes {
        terminal.write(&format!("{key}: {} -> {}\n", shown(before), shown(after)))?;
    }
    Ok(())
}

/// One event a change. Called once they are in force.
pub fn log(changes: &[Change]) {
    let log = Syslog::open(SERVICE);
    for Change { key, after, .. } in changes {
        log.event(Level::Notice, &event().with("key", key).with("value", after).with("by", &by()));
    }
}

/// The event for a policy that replaced one that did not check: there is nothing to compare it with.
pub fn log_repair() {
    Syslog::open(SERVICE).event(Level::Notice, &event().with("reason", &"repaired").with("by", &by()));
}

fn event() -> Event {
    Event::new("policy").with("result", &"done")
}

/// The real user. What the environment says of another one behind sudo is not to be trusted.
fn by() -> String {
    let uid = nix::unistd::getuid().as_raw();
    match Account::by_uid(uid) {
        Ok(Some(account)) => account.name.to_string(),
        Ok(None) | Err(_) => format!("uid {uid}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changes(before: &str, after: &str) -> Vec<String> {
        let policy = |text| Policy::parse("policy.toml", text).unwrap();
        between(&policy(before), &policy(after))
            .iter()
            .map(|change| format!("{} {} {}", change.key, change.before, change.after))
            .collect()
    }

    #[test]
    fn only_what_counts_is_a_change() {
        let rule = "[[rule]]\nmode = \"disabled\"\n";
        assert!(changes("", "# comment\nmode = \"optional\"\n[totp]\ndigits = 6\n").is_empty());
        assert!(changes(rule, &format!("\n\n{rule}")).is_empty());
        assert_eq!(changes("", "[totp]\ndigits = 8\n"), ["totp.digits 6 8"]);
        assert_eq!(changes(rule, &rule.replace("disabled", "required")), ["rule 1 rule 1 rule, changed"]);
        assert_eq!(
            changes("[enrollment]\ngrace_until = 2099-01-31\n", ""),
            ["enrollment.grace_until 2099-01-31 "]
        );
    }
}
