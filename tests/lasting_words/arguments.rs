//! Arguments in PAM stacks: as the module reads them, and as `policy check` knows them.

use super::compare;
use super::sources::{literals, source};
use host::Host;
use std::collections::BTreeSet;

const ARGUMENTS: &str = "
    begin require_key skippable setup policy= try_first_pass use_first_pass forward_pass echo prompt= debug";

#[test]
fn the_arguments_of_the_module_stay() {
    let host = Host::builder().user("alice", "wonderland").build();
    // What is not known is logged, and so is not read.
    let all: Vec<_> = ARGUMENTS.split_whitespace().collect();
    let line = format!("auth required pam_totp.so {} unheard-of\n", all.join(" "));
    host.write("/etc/pam.d/test", line);
    let _ = host.run_with_input("root", &["pamtester", "test", "alice", "authenticate"], "\n");
    host.wait_for_log("event=argument result=ignored argument=unheard-of");
    let ignored: Vec<_> = host.log().into_iter().filter(|line| line.contains("event=argument")).collect();
    assert_eq!(ignored.len(), 1, "people's PAM stacks have these arguments: {ignored:?}");
}

#[test]
fn each_argument_that_the_module_reads_is_listed() {
    let text = source("pam_totp/src/arguments.rs").text;
    let (_, body) = text.split_once("fn parse(").expect("the module reads its arguments in `parse`");
    let found: BTreeSet<_> = body
        .lines()
        .filter(|line| line.contains("=> arguments."))
        .map(|line| {
            let word = literals(line).first().expect("an argument is a literal").to_owned();
            if line.contains("Some((") { format!("{word}=") } else { word }
        })
        .collect();
    compare("arguments of the module", ARGUMENTS, &found);
}
