//! sshd with a key and a code, and no password.

use crate::logging_in::sets_up;
use crate::{builder, with_example};
use host::{Builder, Host, Stack};

const METHODS: &str = "AuthenticationMethods publickey,keyboard-interactive";

/// Key and code, with these further lines in sshd_config.
fn house(builder: Builder, options: &str) -> Host {
    let stack = with_example("sshd", "sshd-key-and-code");
    builder.stack("sshd", Stack::Text(&stack)).sshd_option(options).build()
}

#[test]
fn sshd_takes_key_and_code_and_no_password() {
    let host = house(builder(), METHODS);
    let mut phone = host.enrol("alice");
    let key = host.client_key("alice");
    let mut login = host.ssh_with_key("alice", &key);
    login.answers("Verification code: ", &phone.code()).is_let_in_as("alice");
    let mut login = host.ssh_with_key("alice", &key);
    login.answers("Verification code: ", &phone.wrong_code()).sees("Permission denied");
    host.ssh("alice").sees("Permission denied (publickey)");
}

#[test]
fn who_is_not_asked_for_a_code_gets_in_with_the_key() {
    let host = house(builder().policy("mode = \"optional\"\n"), METHODS);
    let key = host.client_key("alice");
    host.ssh_with_key("alice", &key).is_let_in_as("alice");
}

/// As where AuthenticationMethods is forgotten, not yet loaded, or in a Match that does not match.
#[test]
fn without_authentication_methods_in_force_nobody_gets_in_by_the_code_alone() {
    let elsewhere = format!("Match User nobody\n{METHODS}\nMatch all");
    for methods in ["", &elsewhere] {
        let options = format!("PermitRootLogin yes\n{methods}");
        let host = house(builder().user("bob", "builder").policy("mode = \"optional\"\n"), &options);
        host.enrol("alice");
        // alice is set up; root and bob are not asked for a code.
        for user in ["root", "bob", "alice"] {
            let mut login = host.ssh(user);
            login.sees("This host takes a key and a code: no key of yours was accepted before.");
            login.sees("Permission denied");
            assert_ne!(login.exit_status(), 0, "{}", login.seen());
            host.wait_for_log(&format!("event=login result=denied reason=no-key user={user} service=sshd"));
        }
        assert_eq!(host.times_logged("event=login result=accepted"), 0);
    }
}

#[test]
fn without_them_a_key_alone_is_refused_where_the_policy_says_so() {
    let host = house(builder().policy("mode = \"optional\"\n[ssh]\nrefuse_key_only = true\n"), "");
    host.enrol("alice");
    let key = host.client_key("alice");
    host.ssh_with_key("alice", &key).sees("A key alone is not enough on this host");
}

#[test]
fn who_came_with_a_key_is_set_up_and_nobody_else() {
    let host = house(builder(), METHODS);
    let key = host.client_key("alice");
    let mut login = host.ssh_with_key("alice", &key);
    login.answers("Verification code: ", "");
    sets_up(&mut login);

    let host = house(builder(), "");
    host.ssh("alice").sees("Permission denied");
    host.wait_for_log("event=login result=denied reason=no-key user=alice service=sshd");
}
