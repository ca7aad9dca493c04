//! Set-up put off: how often, until when, and never without a first factor.

#![forbid(unsafe_code)]

mod newcomer;

use host::{POLICY, Stack};
use newcomer::{CODE, PASSWORD, PROOF, READY, REQUIRED, begins, is_configured, scans, sets_up, with_policy};

#[test]
fn set_up_may_be_put_off_as_often_as_the_policy_says() {
    let host = with_policy("grace_logins = 2").build();
    for left in ["for one more login", "This was the last login"] {
        let mut login = begins(&host, "");
        login.answers(READY, "").sees("Enter alone puts it off");
        login.answers(": ", "");
        login.is_let_in_as("alice");
        assert!(login.seen().contains(left), "`{left}` is not in: {}", login.seen());
    }
    let mut login = begins(&host, "");
    scans(&mut login);
    assert!(!login.seen().contains("put"), "{}", login.seen());
    login.answers(": ", "").sees(PROOF);
    login.answers(": ", "").sees(PROOF);
    login.answers(": ", "").sees("Permission denied");
    host.wait_for_log("event=setup result=put-off user=alice service=sshd from=127.0.0.1");
}

#[test]
fn who_puts_it_off_may_still_set_up() {
    let host = with_policy("grace_logins = 2").build();
    let mut login = begins(&host, "");
    sets_up(&mut login);
    login.types("").is_let_in_as("alice");
    assert!(is_configured(&host));
}

#[test]
fn logins_of_grace_come_back_neither_by_set_up_nor_by_revoke() {
    let host = with_policy("grace_logins = 1").build();
    let mut login = begins(&host, "");
    login.answers(READY, "").sees("puts it off");
    login.answers(": ", "").is_let_in_as("alice");
    host.enrol("alice");
    host.must_run(&["totp-enroll", "admin", "revoke", "alice", "--yes"]);
    let mut login = begins(&host, "");
    scans(&mut login);
    assert!(!login.seen().contains("put it off"));
}

#[test]
fn until_the_date_set_up_may_always_be_put_off_also_where_nothing_can_be_asked() {
    let host = with_policy("grace_until = 2999-12-31")
        .sshd_option("PasswordAuthentication yes")
        .stack("su", Stack::PasswordAndCode)
        .user("bob", "builder")
        .build();
    for _ in 0..2 {
        let mut login = host.ssh_with("alice", &["-o", "PreferredAuthentications=password"]);
        login.answers("password: ", "wonderland").is_let_in_as("alice");
    }
    let mut login = host.dialogue_as("bob", &["su", "alice"]);
    login.answers(PASSWORD, "wonderland").answers(CODE, "").is_let_in_as("alice");
    host.write(POLICY, format!("{REQUIRED}[enrollment]\ngrace_until = 2020-12-31\n"));
    let mut login = host.dialogue_as("bob", &["su", "alice"]);
    login.answers(PASSWORD, "wonderland").answers(CODE, "").sees("Authentication failure");
}

#[test]
fn a_screen_locker_opens_where_set_up_may_be_put_off_and_sets_nobody_up() {
    let locker = "auth required pam_unix.so\nauth required pam_totp.so setup\n";
    let at_login = "at_login = [\"locker\"]\n";
    let host = with_policy(at_login).stack("locker", Stack::Text(locker)).build();
    let unlock = || {
        let words = ["pamtester", "locker", "alice", "authenticate"];
        host.run_with_input("alice", &words, "wonderland\n\n")
    };
    let refused = unlock();
    assert!(refused.status != 0 && refused.text().contains("is required and not set up"), "{refused:?}");
    host.write(POLICY, format!("{REQUIRED}[enrollment]\n{at_login}grace_until = 2999-12-31\n"));
    let unlocked = unlock();
    assert_eq!(unlocked.status, 0, "{unlocked:?}");
}
