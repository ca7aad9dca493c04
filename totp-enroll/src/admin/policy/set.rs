//! `admin policy set`: several settings at once, all or none.

use super::changes::{self, Change};
use super::check;
use super::confirm::{Replacement, confirm};
use super::install::{Held, NotInstalled};
use super::layout;
use super::settings::{self, Setting};
use crate::exit::Stop;
use crate::terminal::Terminal;
use crate::text::printable;
use std::path::Path;
use toml::Value;
use totp_core::clock::Timestamp;
use totp_core::credential::Credential;
use totp_core::otp::Kind;
use totp_core::policy::{Policy, Totp};
use totp_core::store::Store;

/// `KEY=VALUE` as typed.
struct Assignment {
    setting: &'static Setting,
    typed: String,
    /// `None` returns it to its default.
    value: Option<Value>,
}

pub fn run(path: &Path, terminal: &Terminal, typed: &[String], yes: bool) -> Result<(), Stop> {
    let assignments = read(typed)?;
    let held = Held::take(path)?;
    let before = Policy::parse(&path.to_string_lossy(), held.text())
        .map_err(totp_core::policy::PolicyError::Invalid)?;
    let after = judged(&before, &assignments, Timestamp::now())?;
    let text = rewritten(held.text(), &before, &after, &assignments).ok_or_else(|| no_place(path))?;
    if text == held.text() {
        return terminal.say("Nothing to change: the policy says so already.");
    }
    confirm(terminal, yes, &Replacement { file: path, before: Some(&before), after: &after })?;
    held.install(&text).map_err(|error| match error {
        NotInstalled::Failed(stop) => stop,
        NotInstalled::Changed => Stop::Refused(format!(
            "{} was changed by somebody else meanwhile; their change stands, yours was not made; try again",
            path.display()
        )),
    })?;
    let changes = changes::between(&before, &after);
    changes::log(&changes);
    changes::tell(terminal, &changes)?;
    let restated = |one: &&Assignment| !changes.iter().any(|change| change.key == one.setting.key);
    for one in assignments.iter().filter(restated).filter(|one| one.value.is_none()) {
        let value = printable(&one.setting.bare(&after));
        terminal.write(&format!("{}: {value} as before, now by default\n", one.setting.key))?;
    }
    tell_of_devices(terminal, &after, &changes)?;
    check::tell(terminal, &check::findings(&after, &text));
    Ok(())
}

fn read(typed: &[String]) -> Result<Vec<Assignment>, Stop> {
    let mut assignments: Vec<Assignment> = Vec::new();
    for word in typed {
        let (name, value) = word.split_once('=').ok_or_else(|| {
            Stop::Usage(format!("{word:?} changes nothing; write KEY=VALUE, such as totp.digits=8"))
        })?;
        let setting = settings::find(name)?;
        if assignments.iter().any(|earlier| earlier.setting.key == setting.key) {
            return Err(Stop::Usage(format!("{} is given twice; nothing was changed", setting.key)));
        }
        let read = (!value.is_empty()).then(|| setting.read(name, value));
        assignments.push(Assignment { setting, typed: value.to_owned(), value: read });
    }
    Ok(assignments)
}

/// The policy that is meant, whatever becomes of the file's text.
fn judged(before: &Policy, assignments: &[Assignment], now: Timestamp) -> Result<Policy, Stop> {
    let assigned = |key: &str| assignments.iter().find(|one| one.setting.key == key);
    let whole = settings::stated(before, |setting| Some(assigned(setting.key)?.value.clone()));
    let after = Policy::parse("", &whole).map_err(|error| {
        let problem = match assigned(&error.key) {
            Some(one) => format!("{} cannot be {:?}: {}", error.key, one.typed, error.problem),
            // Settings that do not fit each other.
            None => format!("{}: {}", error.key, error.problem),
        };
        Stop::Usage(format!("{problem}; nothing was changed"))
    })?;
    let ends = after.enrollment.grace_until.filter(|day| day.is_over(now));
    if let (Some(day), Some(_)) = (ends, assigned("enrollment.grace_until")) {
        return Err(Stop::Usage(format!(
            "enrollment.grace_until cannot be {day}: that day is over; nothing was changed; enrollment.grace_until= ends the grace"
        )));
    }
    Ok(Policy { rules: before.rules.clone(), ..after })
}

