//! `admin prune` on a host with a directory, where "no such user" may mean that it is down.

#![forbid(unsafe_code)]

use host::{Builder, Host, Outcome, STORE};

/// Down, and hidden by the host's own files behind it.
const ORDER: &str = "directory files";

fn builder() -> Builder {
    Host::builder()
        .user("alice", "wonderland")
        .directory_order(ORDER, ORDER)
        .directory_user("carol", "christmas")
        .directory_user("dave", "copperfield")
        .policy("mode = \"required\"\n")
}

fn prune(host: &Host, words: &[&str]) -> Outcome {
    host.run(&[&["totp-enroll", "admin", "prune"], words].concat())
}

fn must_prune(host: &Host, words: &[&str]) -> String {
    let outcome = prune(host, words);
    assert_eq!(outcome.status, 0, "{outcome:?}");
    outcome.stdout
}

/// As if the notes had been made so many hours earlier.
fn notes_are_older(host: &Host, hours: u32) {
    let script = format!(
        "cd {STORE}; for note in *.absent; do sed -i \
         -e \"s/^since.*/since = $(date -u -d '-{hours} hours' +%FT%TZ)/\" -e 's/^boot.*/boot = \"\"/' $note; done"
    );
    host.must_run(&["sh", "-ec", &script]);
}

fn endings_of(host: &Host, user: &str) -> Vec<String> {
    let names = host.store_names().into_iter();
    names.filter_map(|name| name.strip_prefix(&format!("{user}.")).map(str::to_owned)).collect()
}

#[test]
fn no_phone_goes_by_a_directory_that_is_down_once() {
    let host = builder().build();
    for user in ["alice", "carol", "dave"] {
        host.enrol(user);
    }
    host.directory_fails(true);
    let before = host.store();
    let told = must_prune(&host, &["--yes"]);
    assert!(told.contains("carol: there is no such user any more\n"), "{told}");
    assert!(told.contains("Noted, and not removed: 2.") && told.contains("a day later or more"), "{told}");
    for (name, contents) in &before {
        assert_eq!(host.store().get(name), Some(contents), "{name}");
    }
    assert_eq!(endings_of(&host, "carol"), ["absent", "state", "toml"]);
    let owner = host.must_run(&["stat", "--format=%U %a", &format!("{STORE}/carol.absent")]);
    assert_eq!(owner, "_pam_totp 600\n");
    host.wait_for_log("event=absence result=done user=carol");
    notes_are_older(&host, 23);
    let told = must_prune(&host, &["--yes"]);
    assert!(told.contains("removed by one in 1 h or later"), "{told}");
    assert_eq!(endings_of(&host, "carol"), ["absent", "state", "toml"]);
    host.directory_fails(false);
    must_prune(&host, &["--yes"]);
    assert_eq!(host.store(), before, "who is known again loses the note");
}

#[test]
fn who_is_unknown_a_day_later_still_is_removed() {
    let host = builder().build();
    host.enrol("carol");
    host.enrol("dave");
    host.must_run(&["sed", "-i", "/^carol:/d", "/etc/directory/passwd"]);
    must_prune(&host, &[]);
    notes_are_older(&host, 25);
    let refused = host.run_with_input("root", &["totp-enroll", "admin", "prune"], "n\n");
    assert!(
        refused.status == 1 && refused.stdout.contains("as a run at least a day ago found"),
        "{refused:?}"
    );
    assert_eq!(endings_of(&host, "carol"), ["absent", "state", "toml"]);
    assert!(must_prune(&host, &["--yes"]).contains("Removed: 1"));
    assert_eq!(host.store_names(), ["dave.state", "dave.toml"]);
    host.wait_for_log("event=prune result=done user=carol");
}

#[test]
fn a_note_that_somebody_made_up_removes_nobody() {
    for text in [
        "",
        "version = 1",
        "since = 2000-01-01T00:00:00Z",
        "version = 1\\nsince = 2999-01-01T00:00:00Z\\nboot = \"\"\\nuptime = 0",
        "version = 1\\nsince = 2000-01-01T00:00:00Z\\nboot = \"\"\\nuptime = 0\\nmore = 1",
    ] {
        let host = builder().build();
        host.enrol("carol");
        host.directory_fails(true);
        host.must_run(&["sh", "-ec", &format!("umask 077; cd {STORE}; printf '{text}\\n' >carol.absent")]);
        assert!(must_prune(&host, &["--yes"]).contains("Noted, and not removed: 1"), "{text}");
        assert_eq!(endings_of(&host, "carol"), ["absent", "state", "toml"]);
    }
}

#[test]
fn a_user_who_is_named_goes_at_once_and_nobody_who_is_there() {
    let host = builder().build();
    for user in ["alice", "carol", "dave"] {
        host.enrol(user);
    }
    host.must_run(&["sed", "-i", "/^carol:/d", "/etc/directory/passwd"]);
    let before = host.store();
    for words in [&["carol", "alice"][..], &["carol", "nobody-of-that-name"], &["dave"]] {
        let refused = prune(&host, &[words, &["--yes"]].concat());
        assert!(refused.status == 1 && refused.stderr.contains("nothing was changed"), "{refused:?}");
        assert_eq!(host.store(), before, "{words:?}");
    }
    let asked = host.run_with_input("root", &["totp-enroll", "admin", "prune", "carol"], "n\n");
    assert_eq!((asked.status, host.store() == before), (1, true), "{asked:?}");
    assert!(must_prune(&host, &["carol", "--yes"]).contains("Removed: 1"));
    assert_eq!(host.store_names(), ["alice.state", "alice.toml", "dave.state", "dave.toml"]);
}

#[test]
fn a_name_that_another_source_has_with_another_uid_keeps_its_phone() {
    let host = builder().user("carol", "of the host").build();
    host.enrol("carol");
    let before = host.store();
    host.directory_fails(true);
    let told = must_prune(&host, &["--yes"]);
    assert!(told.contains("it was made for another uid") && told.contains("it stays"), "{told}");
    assert_eq!(host.store(), before);
}
