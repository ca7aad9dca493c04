//! Set-up during login, over a real sshd, su and login: who is brought to a phone, and who never is.

#![forbid(unsafe_code)]

use host::{
    Builder, COLOUR_80X24, Dialogue, Host, POLICY, PamStack, Phone, Stack, TerminalKind, Theme,
    recovery_codes_in,
};

const PASSWORD: &str = "Password: ";
const CODE: &str = "Verification code: ";
const HINT: &str = "If you have no code yet, press Enter.";
const READY: &str = "Press Enter when your app is ready to scan: ";
const PROOF: &str = "Code from the app";
const GO_ON: &str = "Press Enter to log in: ";
const REQUIRED: &str = "mode = \"required\"\n[totp]\nwindow = 10\n";

fn builder() -> Builder {
    Host::builder()
        .user("alice", "wonderland")
        .policy(REQUIRED)
        .stack("sshd", Stack::PasswordAndCodeWith("setup"))
}

fn with_policy(enrollment: &str) -> Builder {
    builder().policy(&format!("{REQUIRED}[enrollment]\n{enrollment}\n"))
}

/// From the code prompt to that for the first code; the phone has the secret then.
fn scans(login: &mut Dialogue) -> Phone {
    login.answers(READY, "");
    let shown = login.sees(PROOF);
    let uri = shown.split_whitespace().find(|word| word.starts_with("otpauth://")).expect("the URI is shown");
    Phone::scan(uri).with_window(10)
}

/// The whole set-up, up to the prompt that lets the login go on.
fn sets_up(login: &mut Dialogue) -> Phone {
    let mut phone = scans(login);
    login.answers(": ", &phone.code());
    phone.recovery_codes = recovery_codes_in(&login.sees(GO_ON));
    phone
}

fn begins(host: &Host, answer: &str) -> Dialogue {
    let mut login = host.ssh("alice");
    login.answers(PASSWORD, "wonderland").answers(CODE, answer);
    login
}

fn is_configured(host: &Host) -> bool {
    let status = host.run(&["totp-enroll", "admin", "status", "alice", "--json"]);
    status.json()["configured"].as_bool().expect("`configured` is a boolean")
}

fn is_let_in_with(host: &Host, code: &str) {
    begins(host, code).is_let_in_as("alice");
}

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
fn without_the_argument_or_the_service_nobody_is_set_up() {
    let host = builder().stack("sshd", Stack::PasswordAndCode).build();
    begins(&host, "").sees("Permission denied");
    let host = with_policy("at_login = [\"login\"]").build();
    let mut login = begins(&host, "");
    login.sees("Permission denied");
    assert!(!login.seen().contains(HINT));
    assert!(host.store_names().is_empty());
}

#[test]
fn without_the_account_line_the_login_ends_at_the_session() {
    let stack = PamStack::new().setup().without_account().text();
    let host = builder().stack("sshd", Stack::Text(&stack)).stack("login", Stack::Text(&stack)).build();
    begins(&host, "").ends();
    host.wait_for_log("event=session result=denied");
    let mut login = host.dialogue_as("root", &["login"]);
    login.answers("login: ", "alice").answers(PASSWORD, "wonderland").answers(CODE, "");
    login.ends();
    assert!(!is_configured(&host));
}

#[test]
fn su_without_the_account_line_ends_at_the_session_too() {
    let stack = PamStack::new().setup().without_account().text();
    let host =
        with_policy("at_login = [\"su\"]").user("bob", "builder").stack("su", Stack::Text(&stack)).build();
    let mut login = host.dialogue_as("bob", &["su", "alice"]);
    login.answers(PASSWORD, "wonderland").answers(CODE, "");
    assert_ne!(login.exit_status(), 0);
    host.wait_for_log("event=session result=denied");
    assert!(!is_configured(&host));
}

#[test]
fn without_the_session_line_a_set_up_never_counts() {
    let stack = PamStack::new().setup().without_session().text();
    let host = builder().stack("sshd", Stack::Text(&stack)).build();
    let mut login = begins(&host, "");
    sets_up(&mut login);
    login.types("").is_let_in_as("alice");
    assert!(!is_configured(&host), "and `admin policy check` warns of such a stack");
}

#[test]
fn an_expired_password_that_skips_the_account_line_ends_the_login() {
    let stack = PamStack::new().setup().with_account_skipped_on_expiry().text();
    let host = builder().stack("sshd", Stack::Text(&stack)).build();
    host.expire_password("alice");
    let mut login = begins(&host, "");
    login.answers("Current password: ", "wonderland").answers("New password: ", "through-the-glass-7");
    login.answers("Retype new password: ", "through-the-glass-7").ends();
    host.wait_for_log("event=session result=denied");
    assert!(!is_configured(&host));
}

