//! Callers of other versions than the helper's: a screen locker keeps its module for weeks.

#![forbid(unsafe_code)]

use host::{Builder, HELPER, Host, Outcome, Stack};

fn builder() -> Builder {
    Host::builder()
        .user("alice", "wonderland")
        .policy("mode = \"required\"\n[totp]\nwindow = 10\n")
        .stack("test", Stack::Text("auth required pam_totp.so\n"))
}

/// What the helper answers to a request of this version.
fn asks(host: &Host, version: &str, request: &str) -> Outcome {
    let text = format!("{version}user = \"alice\"\nservice = \"test\"\n\n[request]\n{request}");
    let outcome = host.run_on_socket("alice", &[HELPER], text);
    assert_eq!(outcome.status, 0, "{outcome:?}");
    outcome
}

fn guess(code: &str) -> String {
    format!("ask = \"judge\"\nintent = \"login\"\ntyped = \"{code}\"\nsecond_try = false\n")
}

const ACCEPTED: &str = "[done.judged.accepted]\ndevice = \"phone\"\n";

#[test]
fn a_caller_from_before_versions_is_answered_as_it_always_was() {
    let host = builder().build();
    let mut phone = host.enrol("alice");
    assert_eq!(asks(&host, "", "ask = \"probe\"\n").stdout, "[done.probed.found.code]\ndigits = 6\n");
    assert_eq!(asks(&host, "", &guess(&phone.code())).stdout, ACCEPTED);
    let refused = asks(&host, "", &guess(&phone.wrong_code())).stdout;
    assert_eq!(
        refused,
        "[done.judged.refused]\nreason = \"wrong-code\"\nwait = 0\nmay_tell = true\ncounted = true\nrecorded = true\n"
    );
    assert_eq!(
        asks(&host, "", "ask = \"everything\"\n").stdout,
        "[failed]\nunusable = \"the request is not one this helper knows\"\n"
    );
}

#[test]
fn a_caller_of_the_first_version_is_served() {
    let host = builder().build();
    let mut phone = host.enrol("alice");
    assert!(asks(&host, "version = 1\n", &guess(&phone.code())).stdout.starts_with(ACCEPTED));
}

#[test]
fn a_newer_caller_is_told_that_it_is_newer_and_nothing_is_judged_for_it() {
    let host = builder().build();
    let mut phone = host.enrol("alice");
    let before = host.store();
    for request in [guess(&phone.wrong_code()), guess(&phone.code()), "ask = \"judge-better\"\n".to_owned()] {
        let answer = asks(&host, "version = 2\n", &request).stdout;
        assert!(answer.starts_with("[failed]\nunusable = "), "{answer}");
        assert!(answer.contains("the program that asks is newer"), "{answer}");
    }
    assert_eq!(host.store(), before);
}

#[test]
fn a_guess_with_a_condition_that_the_helper_does_not_know_is_not_judged_without_it() {
    let host = builder().build();
    let mut phone = host.enrol("alice");
    let before = host.store();
    let conditional = guess(&phone.code()) + "only_from_known = true\n";
    for version in ["", "version = 1\n"] {
        let answer = asks(&host, version, &conditional).stdout;
        assert!(answer.contains("is not one this helper knows"), "{answer}");
    }
    assert_eq!(host.store(), before);
}

#[test]
fn an_older_helper_denies_its_newer_caller_and_the_way_out_is_told() {
    let host = builder().build();
    let mut phone = host.enrol("alice");
    // What a helper from before versions answers to a request that names one.
    let older = "#!/bin/sh\ncat >/dev/null\necho '[failed]\nunusable = \"the request is not one this helper knows\"'\n";
    host.must_run(&["rm", HELPER]);
    host.write(HELPER, older);
    host.must_run(&["chmod", "755", HELPER]);
    let locker = ["pamtester", "test", "alice", "authenticate"];
    let denied = host.run_with_input("alice", &locker, format!("{}\n", phone.code()));
    assert_eq!(denied.status, 1, "{denied:?}");
    let told = host.run_as("alice", &["totp-enroll", "status"]);
    assert_eq!(told.status, 5, "{told:?}");
    for outcome in [denied, told] {
        let text = outcome.text().split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(text.contains("is older than the program that asks it; install both"), "{outcome:?}");
    }
}
