//! What administrators mistype and others plant: odd names, addresses, spans and stores, and two at once.

#![forbid(unsafe_code)]

mod tool;

use host::{Builder, Host, Outcome, Phone, STORE};
use tool::{alice, builder, passes, status};

fn admin(host: &Host, words: &[&str]) -> Outcome {
    host.run(&[&["totp-enroll", "admin"], words].concat())
}

/// Every command about one user that changes something, and may be run unasked.
const CHANGES: [&[&str]; 9] = [
    &["enroll", "alice", "--json"],
    &["enroll", "alice", "--mail", "alice@example.org", "--json"],
    &["invite", "alice", "--json"],
    &["invite", "alice", "--mail", "alice@example.org"],
    &["code", "alice", "--json"],
    &["mode", "alice", "required"],
    &["disable", "alice", "--yes"],
    &["revoke", "alice", "--yes"],
    &["unlock", "alice"],
];

#[test]
fn a_user_that_does_not_exist_is_named_and_gets_no_file() {
    let host = tool::house();
    let reports = [&["status", "alice"][..], &["why", "alice"], &["show", "alice", "--json"]];
    for words in CHANGES.iter().chain(&reports) {
        for name in ["alicia", "", "../alice", "a\nb"] {
            let words: Vec<&str> =
                words.iter().map(|word| if *word == "alice" { name } else { word }).collect();
            let outcome = admin(&host, &words);
            assert_eq!(outcome.status, 1, "{words:?}: {outcome:?}");
            assert!(outcome.stderr.contains("there is no user named \""), "{words:?}: {outcome:?}");
            assert_eq!(outcome.stderr.lines().count(), 1, "{words:?}: {outcome:?}");
        }
    }
    assert!(host.store().is_empty(), "{:?}", host.store_names());
}

#[test]
fn what_is_out_of_range_is_a_usage_error_that_says_what_is_allowed() {
    let host = tool::house();
    for (words, part) in [
        (&["mode", "alice", "required", "--until", "2020-01-31"][..], "in the past"),
        (&["mode", "alice", "required", "--until", "2999-02-30"], "2027-01-31"),
        (&["mode", "alice", "default", "--until", "2999-01-31"], "--until"),
        (&["mode", "alice", "on"], "optional"),
        (&["invite", "alice", "--expires", "0h"], "1m to 30d"),
        (&["invite", "alice", "--expires", "31d"], "1m to 30d"),
        (&["invite", "alice", "--mail", "a@example.org", "--mail-known"], "--mail-known"),
        (&["code", "alice", "--for", "59s"], "1m to 30d"),
        (&["code", "alice", "--uses", "0"], "1..=100"),
        (&["code", "alice", "--uses", "101"], "1..=100"),
        (&["enroll", "alice", "--phone", "0151 234"], "+4915112345678"),
        (&["users", "alice"], "alice"),
        (&["explain", "alice"], "--service"),
    ] {
        let outcome = admin(&host, words);
        assert_eq!(outcome.status, 2, "{words:?}: {outcome:?}");
        assert!(outcome.stderr.contains(part) && outcome.stdout.is_empty(), "{words:?}: {outcome:?}");
    }
    assert!(host.store().is_empty(), "{:?}", host.store_names());
}

#[test]
fn an_address_that_would_be_more_than_a_mailbox_is_refused() {
    let host = tool::house();
    for address in [
        "alice@example.org\nBcc: mallory@example.org",
        "alice@example.org\r\n\r\nhello",
        "-oQ/tmp@example.org",
        "--help@example.org",
        "\"alice mallory\"@example.org",
        "\"a\\\"b\"@example.org",
        "alice@example.org,mallory@example.org",
        "Alice <alice@example.org>",
        "|/bin/sh@example.org",
        "/tmp/x@example.org",
        "al\u{ef}ce@example.org",
        "alice@ex\u{e4}mple.org",
        "alice",
        "@example.org",
        "alice@",
        "",
        &format!("{}@example.org", "a".repeat(250)),
    ] {
        for words in [&["invite", "alice"][..], &["enroll", "alice", "--json"]] {
            let option = format!("--mail={address}");
            let outcome = admin(&host, &[words, &[&option]].concat());
            assert_eq!(outcome.status, 2, "{address:?}: {outcome:?}");
            assert!(outcome.stderr.contains("such as alice@example.org"), "{address:?}: {outcome:?}");
        }
    }
    assert!(host.store().is_empty() && host.take_mail().is_empty());
}

