//! Users who were renamed, got another uid, or were deleted and followed by somebody with their uid: nobody loses the
//! second factor without a word, nobody inherits it, and an administrator says whose it is.

#![forbid(unsafe_code)]

use host::{Builder, Dialogue, Host, Outcome, PamStack, Phone, STORE, Stack};

const PASSWORD: &str = "Password: ";
const CODE: &str = "Verification code: ";
/// What a local user hears.
const ADOPT: &str = "totp-enroll admin adopt";

fn builder(mode: &str) -> Builder {
    Host::builder()
        .user("alice", "wonderland")
        .user("bob", "builder")
        .policy(&format!("mode = \"{mode}\"\n[totp]\nwindow = 10\n"))
        .stack("sshd", Stack::PasswordAndCode)
        .stack("su", Stack::PasswordAndCode)
        .stack("test", Stack::Text("auth required pam_totp.so\nauth required pam_permit.so\n"))
        .network()
}

/// alice is set up, and is alicia by now.
fn renamed(mode: &str) -> (Host, Phone) {
    let host = builder(mode).build();
    let phone = host.enrol("alice");
    rename_alice(&host);
    (host, phone)
}

fn rename_alice(host: &Host) {
    host.must_run(&["usermod", "--login", "alicia", "alice"]);
    host.must_run(&["groupmod", "--new-name", "alicia", "alice"]);
}

fn ssh(host: &Host, user: &str, password: &str) -> Dialogue {
    let mut login = host.ssh(user);
    login.answers(PASSWORD, password);
    login
}

fn is_not_asked(host: &Host, user: &str, password: &str) {
    let mut login = ssh(host, user, password);
    login.is_let_in_as(user);
    assert!(!login.seen().contains(CODE), "{}", login.seen());
}

/// What a login over ssh reads, asked for a code and refused whatever it answers.
fn is_asked_in_vain(host: &Host, user: &str, password: &str, answer: &str) -> String {
    let mut login = ssh(host, user, password);
    login.answers(CODE, answer);
    let rest = login.ends();
    assert!(rest.contains("Permission denied"), "{rest}");
    login.seen().replace(user, "USER")
}

fn is_let_in(host: &Host, user: &str, password: &str, code: &str) {
    let mut login = ssh(host, user, password);
    login.answers(CODE, code);
    login.is_let_in_as(user);
}

fn admin(host: &Host, words: &[&str]) -> Outcome {
    host.run(&[&["totp-enroll", "admin"], words].concat())
}

fn must(host: &Host, words: &[&str]) -> String {
    let outcome = admin(host, words);
    assert_eq!(outcome.status, 0, "{outcome:?}");
    outcome.text()
}

#[test]
fn a_renamed_user_keeps_the_second_factor_until_it_is_adopted() {
    let (host, mut phone) = renamed("optional");
    let used = phone.code();
    is_asked_in_vain(&host, "alicia", "wonderland", &used);
    let line = host.wait_for_log("event=login result=denied reason=renamed-user");
    assert!(line.contains("user=alicia") && line.contains("former_user=alice"), "{line}");
    let asked = host.run_with_input("root", &["totp-enroll", "admin", "adopt", "alice", "alicia"], "y\n");
    assert_eq!(asked.status, 0, "{asked:?}");
    assert!(
        asked.stdout.contains("useradd gives the uid of a deleted user to the next new one"),
        "{asked:?}"
    );
    assert_eq!(host.store_names(), ["alicia.state", "alicia.toml"]);
    host.wait_for_log(
        "event=adopt result=done user=alicia service=totp-enroll from=local by=root former_user=alice",
    );
    is_let_in(&host, "alicia", "wonderland", &used);
    let again = is_asked_in_vain(&host, "alicia", "wonderland", &used);
    assert!(again.contains("already used"), "{again}");
    is_let_in(&host, "alicia", "wonderland", &phone.recovery_codes[0]);
}

#[test]
fn a_changed_uid_loses_nothing_either() {
    let host = builder("optional").build();
    let mut phone = host.enrol("alice");
    let uid = (host.uid("alice") + 1000).to_string();
    host.must_run(&["usermod", "--uid", &uid, "alice"]);
    is_asked_in_vain(&host, "alice", "wonderland", &phone.code());
    host.wait_for_log("event=login result=denied reason=other-uid user=alice");
    let told = must(&host, &["adopt", "alice", "alice", "--yes"]);
    assert!(told.contains("used codes stay used"), "{told}");
    is_let_in(&host, "alice", "wonderland", &phone.code());
}

