//! Who guesses or looks around: strangers are slowed down and learn nothing, and lock nobody out.

use super::{CODE, PASSWORD, is_refused, log_in, required};
use host::{CLIENTS, Host, Phone};

#[test]
fn a_new_address_cannot_tell_who_exists_and_who_is_set_up() {
    let host = required().user("bob", "builder").build();
    let phone = host.enrol("alice");
    let what_is_said = |user: &str, password: &str| {
        let mut login = log_in(&host, user, password, &phone.wrong_code());
        login.ends();
        login.seen().replace(user, "USER")
    };
    let set_up = what_is_said("alice", "looking-glass");
    assert!(set_up.contains("Permission denied"), "{set_up}");
    assert_eq!(what_is_said("bob", "looking-glass"), set_up);
    assert_eq!(what_is_said("nobody-of-that-name", "looking-glass"), set_up);
    assert_eq!(what_is_said("alice", "wonderland"), set_up);
    assert_eq!(what_is_said("bob", "builder"), set_up);
}

#[test]
fn a_throttled_user_looks_like_everybody_else_to_a_new_address() {
    let host = required()
        .user("bob", "builder")
        .policy(
            "mode = \"required\"\n[throttle]\nfree_failures = 0\nbase_delay = \"1h\"\nmax_delay = \"1h\"\n",
        )
        .build();
    let phone = host.enrol("alice");
    let what_is_said = |user: &str, password: &str| {
        let mut login = log_in(&host, user, password, &phone.wrong_code());
        login.ends();
        login.seen().replace(user, "USER")
    };
    let judged = what_is_said("alice", "wonderland");
    for (user, password) in [
        ("alice", "wonderland"),
        ("alice", "looking-glass"),
        ("bob", "builder"),
        ("nobody-of-that-name", "looking-glass"),
    ] {
        assert_eq!(what_is_said(user, password), judged, "{user}, {password}");
    }
    assert!(host.times_logged("event=login result=denied reason=throttled user=alice") >= 2);
}

#[test]
fn sshds_password_method_tells_nobody_apart() {
    let host = required().user("bob", "builder").sshd_option("PasswordAuthentication yes").build();
    host.enrol("alice");
    let what_is_said = |user: &str, password: &str| {
        let mut login = host.ssh_with(user, &["-o", "PreferredAuthentications=password"]);
        login.answers("password: ", password);
        login.ends();
        login.seen().replace(user, "USER")
    };
    let set_up = what_is_said("alice", "looking-glass");
    assert!(set_up.contains("Permission denied"), "{set_up}");
    for (user, password) in [
        ("alice", "wonderland"),
        ("bob", "looking-glass"),
        ("bob", "builder"),
        ("nobody-of-that-name", "looking-glass"),
    ] {
        assert_eq!(what_is_said(user, password), set_up, "{user}, {password}");
    }
}

fn throttling() -> (Host, Phone) {
    let host = required()
        .policy(
            "mode = \"required\"\n[totp]\nwindow = 10\n[throttle]\nfree_failures = 1\nbase_delay = \"10m\"\n",
        )
        .network()
        .build();
    let phone = host.enrol("alice");
    for _ in 0..2 {
        is_refused(log_in(&host, "alice", "wonderland", &phone.wrong_code()));
    }
    (host, phone)
}

#[test]
fn after_too_many_failures_a_right_code_is_not_evaluated() {
    let (host, mut phone) = throttling();
    is_refused(log_in(&host, "alice", "wonderland", &phone.code()));
    host.wait_for_log("event=login result=denied reason=throttled user=alice service=sshd from=192.0.2.2");
}

#[test]
fn a_recovery_code_passes_and_ends_the_throttle() {
    let (host, mut phone) = throttling();
    let recovery = phone.recovery_codes[0].clone();
    log_in(&host, "alice", "wonderland", &recovery).is_let_in_as("alice");
    log_in(&host, "alice", "wonderland", &phone.code()).is_let_in_as("alice");
}

#[test]
fn failures_from_one_address_do_not_lock_out_another() {
    let (host, mut phone) = throttling();
    let mut login = host.ssh_from(CLIENTS[1], "alice");
    login.answers(PASSWORD, "wonderland");
    login.answers(CODE, &phone.code());
    login.is_let_in_as("alice");
    host.wait_for_log("event=login result=accepted user=alice service=sshd from=192.0.2.3");
}

#[test]
fn once_their_budget_is_used_up_strangers_are_refused_and_known_addresses_pass() {
    let host = required()
        .policy("mode = \"required\"\n[totp]\nwindow = 10\n[throttle]\nbudget = 14\nfree_failures = 10\n")
        .network()
        .build();
    let mut phone = host.enrol("alice");
    log_in(&host, "alice", "wonderland", &phone.code()).is_let_in_as("alice");
    let from = |address: &str, code: &str| {
        let mut login = host.ssh_from(address, "alice");
        login.answers(PASSWORD, "wonderland");
        login.answers(CODE, code);
        login
    };
    for address in [CLIENTS[1], CLIENTS[2]] {
        is_refused(from(address, &phone.wrong_code()));
    }
    is_refused(from(CLIENTS[3], &phone.code()));
    host.wait_for_log("event=login result=denied reason=ceiling user=alice service=sshd from=192.0.2.5");
    from(CLIENTS[0], &phone.code()).is_let_in_as("alice");
}
