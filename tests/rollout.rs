//! A rollout from its first day to the first lost phone: one story on one host, over a real sshd, with the
//! commands that the administrator's guide tells of.

#![forbid(unsafe_code)]

use host::{Dialogue, Host, Phone, Stack, Theme, distributions_stack, recovery_codes_in, with_lines_added};
use serde_json::Value;

const PASSWORD: &str = "Password: ";
const CODE: &str = "Verification code: ";
const READY: &str = "Press Enter when your app is ready to scan: ";
const PROOF: &str = "Code from the app";
const GO_ON: &str = "Press Enter to log in: ";
const ASK_FOR_ONE: &str = "A first set-up takes an invitation; ask an administrator for one.";
const STAFF: &str = "[[rule]]\ngroups = [\"staff\"]\nmode = \"required\"\n";
const RULE: &str = "the rule at line ";

#[test]
fn a_rollout_begins_optional_ends_required_and_survives_a_lost_phone() {
    let host = house();
    nobody_is_asked_yet(&host);
    let mut alice = alice_sets_up_of_her_own_accord(&host);

    first_set_ups_take_an_invitation(&host);
    let invitation = bob_is_invited(&host);
    staff_needs_a_code_from_some_day_on(&host);
    let mut bob = bob_sets_up_at_login(&host, &invitation);
    carol_puts_it_off(&host);
    half_of_the_staff_is_set_up(&host);

    the_day_is_over(&host);
    let mut carol = carol_is_invited_and_sets_up(&host);
    all_of_the_staff_is_set_up(&host);
    for (user, phone) in [("alice", &mut alice), ("bob", &mut bob), ("carol", &mut carol)] {
        is_let_in_with(&host, user, &phone.code());
    }

    bob_forgets_his_phone(&host);
    let mut new = bob_lost_it_and_sets_up_a_new_one(&host);
    login(&host, "bob", &bob.code()).sees("Permission denied");
    the_administrator_sees_why(&host, "bob");
    is_let_in_with(&host, "bob", &new.code());
    all_of_the_staff_is_set_up(&host);
}

/// The policy as shipped, and the distribution's stack for sshd with the lines that let it set users up.
fn house() -> Host {
    let stack = with_lines_added(&distributions_stack("sshd"), include_str!("../config/pam.d/sshd"))
        .expect("the lines have their places");
    let host = Host::builder()
        .user("alice", password("alice"))
        .user("bob", password("bob"))
        .user("carol", password("carol"))
        .policy(include_str!("../config/policy.toml"))
        .stack("sshd", Stack::Text(&stack))
        .build();
    host.must_run(&["groupadd", "--force", "staff"]);
    for member in ["bob", "carol"] {
        host.must_run(&["gpasswd", "--add", member, "staff"]);
    }
    // The story takes more codes than a phone shows meanwhile.
    admin(&host, &["policy", "set", "totp.window=10"]);
    host
}

fn nobody_is_asked_yet(host: &Host) {
    for user in ["alice", "bob", "carol"] {
        let mut login = host.ssh(user);
        login.answers(PASSWORD, password(user)).is_let_in_as(user);
        assert!(!login.seen().contains(CODE), "{}", login.seen());
    }
    let explained = explain(host, "bob");
    assert_eq!((&explained["mode"], &explained["asked"]), (&"optional".into(), &false.into()));
    assert_eq!(explained["decided_by"], "the setting mode");
}

fn alice_sets_up_of_her_own_accord(host: &Host) -> Phone {
    let terminal = host.terminal("alice", &["totp-enroll"]);
    terminal.asks_for_proof();
    let uri = terminal.qr(Theme::Dark).expect("a camera reads the QR code above the prompt");
    let mut phone = Phone::scan(&uri).with_window(10);
    terminal.enters(&phone.code());
    let shown = terminal.shows("Two-factor login is set up for alice.");
    assert_eq!(recovery_codes_in(&shown).len(), 10, "{shown}");
    assert_eq!(terminal.exit_status(), 0);
    is_let_in_with(host, "alice", &phone.code());
    assert_eq!(explain(host, "alice")["asked"], true);
    phone
}

fn first_set_ups_take_an_invitation(host: &Host) {
    let changed = admin(host, &["policy", "set", "enrollment.needs_invitation=true"]);
    assert_eq!(changed, "enrollment.needs_invitation: false -> true\n");
    let terminal = host.terminal("carol", &["totp-enroll"]);
    terminal.shows("Invitation: ");
    terminal.enters("");
    terminal.shows("this invitation is not valid for this user");
    assert_eq!(terminal.exit_status(), 1);
}

