//! su, sudo, pkexec and doas, each with a stack of its own, and `su -` and `sudo -i` with theirs.

use crate::{builder, house, with_example};
use host::{Host, Phone, STORE, Stack};

fn is_logged(host: &Host, outcome: &str, user: &str, service: &str) {
    host.wait_for_log(&format!("event=login {outcome} user={user} service={service} "));
}

/// alice, who runs a program with her own password and a code, a wrong one and a right one.
fn alice_becomes_root(host: &Host, phone: &mut Phone, words: &[&str], password: &str, service: &str) {
    let mut wrong = host.dialogue_as("alice", words);
    wrong.answers(password, "wonderland").answers("Verification code: ", &phone.wrong_code());
    assert_ne!(wrong.exit_status(), 0, "{}", wrong.seen());
    is_logged(host, "result=denied reason=wrong-code", "alice", service);
    let mut right = host.dialogue_as("alice", words);
    right.answers(password, "wonderland").answers("Verification code: ", &phone.code());
    right.is_let_in_as("root");
    is_logged(host, "result=accepted", "alice", service);
}

#[test]
fn su_asks_users_and_not_root() {
    let host = builder().user("bob", "builder").stack("su", Stack::Text(&with_example("su", "su"))).build();
    let mut phone = host.enrol("alice");
    for (words, service) in [(&["su", "alice"][..], "su"), (&["su", "-", "alice"], "su-l")] {
        let mut login = host.dialogue_as("bob", words);
        login.answers("Password: ", "wonderland").answers("Verification code: ", &phone.wrong_code());
        login.sees("Authentication failure");
        is_logged(&host, "result=denied reason=wrong-code", "alice", service);
        let mut login = host.dialogue_as("bob", words);
        login.answers("Password: ", "wonderland").answers("Verification code: ", &phone.code());
        login.is_let_in_as("alice");
        is_logged(&host, "result=accepted", "alice", service);
        host.dialogue_as("root", words).is_let_in_as("alice");
    }
}

/// The distribution's own file has that line, as a comment, below the one with begin.
#[test]
fn su_lets_the_group_wheel_in_without_a_code_only_above_the_line_with_begin() {
    let (stack, trust) = (with_example("su", "su"), "auth       sufficient pam_wheel.so trust");
    let commented = format!("# {trust}\n");
    assert!(stack.contains(&commented), "{stack}");
    let host = builder().user("bob", "builder").build();
    host.enrol("alice");
    host.must_run(&["groupadd", "wheel"]);
    host.must_run(&["gpasswd", "--add", "bob", "wheel"]);

    host.write("/etc/pam.d/su", stack.replace(&commented, &format!("{trust}\n")));
    host.dialogue_as("bob", &["su", "alice"]).sees("Permission denied");
    is_logged(&host, "result=denied reason=not-reached", "alice", "su");

    let begin = "auth     optional  pam_totp.so begin\n";
    host.write("/etc/pam.d/su", stack.replace(begin, &format!("{trust}\n{begin}")));
    host.dialogue_as("bob", &["su", "alice"]).is_let_in_as("alice");
}

#[test]
fn sudo_and_sudo_i_take_password_and_code() {
    let host = house(&["sudo", "sudo-i"]);
    host.write(
        "/etc/sudoers.d/alice",
        "Defaults:alice passwd_tries=1, !lecture, timestamp_timeout=0\nalice ALL=(ALL) ALL\n",
    );
    let mut phone = host.enrol("alice");
    for (words, service) in [(["sudo", "-s"], "sudo"), (["sudo", "-i"], "sudo-i")] {
        alice_becomes_root(&host, &mut phone, &words, "password for alice: ", service);
    }
}

#[test]
fn doas_takes_password_and_code() {
    let host = house(&["doas"]);
    host.write("/etc/doas.conf", "permit alice\n");
    let mut phone = host.enrol("alice");
    alice_becomes_root(&host, &mut phone, &["doas", "-s"], "password: ", "doas");
}

/// pkexec from a shell, which is who is authorized. The agent of pkexec's own works for root alone
/// ("No session for cookie"), so the shell has another.
const PKEXEC: [&str; 3] = [
    "bash",
    "-c",
    "mkfifo /tmp/ready; pkttyagent --process $$ --notify-fd 3 3>/tmp/ready & cat /tmp/ready
     pkexec --disable-internal-agent bash; status=$?; rm /tmp/ready; exit $status",
];

#[test]
fn pkexec_takes_password_and_code() {
    let host = house(&["polkit-1"]);
    host.start_polkit(&["alice"]);
    let mut phone = host.enrol("alice");
    alice_becomes_root(&host, &mut phone, &PKEXEC, "Password: ", "polkit-1");
}

/// As where systemd starts polkit's helper with ProtectSystem=strict.
#[test]
fn pkexec_is_refused_where_nothing_can_be_written_and_takes_the_code_where_the_store_can() {
    let host = house(&["polkit-1"]);
    host.start_polkit(&["alice"]);
    let mut phone = host.enrol("alice");
    let mount = |words: &[&str]| host.must_run(&[&["mount"], words].concat());
    mount(&["--bind", "/var", "/var"]);
    mount(&["-o", "remount,bind,ro", "/var"]);
    let mut refused = host.dialogue_as("alice", &PKEXEC);
    refused.answers("Password: ", "wonderland").answers("Verification code: ", &phone.code());
    refused.sees("This host cannot check codes now; it is not your code.");
    assert_ne!(refused.exit_status(), 0, "{}", refused.seen());
    host.wait_for_log("event=login result=unavailable");
    mount(&["--bind", STORE, STORE]);
    mount(&["-o", "remount,bind,rw", STORE]);
    alice_becomes_root(&host, &mut phone, &PKEXEC, "Password: ", "polkit-1");
}
