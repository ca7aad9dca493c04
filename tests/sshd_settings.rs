//! What `admin policy check` says of sshd's configuration, beside what the real sshd does under it, and what users
//! hear of it.

#![forbid(unsafe_code)]

use host::{Builder, Host, Outcome, PamStack, Stack};

/// As Debian ships it, but for the lines that a test asks for before it.
const DEBIAN: &str = "KbdInteractiveAuthentication no\nPasswordAuthentication yes\nUsePAM yes\n";
const RIGHT: &str =
    "KbdInteractiveAuthentication yes\nPasswordAuthentication no\nUsePAM yes\nLoginGraceTime 10m\n";
const NOTE: &str = "/var/cache/pam_totp/sshd.toml";

fn builder() -> Builder {
    Host::builder()
        .user("alice", "wonderland")
        .user("bob", "builder")
        .policy("mode = \"optional\"\n[totp]\nwindow = 10\n")
        .stack("sshd", Stack::PasswordAndCodeWith("setup"))
}

/// A host whose sshd has these lines.
fn with_lines(builder: Builder, lines: &str) -> Host {
    lines.lines().fold(builder, |builder, line| builder.sshd_option(line)).build()
}

fn with(lines: &str) -> Host {
    with_lines(builder(), lines)
}

/// `policy check`, without what it says of other services, whose stacks are those of this machine.
fn check(host: &Host) -> Outcome {
    let mut outcome = host.run(&["totp-enroll", "admin", "policy", "check"]);
    assert_eq!(outcome.status, 0, "{outcome:?}");
    let of_sshd = |line: &&str| !line.contains("no auth line of its PAM stack names pam_totp.so");
    outcome.stderr = outcome.stderr.lines().filter(of_sshd).map(|line| format!("{line}\n")).collect();
    outcome
}

fn is_quiet(host: &Host) {
    let outcome = check(host);
    assert_eq!(outcome.stderr, "", "{outcome:?}");
}

/// One warning, which holds this.
fn warns(host: &Host, part: &str) {
    let outcome = check(host);
    assert_eq!(outcome.stderr.lines().count(), 1, "{outcome:?}");
    assert!(outcome.stderr.contains(part), "`{part}` is missing: {outcome:?}");
}

/// A login by the password method, as clients have it that know nothing else.
fn by_password(host: &Host, user: &str, password: &str) -> host::Dialogue {
    let mut login = host.ssh_with(user, &["-o", "PreferredAuthentications=password"]);
    login.answers("password: ", password);
    login
}

#[test]
fn where_sshd_is_as_debian_ships_it_a_right_code_is_never_asked_for_and_check_says_so() {
    let host = with(DEBIAN);
    warns(&host, "KbdInteractiveAuthentication no, as Debian ships it");
    host.enrol("alice");
    by_password(&host, "alice", "wonderland").ends();
    host.wait_for_log("event=login result=denied reason=password-repeated user=alice service=sshd");
    by_password(&host, "bob", "builder").is_let_in_as("bob");
    assert!(host.ssh("alice").ends().contains("Permission denied"), "no method that asks is left");
}

#[test]
fn the_password_method_refuses_who_needs_a_code_and_check_says_so() {
    let host = with("PasswordAuthentication yes\n");
    warns(&host, "sshd has PasswordAuthentication yes");
    let mut phone = host.enrol("alice");
    by_password(&host, "alice", "wonderland").ends();
    host.wait_for_log("event=login result=denied reason=password-repeated user=alice service=sshd");
    by_password(&host, "bob", "builder").is_let_in_as("bob");
    let mut login = host.ssh("alice");
    login.answers("Password: ", "wonderland");
    login.answers("Verification code: ", &phone.code());
    login.is_let_in_as("alice");
}

#[test]
fn without_pam_a_password_alone_lets_in_and_check_says_so() {
    let host = with("UsePAM no\nPasswordAuthentication yes\n");
    warns(&host, "sshd has UsePAM no");
    host.enrol("alice");
    by_password(&host, "alice", "wonderland").is_let_in_as("alice");
}

#[test]
fn a_right_configuration_is_quiet_and_asks() {
    let host = with(RIGHT);
    host.write(host::POLICY, "mode = \"required\"\n[totp]\nwindow = 10\n");
    is_quiet(&host);
    let mut phone = host.enrol("alice");
    let mut login = host.ssh("alice");
    login.answers("Password: ", "wonderland");
    login.answers("Verification code: ", &phone.code());
    login.is_let_in_as("alice");
}

