//! A line of a PAM stack, as pam.conf(5) writes it.

/// What a line is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

/// What a line leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// Another file, whose lines stand here.
    File(String),
    /// pam_totp.so with these arguments.
    Module(Vec<String>),
}

/// A line that matters here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// `None` for `@include`, which takes lines of every kind.
    pub kind: Option<Kind>,
    /// What it leads to.
    pub target: Target,
}

impl Line {
    /// Reads the words of a line; `None` for one that names neither pam_totp.so nor a file.
    pub fn parse(words: &[String]) -> Option<Self> {
        let (first, rest) = words.split_first()?;
        if first.eq_ignore_ascii_case("@include") {
            return Some(Self { kind: None, target: Target::File(rest.first()?.clone()) });
        }
        // With the dash, libpam says nothing of a module that is missing.
        let kind = match first.strip_prefix('-').unwrap_or(first).to_ascii_lowercase().as_str() {
            "auth" => Kind::Auth,
            "account" => Kind::Account,
            "session" => Kind::Session,
            "password" => Kind::Password,
            _ => return None,
        };
        let (control, rest) = rest.split_first()?;
        let (named, arguments) = rest.split_first()?;
        let includes = ["include", "substack"].iter().any(|word| control.eq_ignore_ascii_case(word));
        let target = if includes {
            Target::File(named.clone())
        } else if named == "pam_totp.so" || (named.starts_with('/') && named.ends_with("/pam_totp.so")) {
            Target::Module(arguments.to_vec())
        } else {
            return None;
        };
        Some(Self { kind: Some(kind), target })
    }
}

/// The lines of a file in words: without comments, and those that a backslash continues in one.
pub fn split(text: &str) -> Vec<Vec<String>> {
    let mut lines = Vec::new();
    let mut whole = String::new();
    for line in text.lines() {
        // A comment reaches to the end of its line, and no backslash in it continues the line.
        let said = line.split_once('#').map_or(line, |(said, _)| said).trim_end();
        match said.strip_suffix('\\') {
            Some(begun) => {
                whole.push_str(begun);
                whole.push(' ');
            }
            None => {
                whole.push_str(said);
                lines.push(words(&whole));
                whole.clear();
            }
        }
    }
    lines.push(words(&whole));
    lines.retain(|words| !words.is_empty());
    lines
}

/// Words are parted by white space; what stands in brackets is one word, where `\]` is no end.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = line.trim_start();
    while !rest.is_empty() {
        let (word, left) = match rest.strip_prefix('[') {
            Some(inside) => bracketed(inside),
            None => {
                let (word, left) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
                (word.to_owned(), left)
            }
        };
        words.push(word);
        rest = left.trim_start();
    }
    words
}

fn bracketed(inside: &str) -> (String, &str) {
    let mut word = String::new();
    let mut characters = inside.chars();
    while let Some(character) = characters.next() {
        match character {
            ']' => break,
            '\\' if characters.as_str().starts_with(']') => {
                characters.next();
                word.push(']');
            }
            _ => word.push(character),
        }
    }
    (word, characters.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn lines(text: &str) -> Vec<Line> {
        split(text).iter().filter_map(|words| Line::parse(words)).collect()
    }

    fn module(kind: Kind, arguments: &[&str]) -> Line {
        let arguments = arguments.iter().map(|&argument| argument.to_owned()).collect();
        Line { kind: Some(kind), target: Target::Module(arguments) }
    }

    fn file(kind: Option<Kind>, name: &str) -> Line {
        Line { kind, target: Target::File(name.to_owned()) }
    }

    #[test]
    fn every_way_to_name_the_module_is_read() {
        for text in [
            "auth required pam_totp.so setup",
            "\t-auth  required\tpam_totp.so   setup  # of users",
            "AUTH required /lib/security/pam_totp.so setup",
            "auth [success=1 default=ignore] pam_totp.so setup",
            "auth [user_unknown=ignore \\]odd] pam_totp.so setup",
            "auth \\\n  required \\  \n pam_totp.so \\\nsetup",
            "auth required pam_totp.so [setup]",
            "auth required pam_totp.so setup\r\n",
        ] {
            assert_eq!(lines(text), [module(Kind::Auth, &["setup"])], "{text}");
        }
    }

    #[test]
    fn other_lines_are_none_of_ours() {
        for text in [
            "",
            "# auth required pam_totp.so",
            "# comment \\\n# auth required pam_totp.so",
            "auth required pam_unix.so pam_totp.so",
            "auth required pam_totp.so.bak",
            "auth required ./pam_totp.so",
            "auth",
            "auth required",
            "autho required pam_totp.so",
            "@include",
            "auth [never ends pam_totp.so",
        ] {
            assert_eq!(lines(text), [], "{text}");
        }
        let after_comment = "# a comment does not go on \\\nauth required pam_totp.so";
        assert_eq!(lines(after_comment), [module(Kind::Auth, &[])]);
    }

    #[test]
    fn files_are_included_by_three_words() {
        let text = "@include common-auth\nauth include a\n-session substack /etc/b\n";
        let expected =
            [file(None, "common-auth"), file(Some(Kind::Auth), "a"), file(Some(Kind::Session), "/etc/b")];
        assert_eq!(lines(text), expected);
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in "(\\PC|\n|\\[|\\]|\\\\| |auth|pam_totp.so){0,60}") {
            let _ = lines(&text);
        }
    }
}
