//! Match blocks of sshd's configuration: for whom something else may count, so that sshd can be asked about them.
//!
//! Only the lines of Match and Include are read, and which settings a block has: what counts is for sshd to say.

mod lines;

use super::effective::{Connection, ELSEWHERE, SOMEBODY};
use lines::{criteria, fits, has_wildcard, words};
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
mod tests;
