//! Reading TOML so that every error names file, line, key and what is allowed.
//!
//! The policy, credentials and set-ups under way are all read through this, value by value and without
//! serde: it is what a login spends its time on, and no generic error text is as clear.

use std::fmt;
use std::ops::{Range, RangeInclusive};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

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
    pub(crate) file: &'a str,
    pub(crate) text: &'a str,
}

impl<'a> Text<'a> {
    /// Parses the whole text.
    pub(crate) fn parse(self) -> Result<Spanned<DeTable<'a>>, FileError> {
        DeTable::parse(self.text).map_err(|error| {
            // The parser's own text quotes the line, which may hold a secret; its message does not.
            self.error(error.span().unwrap_or(0..0), "", first_line(error.message()))
        })
    }

    pub(crate) fn error(self, span: Range<usize>, key: &str, problem: String) -> FileError {
        let line = self.line_at(span.start);
        FileError { file: self.file.to_owned(), line, key: key.to_owned(), problem }
    }

    /// The line that a byte stands on, counted from 1.
    fn line_at(self, position: usize) -> usize {
        let before = self.text.get(..position).unwrap_or(self.text);
        before.bytes().filter(|&byte| byte == b'\n').count().saturating_add(1)
    }

    /// An error about the file as a whole, such as a key that is missing.
    pub(crate) fn whole(self, key: &str, problem: &str) -> FileError {
        FileError { file: self.file.to_owned(), line: 0, key: key.to_owned(), problem: problem.to_owned() }
    }

    /// The keys of `table`, each with its dotted name, in the order of the file.
    pub(crate) fn entries<'t>(self, prefix: &'t str, table: &'t DeTable<'a>) -> Vec<Entry<'t, 'a>> {
        let mut entries: Vec<_> =
            table.iter().map(|(key, value)| Entry { text: self, prefix, key, value }).collect();
        entries.sort_by_key(|entry| entry.key.span().start);
        entries
    }
}

fn first_line(message: &str) -> String {
    message.lines().next().unwrap_or("not TOML").to_owned()
}

/// One key with its value.
#[derive(Clone, Copy)]
pub(crate) struct Entry<'t, 'a> {
    text: Text<'a>,
    prefix: &'t str,
    key: &'t Spanned<std::borrow::Cow<'a, str>>,
    value: &'t Spanned<DeValue<'a>>,
}

impl<'t, 'a> Entry<'t, 'a> {
    /// The key without its table.
    pub(crate) fn key(&self) -> &'t str {
        self.key.get_ref()
    }

    fn dotted(&self) -> String {
        match self.prefix {
            "" => self.key().to_owned(),
            prefix => format!("{prefix}.{}", self.key()),
        }
    }

    /// An error about this value.
    pub(crate) fn error(&self, problem: impl Into<String>) -> FileError {
        self.text.error(self.value.span(), &self.dotted(), problem.into())
    }

    /// The key is not one of those that are allowed here.
    pub(crate) fn unknown(&self, allowed: &[&str]) -> FileError {
        let problem = format!("unknown key; allowed: {}", allowed.join(", "));
        self.text.error(self.key.span(), &self.dotted(), problem)
    }

    fn wrong_type(&self, wanted: &str) -> FileError {
        let found = self.value.get_ref().type_str();
        self.error(format!("wrong type ({found}); allowed: {wanted}"))
    }

    pub(crate) fn string(&self) -> Result<&'t str, FileError> {
        self.value.get_ref().as_str().ok_or_else(|| self.wrong_type("a string"))
    }

    pub(crate) fn boolean(&self) -> Result<bool, FileError> {
        self.value.get_ref().as_bool().ok_or_else(|| self.wrong_type("true or false"))
    }

    /// A whole number within `range`.
    pub(crate) fn integer<N>(&self, range: RangeInclusive<N>) -> Result<N, FileError>
    where
        N: TryFrom<i64> + PartialOrd + fmt::Display,
    {
        let allowed = format!("{} to {}", range.start(), range.end());
        let DeValue::Integer(written) = self.value.get_ref() else {
            return Err(self.wrong_type(&format!("a whole number, {allowed}")));
        };
        i64::from_str_radix(written.as_str(), written.radix())
            .ok()
            .and_then(|number| N::try_from(number).ok())
            .filter(|number| range.contains(number))
            .ok_or_else(|| self.error(format!("{} is out of range; allowed: {allowed}", written.as_str())))
    }

    /// One of a few words.
    pub(crate) fn choice<T: Copy>(&self, choices: &[(&str, T)]) -> Result<T, FileError> {
        let allowed = || {
            let words: Vec<_> = choices.iter().map(|(word, _)| format!("\"{word}\"")).collect();
            words.join(", ")
        };
        let word = self.value.get_ref().as_str().ok_or_else(|| self.wrong_type(&allowed()))?;
        choices
            .iter()
            .find(|(name, _)| *name == word)
            .map(|(_, choice)| *choice)
            .ok_or_else(|| self.error(format!("{word:?} is not known; allowed: {}", allowed())))
    }

    /// A list of strings.
    pub(crate) fn strings(&self) -> Result<Vec<String>, FileError> {
        let wanted = "a list of strings";
        let list = self.value.get_ref().as_array().ok_or_else(|| self.wrong_type(wanted))?;
        list.iter()
            .map(|item| item.get_ref().as_str().map(str::to_owned))
            .collect::<Option<_>>()
            .ok_or_else(|| self.wrong_type(wanted))
    }

    /// A date or a date and time, as TOML writes it.
    pub(crate) fn datetime(&self, wanted: &str) -> Result<&'t toml::value::Datetime, FileError> {
        self.value.get_ref().as_datetime().ok_or_else(|| self.wrong_type(wanted))
    }

    /// The entries of a table.
    pub(crate) fn table(&self) -> Result<Vec<Entry<'t, 'a>>, FileError> {
        let table = self.value.get_ref().as_table().ok_or_else(|| self.wrong_type("a table"))?;
        Ok(self.text.entries(self.key(), table))
    }

    /// The entries of each table of an array of tables, with the line it begins on.
    pub(crate) fn tables(&self) -> Result<Vec<(usize, Vec<Entry<'t, 'a>>)>, FileError> {
        let wanted = "tables";
        let list = self.value.get_ref().as_array().ok_or_else(|| self.wrong_type(wanted))?;
        list.iter()
            .map(|item| {
                let table = item.get_ref().as_table().ok_or_else(|| self.wrong_type(wanted))?;
                Ok((self.text.line_at(item.span().start), self.text.entries(self.key(), table)))
            })
            .collect()
    }
}
