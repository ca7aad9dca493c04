//! totp-enroll as a person uses it, in a terminal of 80x24, and as scripts do.

#![forbid(unsafe_code)]

use host::{Builder, Host, Outcome, POLICY, PROOF, Phone, Stack, Terminal, Theme, recovery_codes_in};

const DONE: &str = "Two-factor login is set up";

fn house() -> Host {
    builder().build()
}

fn builder() -> Builder {
    Host::builder()
        .user("alice", "wonderland")
        .policy("mode = \"optional\"\n[totp]\nwindow = 10\n")
        .stack("test", Stack::Code)
}

/// Waits for the QR code and scans it.
fn scan(terminal: &Terminal) -> Phone {
    terminal.asks_for_proof();
    let uri = terminal.qr(Theme::Dark).expect("a camera reads the QR code above the prompt");
    Phone::scan(&uri).with_window(10)
}

/// Enrols alice in a terminal, with the first code of her phone.
fn enrol_in_a_terminal(host: &Host) -> Phone {
    let terminal = host.terminal("alice", &["totp-enroll", "enroll"]);
    let mut phone = scan(&terminal);
    terminal.enters(&phone.code());
    phone.recovery_codes = recovery_codes_in(&terminal.shows(DONE));
    assert_eq!(terminal.exit_status(), 0);
    phone
}

fn passes(host: &Host, code: &str) -> bool {
    let input = format!("{code}\n");
    host.run_with_input("root", &["pamtester", "test", "alice", "authenticate"], input).status == 0
}

fn is_configured(host: &Host) -> bool {
    status(host)["configured"].as_bool().expect("`configured` is a boolean")
}

fn status(host: &Host) -> serde_json::Value {
    host.run(&["totp-enroll", "admin", "status", "alice", "--json"]).json()
}

fn alice(host: &Host, words: &[&str], input: &str) -> Outcome {
    host.run_with_input("alice", &[&["totp-enroll"], words].concat(), input)
}

#[test]
fn enrolling_shows_a_code_to_scan_checks_the_first_code_and_gives_recovery_codes() {
    let host = house();
    let phone = enrol_in_a_terminal(&host);
    assert_eq!(phone.recovery_codes.len(), 10);
    assert!(phone.label().ends_with("alice"), "{phone:?}");
    assert_eq!(phone.issuer(), Some("house"));
    assert!(is_configured(&host));
    assert_eq!(host.store_names(), ["alice.state", "alice.toml"]);
}

#[test]
fn before_the_qr_code_users_are_told_what_they_must_know() {
    let host = house();
    let terminal = host.terminal("alice", &["totp-enroll", "enroll"]);
    let told = terminal.asks_for_proof().to_lowercase();
    for word in ["scan", "cannot log in", "clock", "app"] {
        assert!(told.contains(word), "`{word}` is not in what is said:\n{told}");
    }
}

#[test]
fn the_code_that_proved_the_phone_does_not_log_in() {
    let host = house();
    let terminal = host.terminal("alice", &["totp-enroll", "enroll"]);
    let mut phone = scan(&terminal);
    let proof = phone.code();
    terminal.enters(&proof);
    terminal.shows(DONE);
    assert!(!passes(&host, &proof));
    assert!(passes(&host, &phone.code()));
}

#[test]
fn recovery_codes_shown_at_enrolment_log_in() {
    let host = house();
    let phone = enrol_in_a_terminal(&host);
    for code in &phone.recovery_codes[..2] {
        assert!(passes(&host, code));
        assert!(!passes(&host, code));
    }
}

#[test]
fn the_secret_shown_as_text_is_that_of_the_qr_code() {
    let host = house();
    let terminal = host.terminal("alice", &["totp-enroll", "enroll"]);
    let phone = scan(&terminal);
    let shown: String = terminal.history().split_whitespace().collect();
    assert!(shown.contains(phone.secret()), "the text does not name the secret:\n{}", terminal.history());
}

#[test]
fn a_wrong_first_code_is_asked_for_again() {
    let host = house();
    let terminal = host.terminal("alice", &["totp-enroll", "enroll"]);
    let mut phone = scan(&terminal);
    terminal.enters(&phone.wrong_code());
    terminal.shows_times(PROOF.trim_end(), 2);
    terminal.enters(&phone.code());
    terminal.shows(DONE);
    assert!(passes(&host, &phone.code()));
}

