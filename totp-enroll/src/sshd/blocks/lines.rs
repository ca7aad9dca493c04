//! Lines of sshd_config, and the patterns in them, as sshd reads them.

/// The criteria of a Match line: `User a,b Address 10.0.0.0/8`, and with `=` since OpenSSH 9.9.
pub fn criteria(words: &[String]) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let (name, value) = match word.split_once('=') {
            Some((name, value)) => (name.to_ascii_lowercase(), value.to_owned()),
            None => (word.to_ascii_lowercase(), String::new()),
        };
        let alone = ["all", "invalid-user"].contains(&name.as_str());
        let value =
            if value.is_empty() && !alone { words.next().cloned().unwrap_or_default() } else { value };
        found.push((name, value));
    }
    found
}

/// The words of a line: parted by white space, or by `=` behind the keyword; quotes hold one together.
pub fn words(line: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut word: Option<String> = None;
    let mut quoted = false;
    for character in line.chars() {
        match character {
            '"' => {
                quoted = !quoted;
                word.get_or_insert_default();
            }
            '#' if !quoted && word.is_none() => break,
            '=' if !quoted && words.is_empty() => words.extend(word.take()),
            _ if character.is_whitespace() && !quoted => words.extend(word.take()),
            _ => word.get_or_insert_default().push(character),
        }
    }
    words.extend(word);
    words
}

/// Whether a name is a pattern.
pub fn has_wildcard(pattern: &str) -> bool {
    pattern.contains(['*', '?', '['])
}

/// Whether a file name fits a pattern of `*` and `?`. One in brackets fits whatever stands there: rather a file
/// too many than one too few.
pub fn fits(pattern: &str, name: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let name: Vec<char> = name.chars().collect();
    fits_from(&pattern, &name)
}

fn fits_from(pattern: &[char], name: &[char]) -> bool {
    match pattern.split_first() {
        None => name.is_empty(),
        Some(('*', rest)) => {
            fits_from(rest, name) || name.split_first().is_some_and(|(_, name)| fits_from(pattern, name))
        }
        Some(('[', rest)) => {
            let behind = rest
                .iter()
                .position(|&character| character == ']')
                .map_or(rest.len(), |end| end.saturating_add(1));
            let rest = rest.get(behind..).unwrap_or_default();
            name.split_first().is_some_and(|(_, name)| fits_from(rest, name))
        }
        Some((&character, rest)) => name
            .split_first()
            .is_some_and(|(&first, name)| (character == '?' || character == first) && fits_from(rest, name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_as_sshd_reads_them() {
        for (line, expected) in [
            ("  Match User a,b  Address 10.0.0.0/8", &["Match", "User", "a,b", "Address", "10.0.0.0/8"][..]),
            ("Match Group \"Domain Users\"", &["Match", "Group", "Domain Users"]),
            ("UsePAM=yes", &["UsePAM", "yes"]),
            ("# Match all", &[]),
            ("Match user=a # b", &["Match", "user=a"]),
        ] {
            assert_eq!(words(line), expected, "{line}");
        }
        let text = |text: &str| criteria(&words(text)[1..]);
        assert_eq!(text("Match user=a Group b"), [("user".into(), "a".into()), ("group".into(), "b".into())]);
        assert_eq!(text("Match all"), [("all".into(), String::new())]);
    }

    #[test]
    fn names_fit_patterns() {
        for (pattern, name, fit) in [
            ("*.conf", "a.conf", true),
            ("*.conf", "a.conf~", false),
            ("0?-*.conf", "01-a.conf", true),
            ("[0-9]*", "1x", true),
            ("a", "ab", false),
        ] {
            assert_eq!(fits(pattern, name), fit, "{pattern} {name}");
        }
    }
}
