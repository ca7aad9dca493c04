//! Who hears why a login without a remote address fails. Programs that serve the network often name none: the
//! person must be evidently here, by who started the program or by the terminal that it names.

#![forbid(unsafe_code)]

use host::{Builder, Host, Outcome, POLICY, Stack};

const STRANGERS_HEAR: &str = "The code was not accepted.";
const WHY: &str = "The code is wrong";

fn builder() -> Builder {
    Host::builder()
        .user("alice", "wonderland")
        .user("bob", "builder")
        .policy("mode = \"required\"\n[totp]\nwindow = 10\n[throttle]\nfree_failures = 100\n")
        // As somebody may have a VPN ask under the name of the console.
        .stack("login", Stack::CodeWith(""))
}

/// A wrong answer for a user, given to this program by whoever runs it, with a PAM item.
fn hears(host: &Host, runs: &str, program: &str, item: Option<&str>, user: &str) -> String {
    let item = item.map(|item| ["-I", item]);
    let words = [&[program][..], item.as_ref().map_or(&[], |item| item), &["login", user, "authenticate"]];
    let outcome: Outcome = host.run_with_input(runs, &words.concat(), "000000\n");
    assert_eq!(outcome.status, 1, "{outcome:?}");
    assert!(outcome.text().contains("Verification code: "), "{outcome:?}");
    outcome.text()
}

#[test]
fn a_daemon_that_names_no_address_has_its_user_told_what_strangers_are_told() {
    let host = builder().build();
    host.enrol("alice");
    let daemon = |item, user| hears(&host, "root", "pamtester", item, user);
    // FreeRADIUS, OpenVPN before 2.6; and xrdp before 0.10, cron, sshd by what they call a terminal.
    for item in [None, Some("tty=xrdp-sesman"), Some("tty=cron"), Some("tty=ssh"), Some("tty=192.0.2.7:0")] {
        let told = daemon(item, "alice");
        assert!(told.contains(STRANGERS_HEAR) && !told.contains(WHY), "{item:?}: {told}");
        assert_eq!(daemon(item, "bob").replace("bob", "alice"), told, "who is not set up, {item:?}");
        assert_eq!(daemon(item, "nobody-of-that-name").lines().next(), told.lines().next(), "{item:?}");
    }
    // For rules and for counting it is this machine all the same.
    host.wait_for_log("reason=wrong-code user=alice service=login from=local");
    host.write(POLICY, "mode = \"sometimes\"\n");
    let told = host.run_with_input("root", &["pamtester", "login", "alice", "authenticate"], "").text();
    assert!(!told.contains("sometimes"), "{told}");
}

#[test]
fn at_a_terminal_or_a_display_here_why_is_told() {
    let host = builder().build();
    host.enrol("alice");
    for item in ["tty=/dev/tty1", "tty=tty1", "tty=/dev/pts/0", "tty=/dev/ttyS0", "tty=:0"] {
        let told = hears(&host, "root", "pamtester", Some(item), "alice");
        assert!(told.contains(WHY), "{item}: {told}");
        let told = hears(&host, "root", "pamtester", Some(item), "bob");
        assert!(told.contains("is required and not set up"), "{item}: {told}");
    }
    // A remote address goes before all of that.
    let words =
        ["pamtester", "-I", "tty=/dev/pts/0", "-I", "rhost=127.0.0.1", "login", "alice", "authenticate"];
    let told = host.run_with_input("root", &words, "000000\n").text();
    assert!(told.contains(STRANGERS_HEAR) && !told.contains(WHY), "{told}");
}

/// A program with the set-user-ID bit, as su and Squid's basic_pam_auth are.
#[test]
fn a_program_that_a_person_started_tells_why_and_one_that_a_daemon_started_does_not() {
    let host = builder().build();
    host.enrol("alice");
    let pamtester = host.must_run(&["sh", "-c", "command -v pamtester"]);
    host.must_run(&["install", "-m", "4755", pamtester.trim(), "/usr/bin/ask-as-root"]);
    let told = hears(&host, "bob", "ask-as-root", None, "alice");
    assert!(told.contains(WHY), "a person: {told}");
    let told = hears(&host, "www-data", "ask-as-root", None, "alice");
    assert!(told.contains(STRANGERS_HEAR) && !told.contains(WHY), "a daemon: {told}");
    // A screen locker.
    let told = hears(&host, "alice", "pamtester", None, "alice");
    assert!(told.contains(WHY), "a locker: {told}");
}

/// sudo asks modules to be silent.
#[test]
fn su_tells_why_at_a_terminal_and_through_a_pipe() {
    let host = builder().stack("su", Stack::PasswordAndCode).build();
    host.enrol("bob");
    let become_bob = ["su", "bob", "-c", "true"];
    let piped = host.run_with_input("alice", &become_bob, "builder\n000000\n").text();
    assert!(piped.contains(WHY), "{piped}");
    let mut typed = host.dialogue_as("alice", &become_bob);
    typed.answers("Password: ", "builder").answers("Verification code: ", "000000").sees(WHY);
}
