//! What root does with `totp-enroll admin policy`: nothing that does not check is ever in force, and
//! nothing is lost of what people wrote into the file. Here are the settings, shown, changed and checked.

#![forbid(unsafe_code)]

#[path = "policy_commands/editing.rs"]
mod editing;
#[path = "policy_commands/files.rs"]
mod files;

use host::{Host, Outcome, POLICY, PamStack, Stack};

const SHIPPED: &str = include_str!("../config/policy.toml");
const ALL_THREE: &str =
    "auth required pam_totp.so setup\naccount required pam_totp.so\nsession required pam_totp.so\n";

fn house() -> Host {
    let host = Host::builder()
        .user("alice", "wonderland")
        .policy(SHIPPED)
        .stack("test", Stack::PasswordAndCode)
        .stack("whole", Stack::Text(&PamStack::new().setup().text()))
        .build();
    host.keep_only_stacks(&["test", "whole"]);
    host.write("/etc/pam.d/whole.dpkg-dist", ALL_THREE);
    host
}

fn policy(host: &Host, words: &[&str]) -> Outcome {
    host.run(&[&["totp-enroll", "admin", "policy"], words].concat())
}

fn must(host: &Host, words: &[&str]) -> String {
    let outcome = policy(host, words);
    assert_eq!(outcome.status, 0, "{words:?}: {outcome:?}");
    outcome.stdout
}

fn text(host: &Host) -> String {
    String::from_utf8(host.read(POLICY)).expect("the policy is UTF-8")
}

/// What lies beside the policy.
fn names(host: &Host) -> String {
    host.must_run(&["ls", "-A", "/etc/pam_totp"])
}

/// `edit` with a shell script as the editor, which finds the copy in `$1`.
fn edit(host: &Host, script: &str, answers: &str) -> Outcome {
    install_editor(host, script);
    host.run_with_input(
        "root",
        &["env", "EDITOR=/tmp/editor", "totp-enroll", "admin", "policy", "edit"],
        answers,
    )
}

fn install_editor(host: &Host, script: &str) {
    host.write("/tmp/editor", format!("#!/bin/sh\n{script}\n"));
    host.must_run(&["chmod", "755", "/tmp/editor"]);
}

#[test]
fn a_ceiling_of_earlier_versions_counts_as_the_budget_and_is_warned_of() {
    let host = house();
    host.write(POLICY, "[throttle]\nceiling = 200\n");
    let told = policy(&host, &["check"]).text();
    assert!(told.contains("warning: line 2: throttle.ceiling is read as throttle.budget"), "{told}");
    for key in ["throttle.ceiling", "throttle.budget"] {
        assert_eq!(must(&host, &["get", key]).trim(), "200");
    }
    assert!(must(&host, &["show"]).lines().any(|line| {
        line.split_whitespace().collect::<Vec<_>>() == ["throttle.budget", "=", "200", "line", "2"]
    }));
    must(&host, &["set", "throttle.refill=9/day"]);
    assert_eq!(text(&host), "[throttle]\nceiling = 200\nrefill = \"9/day\"\n");
    must(&host, &["set", "throttle.budget=150"]);
    assert_eq!(text(&host), "[throttle]\nbudget = 150\nrefill = \"9/day\"\n");
}

#[test]
fn every_setting_is_shown_with_where_it_comes_from() {
    let host = house();
    host.write(POLICY, "[totp]\ndigits = 8\n\n[[rule]]\nusers = [\"alice\"]\nmode = \"required\"\n");
    let shown = must(&host, &["show"]);
    let has = |words: &str| {
        shown.lines().any(|line| line.split_whitespace().collect::<Vec<_>>().join(" ") == words)
    };
    assert!(has("totp.digits = 8 line 2") && has("mode = \"optional\" default"), "{shown}");
    assert!(has("line 4: required for user alice"), "{shown}");
    assert!(
        has(
            "test: asks for a code; sets nobody up during login: its stack lacks the argument setup on its auth line"
        ),
        "{shown}"
    );
    assert!(
        has("whole: asks for a code; sets nobody up during login: enrollment.at_login does not name it"),
        "{shown}"
    );
    must(&host, &["set", "enrollment.at_login=whole"]);
    let shown = policy(&host, &["show", "--json"]).json();
    let setting =
        |key: &str| shown["settings"].as_array().unwrap().iter().find(|one| one["key"] == key).unwrap();
    assert_eq!(setting("totp.digits")["value"], 8);
    assert_eq!(setting("totp.digits")["line"], 2);
    assert_eq!(setting("enrollment.at_login")["value"], serde_json::json!(["whole"]));
    assert_eq!(setting("mode")["source"], "default");
    assert_eq!(shown["rules"][0]["users"][0], "alice");
    let services = shown["services"].as_array().unwrap();
    assert!(services.iter().any(|one| one["service"] == "whole" && one["sets_up_at_login"] == true));
    assert!(!services.iter().any(|one| one["service"] == "whole.dpkg-dist"));
}

