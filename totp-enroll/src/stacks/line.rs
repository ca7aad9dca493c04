//! A line of a PAM stack, as pam.conf(5) writes it and libpam reads it.

use super::control::Control;

/// What a line is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// `auth`
    Auth,
    /// `account`
    Account,
    /// `session`
    Session,
    /// `password`
    Password,
}

impl Kind {
    /// As it stands in a file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::Account => "account",
            Self::Session => "session",
            Self::Password => "password",
        }
    }
}

/// For which kind of stack a line counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// For this one.
    Of(Kind),
    /// For each: `@include`.
    Every,
    /// Nobody knows: libpam takes it for the kind that is being included, else for auth.
    Unknown,
}

/// What a line leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// Another file, whose lines stand here; in a substack, they end without ending this one. libpam denies
    /// where the name is missing.
    File { name: Option<String>, substack: bool },
    /// A module.
    Module { control: Control, path: String, arguments: Vec<String> },
    /// Nothing that libpam could run: it answers PAM_PERM_DENIED in its place.
    Broken { control: Control },
}

/// A line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Where it begins in its file; the first line is 1.
    pub number: usize,
    pub scope: Scope,
    pub target: Target,
}

impl Line {
    /// Reads the words of a line, which libpam does with any words.
    pub fn parse(number: usize, words: &[Word]) -> Self {
        let mut words = words.iter();
        let first = words.next().map_or("", |word| word.text.as_str());
        // With the dash, libpam says nothing of a module that is missing; all else stays the same.
        let kind = first.strip_prefix('-').unwrap_or(first).to_ascii_lowercase();
        let scope = match kind.as_str() {
            "auth" => Scope::Of(Kind::Auth),
            "account" => Scope::Of(Kind::Account),
            "session" => Scope::Of(Kind::Session),
            "password" => Scope::Of(Kind::Password),
            "@include" => Scope::Every,
            _ => Scope::Unknown,
        };
        let name = |word: Option<&Word>| word.map(|word| word.text.clone());
        if scope == Scope::Every {
            let target = Target::File { name: name(words.next()), substack: false };
            return Self { number, scope, target };
        }
        let Some(control) = words.next() else {
            return Self { number, scope, target: Target::Broken { control: Control::bad() } };
        };
        let is = |word: &str| control.text.eq_ignore_ascii_case(word);
        if is("include") || is("substack") {
            let target = Target::File { name: name(words.next()), substack: is("substack") };
            return Self { number, scope, target };
        }
        let control = Control::parse(&control.text, control.as_written());
        let target = match words.next() {
            Some(path) if scope != Scope::Unknown => Target::Module {
                control,
                path: path.text.clone(),
                arguments: words.map(|word| word.text.clone()).collect(),
            },
            _ => Target::Broken { control },
        };
        Self { number, scope, target }
    }
}

/// A word of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// Without the brackets around it.
    pub text: String,
    bracketed: bool,
}

impl Word {
    fn as_written(&self) -> String {
        if self.bracketed { format!("[{}]", self.text) } else { self.text.clone() }
    }
}

/// The lines of a file in words, each with its number: without comments, and those that a backslash
/// continues in one.
pub struct Split {
    pub lines: Vec<(usize, Vec<Word>)>,
    /// Whether the file does not end where a line should go on; libpam then takes it for unreadable.
    pub whole: bool,
}

/// Splits a file as Linux-PAM 1.7 does: white space is blank, tab and newline, and a carriage return is part
/// of a word.
pub fn split(text: &str) -> Split {
    let mut lines = Vec::new();
    let mut begun: Option<(usize, String)> = None;
    for (index, line) in text.split_terminator('\n').enumerate() {
        // What stands behind a NUL is not seen by C.
        let line = line.split('\0').next().unwrap_or_default();
        let (number, mut whole) = begun.take().unwrap_or((index.saturating_add(1), String::new()));
        match line.split_once('#') {
            // A comment reaches to the end of its line, and no backslash continues that.
            Some((said, _)) => whole.push_str(said),
            None => match line.trim_end_matches([' ', '\t']).strip_suffix('\\') {
                Some(said) => {
                    whole.push_str(said.trim_start_matches([' ', '\t']));
                    whole.push(' ');
                    begun = Some((number, whole));
                    continue;
                }
                None => whole.push_str(line),
            },
        }
        let words = words(&whole);
        if !words.is_empty() {
            lines.push((number, words));
        }
    }
    Split { lines, whole: begun.is_none() }
}

