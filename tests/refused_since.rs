//! The owner is told at login of the codes that were refused since the last one.

#![forbid(unsafe_code)]

use host::{Builder, CLIENTS, Dialogue, Host, PamStack, Phone, Stack};

const POLICY: &str = "mode = \"required\"\n[totp]\nwindow = 10\n[throttle]\nfree_failures = 20\n";
const ADVICE: &str = "If that was not you, somebody may know your password: change it.";

fn required() -> Builder {
    Host::builder()
        .user("alice", "wonderland")
        .user("bob", "builder")
        .policy(POLICY)
        .stack("sshd", Stack::PasswordAndCode)
        .stack("su", Stack::PasswordAndCode)
        .stack("sudo", Stack::PasswordAndCode)
        .stack("login", Stack::PasswordAndCode)
        .stack("test", Stack::Code)
}

fn over_ssh(host: &Host, password: &str, code: &str, options: &[&str]) -> Dialogue {
    let mut login = host.ssh_with("alice", options);
    login.answers("Password: ", password);
    login.answers("Verification code: ", code);
    login
}

/// So many codes are refused that somebody types at another address.
fn are_refused(host: &Host, phone: &Phone, times: usize) {
    for _ in 0..times {
        over_ssh(host, "wonderland", &phone.wrong_code(), &["-b", "127.0.0.2"]).sees("Permission denied");
    }
}

/// What alice is shown between her code and the prompt of her shell.
fn let_in(mut login: Dialogue) -> String {
    let from = login.seen().len();
    login.is_let_in_as("alice");
    login.seen()[from..].to_owned()
}

/// With their line breaks as one line: a terminal may break it anywhere.
fn tells(said: &str, how_many: &str, where_from: &str) -> bool {
    said.contains(&format!("{how_many} refused since your last login, "))
        && said.contains(&format!(" UTC {where_from}. {ADVICE}"))
}

#[test]
fn an_ssh_login_tells_once_how_many_codes_were_refused_and_from_where() {
    let host = required().build();
    let mut phone = host.enrol("alice");
    assert!(!let_in(over_ssh(&host, "wonderland", &phone.code(), &[])).contains("refused"));
    are_refused(&host, &phone, 2);
    let mut login = over_ssh(&host, "wonderland", &phone.code(), &[]);
    login.is_let_in_as("alice");
    assert!(tells(login.seen(), "2 codes were", "from 127.0.0.2"), "{}", login.seen());
    host.wait_for_log("event=login result=accepted user=alice service=sshd from=127.0.0.1 factor=device device=phone refused_since=2");
    login.types("env; echo end-of-$((1+1))-env");
    assert!(!login.sees("end-of-2-env").contains("PAM_TOTP"), "{}", login.seen());
    assert!(!let_in(over_ssh(&host, "wonderland", &phone.code(), &[])).contains("refused"));
    are_refused(&host, &phone, 1);
    let said = let_in(over_ssh(&host, "wonderland", &phone.code(), &[]));
    assert!(tells(&said, "One code was", "from 127.0.0.2"), "{said}");
}

#[test]
fn what_a_login_that_fails_after_the_code_was_to_tell_the_next_one_tells() {
    let host = required().build();
    let mut phone = host.enrol("alice");
    are_refused(&host, &phone, 1);
    let mut login = over_ssh(&host, "looking-glass", &phone.code(), &[]);
    login.sees("Permission denied");
    assert!(!login.seen().contains("since your last login"), "{}", login.seen());
    host.wait_for_log("event=login result=accepted user=alice");
    let said = let_in(over_ssh(&host, "wonderland", &phone.code(), &[]));
    assert!(tells(&said, "One code was", "from 127.0.0.2"), "{said}");
}

#[test]
fn neither_a_key_alone_nor_a_remembered_address_tells_and_the_next_code_does() {
    let host = required().network().build();
    let mut phone = host.enrol("alice");
    let key = host.client_key("alice");
    host.write(host::POLICY, format!("{POLICY}[remember]\nhosts_for = \"1h\"\n"));
    let_in(over_ssh(&host, "wonderland", &phone.code(), &[]));
    let [_, elsewhere, another, ..] = CLIENTS;
    over_ssh(&host, "wonderland", &phone.wrong_code(), &["-b", elsewhere]).sees("Permission denied");
    let said = let_in(host.ssh_with_key("alice", &key));
    assert!(!said.contains("refused"), "{said}");
    let mut remembered = host.ssh("alice");
    remembered.answers("Password: ", "wonderland");
    let said = let_in(remembered);
    assert!(!said.contains("refused"), "{said}");
    let said = let_in(over_ssh(&host, "wonderland", &phone.code(), &["-b", another]));
    assert!(tells(&said, "One code was", &format!("from {elsewhere}")), "{said}");
}

#[test]
fn su_tells() {
    let host = required().build();
    let mut phone = host.enrol("alice");
    let becomes_alice = |code: &str| {
        let mut su = host.dialogue_as("bob", &["su", "alice"]);
        su.answers("Password: ", "wonderland").answers("Verification code: ", code);
        su
    };
    for _ in 0..3 {
        becomes_alice(&phone.wrong_code()).sees("Authentication failure");
    }
    let mut su = becomes_alice(&phone.code());
    su.is_let_in_as("alice");
    assert!(tells(su.seen(), "3 codes were", "on this machine"), "{}", su.seen());
    su.types("env; echo end-of-$((1+1))-env");
    assert!(!su.sees("end-of-2-env").contains("PAM_TOTP"), "{}", su.seen());
    assert!(!let_in(becomes_alice(&phone.code())).contains("refused"));
}

