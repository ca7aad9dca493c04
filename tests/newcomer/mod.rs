//! What the tests of users who are not set up share: alice, who needs a code, and her way through a set-up
//! during login.

#![allow(dead_code)] // Not every test file uses all of it.

use host::{Builder, Dialogue, Host, Phone, Stack, recovery_codes_in};

pub const PASSWORD: &str = "Password: ";
pub const CODE: &str = "Verification code: ";
pub const HINT: &str = "If you have no code yet, press Enter.";
pub const READY: &str = "Press Enter when your app is ready to scan: ";
pub const PROOF: &str = "Code from the app";
pub const GO_ON: &str = "Press Enter to log in: ";
pub const REQUIRED: &str = "mode = \"required\"\n[totp]\nwindow = 10\n";

pub fn builder() -> Builder {
    Host::builder()
        .user("alice", "wonderland")
        .policy(REQUIRED)
        .stack("sshd", Stack::PasswordAndCodeWith("setup"))
}

pub fn with_policy(enrollment: &str) -> Builder {
    builder().policy(&format!("{REQUIRED}[enrollment]\n{enrollment}\n"))
}

/// From the code prompt to that for the first code; the phone has the secret then.
pub fn scans(login: &mut Dialogue) -> Phone {
    login.answers(READY, "");
    let shown = login.sees(PROOF);
    let uri = shown.split_whitespace().find(|word| word.starts_with("otpauth://")).expect("the URI is shown");
    Phone::scan(uri).with_window(10)
}

/// The whole set-up, up to the prompt that lets the login go on.
pub fn sets_up(login: &mut Dialogue) -> Phone {
    let mut phone = scans(login);
    login.answers(": ", &phone.code());
    phone.recovery_codes = recovery_codes_in(&login.sees(GO_ON));
    phone
}

pub fn begins(host: &Host, answer: &str) -> Dialogue {
    let mut login = host.ssh("alice");
    login.answers(PASSWORD, "wonderland").answers(CODE, answer);
    login
}

pub fn is_configured(host: &Host) -> bool {
    let status = host.run(&["totp-enroll", "admin", "status", "alice", "--json"]);
    status.json()["configured"].as_bool().expect("`configured` is a boolean")
}

pub fn is_let_in_with(host: &Host, code: &str) {
    begins(host, code).is_let_in_as("alice");
}
