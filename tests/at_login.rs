//! Set-up during login, over a real sshd, su and login: who is brought to a phone, and who never is.

#![forbid(unsafe_code)]

mod newcomer;

use host::{COLOUR_80X24, PamStack, Phone, Stack, TerminalKind, Theme, recovery_codes_in};
use newcomer::{
    CODE, GO_ON, HINT, PASSWORD, PROOF, READY, begins, builder, is_configured, is_let_in_with, scans,
    sets_up, with_policy,
};

#[test]
fn who_needs_a_code_and_has_none_sets_it_up_and_is_let_in() {
    let host = builder().build();
    let mut login = begins(&host, "");
    let mut phone = scans(&mut login);
    let spent = phone.code();
    login.answers(": ", &spent);
    phone.recovery_codes = recovery_codes_in(&login.sees(GO_ON));
    assert!(!is_configured(&host), "nothing counts before the session opens");
    login.types("").is_let_in_as("alice");
    assert!(login.seen().contains(HINT));
    assert_eq!(phone.recovery_codes.len(), 10);
    assert!(is_configured(&host));
    assert_eq!(host.store_names(), ["alice.state", "alice.toml"]);
    let line = host.wait_for_log("event=setup result=done");
    assert!(line.contains("user=alice service=sshd from=127.0.0.1 by=alice device=phone"), "{line}");

    begins(&host, &spent).sees("Permission denied");
    is_let_in_with(&host, &phone.code());
    is_let_in_with(&host, &phone.recovery_codes[0]);
}

#[test]
fn any_answer_leads_to_set_up_also_one_that_looks_like_a_code() {
    let host = builder().build();
    sets_up(&mut begins(&host, "123456"));
}

#[test]
fn the_qr_code_is_read_by_a_camera_and_stands_above_the_prompt() {
    let host = builder().build();
    let words = host.ssh_words("alice", &[]);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let terminal = host.terminal_like(TerminalKind { height: 40, ..COLOUR_80X24 }, "root", &words);
    terminal.shows(PASSWORD.trim_end());
    terminal.enters("wonderland");
    terminal.shows(CODE.trim_end());
    terminal.enters("");
    terminal.shows(READY.trim_end());
    terminal.enters("");
    terminal.shows(PROOF);
    let uri = terminal.qr(Theme::Dark).expect("a camera reads the QR code");
    let mut phone = Phone::scan(&uri).with_window(10);
    terminal.enters(&phone.code());
    terminal.shows(GO_ON.trim_end());
    terminal.enters("");
    terminal.shows("alice@house");
    assert!(is_configured(&host));
}

#[test]
fn three_wrong_first_codes_set_nothing_up_and_let_nobody_in() {
    let host = builder().build();
    let mut login = begins(&host, "");
    let mut phone = scans(&mut login);
    for _ in 0..2 {
        login.answers(": ", &phone.wrong_code()).sees("That is not the code of this secret");
        login.sees(PROOF);
    }
    login.answers(": ", &phone.wrong_code()).sees("Permission denied");
    host.wait_for_log("event=setup result=denied reason=not-proven user=alice service=sshd");
    assert!(host.store_names().is_empty(), "{:?}", host.store_names());
    begins(&host, &phone.code()).sees(READY);
    assert!(!is_configured(&host));
}

#[test]
fn a_wrong_first_code_may_be_mended() {
    let host = builder().build();
    let mut login = begins(&host, "");
    let mut phone = scans(&mut login);
    login.answers(": ", &phone.wrong_code()).sees(PROOF);
    login.answers(": ", "").sees(PROOF);
    login.answers(": ", &phone.code());
    login.answers(GO_ON, "").is_let_in_as("alice");
}

#[test]
fn who_does_not_know_the_password_is_shown_no_secret() {
    let host = builder().build();
    let mut login = host.ssh("alice");
    login.answers(PASSWORD, "looking-glass").answers(CODE, "").sees("Permission denied");
    assert!(!login.seen().contains("otpauth"));
    let stopping = PamStack::new().setup().stopping_at_a_wrong_password().text();
    host.write("/etc/pam.d/sshd", stopping);
    let mut login = host.ssh("alice");
    login.answers(PASSWORD, "looking-glass").sees("Permission denied");
    assert!(!login.seen().contains(CODE));
    assert!(host.store_names().is_empty(), "{:?}", host.store_names());
}

#[test]
fn a_stranger_cannot_tell_who_is_set_up() {
    let host = builder().user("bob", "builder").build();
    host.enrol("bob");
    let what_is_said = |user: &str, answer: &str| {
        let mut login = host.ssh(user);
        login.answers(PASSWORD, "looking-glass").answers(CODE, answer);
        login.ends();
        login.seen().replace(user, "USER")
    };
    for answer in ["", "123456", "AAAA-BBBB-CCCC-DDDD", "looking-glass", "x"] {
        let expected = what_is_said("alice", answer);
        assert!(expected.contains("Permission denied"), "{expected}");
        assert_eq!(what_is_said("bob", answer), expected, "{answer}");
        assert_eq!(what_is_said("nobody-of-that-name", answer), expected, "{answer}");
    }
}