#[test]
fn on_a_console_and_in_su_an_expired_password_skips_no_set_up_either() {
    let skipping = PamStack::new().setup().with_account_skipped_on_expiry().text();
    for stack in [skipping, PamStack::new().setup().text()] {
        let host = with_policy("at_login = [\"su\", \"login\"]")
            .user("bob", "builder")
            .stack("su", Stack::Text(&stack))
            .stack("login", Stack::Text(&stack))
            .build();
        for program in ["su", "login"] {
            host.expire_password("alice");
            let mut login = match program {
                "su" => host.dialogue_as("bob", &["su", "alice"]),
                _ => host.dialogue_as("root", &["login", "alice"]),
            };
            login.answers(PASSWORD, "wonderland").answers(CODE, "");
            if stack.contains("new_authtok_reqd") {
                login
                    .answers("Current password: ", "wonderland")
                    .answers("New password: ", "through-the-glass-7");
                login.answers("Retype new password: ", "through-the-glass-7").ends();
                host.wait_for_log("event=session result=denied");
                host.set_password("alice", "wonderland");
            } else {
                login.sees(READY);
            }
            assert!(!is_configured(&host), "{program}");
        }
    }
}

#[test]
fn an_expired_password_is_changed_after_the_set_up() {
    let host = builder().build();
    host.expire_password("alice");
    let mut login = begins(&host, "");
    let mut phone = sets_up(&mut login);
    login.types("");
    login.answers("Current password: ", "wonderland").answers("New password: ", "through-the-glass-7");
    login.answers("Retype new password: ", "through-the-glass-7").is_let_in_as("alice");
    let mut login = host.ssh("alice");
    login.answers(PASSWORD, "through-the-glass-7").answers(CODE, &phone.code()).is_let_in_as("alice");
}

#[test]
fn the_users_environment_can_clear_no_marker() {
    let stack = PamStack::new().setup().reading_environment_of_users().text();
    let host = builder().stack("sshd", Stack::Text(&stack)).build();
    host.write("/home/alice/.pam_environment", "PAM_TOTP_SETUP DEFAULT= OVERRIDE=\n");
    let mut login = begins(&host, "");
    let mut phone = sets_up(&mut login);
    login.types("").is_let_in_as("alice");
    is_let_in_with(&host, &phone.code());
}

#[test]
fn a_set_up_that_another_one_overtook_lets_nobody_in_whatever_the_users_environment_clears() {
    let stack = PamStack::new().setup().reading_environment_of_users().text();
    let grace = "[enrollment]\ngrace_logins = 1\n";
    let host = builder().policy(&format!("{REQUIRED}{grace}")).stack("sshd", Stack::Text(&stack)).build();
    host.write("/home/alice/.pam_environment", "PAM_TOTP_SETUP DEFAULT= OVERRIDE=\n");
    for overtakes in [
        // It begins anew, and is no further than that when the first one ends.
        |second: &mut Dialogue| drop(scans(second)),
        // It is put off, which ends whatever was under way.
        |second: &mut Dialogue| {
            second.answers(READY, "").answers("puts it off, for one more login): ", "").is_let_in_as("alice");
        },
    ] {
        let mut first = begins(&host, "");
        sets_up(&mut first);
        let mut second = begins(&host, "");
        overtakes(&mut second);
        first.types("").ends();
        assert!(!is_configured(&host));
    }
    assert_eq!(host.times_logged("event=session result=denied"), 2);
}

#[test]
fn sudo_runs_nothing_where_a_set_up_was_skipped() {
    let stack = PamStack::new().setup().without_account().text();
    let host = with_policy("at_login = [\"sudo\"]").stack("sudo", Stack::Text(&stack)).build();
    host.write("/etc/sudoers.d/alice", "Defaults:alice passwd_tries=1, !lecture\nalice ALL=(ALL) ALL\n");
    let mut sudo = host.dialogue_as("alice", &["sudo", "sh", "-c", "echo ran as $(id -un)"]);
    sudo.answers("password for alice: ", "wonderland").answers(CODE, "");
    let said = sudo.ends();
    assert!(!said.contains("ran as"), "{said}");
    host.wait_for_log("event=session result=denied");
    assert!(host.store_names().is_empty(), "{:?}", host.store_names());
}

