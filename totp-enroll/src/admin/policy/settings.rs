//! The settings of the policy as a table: what each is called, which form it takes on the command line, and
//! its value in a policy.

use crate::exit::Stop;
use std::fmt::Write as _;
use toml::Value;
use totp_core::policy::{Policy, write_span};

/// How a value is written on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// One of a few words, or a span of time: a string without spaces around it.
    Word,
    /// A string in which every space counts.
    Text,
    Number,
    Boolean,
    /// Comma-separated, or as TOML writes it.
    List,
    Date,
}

/// One setting.
pub struct Setting {
    /// The dotted key.
    pub key: &'static str,
    form: Form,
    /// Its value in a policy; `None` where it has none.
    pub value: fn(&Policy) -> Option<Value>,
}

/// Other names: as a classic appliance has them, and as earlier versions had.
const ALIASES: [(&str, &str); 5] = [
    ("enabled", "mode"),
    ("otp_digits", "totp.digits"),
    ("interval", "totp.interval"),
    ("window", "totp.window"),
    ("throttle.ceiling", "throttle.budget"),
];

const fn setting(key: &'static str, form: Form, value: fn(&Policy) -> Option<Value>) -> Setting {
    Setting { key, form, value }
}

/// Every setting, in the order of the file as shipped.
pub const SETTINGS: [Setting; 27] = [
    setting("mode", Form::Word, |policy| text(policy.mode.as_str())),
    setting("services", Form::List, |policy| list(&policy.services)),
    // A policy that asks for another one does not check.
    setting("strategy", Form::Word, |_| text("totp")),
    setting("totp.digits", Form::Number, |policy| number(policy.totp.digits)),
    setting("totp.interval", Form::Number, |policy| number(policy.totp.interval)),
    setting("totp.window", Form::Number, |policy| number(policy.totp.window)),
    setting("totp.algorithm", Form::Word, |policy| text(policy.totp.algorithm.as_str())),
    setting("totp.issuer", Form::Text, |policy| text(&policy.totp.issuer)),
    setting("enrollment.self_service", Form::List, self_service),
    setting("enrollment.at_login", Form::List, |policy| list(&policy.enrollment.at_login)),
    setting("enrollment.needs_invitation", Form::Boolean, |policy| truth(policy.enrollment.needs_invitation)),
    setting("enrollment.mail_invitations", Form::Boolean, |policy| truth(policy.enrollment.mail_invitations)),
    setting("enrollment.qr", Form::Word, |policy| text(policy.enrollment.qr.as_str())),
    setting("enrollment.grace_logins", Form::Number, |policy| number(policy.enrollment.grace_logins)),
    setting("enrollment.grace_until", Form::Date, |policy| {
        policy.enrollment.grace_until?.to_string().parse().ok().map(Value::Datetime)
    }),
    setting("throttle.free_failures", Form::Number, |policy| number(policy.throttle.free_failures)),
    setting("throttle.base_delay", Form::Word, |policy| span(policy.throttle.base_delay)),
    setting("throttle.max_delay", Form::Word, |policy| span(policy.throttle.max_delay)),
    setting("throttle.budget", Form::Number, |policy| number(policy.throttle.budget.guesses)),
    setting("throttle.refill", Form::Word, |policy| text(&policy.throttle.budget.refill.to_string())),
    setting("throttle.known_budget", Form::Number, |policy| number(policy.throttle.known_budget.guesses)),
    setting("throttle.known_refill", Form::Word, |policy| {
        text(&policy.throttle.known_budget.refill.to_string())
    }),
    setting("remember.hosts_for", Form::Word, |policy| span(policy.remember_hosts_for)),
    setting("recovery.codes", Form::Number, |policy| number(policy.recovery_codes)),
    setting("prompt.code", Form::Text, |policy| text(&policy.prompt)),
    setting("ssh.refuse_key_only", Form::Boolean, |policy| truth(policy.refuse_key_only)),
    setting("store.directory", Form::Text, |policy| text(&policy.store.to_string_lossy())),
];

fn text(value: &str) -> Option<Value> {
    Some(Value::String(value.to_owned()))
}

fn span(seconds: u64) -> Option<Value> {
    Some(Value::String(write_span(seconds)))
}

fn number(value: impl Into<i64>) -> Option<Value> {
    Some(Value::Integer(value.into()))
}

fn truth(value: bool) -> Option<Value> {
    Some(Value::Boolean(value))
}

fn list<S: AsRef<str>>(values: &[S]) -> Option<Value> {
    Some(Value::Array(values.iter().filter_map(|value| text(value.as_ref())).collect()))
}

fn self_service(policy: &Policy) -> Option<Value> {
    let allowed = &policy.enrollment;
    let words = [
        ("enroll", allowed.enroll),
        ("renew", allowed.renew),
        ("unset", allowed.unset),
        ("show", allowed.show),
    ];
    let words: Vec<_> = words.into_iter().filter(|(_, may)| *may).map(|(word, _)| word).collect();
    list(&words)
}

/// The setting of this name or alias.
pub fn find(name: &str) -> Result<&'static Setting, Stop> {
    let key = ALIASES.iter().find(|(alias, _)| *alias == name).map_or(name, |(_, key)| key);
    if key == "rule" || key.starts_with("rule.") {
        let way_out = "rules are no single setting; `totp-enroll admin policy edit` changes them";
        return Err(Stop::Usage(way_out.to_owned()));
    }
    SETTINGS.iter().find(|setting| setting.key == key).ok_or_else(|| {
        let allowed: Vec<_> = SETTINGS.iter().map(|setting| setting.key).collect();
        Stop::Usage(format!("{name:?} is no setting; allowed: {}", allowed.join(", ")))
    })
}

