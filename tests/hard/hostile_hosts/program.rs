//! The program and the host it runs on: how host.c is built, what alice's policy and stacks are, and what PAM
//! answered. What the program is told to do wrong stands with the tests.

use host::{Builder, Host, Phone, Stack};
use std::sync::OnceLock;

/// What PAM answers, as host.c prints it.
pub const SUCCESS: &str = "0";
pub const SYSTEM_ERR: &str = "4";
pub const PERM_DENIED: &str = "6";
pub const AUTH_ERR: &str = "7";
pub const AUTHINFO_UNAVAIL: &str = "9";
pub const CONV_ERR: &str = "19";
pub const INCOMPLETE: &str = "31";
/// What was not called.
pub const NONE: &str = "-1";

const SOURCE: &str = include_str!("../host.c");
pub const PROGRAM: &str = "/usr/local/bin/host";

const ALONE: Stack = Stack::Text(
    "auth required pam_totp.so\n\
     account required pam_totp.so\n\
     account required pam_permit.so\n\
     session required pam_totp.so\n\
     session required pam_permit.so\n",
);
pub const WITH_SETUP: Stack = Stack::NothingElseWith("setup");

pub fn builder(mode: &str) -> Builder {
    Host::builder().user("alice", "wonderland").policy(&policy(mode, "")).stack("test", ALONE)
}

/// Guesses are not throttled: a hundred thousand of them are to be judged, and of eight digits none is right by
/// chance.
pub fn policy(mode: &str, enrollment: &str) -> String {
    format!(
        "mode = \"{mode}\"\n\
         [totp]\nwindow = 10\ndigits = 8\n\
         [enrollment]\nat_login = [\"test\"]\n{enrollment}\n\
         [throttle]\nfree_failures = 1000000\nbudget = 1000000\nknown_budget = 1000000\n"
    )
}

pub fn with_program(builder: Builder) -> Host {
    static BUILT: OnceLock<Vec<u8>> = OnceLock::new();
    let host = builder.build();
    let program = BUILT.get_or_init(|| {
        host.write("/tmp/host.c", SOURCE);
        // Symbols for valgrind.
        let flags = ["-std=gnu11", "-Wall", "-Wextra", "-Werror", "-O1", "-g", "-o", PROGRAM, "/tmp/host.c"];
        host.must_run(&[&["cc"], &flags[..], &["-lpam", "-ldl", "-pthread"]].concat());
        host.read(PROGRAM)
    });
    host.write(PROGRAM, program);
    host.must_run(&["chmod", "755", PROGRAM]);
    host
}

pub fn required() -> (Host, Phone) {
    let host = with_program(builder("required"));
    let phone = host.enrol("alice");
    (host, phone)
}

/// One login by the program as this user; what the three phases answered, or how the program died.
pub fn phases(host: &Host, user: &str, words: &[&str]) -> [String; 3] {
    let outcome = host.run_as(user, &[&[PROGRAM], words].concat());
    assert_eq!(outcome.status, 0, "the program did not survive {words:?}: {outcome:?}");
    let last = outcome.stdout.lines().last().unwrap_or_default();
    let answers: Vec<_> =
        last.split(' ').filter_map(|word| Some(word.split_once('=')?.1.to_owned())).collect();
    answers.try_into().unwrap_or_else(|_| panic!("{words:?}: {outcome:?}"))
}

pub fn authenticates(host: &Host, user: &str, words: &[&str]) -> String {
    let [authenticated, ..] = phases(host, user, words);
    authenticated
}
