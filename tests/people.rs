//! What administrators see of all users, and do to one: users, summary, filters, prune, disable, mode.

#![forbid(unsafe_code)]

mod tool;

use host::{Builder, Host, Outcome, POLICY, STORE};
use serde_json::Value;
use tool::{passes, status};

/// Alice and bob; the code is required of those in the group staff, which has bob.
const STAFF: &str = "mode = \"optional\"\n[totp]\nwindow = 10\n[throttle]\nfree_failures = 0\nbase_delay = \"10m\"\n[[rule]]\ngroups = [\"staff-group\"]\nmode = \"required\"\n";

/// Whom a machine has, or these tests make.
const OURS: [&str; 5] = ["root", "alice", "bob", "daemon-account", "Erin"];

fn builder() -> Builder {
    tool::builder().user("bob", "builder").policy(STAFF)
}

fn house() -> Host {
    let host = builder().build();
    host.add_group("staff-group", &["bob"]);
    host
}

fn admin(host: &Host, words: &[&str]) -> Outcome {
    host.run(&[&["totp-enroll", "admin"], words].concat())
}

fn must(host: &Host, words: &[&str]) -> String {
    let outcome = admin(host, words);
    assert_eq!(outcome.status, 0, "{words:?}: {outcome:?}");
    outcome.stdout
}

/// The names that `admin users` lists with these options, but for those of the machine that runs the tests.
fn listed(host: &Host, options: &[&str]) -> Vec<String> {
    let outcome = admin(host, &[&["users", "--json"], options].concat());
    assert_eq!(outcome.status, 0, "{options:?}: {outcome:?}");
    let users = outcome.json();
    let names = users.as_array().expect("an array").iter();
    let names = names.map(|user| user["user"].as_str().expect("a name").to_owned());
    names.filter(|name| OURS.contains(&name.as_str())).collect()
}

fn summary(host: &Host) -> Value {
    admin(host, &["users", "--summary", "--json"]).json()
}

#[test]
fn everybody_who_could_log_in_is_listed_with_what_is_set_up() {
    let host = house();
    host.add_service_account("daemon-account", "x");
    host.must_run(&["useradd", "--uid", "1494201105", "--badname", "of.directory"]);
    host.enrol("alice");
    let users = admin(&host, &["users", "--json"]).json();
    let about = |name: &str| {
        let found = users.as_array().expect("an array").iter().find(|user| user["user"] == name);
        found.unwrap_or_else(|| panic!("{name} is not listed: {users:#}")).clone()
    };
    assert_eq!(about("alice")["devices"], serde_json::json!(["phone"]));
    assert_eq!((&about("alice")["configured"], &about("alice")["mode"]), (&true.into(), &"optional".into()));
    assert_eq!((&about("bob")["configured"], &about("bob")["mode"]), (&false.into(), &"required".into()));
    about("root");
    about("of.directory");
    assert!(!listed(&host, &[]).contains(&"daemon-account".to_owned()));
    assert!(listed(&host, &["--all"]).contains(&"daemon-account".to_owned()));
    // Somebody of whom there is anything is never hidden.
    host.enrol("daemon-account");
    assert!(listed(&host, &[]).contains(&"daemon-account".to_owned()));
}

#[test]
fn the_list_is_narrowed_by_kind_and_by_group() {
    let host = house();
    let phone = host.enrol("alice");
    must(&host, &["invite", "bob", "--json"]);
    must(&host, &["mode", "alice", "required", "--until", "2999-12-31"]);
    assert!(!passes(&host, &phone.wrong_code()));
    for (options, expected) in [
        (&["--only", "configured"][..], &["alice"][..]),
        (&["--only", "not-configured"], &["bob", "root"]),
        (&["--only", "throttled"], &["alice"]),
        (&["--only", "override"], &["alice"]),
        (&["--only", "invited"], &["bob"]),
        (&["--only", "required"], &["alice", "bob"]),
        (&["--only", "optional"], &["root"]),
        (&["--only", "disabled"], &[]),
        (&["--only", "required", "--only", "not-configured"], &["bob"]),
        (&["--group", "staff-group"], &["bob"]),
        (&["--group", "alice"], &["alice"]),
        (&["--group", "staff-group", "--only", "configured"], &[]),
    ] {
        assert_eq!(listed(&host, options), expected, "{options:?}");
    }
    for (options, status) in [(&["--group", "no-such-group"][..], 1), (&["--only", "sleeping"], 2)] {
        let outcome = admin(&host, &[&["users"], options].concat());
        assert_eq!(outcome.status, status, "{outcome:?}");
        assert!(outcome.stdout.is_empty() && outcome.stderr.contains(options[1]), "{outcome:?}");
    }
}

