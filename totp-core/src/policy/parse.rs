//! From the policy's text to its values: every key, type and range, and what this version cannot do.

use super::{Enrollment, Mode, Policy, QrStyle, Superseded, Totp, duration, refill, rule, service};
use crate::clock::Day;
use crate::otp::Algorithm;
use crate::recovery::MOST_CODES;
use crate::toml_file::{Entry, FileError, Text};
use std::path::PathBuf;

/// Seconds in an hour, a day and thirty days, the bounds of spans.
const HOUR: u64 = 60 * 60;
const DAY: u64 = 24 * HOUR;
const THIRTY_DAYS: u64 = 30 * DAY;
/// Longest prompt and issuer, in bytes.
const LONGEST_TEXT: usize = 100;

pub(super) fn parse(file: &str, text: &str) -> Result<Policy, FileError> {
    const KEYS: [&str; 12] = [
        "mode",
        "services",
        "strategy",
        "totp",
        "enrollment",
        "throttle",
        "remember",
        "recovery",
        "prompt",
        "ssh",
        "store",
        "rule",
    ];
    let text = Text::open(file, text);
    let document = text.parse()?;
    let mut policy = Policy::default();
    // A later version's feature is refused only once the whole file has been read: a typing error
    // further down should not hide behind it.
    let mut unable = None;
    for entry in document.entries() {
        match entry.key() {
            "mode" => policy.mode = entry.choice(&Mode::NAMES)?,
            "services" => {
                policy.services = service::read(&entry)?;
                if policy.services.is_empty() {
                    return Err(entry.error(
                        "names no service; allowed: names such as \"sshd\", or \"*\" for every service",
                    ));
                }
            }
            "strategy" => {
                let sms = entry.choice(&[("totp", false), ("sms", true)])?;
                unable = sms.then(|| entry.error("this version cannot send codes by sms; remove it"));
            }
            "totp" => totp(&entry, &mut policy.totp)?,
            "enrollment" => enrollment(&entry, &mut policy.enrollment)?,
            "throttle" => throttle(&entry, &mut policy)?,
            "remember" => {
                let hosts_for = only_key(&entry, "hosts_for")?;
                for entry in hosts_for {
                    policy.remember_hosts_for = duration::read(&entry, 0..=THIRTY_DAYS)?;
                }
            }
            "recovery" => {
                for entry in only_key(&entry, "codes")? {
                    let most = u8::try_from(MOST_CODES).unwrap_or(u8::MAX);
                    policy.recovery_codes = entry.integer(0..=most)?;
                }
            }
            "prompt" => {
                for entry in only_key(&entry, "code")? {
                    policy.prompt = line(&entry)?;
                }
            }
            "ssh" => {
                for entry in only_key(&entry, "refuse_key_only")? {
                    policy.refuse_key_only = entry.boolean()?;
                }
            }
            "store" => {
                for entry in only_key(&entry, "directory")? {
                    policy.store = directory(&entry)?;
                }
            }
            "rule" => policy.rules = rule::read(&entry)?,
            _ => return Err(entry.unknown(&KEYS)),
        }
    }
    match unable {
        Some(error) => Err(error),
        None => Ok(policy),
    }
}

/// The entries of a table that has this key alone: one or none.
fn only_key<'t>(table: &Entry<'t>, key: &str) -> Result<Vec<Entry<'t>>, FileError> {
    let entries = table.table()?;
    match entries.iter().find(|entry| entry.key() != key) {
        Some(odd) => Err(odd.unknown(&[key])),
        None => Ok(entries),
    }
}

