//! `make demo`: a user, totp-enroll, a real sshd and a login, in namespaces of their own.
//!
//! On a terminal a person does it with their own phone. Without one, both sides are played, with oathtool
//! as the phone, and any step that fails ends the run with its status.

#![forbid(unsafe_code)]

use host::{Dialogue, Host, PROOF, Phone, Stack, recovery_codes_in};
use std::io::IsTerminal as _;
use std::process::{Command, ExitCode};

const USER: &str = "demo";
const PASSWORD: &str = "wonderland";
const SHIPPED_POLICY: &str = include_str!("../config/policy.toml");

fn main() -> ExitCode {
    let host = Host::builder()
        .user(USER, PASSWORD)
        .policy(SHIPPED_POLICY)
        .hostname("demo-host")
        .stack("sshd", Stack::PasswordAndCode)
        .network()
        .build();
    step("A host in namespaces of its own, and a client beside it: this machine stays as it is.");
    println!("user {USER}, password {PASSWORD}, sshd on {} port {}", host.ssh_address(), host.ssh_port());
    println!("/etc/pam.d/sshd:\n{}", String::from_utf8_lossy(&host.read("/etc/pam.d/sshd")));
    if std::io::stdin().is_terminal() && std::io::stdout().is_terminal() {
        with_a_person(&host)
    } else {
        by_itself(&host);
        ExitCode::SUCCESS
    }
}

fn step(what: &str) {
    println!("\n== {what}\n");
}

/// The person's terminal and phone.
fn with_a_person(host: &Host) -> ExitCode {
    step("Set it up: take your phone, with any authenticator app. Ctrl-C ends it.");
    if !succeeds(host.command_as(USER, &["totp-enroll", "enroll"])) {
        println!("\nNothing was set up; `make demo` begins again.");
        return ExitCode::FAILURE;
    }
    step("Log in over ssh: password `wonderland`, then the next code. `exit` ends it.");
    // 255 is ssh's own word for "no login"; any other status is that of the last command typed there.
    let let_in = host.ssh_command(USER, &[]).status().is_ok_and(|status| status.code() != Some(255));
    step("What the log says:");
    print_log(host);
    if let_in { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn succeeds(mut command: Command) -> bool {
    command.status().is_ok_and(|status| status.success())
}

/// Both sides.
fn by_itself(host: &Host) {
    step("Set it up: the user runs totp-enroll and types the secret into the phone, here oathtool.");
    let mut enrol = host.dialogue_as(USER, &["env", "NO_COLOR=1", "totp-enroll"]);
    enrol.answers("Press Enter", "").sees(PROOF);
    let secret = secret_in(enrol.seen()).expect("the secret stands on the screen in groups of four");
    let mut phone = Phone::type_in(&secret);
    let code = phone.code();
    enrol.types(&code);
    let status = enrol.exit_status();
    print_transcript(&enrol, &[("Press Enter when your app is ready to scan. ", "\n"), (PROOF, &code)]);
    assert_eq!(status, 0, "totp-enroll did not set the user up");
    let recovery_codes = recovery_codes_in(enrol.seen());
    assert_eq!(recovery_codes.len(), 10, "there are not ten recovery codes");

    step("Log in over ssh with password and code.");
    let code = phone.code();
    let mut login = host.ssh(USER);
    login.answers("Password: ", PASSWORD).answers("Verification code: ", &code).is_let_in_as(USER);
    print_transcript(&login, &[("Verification code: ", &code)]);

    step("The same code once more: refused.");
    refused(host, &code);
    step("A wrong code: refused.");
    refused(host, &phone.wrong_code());

    step("A recovery code in place of the phone: let in.");
    let mut login = host.ssh(USER);
    login
        .answers("Password: ", PASSWORD)
        .answers("Verification code: ", &recovery_codes[0])
        .is_let_in_as(USER);
    print_transcript(&login, &[("Verification code: ", &recovery_codes[0])]);

    step("What the log says:");
    print_log(host);
    for line in ["result=accepted", "reason=used-code", "reason=wrong-code", "factor=recovery-code"] {
        assert!(host.times_logged(line) > 0, "the log does not say {line}");
    }
    step("Done: every step did what it should.");
}

fn refused(host: &Host, code: &str) {
    let mut login = host.ssh(USER);
    login.answers("Password: ", PASSWORD).answers("Verification code: ", code).sees("Permission denied");
    print_transcript(&login, &[("Verification code: ", code)]);
}

/// The secret as it stands on the screen, in groups of four.
fn secret_in(screen: &str) -> Option<String> {
    let is_group =
        |word: &str| word.len() == 4 && word.bytes().all(|byte| matches!(byte, b'A'..=b'Z' | b'2'..=b'7'));
    let line = screen
        .lines()
        .find(|line| line.split_whitespace().count() == 8 && line.split_whitespace().all(is_group))?;
    Some(line.split_whitespace().collect())
}

/// What the terminal showed, with what was typed where the program did not echo it for this reader.
fn print_transcript(dialogue: &Dialogue, typed: &[(&str, &str)]) {
    // The reader of the terminal takes bytes for characters.
    let bytes: Vec<u8> =
        dialogue.seen().chars().filter_map(|character| u8::try_from(character).ok()).collect();
    let mut text = String::new();
    // Colours and titles are for a screen.
    for (position, piece) in String::from_utf8_lossy(&bytes).split('\u{1b}').enumerate() {
        text.push_str(match piece.chars().next() {
            _ if position == 0 => piece,
            Some(']') => piece.split_once('\u{7}').map_or("", |(_, rest)| rest),
            _ => piece.split_once(|end: char| end.is_ascii_alphabetic()).map_or("", |(_, rest)| rest),
        });
    }
    for (prompt, line) in typed {
        text = text.replace(prompt, &format!("{prompt}{line}"));
    }
    println!("{}", text.replace('\r', ""));
}

fn print_log(host: &Host) {
    for line in host.log().iter().filter(|line| line.contains("event=")) {
        println!("{line}");
    }
}
