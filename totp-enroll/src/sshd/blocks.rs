//! Match blocks of sshd's configuration: for whom something else may count, so that sshd can be asked about them.
//!
//! Only the lines of Match and Include are read, and which settings a block has: what counts is for sshd to say.

use super::effective::{Connection, ELSEWHERE, SOMEBODY};
use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// The file that sshd reads unless its command line names another.
const MAIN_FILE: &str = "etc/ssh/sshd_config";
/// Where the names of included files begin.
const DIRECTORY: &str = "etc/ssh";
/// How deep sshd follows included files (SERVCONF_MAX_DEPTH).
const DEEPEST: usize = 16;
/// Longest file read, in bytes.
const LONGEST_FILE: u64 = 1024 * 1024;
/// As many connections as sshd is asked about, at some 20 ms each.
pub const MOST_CONNECTIONS: usize = 64;
/// The settings that decide whether a code is asked for. UsePAM and LoginGraceTime cannot stand in a Match.
const DECIDING: [&str; 10] = [
    "authenticationmethods",
    "challengeresponseauthentication",
    "gssapiauthentication",
    "hostbasedauthentication",
    "kbdinteractiveauthentication",
    "pamservicename",
    "passwordauthentication",
    "permitrootlogin",
    "pubkeyauthentication",
    "include",
];

/// A Match line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// Where it stands, as `/etc/ssh/sshd_config line 12`.
    pub place: String,
    /// Criteria in lower case, each with its patterns.
    criteria: Vec<(String, String)>,
    /// Whether it changes what decides here.
    decides: bool,
}

/// What the configuration files say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Files {
    /// The blocks that may decide whether a code is asked for.
    pub blocks: Vec<Block>,
    /// Every file and directory it was read from.
    pub read: BTreeSet<PathBuf>,
    /// What was not looked at, as sentences.
    pub troubles: Vec<String>,
}

/// Reads the configuration of this host.
pub fn read() -> Files {
    read_below(Path::new("/"))
}

/// Reads the configuration of the host whose file system lies below `root`.
pub fn read_below(root: &Path) -> Files {
    let mut files = Files::default();
    files.follow(root, &root.join(MAIN_FILE), 0);
    files.blocks.retain(|block| block.decides);
    files
}

impl Files {
    fn follow(&mut self, root: &Path, path: &Path, depth: usize) {
        let shown = shown(root, path);
        if depth > DEEPEST {
            return self.troubles.push(format!("{shown} is included too deeply, and was not looked at"));
        }
        let text = match read_text(path) {
            Ok(text) => text,
            Err(error) => {
                return self.troubles.push(format!(
                    "{shown} cannot be read ({error}): Match blocks in it were not looked at"
                ));
            }
        };
        self.read.insert(path.to_owned());
        // A Match ends with the file it stands in.
        let mut current: Option<usize> = None;
        for (number, line) in (1_usize..).zip(text.lines()) {
            let words = words(line);
            let Some((keyword, values)) = words.split_first() else { continue };
            let keyword = keyword.to_ascii_lowercase();
            if let Some(block) = current.and_then(|position| self.blocks.get_mut(position)) {
                block.decides |= DECIDING.contains(&keyword.as_str());
            }
            match keyword.as_str() {
                "match" => {
                    let place = format!("{shown} line {number}");
                    self.blocks.push(Block { place, criteria: criteria(values), decides: false });
                    current = self.blocks.len().checked_sub(1);
                }
                "include" => {
                    for pattern in values {
                        for file in self.included(root, pattern) {
                            self.follow(root, &file, depth.saturating_add(1));
                        }
                    }
                }
                _ => {}
            }
        }
    }

    /// The files that an Include means, in the order of their names.
    fn included(&mut self, root: &Path, pattern: &str) -> Vec<PathBuf> {
        let path = match pattern.strip_prefix('/') {
            Some(absolute) => root.join(absolute),
            None => root.join(DIRECTORY).join(pattern),
        };
        let Some(name) = path.file_name().map(|name| name.to_string_lossy().into_owned()) else {
            return Vec::new();
        };
        let directory = path.parent().unwrap_or(root).to_owned();
        if has_wildcard(&directory.to_string_lossy()) {
            self.troubles.push(format!(
                "Include {pattern} of sshd_config was not followed: Match blocks there were not looked at"
            ));
            return Vec::new();
        }
        if !has_wildcard(&name) {
            return if path.exists() { vec![path] } else { Vec::new() };
        }
        self.read.insert(directory.clone());
        let entries = fs::read_dir(&directory).into_iter().flatten().flatten();
        let mut found: Vec<_> = entries
            .filter(|entry| {
                let entry = entry.file_name().to_string_lossy().into_owned();
                // As for glob(3), a hidden file is named by its dot alone.
                (!entry.starts_with('.') || name.starts_with('.')) && fits(&name, &entry)
            })
            .map(|entry| entry.path())
            .collect();
        found.sort();
        found
    }

