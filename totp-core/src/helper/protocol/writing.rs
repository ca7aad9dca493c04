//! A message as it is written: keys of a table first, then the tables within it.

use super::{LONGEST_MESSAGE, Version};
use std::fmt::{Display, Write as _};
use zeroize::Zeroizing;

/// The message so far. Wiped when dropped.
pub(super) struct Writer {
    text: Zeroizing<String>,
    /// Where the next key goes, and whether its header stands already.
    path: Vec<&'static str>,
    headed: bool,
    quote: fn(&mut String, &str),
    version: Version,
}

impl Writer {
    /// An empty message for a reader of this version, with strings quoted so.
    pub(super) fn new(version: Version, quote: fn(&mut String, &str)) -> Self {
        // Sized beforehand: a text that grows leaves pieces of codes behind. One that outgrows this is not sent.
        let text = Zeroizing::new(String::with_capacity(LONGEST_MESSAGE));
        Self { text, path: Vec::new(), headed: true, quote, version }
    }

    /// The version of whoever reads it: what is newer is left out, or said in its words.
    pub(super) fn version(&self) -> Version {
        self.version
    }

    /// The whole message.
    pub(super) fn finish(self) -> Zeroizing<String> {
        self.text
    }

    /// A table of this name.
    pub(super) fn table(&mut self, key: &'static str, write: impl FnOnce(&mut Self)) {
        self.path.push(key);
        // Written with the first key: a table that holds tables alone has no header.
        self.headed = false;
        write(self);
        self.path.pop();
        // What would come now belongs to the table around this one, and says so.
        self.headed = false;
    }

    pub(super) fn string(&mut self, key: &str, value: &str) {
        self.key(key);
        (self.quote)(&mut self.text, value);
        self.text.push('\n');
    }

    pub(super) fn string_if_any(&mut self, key: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.string(key, value);
        }
    }

    /// A number, `true` or `false`.
    pub(super) fn bare(&mut self, key: &str, value: &dyn Display) {
        self.key(key);
        // Writing to a String cannot fail.
        let _ = writeln!(self.text, "{value}");
    }

    pub(super) fn strings(&mut self, key: &str, values: &[Zeroizing<String>]) {
        self.key(key);
        self.text.push('[');
        for (place, value) in values.iter().enumerate() {
            if place > 0 {
                self.text.push_str(", ");
            }
            (self.quote)(&mut self.text, value);
        }
        self.text.push_str("]\n");
    }

    fn key(&mut self, key: &str) {
        if !self.headed {
            self.headed = true;
            let gap = if self.text.is_empty() { "" } else { "\n" };
            let _ = writeln!(self.text, "{gap}[{}]", self.path.join("."));
        }
        let _ = write!(self.text, "{key} = ");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::toml_file::push_quoted;

    #[test]
    fn a_key_behind_a_table_stays_a_key_of_the_table_around_it() {
        let mut to = Writer::new(Version::CURRENT, push_quoted);
        to.table("around", |to| {
            to.table("within", |to| to.bare("first", &1));
            to.bare("behind", &2);
        });
        assert_eq!(*to.finish(), "[around.within]\nfirst = 1\n\n[around]\nbehind = 2\n");
    }
}