#[test]
fn users_with_odd_names_are_served_and_commands_are_told_as_a_shell_takes_them() {
    let host = builder()
        .user("al.ice@example.org", "x")
        .user("100%", "x")
        .directory_user("EXAMPLE\\carol", "x")
        .directory_user("-x", "x")
        .policy("mode = \"required\"\n[totp]\nwindow = 10\n")
        .build();
    for (name, stem) in [
        ("al.ice@example.org", "al.ice@example.org"),
        ("100%", "100%25"),
        ("example\\CAROL", "EXAMPLE%5Ccarol"),
        ("-x", "-x"),
    ] {
        let run = |words: &[&str]| {
            let outcome = admin(&host, &[words, &["--", name]].concat());
            assert_eq!(outcome.status, 0, "{words:?} {name}: {outcome:?}");
            outcome.stdout
        };
        run(&["invite", "--json"]);
        assert_eq!(host.store_names(), [format!("{stem}.state")]);
        run(&["invite", "--mail", "who@example.org"]);
        assert_eq!(host.take_mail()[0].header("To").as_deref(), Some("who@example.org"));
        run(&["enroll", "--json"]);
        run(&["code", "--json"]);
        run(&["unlock"]);
        run(&["why"]);
        assert_eq!(admin(&host, &["mode", "--", name, "required"]).status, 0);
        let told = run(&["revoke", "--yes"]);
        assert_eq!(admin(&host, &["mode", "--", name, "default"]).status, 0);
        // The way out that is told can be typed as it stands.
        let command = told.split('`').nth(1).unwrap_or_else(|| panic!("a command is named: {told}"));
        host.must_run(&["sh", "-c", &command.replace("admin enroll", "admin enroll --json")]);
        assert_eq!(host.store_names(), [format!("{stem}.state"), format!("{stem}.toml")], "{command}");
        run(&["revoke", "--yes"]);
        host.must_run(&["sh", "-c", &format!("rm -f {STORE}/*")]);
    }
}

#[test]
fn everybody_else_is_refused_and_changes_nothing() {
    let host = tool::house();
    host.enrol("alice");
    let before = host.store();
    let reports = [
        &["users"][..],
        &["users", "--summary"],
        &["status", "alice"],
        &["why", "alice"],
        &["prune", "--yes"],
        &["explain", "alice", "--service", "sshd"],
    ];
    for words in CHANGES.iter().chain(&reports) {
        let outcome = alice(&host, &[&["admin"], *words].concat(), "y\n");
        assert_eq!(outcome.status, 4, "{words:?}: {outcome:?}");
        assert!(outcome.stdout.is_empty() && outcome.stderr.contains("for root only"), "{outcome:?}");
    }
    assert_eq!(host.store(), before);
    assert!(host.take_mail().is_empty());
}

/// The codes in what `--json` printed, several answers one after the other.
fn codes_in(answers: &str) -> Vec<String> {
    let lines = answers.lines().filter(|line| line.contains("\"code\"") || line.contains("\"invitation\""));
    lines.filter_map(|line| line.split('"').nth(3).map(str::to_owned)).collect()
}

/// Runs every change on a store in this state: each fails with 5, names the store, and changes nothing.
fn nothing_changes(make: impl Fn() -> Builder, spoil: impl Fn(&Host), set_up: bool) {
    let host = make().build();
    if set_up {
        host.enrol("alice");
    }
    spoil(&host);
    let before = host.store();
    for words in CHANGES {
        let outcome = admin(&host, words);
        if outcome.status == 1 || outcome.status == 3 || (words[0] == "unlock" && outcome.status == 0) {
            // Already set up, or not yet; or done in place, which a full disk allows.
            continue;
        }
        assert_eq!(outcome.status, 5, "{words:?}: {outcome:?}");
        assert!(outcome.stderr.contains(STORE), "{words:?}: {outcome:?}");
        assert!(!outcome.stdout.contains('-'), "no code is printed: {outcome:?}");
        let names =
            |store: &std::collections::BTreeMap<String, Vec<u8>>| store.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&host.store()), names(&before), "{words:?}");
    }
}

