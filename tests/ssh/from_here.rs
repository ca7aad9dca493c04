//! Logins from an address of the host itself: a tunnel, or a proxy that hides its clients (sslh). Anybody may be
//! behind it, so that it is never known and never remembered, and hears what strangers hear.

use super::{CODE, PASSWORD, is_refused, required};
use host::{CLIENTS, Dialogue, Host, SERVER, Stack};

const REMEMBERING: &str = "mode = \"required\"\n[totp]\nwindow = 10\n[remember]\nhosts_for = \"1h\"\n";
const LOOPBACK: &str = "127.0.0.1";

fn with_code(mut login: Dialogue, code: &str) -> Dialogue {
    login.answers(PASSWORD, "wonderland");
    login.answers(CODE, code);
    login
}

/// In by the password alone, as from a remembered address.
fn is_not_asked(mut login: Dialogue) {
    login.answers(PASSWORD, "wonderland").is_let_in_as("alice");
    assert!(!login.seen().contains(CODE), "{}", login.seen());
}

fn hosts(host: &Host) -> String {
    host.must_run(&["totp-enroll", "admin", "status", "alice"])
}

#[test]
fn no_address_of_the_host_itself_is_remembered() {
    let host = required().policy(REMEMBERING).network().build();
    let mut phone = host.enrol("alice");
    for address in [LOOPBACK, SERVER, LOOPBACK, SERVER] {
        with_code(host.ssh_from_itself(address, "alice"), &phone.code()).is_let_in_as("alice");
        host.wait_for_log(&format!("result=accepted user=alice service=sshd from={address}"));
    }
    let told = hosts(&host);
    assert!(!told.contains(LOOPBACK) && !told.contains(SERVER), "{told}");
    with_code(host.ssh("alice"), &phone.code()).is_let_in_as("alice");
    is_not_asked(host.ssh("alice"));
}

#[test]
fn an_address_of_the_host_itself_hears_what_strangers_hear() {
    let host = required().network().build();
    let mut phone = host.enrol("alice");
    let hears = |login: Dialogue, code: &str| {
        let mut login = with_code(login, code);
        login.sees("Permission denied")
    };
    for address in [LOOPBACK, SERVER] {
        with_code(host.ssh_from_itself(address, "alice"), &phone.code()).is_let_in_as("alice");
        let said = hears(host.ssh_from_itself(address, "alice"), &phone.wrong_code());
        assert!(said.contains("The code was not accepted."), "{address}: {said}");
    }
    with_code(host.ssh("alice"), &phone.code()).is_let_in_as("alice");
    let said = hears(host.ssh("alice"), &phone.wrong_code());
    assert!(said.contains("The code is wrong"), "a known address: {said}");
}

#[test]
fn all_addresses_of_the_host_are_one_source_and_no_other_waits_for_it() {
    let host = required()
        .policy(
            "mode = \"required\"\n[totp]\nwindow = 10\n[throttle]\nfree_failures = 1\nbase_delay = \"10m\"\n",
        )
        .network()
        .build();
    let mut phone = host.enrol("alice");
    for address in [LOOPBACK, SERVER] {
        is_refused(with_code(host.ssh_from_itself(address, "alice"), &phone.wrong_code()));
    }
    is_refused(with_code(host.ssh_from_itself(LOOPBACK, "alice"), &phone.code()));
    host.wait_for_log("event=login result=denied reason=throttled user=alice service=sshd from=127.0.0.1");
    let mut su = host.dialogue_as("alice", &["totp-enroll", "verify"]);
    su.answers("Code: ", &phone.code());
    su.sees("Too many wrong codes");
    with_code(host.ssh("alice"), &phone.code()).is_let_in_as("alice");
}

#[test]
fn an_address_of_ipv6_is_told_from_the_hosts_own_too() {
    let host = required().policy(REMEMBERING).stack("test", Stack::Code).network().build();
    let v6 = host.run(&["ip", "address", "add", "2001:db8::1/64", "dev", "cable", "nodad"]);
    if v6.status != 0 {
        return host::skip("addresses of IPv6", &v6.stderr);
    }
    let mut phone = host.enrol("alice");
    let mut is_asked = |address: &str| {
        let words = ["pamtester", "-I", &format!("rhost={address}"), "test", "alice", "authenticate"];
        let outcome = host.run_with_input("root", &words, format!("{}\n", phone.code()));
        assert_eq!(outcome.status, 0, "{outcome:?}");
        outcome.text().contains(CODE)
    };
    let twice = ["2001:db8::1", "::1", "2001:db8::2"].map(|address| [is_asked(address), is_asked(address)]);
    assert_eq!(twice, [[true, true], [true, true], [true, false]]);
    host.must_run(&["sh", "-c", "echo 1 >/proc/sys/net/ipv6/ip_nonlocal_bind"]);
    assert_eq!([is_asked("2001:db8::3"), is_asked("2001:db8::3")], [true, false]);
}

/// keepalived and haproxy have hosts bind addresses that they do not have: there a bind says nothing.
#[test]
fn where_any_address_can_be_bound_another_machines_is_still_told_from_loopback() {
    let host = required().policy(REMEMBERING).network().build();
    host.must_run(&["sh", "-c", "echo 1 >/proc/sys/net/ipv4/ip_nonlocal_bind"]);
    let mut phone = host.enrol("alice");
    with_code(host.ssh_from(CLIENTS[1], "alice"), &phone.code()).is_let_in_as("alice");
    is_not_asked(host.ssh_from(CLIENTS[1], "alice"));
    for _ in 0..2 {
        with_code(host.ssh_from_itself(LOOPBACK, "alice"), &phone.code()).is_let_in_as("alice");
    }
}
