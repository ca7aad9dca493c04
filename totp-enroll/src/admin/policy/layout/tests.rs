//! What a change makes of files as people write them.

use super::super::settings::{SETTINGS, find};
use super::*;
use proptest::prelude::*;
use totp_core::policy::Policy;

const SHIPPED: &str = include_str!("../../../../../config/policy.toml");

/// A value other than the default for every setting, as typed.
const OTHER: [(&str, &str); 26] = [
    ("mode", "required"),
    ("services", "sshd,login"),
    ("totp.digits", "8"),
    ("totp.interval", "60"),
    ("totp.window", "2"),
    ("totp.algorithm", "SHA256"),
    ("totp.issuer", "Example #1"),
    ("enrollment.self_service", "[]"),
    ("enrollment.at_login", "sshd"),
    ("enrollment.needs_invitation", "true"),
    ("enrollment.mail_invitations", "true"),
    ("enrollment.qr", "ascii"),
    ("enrollment.grace_logins", "3"),
    ("enrollment.grace_until", "2099-01-31"),
    ("throttle.free_failures", "4"),
    ("throttle.base_delay", "6s"),
    ("throttle.max_delay", "20m"),
    ("throttle.budget", "101"),
    ("throttle.refill", "11/day"),
    ("throttle.known_budget", "61"),
    ("throttle.known_refill", "24/day"),
    ("remember.hosts_for", "12h"),
    ("recovery.codes", "8"),
    ("prompt.code", "Code: "),
    ("ssh.refuse_key_only", "true"),
    ("store.directory", "/srv/totp"),
];

fn set(text: &str, key: &str, typed: &str) -> String {
    changed(text, key, Some(&find(key).unwrap().read(key, typed))).expect(key)
}

fn unset(text: &str, key: &str) -> String {
    changed(text, key, None).expect(key)
}

#[test]
fn in_the_shipped_policy_a_setting_lands_below_its_default() {
    for (key, typed) in OTHER {
        let text = set(SHIPPED, key, typed);
        let name = key.rsplit('.').next().unwrap();
        let lines: Vec<_> = text.lines().collect();
        let line = lines.iter().position(|line| line.starts_with(&format!("{name} = "))).expect(key);
        let default = lines[line - 1].trim_start_matches('#').trim_start();
        assert!(default.starts_with(&format!("{name} = ")), "{key} lies below {}", lines[line - 1]);
        if let Some((table, _)) = key.split_once('.') {
            assert!(
                text.contains(&format!("\n[{table}]\n")) && !text.contains(&format!("#[{table}]")),
                "{key}"
            );
        }
        let back = unset(&text, key);
        assert_eq!(Policy::parse("policy.toml", &back), Ok(Policy::default()), "{key}");
        let differing = SHIPPED.lines().zip(back.lines()).filter(|(before, after)| before != after).count();
        assert_eq!(differing, usize::from(key.contains('.')), "{key}: but for its table, all is as before");
    }
}

#[test]
fn every_setting_can_be_set_on_the_shipped_policy_one_after_the_other() {
    let mut text = SHIPPED.to_owned();
    for (key, typed) in OTHER {
        text = set(&text, key, typed);
        let policy = Policy::parse("policy.toml", &text).expect(&text);
        assert_eq!(find(key).unwrap().bare(&policy), typed_bare(key, typed), "{key}");
    }
    for (key, _) in OTHER {
        text = unset(&text, key);
    }
    assert_eq!(Policy::parse("policy.toml", &text), Ok(Policy::default()));
    assert_eq!(text.lines().count(), SHIPPED.lines().count());
}

fn typed_bare(key: &str, typed: &str) -> String {
    match key {
        "services" => "[\"sshd\", \"login\"]".to_owned(),
        "enrollment.at_login" => "[\"sshd\"]".to_owned(),
        _ => typed.to_owned(),
    }
}

#[test]
fn a_setting_goes_where_its_like_are() {
    for (before, key, typed, after) in [
        ("", "mode", "required", "mode = \"required\"\n"),
        ("", "totp.digits", "8", "[totp]\ndigits = 8\n"),
        ("# c", "totp.digits", "8", "# c\n\n[totp]\ndigits = 8"),
        ("# c\n", "mode", "required", "# c\nmode = \"required\"\n"),
        (
            "services = [\"a\"]\n\n# t\n[totp]\n",
            "mode",
            "required",
            "services = [\"a\"]\nmode = \"required\"\n\n# t\n[totp]\n",
        ),
        ("# p\n\n# t\n[totp]\n", "mode", "required", "# p\n\nmode = \"required\"\n\n# t\n[totp]\n"),
        (
            "[totp]\nwindow = 2 # w\n\n[ssh]\n",
            "totp.digits",
            "8",
            "[totp]\nwindow = 2 # w\ndigits = 8\n\n[ssh]\n",
        ),
        ("totp.window = 2\n", "totp.digits", "8", "totp.window = 2\ntotp.digits = 8\n"),
        ("totp = { window = 2 } # t\n", "totp.digits", "8", "totp = { window = 2, digits = 8 } # t\n"),
        ("totp = { window = 2, digits = 6 }\n", "totp.digits", "8", "totp = { window = 2, digits = 8 }\n"),
        (
            "[totp]\r\n# d\r\ndigits = 6 # six\r\n",
            "totp.digits",
            "8",
            "[totp]\r\n# d\r\ndigits = 8 # six\r\n",
        ),
        ("[totp]\r\n#digits = 6\r\n", "totp.digits", "8", "[totp]\r\n#digits = 6\r\ndigits = 8\r\n"),
        ("[totp]\ndigits = 6", "totp.window", "2", "[totp]\ndigits = 6\nwindow = 2"),
        ("[totp]\n\"digits\" = 0x6\n", "totp.digits", "8", "[totp]\n\"digits\" = 8\n"),
        (
            "[[rule]]\nmode = \"disabled\"\n",
            "mode",
            "required",
            "mode = \"required\"\n\n[[rule]]\nmode = \"disabled\"\n",
        ),
        (
            "[[rule]]\nmode = \"disabled\"\n",
            "totp.digits",
            "8",
            "[[rule]]\nmode = \"disabled\"\n\n[totp]\ndigits = 8\n",
        ),
        // A header that is taken in must not take what stands below it along.
        (
            "[totp]\n#[ssh]\ndigits = 7\n",
            "ssh.refuse_key_only",
            "true",
            "[totp]\n#[ssh]\ndigits = 7\n\n[ssh]\nrefuse_key_only = true\n",
        ),
        (
            "services = [\n# mode = x\n\"a\"]\n",
            "mode",
            "required",
            "services = [\n# mode = x\n\"a\"]\nmode = \"required\"\n",
        ),
    ] {
        let found = set(before, key, typed);
        assert_eq!(found, after, "{key}={typed} in {before:?}");
    }
}

