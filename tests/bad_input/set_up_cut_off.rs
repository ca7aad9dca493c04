//! A set-up with the tool that is overtaken, interrupted, or has no terminal to speak to.

use super::{AUTH_ERR, CREDENTIAL, STATE, authenticate, passes, required, says};
use host::{PROOF, Phone, Terminal, Theme};

fn scan(terminal: &Terminal) -> Phone {
    terminal.asks_for_proof();
    Phone::scan(&terminal.qr(Theme::Dark).expect("a camera reads the QR code")).with_window(10)
}

#[test]
fn of_two_runs_of_enroll_at_once_the_newest_wins() {
    let host = required().policy("[totp]\nwindow = 10\n").build();
    let first = host.terminal("alice", &["totp-enroll", "enroll"]);
    let mut first_phone = scan(&first);
    let second = host.terminal("alice", &["totp-enroll", "enroll"]);
    let mut second_phone = scan(&second);
    first.enters(&first_phone.code());
    assert_ne!(first.exit_status(), 0, "the older set-up is no longer valid");
    second.enters(&second_phone.code());
    assert_eq!(second.exit_status(), 0);
    says(&authenticate(&host, first_phone.code()), AUTH_ERR);
    passes(&authenticate(&host, second_phone.code()));
}

#[test]
fn a_run_of_enroll_overtaken_by_an_administrator_sets_nothing_up() {
    let host = required().build();
    let terminal = host.terminal("alice", &["totp-enroll", "enroll"]);
    let mut late = scan(&terminal);
    let mut given = host.enrol("alice");
    terminal.enters(&late.code());
    assert_ne!(terminal.exit_status(), 0);
    says(&authenticate(&host, late.code()), AUTH_ERR);
    passes(&authenticate(&host, given.code()));
}

#[test]
fn control_c_at_the_prompt_of_enroll_leaves_nothing_half_made() {
    let host = required().policy("[totp]\nwindow = 10\n").build();
    for attempts in 1..=3 {
        let terminal = host.terminal("alice", &["totp-enroll", "enroll"]);
        let mut phone = scan(&terminal);
        for attempt in 2..=attempts {
            terminal.enters(&phone.wrong_code());
            terminal.shows_times(PROOF.trim_end(), attempt);
        }
        terminal.types("12");
        terminal.presses("C-c");
        terminal.exit_status();
        assert!(!host.has(CREDENTIAL));
        assert!(!host.has(STATE));
        says(&authenticate(&host, phone.code()), "Permission denied");
        assert_eq!(host.run_as("alice", &["totp-enroll", "verify", "123456"]).status, 3);
    }
    let terminal = host.terminal("alice", &["totp-enroll", "enroll"]);
    let mut phone = scan(&terminal);
    terminal.enters(&phone.code());
    terminal.shows("Two-factor login is set up");
    passes(&authenticate(&host, phone.code()));
}

#[test]
fn a_signal_before_the_first_code_leaves_nothing_half_made() {
    let host = required().policy("[totp]\nwindow = 10\n").build();
    for signal in ["INT", "TERM", "HUP"] {
        let terminal = host.terminal("alice", &["totp-enroll", "enroll"]);
        terminal.shows("Press Enter");
        host.must_run(&["pkill", &format!("-{signal}"), "-u", "alice", "-x", "totp-enroll"]);
        assert_eq!(terminal.exit_status(), 130, "{signal}");
        assert!(host.store_names().is_empty(), "{signal}: {:?}", host.store_names());
    }
    let mut phone = host.enrol("alice");
    let terminal = host.terminal("alice", &["totp-enroll", "enroll", "--device", "tablet"]);
    let before = host.store();
    terminal.shows("Code: ");
    terminal.presses("C-c");
    terminal.exit_status();
    assert_eq!(host.store(), before);
    passes(&authenticate(&host, phone.code()));
}

#[test]
fn control_c_leaves_the_terminal_as_it_was() {
    let host = required().build();
    host.enrol("alice");
    let terminal = host.terminal("alice", &["bash", "--norc", "-c", "before=$(stty -g); trap : INT; totp-enroll renew; [ \"$before\" = \"$(stty -g)\" ] && echo as-$((40+2)); read wait"]);
    terminal.shows("Code:");
    terminal.presses("C-c");
    terminal.shows("as-42");
}

#[test]
fn control_c_on_renew_and_unset_changes_nothing() {
    let host = required().policy("[totp]\nwindow = 10\n").build();
    let mut phone = host.enrol("alice");
    for command in ["renew", "unset"] {
        let terminal = host.terminal("alice", &["totp-enroll", command]);
        terminal.shows("Code: ");
        terminal.presses("C-c");
        terminal.exit_status();
        let terminal = host.terminal("alice", &["totp-enroll", command]);
        terminal.shows("Code: ");
        terminal.enters(&phone.code());
        terminal.shows(if command == "renew" { "Press Enter" } else { "[y/N]" });
        terminal.presses("C-c");
        terminal.exit_status();
        passes(&authenticate(&host, phone.code()));
    }
}

#[test]
fn without_a_terminal_enroll_prints_no_secret_and_sets_nothing_up() {
    let host = required().build();
    for input in ["", "123456\n"] {
        let outcome = host.run_with_input("alice", &["totp-enroll", "enroll"], input);
        assert_ne!(outcome.status, 0, "{outcome:?}");
        assert!(!outcome.text().contains("otpauth://") && !outcome.text().contains("secret="), "{outcome:?}");
        assert!(!outcome.stderr.is_empty());
        assert!(!host.has(CREDENTIAL));
    }
}

#[test]
fn an_output_that_is_closed_is_no_crash() {
    let host = required().build();
    let phone = host.enrol("alice");
    let outcome = host.run(&["sh", "-c", "totp-enroll admin show alice >/dev/full"]);
    assert_ne!(outcome.status, 0, "{outcome:?}");
    assert!(!outcome.stderr.contains("panicked") && !outcome.stderr.contains(phone.secret()), "{outcome:?}");
}