#[test]
fn sudo_keeps_modules_silent_and_the_next_login_tells() {
    let host = required().build();
    let mut phone = host.enrol("alice");
    host.write("/etc/sudoers.d/alice", "Defaults:alice passwd_tries=1, !lecture\nalice ALL=(ALL) ALL\n");
    let sudo = |code: &str| {
        let mut sudo = host.dialogue_as("alice", &["sudo", "-k", "env"]);
        sudo.answers("password for alice: ", "wonderland").answers("Verification code: ", code);
        sudo.ends();
        sudo.seen().to_owned()
    };
    sudo(&phone.wrong_code());
    let said = sudo(&phone.code());
    assert!(said.contains("SUDO_USER=alice") && !said.contains("refused"), "{said}");
    assert!(!said.contains("PAM_TOTP"), "{said}");
    let said = let_in(over_ssh(&host, "wonderland", &phone.code(), &[]));
    assert!(tells(&said, "One code was", "on this machine"), "{said}");
}

#[test]
fn whoever_typed_the_code_is_told_where_the_session_is_that_of_another() {
    let host = required().build();
    let (mut phone, mut other) = (host.enrol("alice"), host.enrol("bob"));
    host.write("/tmp/program.c", include_str!("session_of_another.c"));
    host.must_run(&["cc", "-o", "/tmp/program", "/tmp/program.c", "-lpam"]);
    let opens = |user: &str, other: &str, code: &str| host.run(&["/tmp/program", user, other, code]);
    assert_eq!(opens("bob", "alice", &other.wrong_code()).status, 1);
    for told in [false, true] {
        let outcome =
            if told { opens("bob", "alice", &other.code()) } else { opens("alice", "bob", &phone.code()) };
        assert_eq!(outcome.status, 0, "{outcome:?}");
        assert_eq!(tells(&outcome.stdout, "One code was", "on this machine"), told, "{outcome:?}");
        assert!(!outcome.stdout.contains("PAM_TOTP"), "{outcome:?}");
    }
    assert!(!opens("bob", "alice", &other.code()).stdout.contains("refused"));
}

#[test]
fn login_tells_also_after_a_wrong_password_in_the_same_conversation() {
    let host = required().build();
    let mut phone = host.enrol("alice");
    let mut login = host.dialogue_as("root", &["login"]);
    for (password, code) in [
        ("wonderland", phone.wrong_code()),
        ("looking-glass", phone.code()),
        ("wonderland", phone.wrong_code()),
        ("wonderland", phone.code()),
    ] {
        login.answers("login: ", "alice");
        login.answers("Password: ", password).answers("Verification code: ", &code);
    }
    login.is_let_in_as("alice");
    assert!(tells(login.seen(), "2 codes were", "on this machine"), "{}", login.seen());
    assert_eq!(login.seen().matches("since your last login").count(), 1, "{}", login.seen());
    login.types("env; echo end-of-$((1+1))-env");
    assert!(!login.sees("end-of-2-env").contains("PAM_TOTP"), "{}", login.seen());
}

#[test]
fn a_session_that_is_to_be_silent_leaves_it_to_the_next() {
    let host = required().build();
    let mut phone = host.enrol("alice");
    let mut session = |flags: &str| {
        let open = format!("open_session{flags}");
        let words = ["pamtester", "test", "alice", "authenticate", &open];
        host.run_with_input("root", &words, format!("{}\n", phone.code())).text()
    };
    host.run_with_input("root", &["pamtester", "test", "alice", "authenticate"], "000000\n");
    let said = session("(PAM_SILENT)");
    assert!(said.contains("successfully opened a session") && !said.contains("refused"), "{said}");
    assert!(tells(&session(""), "One code was", "on this machine"));
    assert!(!session("").contains("refused"));
}

#[test]
fn a_program_that_opens_two_sessions_tells_in_the_first() {
    let host = required().build();
    let mut phone = host.enrol("alice");
    let runs = |operations: &[&str], code: &str| {
        let words = [&["pamtester", "test", "alice", "authenticate"], operations].concat();
        host.run_with_input("root", &words, format!("{code}\n")).text()
    };
    runs(&[], &phone.wrong_code());
    let said = runs(&["open_session", "open_session"], &phone.code());
    assert_eq!(said.matches("since your last login").count(), 1, "{said}");
}

#[test]
fn what_a_user_makes_up_is_told_to_that_user_and_ends_no_login() {
    let stack = PamStack::new().reading_environment_of_users().text();
    let host = required().stack("su", Stack::Text(&stack)).build();
    let mut phone = host.enrol("alice");
    let uid = host.must_run(&["id", "-u", "alice"]);
    let uid = uid.trim();
    let forged = format!(
        "PAM_TOTP_REFUSED_{uid}_9_1_local DEFAULT=1\nPAM_TOTP_REFUSED_{uid}_x DEFAULT=1\nPAM_TOTP_REFUSED_0_7_1_local DEFAULT=1\n"
    );
    host.write("/home/alice/.pam_environment", forged);
    let mut su = host.dialogue_as("bob", &["su", "alice"]);
    su.answers("Password: ", "wonderland").answers("Verification code: ", &phone.wrong_code());
    su.sees("Authentication failure");
    let mut su = host.dialogue_as("bob", &["su", "alice"]);
    su.answers("Password: ", "wonderland").answers("Verification code: ", &phone.code());
    su.is_let_in_as("alice");
    assert!(tells(su.seen(), "One code was", "on this machine"), "{}", su.seen());
    su.types("env; echo end-of-$((1+1))-env");
    assert!(!su.sees("end-of-2-env").contains("PAM_TOTP"), "{}", su.seen());
}