#[test]
fn one_value_is_printed_alone() {
    let host = house();
    for (key, value) in [
        ("mode", "optional\n"),
        ("enabled", "optional\n"),
        ("totp.digits", "6\n"),
        ("services", "[\"*\"]\n"),
        ("throttle.max_delay", "15m\n"),
        ("enrollment.needs_invitation", "false\n"),
        ("enrollment.grace_until", "\n"),
        ("prompt.code", "Verification code: \n"),
    ] {
        assert_eq!(must(&host, &["get", key]), value, "{key}");
    }
    let outcome = policy(&host, &["get", "totp.digit"]);
    assert_eq!((outcome.status, outcome.stdout.as_str()), (2, ""), "{outcome:?}");
    assert!(outcome.stderr.contains("totp.digits"), "{outcome:?}");
}

#[test]
fn settings_change_together_and_the_file_stays_readable() {
    let host = house();
    let changed = must(&host, &["set", "enabled=true", "otp_digits=8", "enrollment.grace_until=2099-01-31"]);
    assert_eq!(
        changed,
        "mode: optional -> required\ntotp.digits: 6 -> 8\nenrollment.grace_until: (none) -> 2099-01-31\nNo existing device has other values.\n"
    );
    let expected = SHIPPED
        .replace("#mode = \"optional\"\n", "#mode = \"optional\"\nmode = \"required\"\n")
        .replace("#[totp]", "[totp]")
        .replace("#digits = 6\n", "#digits = 6\ndigits = 8\n")
        .replace("#[enrollment]", "[enrollment]")
        .replace(
            "#   grace_until = 2027-01-31\n",
            "#   grace_until = 2027-01-31\ngrace_until = 2099-01-31\n",
        );
    assert_eq!(text(&host), expected);
    assert_eq!(must(&host, &["get", "mode"]), "required\n");
    assert_eq!(names(&host), "policy.toml\n");
    let again = must(&host, &["set", "mode=required"]);
    assert!(again.contains("Nothing to change"), "{again}");
    must(&host, &["set", "mode=", "totp.digits=", "enrollment.grace_until="]);
    assert_eq!(text(&host), SHIPPED.replace("#[totp]", "[totp]").replace("#[enrollment]", "[enrollment]"));
}

#[test]
fn what_was_changed_is_logged_with_who_did_it() {
    let host = house();
    assert_eq!(policy(&host, &["set", "totp.digits=8", "totp.window=99"]).status, 2);
    let outcome =
        host.run(&["env", "SUDO_USER=mallory", "totp-enroll", "admin", "policy", "set", "totp.digits=8"]);
    assert_eq!(outcome.status, 0, "{outcome:?}");
    host.wait_for_log("event=policy result=done key=totp.digits value=8 by=root");
    assert_eq!(
        edit(&host, "echo 'code = \"Your code: \"' > \"$1\"; sed -i '1i[prompt]' \"$1\"", "").status,
        0
    );
    host.wait_for_log("event=policy result=done key=prompt.code value=\"Your code: \" by=root");
    assert_eq!(host.times_logged("event=policy result=done key=totp.digits value=8"), 1);
    assert_eq!(host.times_logged("window"), 0);
}

#[test]
fn devices_that_keep_their_old_values_are_counted() {
    let host = house();
    host.enrol("alice");
    let told = must(&host, &["set", "totp.window=2"]);
    assert!(!told.contains("device"), "{told}");
    let told = must(&host, &["set", "totp.interval=60"]);
    assert!(told.contains("1 existing device keeps its old values until renewed"), "{told}");
    host.write("/var/lib/pam_totp/bob.toml", "rubbish");
    let told = must(&host, &["set", "totp.interval="]);
    assert!(told.contains("No existing device") && told.contains("1 credential could not be read"), "{told}");
}

