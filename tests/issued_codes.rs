//! The codes that root issues: invitations, by hand and by mail, and temporary codes.

#![forbid(unsafe_code)]

mod tool;

use host::{Builder, Host, Outcome, Phone, Theme, recovery_codes_in};
use std::time::{Duration, Instant};
use tool::{DONE, builder, is_configured, passes, status};

const NO_SUCH: &str = "AAAA-BBBB-CCCC-DDDD";
const INVITED_ONLY: &str =
    "mode = \"required\"\n[totp]\nwindow = 10\n[enrollment]\nneeds_invitation = true\n";

fn house() -> Host {
    inviting().build()
}

fn inviting() -> Builder {
    builder().user("bob", "builder").policy(INVITED_ONLY)
}

fn admin(host: &Host, words: &[&str]) -> Outcome {
    host.run(&[&["totp-enroll", "admin"], words].concat())
}

fn invite(host: &Host, user: &str) -> String {
    let answer = admin(host, &["invite", user, "--json"]).json();
    answer["invitation"].as_str().expect("an invitation").to_owned()
}

fn draw_code(host: &Host, options: &[&str]) -> String {
    let outcome = admin(host, &[&["code", "alice", "--json"], options].concat());
    outcome.json()["code"].as_str().expect("a code").to_owned()
}

/// Sets a user up in a terminal with this invitation on the command line, or says why not.
fn enrol_with(host: &Host, user: &str, invitation: &str) -> Result<Phone, String> {
    let terminal = host.terminal(user, &["totp-enroll", "enroll", "--invitation", invitation]);
    host.wait_until("it asks or ends", |_| {
        let shown = terminal.history();
        shown.contains("Press Enter when") || shown.contains("totp-enroll:")
    });
    if terminal.history().contains("totp-enroll:") {
        assert_eq!(terminal.exit_status(), 1, "{}", terminal.history());
        return Err(terminal.history().replace('\n', " "));
    }
    terminal.asks_for_proof();
    let uri = terminal.qr(Theme::Dark).expect("a camera reads the QR code above the prompt");
    let mut phone = Phone::scan(&uri).with_window(10);
    terminal.enters(&phone.code());
    phone.recovery_codes = recovery_codes_in(&terminal.shows(DONE));
    assert_eq!(terminal.exit_status(), 0);
    Ok(phone)
}

#[test]
fn an_invitation_that_is_handed_over_sets_its_user_up_once() {
    let host = house();
    let terminal = host.terminal("root", &["totp-enroll", "admin", "invite", "alice", "--expires", "30m"]);
    assert_eq!(terminal.exit_status(), 0);
    let shown = terminal.history();
    assert!(shown.contains("Hand it over in person") && shown.contains("good once"), "{shown}");
    let invitation = recovery_codes_in(&shown).remove(0);
    let mut phone = enrol_with(&host, "alice", &invitation.to_lowercase()).expect("it is good");
    assert!(passes(&host, &phone.code()));
    admin(&host, &["revoke", "alice", "--yes"]);
    let why = enrol_with(&host, "alice", &invitation).expect_err("it was used");
    assert!(why.contains("ask an administrator for another"), "{why}");
}

#[test]
fn where_one_is_needed_the_tool_asks_for_it() {
    let host = house();
    let invitation = invite(&host, "alice");
    for words in [&["totp-enroll"][..], &["totp-enroll", "enroll"]] {
        let terminal = host.terminal("alice", words);
        terminal.shows("Invitation: ");
        terminal.enters(NO_SUCH);
        assert_eq!(terminal.exit_status(), 1, "{}", terminal.history());
    }
    let terminal = host.terminal("alice", &["totp-enroll"]);
    terminal.shows("Invitation: ");
    terminal.enters(&invitation);
    terminal.asks_for_proof();
    assert!(!is_configured(&host), "looking at it sets nothing up");
    let piped = host.run_as("alice", &["totp-enroll", "enroll", "--invitation", &invitation]);
    assert_eq!(piped.status, 2, "{piped:?}");
}

