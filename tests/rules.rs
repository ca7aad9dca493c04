//! Rules of the policy at real logins: by users, groups, services and networks. The first that matches
//! counts, and what cannot be known never opens a door.

#![forbid(unsafe_code)]

use host::{Builder, Dialogue, Host, POLICY, Stack};

const PASSWORD: &str = "Password: ";
const CODE: &str = "Verification code: ";
const WINDOW: &str = "[totp]\nwindow = 10\n";

/// A host where this mode counts for everyone whom none of these rules names.
fn house(mode: &str, rules: &str) -> Builder {
    Host::builder()
        .user("alice", "wonderland")
        .user("bob", "builder")
        .policy(&policy(mode, rules))
        .stack("sshd", Stack::PasswordAndCode)
        .stack("su", Stack::PasswordAndCode)
}

fn policy(mode: &str, rules: &str) -> String {
    format!("mode = \"{mode}\"\n{WINDOW}{rules}")
}

/// One rule with this mode.
fn rule(keys: &str, mode: &str) -> String {
    format!("[[rule]]\n{keys}\nmode = \"{mode}\"\n")
}

fn password_of(user: &str) -> &'static str {
    match user.to_lowercase().as_str() {
        "alice" => "wonderland",
        "bob" => "builder",
        "carol" => "christmas",
        _ => "a guess",
    }
}

fn ssh_from(host: &Host, address: &str, user: &str) -> Dialogue {
    let mut login = host.ssh_with(user, &["-b", address]);
    login.answers(PASSWORD, password_of(user));
    login
}

fn ssh(host: &Host, user: &str) -> Dialogue {
    ssh_from(host, "127.0.0.1", user)
}

fn su(host: &Host, user: &str) -> Dialogue {
    let caller = if user == "alice" { "bob" } else { "alice" };
    let mut login = host.dialogue_as(caller, &["su", user]);
    login.answers(PASSWORD, password_of(user));
    login
}

/// In, with the password alone.
fn is_not_asked(mut login: Dialogue, name: &str) {
    login.is_let_in_as(name);
    assert!(!login.seen().contains(CODE), "{}", login.seen());
}

/// As somebody of whom a code is required and who has none.
fn is_asked_in_vain(mut login: Dialogue) {
    login.answers(CODE, "123456");
    let rest = login.ends();
    assert!(rest.contains("Permission denied") || rest.contains("Authentication failure"), "{rest}");
}

fn is_let_in_by_code(mut login: Dialogue, name: &str, code: &str) {
    login.answers(CODE, code);
    login.is_let_in_as(name);
}

#[test]
fn a_code_is_required_of_a_group() {
    let host = house("optional", &rule("groups = [\"wheel-drivers\", \"admins\"]", "required")).build();
    host.add_group("admins", &["alice"]);
    is_not_asked(ssh(&host, "bob"), "bob");
    is_not_asked(su(&host, "bob"), "bob");
    is_asked_in_vain(ssh(&host, "alice"));
    is_asked_in_vain(su(&host, "alice"));
    let mut phone = host.enrol("alice");
    is_let_in_by_code(ssh(&host, "alice"), "alice", &phone.code());
    is_let_in_by_code(su(&host, "alice"), "alice", &phone.code());
}

#[test]
fn the_primary_group_counts_as_any_other() {
    let host = house("optional", &rule("groups = [\"alice\"]", "required")).build();
    is_not_asked(ssh(&host, "bob"), "bob");
    is_asked_in_vain(ssh(&host, "alice"));
}

#[test]
fn who_leaves_a_group_or_joins_one_is_judged_anew_at_the_next_login() {
    let host = house("optional", &rule("groups = [\"admins\"]", "required")).build();
    is_not_asked(ssh(&host, "alice"), "alice");
    host.add_group("admins", &["alice"]);
    is_asked_in_vain(ssh(&host, "alice"));
    host.must_run(&["gpasswd", "--delete", "alice", "admins"]);
    is_not_asked(ssh(&host, "alice"), "alice");
}

#[test]
fn of_five_hundred_groups_the_last_is_found() {
    let host = house("optional", &rule("groups = [\"crowd-499\"]", "required")).build();
    (0..500).for_each(|number| host.add_group(&format!("crowd-{number}"), &["alice"]));
    is_not_asked(ssh(&host, "bob"), "bob");
    is_asked_in_vain(ssh(&host, "alice"));
}