    /// The connections that sshd is to be asked about: one that no block means, root's, and for each block one
    /// that it means, as far as one can be made up. `users` are those who matter besides, and `members` knows who
    /// is in a group. What is left out is among the troubles then.
    pub fn connections(
        &mut self,
        users: &[String],
        members: impl Fn(&str) -> Vec<String>,
    ) -> Vec<Connection> {
        let mut found = vec![
            Connection::of_somebody(),
            Connection { user: "root".to_owned(), ..Connection::of_somebody() },
        ];
        let mut left_out = false;
        for block in self.blocks.clone() {
            if let Some(criterion) = block.beyond_asking() {
                self.troubles.push(format!(
                    "{}: whom \"Match {criterion}\" means was not looked at, and what it changes for them",
                    block.place
                ));
            }
            for connection in block.connections(users, &members) {
                if found.contains(&connection) {
                    continue;
                }
                left_out |= found.len() >= MOST_CONNECTIONS;
                if found.len() < MOST_CONNECTIONS {
                    found.push(connection);
                }
            }
        }
        if left_out {
            self.troubles.push(format!(
                "sshd_config has so many Match blocks that only {MOST_CONNECTIONS} kinds of connections were looked at"
            ));
        }
        found
    }
}

impl Block {
    /// A criterion of which no connection can be made up here.
    fn beyond_asking(&self) -> Option<&str> {
        let known = ["user", "group", "address", "localport", "all"];
        self.criteria.iter().map(|(name, _)| name.as_str()).find(|name| !known.contains(name))
    }

    /// The patterns of a criterion that are not negated; `None` where the line does not have it.
    fn patterns(&self, criterion: &str) -> Option<Vec<&str>> {
        let given: Vec<_> = self.criteria.iter().filter(|(name, _)| name == criterion).collect();
        let patterns = given.iter().flat_map(|(_, patterns)| patterns.split(','));
        let patterns = patterns.filter(|one| !one.starts_with('!')).collect();
        (!given.is_empty()).then_some(patterns)
    }

    /// Connections that this block means: of the members of its groups, else of names that fit its patterns, else
    /// of `users`; from an address that fits.
    fn connections(&self, users: &[String], members: impl Fn(&str) -> Vec<String>) -> Vec<Connection> {
        let example = |pattern: &str, filler: &str| pattern.replace(['*', '?'], filler);
        let users: Vec<String> = match (self.patterns("group"), self.patterns("user")) {
            (Some(groups), _) => groups.into_iter().flat_map(members).collect(),
            (None, Some(names)) => names.into_iter().map(|name| example(name, "x")).collect(),
            (None, None) => {
                [SOMEBODY, "root"].map(str::to_owned).into_iter().chain(users.iter().cloned()).collect()
            }
        };
        let network = |pattern: &str| match pattern.split('/').next().unwrap_or_default() {
            "*" => ELSEWHERE.to_owned(),
            pattern => example(&pattern.replace(":*", "::1"), "1"),
        };
        let addresses = self
            .patterns("address")
            .map_or_else(|| vec![ELSEWHERE.to_owned()], |all| all.into_iter().map(network).collect());
        let ports = self
            .patterns("localport")
            .map_or_else(|| vec![22], |all| all.into_iter().filter_map(|one| one.parse().ok()).collect());
        let mut found = Vec::new();
        for user in &users {
            for address in &addresses {
                let connection = |&port| Connection { user: user.clone(), address: address.clone(), port };
                found.extend(ports.iter().map(connection));
            }
        }
        found
    }
}