#[test]
fn a_wrong_or_a_replaced_invitation_and_that_of_another_set_nothing_up() {
    let host = house();
    let of_bob = invite(&host, "bob");
    invite(&host, "alice");
    let replaced = invite(&host, "alice");
    invite(&host, "alice");
    for wrong in [NO_SUCH, &of_bob, &replaced, "123456", "", "x"] {
        let why = enrol_with(&host, "alice", wrong).expect_err(wrong);
        assert!(why.contains("not valid for this user, or it has expired or was used"), "{why}");
    }
    host.wait_for_log("event=setup result=denied reason=wrong-invitation user=alice");
    assert!(!is_configured(&host));
    assert!(enrol_with(&host, "bob", &of_bob).is_ok(), "and bob's is still good");
}

#[test]
fn a_set_up_begun_with_an_invitation_that_was_replaced_does_not_count() {
    let host = house();
    let invitation = invite(&host, "alice");
    let terminal = host.terminal("alice", &["totp-enroll", "enroll", "--invitation", &invitation]);
    terminal.asks_for_proof();
    let mut phone = Phone::scan(&terminal.qr(Theme::Dark).expect("a QR code")).with_window(10);
    let other = invite(&host, "alice");
    terminal.enters(&phone.code());
    assert_ne!(terminal.exit_status(), 0, "{}", terminal.history());
    assert!(!is_configured(&host));
    assert!(enrol_with(&host, "alice", &other).is_ok());
}

#[test]
fn who_is_set_up_is_not_invited() {
    let host = house();
    host.enrol("alice");
    let before = host.store();
    for words in [&["invite", "alice", "--json"][..], &["invite", "alice", "--mail", "alice@example.org"]] {
        let outcome = admin(&host, words);
        assert_eq!(outcome.status, 1, "{outcome:?}");
        assert!(outcome.stderr.contains("`totp-enroll admin revoke alice`"), "{outcome:?}");
    }
    assert_eq!(host.store(), before);
    assert!(host.take_mail().is_empty());
}

#[test]
fn a_mailed_invitation_says_what_to_do_and_its_address_is_remembered() {
    let host = house();
    let outcome = admin(&host, &["invite", "alice", "--mail", "alice@example.org"]);
    assert_eq!(outcome.status, 0, "{outcome:?}");
    let mail = host.take_mail().remove(0);
    assert_eq!(mail.arguments, ["-i", "-f", "root@house", "--", "alice@example.org"]);
    assert_eq!(mail.header("To").as_deref(), Some("alice@example.org"));
    assert_eq!(mail.header("From").as_deref(), Some("root@house"));
    for part in ["alice on house", "once, until 20", "totp-enroll enroll --invitation CODE"] {
        assert!(mail.body().contains(part), "`{part}` is missing: {mail:?}");
    }
    let first = mail.invitation_code();
    assert!(!outcome.text().contains(&first), "it is for the mail alone: {outcome:?}");
    assert_eq!(status(&host)["mail"], "alice@example.org");

    // Whoever knows a password can have logins do this: not many times in a row.
    let again = admin(&host, &["invite", "alice", "--at-login"]);
    assert_eq!(again.status, 1, "{again:?}");
    assert!(again.stderr.contains("was mailed a short while ago"), "{again:?}");
    assert_eq!(admin(&host, &["invite", "alice", "--mail-known"]).status, 0, "an administrator may");
    let second = host.take_mail().remove(0).invitation_code();
    assert!(enrol_with(&host, "alice", &first).is_err());
    assert!(enrol_with(&host, "alice", &second).is_ok());
    assert!(host.log().iter().all(|line| !line.contains(&second) && !line.contains(&first)));

    let unknown = admin(&host, &["invite", "bob", "--mail-known"]);
    assert_eq!(unknown.status, 1, "{unknown:?}");
    assert!(unknown.stderr.contains("--mail"), "{unknown:?}");
    assert!(!host.has("/var/lib/pam_totp/bob.state"));
}