/// The text that says `after`; `None` where the layout of the file leaves no place for it.
fn rewritten(text: &str, before: &Policy, after: &Policy, assignments: &[Assignment]) -> Option<String> {
    let mut new = text.to_owned();
    for Assignment { setting, value, .. } in assignments {
        // A setting that has this value already, stated or by default, is left as it is.
        if value.is_none() || setting.bare(before) != setting.bare(after) {
            new = layout::changed(&new, setting.key, value.as_ref())?;
        }
    }
    let read = Policy::parse("", &new).ok()?;
    // Where it says so is no part of what it says.
    let without_lines = |policy: Policy| Policy { rules: Vec::new(), superseded: Vec::new(), ..policy };
    let same =
        changes::rules(&read) == changes::rules(after) && without_lines(read) == without_lines(after.clone());
    same.then_some(new)
}

fn no_place(path: &Path) -> Stop {
    Stop::Refused(format!(
        "the layout of {} leaves no place for this; nothing was changed; `totp-enroll admin policy edit` changes it by hand",
        path.display()
    ))
}

/// Codes of devices that are set up already keep their form.
fn tell_of_devices(terminal: &Terminal, policy: &Policy, changes: &[Change]) -> Result<(), Stop> {
    let form = ["totp.digits", "totp.interval", "totp.algorithm"];
    if !changes.iter().any(|change| form.contains(&change.key)) {
        return Ok(());
    }
    let counted = match count(policy) {
        Ok(counted) => counted,
        Err(error) => {
            return terminal.say(&format!(
                "Devices that are set up already keep their values until renewed; how many is not known: {}",
                printable(&error.to_string())
            ));
        }
    };
    let (devices, users) = (counted.devices, counted.users);
    terminal.say(&match devices {
        0 => "No existing device has other values.".to_owned(),
        1 => "1 existing device keeps its old values until renewed.".to_owned(),
        _ => format!("{devices} existing devices of {users} users keep their old values until renewed."),
    })?;
    match counted.unreadable {
        0 => Ok(()),
        1 => terminal.say("1 credential could not be read and is not counted."),
        unreadable => {
            terminal.say(&format!("{unreadable} credentials could not be read and are not counted."))
        }
    }
}

#[derive(Default, Debug, PartialEq, Eq)]
struct Counted {
    devices: usize,
    users: usize,
    unreadable: usize,
}

fn count(policy: &Policy) -> Result<Counted, totp_core::store::StoreError> {
    let store = Store::open(&policy.store)?;
    let mut counted = Counted::default();
    for user in store.users()? {
        match store.credential(&user) {
            Ok(Some(credential)) => {
                let devices = other_devices(&credential, &policy.totp);
                counted.devices = counted.devices.saturating_add(devices);
                counted.users = counted.users.saturating_add(usize::from(devices > 0));
            }
            // Revoked since the list was made.
            Ok(None) => {}
            Err(_) => counted.unreadable = counted.unreadable.saturating_add(1),
        }
    }
    Ok(counted)
}