#[test]
fn who_gets_the_uid_of_somebody_deleted_neither_inherits_the_phone_nor_is_let_in_before_it_is_pruned() {
    let host = builder("optional").build();
    let mut phone = host.enrol("alice");
    let uid = host.uid("alice").to_string();
    host.remove_user("alice");
    host.must_run(&["useradd", "--create-home", "--uid", &uid, "--shell", "/bin/bash", "mallory"]);
    host.set_password("mallory", "new");
    is_asked_in_vain(&host, "mallory", "new", &phone.code());
    is_asked_in_vain(&host, "mallory", "new", &phone.recovery_codes[0]);
    let refused = host.run_with_input("root", &["totp-enroll", "admin", "adopt", "alice", "mallory"], "n\n");
    assert_eq!(refused.status, 1, "{refused:?}");
    is_asked_in_vain(&host, "mallory", "new", &phone.code());
    // One that runs by itself, at night, opens no door.
    assert!(must(&host, &["prune", "--yes"]).contains("alice: there is no such user any more, and the uid"));
    is_asked_in_vain(&host, "mallory", "new", &phone.code());
    must(&host, &["prune", "alice", "--yes"]);
    assert!(host.store_names().is_empty(), "{:?}", host.store_names());
    is_not_asked(&host, "mallory", "new");
}

#[test]
fn another_user_of_the_same_uid_is_nobodys_heir() {
    let host = builder("optional").build();
    let mut phone = host.enrol("alice");
    let uid = host.uid("alice").to_string();
    host.must_run(&[
        "useradd",
        "--non-unique",
        "--uid",
        &uid,
        "--no-create-home",
        "--shell",
        "/bin/bash",
        "second",
    ]);
    host.set_password("second", "too");
    let mut login = ssh(&host, "second", "too");
    // A shell looks its own name up by the uid.
    login.is_let_in_as("alice");
    assert!(!login.seen().contains(CODE));
    is_let_in(&host, "alice", "wonderland", &phone.code());
}

#[test]
fn a_stranger_learns_nothing_from_a_renamed_user() {
    let (host, phone) = renamed("required");
    let said = |user: &str, answer: &str| is_asked_in_vain(&host, user, "a guess", answer);
    let expected = said("bob", "123456");
    for user in ["alicia", "alice", "nobody-of-that-name"] {
        assert_eq!(said(user, "123456"), expected, "{user}");
    }
    assert_eq!(said("alicia", &phone.recovery_codes[0]), expected);
}

#[test]
fn a_local_user_hears_what_to_ask_for() {
    let (host, _) = renamed("optional");
    let mut login = host.dialogue_as("bob", &["su", "alicia"]);
    login.answers(PASSWORD, "wonderland");
    login.answers(CODE, "123456");
    let told = login.ends();
    assert!(told.contains(&format!("{ADOPT} alice alicia")) && told.contains("admin prune alice"), "{told}");
    assert!(told.contains("Authentication failure"), "{told}");
}

#[test]
fn where_two_factor_login_is_disabled_a_renamed_user_is_not_asked() {
    let (host, _) = renamed("disabled");
    is_not_asked(&host, "alicia", "wonderland");
}

#[test]
fn nobody_sets_a_phone_up_in_the_place_of_one_that_is_kept() {
    let host = builder("required")
        .policy("mode = \"required\"\n[enrollment]\ngrace_logins = 5\n")
        .stack("sshd", Stack::Text(&PamStack::new().arguments("setup").text()))
        .build();
    host.enrol("alice");
    rename_alice(&host);
    let before = host.store();
    is_asked_in_vain(&host, "alicia", "wonderland", "");
    host.terminal("alicia", &["totp-enroll", "enroll"]).shows("was set up for this uid under the name alice");
    let roots = admin(&host, &["enroll", "alicia", "--json"]);
    assert!(roots.status == 1 && roots.stderr.contains(&format!("{ADOPT} alice alicia")), "{roots:?}");
    // A screen locker, which goes through totp-helper.
    let locker = host.run_with_input("alicia", &["pamtester", "test", "alicia", "authenticate"], "\n");
    assert!(locker.status == 1 && locker.text().contains(ADOPT), "{locker:?}");
    assert_eq!(host.store(), before);
}

