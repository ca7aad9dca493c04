//! Changes one setting in the text of a policy and leaves all else as it is: comments, order, line ends.
//!
//! A key that is there gets its new value in place. For one that is not there are several places, of which
//! [`places`] tells; the first is taken that makes the file say what it is to say and nothing else.

mod places;

use std::collections::BTreeMap;
use std::ops::Range;
use toml::de::{DeTable, DeValue};
use toml::{Table, Value};

/// Where a setting stands in the text, in bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The line of the key, counted from 1.
    pub line: usize,
    key: Range<usize>,
    value: Range<usize>,
}

/// Every key of the first and second level that has a value of its own, by its dotted name.
pub fn locate(text: &str) -> BTreeMap<String, Place> {
    let mut found = BTreeMap::new();
    if let Ok(document) = DeTable::parse(text) {
        places_in(text, "", document.get_ref(), &mut found);
    }
    found
}

fn places_in(text: &str, prefix: &str, table: &DeTable<'_>, found: &mut BTreeMap<String, Place>) {
    for (key, value) in table {
        let name = format!("{prefix}{}", key.get_ref());
        match value.get_ref() {
            DeValue::Table(table) => places_in(text, &format!("{name}."), table, found),
            // Rules: what is said in them is no setting.
            DeValue::Array(items) if items.iter().any(|item| item.get_ref().is_table()) => {}
            _ => {
                let before = text.get(..key.span().start).unwrap_or(text);
                let line = before.bytes().filter(|&byte| byte == b'\n').count().saturating_add(1);
                found.insert(name, Place { line, key: key.span(), value: value.span() });
            }
        }
    }
}

/// Settings whose name was another one in earlier versions.
const FORMER_NAMES: [(&str, &str); 1] = [("throttle.ceiling", "throttle.budget")];

/// `text` with `key` set to `value`, or with its line removed for `None`. No answer where the layout is
/// such that no place would do.
pub fn changed(text: &str, key: &str, value: Option<&Value>) -> Option<String> {
    let text = &with_current_name(text, key);
    let intended = intended(text, key, value)?;
    let candidates = match (locate(text).get(key), value) {
        (Some(place), Some(value)) => vec![spliced(text, &place.value, &value.to_string())],
        (Some(place), None) => removals(text, place),
        (None, Some(value)) => places::insertions(text, key, value),
        (None, None) => vec![text.to_owned()],
    };
    candidates.into_iter().find(|candidate| says(candidate).as_ref() == Some(&intended))
}

/// `text` with the name that earlier versions had for `key` brought up to date: both together do not check.
fn with_current_name(text: &str, key: &str) -> String {
    let former = FORMER_NAMES.iter().find(|(_, current)| *current == key);
    let place = former.and_then(|(former, _)| locate(text).remove(*former));
    let name = key.rsplit('.').next().unwrap_or(key);
    place.map_or_else(|| text.to_owned(), |place| spliced(text, &place.key, name))
}

/// What a text says, without tables that say nothing.
fn says(text: &str) -> Option<Table> {
    let mut table: Table = text.parse().ok()?;
    table.retain(|_, value| value.as_table().is_none_or(|table| !table.is_empty()));
    Some(table)
}

fn intended(text: &str, key: &str, value: Option<&Value>) -> Option<Table> {
    let mut root = says(text)?;
    let (table, name) = key.rsplit_once('.').unwrap_or(("", key));
    let within = if table.is_empty() {
        &mut root
    } else {
        root.entry(table).or_insert_with(|| Value::Table(Table::new())).as_table_mut()?
    };
    match value {
        Some(value) => within.insert(name.to_owned(), value.clone()),
        None => within.remove(name),
    };
    root.retain(|_, value| value.as_table().is_none_or(|table| !table.is_empty()));
    Some(root)
}

fn spliced(text: &str, range: &Range<usize>, new: &str) -> String {
    let before = text.get(..range.start).unwrap_or_default();
    let after = text.get(range.end..).unwrap_or_default();
    format!("{before}{new}{after}")
}

/// Without its whole lines; or, in a table on one line, without the key and a comma.
fn removals(text: &str, place: &Place) -> Vec<String> {
    let before = text.get(..place.key.start).unwrap_or_default();
    let after = text.get(place.value.end..).unwrap_or_default();
    let start = before.rfind('\n').map_or(0, |feed| feed.saturating_add(1));
    let end =
        after.find('\n').map_or(text.len(), |feed| place.value.end.saturating_add(feed).saturating_add(1));
    let rest = after.trim_start();
    let inline = match rest.strip_prefix(',') {
        Some(rest) => format!("{before}{}", rest.trim_start()),
        None => format!("{}{after}", before.trim_end().trim_end_matches(',')),
    };
    vec![spliced(text, &(start..end), ""), inline]
}

#[cfg(test)]
mod tests;
