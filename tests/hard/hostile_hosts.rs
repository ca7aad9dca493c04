//! Programs that treat the module badly: children that vanish, no descriptors, small stacks, conversations that
//! make no sense, threads, and processes that log in for years. The program is host.c, built and called in
//! program.rs; here are the answers that are none, which every kind of program can give.

#![forbid(unsafe_code)]

#[path = "hostile_hosts/conversations.rs"]
mod conversations;
#[path = "hostile_hosts/many_logins.rs"]
mod many_logins;
#[path = "hostile_hosts/program.rs"]
mod program;
#[path = "hostile_hosts/resources.rs"]
mod resources;

/// One that gives a code that is wrong.
const WRONG_CODE: &str = "=00000000";
/// A conversation that gives no answer to a question.
const NO_ANSWER: [&str; 7] =
    ["error", "unknown-error", "error-and-junk", "untouched", "null-array", "null-reply", "1-MiB"];
/// One that gives an answer which means nothing.
const NONSENSE: [&str; 2] = ["wrong-style", "all-bytes"];
