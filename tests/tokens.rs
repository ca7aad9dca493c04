//! Tokens: codes by counter, secrets that are in a device already, and devices that went astray.
//! Codes come from oathtool.

#![forbid(unsafe_code)]

mod tool;

use host::Host;
use std::process::Command;
use tool::{house, passes, status};

const SECRET: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

fn oathtool(words: &[&str]) -> String {
    let output = Command::new("oathtool").args(words).output().expect("oathtool should be installed");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

fn hotp(secret: &str, counter: u64) -> String {
    oathtool(&["--hotp", "--base32", "--counter", &counter.to_string(), secret])
}

fn enrol(host: &Host, words: &[&str], input: &str) -> serde_json::Value {
    let words = [&["totp-enroll", "admin", "enroll", "alice", "--json"], words].concat();
    let outcome = host.run_with_input("root", &words, input);
    assert_eq!(outcome.status, 0, "{outcome:?}");
    outcome.json()
}

fn resync(host: &Host, first: &str, second: &str) -> host::Outcome {
    let input = format!("{first}\n{second}\n");
    host.run_with_input("root", &["totp-enroll", "admin", "resync", "alice"], input)
}

#[test]
fn a_token_that_counts_logs_in_each_code_once() {
    let host = house();
    let made = enrol(&host, &["--hotp"], "");
    let uri = made["uri"].as_str().expect("a URI");
    assert!(uri.starts_with("otpauth://hotp/") && uri.contains("&counter=0"), "{uri}");
    let secret = made["secret"].as_str().expect("a secret");
    assert!(passes(&host, &hotp(secret, 0)));
    assert!(!passes(&host, &hotp(secret, 0)));
    assert!(passes(&host, &hotp(secret, 4)));
    assert!(!passes(&host, &hotp(secret, 2)));
    assert_eq!(status(&host)["devices"][0]["kind"], "hotp");
}

#[test]
fn a_token_whose_state_was_lost_is_refused_until_it_is_found_again() {
    let host = house();
    let made = enrol(&host, &["--hotp"], "");
    let secret = made["secret"].as_str().expect("a secret");
    assert!(passes(&host, &hotp(secret, 0)));
    host.must_run(&["rm", "/var/lib/pam_totp/alice.state"]);
    assert!(!passes(&host, &hotp(secret, 1)));
    host.wait_for_log("reason=unsynchronised");
    let refused = resync(&host, &hotp(secret, 1), &hotp(secret, 3));
    assert_eq!(refused.status, 1, "{refused:?}");
    assert!(!passes(&host, &hotp(secret, 2)));
    let found = resync(&host, &hotp(secret, 1), &hotp(secret, 2));
    assert_eq!(found.status, 0, "{found:?}");
    assert!(!passes(&host, &hotp(secret, 2)), "both are spent");
    assert!(passes(&host, &hotp(secret, 3)));
    host.wait_for_log("event=resync result=done user=alice");
}

#[test]
fn a_clock_that_is_wrong_is_learnt_and_told() {
    let host = house();
    let phone = host.enrol("alice");
    // Once for all: what is spent must not become the code of another step meanwhile.
    let ahead = phone.codes_at(60..=62);
    assert!(!passes(&host, &ahead[0]));
    let found = resync(&host, &ahead[0], &ahead[1]);
    assert_eq!(found.status, 0, "{found:?}");
    assert!(found.stdout.contains("ahead of this host's"), "{found:?}");
    assert!(!passes(&host, &ahead[1]), "both are spent");
    assert!(passes(&host, &ahead[2]));
    assert!(!passes(&host, &phone.code_at(0)));
}

#[test]
fn the_secret_of_a_token_is_read_from_standard_input() {
    let host = house();
    let made = enrol(&host, &["--secret-stdin"], &format!("{}\n", SECRET.to_lowercase()));
    assert_eq!(made["secret"], SECRET);
    assert!(passes(&host, &oathtool(&["--totp", "--base32", SECRET])));
}

#[test]
fn what_is_no_secret_sets_nothing_up_and_is_not_repeated() {
    let host = house();
    for odd in ["", "\n", "GEZDGNBV\n", "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJ1\n", "hunter2 hunter2 hunter2\n"] {
        let words = ["totp-enroll", "admin", "enroll", "alice", "--secret-stdin", "--json"];
        let outcome = host.run_with_input("root", &words, odd);
        assert_eq!(outcome.status, 1, "{odd:?}: {outcome:?}");
        assert!(!outcome.text().contains("GEZD") && !outcome.text().contains("hunter2"), "{outcome:?}");
    }
    assert!(host.store_names().is_empty());
}