/// How many devices give codes of another form than new ones do. Counters have one of their own.
fn other_devices(credential: &Credential, totp: &Totp) -> usize {
    let differs = |device: &&totp_core::credential::Device| match device.parameters.kind {
        Kind::Totp { interval } => {
            let parameters = &device.parameters;
            (interval, parameters.digits, parameters.algorithm)
                != (totp.interval, totp.digits, totp.algorithm)
        }
        Kind::Hotp => false,
    };
    credential.devices.iter().filter(differs).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_790_000_000);

    fn set(text: &str, typed: &[&str]) -> Result<String, String> {
        let typed: Vec<_> = typed.iter().map(|&word| word.to_owned()).collect();
        let told = |stop: Stop| format!("{}: {stop}", stop.status() as u8);
        let assignments = read(&typed).map_err(told)?;
        let before = Policy::parse("policy.toml", text).unwrap();
        let after = judged(&before, &assignments, NOW).map_err(told)?;
        Ok(rewritten(text, &before, &after, &assignments).expect("there is a place"))
    }

    #[test]
    fn several_settings_are_judged_together() {
        let text = "[throttle]\nbase_delay = \"10s\"\nmax_delay = \"20s\"\n";
        let both = ["throttle.max_delay=5s", "throttle.base_delay=5s"];
        assert_eq!(set(text, &both).unwrap(), "[throttle]\nbase_delay = \"5s\"\nmax_delay = \"5s\"\n");
        assert_eq!(
            set(text, &both[..1]).unwrap_err(),
            "2: throttle: max_delay is shorter than base_delay; allowed: 10s or more; nothing was changed"
        );
    }

    #[test]
    fn what_is_said_already_is_left_as_it_is() {
        let text = "mode = 'optional'\n[totp]\ninterval = 0x1e\n";
        assert_eq!(set(text, &["mode=optional", "totp.interval=30", "totp.digits=6"]).unwrap(), text);
        assert_eq!(set(text, &["mode="]).unwrap(), "[totp]\ninterval = 0x1e\n");
    }

    #[test]
    fn a_wrong_value_is_named_with_what_is_allowed() {
        for (typed, told) in [
            ("totp.digits=9", "totp.digits cannot be \"9\": 9 is out of range; allowed: 6 to 8"),
            (
                "totp.digits=six",
                "totp.digits cannot be \"six\": wrong type (string); allowed: a whole number, 6 to 8",
            ),
            ("otp_digits=99999999999999999999", "totp.digits cannot be \"99999999999999999999\": "),
            (
                "mode=sometimes",
                "\"sometimes\" is not known; allowed: \"required\", \"optional\", \"disabled\"",
            ),
            ("enabled=maybe", "mode cannot be \"maybe\""),
            ("strategy=sms", "strategy cannot be \"sms\": "),
            ("services=[]", "services cannot be \"[]\": names no service"),
            ("services=a,,b", "holds an empty name"),
            ("prompt.code=a\u{1b}[2J", "prompt.code cannot be \"a\\u{1b}[2J\": allowed: "),
            ("enrollment.needs_invitation=yes", "allowed: true or false"),
            ("enrollment.grace_until=tomorrow", "allowed: a date such as 2027-01-31"),
            (
                "enrollment.grace_until=2026-09-20",
                "that day is over; nothing was changed; enrollment.grace_until= ends the grace",
            ),
            ("throttle.base_delay=5", "allowed: a span such as"),
            ("store.directory=var", "allowed: a path that starts with /"),
            ("mode", "\"mode\" changes nothing; write KEY=VALUE"),
            ("mood=required", "\"mood\" is no setting; allowed: mode, "),
            ("rule=x", "policy edit"),
        ] {
            let found = set("", &[typed]).expect_err(typed);
            assert!(
                found.starts_with("2: ") && found.contains(told),
                "{typed}\n  gives {found}\n  not   {told}"
            );
        }
        assert!(set("", &["window=2", "totp.window=3"]).unwrap_err().contains("given twice"));
    }

    #[test]
    fn a_grace_that_ended_does_not_keep_other_settings_from_being_changed() {
        let text = "[enrollment]\ngrace_until = 2020-01-31\n";
        assert!(set(text, &["mode=required"]).is_ok());
        assert_eq!(set(text, &["enrollment.grace_until="]).unwrap(), "[enrollment]\n");
        assert!(set(text, &["enrollment.grace_until=2026-09-21"]).is_ok(), "today is not over");
    }

    #[test]
    fn rules_stay_whatever_is_set() {
        let text = "# r\n[[rule]]\nusers = [\"bob\"]\nmode = \"disabled\"\n";
        let expected = format!("mode = \"required\"\n\n{text}\n[totp]\ndigits = 8\n");
        assert_eq!(set(text, &["mode=required", "totp.digits=8"]).unwrap(), expected);
    }
}
