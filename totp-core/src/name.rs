//! A canonical user name and the file stem it has in the store.

use std::fmt::{self, Write as _};

/// Longest file stem: NAME_MAX less the longest ending and the temporary files' additions.
const LONGEST_STEM: usize = 200;
/// Bytes of the longest of `.toml`, `.state`, `.mode`, `.absent` and `.pending`: room for it spares an allocation.
const LONGEST_ENDING: usize = 8;

/// The user name that the name service returns for what was typed, never what was typed itself.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UserName(String);

/// The name cannot be a file in the store.
#[derive(Debug, PartialEq, Eq)]
pub struct UnusableName;

impl fmt::Display for UnusableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the user name is empty or too long for a file name in the store")
    }
}

impl std::error::Error for UnusableName {}

impl UserName {
    /// Takes a name as getpwnam(3) returned it.
    ///
    /// # Errors
    /// [`UnusableName`] for an empty name, and for one whose [stem](Self::file_stem) would be longer
    /// than 200 bytes.
    pub fn new(canonical: &str) -> Result<Self, UnusableName> {
        let name = Self(canonical.to_owned());
        let fits = !canonical.is_empty() && name.file_stem().len() <= LONGEST_STEM;
        fits.then_some(name).ok_or(UnusableName)
    }

    /// The name itself.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name as a word of a command that a person can type into a shell: `'EXAMPLE\alice'`, and `-- -x`
    /// for a name that would pass as an option.
    #[must_use]
    pub fn as_word(&self) -> String {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_.@-+,:/%".contains(&byte);
        let word = if self.0.bytes().all(plain) {
            self.0.clone()
        } else {
            format!("'{}'", self.0.replace('\'', r"'\''"))
        };
        if self.0.starts_with('-') { format!("-- {word}") } else { word }
    }

    /// The name as a file stem: bytes outside `A-Za-z0-9._@-` and a leading dot are percent-encoded, so
    /// that no name holds a slash, is hidden, or leaves the store.
    #[must_use]
    pub fn file_stem(&self) -> String {
        let mut stem = String::with_capacity(self.0.len().saturating_add(LONGEST_ENDING));
        for (position, byte) in self.0.bytes().enumerate() {
            let plain = byte.is_ascii_alphanumeric()
                || matches!(byte, b'_' | b'@' | b'-')
                || (byte == b'.' && position > 0);
            if plain {
                stem.push(char::from(byte));
            } else {
                // Writing to a String cannot fail.
                let _ = write!(stem, "%{byte:02X}");
            }
        }
        stem
    }

    /// The name of this user's file of a kind, such as `alice.toml`.
    #[must_use]
    pub fn file_name(&self, ending: &str) -> String {
        let mut name = self.file_stem();
        name.push('.');
        name.push_str(ending);
        name
    }

    /// The name that has this [stem](Self::file_stem); `None` for a stem that no name has.
    #[must_use]
    pub fn from_file_stem(stem: &str) -> Option<Self> {
        let mut name = Vec::with_capacity(stem.len());
        let mut bytes = stem.bytes();
        while let Some(byte) = bytes.next() {
            if byte == b'%' {
                let code = [bytes.next()?, bytes.next()?];
                name.push(u8::from_str_radix(std::str::from_utf8(&code).ok()?, 16).ok()?);
            } else {
                name.push(byte);
            }
        }
        // One name has one stem: what is written otherwise was not made here.
        Self::new(std::str::from_utf8(&name).ok()?).ok().filter(|name| name.file_stem() == stem)
    }
}

impl fmt::Display for UserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ordinary_and_directory_names_keep_their_face() {
        let stem = |name: &str| UserName::new(name).unwrap().file_stem();
        assert_eq!(stem("alice"), "alice");
        assert_eq!(stem("alice@example.org"), "alice@example.org");
        assert_eq!(stem("EXAMPLE\\alice"), "EXAMPLE%5Calice");
        assert_eq!(stem(".."), "%2E.");
        assert_eq!(stem("a/../b"), "a%2F..%2Fb");
        assert_eq!(stem("100%"), "100%25");
    }

    #[test]
    fn a_name_is_written_as_a_shell_takes_it() {
        let word = |name: &str| UserName::new(name).unwrap().as_word();
        assert_eq!(word("alice@example.org"), "alice@example.org");
        assert_eq!(word("EXAMPLE\\al ice"), "'EXAMPLE\\al ice'");
        assert_eq!(word("o'hara$"), r"'o'\''hara$'");
        assert_eq!(word("-x"), "-- -x");
    }

    #[test]
    fn an_empty_or_endless_name_is_refused() {
        assert_eq!(UserName::new(""), Err(UnusableName));
        assert_eq!(UserName::new(&"x".repeat(201)), Err(UnusableName));
        assert!(UserName::new(&"x".repeat(200)).is_ok());
    }

    #[test]
    fn a_stem_that_no_name_has_is_refused() {
        for odd in ["", ".alice", "%2", "%", "%zz", "%2e.", "%61", "a b", "%FF", "%+1"] {
            assert_eq!(UserName::from_file_stem(odd), None, "{odd}");
        }
    }

    proptest! {
        #[test]
        fn a_name_is_read_back_from_its_stem(name in "\\PC{1,40}") {
            if let Ok(name) = UserName::new(&name) {
                prop_assert_eq!(UserName::from_file_stem(&name.file_stem()), Some(name));
            }
        }

        #[test]
        fn no_name_leaves_the_store_and_no_two_names_share_a_file(a in "\\PC{1,40}", b in "\\PC{1,40}") {
            let names = (UserName::new(&a), UserName::new(&b));
            if let (Ok(a), Ok(b)) = names {
                let stem = a.file_stem();
                prop_assert!(!stem.contains('/') && !stem.contains('\0') && !stem.starts_with('.'));
                prop_assert_eq!(a == b, stem == b.file_stem());
            }
        }
    }
}