/// What stands in brackets is one word, where `\]` is no end.
fn words(line: &str) -> Vec<Word> {
    const BLANKS: [char; 3] = [' ', '\t', '\n'];
    let mut words = Vec::new();
    let mut rest = line.trim_start_matches(BLANKS);
    while !rest.is_empty() {
        let (word, left) = match rest.strip_prefix('[') {
            Some(inside) => bracketed(inside),
            None => {
                let (word, left) = rest.split_once(BLANKS).unwrap_or((rest, ""));
                (Word { text: word.to_owned(), bracketed: false }, left)
            }
        };
        words.push(word);
        rest = left.trim_start_matches(BLANKS);
    }
    words
}

fn bracketed(inside: &str) -> (Word, &str) {
    let mut text = String::new();
    let mut characters = inside.chars();
    while let Some(character) = characters.next() {
        match character {
            ']' => break,
            '\\' if characters.as_str().starts_with(']') => {
                characters.next();
                text.push(']');
            }
            _ => text.push(character),
        }
    }
    (Word { text, bracketed: true }, characters.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn lines(text: &str) -> Vec<Line> {
        split(text).lines.iter().map(|(number, words)| Line::parse(*number, words)).collect()
    }

    fn file(scope: Scope, name: &str, substack: bool) -> (Scope, Target) {
        (scope, Target::File { name: Some(name.to_owned()), substack })
    }

    #[test]
    fn every_way_to_name_a_module_is_read() {
        for text in [
            "auth required pam_totp.so setup",
            "\t-auth  required\tpam_totp.so   setup  # of users",
            "AUTH required pam_totp.so setup",
            "auth [success=ok new_authtok_reqd=ok ignore=ignore default=bad] pam_totp.so setup",
            "auth \\\n  required \\  \n pam_totp.so \\\nsetup",
            "auth required pam_totp.so [setup]",
            "auth required pam_totp.so setup\0 nothing more",
        ] {
            let read = lines(text);
            let [Line { number: 1, scope: Scope::Of(Kind::Auth), target }] = read.as_slice() else {
                panic!("{text}: {read:?}");
            };
            let Target::Module { path, arguments, .. } = target else { panic!("{text}: {read:?}") };
            assert!(path == "pam_totp.so" && arguments == &["setup"], "{text}: {read:?}");
        }
    }

    #[test]
    fn a_carriage_return_is_part_of_the_last_word() {
        let read = lines("auth required pam_totp.so setup\r\n");
        let Target::Module { arguments, .. } = &read[0].target else { panic!("{read:?}") };
        assert_eq!(arguments, &["setup\r"]);
    }

    #[test]
    fn lines_without_sense_deny_in_place_of_a_module() {
        for text in ["auth", "auth required", "-", "autho required pam_totp.so", "auth [never ends pam_x.so"]
        {
            let read = lines(text);
            assert!(matches!(read[0].target, Target::Broken { .. }), "{text}: {read:?}");
        }
        for text in ["", "  \t", "# auth required pam_totp.so", "# comment \\\n# auth required pam_totp.so"] {
            assert_eq!(lines(text), [], "{text}");
        }
        let after_comment = "# a comment does not go on \\\nauth required pam_totp.so";
        assert_eq!(lines(after_comment)[0].number, 2);
    }

    #[test]
    fn a_file_that_ends_where_a_line_goes_on_is_not_whole() {
        assert!(split("auth required pam_x.so\n").whole);
        assert!(!split("auth required pam_x.so\nauth required \\\n").whole);
        assert!(!split("auth required \\").whole);
    }

    #[test]
    fn files_are_included_by_three_words() {
        let text = "@include common-auth\nauth include a\n-session substack /etc/b\n";
        let expected = [
            file(Scope::Every, "common-auth", false),
            file(Scope::Of(Kind::Auth), "a", false),
            file(Scope::Of(Kind::Session), "/etc/b", true),
        ];
        let read: Vec<_> = lines(text).into_iter().map(|line| (line.scope, line.target)).collect();
        assert_eq!(read, expected);
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in "(\\PC|\n|\\[|\\]|\\\\| |auth|pam_totp.so){0,60}") {
            let _ = lines(&text);
        }
    }
}