#[test]
fn a_setting_is_removed_with_its_line_and_nothing_else() {
    for (before, key, after) in [
        ("# c\nmode = \"required\" # m\n# d\n", "mode", "# c\n# d\n"),
        ("services = [\n \"a\",\n]\nmode = \"required\"", "services", "mode = \"required\""),
        ("totp = { window = 2, digits = 8 }\n", "totp.window", "totp = { digits = 8 }\n"),
        ("totp = { window = 2, digits = 8 }\n", "totp.digits", "totp = { window = 2 }\n"),
        ("enrollment = { grace_until = 2099-01-31 }\n", "enrollment.grace_until", ""),
        ("mode = \"required\"\n", "totp.digits", "mode = \"required\"\n"),
    ] {
        assert_eq!(unset(before, key), after, "{key} in {before:?}");
    }
}

#[test]
fn a_text_that_is_no_toml_is_not_touched() {
    assert_eq!(changed("mode = ", "mode", Some(&Value::Boolean(true))), None);
    assert_eq!(changed("totp = 3", "totp.digits", Some(&Value::Integer(8))), None);
}

#[test]
fn lines_of_settings_are_found() {
    let found = locate("\nmode = \"required\"\n[totp]\n\ndigits = 8\n[[rule]]\nmode = \"optional\"\n");
    assert_eq!((found["mode"].line, found["totp.digits"].line), (2, 5));
    assert!(!found.contains_key("rule.mode"));
}

proptest! {
    /// Whatever is set, in whatever order, in a file with some of its defaults taken in.
    #[test]
    fn every_comment_stays_and_only_the_setting_changes(
        taken_in in proptest::collection::vec(any::<bool>(), 100),
        changes in proptest::collection::vec((0usize..OTHER.len(), any::<bool>()), 1..12),
        crlf in any::<bool>(),
    ) {
        // With every table taken in, any default may be.
        let mut text: String = SHIPPED.lines().zip(taken_in.iter().cycle()).map(|(line, take)| {
            let bare = line.trim_start_matches('#');
            let states = !bare.starts_with(' ') && bare.contains(" = ") && *take;
            let line = if bare.starts_with('[') || states { bare } else { line };
            format!("{line}{}", if crlf { "\r\n" } else { "\n" })
        }).collect();
        for (which, removed) in changes {
            let (key, typed) = OTHER[which];
            let setting = find(key).unwrap();
            let before = Policy::parse("before", &text).unwrap();
            let value = (!removed).then(|| setting.read(key, typed));
            let after_text = changed(&text, key, value.as_ref()).expect(key);
            let after = Policy::parse("after", &after_text).unwrap();
            let expected = if removed { setting.bare(&Policy::default()) } else { typed_bare(key, typed) };
            prop_assert_eq!(setting.bare(&after), expected);
            for other in SETTINGS.iter().filter(|other| other.key != key) {
                prop_assert_eq!(other.bare(&after), other.bare(&before));
            }
            let comments = |text: &str| -> Vec<String> {
                text.lines().filter(|line| line.starts_with('#')).map(str::to_owned).collect()
            };
            prop_assert_eq!(comments(&after_text), comments(&text));
            prop_assert_eq!(after_text.contains('\r'), crlf);
            prop_assert_eq!(after_text.matches('\n').count(), after_text.lines().count());
            text = after_text;
        }
    }

    #[test]
    fn any_text_is_changed_soundly_or_not_at_all(text in "(\\PC|\n|\r\n|\\[totp\\]|#|\\[|\\]|=|\"|digits = 7|mode = \"x\"){0,40}") {
        for key in ["mode", "totp.digits"] {
            if let Some(after) = changed(&text, key, Some(&Value::Integer(8))) {
                prop_assert_eq!(says(&after), intended(&text, key, Some(&Value::Integer(8))));
            }
            let _ = changed(&text, key, None);
        }
    }
}