#[test]
fn little_time_to_log_in_is_told_where_somebody_must_set_up() {
    let host = with("LoginGraceTime 2m\n");
    is_quiet(&host);
    host.write(host::POLICY, "mode = \"required\"\n");
    warns(&host, "LoginGraceTime 120");
}

fn key_and_code(lines: &str) -> Host {
    let stack = "auth required pam_totp.so setup require_key\nauth required pam_permit.so\naccount required pam_totp.so\n\
                 account required pam_unix.so\nsession required pam_totp.so\nsession required pam_permit.so\n";
    with_lines(builder().stack("sshd", Stack::Text(stack)), lines)
}

#[test]
fn key_and_code_without_the_list_in_force_is_told() {
    warns(&key_and_code(""), "require_key, but AuthenticationMethods is not set: a key alone lets in");
    let host = key_and_code(
        "PermitRootLogin no\nMatch Address 192.0.2.0/24\nAuthenticationMethods publickey,keyboard-interactive\nMatch all",
    );
    warns(&host, "require_key, but AuthenticationMethods is not set");
    let order = key_and_code("AuthenticationMethods keyboard-interactive,publickey\nPermitRootLogin no");
    warns(&order, "shows the module no key");
}

#[test]
fn key_and_code_with_a_match_that_exempts_a_script_is_quiet_where_the_policy_exempts_it_too() {
    const LINES: &str = "PermitRootLogin no\nAuthenticationMethods publickey,keyboard-interactive\n\
                         Match User bob\nAuthenticationMethods publickey\nMatch all";
    let host = key_and_code(LINES);
    is_quiet(&host);
    host.write(host::POLICY, "mode = \"required\"\n");
    warns(&host, "for \"bob\", by a Match block of sshd_config: ");
    host.write(host::POLICY, "mode = \"required\"\n[[rule]]\nusers = [\"bob\"]\nmode = \"disabled\"\n");
    is_quiet(&host);
}

#[test]
fn a_match_on_a_group_or_a_network_is_looked_at() {
    let lines = "Match Group ops Address 10.0.0.0/8\nKbdInteractiveAuthentication no\nMatch all";
    let host = with(lines);
    is_quiet(&host);
    host.add_group("ops", &["alice"]);
    is_quiet(&host);
    host.enrol("alice");
    warns(
        &host,
        "for \"alice\" from 10.0.0.0, by a Match block of sshd_config: sshd has KbdInteractiveAuthentication no",
    );
}

#[test]
fn root_whom_sshd_refuses_by_itself_is_told_where_root_is_meant() {
    let host = with("");
    host.write(host::POLICY, "mode = \"required\"\n");
    is_quiet(&host);
    host.set_password("root", "toor");
    let mut phone = host.enrol("root");
    warns(&host, "sshd itself refuses root's password and code");
    let mut login = host.ssh("root");
    login.answers("Password: ", "toor");
    login.answers("Verification code: ", &phone.code());
    assert!(login.ends().contains("Permission denied"), "{}", login.seen());
}

