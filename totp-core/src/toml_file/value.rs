//! A file's values, each with the line it stands on, whoever read them.

use std::borrow::Cow;
use toml::Spanned;
use toml::de::{DeTable, DeValue};
use toml::value::Datetime;
use zeroize::Zeroize as _;

/// A table: its keys in the order of the file, none twice.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Table<'a>(pub(super) Vec<Pair<'a>>);

/// A key with its value.
#[derive(Debug, PartialEq)]
pub(super) struct Pair<'a> {
    pub(super) key: Cow<'a, str>,
    /// The line of the key, counted from 1.
    pub(super) key_line: usize,
    pub(super) item: Item<'a>,
}

/// A value of a key or of a list.
#[derive(Debug, PartialEq)]
pub(super) struct Item<'a> {
    pub(super) value: Value<'a>,
    /// The line it begins on, counted from 1.
    pub(super) line: usize,
}

/// What TOML knows.
#[derive(Debug, PartialEq)]
pub(super) enum Value<'a> {
    String(Cow<'a, str>),
    /// As [`i64::from_str_radix`] reads it; it may be too large.
    Integer {
        written: Cow<'a, str>,
        radix: u32,
    },
    Boolean(bool),
    Datetime(Datetime),
    /// No file of ours has one.
    Float,
    Array(Vec<Item<'a>>),
    Table(Table<'a>),
}

impl Table<'_> {
    /// Overwrites every string that is a copy of its own.
    pub(super) fn wipe(&mut self) {
        for pair in &mut self.0 {
            pair.item.value.wipe();
        }
    }
}

impl Value<'_> {
    fn wipe(&mut self) {
        match self {
            Self::String(Cow::Owned(text)) => text.zeroize(),
            Self::Array(items) => items.iter_mut().for_each(|item| item.value.wipe()),
            Self::Table(table) => table.wipe(),
            _ => {}
        }
    }

    /// The name of its type, for errors.
    pub(super) fn type_name(&self) -> &'static str {
        match self {
            Self::String(_) => "string",
            Self::Integer { .. } => "integer",
            Self::Boolean(_) => "boolean",
            Self::Datetime(_) => "datetime",
            Self::Float => "float",
            Self::Array(_) => "array",
            Self::Table(_) => "table",
        }
    }
}

/// Where the lines of a text end.
pub(super) struct Lines(Vec<usize>);

impl Lines {
    pub(super) fn of(text: &str) -> Self {
        Self(text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(place, _)| place).collect())
    }

    /// The line that a byte stands on, counted from 1.
    pub(super) fn at(&self, position: usize) -> usize {
        self.0.partition_point(|end| *end < position).saturating_add(1)
    }

    /// What the toml crate read.
    pub(super) fn table<'a>(&self, table: DeTable<'a>) -> Table<'a> {
        let mut pairs: Vec<_> = table.into_iter().collect();
        pairs.sort_by_key(|(key, _)| key.span().start);
        let pair = |(key, value): (Spanned<Cow<'a, str>>, Spanned<DeValue<'a>>)| Pair {
            key_line: self.at(key.span().start),
            key: key.into_inner(),
            item: self.item(value),
        };
        Table(pairs.into_iter().map(pair).collect())
    }

    fn item<'a>(&self, value: Spanned<DeValue<'a>>) -> Item<'a> {
        let line = self.at(value.span().start);
        let value = match value.into_inner() {
            DeValue::String(text) => Value::String(text),
            DeValue::Integer(number) => {
                Value::Integer { written: Cow::Owned(number.as_str().to_owned()), radix: number.radix() }
            }
            DeValue::Float(_) => Value::Float,
            DeValue::Boolean(truth) => Value::Boolean(truth),
            DeValue::Datetime(moment) => Value::Datetime(moment),
            DeValue::Array(items) => Value::Array(items.into_iter().map(|item| self.item(item)).collect()),
            DeValue::Table(table) => Value::Table(self.table(table)),
        };
        Item { value, line }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_that_are_copies_are_wiped_wherever_they_stand() {
        let copy = || Value::String(Cow::Owned("secret".to_owned()));
        let item = |value| Item { value, line: 1 };
        let table = |value| Table(vec![Pair { key: "key".into(), key_line: 1, item: item(value) }]);
        let mut whole = table(Value::Array(vec![item(Value::Table(table(copy()))), item(copy())]));
        whole.wipe();
        let wiped = || Value::String(Cow::Borrowed(""));
        let expected = table(Value::Array(vec![item(Value::Table(table(wiped()))), item(wiped())]));
        assert_eq!(whole, expected);
    }
}