#[test]
fn three_wrong_first_codes_set_nothing_up() {
    let host = house();
    let terminal = host.terminal("alice", &["totp-enroll", "enroll"]);
    let phone = scan(&terminal);
    for attempt in 1..=3 {
        terminal.shows_times(PROOF.trim_end(), attempt);
        terminal.enters(&phone.wrong_code());
    }
    assert_eq!(terminal.exit_status(), 1);
    assert!(!is_configured(&host));
}

#[test]
fn enrolling_again_changes_nothing() {
    let host = house();
    host.enrol("alice");
    let before = host.store();
    let terminal = host.terminal("alice", &["totp-enroll", "enroll"]);
    assert_eq!(terminal.exit_status(), 1);
    assert_eq!(host.store(), before);
}

#[test]
fn without_a_command_it_sets_up_what_is_missing() {
    let host = house();
    let terminal = host.terminal("alice", &["totp-enroll"]);
    let mut phone = scan(&terminal);
    terminal.enters(&phone.code());
    terminal.shows(DONE);
    assert!(passes(&host, &phone.code()));
}

#[test]
fn without_a_command_it_shows_the_status_of_who_is_set_up() {
    let host = house();
    host.enrol("alice");
    let terminal = host.terminal("alice", &["totp-enroll"]);
    assert_eq!(terminal.exit_status(), 0);
    assert!(!terminal.history().contains(PROOF));
}

#[test]
fn the_status_tells_mode_devices_and_what_is_left() {
    let host = house();
    let before = alice(&host, &["status", "--json"], "").json();
    assert_eq!(before["configured"], false);
    assert_eq!(before["user"], "alice");
    let phone = host.enrol("alice");
    assert!(passes(&host, &phone.recovery_codes[0]));
    let after = alice(&host, &["status", "--json"], "").json();
    assert_eq!(after["configured"], true);
    assert_eq!(after["mode"], "optional");
    assert_eq!(after["strategy"], "totp");
    assert_eq!(after["recovery_codes_left"], 9);
    assert_eq!(after["devices"].as_array().map(Vec::len), Some(1));
    assert_eq!(after["devices"][0]["kind"], "totp");
    assert!(!after.to_string().contains(phone.secret()));
}

#[test]
fn administrators_and_users_see_the_same_status() {
    let host = house();
    host.enrol("alice");
    assert_eq!(alice(&host, &["status", "--json"], "").json(), status(&host));
}

#[test]
fn in_disabled_mode_users_are_told_that_set_up_has_no_effect_yet() {
    let host = builder().policy("mode = \"disabled\"\n[totp]\nwindow = 10\n").build();
    let terminal = host.terminal("alice", &["totp-enroll", "enroll"]);
    let told = terminal.asks_for_proof();
    assert!(told.contains("no effect"), "{told}");
}

#[test]
fn verify_tells_right_from_wrong_and_spends_the_code() {
    let host = house();
    let mut phone = host.enrol("alice");
    let code = phone.code();
    assert_eq!(alice(&host, &["verify", &phone.wrong_code()], "").status, 1);
    assert_eq!(alice(&host, &["verify", &code], "").status, 0);
    assert_eq!(alice(&host, &["verify", &code], "").status, 1);
    assert!(!passes(&host, &code));
    assert_eq!(alice(&host, &["verify"], &format!("{}\n", phone.code())).status, 0);
}

#[test]
fn verify_counts_like_a_login() {
    let host = builder()
        .policy(
            "mode = \"optional\"\n[totp]\nwindow = 10\n[throttle]\nfree_failures = 1\nbase_delay = \"10m\"\n",
        )
        .build();
    let mut phone = host.enrol("alice");
    for _ in 0..2 {
        assert_eq!(alice(&host, &["verify", &phone.wrong_code()], "").status, 1);
    }
    assert_eq!(alice(&host, &["verify", &phone.code()], "").status, 1);
    assert!(passes(&host, &phone.code()), "guesses through the helper have a budget of their own");
}

