//! Stacks that lack a line or have one too many, environments and expired passwords: none of them is a way past
//! set-up during login.

#![forbid(unsafe_code)]

mod newcomer;

use host::{Dialogue, PamStack, Stack};
use newcomer::{
    CODE, HINT, PASSWORD, READY, REQUIRED, begins, builder, is_configured, is_let_in_with, scans, sets_up,
    with_policy,
};

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
fn a_later_account_module_that_refuses_leaves_nobody_set_up() {
    let stack = PamStack::new().setup().last_account("required pam_deny.so").text();
    let host = builder().stack("sshd", Stack::Text(&stack)).build();
    let mut login = begins(&host, "");
    let mut phone = sets_up(&mut login);
    login.types("").sees("Permission denied");
    assert!(!is_configured(&host));
    begins(&host, &phone.code()).sees("set up for alice yet");
}
