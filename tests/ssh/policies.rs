//! What the policy makes of a login: whom it asks, how, whom it remembers, and what comes of none that is good.

use super::{CODE, PASSWORD, is_refused, log_in, required};
use host::CLIENTS;

#[test]
fn who_is_not_set_up_needs_no_code_in_optional_mode() {
    let host = required().policy("mode = \"optional\"\n").build();
    let mut login = host.ssh("alice");
    login.answers(PASSWORD, "wonderland");
    login.is_let_in_as("alice");
    assert!(!login.seen().contains(CODE));
}

#[test]
fn who_is_set_up_needs_a_code_in_optional_mode() {
    let host = required().policy("mode = \"optional\"\n").build();
    let mut phone = host.enrol("alice");
    is_refused(log_in(&host, "alice", "wonderland", &phone.wrong_code()));
    log_in(&host, "alice", "wonderland", &phone.code()).is_let_in_as("alice");
}

#[test]
fn nobody_is_asked_in_disabled_mode() {
    let host = required().policy("mode = \"disabled\"\n").build();
    host.enrol("alice");
    let mut login = host.ssh("alice");
    login.answers(PASSWORD, "wonderland");
    login.is_let_in_as("alice");
    assert!(!login.seen().contains(CODE));
}

#[test]
fn an_empty_policy_means_optional() {
    let host = required().policy("").build();
    let mut login = host.ssh("alice");
    login.answers(PASSWORD, "wonderland");
    login.is_let_in_as("alice");
    assert!(!login.seen().contains(CODE));
}

#[test]
fn who_is_not_set_up_is_asked_and_denied_in_required_mode() {
    let host = required().build();
    is_refused(log_in(&host, "alice", "wonderland", "123456"));
    host.wait_for_log("event=login result=denied");
}

#[test]
fn a_remembered_address_is_not_asked_again_and_others_are() {
    let host = required()
        .policy("mode = \"required\"\n[totp]\nwindow = 10\n[remember]\nhosts_for = \"1h\"\n")
        .network()
        .build();
    let mut phone = host.enrol("alice");
    log_in(&host, "alice", "wonderland", &phone.code()).is_let_in_as("alice");
    let mut again = host.ssh("alice");
    again.answers(PASSWORD, "wonderland");
    again.is_let_in_as("alice");
    assert!(!again.seen().contains(CODE));
    let mut elsewhere = host.ssh_from(CLIENTS[1], "alice");
    elsewhere.answers(PASSWORD, "wonderland");
    elsewhere.answers(CODE, &phone.code());
    elsewhere.is_let_in_as("alice");
}

#[test]
fn the_prompt_is_that_of_the_policy() {
    let host = required()
        .policy("mode = \"required\"\n[totp]\nwindow = 10\n[prompt]\ncode = \"Number, please: \"\n")
        .build();
    let mut phone = host.enrol("alice");
    let mut login = host.ssh("alice");
    login.answers(PASSWORD, "wonderland");
    login.answers("Number, please: ", &phone.code());
    login.is_let_in_as("alice");
}

#[test]
fn a_policy_that_does_not_check_denies_and_the_log_names_the_line() {
    let host = required().build();
    host.enrol("alice");
    host.write(host::POLICY, "# a comment\nmode = \"sometimes\"\n");
    let mut login = host.ssh("alice");
    login.answers(PASSWORD, "wonderland");
    login.sees("Permission denied");
    let line = host.wait_for_log(host::POLICY);
    for part in ["2", "mode", "required", "optional", "disabled"] {
        assert!(line.contains(part), "`{part}` is not in: {line}");
    }
}

#[test]
fn a_missing_policy_denies() {
    let host = required().policy("mode = \"disabled\"\n").build();
    host.must_run(&["rm", host::POLICY]);
    let mut login = host.ssh("alice");
    login.answers(PASSWORD, "wonderland");
    login.sees("Permission denied");
    host.wait_for_log(host::POLICY);
}