#[test]
fn verify_without_a_set_up_says_so() {
    let host = house();
    assert_eq!(alice(&host, &["verify", "123456"], "").status, 3);
}

#[test]
fn a_secret_is_shown_again_only_where_the_policy_allows_it() {
    let host = house();
    let mut phone = host.enrol("alice");
    let refused = alice(&host, &["show", "--uri"], &format!("{}\n", phone.code()));
    assert_eq!(refused.status, 4, "{refused:?}");
    assert!(!refused.text().contains(phone.secret()));
    host.write(POLICY, "[totp]\nwindow = 10\n[enrollment]\nself_service = [\"enroll\", \"show\"]\n");
    let shown = alice(&host, &["show", "--uri"], &format!("{}\n", phone.code()));
    assert_eq!(shown.status, 0, "{shown:?}");
    assert!(shown.stdout.contains(&format!("secret={}", phone.secret())), "{shown:?}");
}

#[test]
fn a_secret_is_not_shown_without_a_right_code() {
    let host = builder()
        .policy("[totp]\nwindow = 10\n[enrollment]\nself_service = [\"enroll\", \"show\"]\n")
        .build();
    let phone = host.enrol("alice");
    let outcome = alice(&host, &["show", "--uri", "--secret"], &format!("{}\n", phone.wrong_code()));
    assert_eq!(outcome.status, 1, "{outcome:?}");
    assert!(!outcome.text().contains(phone.secret()));
}

#[test]
fn renewing_takes_a_code_and_replaces_the_phone() {
    let host = house();
    let mut old = host.enrol("alice");
    let terminal = host.terminal("alice", &["totp-enroll", "renew"]);
    terminal.shows("Code: ");
    terminal.enters(&old.code());
    let mut new = scan(&terminal);
    assert_ne!(new.secret(), old.secret());
    assert!(passes(&host, &old.code()), "the old phone works until the new one is proven");
    terminal.enters(&new.code());
    assert_eq!(terminal.exit_status(), 0);
    assert!(!passes(&host, &old.code()));
    assert!(passes(&host, &new.code()));
}

#[test]
fn renewing_with_a_wrong_code_changes_nothing() {
    let host = house();
    let mut phone = host.enrol("alice");
    let terminal = host.terminal("alice", &["totp-enroll", "renew"]);
    terminal.shows("Code: ");
    terminal.enters(&phone.wrong_code());
    assert_eq!(terminal.exit_status(), 1);
    assert!(passes(&host, &phone.code()));
}

#[test]
fn renewing_works_with_a_recovery_code_for_a_lost_phone() {
    let host = house();
    let old = host.enrol("alice");
    let terminal = host.terminal("alice", &["totp-enroll", "renew"]);
    terminal.shows("Code: ");
    terminal.enters(&old.recovery_codes[0]);
    let mut new = scan(&terminal);
    terminal.enters(&new.code());
    assert_eq!(terminal.exit_status(), 0);
    assert!(passes(&host, &new.code()));
}

#[test]
fn unset_removes_it_after_a_code_and_a_confirmation() {
    let host = house();
    let mut phone = host.enrol("alice");
    let terminal = host.terminal("alice", &["totp-enroll", "unset"]);
    terminal.shows("Code: ");
    terminal.enters(&phone.code());
    terminal.shows("Remove two-factor login for alice? [y/N]");
    assert!(is_configured(&host));
    terminal.enters("y");
    assert_eq!(terminal.exit_status(), 0);
    assert!(!is_configured(&host));
    assert!(!host.has("/var/lib/pam_totp/alice.toml"));
}

#[test]
fn unset_without_a_yes_changes_nothing() {
    let host = house();
    let mut phone = host.enrol("alice");
    for answer in ["", "n", "maybe"] {
        let terminal = host.terminal("alice", &["totp-enroll", "unset"]);
        terminal.shows("Code: ");
        terminal.enters(&phone.code());
        terminal.shows("[y/N]");
        terminal.enters(answer);
        terminal.exit_status();
        assert!(is_configured(&host), "{answer:?}");
    }
    assert!(passes(&host, &phone.code()));
}

