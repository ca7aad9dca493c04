//! Logins over ssh: a real sshd, the real ssh client in a terminal, codes from oathtool. Here are logins with codes
//! and keys.

#![forbid(unsafe_code)]

#[path = "ssh/from_here.rs"]
mod from_here;
#[path = "ssh/policies.rs"]
mod policies;
#[path = "ssh/strangers.rs"]
mod strangers;

use host::{Builder, Dialogue, Host, Stack};

const PASSWORD: &str = "Password: ";
const CODE: &str = "Verification code: ";

fn required() -> Builder {
    Host::builder()
        .user("alice", "wonderland")
        .policy("mode = \"required\"\n[totp]\nwindow = 10\n")
        .stack("sshd", Stack::PasswordAndCode)
}

fn log_in(host: &Host, user: &str, password: &str, code: &str) -> Dialogue {
    let mut login = host.ssh(user);
    login.answers(PASSWORD, password);
    login.answers(CODE, code);
    login
}

fn is_refused(mut login: Dialogue) {
    login.sees("Permission denied");
}

#[test]
fn password_and_code_let_a_user_in() {
    let host = required().build();
    let mut phone = host.enrol("alice");
    log_in(&host, "alice", "wonderland", &phone.code()).is_let_in_as("alice");
    let line = host.wait_for_log("event=login result=accepted user=alice service=sshd from=127.0.0.1");
    let priority: u32 = line[1..].split('>').next().and_then(|text| text.parse().ok()).expect("a priority");
    assert_eq!(priority / 8, 10, "the facility is AUTHPRIV: {line}");
}

#[test]
fn the_same_code_never_works_twice() {
    let host = required().build();
    let code = host.enrol("alice").code();
    log_in(&host, "alice", "wonderland", &code).is_let_in_as("alice");
    is_refused(log_in(&host, "alice", "wonderland", &code));
    host.wait_for_log("event=login result=denied reason=used-code user=alice service=sshd from=127.0.0.1");
}

#[test]
fn the_next_code_works_after_the_first() {
    let host = required().build();
    let mut phone = host.enrol("alice");
    log_in(&host, "alice", "wonderland", &phone.code()).is_let_in_as("alice");
    log_in(&host, "alice", "wonderland", &phone.code()).is_let_in_as("alice");
}

#[test]
fn an_earlier_code_does_not_work_after_a_later_one() {
    let host = required().build();
    let mut phone = host.enrol("alice");
    let (earlier, later) = (phone.code(), phone.code());
    log_in(&host, "alice", "wonderland", &later).is_let_in_as("alice");
    is_refused(log_in(&host, "alice", "wonderland", &earlier));
    host.wait_for_log("result=denied reason=used-code");
}

#[test]
fn a_wrong_code_is_refused() {
    let host = required().build();
    let phone = host.enrol("alice");
    is_refused(log_in(&host, "alice", "wonderland", &phone.wrong_code()));
    host.wait_for_log("event=login result=denied reason=wrong-code user=alice service=sshd from=127.0.0.1");
}

#[test]
fn a_code_from_before_the_window_is_refused_as_stale() {
    let host = required().build();
    let phone = host.enrol("alice");
    is_refused(log_in(&host, "alice", "wonderland", &phone.code_at(-15)));
    host.wait_for_log("event=login result=denied reason=stale-code user=alice");
}

#[test]
fn a_right_code_does_not_make_up_for_a_wrong_password() {
    let host = required().build();
    let mut phone = host.enrol("alice");
    is_refused(log_in(&host, "alice", "looking-glass", &phone.code()));
}

#[test]
fn a_code_may_be_typed_with_spaces() {
    let host = required().build();
    let code = host.enrol("alice").code();
    let spaced = format!(" {} {} ", &code[..3], &code[3..]);
    log_in(&host, "alice", "wonderland", &spaced).is_let_in_as("alice");
}

#[test]
fn the_code_is_not_shown_while_it_is_typed() {
    let host = required().build();
    let code = host.enrol("alice").code();
    let mut login = log_in(&host, "alice", "wonderland", &code);
    login.is_let_in_as("alice");
    assert!(!login.seen().contains(&code));
}

#[test]
fn a_recovery_code_lets_in_once() {
    let host = required().build();
    let phone = host.enrol("alice");
    let code = &phone.recovery_codes[3];
    log_in(&host, "alice", "wonderland", code).is_let_in_as("alice");
    is_refused(log_in(&host, "alice", "wonderland", code));
    log_in(&host, "alice", "wonderland", &phone.recovery_codes[4]).is_let_in_as("alice");
}

#[test]
fn a_recovery_code_may_be_typed_carelessly() {
    let host = required().build();
    let phone = host.enrol("alice");
    let careless = phone.recovery_codes[0].to_lowercase().replace('-', " ");
    log_in(&host, "alice", "wonderland", &careless).is_let_in_as("alice");
}