/// The criteria of a Match line: `User a,b Address 10.0.0.0/8`, and with `=` since OpenSSH 9.9.
fn criteria(words: &[String]) -> Vec<(String, String)> {
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
fn words(line: &str) -> Vec<String> {
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

fn has_wildcard(pattern: &str) -> bool {
    pattern.contains(['*', '?', '['])
}

/// Whether a file name fits a pattern of `*` and `?`. One in brackets fits whatever stands there: rather a file
/// too many than one too few.
fn fits(pattern: &str, name: &str) -> bool {
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

fn shown(root: &Path, path: &Path) -> String {
    Path::new("/").join(path.strip_prefix(root).unwrap_or(path)).display().to_string()
}

fn read_text(path: &Path) -> io::Result<String> {
    // A FIFO must not keep the tool waiting.
    let no_wait = nix::fcntl::OFlag::O_NONBLOCK | nix::fcntl::OFlag::O_NOCTTY;
    let file = fs::OpenOptions::new().read(true).custom_flags(no_wait.bits()).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    let mut bytes = Vec::new();
    file.take(LONGEST_FILE).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    struct Root(tempfile::TempDir);

    impl Root {
        fn with(files: &[(&str, &str)]) -> Self {
            let root = tempfile::tempdir().unwrap();
            for (name, text) in files {
                let path = root.path().join("etc/ssh").join(name);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, text).unwrap();
            }
            Self(root)
        }

        fn files(&self) -> Files {
            read_below(self.0.path())
        }

        fn asked(&self, users: &[&str]) -> Vec<String> {
            let users: Vec<_> = users.iter().map(|&user| user.to_owned()).collect();
            let members = |group: &str| if group == "admins" { vec!["alice".to_owned()] } else { Vec::new() };
            let connections = self.files().connections(&users, members);
            connections.iter().map(|one| format!("{} {} {}", one.user, one.address, one.port)).collect()
        }
    }

    const GENERAL: [&str; 2] = ["somebody 203.0.113.1 22", "root 203.0.113.1 22"];

    #[test]
    fn without_a_block_that_decides_sshd_is_asked_in_general_and_about_root() {
        let root = Root::with(&[("sshd_config", "UsePAM yes\nMatch User anoncvs\n\tX11Forwarding no\n")]);
        assert_eq!(root.asked(&["bob"]), GENERAL);
    }

    #[test]
    fn whom_a_block_means_sshd_is_asked_about() {
        let root = Root::with(&[
            (
                "sshd_config",
                "Include /etc/ssh/sshd_config.d/*.conf\nmatch address 10.0.0.0/8,!10.1.0.0/16\n PasswordAuthentication=yes\nMatch Group admins\n AuthenticationMethods publickey\n",
            ),
            (
                "sshd_config.d/10-b.conf",
                "Match User backup,adm-*,!eve LocalPort 2222\n KbdInteractiveAuthentication no # here\n",
            ),
            ("sshd_config.d/README", "Match User nobody\nPermitRootLogin yes\n"),
        ]);
        let expected = [
            "backup 203.0.113.1 2222",
            "adm-x 203.0.113.1 2222",
            "somebody 10.0.0.0 22",
            "root 10.0.0.0 22",
            "bob 10.0.0.0 22",
            "alice 203.0.113.1 22",
        ];
        assert_eq!(root.asked(&["bob"]), [&GENERAL[..], &expected].concat());
        assert_eq!(root.files().troubles, [] as [&str; 0]);
    }

    #[test]
    fn an_address_is_made_up_for_a_pattern() {
        let lines = "Match Address *,!10.0.0.0/8\nPermitRootLogin no\nMatch Address 10.*,192.168.1.?,fe80:*,2001:db8::/32 User a\nPermitRootLogin no\n";
        let root = Root::with(&[("sshd_config", lines)]);
        let made_up = ["a 10.1 22", "a 192.168.1.1 22", "a fe80::1 22", "a 2001:db8:: 22"];
        assert_eq!(root.asked(&[]), [&GENERAL[..], &made_up].concat());
    }

    #[test]
    fn what_is_not_looked_at_is_told() {
        let mut lines = String::from("Match Host *.example.org\n  AuthenticationMethods publickey\n");
        for number in 0..100 {
            lines += &format!("Match User u{number}\nAuthenticationMethods publickey\n");
        }
        let root = Root::with(&[("sshd_config", &format!("Include a*/b\n{lines}"))]);
        let mut files = root.files();
        assert_eq!(files.connections(&[], |_| Vec::new()).len(), MOST_CONNECTIONS);
        let told = files.troubles.join("\n");
        for part in
            ["Include a*/b", "/etc/ssh/sshd_config line 2: whom \"Match host\" means", "only 64 kinds"]
        {
            assert!(told.contains(part), "{part}: {told}");
        }
        let none = Root::with(&[]);
        assert!(none.files().troubles[0].starts_with("/etc/ssh/sshd_config cannot be read"));
        let circle = Root::with(&[("sshd_config", "Include sshd_config\n")]);
        assert!(circle.files().troubles[0].contains("too deeply"));
    }

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

    proptest! {
        #[test]
        fn any_text_is_read(text in "(\\PC|\n|Match |User |=|\"|\\*|a,b| ){0,40}") {
            let root = Root::with(&[("sshd_config", &text)]);
            let _ = root.asked(&[]);
        }
    }
}