#[test]
fn the_summary_counts_and_adds_up() {
    let host = house();
    host.enrol("alice");
    must(&host, &["mode", "root", "disabled"]);
    let all = admin(&host, &["users", "--json"]).json().as_array().expect("an array").len();
    let expected = serde_json::json!({
        "users": all, "configured": 1, "not_configured": all - 1, "required_and_not_configured": 1,
        "invited": 0, "disabled": 1, "throttled": 0, "overrides": 1, "gone": 0,
        "services_that_ask": ["test"],
    });
    assert_eq!(summary(&host), expected);
    let told = must(&host, &["users", "--summary"]);
    let share = format!(" {} % (1 of {all})\nNot set up though a code is required: 1\n", 100 / all);
    assert!(told.contains(&share), "{told}");
    host.remove_user("alice");
    assert_eq!((&summary(&host)["users"], &summary(&host)["gone"]), (&(all - 1).into(), &1.into()));
    assert!(must(&host, &["users", "--summary"]).contains("`totp-enroll admin prune`"));
}

#[test]
fn the_table_fits_a_screen_of_eighty_columns() {
    let host = house();
    let mut phone = host.enrol("alice");
    assert!(passes(&host, &phone.code()));
    must(&host, &["mode", "bob", "disabled"]);
    let table = must(&host, &["users"]);
    assert!(table.lines().all(|line| line.chars().count() <= 80), "{table}");
    assert!(table.starts_with("USER ") && table.contains("disabled*"), "{table}");
}

#[test]
fn one_broken_file_hides_nobody_else() {
    for script in [
        "echo x >bob.toml",
        "echo x >bob.mode",
        "rm bob.state; mkdir bob.state",
        "rm bob.toml; mkdir bob.toml",
        "ln -sf /etc/shadow bob.toml",
        "ln -sf alice.mode bob.mode",
        "chmod 644 bob.toml",
        "rm bob.toml; mkfifo -m 600 bob.toml",
        "head -c 100000 /dev/zero >bob.mode",
    ] {
        let host = house();
        host.enrol("alice");
        host.enrol("bob");
        must(&host, &["mode", "bob", "required"]);
        host.must_run(&["sh", "-ec", &format!("umask 077; cd {STORE}; {script}")]);
        let file = if script.contains("bob.mode") {
            "bob.mode"
        } else if script.contains("bob.state") {
            "bob.state"
        } else {
            "bob.toml"
        };
        for command in [&["users"][..], &["users", "--summary"], &["users", "--json"], &["prune"]] {
            let outcome = admin(&host, command);
            let needed = *command != ["prune"] || file != "bob.state";
            assert_eq!(outcome.status, if needed { 5 } else { 0 }, "{script}: {outcome:?}");
            assert!(!needed || outcome.stderr.contains(&format!("{STORE}/{file}")), "{script}: {outcome:?}");
            assert!(!outcome.stderr.contains("root:"), "{outcome:?}");
        }
        let outcome = admin(&host, &["users"]);
        assert!(outcome.stdout.contains("alice") && !outcome.stdout.contains("bob"), "{outcome:?}");
        assert_eq!(admin(&host, &["status", "alice"]).status, 0);
        assert_eq!(admin(&host, &["status", "bob"]).status, 5, "{script}");
    }
}

