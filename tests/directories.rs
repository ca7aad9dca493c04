//! A directory that is down while another source stands behind it in nsswitch.conf: glibc says "no such group"
//! then, and no rule by group may end by that. A directory that answers lets everybody be judged as usual.

#![forbid(unsafe_code)]

use host::{Builder, Dialogue, Host, Stack};
use std::os::unix::net::UnixListener;

const PASSWORD: &str = "Password: ";
const CODE: &str = "Verification code: ";

/// Where the failure of a directory can be hidden by what stands behind it, and where it cannot.
const ORDERS: [&str; 5] = [
    "files directory",
    "directory files",
    "files directory systemd",
    "directory [!UNAVAIL=return] files",
    "directory [UNAVAIL=return TRYAGAIN=return] files",
];

/// What a client of a directory reports: no socket, nobody who listens, try again, a timeout.
const FAILURES: [i32; 4] = [2, 111, 11, 110];

/// The group "admins" of the directory needs a code, everybody else may do without.
fn with_directory(order: &str) -> Builder {
    Host::builder()
        .user("alice", "wonderland")
        .user("bob", "builder")
        .directory_order(&order_of_users(order), order)
        .directory_user("carol", "christmas")
        .directory_user("dave", "copperfield")
        .directory_group("admins", &["alice", "carol"])
        .policy(&policy("admins"))
        .stack("sshd", Stack::PasswordAndCode)
        .stack("su", Stack::PasswordAndCode)
}

/// Where the directory's word ends a look-up, the host's own users would not be found behind it.
fn order_of_users(order: &str) -> String {
    if order.contains("return]") { "files directory".to_owned() } else { order.to_owned() }
}

fn policy(group: &str) -> String {
    format!("mode = \"optional\"\n[[rule]]\ngroups = [\"{group}\"]\nmode = \"required\"\n")
}

fn ssh(host: &Host, user: &str, password: &str) -> Dialogue {
    let mut login = host.ssh(user);
    login.answers(PASSWORD, password);
    login
}

fn is_not_asked(mut login: Dialogue, name: &str) {
    login.is_let_in_as(name);
    assert!(!login.seen().contains(CODE), "{}", login.seen());
}

fn is_asked_in_vain(mut login: Dialogue) {
    login.answers(CODE, "123456");
    let rest = login.ends();
    assert!(rest.contains("Permission denied"), "{rest}");
}