#[test]
fn root_with_key_and_code_is_refused_by_sshd_itself_unless_it_permits_root() {
    for (permit, is_let_in) in
        [("PermitRootLogin prohibit-password\n", false), ("PermitRootLogin yes\n", true)]
    {
        let host = key_and_code(&format!("{permit}AuthenticationMethods publickey,keyboard-interactive"));
        host.must_run(&["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "/root/key"]);
        host.must_run(&["install", "-D", "-m", "600", "/root/key.pub", "/root/.ssh/authorized_keys"]);
        let mut phone = host.enrol("root");
        let mut login = host.ssh_with("root", &["-i", "/root/key"]);
        login.answers("Verification code: ", &phone.code());
        if is_let_in {
            login.is_let_in_as("root");
            is_quiet(&host);
        } else {
            login.sees("Permission denied");
            warns(&host, "root cannot log in over ssh, with whatever key and code");
        }
    }
}

#[test]
fn a_key_alone_that_no_account_line_refuses_is_told() {
    let stack = PamStack::new().without_account().text();
    let host = with_lines(builder().stack("sshd", Stack::Text(&stack)), "");
    host.write(host::POLICY, "[ssh]\nrefuse_key_only = true\n");
    warns(&host, "ssh.refuse_key_only has no effect");
}

#[test]
fn a_configuration_that_sshd_does_not_know_yet_is_told() {
    let host = with("PidFile /run/sshd.pid");
    host.wait_until("sshd has written its PidFile", |host| host.has("/run/sshd.pid"));
    is_quiet(&host);
    let text = host.must_run(&["cat", "/etc/ssh/sshd_config"]);
    host.write("/etc/ssh/sshd_config", format!("# changed\n{text}"));
    warns(&host, "/etc/ssh/sshd_config was changed after sshd was started or reloaded");
    host.must_run(&["sh", "-c", "rm /tmp/x -f; kill -HUP $(cat /run/sshd.pid)"]);
    host.wait_until("sshd has reloaded", |host| check(host).stderr.is_empty());
}

#[test]
fn sshd_that_cannot_be_asked_is_told_and_its_directory_is_made() {
    let host = with(RIGHT);
    host.must_run(&["rm", "-r", "/run/sshd"]);
    is_quiet(&host);
    assert_eq!(host.must_run(&["stat", "--format=%U %a", "/run/sshd"]), "root 755\n");
    host.write(
        "/etc/ssh/sshd_config",
        "AuthenticationMethods publickey,keyboard-interactive\nKbdInteractiveAuthentication no\n",
    );
    warns(
        &host,
        "whether sshd asks for codes could not be looked at: AuthenticationMethods cannot be satisfied",
    );
    host.must_run(&["rm", "/usr/sbin/sshd"]);
    host.write("/usr/sbin/sshd", "#!/bin/sh\nexit 0\n");
    host.must_run(&["chmod", "755", "/usr/sbin/sshd"]);
    warns(&host, "could not be looked at: its answer to `sshd -T` has no line");
}

#[test]
fn nothing_is_looked_at_where_sshd_asks_nobody() {
    let host =
        with_lines(builder().stack("sshd", Stack::Password).stack("su", Stack::PasswordAndCode), DEBIAN);
    is_quiet(&host);
}

#[test]
fn users_hear_from_the_last_check_what_is_wrong_until_it_is_mended() {
    let host = with(DEBIAN);
    let status = || host.run_as("alice", &["totp-enroll", "status"]);
    assert_eq!(status().stderr, "", "root has not looked yet");
    check(&host);
    assert_eq!(
        host.must_run(&["stat", "--format=%U %a", NOTE, "/var/cache/pam_totp"]),
        "root 644\nroot 755\n"
    );
    let told = status();
    assert!(told.status == 0 && told.stdout.contains("Two-factor login"), "{told:?}");
    let day = host.must_run(&["date", "--utc", "+%F"]);
    let expected = format!("warning: As of {}, sshd on this host does not ask for codes: ", day.trim());
    assert!(told.stderr.starts_with(&expected), "{told:?}");
    assert_eq!(host.run_as("alice", &["totp-enroll", "status", "--json"]).stderr, "");
    for words in [&["totp-enroll"][..], &["totp-enroll", "enroll"]] {
        assert!(host.run_as("alice", words).stderr.contains("does not ask for codes"), "{words:?}");
    }
    host.must_run(&["touch", "--date=+1 hour", "/etc/ssh/sshd_config.d"]);
    host.must_run(&["sed", "-i", "/^checked/s/.*/checked = 1790000000/", NOTE]);
    assert_eq!(status().stderr, "", "the configuration is newer than the note");
    check(&host);
    assert!(status().stderr.contains("does not ask"), "{:?}", status());
    host.write("/etc/ssh/sshd_config", RIGHT);
    check(&host);
    assert!(!host.has(NOTE));
    assert_eq!(status().stderr, "");
}

#[test]
fn users_hear_nothing_of_a_draft_nor_where_the_policy_asks_nobody_over_ssh() {
    let host = with(DEBIAN);
    host.write("/tmp/draft.toml", "mode = \"required\"\n");
    let draft = host.run(&["totp-enroll", "admin", "policy", "check", "/tmp/draft.toml"]);
    assert!(draft.stderr.contains("KbdInteractiveAuthentication no"), "{draft:?}");
    assert!(!host.has(NOTE));
    check(&host);
    assert!(host.has(NOTE));
    host.write(host::POLICY, "services = [\"su\"]\n");
    check(&host);
    assert!(!host.has(NOTE));
}

#[test]
fn a_note_that_is_not_roots_own_is_not_believed() {
    let host = with(DEBIAN);
    check(&host);
    let status = || host.run_as("alice", &["totp-enroll", "status"]).stderr;
    assert!(status().contains("does not ask"));
    host.must_run(&["chown", "bob", NOTE]);
    assert_eq!(status(), "");
    host.must_run(&["chown", "root", NOTE]);
    host.must_run(&["chmod", "666", NOTE]);
    assert_eq!(status(), "");
    host.must_run(&["chmod", "644", NOTE]);
    assert!(status().contains("does not ask"));
    host.write(NOTE, "version = 2\n");
    assert_eq!(status(), "");
}
