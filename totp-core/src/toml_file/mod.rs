//! Reading TOML so that every error names file, line, key and what is allowed.
//!
//! The policy, credentials, set-ups under way, overrides and what the helper answers a login are all read through
//! this, value by value and without serde: it is what a login spends its time on, and no generic error text is
//! as clear. Of what may hold a secret, no error repeats anything.

mod plain;
mod quoted;
#[cfg(test)]
mod secrecy;
mod value;

pub(crate) use quoted::{push_quoted, quoted};

use std::fmt;
use std::ops::RangeInclusive;
use toml::de::DeTable;
use value::{Item, Lines, Pair, Table, Value};

/// What is wrong in a file, and where.
#[derive(Debug, PartialEq, Eq)]
pub struct FileError {
    /// The file as it was named.
    pub file: String,
    /// The line, counted from 1; 0 where the file as a whole is meant.
    pub line: usize,
    /// The dotted key, empty for an error of syntax.
    pub key: String,
    /// What is wrong and what is allowed.
    pub problem: String,
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if self.line > 0 {
            write!(f, ":{}", self.line)?;
        }
        if !self.key.is_empty() {
            write!(f, ": {}", self.key)?;
        }
        write!(f, ": {}", self.problem)
    }
}

impl std::error::Error for FileError {}

/// The text of one file under its name.
#[derive(Clone, Copy)]
pub(crate) struct Text<'a> {
    file: &'a str,
    text: &'a str,
    /// No error repeats anything of it: a secret may stand anywhere in it, in the place of a key or another value
    /// too, and errors go into logs.
    secret: bool,
}

/// What a text says.
pub(crate) struct Document<'a> {
    text: Text<'a>,
    root: Table<'a>,
}

impl Document<'_> {
    /// The keys outside of any table, tables among them, in the order of the file.
    pub(crate) fn entries(&self) -> Vec<Entry<'_>> {
        entries(self.text, "", &self.root)
    }
}

impl Drop for Document<'_> {
    fn drop(&mut self) {
        // A string with escapes is a copy of its own.
        if self.text.secret {
            self.root.wipe();
        }
    }
}

impl<'a> Text<'a> {
    /// A text whose errors repeat what is wrong, for whoever must find it.
    pub(crate) fn open(file: &'a str, text: &'a str) -> Self {
        Self { file, text, secret: false }
    }

    /// A text that holds secrets: its errors name the line, the key and what is allowed, and repeat nothing.
    pub(crate) fn secret(file: &'a str, text: &'a str) -> Self {
        Self { file, text, secret: true }
    }

    /// Parses the whole text.
    pub(crate) fn parse(self) -> Result<Document<'a>, FileError> {
        let root = match plain::read(self.text) {
            Some(table) => {
                #[cfg(fuzzing)]
                assert_eq!(self.parse_anything().as_ref(), Ok(&table), "{:?}", self.text);
                table
            }
            None => self.parse_anything()?,
        };
        Ok(Document { text: self, root })
    }

    fn parse_anything(self) -> Result<Table<'a>, FileError> {
        let lines = Lines::of(self.text);
        match DeTable::parse(self.text) {
            Ok(table) => Ok(lines.table(table.into_inner())),
            Err(error) => {
                let line = lines.at(error.span().map_or(0, |span| span.start));
                let problem = if self.secret { "it is not TOML" } else { first_line_of(error.message()) };
                Err(self.error(line, "", problem.to_owned()))
            }
        }
    }

    fn error(self, line: usize, key: &str, problem: String) -> FileError {
        FileError { file: self.file.to_owned(), line, key: key.to_owned(), problem }
    }

    /// An error about the file as a whole, such as a key that is missing.
    pub(crate) fn whole(self, key: &str, problem: &str) -> FileError {
        self.error(0, key, problem.to_owned())
    }
}

fn first_line_of(message: &str) -> &str {
    message.lines().next().unwrap_or("not TOML")
}

fn entries<'t>(text: Text<'t>, prefix: &'t str, table: &'t Table<'_>) -> Vec<Entry<'t>> {
    table.0.iter().map(|pair| Entry { text, prefix, pair }).collect()
}

/// One key with its value.
#[derive(Clone, Copy)]
pub(crate) struct Entry<'t> {
    text: Text<'t>,
    prefix: &'t str,
    pair: &'t Pair<'t>,
}