#[test]
fn a_stranger_cannot_tell_who_is_invited_has_a_temporary_code_or_may_put_it_off() {
    let setup = Stack::PasswordAndCodeWith("setup");
    for (enrollment, stack) in [
        ("needs_invitation = true\nmail_invitations = true", setup),
        ("needs_invitation = true\ngrace_logins = 2", setup),
        ("grace_until = 2999-12-31", setup),
        ("grace_until = 2999-12-31", Stack::PasswordAndCode),
    ] {
        let host = with_policy(enrollment)
            .stack("sshd", stack)
            .user("bob", "builder")
            .user("carol", "carousel")
            .user("dora", "doormouse")
            .build();
        host.enrol("bob");
        let invited = host.run(&["totp-enroll", "admin", "invite", "carol", "--json"]).json();
        let invitation = invited["invitation"].as_str().unwrap_or("AAAA-BBBB-CCCC-DDDD").to_owned();
        if enrollment.contains("mail") {
            host.must_run(&["totp-enroll", "admin", "invite", "dora", "--mail", "dora@example.org"]);
        }
        host.must_run(&["totp-enroll", "admin", "code", "dora", "--json"]);
        for answer in ["123456", &invitation] {
            let users = ["bob", "alice", "carol", "dora", "nobody-of-that-name"];
            // At once: every refusal takes two seconds.
            let mut logins = users.map(|user| {
                let mut login = host.ssh(user);
                login.answers(PASSWORD, "looking-glass").answers(CODE, answer);
                login
            });
            let said: Vec<String> = users
                .iter()
                .zip(&mut logins)
                .map(|(user, login)| {
                    login.ends();
                    login.seen().replace(user, "USER")
                })
                .collect();
            assert!(said[0].contains("Permission denied"), "{}", said[0]);
            for (user, other) in users.iter().zip(&said) {
                assert_eq!(*other, said[0], "{enrollment}: {user}, {answer}");
            }
        }
    }
}

#[test]
fn sshds_password_method_cannot_set_up_and_is_refused() {
    let host = builder().sshd_option("PasswordAuthentication yes").build();
    let mut login = host.ssh_with("alice", &["-o", "PreferredAuthentications=password"]);
    login.answers("password: ", "wonderland");
    login.ends();
    host.wait_for_log("event=setup result=denied reason=cannot-ask user=alice");
    assert!(host.store_names().is_empty(), "{:?}", host.store_names());
}

#[test]
fn a_login_cut_off_at_any_step_sets_nothing_up_and_the_next_one_does() {
    let host = builder().build();
    drop(begins(&host, ""));
    let mut login = begins(&host, "");
    login.sees(READY);
    drop(login);
    let mut login = begins(&host, "");
    scans(&mut login);
    drop(login);
    let mut login = begins(&host, "");
    sets_up(&mut login);
    drop(login);
    assert!(!is_configured(&host));
    let mut login = begins(&host, "");
    let mut phone = sets_up(&mut login);
    login.types("").is_let_in_as("alice");
    is_let_in_with(&host, &phone.code());
}

#[test]
fn of_two_logins_that_set_up_at_once_the_newest_wins() {
    let host = builder().build();
    let mut first = begins(&host, "");
    sets_up(&mut first);
    let mut second = begins(&host, "");
    let mut phone = sets_up(&mut second);
    first.types("").ends();
    second.types("").is_let_in_as("alice");
    is_let_in_with(&host, &phone.code());
}

#[test]
fn login_sets_up_on_a_console() {
    let host = builder().stack("login", Stack::PasswordAndCodeWith("setup")).build();
    let mut login = host.dialogue_as("root", &["login"]);
    login.answers("login: ", "alice").answers(PASSWORD, "wonderland").answers(CODE, "");
    let mut phone = sets_up(&mut login);
    login.types("").is_let_in_as("alice");
    let mut login = host.dialogue_as("root", &["login"]);
    login.answers("login: ", "alice").answers(PASSWORD, "wonderland").answers(CODE, &phone.code());
    login.is_let_in_as("alice");
}

#[test]
fn su_sets_up_through_the_helper() {
    let host = with_policy("at_login = [\"su\"]")
        .user("bob", "builder")
        .stack("su", Stack::PasswordAndCodeWith("setup"))
        .build();
    let mut login = host.dialogue_as("bob", &["su", "alice"]);
    login.answers(PASSWORD, "wonderland").answers(CODE, "");
    let mut phone = sets_up(&mut login);
    login.types("").is_let_in_as("alice");
    let line = host.wait_for_log("event=setup result=done");
    assert!(line.contains("totp-helper[") && line.contains("by=alice"), "{line}");
    let mut login = host.dialogue_as("bob", &["su", "alice"]);
    login.answers(PASSWORD, "wonderland").answers(CODE, &phone.code()).is_let_in_as("alice");
}

#[test]
fn an_override_goes_before_the_policy() {
    let host = builder().build();
    host.must_run(&["totp-enroll", "admin", "mode", "alice", "disabled"]);
    let mut login = host.ssh("alice");
    login.answers(PASSWORD, "wonderland").is_let_in_as("alice");
    assert!(!login.seen().contains(CODE));
    host.must_run(&["totp-enroll", "admin", "mode", "alice", "default"]);
    begins(&host, "").sees(READY);
    assert!(host.store_names().iter().all(|name| !name.ends_with(".mode")));
}
