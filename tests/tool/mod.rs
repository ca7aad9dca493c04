//! What the tests of totp-enroll share: alice, her phone, and the commands she types.

#![allow(dead_code)] // Not every test file uses all of it.

use host::{Builder, Host, Outcome, Phone, Stack, Terminal, Theme, recovery_codes_in};

pub const DONE: &str = "Two-factor login is set up";

pub fn house() -> Host {
    builder().build()
}

pub fn builder() -> Builder {
    Host::builder()
        .user("alice", "wonderland")
        .policy("mode = \"optional\"\n[totp]\nwindow = 10\n")
        .stack("test", Stack::Code)
}

/// Waits for the QR code and scans it.
pub fn scan(terminal: &Terminal) -> Phone {
    terminal.asks_for_proof();
    let uri = terminal.qr(Theme::Dark).expect("a camera reads the QR code above the prompt");
    Phone::scan(&uri).with_window(10)
}

/// Enrols alice in a terminal, with the first code of her phone.
pub fn enrol_in_a_terminal(host: &Host) -> Phone {
    let terminal = host.terminal("alice", &["totp-enroll", "enroll"]);
    let mut phone = scan(&terminal);
    terminal.enters(&phone.code());
    phone.recovery_codes = recovery_codes_in(&terminal.shows(DONE));
    assert_eq!(terminal.exit_status(), 0);
    phone
}

pub fn passes(host: &Host, code: &str) -> bool {
    let input = format!("{code}\n");
    host.run_with_input("root", &["pamtester", "test", "alice", "authenticate"], input).status == 0
}

pub fn is_configured(host: &Host) -> bool {
    status(host)["configured"].as_bool().expect("`configured` is a boolean")
}

pub fn status(host: &Host) -> serde_json::Value {
    host.run(&["totp-enroll", "admin", "status", "alice", "--json"]).json()
}

pub fn alice(host: &Host, words: &[&str], input: &str) -> Outcome {
    host.run_with_input("alice", &[&["totp-enroll"], words].concat(), input)
}