/// Each on a host of its own and at the same time: a refusal takes seconds.
fn in_each_order(orders: &[&'static str], check: impl Fn(&str) + Copy + Send + Sync) {
    std::thread::scope(|scope| {
        for &order in orders {
            scope.spawn(move || check(order));
        }
    });
}

#[test]
fn a_directory_that_answers_lets_everybody_be_judged_wherever_it_stands() {
    in_each_order(&ORDERS, |order| {
        println!("{order}");
        let host = with_directory(order).build();
        is_not_asked(ssh(&host, "bob", "builder"), "bob");
        is_not_asked(ssh(&host, "dave", "copperfield"), "dave");
        is_asked_in_vain(ssh(&host, "alice", "wonderland"));
        is_asked_in_vain(ssh(&host, "carol", "christmas"));
    });
}

#[test]
fn a_group_of_a_directory_that_is_down_is_not_one_that_nobody_has() {
    in_each_order(&ORDERS, |order| {
        let host = with_directory(order).build();
        for errno in FAILURES {
            println!("{order}: {errno}");
            host.directory_fails_with(errno);
            is_asked_in_vain(ssh(&host, "bob", "builder"));
            is_asked_in_vain(ssh(&host, "alice", "wonderland"));
        }
        host.directory_fails(false);
        is_not_asked(ssh(&host, "bob", "builder"), "bob");
    });
}

#[test]
fn members_that_a_directory_adds_to_a_group_of_the_host_are_not_lost_while_it_is_down() {
    in_each_order(&ORDERS[..3], |order| {
        println!("{order}");
        let host = with_directory(order).build();
        let in_directory = host.must_run(&["getent", "group", "admins"]);
        let group = in_directory.trim().trim_end_matches("alice,carol");
        let groups = String::from_utf8(host.read("/etc/group")).expect("/etc/group is text");
        host.write("/etc/group", format!("{groups}{group}\n"));
        is_asked_in_vain(ssh(&host, "alice", "wonderland"));
        is_not_asked(ssh(&host, "dave", "copperfield"), "dave");
        for errno in [2, 111] {
            host.directory_fails_with(errno);
            is_asked_in_vain(ssh(&host, "alice", "wonderland"));
            is_asked_in_vain(ssh(&host, "bob", "builder"));
        }
    });
}

#[test]
fn who_is_in_a_group_of_the_host_is_known_while_the_directory_is_down() {
    let host = with_directory("directory files")
        .policy("mode = \"required\"\n[[rule]]\ngroups = [\"robots\"]\nmode = \"disabled\"\n");
    let host = host.build();
    host.add_group("robots", &["bob"]);
    host.directory_fails(true);
    is_not_asked(ssh(&host, "bob", "builder"), "bob");
    is_asked_in_vain(ssh(&host, "alice", "wonderland"));
}

#[test]
fn a_group_that_nobody_has_is_undecided_with_a_directory_and_empty_without() {
    let host = with_directory("files directory").policy(&policy("no-such-group")).build();
    is_asked_in_vain(ssh(&host, "bob", "builder"));
    let told = host.run(&["totp-enroll", "admin", "policy", "check"]);
    assert!(
        told.text().contains("\"no-such-group\"") && told.text().contains("counts for everybody"),
        "{told:?}"
    );
    host.write("/etc/nsswitch.conf", "passwd: files\ngroup: files systemd\n");
    is_not_asked(ssh(&host, "bob", "builder"), "bob");
    let told = host.run(&["totp-enroll", "admin", "policy", "check"]);
    assert!(told.text().contains("\"no-such-group\"") && told.text().contains("has no members"), "{told:?}");
}

#[test]
fn nis_through_compat_is_a_directory_and_a_missing_switch_is_files() {
    let host = with_directory("files directory").policy(&policy("no-such-group")).build();
    host.write("/etc/nsswitch.conf", "passwd: files\ngroup: compat\n");
    is_not_asked(ssh(&host, "bob", "builder"), "bob");
    let groups = String::from_utf8(host.read("/etc/group")).expect("/etc/group is text");
    host.write("/etc/group", format!("{groups}+:::\n"));
    is_asked_in_vain(ssh(&host, "bob", "builder"));
    host.write("/etc/group", groups);
    host.must_run(&["rm", "/etc/nsswitch.conf"]);
    is_not_asked(ssh(&host, "bob", "builder"), "bob");
}

#[test]
fn who_is_not_found_while_a_directory_is_down_is_not_one_of_whom_no_rule_speaks() {
    let rule = |keys: &str| format!("mode = \"disabled\"\n[[rule]]\n{keys}\nmode = \"required\"\n");
    let host = with_directory("directory files")
        .policy(&rule("groups = [\"admins\"]"))
        .stack("test", Stack::Text("auth required pam_totp.so\nauth required pam_permit.so\n"))
        .build();
    let is_asked = |user: &str| {
        let outcome = host.run_with_input("root", &["pamtester", "test", user, "authenticate"], "123456\n");
        let asked = outcome.text().contains(CODE);
        assert_eq!(outcome.status == 0, !asked, "{outcome:?}");
        asked
    };
    assert!(is_asked("carol") && !is_asked("dave"));
    host.directory_fails(true);
    // Unknown now, but perhaps not to a module that asks a moment later.
    assert!(is_asked("carol") && is_asked("dave"));
    host.write(host::POLICY, rule("users = [\"carol\"]"));
    assert!(is_asked("CAROL") && is_asked("carol@example.org") && !is_asked("dave"));
    host.write("/etc/nsswitch.conf", "passwd: files\ngroup: files\nshadow: files\n");
    assert!(!is_asked("carol") && !is_asked("dave"), "nobody but the host knows users here");
}

/// The usual outage: the daemon is there, and the server that it asks is not.
#[test]
fn a_daemon_that_listens_and_has_lost_its_server_proves_nothing() {
    let host = with_directory("files directory")
        .stack("test", Stack::Text("auth required pam_totp.so\nauth required pam_permit.so\n"))
        .build();
    host.directory_is_also("ldap");
    // A group of the host that has more members in the directory.
    let in_directory = host.must_run(&["getent", "group", "admins"]);
    let group = in_directory.trim().trim_end_matches("alice,carol");
    let groups = String::from_utf8(host.read("/etc/group")).expect("/etc/group is text");
    host.write("/etc/group", format!("{groups}{group}\n"));
    host.write("/etc/nsswitch.conf", "passwd: files ldap\ngroup: files ldap\nshadow: files ldap\n");
    host.must_run(&["mkdir", "-p", "/run/nslcd"]);
    let _daemon = UnixListener::bind(host.path("/run/nslcd/socket")).expect("nobody listens there");
    let is_asked = |user: &str| {
        let outcome = host.run_with_input("root", &["pamtester", "test", user, "authenticate"], "123456\n");
        outcome.text().contains(CODE)
    };
    assert!(is_asked("alice") && !is_asked("bob"), "it answers");
    assert!(!is_asked("nobody-here"), "a stranger looks like anybody who is in no group");
    host.directory_fails(true);
    assert!(is_asked("alice") && is_asked("bob"));
}

/// As on Fedora and RHEL, where every host names sss and nobody but root sees /etc/sssd.
#[test]
fn sssd_that_was_never_set_up_is_no_directory_for_root_and_for_users() {
    let host = with_directory("files directory")
        .stack("test", Stack::Text("auth required pam_totp.so\nauth required pam_permit.so\n"))
        .build();
    host.add_group("admins", &["alice"]);
    host.write(
        "/etc/nsswitch.conf",
        "passwd: sss files mymachines systemd\ngroup: sss files mymachines systemd\n",
    );
    host.must_run(&["install", "-d", "-m", "700", "/etc/sssd", "/etc/sssd/conf.d", "/var/lib/sss/db"]);
    let is_asked = |by: &str, user: &str| {
        let outcome = host.run_with_input(by, &["pamtester", "test", user, "authenticate"], "123456\n");
        outcome.text().contains(CODE)
    };
    for by in ["root", "bob"] {
        assert!(!is_asked(by, "bob"), "by {by}");
    }
    assert!(is_asked("root", "alice"));
    // It ran once, and may be down.
    host.must_run(&["install", "-D", "/dev/null", "/var/lib/sss/mc/group"]);
    for by in ["root", "bob"] {
        assert!(is_asked(by, "bob"), "by {by}");
    }
}