impl Setting {
    /// A value as typed. What does not have the form of this setting becomes a string, of which the library
    /// says what is allowed instead.
    pub fn read(&self, name: &str, typed: &str) -> Value {
        let word = typed.trim();
        let form = match self.form {
            Form::Text => return Value::String(typed.to_owned()),
            Form::Word if name == "enabled" => return Value::String(mode_of_truth(word).to_owned()),
            Form::Word => None,
            Form::Number => word.parse().ok().map(Value::Integer),
            Form::Boolean => word.parse().ok().map(Value::Boolean),
            Form::Date => word.parse().ok().map(Value::Datetime),
            Form::List if word.starts_with('[') => written_list(word),
            Form::List => {
                let items: Vec<_> = word.split(',').map(str::trim).collect();
                list(&items)
            }
        };
        form.unwrap_or_else(|| Value::String(word.to_owned()))
    }

    /// The value in `policy` as `get` prints it: as TOML writes it, but strings bare.
    pub fn bare(&self, policy: &Policy) -> String {
        match (self.value)(policy) {
            None => String::new(),
            Some(Value::String(text)) => text,
            Some(value) => value.to_string(),
        }
    }
}

/// What the appliance's switch stands for; a mode stays what it is.
fn mode_of_truth(word: &str) -> &str {
    let is = |words: [&str; 4]| words.iter().any(|known| word.eq_ignore_ascii_case(known));
    if is(["true", "yes", "on", "1"]) {
        "required"
    } else if is(["false", "no", "off", "0"]) {
        "disabled"
    } else {
        word
    }
}

fn written_list(word: &str) -> Option<Value> {
    let document: toml::Table = format!("list = {word}").parse().ok()?;
    // More than one key would be something else than a list that was typed.
    let value = document.get("list").filter(|value| value.is_array() && document.len() == 1)?;
    Some(value.clone())
}

/// A whole policy in which every setting is stated, with some of them changed: a value of `None` leaves the
/// setting out, which makes it the default. The library's judgement of it is that of the values, whatever
/// the layout of the file.
pub fn stated(policy: &Policy, changed: impl Fn(&Setting) -> Option<Option<Value>>) -> String {
    let mut whole = String::new();
    for setting in &SETTINGS {
        if let Some(value) = changed(setting).unwrap_or_else(|| (setting.value)(policy)) {
            // Writing to a String cannot fail.
            let _ = writeln!(whole, "{} = {value}", setting.key);
        }
    }
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    pub const SHIPPED: &str = include_str!("../../../../config/policy.toml");

    fn read(name: &str, typed: &str) -> String {
        find(name).unwrap().read(name, typed).to_string()
    }

    #[test]
    fn the_table_holds_every_setting_that_the_shipped_policy_names() {
        let mut table = String::new();
        let mut named = Vec::new();
        for line in SHIPPED.lines().filter_map(|line| line.strip_prefix('#')) {
            if let Some(header) = line.strip_prefix('[') {
                table = format!("{}.", header.trim_end_matches(']'));
            } else if let Some((key, _)) = line.split_once(" = ")
                && (!line.starts_with(' ') || key.trim() == "grace_until")
            {
                named.push(format!("{table}{}", key.trim()));
            }
        }
        assert_eq!(named, SETTINGS.iter().map(|setting| setting.key).collect::<Vec<_>>());
    }

    #[test]
    fn a_policy_stated_whole_is_the_same_policy() {
        let text = "mode = \"required\"\nservices = [\"sshd\"]\n[totp]\ndigits = 8\nissuer = \"a 'b' \\\"c\\\"\"\n[enrollment]\nself_service = []\ngrace_until = 2099-01-31\n[throttle]\nbase_delay = \"90s\"\n[prompt]\ncode = \" \"\n";
        for text in ["", text] {
            let policy = Policy::parse("policy.toml", text).unwrap();
            assert_eq!(Policy::parse("stated", &stated(&policy, |_| None)), Ok(policy));
        }
    }

    #[test]
    fn values_are_typed_by_the_key() {
        for (name, typed, expected) in [
            ("mode", " required ", "\"required\""),
            ("enabled", "Yes", "\"required\""),
            ("enabled", "off", "\"disabled\""),
            ("enabled", "optional", "\"optional\""),
            ("mode", "yes", "\"yes\""),
            ("otp_digits", "8", "8"),
            ("window", "x", "\"x\""),
            ("interval", "99999999999999999999", "\"99999999999999999999\""),
            ("services", "sshd, login", "[\"sshd\", \"login\"]"),
            ("services", "[\"sshd\",'a,b']", "[\"sshd\", \"a,b\"]"),
            ("services", "[]", "[]"),
            ("services", "[]\nmode = \"disabled\"", "\"\"\"\n[]\nmode = \"disabled\"\"\"\""),
            ("enrollment.needs_invitation", "true", "true"),
            ("enrollment.needs_invitation", "True", "\"True\""),
            ("enrollment.grace_until", "2027-01-31", "2027-01-31"),
            ("enrollment.grace_until", "soon", "\"soon\""),
            ("throttle.base_delay", "15m", "\"15m\""),
            ("prompt.code", "Code: ", "\"Code: \""),
        ] {
            assert_eq!(read(name, typed), expected, "{name}={typed}");
        }
    }

    #[test]
    fn names_that_are_no_setting_are_told_what_is() {
        let told = |name| find(name).err().unwrap().to_string();
        assert!(told("rule").contains("policy edit") && told("rule.users").contains("policy edit"));
        let unknown = told("totp.digit\u{1b}");
        assert!(
            unknown.starts_with("\"totp.digit\\u{1b}\" is no setting; allowed: mode, services, "),
            "{unknown}"
        );
    }
}
