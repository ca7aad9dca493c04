//! Bad input gets a clear error and changes nothing. Here are alice's host and what a login on it answers.

#![forbid(unsafe_code)]

#[path = "bad_input/answers.rs"]
mod answers;
#[path = "bad_input/disks.rs"]
mod disks;
#[path = "bad_input/files.rs"]
mod files;
#[path = "bad_input/set_up_cut_off.rs"]
mod set_up_cut_off;

use host::{Builder, Host, Outcome, Stack};

const AUTH_ERR: &str = "Authentication failure";
const AUTHINFO_UNAVAIL: &str = "Authentication service cannot retrieve authentication info";
const CREDENTIAL: &str = "/var/lib/pam_totp/alice.toml";
const STATE: &str = "/var/lib/pam_totp/alice.state";

fn required() -> Builder {
    Host::builder()
        .user("alice", "wonderland")
        .policy("mode = \"required\"\n[totp]\nwindow = 10\n")
        .stack("test", Stack::Text("auth required pam_totp.so\n"))
}

fn authenticate(host: &Host, answer: impl AsRef<[u8]>) -> Outcome {
    let input = [answer.as_ref(), b"\n"].concat();
    host.run_with_input("root", &["pamtester", "test", "alice", "authenticate"], input)
}

fn passes(outcome: &Outcome) {
    assert_eq!(outcome.status, 0, "{outcome:?}");
}

fn says(outcome: &Outcome, answer: &str) {
    assert_eq!(outcome.status, 1, "{outcome:?}");
    assert!(outcome.text().contains(answer), "`{answer}` was not the answer: {outcome:?}");
}
