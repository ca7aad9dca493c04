//! What totp-enroll ends with, for scripts.

use super::compare;
use super::sources::source;
use host::{Host, Outcome, POLICY, Stack};

/// 130 is what shells count for one that a signal ended.
const STATUSES: &str = "0 1 2 3 4 5 130";

fn host() -> Host {
    Host::builder()
        .user("alice", "wonderland")
        .user("bob", "builder")
        .policy("mode = \"optional\"\n[totp]\nwindow = 10\n")
        .stack("test", Stack::Code)
        .build()
}

fn ends_with(status: i32, outcome: &Outcome) {
    assert_eq!(outcome.status, status, "people's scripts depend on the exit statuses: {outcome:?}");
}

#[test]
fn each_exit_status_goes_on_meaning_what_it_means() {
    let host = host();
    let mut phone = host.enrol("alice");
    let tool = |user: &str, words: &[&str]| host.run_as(user, &[&["totp-enroll"], words].concat());
    // Done.
    ends_with(0, &tool("alice", &["status"]));
    ends_with(0, &tool("alice", &["verify", &phone.code()]));
    // Refused, or a wrong code.
    ends_with(1, &tool("alice", &["verify", &phone.wrong_code()]));
    ends_with(1, &tool("root", &["admin", "status", "nobody-of-that-name"]));
    // A command line that cannot be understood.
    ends_with(2, &tool("alice", &["unheard-of"]));
    ends_with(2, &tool("alice", &["status", "--unheard-of"]));
    // Not set up.
    ends_with(3, &tool("bob", &["verify", "123456"]));
    ends_with(3, &tool("root", &["admin", "show", "bob", "--json"]));
    // Not permitted.
    ends_with(4, &tool("alice", &["admin", "status", "bob"]));
    // What cannot be used: here, the policy.
    host.write(POLICY, "mode = \"unheard-of\"\n");
    ends_with(5, &tool("alice", &["status"]));
    ends_with(5, &tool("root", &["admin", "policy", "check"]));
}

#[test]
fn there_are_no_other_exit_statuses() {
    let text = source("totp-enroll/src/exit.rs").text;
    let (_, body) = text.split_once("pub enum Status {").expect("the exit statuses stand in one enum");
    let body = body.split('}').next().unwrap_or_default();
    let numbers = body.split(" = ").skip(1).filter_map(|after| after.split(',').next());
    compare("exit statuses", STATUSES, &numbers.map(str::to_owned).collect());
}