#[test]
fn a_wrong_assignment_changes_nothing() {
    let host = house();
    for (words, part) in [
        (&["totp.digits=9"][..], "allowed: 6 to 8"),
        (&["mode=required", "totp.digits=9"], "totp.digits cannot be \"9\""),
        (&["totp.digit=8"], "\"totp.digit\" is no setting; allowed: mode"),
        (&["rule=x"], "policy edit"),
        (&["mode"], "KEY=VALUE"),
        (&["strategy=sms"], "strategy cannot be \"sms\""),
        (&["enrollment.grace_until=2020-01-31"], "enrollment.grace_until= ends the grace"),
        (&["mode=required", "mode=optional"], "given twice"),
        (&["prompt.code=\u{1b}[2J"], "control"),
        (&["prompt.code=a\"\nmode = \"disabled"], "control"),
        (&["throttle.max_delay=1s"], "shorter than base_delay"),
        (
            &["services=sshd login"],
            "services cannot be \"sshd login\": \"sshd login\" holds a blank, and no service does; write \"sshd\", \"login\" (with `policy set`: sshd,login); nothing was changed",
        ),
        (
            &["enrollment.at_login=/etc/pam.d/test"],
            "holds a slash, and no service does; write its name in /etc/pam.d: \"test\"",
        ),
    ] {
        let outcome = policy(&host, &[&["set"], words].concat());
        assert_eq!((outcome.status, outcome.stdout.as_str()), (2, ""), "{words:?}: {outcome:?}");
        assert!(outcome.stderr.contains(part), "`{part}` is missing: {outcome:?}");
        assert!(!outcome.stderr.contains('\u{1b}'), "{outcome:?}");
    }
    assert_eq!(policy(&host, &["set"]).status, 2);
    assert_eq!(text(&host), SHIPPED);
    assert_eq!(names(&host), "policy.toml\n");
    assert_eq!(host.times_logged("event=policy"), 0);
}

#[test]
fn a_policy_is_checked_and_what_deserves_a_look_is_told() {
    let host = house();
    let outcome = policy(&host, &["check"]);
    assert_eq!((outcome.status, outcome.stderr.as_str()), (0, ""), "{outcome:?}");
    assert_eq!(outcome.stdout, format!("{POLICY}: the policy is good.\n"));
    host.write(
        "/etc/new.toml",
        "services = [\"test\", \"ftp\"]\n[enrollment]\nat_login = [\"test\", \"whole\"]\ngrace_until = 2020-01-31\n\
         [[rule]]\nusers = [\"alice\", \"nobody-here\"]\ngroups = [\"root\", \"no-such-group\"]\nservices = [\"cron-x\"]\nmode = \"disabled\"\n",
    );
    let outcome = policy(&host, &["check", "/etc/new.toml"]);
    assert_eq!(outcome.status, 0, "{outcome:?}");
    assert_eq!(outcome.stdout, "/etc/new.toml: the policy is good, with 6 warnings.\n");
    let warnings: Vec<_> = outcome.stderr.lines().collect();
    assert_eq!(warnings.len(), 6, "{outcome:?}");
    for part in [
        "\"nobody-here\"",
        "\"no-such-group\"",
        "\"ftp\"",
        "\"cron-x\"",
        "2020-01-31 is over",
        "\"test\", but set-up",
    ] {
        assert!(
            warnings.iter().any(|line| line.starts_with("warning: ") && line.contains(part)),
            "{part}: {outcome:?}"
        );
    }
    let strict = policy(&host, &["check", "/etc/new.toml", "--strict"]);
    assert_eq!((strict.status, &strict.stderr), (1, &outcome.stderr), "{strict:?}");
    assert_eq!(policy(&host, &["check", "--strict"]).status, 0, "where there is no warning");
    host.write("/etc/new.toml", "services = [\"test\", \"ftp\"]\n");
    let outcome = policy(&host, &["check", "/etc/new.toml"]);
    assert_eq!(outcome.stdout, "/etc/new.toml: the policy is good, with 1 warning.\n");
    host.write("/etc/new.toml", "\nmode = \"sometimes\"\n");
    for words in [&["check", "/etc/new.toml"][..], &["check", "--policy", "/etc/new.toml"]] {
        let outcome = policy(&host, words);
        assert_eq!((outcome.status, outcome.stdout.as_str()), (5, ""), "{outcome:?}");
        assert!(
            outcome.stderr.contains("/etc/new.toml:2: mode: \"sometimes\" is not known; allowed: "),
            "{outcome:?}"
        );
    }
}

#[test]
fn the_policy_is_for_root_alone() {
    let host = house();
    for words in [&["show"][..], &["get", "mode"], &["set", "mode=disabled"], &["check"], &["edit"]] {
        let outcome = host.run_as("alice", &[&["totp-enroll", "admin", "policy"], words].concat());
        assert_eq!((outcome.status, outcome.stdout.as_str()), (4, ""), "{words:?}: {outcome:?}");
    }
    assert_eq!(text(&host), SHIPPED);
}

#[test]
fn a_login_follows_what_was_set() {
    let host = house();
    let passes = || {
        let words = ["pamtester", "test", "alice", "authenticate"];
        host.run_with_input("root", &words, "wonderland\n\n").status == 0
    };
    assert!(passes());
    must(&host, &["set", "mode=required"]);
    assert!(!passes());
    must(&host, &["set", "enabled=no", "--yes"]);
    assert!(passes());
}