#[test]
fn codes_of_eight_digits_and_another_algorithm_work() {
    let host = required()
        .policy(
            "mode = \"required\"\n[totp]\nwindow = 10\ndigits = 8\ninterval = 60\nalgorithm = \"SHA256\"\n",
        )
        .build();
    let mut phone = host.enrol("alice");
    assert_eq!((phone.digits(), phone.interval()), (8, 60));
    log_in(&host, "alice", "wonderland", &phone.code()).is_let_in_as("alice");
}

#[test]
fn devices_keep_their_parameters_when_the_policy_changes() {
    let host = required().build();
    let mut phone = host.enrol("alice");
    host.write(
        host::POLICY,
        "mode = \"required\"\n[totp]\nwindow = 10\ndigits = 8\nalgorithm = \"SHA512\"\n",
    );
    log_in(&host, "alice", "wonderland", &phone.code()).is_let_in_as("alice");
}

#[test]
fn of_parallel_logins_with_one_code_exactly_one_wins() {
    let host = required()
        .policy("mode = \"required\"\n[totp]\nwindow = 10\n[throttle]\nfree_failures = 100\n")
        .build();
    let code = host.enrol("alice").code();
    let mut logins: Vec<Dialogue> = (0..8)
        .map(|_| {
            let mut login = host.ssh_with("alice", &["-T"]);
            login.answers(PASSWORD, "wonderland");
            login.sees(CODE);
            login
        })
        .collect();
    for login in &mut logins {
        login.types(&code);
    }
    host.wait_until("every login is judged", |host| {
        host.times_logged("event=login result=accepted") + host.times_logged("event=login result=denied") == 8
    });
    assert_eq!(host.times_logged("event=login result=accepted"), 1);
    host.wait_until("sshd lets one in", |host| host.times_logged("Accepted keyboard-interactive/pam") == 1);
    assert_eq!(host.times_logged("event=login result=denied reason=used-code"), 7);
}

#[test]
fn a_key_and_a_code_let_in_without_a_password() {
    let host = required()
        .stack("sshd", Stack::Code)
        .sshd_option("AuthenticationMethods publickey,keyboard-interactive")
        .build();
    let mut phone = host.enrol("alice");
    let key = host.client_key("alice");
    let mut login = host.ssh_with_key("alice", &key);
    login.answers(CODE, &phone.code());
    login.is_let_in_as("alice");
    assert!(!login.seen().contains(PASSWORD));
}

#[test]
fn a_key_alone_is_not_enough_where_sshd_wants_both() {
    let host = required()
        .stack("sshd", Stack::Code)
        .sshd_option("AuthenticationMethods publickey,keyboard-interactive")
        .build();
    let phone = host.enrol("alice");
    let key = host.client_key("alice");
    let mut login = host.ssh_with_key("alice", &key);
    login.answers(CODE, &phone.wrong_code());
    login.sees("Permission denied");
}

#[test]
fn a_client_that_sends_the_password_again_for_the_code_is_denied_and_not_counted() {
    let host = required()
        .policy(
            "mode = \"required\"\n[totp]\nwindow = 10\n[throttle]\nfree_failures = 1\nbase_delay = \"10m\"\n",
        )
        .sshd_option("PasswordAuthentication yes")
        .build();
    let mut phone = host.enrol("alice");
    for _ in 0..3 {
        let mut login = host.ssh_with("alice", &["-o", "PreferredAuthentications=password"]);
        login.answers("password: ", "wonderland");
        login.sees("Permission denied");
    }
    log_in(&host, "alice", "wonderland", &phone.code()).is_let_in_as("alice");
}

#[test]
fn another_users_code_does_not_work() {
    let host = required().user("bob", "builder").build();
    host.enrol("alice");
    let mut phone_of_bob = host.enrol("bob");
    is_refused(log_in(&host, "alice", "wonderland", &phone_of_bob.code()));
}

#[test]
fn neither_codes_nor_secrets_reach_the_log() {
    let host = required().stack("sshd", Stack::PasswordAndCodeWith("debug")).build();
    let mut phone = host.enrol("alice");
    let (code, wrong, recovery) = (phone.code(), phone.wrong_code(), phone.recovery_codes[0].clone());
    log_in(&host, "alice", "wonderland", &code).is_let_in_as("alice");
    log_in(&host, "alice", "wonderland", &recovery).is_let_in_as("alice");
    is_refused(log_in(&host, "alice", "wonderland", &wrong));
    host.wait_for_log("result=denied");
    let log = host.log().join("\n");
    let spoken = recovery.replace('-', "");
    for word in [phone.secret(), &recovery, &spoken, "wonderland"] {
        assert!(!log.contains(word), "`{word}` is in the log");
    }
    // Six digits may be part of a process number or a timestamp by chance, but not as a word.
    for code in [code, wrong] {
        assert!(!log.split(|c: char| !c.is_ascii_digit()).any(|word| word == code), "{code} is in the log");
    }
}
