//! The product's sources, as far as the words in them are looked for: without comments and without tests.

use std::fs;
use std::path::{Path, PathBuf};

/// One file.
pub struct Source {
    pub path: PathBuf,
    pub text: String,
}

const CRATES: [&str; 4] = ["totp-core/src", "pam_totp/src", "totp-enroll/src", "totp-helper/src"];

/// Every file of the product.
pub fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut found = Vec::new();
    for directory in CRATES {
        collect(&root.join(directory), &mut found);
    }
    assert!(found.len() > 100, "{} files", found.len());
    found
}

/// The file whose path ends so.
pub fn source(path: &str) -> Source {
    let mut sources = sources().into_iter();
    sources.find(|source| source.path.ends_with(path)).unwrap_or_else(|| panic!("{path} is gone"))
}

fn collect(directory: &Path, found: &mut Vec<Source>) {
    for entry in fs::read_dir(directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display())) {
        let path = entry.expect("the sources can be listed").path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if path.is_dir() && name != "tests" {
            collect(&path, found);
        } else if name.ends_with(".rs") && name != "tests.rs" {
            let text = fs::read_to_string(&path).expect("sources are text");
            let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
            found.push(Source { text: without_comments(text), path });
        }
    }
}

fn without_comments(text: &str) -> String {
    let code = |line: &&str| !line.trim_start().starts_with("//");
    text.lines().filter(code).map(|line| format!("{line}\n")).collect()
}

/// The string literals of a piece of source, without escapes resolved.
pub fn literals(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((_, after)) = rest.split_once('"') {
        let end = end_of_string(after);
        found.push(after[..end].to_owned());
        rest = after.get(end + 1..).unwrap_or_default();
    }
    found
}

/// Where a string ends whose opening quote was just read.
fn end_of_string(text: &str) -> usize {
    let mut escaped = false;
    for (place, character) in text.char_indices() {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return place,
            _ => {}
        }
    }
    text.len()
}

/// The arguments of each call that begins with this text, such as `log_change(`.
pub fn calls<'s>(text: &'s str, begins: &str) -> Vec<Vec<&'s str>> {
    let starts = text.match_indices(begins).map(|(place, found)| place + found.len());
    starts.map(|start| arguments(&text[start..])).collect()
}

/// The arguments up to the bracket that ends them.
fn arguments(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let (mut depth, mut from, mut place) = (0, 0, 0);
    while let Some(character) = text[place..].chars().next() {
        let next = place + character.len_utf8();
        match character {
            '"' => {
                place = next + end_of_string(&text[next..]) + 1;
                continue;
            }
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' if depth == 0 => break,
            ')' | ']' | '}' => depth -= 1,
            ',' if depth == 0 => {
                found.push(text[from..place].trim());
                from = next;
            }
            _ => {}
        }
        place = next;
    }
    found.push(text[from..place].trim());
    found.retain(|argument| !argument.is_empty());
    found
}

/// The word that an argument is: `"word"`, `&"word"`, `Some("word")`.
pub fn word(argument: &str) -> Option<String> {
    let argument = argument.strip_prefix("Some(").and_then(|rest| rest.strip_suffix(')')).unwrap_or(argument);
    let inner = argument.trim_start_matches('&').strip_prefix('"')?.strip_suffix('"')?;
    (!inner.contains('"')).then(|| inner.to_owned())
}

#[test]
fn calls_are_found_with_their_arguments() {
    let text = "x.event(\n    \"a\",\n    &f(\"b, c)\", 1),\n    Some(\"d\"),\n);\nevent(\"e\")";
    let found = calls(text, "event(");
    assert_eq!(found, [vec!["\"a\"", "&f(\"b, c)\", 1)", "Some(\"d\")"], vec!["\"e\""]]);
    let words: Vec<_> = found.concat().into_iter().map(word).collect();
    assert_eq!(words, [Some("a".to_owned()), None, Some("d".to_owned()), Some("e".to_owned())]);
    assert_eq!(literals("f(\"a\\\"b\", \"c\")"), ["a\\\"b", "c"]);
}