#[test]
fn unset_takes_a_right_code() {
    let host = house();
    let phone = host.enrol("alice");
    let outcome = alice(&host, &["unset", "--yes"], &format!("{}\n", phone.wrong_code()));
    assert_eq!(outcome.status, 1, "{outcome:?}");
    assert!(is_configured(&host));
}

#[test]
fn unset_and_yes_need_no_terminal() {
    let host = house();
    let mut phone = host.enrol("alice");
    let outcome = alice(&host, &["unset", "--yes"], &format!("{}\n", phone.code()));
    assert_eq!(outcome.status, 0, "{outcome:?}");
    assert!(!is_configured(&host));
}

#[test]
fn unset_is_refused_where_a_code_is_required_and_no_login_could_set_it_up_again() {
    let host = house();
    let mut phone = host.enrol("alice");
    host.write(POLICY, "mode = \"required\"\n[totp]\nwindow = 10\n");
    let outcome = alice(&host, &["unset", "--yes"], &format!("{}\n", phone.code()));
    assert_ne!(outcome.status, 0, "{outcome:?}");
    assert!(is_configured(&host));
}

#[test]
fn recovery_tells_how_many_are_left_and_renews_them_after_a_code() {
    let host = house();
    let mut phone = host.enrol("alice");
    assert!(passes(&host, &phone.recovery_codes[0]));
    let left = alice(&host, &["recovery"], "");
    assert!(left.stdout.contains('9'), "{left:?}");
    let terminal = host.terminal("alice", &["totp-enroll", "recovery", "--renew"]);
    terminal.shows("Code: ");
    terminal.enters(&phone.code());
    assert_eq!(terminal.exit_status(), 0);
    let new = recovery_codes_in(&terminal.history());
    assert_eq!(new.len(), 10);
    assert!(!passes(&host, &phone.recovery_codes[1]));
    assert!(passes(&host, &new[0]));
}

#[test]
fn recovery_codes_are_not_renewed_without_a_right_code() {
    let host = house();
    let phone = host.enrol("alice");
    let terminal = host.terminal("alice", &["totp-enroll", "recovery", "--renew"]);
    terminal.shows("Code: ");
    terminal.enters(&phone.wrong_code());
    assert_eq!(terminal.exit_status(), 1);
    assert!(passes(&host, &phone.recovery_codes[1]));
}

#[test]
fn a_second_device_takes_a_code_and_works_beside_the_first() {
    let host = house();
    let mut phone = host.enrol("alice");
    let terminal = host.terminal("alice", &["totp-enroll", "enroll", "--device", "tablet"]);
    terminal.shows("Code: ");
    terminal.enters(&phone.code());
    let mut tablet = scan(&terminal);
    assert_ne!(tablet.secret(), phone.secret());
    terminal.enters(&tablet.code());
    assert_eq!(terminal.exit_status(), 0);
    assert!(passes(&host, &phone.code()));
    let code = tablet.code();
    assert!(passes(&host, &code));
    assert!(!passes(&host, &code));
    let listed = alice(&host, &["devices"], "");
    assert!(listed.stdout.contains("tablet"), "{listed:?}");
}

#[test]
fn a_device_is_removed_after_a_code_and_no_longer_works() {
    let host = house();
    let mut phone = host.enrol("alice");
    let terminal = host.terminal("alice", &["totp-enroll", "enroll", "--device", "tablet"]);
    terminal.shows("Code: ");
    terminal.enters(&phone.code());
    let mut tablet = scan(&terminal);
    terminal.enters(&tablet.code());
    assert_eq!(terminal.exit_status(), 0);
    let outcome = alice(&host, &["devices", "--remove", "tablet", "--yes"], &format!("{}\n", phone.code()));
    assert_eq!(outcome.status, 0, "{outcome:?}");
    assert!(!passes(&host, &tablet.code()));
    assert!(passes(&host, &phone.code()));
}

#[test]
fn the_last_device_is_not_removed_as_a_device() {
    let host = house();
    let mut phone = host.enrol("alice");
    let name = status(&host)["devices"][0]["name"].as_str().expect("a name").to_owned();
    let outcome = alice(&host, &["devices", "--remove", &name, "--yes"], &format!("{}\n", phone.code()));
    assert_ne!(outcome.status, 0, "{outcome:?}");
    assert!(outcome.text().contains("unset"), "{outcome:?}");
    assert!(is_configured(&host));
}

