//! Words of the log: `event=login result=denied reason=used-code user=alice ...`. There is no table of them in the
//! code, so the calls that make log lines are looked for in the sources.

use super::compare;
use super::sources::{Source, calls, literals, sources, word};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

const EVENTS: &str = "
    login verify setup session credential mode policy argument begin fault
    device-add device-remove renew unset show recovery-renew hosts-forget
    contact revoke unlock resync adopt prune absence
    invite invite-withdraw temporary-code mail";

const RESULTS: &str = "accepted denied done failed ignored offered put-off unavailable";

/// Those that are single words; what follows `reason=` in quotes is a sentence for people, and may change.
const REASONS: &str = "
    wrong-code used-code stale-code wrong-recovery-code throttled ceiling malformed no-answer unsynchronised
    no-password password-repeated password-not-forwarded
    not-configured set-up-meanwhile remembered unknown-user no-key
    not-counted not-reached other-user key-only
    other-uid renamed-user wrong-invitation cannot-ask not-proven not-asked cut-off no-grace-left
    grace panic repaired";

const FIELDS: &str = "
    event result reason user service from by factor device left wait codes
    mode clock_offset uid override_uid credential_uid former_user former_uid became
    refused_since uses until delivery grace key value argument entry_point to";

/// What other fields say in a word of the code's own.
const VALUES: &str = "factor=device factor=recovery-code factor=temporary-code factor=remembered-host";

#[derive(Default)]
struct Found {
    events: BTreeSet<String>,
    results: BTreeSet<String>,
    reasons: BTreeSet<String>,
    fields: BTreeSet<String>,
    values: BTreeSet<String>,
}

impl Found {
    fn look_into(&mut self, source: &Source) {
        let text = &source.text;
        let first = |begins: &str| -> Vec<String> {
            calls(text, begins).iter().filter_map(|arguments| word(arguments.first()?)).collect()
        };
        self.events.extend(first("Event::new("));
        self.events.extend(first("log_change("));
        for arguments in calls(text, ".event(") {
            let mut words = arguments.iter().map(|argument| word(argument));
            self.events.extend(words.next().flatten());
            self.results.extend(words.next().flatten());
            self.reasons.extend(words.next().flatten());
        }
        for arguments in calls(text, ".with(") {
            let mut words = arguments.iter().map(|argument| word(argument));
            let (field, value) = (words.next().flatten(), words.next().flatten());
            match (field.as_deref(), value) {
                (Some("result"), value) => self.results.extend(value),
                (Some("reason"), value) => self.reasons.extend(value),
                (Some(field), Some(value)) => drop(self.values.insert(format!("{field}={value}"))),
                _ => {}
            }
            self.fields.extend(field);
        }
        self.reasons.extend(first("log_denial("));
        self.reasons.extend(first("refuse_unjudged("));
        self.reasons.extend(first("Answered::Nothing("));
        self.reasons.extend(first("Step::Denied("));
        self.reasons.extend(first(".debug("));
        self.look_into_what_is_chosen(text);
    }

    /// Words that a call is given by a name of the code: of an event, or of a reason.
    fn look_into_what_is_chosen(&mut self, text: &str) {
        for begins in ["authorise(context,", "attempt(context,"] {
            self.events.extend(calls(text, begins).into_iter().flatten().filter_map(word));
        }
        self.events.extend(literals_up_to(text, "const LOGIN: &str =", ";"));
        self.events.extend(literals_up_to(text, "let event = if ", ";"));
        self.events.extend(literals_up_to(text, "let event = match intent ", ";"));
        self.events.extend(literals_up_to(text, "let (event, device_name) =", ";"));
        self.reasons.extend(literals_up_to(text, "log_denial(match ", "})"));
        if text.contains("fn reason(&self) -> &'static str") {
            self.reasons.extend(literals_up_to(text, "fn reason(&self) -> &'static str", "}\n    }"));
        }
        if text.contains("log_denial(gap.as_str())") {
            self.reasons.extend(literals_up_to(text, "fn as_str(self) -> &'static str", "}\n    }"));
        }
        // The table of why a code is refused.
        if let Some((_, enumeration)) = text.split_once("impl Reason {") {
            self.reasons.extend(literals_up_to(enumeration, "const ALL", "];"));
        }
    }
}

/// The literals of each place between these texts.
fn literals_up_to(text: &str, begins: &str, ends: &str) -> Vec<String> {
    let after = text.split(begins).skip(1);
    after.flat_map(|after| literals(after.split(ends).next().unwrap_or_default())).collect()
}

fn found() -> Found {
    let mut found = Found::default();
    for source in sources() {
        found.look_into(&source);
    }
    // A sentence is for people.
    found.reasons.retain(|reason| !reason.contains(' '));
    found
}

#[test]
fn the_events_in_the_log_stay() {
    compare("events in the log", EVENTS, &found().events);
}

#[test]
fn the_results_in_the_log_stay() {
    compare("results in the log", RESULTS, &found().results);
}

#[test]
fn the_reasons_in_the_log_stay() {
    compare("reasons in the log", REASONS, &found().reasons);
}

#[test]
fn the_fields_of_the_log_stay() {
    compare("fields of the log", FIELDS, &found().fields);
}

#[test]
fn the_words_in_other_fields_of_the_log_stay() {
    compare("words in the log", VALUES, &found().values);
}

/// The words that stand after `key=` in a text.
fn words_after<'t>(text: &'t str, key: &str) -> BTreeSet<&'t str> {
    let is_of_a_word = |character: char| character.is_ascii_lowercase() || character == '-';
    let after = text.split(key).skip(1);
    let words = after.filter_map(|after| after.split(|other| !is_of_a_word(other)).next());
    words.filter(|word| !word.is_empty()).collect()
}

/// What people copy into their filters, and what other tests saw in a real log: where the search in the sources
/// misses a word, this does not.
#[test]
fn what_the_guide_and_the_tests_look_for_in_the_log_is_listed() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut looked_into = 0;
    for directory in [root.to_owned(), root.join("../docs")] {
        for entry in fs::read_dir(&directory).expect("it can be listed") {
            let path = entry.expect("it can be listed").path();
            let Ok(text) = fs::read_to_string(&path) else { continue };
            for (key, listed) in [("event=", EVENTS), ("result=", RESULTS), ("reason=", REASONS)] {
                for word in words_after(&text, key) {
                    looked_into += 1;
                    let is_listed = listed.split_whitespace().any(|known| known.starts_with(word));
                    assert!(is_listed, "{key}{word} is in {} and not in the list", path.display());
                }
            }
        }
    }
    assert!(looked_into > 50, "{looked_into}");
}