impl<'t> Entry<'t> {
    /// The key without its table.
    pub(crate) fn key(&self) -> &'t str {
        &self.pair.key
    }

    /// The line of the key, from 1.
    pub(crate) fn line(&self) -> usize {
        self.pair.key_line
    }

    fn value(&self) -> &'t Value<'t> {
        &self.pair.item.value
    }

    fn dotted(&self) -> String {
        match self.prefix {
            "" => self.key().to_owned(),
            prefix => format!("{prefix}.{}", self.key()),
        }
    }

    /// An error about this value.
    pub(crate) fn error(&self, problem: impl Into<String>) -> FileError {
        self.text.error(self.pair.item.line, &self.dotted(), problem.into())
    }

    /// The key is not one of those that are allowed here.
    pub(crate) fn unknown(&self, allowed: &[&str]) -> FileError {
        let problem = format!("unknown key; allowed: {}", allowed.join(", "));
        let key = if self.text.secret { self.prefix.to_owned() } else { self.dotted() };
        self.text.error(self.pair.key_line, &key, problem)
    }

    /// What stands there instead is `found`, told only where it can be no secret.
    fn not_allowed(&self, found: &str, problem: &str, allowed: &str) -> FileError {
        let found = if self.text.secret { String::new() } else { format!("{found} ") };
        self.error(format!("{found}{problem}; allowed: {allowed}"))
    }

    fn wrong_type(&self, wanted: &str) -> FileError {
        let found = self.value().type_name();
        self.error(format!("wrong type ({found}); allowed: {wanted}"))
    }

    pub(crate) fn string(&self) -> Result<&'t str, FileError> {
        match self.value() {
            Value::String(text) => Ok(text),
            _ => Err(self.wrong_type("a string")),
        }
    }

    pub(crate) fn boolean(&self) -> Result<bool, FileError> {
        match self.value() {
            Value::Boolean(truth) => Ok(*truth),
            _ => Err(self.wrong_type("true or false")),
        }
    }

    /// A whole number within `range`, of which TOML knows none beyond 64 bits with a sign.
    pub(crate) fn integer<N>(&self, range: RangeInclusive<N>) -> Result<N, FileError>
    where
        N: Copy + TryInto<i64> + TryFrom<i64>,
    {
        let bound = |end: &N| (*end).try_into().unwrap_or(i64::MAX);
        let number = self.integer_between(bound(range.start()), bound(range.end()))?;
        N::try_from(number).map_err(|_| self.error("is out of range"))
    }

    fn integer_between(&self, least: i64, most: i64) -> Result<i64, FileError> {
        let allowed = || format!("{least} to {most}");
        let Value::Integer { written, radix } = self.value() else {
            return Err(self.wrong_type(&format!("a whole number, {}", allowed())));
        };
        let number = i64::from_str_radix(written, *radix).ok();
        // What is behind 0x would be taken for a decimal number.
        let named = || number.map_or_else(|| written.to_string(), |number| number.to_string());
        number
            .filter(|number| (least..=most).contains(number))
            .ok_or_else(|| self.not_allowed(&named(), "is out of range", &allowed()))
    }

    /// One of a few words.
    pub(crate) fn choice<T: Copy>(&self, choices: &[(&str, T)]) -> Result<T, FileError> {
        let allowed = || {
            let words: Vec<_> = choices.iter().map(|(word, _)| format!("\"{word}\"")).collect();
            words.join(", ")
        };
        let Value::String(word) = self.value() else {
            return Err(self.wrong_type(&allowed()));
        };
        choices
            .iter()
            .find(|(name, _)| name == word)
            .map(|(_, choice)| *choice)
            .ok_or_else(|| self.not_allowed(&format!("{word:?}"), "is not known", &allowed()))
    }

    /// A list of strings.
    pub(crate) fn strings(&self) -> Result<Vec<String>, FileError> {
        let string = |item: &Item<'_>| match &item.value {
            Value::String(text) => Some(text.clone().into_owned()),
            _ => None,
        };
        let strings = match self.value() {
            Value::Array(items) => items.iter().map(string).collect(),
            _ => None,
        };
        strings.ok_or_else(|| self.wrong_type("a list of strings"))
    }

    /// A date or a date and time, as TOML writes it.
    pub(crate) fn datetime(&self, wanted: &str) -> Result<&'t toml::value::Datetime, FileError> {
        match self.value() {
            Value::Datetime(moment) => Ok(moment),
            _ => Err(self.wrong_type(wanted)),
        }
    }

    /// The entries of a table.
    pub(crate) fn table(&self) -> Result<Vec<Entry<'t>>, FileError> {
        match self.value() {
            Value::Table(table) => Ok(entries(self.text, self.key(), table)),
            _ => Err(self.wrong_type("a table")),
        }
    }

    /// The entries of each table of an array of tables, with the line it begins on.
    pub(crate) fn tables(&self) -> Result<Vec<(usize, Vec<Entry<'t>>)>, FileError> {
        let one = |item: &'t Item<'t>| match &item.value {
            Value::Table(table) => Some((item.line, entries(self.text, self.key(), table))),
            _ => None,
        };
        let tables = match self.value() {
            Value::Array(items) => items.iter().map(one).collect(),
            _ => None,
        };
        tables.ok_or_else(|| self.wrong_type("tables"))
    }
}