/// The first is handed over; the second, by mail, takes its place.
fn bob_is_invited(host: &Host) -> String {
    let terminal = host.terminal("root", &["totp-enroll", "admin", "invite", "bob"]);
    assert_eq!(terminal.exit_status(), 0);
    let mut handed_over = recovery_codes_in(&terminal.text());
    assert_eq!(handed_over.len(), 1, "{}", terminal.text());

    let told = admin(host, &["invite", "bob", "--mail", "bob@example.org"]);
    assert!(told.contains("for bob was handed to the mail system for bob@example.org"), "{told}");
    let mail = host.take_mail();
    assert_eq!(mail.len(), 1, "{mail:?}");
    assert_eq!(mail[0].header("To").as_deref(), Some("bob@example.org"));
    assert!(mail[0].arguments.iter().any(|word| word == "bob@example.org"), "{mail:?}");
    let mailed = mail[0].invitation_code();
    assert_ne!(handed_over[0], mailed);
    let terminal = host.terminal("bob", &["totp-enroll", "enroll", "--invitation", &handed_over.remove(0)]);
    terminal.shows("this invitation is not valid for this user");
    assert_eq!(terminal.exit_status(), 1);
    assert_eq!(of(host, "bob")["invited"], true);
    mailed
}

fn staff_needs_a_code_from_some_day_on(host: &Host) {
    host.write("/root/editor", format!("#!/bin/sh\ncat >>\"$1\" <<'END'\n\n{STAFF}END\n"));
    host.must_run(&["chmod", "755", "/root/editor"]);
    // Grace first: once the rule is in force, nobody is to be refused.
    let changed = admin(host, &["policy", "set", "enrollment.grace_until=2099-12-31"]);
    assert_eq!(changed, "enrollment.grace_until: (none) -> 2099-12-31\n");
    host.must_run(&["env", "EDITOR=/root/editor", "totp-enroll", "admin", "policy", "edit"]);

    let of_bob = explain(host, "bob");
    assert_eq!((&of_bob["mode"], &of_bob["asked"]), (&"required".into(), &true.into()));
    assert!(text(&of_bob["decided_by"]).starts_with(RULE), "{of_bob}");
    assert!(text(&of_bob["outcome"]).contains("the invitation, good until"), "{of_bob}");
    let of_carol = explain(host, "carol");
    assert!(text(&of_carol["outcome"]).contains("an invitation would set it up"), "{of_carol}");
    assert!(text(&of_carol["outcome"]).contains("it may be put off until"), "{of_carol}");
    assert_eq!(explain(host, "alice")["decided_by"], "the setting mode");
}

fn bob_sets_up_at_login(host: &Host, invitation: &str) -> Phone {
    let mut login = login(host, "bob", &invitation.to_lowercase());
    let mut phone = sets_up(&mut login);
    assert_eq!(of(host, "bob")["configured"], false, "nothing counts before the session opens");
    login.types("").is_let_in_as("bob");
    assert!(login.seen().contains("If you have no code yet, press Enter."), "{}", login.seen());
    host.wait_for_log("event=setup result=done user=bob service=sshd from=127.0.0.1");
    is_let_in_with(host, "bob", &phone.code());
    phone
}

fn carol_puts_it_off(host: &Host) {
    for _ in 0..2 {
        let mut login = login(host, "carol", "");
        login.sees(ASK_FOR_ONE);
        login.answers("Invitation (Enter alone puts it off, until 2099-12-31): ", "");
        login.is_let_in_as("carol");
    }
    host.wait_for_log("event=setup result=put-off user=carol");
    assert_eq!(of(host, "carol")["configured"], false);
}

fn half_of_the_staff_is_set_up(host: &Host) {
    let staff = summary(host);
    assert_eq!((&staff["users"], &staff["configured"]), (&2.into(), &1.into()), "{staff}");
    assert_eq!(staff["required_and_not_configured"], 1, "{staff}");
    let told = admin(host, &["users", "--group", "staff", "--summary"]);
    assert!(told.contains(" 50 % (1 of 2)\n"), "{told}");
    let left = json(host, &["users", "--group", "staff", "--only", "not-configured", "--json"]);
    assert_eq!(left.as_array().map(Vec::len), Some(1), "{left}");
    assert_eq!(left[0]["user"], "carol");
    assert!(text(&json(host, &["why", "carol", "--json"])["now"]).contains("put off until"));
}

fn the_day_is_over(host: &Host) {
    let changed = admin(host, &["policy", "set", "enrollment.grace_until="]);
    assert_eq!(changed, "enrollment.grace_until: 2099-12-31 -> (none)\n");
    login(host, "carol", "").sees("A first set-up takes an invitation; ask an administrator for one.");
    let why = json(host, &["why", "carol", "--json"]);
    assert_eq!(why["now"], "not set up, and a code is needed");
    let told = explain(host, "carol");
    assert!(text(&told["outcome"]).contains("an invitation would set it up, and there is none"), "{told}");
}