#[test]
fn remembered_hosts_are_listed_and_forgotten() {
    let host = builder()
        .policy("mode = \"required\"\n[totp]\nwindow = 10\n[remember]\nhosts_for = \"1h\"\n")
        .build();
    let mut phone = host.enrol("alice");
    let from = ["pamtester", "-I", "rhost=192.0.2.7", "test", "alice", "authenticate"];
    assert_eq!(host.run_with_input("root", &from, format!("{}\n", phone.code())).status, 0);
    assert_eq!(host.run(&from).status, 0, "the address is remembered");
    let listed = alice(&host, &["hosts"], "");
    assert!(listed.stdout.contains("192.0.2.7"), "{listed:?}");
    let forgotten = alice(&host, &["hosts", "--forget"], "");
    assert_eq!(forgotten.status, 0, "{forgotten:?}");
    assert_eq!(host.run(&from).status, 1, "the address is asked again");
}

#[test]
fn unattended_enrolment_prints_everything_a_script_needs() {
    let host = house();
    let outcome = host.run(&["totp-enroll", "admin", "enroll", "alice", "--json"]);
    let answer = outcome.json();
    let mut phone = Phone::scan(answer["uri"].as_str().expect("a URI")).with_window(10);
    assert_eq!(answer["secret"].as_str(), Some(phone.secret()));
    assert_eq!(phone.secret().len(), 32, "160 bits in Base32");
    assert_eq!(answer["recovery_codes"].as_array().map(Vec::len), Some(10));
    assert!(answer["device"].is_string());
    assert!(passes(&host, &phone.code()));
}

#[test]
fn unattended_enrolment_of_somebody_set_up_changes_nothing() {
    let host = house();
    host.enrol("alice");
    let before = host.store();
    let outcome = host.run(&["totp-enroll", "admin", "enroll", "alice", "--json"]);
    assert_eq!(outcome.status, 1, "{outcome:?}");
    assert_eq!(host.store(), before);
}

#[test]
fn an_administrator_shows_the_same_secret_as_text_and_as_a_qr_code() {
    let host = house();
    let phone = host.enrol("alice");
    let terminal = host.terminal("root", &["totp-enroll", "admin", "show", "alice", "--qr"]);
    assert_eq!(terminal.exit_status(), 0);
    let uri = terminal.qr(Theme::Dark).expect("a camera reads it");
    assert_eq!(Phone::scan(&uri).secret(), phone.secret());
}

#[test]
fn an_administrator_revokes_and_the_user_may_enrol_anew() {
    let host = house();
    let mut old = host.enrol("alice");
    let outcome = host.run(&["totp-enroll", "admin", "revoke", "alice", "--yes"]);
    assert_eq!(outcome.status, 0, "{outcome:?}");
    assert!(!is_configured(&host));
    let mut new = enrol_in_a_terminal(&host);
    assert!(!passes(&host, &old.code()));
    assert!(passes(&host, &new.code()));
}

#[test]
fn revoking_asks_first() {
    let host = house();
    host.enrol("alice");
    let terminal = host.terminal("root", &["totp-enroll", "admin", "revoke", "alice"]);
    terminal.shows("[y/N]");
    terminal.enters("n");
    terminal.exit_status();
    assert!(is_configured(&host));
}

#[test]
fn an_administrator_unlocks_who_is_throttled() {
    let host = builder()
        .policy(
            "mode = \"required\"\n[totp]\nwindow = 10\n[throttle]\nfree_failures = 0\nbase_delay = \"10m\"\n",
        )
        .build();
    let mut phone = host.enrol("alice");
    assert!(!passes(&host, &phone.wrong_code()));
    assert!(!passes(&host, &phone.code()));
    host.wait_for_log("reason=throttled");
    let outcome = host.run(&["totp-enroll", "admin", "unlock", "alice"]);
    assert_eq!(outcome.status, 0, "{outcome:?}");
    assert!(passes(&host, &phone.code()));
}