fn totp(table: &Entry<'_>, totp: &mut Totp) -> Result<(), FileError> {
    const KEYS: [&str; 5] = ["digits", "interval", "window", "algorithm", "issuer"];
    for entry in table.table()? {
        match entry.key() {
            "digits" => totp.digits = entry.integer(6..=8)?,
            "interval" => totp.interval = entry.integer(5..=300)?,
            "window" => totp.window = entry.integer(0..=10)?,
            "algorithm" => totp.algorithm = entry.choice(&Algorithm::NAMES)?,
            "issuer" => {
                let issuer = line(&entry)?;
                if issuer.trim().is_empty() || issuer.contains(':') {
                    return Err(entry.error("allowed: 1 to 100 characters on one line, no colon"));
                }
                totp.issuer = issuer;
            }
            _ => return Err(entry.unknown(&KEYS)),
        }
    }
    Ok(())
}

fn enrollment(table: &Entry<'_>, enrollment: &mut Enrollment) -> Result<(), FileError> {
    const KEYS: [&str; 7] = [
        "self_service",
        "at_login",
        "needs_invitation",
        "mail_invitations",
        "qr",
        "grace_logins",
        "grace_until",
    ];
    for entry in table.table()? {
        match entry.key() {
            "self_service" => self_service(&entry, enrollment)?,
            "at_login" => enrollment.at_login = service::read_named(&entry, "name each service")?,
            "needs_invitation" => enrollment.needs_invitation = entry.boolean()?,
            "mail_invitations" => enrollment.mail_invitations = entry.boolean()?,
            "qr" => enrollment.qr = entry.choice(&QrStyle::NAMES)?,
            "grace_logins" => enrollment.grace_logins = entry.integer(0..=1_000_000)?,
            "grace_until" => {
                let wanted = "a date such as 2027-01-31";
                let written = entry.datetime(wanted)?;
                let day = Day::from_toml(written);
                let wrong = || entry.error(format!("{written} is no date; allowed: {wanted}"));
                enrollment.grace_until = Some(day.ok_or_else(wrong)?);
            }
            _ => return Err(entry.unknown(&KEYS)),
        }
    }
    Ok(())
}

fn self_service(entry: &Entry<'_>, enrollment: &mut Enrollment) -> Result<(), FileError> {
    let words = entry.strings()?;
    let allowed = ["enroll", "renew", "unset", "show"];
    if let Some(odd) = words.iter().find(|word| !allowed.contains(&word.as_str())) {
        return Err(entry.error(format!("{odd:?} is not known; allowed: {}", allowed.join(", "))));
    }
    let has = |word: &str| words.iter().any(|given| given == word);
    enrollment.enroll = has("enroll");
    enrollment.renew = has("renew");
    enrollment.unset = has("unset");
    enrollment.show = has("show");
    Ok(())
}

fn throttle(table: &Entry<'_>, policy: &mut Policy) -> Result<(), FileError> {
    const KEYS: [&str; 7] =
        ["free_failures", "base_delay", "max_delay", "budget", "refill", "known_budget", "known_refill"];
    let throttle = &mut policy.throttle;
    let mut budget = None;
    for entry in table.table()? {
        match entry.key() {
            "free_failures" => throttle.free_failures = entry.integer(0..=1_000_000)?,
            "base_delay" => throttle.base_delay = duration::read(&entry, 1..=HOUR)?,
            "max_delay" => throttle.max_delay = duration::read(&entry, 1..=DAY)?,
            "budget" | "ceiling" => {
                throttle.budget.guesses = entry.integer(1..=1_000_000)?;
                if let Some(other) = budget.replace(entry.key()) {
                    let problem = format!("`{other}` says the same; keep `budget` and remove `ceiling`");
                    return Err(entry.error(problem));
                }
                if entry.key() == "ceiling" {
                    let (key, read_as) = ("throttle.ceiling", "throttle.budget");
                    policy.superseded.push(Superseded { line: entry.line(), key, read_as });
                }
            }
            "refill" => throttle.budget.refill = refill::read(&entry)?,
            "known_budget" => throttle.known_budget.guesses = entry.integer(1..=1_000_000)?,
            "known_refill" => throttle.known_budget.refill = refill::read(&entry)?,
            _ => return Err(entry.unknown(&KEYS)),
        }
    }
    if throttle.max_delay < throttle.base_delay {
        let base = duration::write(throttle.base_delay);
        return Err(table.error(format!("max_delay is shorter than base_delay; allowed: {base} or more")));
    }
    Ok(())
}

