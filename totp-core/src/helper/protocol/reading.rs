//! A message as it is read: the keys of a table, and the words that enums go by.

use super::Version;
use crate::toml_file::Entry;
use std::ops::RangeInclusive;
use zeroize::Zeroizing;

/// The keys of a table, each taken once.
pub(super) struct Keys<'t>(Vec<Entry<'t>>);

impl<'t> Keys<'t> {
    /// Those outside of any table.
    pub(super) fn of(entries: Vec<Entry<'t>>) -> Self {
        Self(entries)
    }

    /// Those of a table; `None` where it is another value.
    pub(super) fn within(entry: Entry<'t>) -> Option<Self> {
        entry.table().ok().map(Self)
    }

    /// One that may be there.
    pub(super) fn take(&mut self, key: &str) -> Option<Entry<'t>> {
        let place = self.0.iter().position(|entry| entry.key() == key)?;
        Some(self.0.swap_remove(place))
    }

    /// What one that may be there says; the inner `None` where it is not there, the outer where it is not
    /// understood.
    pub(super) fn optional<T>(
        &mut self,
        key: &str,
        read: impl FnOnce(Entry<'t>) -> Option<T>,
    ) -> Option<Option<T>> {
        match self.take(key) {
            Some(entry) => read(entry).map(Some),
            None => Some(None),
        }
    }

    pub(super) fn string(&mut self, key: &str) -> Option<&'t str> {
        self.take(key)?.string().ok()
    }

    pub(super) fn secret(&mut self, key: &str) -> Option<Zeroizing<String>> {
        self.take(key).and_then(secret)
    }

    pub(super) fn boolean(&mut self, key: &str) -> Option<bool> {
        self.take(key)?.boolean().ok()
    }

    pub(super) fn integer<N>(&mut self, key: &str, range: RangeInclusive<N>) -> Option<N>
    where
        N: Copy + TryInto<i64> + TryFrom<i64>,
    {
        self.take(key)?.integer(range).ok()
    }

    /// No key is left; an answer may have more than are known, a request may not.
    pub(super) fn end(&self) -> Option<()> {
        self.0.is_empty().then_some(())
    }
}

/// A string that is wiped when dropped.
pub(super) fn secret(entry: Entry<'_>) -> Option<Zeroizing<String>> {
    entry.string().ok().map(|text| Zeroizing::new(text.to_owned()))
}

/// A string that is kept.
pub(super) fn owned(entry: Entry<'_>) -> Option<String> {
    entry.string().ok().map(str::to_owned)
}

/// Which of the words of an enum, listed with blanks between them, an entry says: alone, `"word"`, or with something
/// that belongs to it, as a key of a table. Keys that are no such word are ignored; two that are make it none, whatever
/// they hold: one of them might deny what the other allows.
pub(super) fn word<'t>(entry: Entry<'t>, words: &str) -> Option<(&'t str, Option<Entry<'t>>)> {
    if let Ok(alone) = entry.string() {
        return Some((alone, None));
    }
    let entries = entry.table().ok()?;
    let is_one = |entry: &Entry<'t>| words.split(' ').any(|word| word == entry.key());
    let mut found = entries.into_iter().filter(is_one);
    match (found.next(), found.next()) {
        (Some(value), None) => Some((value.key(), Some(value))),
        _ => None,
    }
}

/// The version that a request names.
pub(super) enum Named {
    Known(Version),
    /// One that this program does not know.
    Newer,
}

/// Reads the version of a request; `None` where it is no version at all.
pub(super) fn version(entry: Option<Entry<'_>>) -> Option<Named> {
    let Some(entry) = entry else {
        return Some(Named::Known(Version::Unnamed));
    };
    let number = entry.integer(1..=i64::MAX).ok()?;
    Some(if Version::One.number() == Some(number) { Named::Known(Version::One) } else { Named::Newer })
}