#[test]
fn set_up_and_its_end_are_logged_with_who_did_it() {
    let host = house();
    enrol_in_a_terminal(&host);
    host.run(&["totp-enroll", "admin", "revoke", "alice", "--yes"]);
    host.wait_until("both are logged", |host| {
        let log = host.log();
        let about = |word: &str| {
            log.iter()
                .any(|line| line.contains("event=") && line.contains("user=alice") && line.contains(word))
        };
        about("by=alice") && about("by=root")
    });
}

#[test]
fn administrators_commands_are_for_root() {
    let host = house();
    host.enrol("alice");
    let before = host.store();
    for words in [
        &["admin", "enroll", "alice", "--json"][..],
        &["admin", "show", "alice"],
        &["admin", "status", "alice", "--json"],
        &["admin", "revoke", "alice", "--yes"],
        &["admin", "unlock", "alice"],
        &["--policy", "/etc/pam_totp/policy.toml", "status"],
    ] {
        let outcome = alice(&host, words, "");
        assert_eq!(outcome.status, 4, "{words:?}: {outcome:?}");
    }
    assert_eq!(host.store(), before);
}

#[test]
fn what_cannot_be_understood_is_a_usage_error() {
    let host = house();
    for words in [&["enrol-me"][..], &["status", "--jason"], &["admin", "enroll"], &["verify", "1", "2"]] {
        assert_eq!(alice(&host, words, "").status, 2, "{words:?}");
    }
}

#[test]
fn commands_on_who_is_not_set_up_say_so() {
    let host = house();
    for words in [&["renew"][..], &["unset", "--yes"], &["recovery", "--renew"], &["verify", "123456"]] {
        let outcome = alice(&host, words, "123456\n");
        assert_eq!(outcome.status, 3, "{words:?}: {outcome:?}");
    }
}

#[test]
fn an_unusable_policy_is_reported_with_its_line() {
    let host = house();
    host.write(POLICY, "\nmode = \"sometimes\"\n");
    let outcome = alice(&host, &["status"], "");
    assert_eq!(outcome.status, 5, "{outcome:?}");
    for part in [POLICY, "2", "sometimes", "required"] {
        assert!(outcome.stderr.contains(part), "`{part}` is missing: {outcome:?}");
    }
}

#[test]
fn a_policy_that_asks_for_what_is_not_there_yet_is_refused() {
    let host = house();
    for text in [
        "strategy = \"sms\"\n",
        "[[rule]]\nusers = [\"alice\"]\nmode = \"disabled\"\n",
        "[ssh]\nrefuse_key_only = true\n",
    ] {
        host.write(POLICY, text);
        assert_eq!(alice(&host, &["status"], "").status, 5, "{text}");
    }
}

#[test]
fn root_works_on_another_policy_and_its_store() {
    let host = house();
    host.must_run(&["install", "-d", "-m", "700", "-o", "_pam_totp", "-g", "_pam_totp", "/var/lib/other"]);
    host.write("/etc/other.toml", "[store]\ndirectory = \"/var/lib/other\"\n");
    let with = ["totp-enroll", "--policy", "/etc/other.toml"];
    let outcome = host.run(&[&with[..], &["admin", "enroll", "alice", "--json"]].concat());
    assert_eq!(outcome.status, 0, "{outcome:?}");
    let other = host.run(&[&with[..], &["admin", "status", "alice", "--json"]].concat());
    assert_eq!(other.json()["configured"], true);
    assert!(!is_configured(&host));
}

#[test]
fn what_users_must_be_told_on_renew_and_on_unset_is_said() {
    let host = house();
    let mut phone = host.enrol("alice");
    let terminal = host.terminal("alice", &["totp-enroll", "unset"]);
    terminal.shows("Code: ");
    terminal.enters(&phone.code());
    let told = terminal.shows("[y/N]");
    assert!(told.contains("less secure"), "{told}");
    terminal.enters("n");
    terminal.exit_status();
    let terminal = host.terminal("alice", &["totp-enroll", "renew"]);
    terminal.shows("Code: ");
    terminal.enters(&phone.code());
    let told = terminal.asks_for_proof();
    assert!(told.contains("stops working"), "{told}");
}