#[test]
fn a_line_with_another_policy_takes_no_set_up_back() {
    let stack = PamStack::new().setup().text();
    let further = "auth required pam_totp.so policy=/etc/pam_totp/other.toml\naccount ";
    let stack = stack.replacen("account ", further, 1);
    let host = builder().stack("sshd", Stack::Text(&stack)).build();
    host.must_run(&["install", "-d", "-m", "700", "-o", "_pam_totp", "/var/lib/other"]);
    host.write("/etc/pam_totp/other.toml", "[store]\ndirectory = \"/var/lib/other\"\n");
    let mut login = begins(&host, "");
    sets_up(&mut login);
    login.types("").is_let_in_as("alice");
    assert!(is_configured(&host));
}

#[test]
fn lines_that_disagree_on_the_policy_let_nobody_in_without_set_up() {
    let other = "pam_totp.so policy=/etc/pam_totp/other.toml";
    let usual = PamStack::new().setup().text();
    let auth_alone = usual.replace("account required pam_totp.so", &format!("account required {other}"));
    let auth_alone = auth_alone.replace("session required pam_totp.so", &format!("session required {other}"));
    let host = builder().stack("sshd", Stack::Text(&auth_alone)).build();
    host.must_run(&["install", "-d", "-m", "700", "-o", "_pam_totp", "/var/lib/other"]);
    let put_off = "[enrollment]\ngrace_until = 2999-12-31\n[store]\ndirectory = \"/var/lib/other\"\n";
    host.write("/etc/pam_totp/other.toml", put_off);
    let mut login = begins(&host, "");
    login.ends();
    host.wait_for_log("event=session result=denied");
}

#[test]
fn a_marker_of_ones_own_making_ends_the_login() {
    let stack = PamStack::new().setup().reading_environment_of_users().text();
    let host = builder().policy("mode = \"optional\"\n").stack("sshd", Stack::Text(&stack)).build();
    for marker in ["00000000000000000000000000000001", "x"] {
        host.write("/home/alice/.pam_environment", format!("PAM_TOTP_SETUP DEFAULT={marker}\n"));
        let mut login = host.ssh("alice");
        login.answers(PASSWORD, "wonderland");
        login.ends();
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
fn a_later_account_module_that_refuses_leaves_nobody_set_up() {
    let stack = PamStack::new().setup().last_account("required pam_deny.so").text();
    let host = builder().stack("sshd", Stack::Text(&stack)).build();
    let mut login = begins(&host, "");
    let mut phone = sets_up(&mut login);
    login.types("").sees("Permission denied");
    assert!(!is_configured(&host));
    begins(&host, &phone.code()).sees("set up for alice yet");
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
fn a_key_and_a_set_up_let_in_and_a_key_is_needed_for_it() {
    let stack = "auth required pam_totp.so setup\nauth required pam_permit.so\n\
                 account required pam_totp.so\naccount required pam_unix.so\n\
                 session required pam_totp.so\nsession required pam_permit.so\n";
    let host = builder()
        .stack("sshd", Stack::Text(stack))
        .sshd_option("AuthenticationMethods publickey,keyboard-interactive")
        .build();
    let key = host.client_key("alice");
    let mut login = host.ssh_with_key("alice", &key);
    login.answers(CODE, "");
    sets_up(&mut login);
    login.types("").is_let_in_as("alice");

    // Without a first factor nobody is set up, whatever else the stack says.
    let host = builder().stack("sshd", Stack::Text(stack)).build();
    host.ssh("alice").answers(CODE, "").sees("Permission denied");
    assert!(host.store_names().is_empty());
}

#[test]
fn a_key_alone_lets_in_unless_the_policy_refuses_it() {
    let host = builder().build();
    let key = host.client_key("alice");
    host.ssh_with_key("alice", &key).is_let_in_as("alice");

    host.write(POLICY, format!("{REQUIRED}[ssh]\nrefuse_key_only = true\n"));
    host.ssh_with_key("alice", &key).ends();
    host.wait_for_log("event=login result=denied reason=key-only user=alice service=sshd");
    let mut phone = host.enrol("alice");
    host.ssh_with_key("alice", &key).ends();
    is_let_in_with(&host, &phone.code());

    host.must_run(&["totp-enroll", "admin", "mode", "alice", "optional"]);
    host.ssh_with_key("alice", &key).is_let_in_as("alice");
}

#[test]
fn a_key_and_a_code_are_not_a_key_alone() {
    let host = builder()
        .policy(&format!("{REQUIRED}[ssh]\nrefuse_key_only = true\n"))
        .stack("sshd", Stack::Code)
        .sshd_option("AuthenticationMethods publickey,keyboard-interactive")
        .build();
    let mut phone = host.enrol("alice");
    let key = host.client_key("alice");
    let mut login = host.ssh_with_key("alice", &key);
    login.answers(CODE, &phone.code()).is_let_in_as("alice");
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
