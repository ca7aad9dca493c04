//! Invitations and temporary codes at real logins, and the mail that carries an invitation.

#![forbid(unsafe_code)]

mod newcomer;

use newcomer::{CODE, PASSWORD, READY, begins, builder, is_configured, is_let_in_with, sets_up, with_policy};

#[test]
fn where_invitations_are_needed_only_one_of_them_leads_to_set_up() {
    let host = with_policy("needs_invitation = true").build();
    for answer in ["", "123456", "AAAA-BBBB-CCCC-DDDD"] {
        let mut login = begins(&host, answer);
        login.sees("A first set-up takes an invitation; ask an administrator for one.");
        for _ in 0..2 {
            login.answers("Invitation: ", "AAAA-BBBB-CCCC-DDDD").sees("This is not the invitation");
        }
        login.answers("Invitation: ", "").sees("Permission denied");
    }
    assert!(host.store_names().is_empty(), "{:?}", host.store_names());
    let invited = host.run(&["totp-enroll", "admin", "invite", "alice", "--json"]).json();
    let invitation = invited["invitation"].as_str().expect("an invitation").to_owned();
    // A wrong password spends nothing.
    host.ssh("alice").answers(PASSWORD, "looking-glass").answers(CODE, &invitation).sees("Permission denied");
    let mut login = begins(&host, &invitation.to_lowercase());
    let mut phone = sets_up(&mut login);
    login.types("").is_let_in_as("alice");
    is_let_in_with(&host, &phone.code());
    host.must_run(&["totp-enroll", "admin", "revoke", "alice", "--yes"]);
    begins(&host, &invitation).sees("A first set-up takes an invitation");
}

#[test]
fn of_two_logins_with_one_invitation_one_sets_up() {
    let host = with_policy("needs_invitation = true").build();
    let invited = host.run(&["totp-enroll", "admin", "invite", "alice", "--json"]).json();
    let invitation = invited["invitation"].as_str().expect("an invitation").to_owned();
    let mut first = begins(&host, &invitation);
    sets_up(&mut first);
    let mut second = begins(&host, &invitation);
    second.sees(READY);
    first.types("").is_let_in_as("alice");
    second.types("").ends();
}

#[test]
fn an_invitation_is_mailed_at_login_where_that_is_on_and_an_address_is_known() {
    let host = with_policy("needs_invitation = true\nmail_invitations = true").build();
    host.must_run(&["totp-enroll", "admin", "invite", "alice", "--mail", "alice@example.org"]);
    assert_eq!(host.take_mail().len(), 1);
    host.must_run(&["totp-enroll", "admin", "revoke", "alice", "--yes"]);

    let mut login = begins(&host, "");
    login.sees("we have sent a code to a...@example.org");
    let mail = host.take_mail();
    assert_eq!(mail.len(), 1);
    let invitation = mail[0].invitation_code();
    login.answers("Invitation: ", "AAAA-BBBB-CCCC-DDDD").sees("This is not the invitation");
    // Another login meanwhile sends no second mail.
    let mut second = begins(&host, "");
    second.sees("a code was sent to a...@example.org a short while ago");
    assert!(host.take_mail().is_empty());
    login.answers("Invitation: ", &invitation);
    let mut phone = sets_up(&mut login);
    login.types("").is_let_in_as("alice");
    is_let_in_with(&host, &phone.code());
}

#[test]
fn who_does_not_know_the_password_sends_no_mail() {
    let host = with_policy("needs_invitation = true\nmail_invitations = true").build();
    host.must_run(&["totp-enroll", "admin", "invite", "alice", "--mail", "alice@example.org"]);
    host.take_mail();
    host.must_run(&["totp-enroll", "admin", "revoke", "alice", "--yes"]);
    host.ssh("alice").answers(PASSWORD, "looking-glass").answers(CODE, "").sees("Permission denied");
    assert!(host.take_mail().is_empty());
}