#[test]
fn what_is_kept_of_users_who_are_gone_is_pruned_and_nothing_else() {
    let host = builder().user("carol", "x").user("dave", "x").build();
    for user in ["alice", "bob", "carol"] {
        host.enrol(user);
    }
    must(&host, &["mode", "dave", "required"]);
    must(&host, &["mode", "carol", "required"]);
    host.remove_user("bob");
    host.recreate_user("carol", "x");
    host.remove_user("dave");
    let before = host.store();
    let asked = host.run_with_input("root", &["totp-enroll", "admin", "prune"], "n\n");
    assert!(asked.status == 1 && asked.stderr.contains("nothing was changed"), "{asked:?}");
    assert_eq!(host.store(), before);
    let outcome = admin(&host, &["prune", "--yes"]);
    assert_eq!(outcome.status, 0, "{outcome:?}");
    assert!(outcome.stdout.contains("carol: it was made for another uid"), "{outcome:?}");
    assert!(outcome.stdout.contains("Removed: 2"), "{outcome:?}");
    host.wait_for_log("event=prune result=done user=dave");
    // Somebody has that name, and would be let in without a code: not before it is named.
    assert_eq!(host.store_names(), ["alice.state", "alice.toml", "carol.mode", "carol.state", "carol.toml"]);
    assert!(must(&host, &["prune", "carol", "--yes"]).contains("Removed: 1"));
    assert_eq!(host.store_names(), ["alice.state", "alice.toml"]);
    assert!(must(&host, &["prune"]).contains("nothing to prune"));
}

#[test]
fn a_name_service_that_fails_has_nobody_pruned_or_hidden() {
    let host = builder().directory_user("Erin", "x").build();
    host.enrol("erin");
    let before = host.store();
    host.directory_fails(true);
    for command in [&["prune", "--yes"][..], &["users"], &["users", "--summary"]] {
        let outcome = admin(&host, command);
        assert_eq!(outcome.status, 5, "{command:?}: {outcome:?}");
        assert!(outcome.stderr.contains("name service failed"), "{outcome:?}");
    }
    assert_eq!(host.store(), before);
    host.directory_fails(false);
    assert!(listed(&host, &["--only", "configured"]).contains(&"Erin".to_owned()));
}

#[test]
fn who_is_disabled_is_asked_nothing_and_has_nothing_left() {
    let host = builder().policy(&format!("mode = \"required\"\n{}", &STAFF[18..])).build();
    host.enrol("alice");
    let asked = host.run_with_input("root", &["totp-enroll", "admin", "disable", "alice"], "\n");
    assert_eq!((asked.status, &status(&host)["configured"]), (1, &true.into()), "{asked:?}");
    let told = must(&host, &["disable", "alice", "--yes"]);
    assert!(told.contains("`totp-enroll admin mode alice default` ends that"), "{told}");
    assert_eq!((&status(&host)["configured"], &status(&host)["mode"]), (&false.into(), &"disabled".into()));
    assert!(
        must(&host, &["status", "alice"]).starts_with("Two-factor login: disabled by an administrator\n")
    );
    assert!(passes(&host, ""));
    for event in ["event=mode result=done user=alice", "event=revoke result=done user=alice"] {
        assert!(host.wait_for_log(event).contains("by=root"));
    }
    // Also of one who never was set up, and twice.
    must(&host, &["disable", "bob", "--yes"]);
    must(&host, &["disable", "bob", "--yes"]);
    must(&host, &["mode", "alice", "default"]);
    assert!(!passes(&host, ""));
}

#[test]
fn an_override_lasts_through_its_day_and_says_so() {
    let host = house();
    let told = must(&host, &["mode", "alice", "required", "--until", "2999-01-31"]);
    assert!(told.contains("until 2999-01-31 (UTC)"), "{told}");
    assert!(told.contains("`totp-enroll admin enroll alice`"), "she cannot log in now: {told}");
    assert_eq!(status(&host)["overridden"]["until"], "2999-01-31");
    let line = host.wait_for_log("event=mode result=done user=alice");
    assert!(line.contains("by=root mode=required until=2999-01-31"), "{line}");
    assert!(!passes(&host, ""));
    let file = format!("{STORE}/alice.mode");
    let text = String::from_utf8(host.read(&file)).expect("text");
    host.write(&file, text.replace("2999-01-31", "2020-01-31"));
    assert!(passes(&host, ""), "it is over");
    assert_eq!(status(&host)["overridden"], Value::Null);
    must(&host, &["mode", "alice", "default"]);
    assert!(host.store_names().is_empty(), "{:?}", host.store_names());

    let outcome = admin(&host, &["mode", "alice", "default", "--until", "2999-01-31"]);
    assert!(outcome.status == 2 && outcome.stderr.contains("--until"), "{outcome:?}");
    host.write(POLICY, STAFF.replace("optional", "disabled"));
    must(&host, &["mode", "alice", "optional"]);
    assert_eq!(status(&host)["mode"], "optional");
}