/// A text that stays on one line and holds no control characters, which a terminal would obey.
fn line(entry: &Entry<'_>) -> Result<String, FileError> {
    let text = entry.string()?;
    if text.len() > LONGEST_TEXT || text.chars().any(char::is_control) {
        return Err(entry.error("allowed: at most 100 bytes on one line, no control characters"));
    }
    Ok(text.to_owned())
}

fn directory(entry: &Entry<'_>) -> Result<PathBuf, FileError> {
    let path = PathBuf::from(entry.string()?);
    if !path.is_absolute() {
        return Err(entry.error("is no absolute path; allowed: a path that starts with /"));
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{Budget, Refill, Throttle};
    use proptest::prelude::*;

    fn error(text: &str) -> String {
        parse("policy.toml", text).expect_err(text).to_string()
    }

    #[test]
    fn an_empty_file_means_all_defaults() {
        assert_eq!(parse("policy.toml", ""), Ok(Policy::default()));
    }

    #[test]
    fn the_policy_as_shipped_states_the_defaults() {
        let shipped = include_str!("../../../config/policy.toml");
        assert_eq!(parse("policy.toml", shipped), Ok(Policy::default()));
        let key = |line: &&str| line.starts_with('#') && (line.contains(" = ") || line.starts_with("#["));
        let stated: Vec<_> = shipped
            .lines()
            .filter(key)
            .map(|line| line.trim_start_matches('#'))
            .filter(|line| !line.starts_with(' '))
            .collect();
        assert_eq!(parse("policy.toml", &stated.join("\n")), Ok(Policy::default()));
        assert!(stated.len() > 20, "every default is stated: {stated:?}");
    }

    #[test]
    fn every_setting_is_read() {
        let text = r#"
            mode = "required"
            services = ["sshd", "login"]
            strategy = "totp"
            [totp]
            digits = 8
            interval = 60
            window = 0
            algorithm = "SHA512"
            issuer = "Example {hostname}"
            [enrollment]
            self_service = ["show"]
            at_login = ["gdm-password"]
            needs_invitation = true
            mail_invitations = true
            qr = "ascii"
            grace_logins = 3
            grace_until = 2027-01-31
            [throttle]
            free_failures = 0
            base_delay = "1m"
            max_delay = "1h"
            budget = 1000000
            refill = "1/hour"
            known_budget = 1
            known_refill = "2/day"
            [remember]
            hosts_for = "12h"
            [recovery]
            codes = 0
            [prompt]
            code = "Code? "
            [ssh]
            refuse_key_only = true
            [store]
            directory = "/srv/totp"
            [[rule]]
            mode = "disabled"
        "#;
        let expected = Policy {
            mode: Mode::Required,
            services: vec!["sshd".into(), "login".into()],
            totp: Totp {
                digits: 8,
                interval: 60,
                window: 0,
                algorithm: Algorithm::Sha512,
                issuer: "Example {hostname}".into(),
            },
            enrollment: Enrollment {
                enroll: false,
                renew: false,
                unset: false,
                show: true,
                at_login: vec!["gdm-password".into()],
                needs_invitation: true,
                mail_invitations: true,
                qr: QrStyle::Ascii,
                grace_logins: 3,
                grace_until: Day::parse("2027-01-31"),
            },
            throttle: Throttle {
                free_failures: 0,
                base_delay: 60,
                max_delay: 3600,
                budget: Budget { guesses: 1_000_000, refill: Refill { per_day: 24 } },
                known_budget: Budget { guesses: 1, refill: Refill { per_day: 2 } },
            },
            remember_hosts_for: 43_200,
            recovery_codes: 0,
            prompt: "Code? ".into(),
            refuse_key_only: true,
            store: "/srv/totp".into(),
            rules: Vec::new(),
            superseded: Vec::new(),
        };
        let read = parse("policy.toml", text).unwrap();
        assert_eq!((read.rules.len(), read.rules[0].mode, read.rules[0].line), (1, Mode::Disabled, 37));
        assert_eq!(Policy { rules: Vec::new(), ..read }, expected);
    }

    #[test]
    fn a_ceiling_is_read_as_the_budget_and_its_line_is_kept_for_a_warning() {
        let policy = parse("policy.toml", "[throttle]\nrefill = \"9/day\"\nceiling = 200").unwrap();
        assert_eq!(policy.throttle.budget, Budget { guesses: 200, refill: Refill { per_day: 9 } });
        let (key, read_as) = ("throttle.ceiling", "throttle.budget");
        assert_eq!(policy.superseded, [Superseded { line: 3, key, read_as }]);
    }

    #[test]
    fn errors_name_file_line_key_and_what_is_allowed() {
        for (text, expected) in [
            ("mood = 1", "policy.toml:1: mood: unknown key; allowed: mode, services, strategy, "),
            (
                "\n[totp]\ndigit = 6",
                "policy.toml:3: totp.digit: unknown key; allowed: digits, interval, window, algorithm, issuer",
            ),
            ("[totp]\ndigits = 9", "policy.toml:2: totp.digits: 9 is out of range; allowed: 6 to 8"),
            (
                "[totp]\ninterval = 0x200",
                "policy.toml:2: totp.interval: 512 is out of range; allowed: 5 to 300",
            ),
            (
                "[totp]\ndigits = \"6\"",
                "policy.toml:2: totp.digits: wrong type (string); allowed: a whole number, 6 to 8",
            ),
            ("[totp]\ninterval = 4", "allowed: 5 to 300"),
            ("[totp]\nwindow = -1", "allowed: 0 to 10"),
            ("[totp]\nwindow = 99999999999999999999", "policy.toml:2: totp.window"),
            ("[totp]\nissuer = \"a:b\"", "no colon"),
            ("[totp]\nissuer = \" \"", "totp.issuer"),
            (
                "mode = \"on\"",
                "policy.toml:1: mode: \"on\" is not known; allowed: \"required\", \"optional\", \"disabled\"",
            ),
            ("mode = true", "wrong type (boolean)"),
            (
                "[throttle]\nbase_delay = 5",
                "policy.toml:2: throttle.base_delay: wrong type; allowed: a span such as \"5s\"",
            ),
            ("[throttle]\nbase_delay = \"2h\"", "1s to 1h"),
            ("[throttle]\nmax_delay = \"1s\"", "max_delay is shorter"),
            ("[throttle]\nbudget = 0", "allowed: 1 to 1000000"),
            ("[throttle]\nknown_budget = 1000001", "allowed: 1 to 1000000"),
            (
                "[throttle]\nrefill = \"0/day\"",
                "policy.toml:2: throttle.refill: \"0/day\" is not possible; allowed: \"10/day\" or \"1/hour\", 1 to 1000000 a day",
            ),
            ("[throttle]\nknown_refill = 6", "throttle.known_refill: wrong type"),
            (
                "[throttle]\nbudget = 5\nceiling = 5",
                "policy.toml:3: throttle.ceiling: `budget` says the same; keep `budget` and remove `ceiling`",
            ),
            ("[prompt]\ncode = \"a\\nb\"", "one line"),
            ("[prompt]\ncode = \"\\u001b[2J\"", "control"),
            ("[store]\ndirectory = \"var\"", "absolute"),
            ("[enrollment]\nself_service = [\"all\"]", "allowed: enroll, renew, unset, show"),
            ("[enrollment]\ngrace_until = 2027-02-31", "policy.toml:2"),
            ("[enrollment]\ngrace_until = 2027-01-31T10:00:00Z", "is no date; allowed: a date such as"),
            ("[enrollment]\ngrace_until = \"2027-01-31\"", "allowed: a date such as 2027-01-31"),
            ("[[rule]]\nusers = \"root\"\nmode = \"required\"", "policy.toml:2: rule.users: wrong type"),
            ("[[rule]]\nnetworks = [\"10.0.0.0/33\"]\nmode = \"required\"", "is no network"),
            ("[[rule]]\nusers = [\"root\"]", "rule without mode"),
            ("[rule]\nmode = \"required\"", "rule: wrong type"),
            ("[[rule]]\nmode = \"optional\"\n\n[[rule]]\nmood = 1", "policy.toml:5: rule.mood: unknown key"),
            ("[[rule]]\nusers = [\"!bob\"]\nmode = \"disabled\"", "only networks can be negated"),
            ("[[rule]]\ngroups = []\nmode = \"disabled\"", "policy.toml:2: rule.groups: names nothing"),
            ("services = []", "policy.toml:1: services: names no service"),
            (
                "services = [\"sshd login\"]",
                "policy.toml:1: services: \"sshd login\" holds a blank, and no service does; write \"sshd\", \"login\" (with `policy set`: sshd,login)",
            ),
            (
                "services = [\"su\", \" sshd\"]",
                "services: \" sshd\" holds a blank, and no service does; write \"sshd\" (",
            ),
            ("services = [\" \"]", "services: \" \" holds nothing but blanks; remove it"),
            ("services = [\"sshd\\tlogin\"]", "\"sshd\\tlogin\" holds a blank"),
            (
                "services = [\"/etc/pam.d/sshd\"]",
                "holds a slash, and no service does; write its name in /etc/pam.d: \"sshd\"",
            ),
            ("services = [\"sshd\\u0007\"]", "\"sshd\\u{7}\" holds a control character"),
            (
                "[enrollment]\nat_login = [\"sshd login\"]",
                "policy.toml:2: enrollment.at_login: \"sshd login\" holds a blank",
            ),
            (
                "[enrollment]\nat_login = [\"*\"]",
                "\"*\" means every service only in services; name each service",
            ),
            (
                "[[rule]]\nservices = [\"sshd,login\", \"a b\"]\nmode = \"required\"",
                "policy.toml:2: rule.services: \"a b\" holds a blank",
            ),
            (
                "[[rule]]\nservices = [\"*\"]\nmode = \"required\"",
                "without this key the rule is for every service",
            ),
            (
                "[[rule]]\nusers = [\"EXAMPLE\\\\domain user\", \"bob \"]\nmode = \"disabled\"",
                "policy.toml:2: rule.users: \"bob \" begins or ends with a blank; write \"bob\"",
            ),
            (
                "[[rule]]\ngroups = [\"\\u00a0admins\"]\nmode = \"disabled\"",
                "begins or ends with a blank; write \"admins\"",
            ),
            (
                "[ssh]\nrefuse_key = true",
                "policy.toml:2: ssh.refuse_key: unknown key; allowed: refuse_key_only",
            ),
            ("totp = 1", "totp: wrong type"),
            ("mode = \"optional\"\nmode = \"disabled\"", "policy.toml:2: duplicate key"),
            ("mode = ", "policy.toml:1"),
        ] {
            let found = error(text);
            assert!(found.contains(expected), "{text:?}\n  gives {found}\n  not   {expected}");
        }
    }

    #[test]
    fn what_this_version_cannot_do_is_refused_not_ignored() {
        assert_eq!(
            error("\nstrategy = \"sms\""),
            "policy.toml:2: strategy: this version cannot send codes by sms; remove it"
        );
        assert!(error("strategy = \"sms\"\nmood = 1").contains("mood"));
    }

    proptest! {
        #[test]
        fn any_text_is_a_policy_or_an_error(text in "(\\PC|\n|\\[|\\]|=|\"){0,200}") {
            let _ = parse("policy.toml", &text);
        }

        #[test]
        fn any_values_under_known_keys_are_judged(value in "[-+0-9a-z\"\\[\\], :.]{0,20}") {
            for key in ["mode", "totp.digits", "throttle.base_delay", "enrollment.self_service", "remember.hosts_for", "rule"] {
                let _ = parse("policy.toml", &format!("{key} = {value}"));
            }
        }
    }
}
