//! An administrator who is about to shut the door behind him: `admin policy set` and `edit` name whoever would lose
//! their way to root, and ask.

#![forbid(unsafe_code)]

use host::{Dialogue, Host, POLICY, Stack, skip};

const OPTIONAL: &str = "mode = \"optional\"\n[totp]\nwindow = 10\n";
const CHANGE: [&str; 6] =
    ["totp-enroll", "admin", "policy", "set", "mode=required", "enrollment.needs_invitation=true"];

/// bob is an administrator by sudo, and not set up.
fn house() -> Host {
    let host = Host::builder()
        .user("bob", "builder")
        .policy(OPTIONAL)
        .stack("sshd", Stack::PasswordAndCodeWith("setup"))
        .stack("sudo", Stack::PasswordAndCode)
        .build();
    host.write("/etc/sudoers.d/bob", "Defaults:bob passwd_tries=1, !lecture\nbob ALL=(ALL) ALL\n");
    host
}

fn sudo(host: &Host, words: &[&str]) -> Dialogue {
    let mut sudo = host.dialogue_as("bob", &[&["sudo", "-k"], words].concat());
    sudo.answers("password for bob: ", "builder");
    sudo
}

fn policy(host: &Host) -> String {
    String::from_utf8(host.read(POLICY)).expect("the policy is UTF-8")
}

#[test]
fn who_is_not_set_up_and_makes_a_code_necessary_that_nothing_gives_is_named_and_asked() {
    let host = house();
    let mut no = sudo(&host, &CHANGE);
    no.sees("bob is not set up, and could not come to root by sshd or sudo any more");
    no.answers("Change the policy all the same? [y/N] ", "");
    no.sees("nothing was changed");
    assert_eq!(no.exit_status(), 1);
    assert_eq!(policy(&host), OPTIONAL);
    sudo(&host, &["id", "-un"]).sees("root");

    let mut yes = sudo(&host, &CHANGE);
    yes.answers("Change the policy all the same? [y/N] ", "y");
    yes.sees("mode: optional -> required");
    assert_eq!(yes.exit_status(), 0);
    // It is as bob was told.
    let mut shut = sudo(&host, &["id", "-un"]);
    shut.answers("Verification code: ", "123456");
    assert_eq!(shut.exit_status(), 1);
    let mut login = host.ssh("bob");
    login.answers("Password: ", "builder").answers("Verification code: ", "");
    login.sees("A first set-up takes an invitation");
}

#[test]
fn who_came_by_doas_is_named_as_well() {
    let host = house();
    if !host.has("/usr/bin/doas") {
        return skip("doas", "it is not installed");
    }
    host.write("/etc/pam.d/doas", Stack::PasswordAndCode.text());
    host.write("/etc/doas.conf", "permit bob as root\n");
    let mut doas = host.dialogue_as("bob", &[&["doas"], &CHANGE[..]].concat());
    doas.answers("password: ", "builder");
    doas.sees("bob is not set up, and could not come to root by sshd or sudo or doas any more");
    doas.answers("Change the policy all the same? [y/N] ", "n");
    assert_eq!(doas.exit_status(), 1);
    assert_eq!(policy(&host), OPTIONAL);
}

#[test]
fn without_a_terminal_it_is_refused_and_nothing_changes() {
    let host = house();
    let words = [&["sudo", "-S", "-k"], &CHANGE[..]].concat();
    let outcome = host.run_with_input("bob", &words, "builder\ny\n");
    assert_eq!((outcome.status, outcome.stdout.as_str()), (1, ""), "{outcome:?}");
    assert!(outcome.stderr.contains("bob is not set up"), "{outcome:?}");
    assert!(
        outcome.stderr.contains("nothing was changed; --yes makes the change all the same"),
        "{outcome:?}"
    );
    assert_eq!(policy(&host), OPTIONAL);
    assert_eq!(host.times_logged("event=policy"), 0);

    let outcome = host.run_with_input("bob", &[&words[..], &["--yes"]].concat(), "builder\n");
    assert_eq!(outcome.status, 0, "{outcome:?}");
    assert!(outcome.stderr.contains("bob is not set up"), "{outcome:?}");
    assert!(policy(&host).contains("mode = \"required\""));
}

#[test]
fn an_edit_is_asked_about_as_well() {
    let host = house();
    let script =
        "#!/bin/sh\nprintf 'mode = \"required\"\\n[enrollment]\\nneeds_invitation = true\\n' > \"$1\"\n";
    host.write("/tmp/editor", script);
    host.must_run(&["chmod", "755", "/tmp/editor"]);
    let edit = ["env", "EDITOR=/tmp/editor", "totp-enroll", "admin", "policy", "edit"];
    let mut no = sudo(&host, &edit);
    no.sees("bob is not set up");
    no.answers("Change the policy all the same? [y/N] ", "n");
    no.answers("What now? (e)dit again, (d)iscard: ", "d");
    assert_eq!(no.exit_status(), 1);
    assert_eq!(policy(&host), OPTIONAL);
    assert_eq!(host.must_run(&["ls", "-A", "/etc/pam_totp"]), "policy.toml\n");
    let mut yes = sudo(&host, &[&edit[..], &["--yes"]].concat());
    yes.sees("bob is not set up");
    yes.sees("the policy is good, and in force");
    assert_eq!(yes.exit_status(), 0);
}

#[test]
fn who_keeps_a_way_is_asked_nothing() {
    // By pressing Enter at the next login, or by typing `totp-enroll` now.
    let host = house();
    assert_eq!(sudo(&host, &["totp-enroll", "admin", "policy", "set", "mode=required"]).exit_status(), 0);
    // By an invitation in his pocket.
    let host = house();
    host.must_run(&["totp-enroll", "admin", "invite", "bob", "--json"]);
    assert_eq!(sudo(&host, &CHANGE).exit_status(), 0);
    // By a code.
    let host = house();
    host.enrol("bob");
    let outcome = host.run(&[&["env", "SUDO_USER=bob"], &CHANGE[..]].concat());
    assert_eq!(outcome.status, 0, "{outcome:?}");
    assert!(!outcome.stderr.contains("is not set up"), "{outcome:?}");
}

#[test]
fn what_the_environment_says_makes_for_more_questions_and_never_for_fewer() {
    let host = house();
    let change = |variables: &[&str]| host.run(&[&["env"], variables, &CHANGE[..]].concat());
    for variables in [&["SUDO_USER=bob"][..], &["DOAS_USER=bob"], &["SUDO_USER=root", "DOAS_USER=bob"]] {
        let outcome = change(variables);
        assert_eq!(outcome.status, 1, "{variables:?}: {outcome:?}");
        assert!(outcome.stderr.contains("bob is not set up"), "{outcome:?}");
    }
    let uid = host.uid("bob");
    assert_eq!(change(&[&format!("PKEXEC_UID={uid}")]).status, 1);
    // Root, whose console and ssh both ask by now, is asked about whatever the environment says.
    host.write("/etc/pam.d/login", Stack::PasswordAndCodeWith("setup").text());
    host.set_password("root", "toor");
    let outcome = change(&["SUDO_USER=nobody-here", "DOAS_USER="]);
    assert_eq!(outcome.status, 1, "{outcome:?}");
    assert!(
        outcome.stderr.contains("root is not set up, and could not come to root by sshd or login"),
        "{outcome:?}"
    );
    assert_eq!(policy(&host), OPTIONAL);
    host.must_run(&["usermod", "--lock", "root"]);
    assert_eq!(change(&[]).status, 0, "no way led through that password");
}