#[test]
fn groups_and_users_of_a_directory_are_those_of_the_host() {
    let host = house("optional", &rule("groups = [\"admins\"]", "required"))
        .directory_user("carol", "christmas")
        .directory_group("admins", &["carol", "alice"])
        .build();
    is_not_asked(ssh(&host, "bob"), "bob");
    for user in ["alice", "carol", "CAROL"] {
        is_asked_in_vain(ssh(&host, user));
    }
    let mut phone = host.enrol("carol");
    is_let_in_by_code(ssh(&host, "Carol"), "carol", &phone.code());
}

#[test]
fn a_group_that_cannot_be_looked_up_may_be_the_users() {
    let host = house("optional", &rule("groups = [\"admins\"]", "required"))
        .directory_group("admins", &["alice"])
        .build();
    is_not_asked(ssh(&host, "bob"), "bob");
    host.directory_fails(true);
    is_asked_in_vain(ssh(&host, "bob"));
    is_asked_in_vain(su(&host, "bob"));
    is_asked_in_vain(ssh(&host, "alice"));
    let mut phone = host.enrol("bob");
    is_let_in_by_code(ssh(&host, "bob"), "bob", &phone.code());
}

#[test]
fn a_group_that_cannot_be_looked_up_exempts_nobody() {
    let host = house("required", &rule("groups = [\"robots\"]", "disabled"))
        .directory_group("robots", &["alice"])
        .build();
    is_not_asked(ssh(&host, "alice"), "alice");
    is_asked_in_vain(ssh(&host, "bob"));
    host.directory_fails(true);
    is_asked_in_vain(ssh(&host, "alice"));
    is_asked_in_vain(ssh(&host, "bob"));
}

#[test]
fn a_group_that_cannot_be_looked_up_matters_only_where_the_rest_of_the_rule_matches() {
    let rules = rule("groups = [\"admins\"]\nservices = [\"su\"]", "required");
    let host = house("optional", &rules).directory_group("admins", &["alice"]).build();
    host.directory_fails(true);
    is_not_asked(ssh(&host, "bob"), "bob");
    is_asked_in_vain(su(&host, "bob"));
}

#[test]
fn before_a_rule_that_cannot_be_decided_a_match_still_counts() {
    let rules = rule("users = [\"bob\"]", "disabled") + &rule("groups = [\"admins\"]", "required");
    let host = house("optional", &rules).directory_group("admins", &["alice"]).build();
    host.directory_fails(true);
    is_not_asked(ssh(&host, "bob"), "bob");
    is_asked_in_vain(ssh(&host, "alice"));
}

#[test]
fn one_network_is_exempt_and_every_other_place_is_not() {
    let host = house("disabled", &rule("networks = [\"!127.0.0.2\"]", "required")).build();
    is_not_asked(ssh_from(&host, "127.0.0.2", "alice"), "alice");
    is_asked_in_vain(ssh_from(&host, "127.0.0.1", "alice"));
    is_asked_in_vain(ssh_from(&host, "127.0.0.3", "alice"));
    is_asked_in_vain(su(&host, "alice"));
}

#[test]
fn a_code_is_required_from_some_networks_or_at_the_machine_itself() {
    let host = house("optional", &rule("networks = [\"127.0.0.2/31\"]", "required")).build();
    for address in ["127.0.0.2", "127.0.0.3"] {
        is_asked_in_vain(ssh_from(&host, address, "alice"));
    }
    is_not_asked(ssh_from(&host, "127.0.0.1", "alice"), "alice");
    is_not_asked(su(&host, "alice"), "alice");
    host.write(POLICY, policy("optional", &rule("networks = [\"local\"]", "required")));
    is_not_asked(ssh(&host, "alice"), "alice");
    is_asked_in_vain(su(&host, "alice"));
}

#[test]
fn a_remote_host_that_is_a_name_exempts_nobody_and_is_never_resolved() {
    let host = house("required", &rule("networks = [\"127.0.0.0/8\"]", "disabled"))
        .stack("test", Stack::Text("auth required pam_totp.so\nauth required pam_permit.so\n"))
        .build();
    let asked_from = |remote: &str| {
        let item = format!("rhost={remote}");
        let words = ["pamtester", "-I", &item, "test", "alice", "authenticate"];
        let outcome = host.run_with_input("root", &words, "123456\n");
        let asked = outcome.text().contains(CODE);
        assert_eq!(outcome.status == 0, !asked, "{outcome:?}");
        asked
    };
    assert!(!asked_from("127.0.0.9"));
    assert!(!asked_from("::ffff:127.0.0.9"));
    assert!(asked_from("192.0.2.1"));
    assert!(asked_from("localhost"));
}

