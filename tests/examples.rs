//! The lines of config/pam.d, added to the stacks that this machine's distribution ships, with the real programs.
//! Here is what holds for each of them.

#![forbid(unsafe_code)]

#[path = "example_lines/becoming_root.rs"]
mod becoming_root;
#[path = "example_lines/key_and_code.rs"]
mod key_and_code;
#[path = "example_lines/logging_in.rs"]
mod logging_in;
#[path = "example_lines/rhel.rs"]
mod rhel;

use host::{Builder, Host, Stack, distributions_stack, with_lines_added};
use std::fs;
use std::path::Path;

/// The files in config/pam.d, and the service that each is for.
const EXAMPLES: [(&str, &str); 9] = [
    ("sshd", "sshd"),
    ("sshd-key-and-code", "sshd"),
    ("login", "login"),
    ("su", "su"),
    ("su-l", "su-l"),
    ("sudo", "sudo"),
    ("sudo-i", "sudo-i"),
    ("polkit-1", "polkit-1"),
    ("doas", "doas"),
];

/// The text of a file in config/pam.d.
fn lines(example: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../config/pam.d").join(example);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The distribution's stack of a service with the lines added.
fn with_example(service: &str, example: &str) -> String {
    with_lines_added(&distributions_stack(service), &lines(example))
        .unwrap_or_else(|why| panic!("config/pam.d/{example} does not fit this machine's {service}: {why}"))
}

/// alice needs a code.
fn builder() -> Builder {
    Host::builder().user("alice", "wonderland").policy("mode = \"required\"\n[totp]\nwindow = 10\n")
}

/// A host on which these services ask for password and code.
fn house(services: &[&str]) -> Host {
    let add = |builder: Builder, service: &&str| {
        builder.stack(service, Stack::Text(&with_example(service, service)))
    };
    services.iter().fold(builder(), add).build()
}

/// What is in `all` and not in `some`, where `some` is in `all` line by line and in order.
fn added<'a>(some: &'a str, all: &'a str) -> Vec<&'a str> {
    let mut stays = some.lines().peekable();
    let added = all.lines().filter(|line| stays.next_if_eq(line).is_none()).collect();
    assert_eq!(stays.next(), None, "a line is gone from:\n{all}");
    added
}

#[test]
fn every_line_of_the_distributions_stack_stays() {
    for (example, service) in EXAMPLES {
        let before = distributions_stack(service);
        let after = with_example(service, example);
        let password = "@include common-auth";
        let expected = match example {
            "su-l" => 0,
            _ => 4,
        };
        let stays = if example == "sshd-key-and-code" {
            before.replace(&format!("\n{password}\n"), &format!("\n# {password}\n"))
        } else {
            before.clone()
        };
        let added = added(&stays, &after);
        assert_eq!(added.len(), expected, "{example}: {added:?}");
        assert!(added.iter().all(|line| line.contains("pam_totp.so")), "{example}: {added:?}");
    }
}

#[test]
fn every_file_is_tried_here() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../config/pam.d");
    let mut names: Vec<String> = fs::read_dir(directory)
        .expect("the examples")
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("a name"))
        .collect();
    names.sort();
    let mut tried = EXAMPLES.map(|(example, _)| example);
    tried.sort_unstable();
    assert_eq!(names, tried);
}

#[test]
fn setup_is_given_only_where_messages_of_the_account_line_are_shown() {
    for (example, _) in EXAMPLES {
        let sets_up = lines(example).lines().any(|line| line.starts_with("auth") && line.ends_with(" setup"));
        assert_eq!(sets_up, ["sshd", "sshd-key-and-code", "login"].contains(&example), "{example}");
    }
}

/// No line of these files asks for a password.
#[test]
fn a_file_that_takes_the_place_of_the_distributions_lets_nobody_in() {
    let builder = |service, text: &str| builder().user("bob", "builder").stack(service, Stack::Text(text));
    let host = builder("su", &lines("su")).build();
    let mut phone = host.enrol("alice");
    let mut login = host.dialogue_as("bob", &["su", "alice"]);
    // Each file has its lines twice: for one family of distributions and for the other.
    for _ in 0..2 {
        login.answers("Verification code: ", &phone.code());
    }
    assert_ne!(login.exit_status(), 0, "{}", login.seen());

    let methods = "AuthenticationMethods publickey,keyboard-interactive";
    for (example, options) in [("sshd", ""), ("sshd-key-and-code", methods)] {
        let host = builder("sshd", &lines(example)).sshd_option(options).build();
        let mut phone = host.enrol("alice");
        let key = host.client_key("alice");
        let mut login = if options.is_empty() { host.ssh("alice") } else { host.ssh_with_key("alice", &key) };
        for _ in 0..2 {
            login.answers("Verification code: ", &phone.code());
        }
        assert_ne!(login.exit_status(), 0, "{}", login.seen());
    }
}