#[test]
fn every_command_names_the_orphan_and_the_way_out() {
    let (host, _) = renamed("optional");
    host.enrol("bob");
    host.recreate_user("bob", "builder");
    let renamed = format!("{ADOPT} alice alicia");
    let changed = format!("{ADOPT} bob bob");
    for words in [&["users"][..], &["policy", "check"], &["prune", "--yes"]] {
        let told = must(&host, words);
        assert!(told.contains(&renamed) && told.contains(&changed), "{words:?}: {told}");
        assert!(told.contains("totp-enroll admin prune alice"), "{words:?}: {told}");
    }
    for (user, command) in [("alicia", &renamed), ("bob", &changed)] {
        for words in [["status", user], ["why", user]] {
            let told = must(&host, &words);
            assert!(told.contains(command.as_str()), "{words:?}: {told}");
        }
        let told = must(&host, &["explain", user, "--service", "sshd", "--from", "192.0.2.7"]);
        assert!(told.contains("asked for a code, and refused whatever it is"), "{told}");
    }
    let of_old = admin(&host, &["status", "alice"]);
    assert!(of_old.status == 1 && of_old.stderr.contains(&renamed), "{of_old:?}");
    let users = admin(&host, &["users", "--json"]).json();
    let alicia = users.as_array().and_then(|users| users.iter().find(|user| user["user"] == "alicia"));
    assert_eq!(alicia.expect("alicia is listed")["orphan"]["user"], "alice", "{users}");
    let status = admin(&host, &["status", "alicia", "--json"]).json();
    assert_eq!((&status["configured"], &status["mode"]), (&false.into(), &"required".into()));
    assert_eq!(status["orphan"]["user"], "alice");
}

#[test]
fn a_store_made_by_an_older_version_knows_renamed_users_as_well() {
    let (host, mut phone) = renamed("optional");
    host.must_run(&["rm", "-r", &format!("{STORE}/.uids")]);
    is_asked_in_vain(&host, "alicia", "wonderland", &phone.code());
    assert!(host.has(&format!("{STORE}/.uids")));
    let owner = host.must_run(&["stat", "--format=%U %a", &format!("{STORE}/.uids")]);
    assert_eq!(owner, "_pam_totp 700\n");
}

#[test]
fn what_somebody_has_is_not_adopted() {
    let host = builder("optional").build();
    host.enrol("alice");
    let before = host.store();
    for (words, why) in [
        (["alice", "bob"], "there is a user named alice"),
        (["carol", "bob"], "nothing is kept of carol"),
        (["alice", "alice"], "of the uid"),
    ] {
        let refused = admin(&host, &["adopt", words[0], words[1], "--yes"]);
        assert!(refused.status == 1 && refused.stderr.contains(why), "{refused:?}");
    }
    assert_eq!(host.run_as("alice", &["totp-enroll", "admin", "adopt", "bob", "alice"]).status, 4);
    assert_eq!(admin(&host, &["adopt", "alice", "nobody-of-that-name"]).status, 1);
    assert_eq!(host.store(), before);
}

/// Both names exist again: whose uid the credential was made for decides, and not who has its name.
#[test]
fn a_renamed_user_keeps_the_second_factor_also_where_somebody_else_has_the_old_name_by_now() {
    let (host, mut phone) = renamed("optional");
    host.add_user("alice", "looking-glass");
    is_asked_in_vain(&host, "alicia", "wonderland", &phone.code());
    is_asked_in_vain(&host, "alice", "looking-glass", &phone.code());
    host.wait_for_log("result=denied reason=renamed-user");
    host.wait_for_log("result=denied reason=other-uid");
    let told = must(&host, &["users"]);
    assert!(
        told.contains("is that of alicia") && told.contains("`totp-enroll admin adopt alice alicia`"),
        "{told}"
    );
    // The new alice gets nobody's phone, and keeps what an administrator said of her.
    assert_ne!(admin(&host, &["adopt", "--yes", "alice", "alice"]).status, 0);
    must(&host, &["mode", "alice", "required"]);
    must(&host, &["adopt", "--yes", "alice", "alicia"]);
    is_let_in(&host, "alicia", "wonderland", &phone.code());
    is_asked_in_vain(&host, "alice", "looking-glass", &phone.code());
    must(&host, &["mode", "alice", "default"]);
    is_not_asked(&host, "alice", "looking-glass");
    let told = must(&host, &["users"]);
    assert!(!told.contains("In the store"), "{told}");
}