#[test]
fn an_invitation_that_the_mail_system_does_not_take_is_withdrawn() {
    let host = house();
    let refused = |why: &str| {
        let outcome = admin(&host, &["invite", "alice", "--mail", "alice@example.org"]);
        assert_eq!(outcome.status, 1, "{outcome:?}");
        for part in ["alice@example.org", why, "withdrawn", "without --mail"] {
            assert!(outcome.stderr.contains(part), "`{part}` is missing: {outcome:?}");
        }
        assert_eq!(status(&host)["invited_until"], serde_json::Value::Null);
    };
    host.mail_fails("the queue is full");
    refused("the queue is full");
    host.wait_for_log("event=invite-withdraw result=done user=alice");
    let line = host.wait_for_log("event=mail result=failed");
    assert!(line.contains("user=alice") && line.contains("the queue is full"), "{line}");
    host.mail_works();
    host.without_sendmail();
    refused("there is no sendmail command");
}

#[test]
fn a_mail_system_that_hangs_is_not_waited_for() {
    let host = house();
    host.mail_hangs();
    let begun = Instant::now();
    let outcome = admin(&host, &["invite", "alice", "--mail", "alice@example.org"]);
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
    assert_eq!(outcome.status, 1, "{outcome:?}");
    assert!(outcome.stderr.contains("did not end within 15 s"), "{outcome:?}");
    assert_eq!(status(&host)["invited_until"], serde_json::Value::Null);
}

#[test]
fn a_mail_that_fails_withdraws_no_invitation_of_another_administrator() {
    let host = house();
    host.mail_hangs();
    std::thread::scope(|scope| {
        let mailing = scope.spawn(|| admin(&host, &["invite", "alice", "--mail", "alice@example.org"]));
        host.wait_until("the first stands", |host| status(host)["invited_until"].is_string());
        let by_hand = invite(&host, "alice");
        assert_eq!(mailing.join().expect("no panic").status, 1);
        assert!(enrol_with(&host, "alice", &by_hand).is_ok());
    });
}

#[test]
fn a_temporary_code_ends_by_its_uses_and_is_replaced_by_the_next() {
    let host = house();
    host.enrol("alice");
    let replaced = draw_code(&host, &["--for", "5m", "--uses", "100"]);
    let code = draw_code(&host, &["--for", "3d", "--uses", "2"]);
    assert_eq!(status(&host)["temporary_code"]["uses_left"], 2);
    assert!(!passes(&host, &replaced));
    assert!(passes(&host, &code) && passes(&host, &code) && !passes(&host, &code));
    assert_eq!(status(&host)["temporary_code"], serde_json::Value::Null);
    let line = host.wait_for_log("event=temporary-code result=done user=alice");
    assert!(line.contains("by=root") && line.contains("uses="), "{line}");
    assert!(host.log().iter().all(|line| !line.contains(&code) && !line.contains(&replaced)));

    let terminal = host.terminal("root", &["totp-enroll", "admin", "code", "alice"]);
    assert_eq!(terminal.exit_status(), 0);
    let shown = terminal.history();
    assert!(shown.contains("good for one login") && shown.contains("Be sure that it is alice"), "{shown}");
    assert!(passes(&host, &recovery_codes_in(&shown)[0]));
}

#[test]
fn codes_are_not_drawn_where_nobody_would_see_them() {
    let host = house();
    for command in ["invite", "code", "enroll"] {
        for redirection in ["", ">&-", "</dev/null >/dev/null"] {
            let script = format!("totp-enroll admin {command} alice {redirection}");
            let outcome = host.run(&["sh", "-c", &script]);
            assert_eq!(outcome.status, 2, "{script}: {outcome:?}");
            assert!(outcome.stderr.contains("--json"), "{outcome:?}");
        }
        assert!(host.store().is_empty(), "{command}: {:?}", host.store_names());
    }
    let outcome = host.run(&["sh", "-c", "totp-enroll admin invite alice --json >/dev/full"]);
    assert!(outcome.status == 1 && outcome.stderr.contains("withdrawn"), "{outcome:?}");
    assert!(host.store().is_empty(), "{:?}", host.store_names());
    let outcome = host.run(&["sh", "-c", "totp-enroll admin code alice --json >/dev/full"]);
    assert!(outcome.status == 1 && outcome.stderr.contains("draws another"), "{outcome:?}");
}