fn carol_is_invited_and_sets_up(host: &Host) -> Phone {
    let invited = json(host, &["invite", "carol", "--json"]);
    let mut login = login(host, "carol", text(&invited["invitation"]));
    let phone = sets_up(&mut login);
    login.types("").is_let_in_as("carol");
    phone
}

fn all_of_the_staff_is_set_up(host: &Host) {
    let staff = summary(host);
    assert_eq!((&staff["users"], &staff["configured"]), (&2.into(), &2.into()), "{staff}");
    assert_eq!(staff["required_and_not_configured"], 0, "{staff}");
    let told = admin(host, &["users", "--group", "staff", "--summary"]);
    assert!(told.contains(" 100 % (2 of 2)\n"), "{told}");
}

fn bob_forgets_his_phone(host: &Host) {
    let made = json(host, &["code", "bob", "--json"]);
    assert_eq!(made["uses"], 1);
    let code = text(&made["code"]);
    let mut login_once = login(host, "bob", code);
    login_once.is_let_in_as("bob");
    assert!(login_once.seen().contains("The temporary code is used up now."), "{}", login_once.seen());
    login(host, "bob", code).sees("Permission denied");
}

fn bob_lost_it_and_sets_up_a_new_one(host: &Host) -> Phone {
    admin(host, &["policy", "set", "enrollment.mail_invitations=true"]);
    let told = admin(host, &["revoke", "bob", "--yes"]);
    assert!(told.starts_with("Two-factor login is removed for bob.\n"), "{told}");
    assert!(told.contains("mails an invitation"), "{told}");
    assert_eq!(summary(host)["required_and_not_configured"], 1);
    let explained = explain(host, "bob");
    assert!(text(&explained["outcome"]).contains("has an invitation mailed"), "{explained}");
    assert!(host.take_mail().is_empty());

    let mut login = login(host, "bob", "");
    login.sees("we have sent a code to b...@example.org");
    let mail = host.take_mail();
    assert_eq!(mail.len(), 1, "{mail:?}");
    login.answers("Invitation: ", &mail[0].invitation_code());
    let phone = sets_up(&mut login);
    login.types("").is_let_in_as("bob");
    phone
}

fn the_administrator_sees_why(host: &Host, user: &str) {
    let why = json(host, &["why", user, "--json"]);
    assert_eq!(why["refusals"][0]["reason"], "wrong-code", "{why}");
    assert_eq!(why["refusals"][0]["from"], "127.0.0.1", "{why}");
    assert_eq!(why["now"], "a right code passes");
}

fn password(user: &str) -> &'static str {
    match user {
        "alice" => "wonderland",
        "bob" => "builder",
        _ => "christmas",
    }
}

/// A login up to the answer to the code prompt.
fn login(host: &Host, user: &str, answer: &str) -> Dialogue {
    let mut login = host.ssh(user);
    login.answers(PASSWORD, password(user)).answers(CODE, answer);
    login
}

fn is_let_in_with(host: &Host, user: &str, code: &str) {
    login(host, user, code).is_let_in_as(user);
}

/// A set-up during login, up to the prompt that lets the login go on.
fn sets_up(login: &mut Dialogue) -> Phone {
    login.answers(READY, "");
    let shown = login.sees(PROOF);
    let uri = shown.split_whitespace().find(|word| word.starts_with("otpauth://")).expect("the URI is shown");
    let mut phone = Phone::scan(uri).with_window(10);
    login.answers(": ", &phone.code());
    assert_eq!(recovery_codes_in(&login.sees(GO_ON)).len(), 10, "{}", login.seen());
    phone
}

fn admin(host: &Host, words: &[&str]) -> String {
    host.must_run(&[&["totp-enroll", "admin"], words].concat())
}

fn json(host: &Host, words: &[&str]) -> Value {
    serde_json::from_str(&admin(host, words)).unwrap_or_else(|error| panic!("{words:?}: {error}"))
}

fn explain(host: &Host, user: &str) -> Value {
    json(host, &["explain", user, "--service", "sshd", "--from", "127.0.0.1", "--json"])
}

/// How far the members of staff have come.
fn summary(host: &Host) -> Value {
    json(host, &["users", "--group", "staff", "--summary", "--json"])
}

/// The row of a user.
fn of(host: &Host, user: &str) -> Value {
    let users = json(host, &["users", "--json"]);
    let rows = users.as_array().expect("a list of users");
    rows.iter().find(|row| row["user"] == user).expect("the user is listed").clone()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("this is no text: {value}"))
}
