//! The words that people's scripts, log filters, PAM stacks and policies are made of. They outlive every rename in the
//! code: each is listed here, and held against what the programs and their sources really say.
//!
//! A word that is gone fails a test, and so does a new one that is not listed: from its first release on it stays.
//! The words of the helper's protocol are listed in totp-core, with the bytes of each version.

#![forbid(unsafe_code)]

#[path = "lasting_words/arguments.rs"]
mod arguments;
#[path = "lasting_words/exit_statuses.rs"]
mod exit_statuses;
#[path = "lasting_words/json.rs"]
mod json;
#[path = "lasting_words/log.rs"]
mod log;
#[path = "lasting_words/policy.rs"]
mod policy;
#[path = "lasting_words/sources.rs"]
mod sources;

use std::collections::BTreeSet;

/// Holds the words of one kind against those that are listed, which stand separated by blanks.
fn compare(kind: &str, listed: &str, found: &BTreeSet<String>) {
    let listed: BTreeSet<String> = listed.split_whitespace().map(str::to_owned).collect();
    let gone: Vec<_> = listed.difference(found).collect();
    let new: Vec<_> = found.difference(&listed).collect();
    assert!(
        gone.is_empty(),
        "{kind}: {gone:?} are gone, and people's scripts, filters, stacks and policies depend on them. Give them \
         back; what is renamed in the code keeps its old word outside. New are {new:?}."
    );
    assert!(
        new.is_empty(),
        "{kind}: {new:?} are new. List them in tests/lasting_words: from now on people may depend on them, and they stay."
    );
}

#[test]
fn a_word_that_is_gone_or_new_is_noticed() {
    let found = BTreeSet::from(["kept".to_owned(), "new".to_owned()]);
    for listed in ["kept", "kept new gone"] {
        assert!(std::panic::catch_unwind(|| compare("test", listed, &found)).is_err(), "{listed}");
    }
    compare("test", "new\n kept", &found);
}