#[test]
fn a_mail_system_that_fails_is_told_and_nobody_gets_in() {
    let host = with_policy("needs_invitation = true\nmail_invitations = true").build();
    host.must_run(&["totp-enroll", "admin", "invite", "alice", "--mail", "alice@example.org"]);
    host.must_run(&["totp-enroll", "admin", "revoke", "alice", "--yes"]);
    host.mail_fails("the queue is full");
    let mut login = begins(&host, "");
    login.sees("which could not be mailed; ask an administrator for one");
    let line = host.wait_for_log("event=mail result=failed");
    assert!(line.contains("the queue is full"), "{line}");
}

#[test]
fn a_mail_system_that_hangs_is_ended_and_told() {
    let host = with_policy("needs_invitation = true\nmail_invitations = true").build();
    host.must_run(&["totp-enroll", "admin", "invite", "alice", "--mail", "alice@example.org"]);
    host.must_run(&["totp-enroll", "admin", "revoke", "alice", "--yes"]);
    host.mail_hangs();
    begins(&host, "").sees("could not be mailed");
    let line = host.wait_for_log("event=mail result=failed");
    assert!(line.contains("did not end within"), "{line}");
    assert_eq!(host.run(&["pgrep", "-fx", "sleep infinity"]).stdout, "", "nothing is left behind");
}

#[test]
fn an_invitation_in_the_hand_of_its_user_is_good_also_where_a_login_could_mail_another() {
    let host = with_policy("needs_invitation = true\nmail_invitations = true").build();
    host.must_run(&["totp-enroll", "admin", "invite", "alice", "--mail", "alice@example.org"]);
    host.must_run(&["totp-enroll", "admin", "revoke", "alice", "--yes"]);
    host.take_mail();
    let invited = host.run(&["totp-enroll", "admin", "invite", "alice", "--json"]).json();
    let invitation = invited["invitation"].as_str().expect("a code");
    let mut login = begins(&host, "");
    login.sees("type the one that you were given");
    assert!(host.take_mail().is_empty());
    login.answers("Invitation: ", invitation);
    sets_up(&mut login);
    login.types("").is_let_in_as("alice");
}

#[test]
fn a_temporary_code_logs_in_as_often_as_it_was_made_for() {
    let host = builder().build();
    let mut phone = host.enrol("alice");
    let code = |uses: &str| {
        let made = host.run(&["totp-enroll", "admin", "code", "alice", "--uses", uses, "--json"]).json();
        made["code"].as_str().expect("a code").to_owned()
    };
    let once = code("1");
    is_let_in_with(&host, &once);
    begins(&host, &once).sees("Permission denied");
    let twice = code("2");
    is_let_in_with(&host, &twice);
    is_let_in_with(&host, &twice);
    begins(&host, &twice).sees("Permission denied");
    is_let_in_with(&host, &phone.code());
    host.wait_for_log(
        "event=login result=accepted user=alice service=sshd from=127.0.0.1 factor=temporary-code",
    );
}

#[test]
fn a_temporary_code_lets_in_who_is_not_set_up_and_changes_no_device() {
    let host = builder().build();
    let made = host.run(&["totp-enroll", "admin", "code", "alice", "--uses", "3", "--json"]).json();
    let code = made["code"].as_str().expect("a code").to_owned();
    is_let_in_with(&host, &code);
    assert!(!is_configured(&host));

    host.enrol("alice");
    let made = host.run(&["totp-enroll", "admin", "code", "alice", "--json"]).json();
    let code = made["code"].as_str().expect("a code").to_owned();
    let before = host.store();
    let unset = host.run_with_input("alice", &["totp-enroll", "unset", "--yes"], format!("{code}\n"));
    assert_eq!(unset.status, 1, "{unset:?}");
    assert_eq!(host.store()["alice.toml"], before["alice.toml"]);
    is_let_in_with(&host, &code);
}