#[test]
fn on_a_full_or_a_read_only_disk_nothing_changes_and_that_is_said() {
    let full = || builder().store_size("256k");
    nothing_changes(full, Host::fill_store, false);
    nothing_changes(builder, Host::make_store_read_only, false);
    nothing_changes(builder, Host::make_store_read_only, true);
    // What is there can still be looked at.
    let host = builder().build();
    host.enrol("alice");
    host.make_store_read_only();
    let outcome = admin(&host, &["users", "--only", "configured"]);
    assert!(outcome.status == 0 && outcome.stdout.contains("alice"), "{outcome:?}");
}

#[test]
fn a_store_that_others_can_open_or_that_is_gone_is_refused_by_name() {
    for script in ["chmod 750", "rm -r"] {
        let host = tool::house();
        host.must_run(&["sh", "-c", &format!("{script} {STORE}")]);
        for words in CHANGES.iter().chain(&[&["users"][..], &["prune"], &["status", "alice"]]) {
            let outcome = admin(&host, words);
            assert_eq!(outcome.status, 5, "{words:?}: {outcome:?}");
            assert!(outcome.stderr.contains(STORE), "{words:?}: {outcome:?}");
        }
    }
}

#[test]
fn of_orders_given_at_once_the_last_one_counts_whole() {
    let host = tool::house();
    let many = |one: &str, other: &str| {
        let times = |command: &str| format!("for i in 1 2 3 4 5 6 7 8 9 10 11 12; do {command}; done");
        let script = format!("({}) & ({}) & wait", times(one), times(other));
        let outcome = host.run(&["sh", "-c", &script]);
        for word in ["panicked", "failed", "refused"] {
            assert!(!outcome.stderr.contains(word), "{outcome:?}");
        }
        outcome.stdout
    };
    many("totp-enroll admin mode alice required", "totp-enroll admin mode alice default");
    many("totp-enroll admin mode alice required", "totp-enroll admin mode alice optional");
    assert!(status(&host)["overridden"]["mode"].is_string());
    host.must_run(&["totp-enroll", "admin", "mode", "alice", "default"]);

    let invite = "totp-enroll admin invite alice --json";
    let drawn = codes_in(&many(invite, invite));
    assert_eq!((drawn.len(), host.store_names()), (24, vec!["alice.state".to_owned()]));
    host.enrol("alice");
    let code = "totp-enroll admin code alice --json";
    let drawn = codes_in(&many(code, code));
    // Side by side: each refusal takes two seconds.
    let passed = std::thread::scope(|scope| {
        let tries: Vec<_> = drawn.iter().map(|code| scope.spawn(|| passes(&host, code))).collect();
        tries.into_iter().filter_map(|found| found.join().ok()).filter(|passed| *passed).count()
    });
    assert_eq!((drawn.len(), passed), (24, 1));

    many("totp-enroll admin revoke alice --yes", "totp-enroll admin enroll alice --json");
    host.run(&["totp-enroll", "admin", "revoke", "alice", "--yes"]);
    assert!(host.store().is_empty(), "{:?}", host.store_names());
    let mut phone: Phone = host.enrol("alice");
    assert!(passes(&host, &phone.code()));
}

#[test]
fn each_change_is_logged_with_who_did_it_and_no_code_or_secret_is() {
    let host = tool::house();
    let mut secrets = Vec::new();
    let mut run = |words: &[&str], keys: &[&str]| {
        let outcome = admin(&host, words);
        assert_eq!(outcome.status, 0, "{words:?}: {outcome:?}");
        if !keys.is_empty() {
            let answer = outcome.json();
            secrets.extend(keys.iter().map(|key| answer[key].as_str().expect("a secret").to_owned()));
        }
    };
    run(&["invite", "alice", "--json"], &["invitation"]);
    run(&["enroll", "alice", "--json"], &["secret", "uri"]);
    run(&["enroll", "alice", "--phone", "+4915112345678"], &[]);
    run(&["code", "alice", "--json"], &["code"]);
    run(&["show", "alice", "--json"], &[]);
    run(&["mode", "alice", "required"], &[]);
    run(&["unlock", "alice"], &[]);
    run(&["revoke", "alice", "--yes"], &[]);
    run(&["disable", "alice", "--yes"], &[]);
    for event in ["invite", "setup", "contact", "temporary-code", "show", "mode", "unlock", "revoke"] {
        let line = host.wait_for_log(&format!("event={event} result=done user=alice "));
        assert!(line.contains("by=root"), "{line}");
    }
    for secret in secrets {
        let plain = secret.replace('-', "");
        assert!(host.log().iter().all(|line| !line.contains(&secret) && !line.contains(&plain)), "{secret}");
    }
}