#[test]
fn a_code_is_required_by_one_service() {
    let host = house("optional", &rule("services = [\"SU\"]", "required")).build();
    is_not_asked(ssh(&host, "alice"), "alice");
    is_asked_in_vain(su(&host, "alice"));
}

#[test]
fn one_user_is_exempt_set_up_or_not() {
    let host = house("required", &rule("users = [\"alice\"]", "disabled")).build();
    is_not_asked(ssh(&host, "alice"), "alice");
    host.enrol("alice");
    is_not_asked(ssh(&host, "alice"), "alice");
    is_asked_in_vain(ssh(&host, "bob"));
}

#[test]
fn users_are_named_as_the_directory_spells_them() {
    let host = house("required", &rule("users = [\"carol\"]", "disabled"))
        .directory_user("carol", "christmas")
        .build();
    is_not_asked(ssh(&host, "CAROL"), "carol");
    host.write(POLICY, policy("required", &rule("users = [\"CAROL\"]", "disabled")));
    is_asked_in_vain(ssh(&host, "CAROL"));
}

#[test]
fn the_first_rule_that_matches_counts() {
    let exempt = rule("users = [\"alice\"]", "disabled");
    let strict = rule("groups = [\"admins\"]", "required");
    let host = house("optional", &(exempt.clone() + &strict)).build();
    host.add_group("admins", &["alice", "bob"]);
    is_not_asked(ssh(&host, "alice"), "alice");
    is_asked_in_vain(ssh(&host, "bob"));
    host.write(POLICY, policy("optional", &(strict + &exempt)));
    is_asked_in_vain(ssh(&host, "alice"));
}

#[test]
fn every_key_of_a_rule_must_match() {
    let keys = "users = [\"alice\"]\nservices = [\"sshd\"]\nnetworks = [\"127.0.0.2\"]";
    let host = house("optional", &rule(keys, "required")).build();
    is_asked_in_vain(ssh_from(&host, "127.0.0.2", "alice"));
    is_not_asked(ssh_from(&host, "127.0.0.1", "alice"), "alice");
    is_not_asked(ssh_from(&host, "127.0.0.2", "bob"), "bob");
    is_not_asked(su(&host, "alice"), "alice");
}

#[test]
fn a_stranger_is_asked_and_answered_as_a_user_of_whom_a_code_is_required() {
    let host = house("optional", &rule("networks = [\"127.0.0.2\"]", "required")).build();
    let what_is_said = |user: &str| {
        let mut login = ssh_from(&host, "127.0.0.2", user);
        login.answers(CODE, "123456").ends();
        login.seen().replace(user, "USER")
    };
    let said = what_is_said("alice");
    assert!(said.contains("Permission denied"), "{said}");
    assert_eq!(what_is_said("nobody-of-that-name"), said);
}

#[test]
fn no_rule_for_users_or_groups_is_for_a_stranger() {
    let rules = rule("users = [\"nobody-of-that-name\"]", "required")
        + &rule("groups = [\"nobody-of-that-name\", \"alice\"]", "required");
    let host = house("optional", &rules).build();
    let mut login = ssh(&host, "nobody-of-that-name");
    let said = login.ends();
    assert!(said.contains("Permission denied") && !said.contains(CODE), "{said}");
    host.write(POLICY, policy("required", &rules.replace("required", "disabled")));
    is_asked_in_vain(ssh(&host, "nobody-of-that-name"));
}

#[test]
fn a_group_of_the_host_may_have_members_in_the_directory() {
    let host = house("optional", &rule("groups = [\"admins\"]", "required"))
        .directory_group("admins", &["alice"])
        .build();
    // getgrouplist(3) leaves out what a failing service would have added, and says nothing.
    let in_directory = host.must_run(&["getent", "group", "admins"]);
    let groups = String::from_utf8(host.read("/etc/group")).expect("/etc/group is text");
    host.write("/etc/group", format!("{groups}{}\n", in_directory.trim().trim_end_matches("alice")));
    is_asked_in_vain(ssh(&host, "alice"));
    is_not_asked(ssh(&host, "bob"), "bob");
    host.directory_fails(true);
    is_asked_in_vain(ssh(&host, "alice"));
}
