//! What users do with totp-enroll once they are set up, in a terminal and from scripts.

#![forbid(unsafe_code)]

mod tool;

use host::{POLICY, PROOF, recovery_codes_in};
use tool::{alice, builder, house, is_configured, passes, scan, status};

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
fn verify_counts_like_a_login_at_this_machine() {
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
    assert!(!passes(&host, &phone.code()), "all that comes from this machine is one source");
    let elsewhere = ["pamtester", "-I", "rhost=192.0.2.7", "test", "alice", "authenticate"];
    let outcome = host.run_with_input("root", &elsewhere, format!("{}\n", phone.code()));
    assert_eq!(outcome.status, 0, "another address waits for none of it: {outcome:?}");
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
