//! What the documents say of the tests is so.

#![forbid(unsafe_code)]

use std::fs;
use std::path::Path;

/// The texts between backticks.
fn quoted(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

#[test]
fn every_test_that_the_threat_model_names_is_in_the_file_it_names() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let text = fs::read_to_string(root.join("docs/threat-model.md")).expect("the threat model");
    let mut named = 0;
    for line in text.lines() {
        let mut source = String::new();
        for word in quoted(line) {
            if word.ends_with(".rs") {
                source =
                    fs::read_to_string(root.join(word)).unwrap_or_else(|error| panic!("{word}: {error}"));
            } else if word.contains('_')
                && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
                && !source.is_empty()
            {
                assert!(source.contains(&format!("fn {word}(")), "no test {word}, in: {line}");
                named += 1;
            }
        }
    }
    assert!(named > 50, "only {named} tests are named");
}
