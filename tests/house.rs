//! The test house itself: real programs run on a host, nothing of this machine changes, and
//! nothing is left over.

#![forbid(unsafe_code)]

use host::{Host, Stack, Theme};
use qrcode::render::unicode::Dense1x2;
use qrcode::{EcLevel, QrCode};

#[test]
fn a_bare_host_lets_the_right_password_in_over_ssh() {
    let host = Host::builder().bare().user("alice", "wonderland").stack("sshd", Stack::Password).build();
    let mut login = host.ssh("alice");
    login.answers("Password: ", "wonderland");
    login.is_let_in_as("alice");
    host.wait_for_log("Accepted keyboard-interactive/pam for alice from 127.0.0.1");
}

#[test]
fn a_bare_host_refuses_a_wrong_password_over_ssh() {
    let host = Host::builder().bare().user("alice", "wonderland").stack("sshd", Stack::Password).build();
    let mut login = host.ssh("alice");
    login.answers("Password: ", "looking-glass");
    login.sees("Permission denied");
}

#[test]
fn a_bare_host_lets_a_key_in_over_ssh() {
    let host = Host::builder().bare().user("alice", "wonderland").stack("sshd", Stack::Password).build();
    let key = host.client_key("alice");
    host.ssh_with_key("alice", &key).is_let_in_as("alice");
}

#[test]
fn a_host_has_its_own_users_and_files() {
    let host = Host::builder().bare().user("only-in-the-test", "wonderland").build();
    host.write("/etc/only-in-the-test", "here");
    host.must_run(&["touch", "/usr/only-in-the-test", "/var/only-in-the-test"]);
    let users = std::fs::read_to_string("/etc/passwd").expect("this machine has users");
    assert!(!users.contains("only-in-the-test"));
    for tree in ["/etc", "/usr", "/var", "/home"] {
        assert!(!std::path::Path::new(tree).join("only-in-the-test").exists(), "{tree}");
    }
    assert_eq!(host.must_run(&["cat", "/etc/only-in-the-test"]), "here");
}

#[test]
fn no_process_outlives_its_host() {
    let host = Host::builder().bare().user("alice", "wonderland").stack("sshd", Stack::Password).build();
    let marker = format!("4242{}", host.ssh_port());
    let key = host.client_key("alice");
    let mut login = host.ssh_with_key("alice", &key);
    login.is_let_in_as("alice");
    login.types(&format!("nohup sleep {marker} & echo started-$((40+2))"));
    login.sees("started-42");
    // The shell goes on before what it starts has got its name.
    host.wait_until("it sleeps", |_| processes_with(&marker) == 1);
    drop(host);
    assert_eq!(processes_with(&marker), 0);
}

#[test]
fn set_user_id_programs_work_on_a_host() {
    let host = Host::builder()
        .bare()
        .user("alice", "wonderland")
        .user("bob", "builder")
        .stack("su", Stack::Password)
        .build();
    let mut login = host.dialogue_as("alice", &["su", "bob"]);
    login.answers("Password: ", "builder");
    login.is_let_in_as("bob");
}

#[test]
fn log_lines_of_the_host_are_collected_with_their_priority() {
    let host = Host::builder().bare().build();
    host.must_run(&[
        "logger",
        "--socket",
        "/dev/log",
        "--priority",
        "authpriv.notice",
        "a line for the test",
    ]);
    assert!(host.wait_for_log("a line for the test").starts_with("<85>"));
}

#[test]
fn the_camera_reads_a_code_from_a_screen() {
    let host = Host::builder().bare().user("alice", "wonderland").build();
    let words = "otpauth://totp/host:alice?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=host";
    let code = QrCode::with_error_correction_level(words, EcLevel::L).expect("the words fit");
    let drawn = code.render::<Dense1x2>().dark_color(Dense1x2::Light).light_color(Dense1x2::Dark).build();
    host.write("/tmp/code", format!("{drawn}\nCode from the app: "));
    let terminal = host.terminal("alice", &["sh", "-c", "cat /tmp/code; read answer; exit 7"]);
    terminal.shows("Code from the app: ");
    assert_eq!(terminal.qr(Theme::Dark).as_deref(), Some(words));
    terminal.enters("123456");
    assert_eq!(terminal.exit_status(), 7);
}

#[test]
fn the_exit_status_of_a_program_in_a_terminal_is_known() {
    let host = Host::builder().bare().build();
    assert_eq!(host.dialogue_as("root", &["sh", "-c", "exit 3"]).exit_status(), 3);
    assert_eq!(host.run(&["sh", "-c", "exit 4"]).status, 4);
}

fn processes_with(word: &str) -> usize {
    let processes = std::fs::read_dir("/proc").expect("/proc is mounted");
    processes
        .filter_map(Result::ok)
        .filter_map(|process| std::fs::read(process.path().join("cmdline")).ok())
        .filter(|words| words.split(|byte| *byte == 0).any(|one| one == word.as_bytes()))
        .count()
}

#[test]
fn a_bare_host_lets_the_right_password_in_on_the_console() {
    let host = Host::builder().bare().user("alice", "wonderland").stack("login", Stack::Password).build();
    let mut login = host.dialogue_as("root", &["login"]);
    login.answers("login: ", "alice");
    login.answers("Password: ", "wonderland");
    login.is_let_in_as("alice");
}

#[test]
fn a_bare_host_runs_sudo_with_the_right_password() {
    let host = Host::builder().bare().user("alice", "wonderland").stack("sudo", Stack::Password).build();
    host.write("/etc/sudoers.d/alice", "alice ALL=(ALL) ALL\n");
    let mut sudo = host.dialogue_as("alice", &["sudo", "id", "-un"]);
    sudo.answers("password for alice: ", "wonderland");
    sudo.sees("root");
    assert_eq!(sudo.exit_status(), 0);
}

#[test]
fn pamtester_asks_a_stack_with_answers_from_a_pipe() {
    let host = Host::builder().bare().user("alice", "wonderland").stack("test", Stack::Password).build();
    let ask = ["pamtester", "test", "alice", "authenticate"];
    assert_eq!(host.run_with_input("root", &ask, "wonderland\n").status, 0);
    assert_eq!(host.run_with_input("root", &ask, "looking-glass\n").status, 1);
    assert_eq!(host.run_with_input("alice", &ask, "wonderland\n").status, 0);
}

#[test]
fn a_store_that_is_full_takes_nothing_more() {
    let host = Host::builder().bare().store_size("64k").build();
    host.fill_store();
    host.run(&["sh", "-c", "echo 123 >/var/lib/pam_totp/more"]);
    assert!(host.store().get("more").is_none_or(Vec::is_empty));
}

#[test]
fn a_store_made_read_only_takes_nothing_even_from_root() {
    let host = Host::builder().bare().store_size("64k").build();
    host.make_store_read_only();
    assert_ne!(host.run(&["touch", "/var/lib/pam_totp/new"]).status, 0);
}
