//! The arguments of pam_totp.so's lines: what it does not know, or does not use on such a line.

use super::assembly::Stack;
use super::fault::Fault;
use super::handler::Handler;
use super::line::Kind;
use std::collections::BTreeSet;

/// Arguments that are words.
const WORDS: [&str; 9] = [
    "setup",
    "begin",
    "require_key",
    "skippable",
    "try_first_pass",
    "use_first_pass",
    "forward_pass",
    "echo",
    "debug",
];
/// Arguments with a value.
const WITH_VALUE: [&str; 2] = ["policy=", "prompt="];
/// Arguments that only a line of one kind reads, and where a misplaced one changes what people rely on.
const BELONGS: [(&str, Kind); 4] =
    [("setup", Kind::Auth), ("begin", Kind::Auth), ("require_key", Kind::Auth), ("skippable", Kind::Account)];
/// What a line that asks for the code reads, and a line with `begin` does not.
const FOR_THE_QUESTION: [&str; 6] =
    ["setup", "require_key", "try_first_pass", "use_first_pass", "forward_pass", "echo"];

/// What is wrong with the arguments of a stack's lines.
pub fn faults(stack: &Stack) -> BTreeSet<Fault> {
    let mut faults = BTreeSet::new();
    let mut policies = BTreeSet::new();
    for kind in [Kind::Auth, Kind::Account, Kind::Session, Kind::Password] {
        for line in stack.of(kind).iter().filter(|line| line.is_totp()) {
            faults.extend(line.arguments().iter().filter_map(|argument| of_argument(argument, line, kind)));
            faults.extend(beside_begin(line));
            // What changes passwords reads no policy.
            if kind != Kind::Password {
                policies.insert(policy(line).unwrap_or("that of the system").to_owned());
            }
        }
    }
    if policies.len() > 1 {
        faults.insert(Fault::PoliciesDiffer(policies.into_iter().collect()));
    }
    faults
}

/// The policy that a line names; the last one counts.
pub fn policy(line: &Handler) -> Option<&str> {
    line.arguments().iter().rev().find_map(|argument| argument.strip_prefix("policy="))
}

/// Whoever adds `begin` to the line that asks for the code takes the question away.
fn beside_begin(line: &Handler) -> Option<Fault> {
    let for_question =
        |argument: &&String| FOR_THE_QUESTION.contains(&argument.as_str()) || argument.starts_with("prompt=");
    let arguments: Vec<_> =
        line.arguments().iter().filter(|_| line.is_begin()).filter(for_question).cloned().collect();
    (!arguments.is_empty()).then(|| Fault::BesideBegin { arguments, line: line.to_string() })
}

fn of_argument(argument: &str, line: &Handler, kind: Kind) -> Option<Fault> {
    let known = WORDS.contains(&argument) || WITH_VALUE.iter().any(|start| argument.starts_with(start));
    if !known {
        return Some(Fault::UnknownArgument {
            argument: argument.to_owned(),
            line: line.to_string(),
            meant: meant(argument),
        });
    }
    let (_, belongs) = BELONGS.iter().find(|(word, belongs)| *word == argument && *belongs != kind)?;
    Some(Fault::MisplacedArgument {
        argument: argument.to_owned(),
        line: line.to_string(),
        belongs: *belongs,
    })
}

/// The argument that somebody may have meant: one that differs in two letters at most.
fn meant(argument: &str) -> Option<&'static str> {
    let word = argument.trim().replace('-', "_").to_ascii_lowercase();
    // A value is not part of the name, and an argument of three letters is like many.
    let close = |known: &&&str| distance(&word, known.trim_end_matches('=')) <= known.len().min(8) / 4;
    let start = word.split('=').next().unwrap_or_default();
    let by_name = |known: &&&str| !start.is_empty() && known.trim_end_matches('=') == start;
    let all = WORDS.iter().chain(&WITH_VALUE);
    all.clone().find(by_name).or_else(|| all.clone().find(close)).copied()
}

/// How many letters must be put in, taken out or changed to get from one word to the other (Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (line, letter) in one.chars().enumerate() {
        let mut corner = std::mem::replace(row.first_mut().unwrap_or(&mut 0), line.saturating_add(1));
        let mut left = line.saturating_add(1);
        for (cell, against) in row.iter_mut().skip(1).zip(&other) {
            let changed = corner.saturating_add(usize::from(letter != *against));
            corner = *cell;
            *cell = changed.min(left.saturating_add(1)).min(corner.saturating_add(1));
            left = *cell;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn misspelt_arguments_are_told_from_strange_ones() {
        for (argument, expected) in [
            ("set_up", Some("setup")),
            ("Setup", Some("setup")),
            ("require-key", Some("require_key")),
            ("skipable", Some("skippable")),
            ("beginn", Some("begin")),
            ("setup\r", Some("setup")),
            ("echo=yes", Some("echo")),
            ("policy", Some("policy=")),
            ("nullok", None),
            ("", None),
        ] {
            assert_eq!(meant(argument), expected, "{argument}");
        }
    }
}
