//! The files of PAM below a root directory: which there are, which one counts, and what stands in it.

use super::line::{self, Line};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// Where stacks lie: the administrator's first, then the distribution's.
const DIRECTORIES: [&str; 2] = ["etc/pam.d", "usr/lib/pam.d"];
/// All stacks in one file, from before there were directories.
pub const ONE_FILE: &str = "etc/pam.conf";
/// Debian's libpam looks for included files beside the administrator's stacks alone.
const DEBIAN: &str = "etc/debian_version";
/// Longest file read, in bytes: no stack comes near.
const LONGEST_FILE: u64 = 1024 * 1024;

/// A file of stacks in lines.
#[derive(Debug)]
pub struct File {
    /// Its path on the host.
    pub path: Rc<str>,
    pub lines: Vec<Rc<Line>>,
    /// Whether libpam reads it to its end.
    pub whole: bool,
}

/// The files of a host.
pub struct Files<'r> {
    root: &'r Path,
    is_debian: bool,
    /// Where modules lie; `None` where that is not known, and each module counts as there.
    modules: Option<PathBuf>,
    read: BTreeMap<PathBuf, Option<Rc<File>>>,
    /// A file that many stacks include is complained of once.
    pub troubles: BTreeSet<String>,
}

impl<'r> Files<'r> {
    pub fn below(root: &'r Path) -> Self {
        Self {
            root,
            is_debian: root.join(DEBIAN).exists(),
            modules: modules(root),
            read: BTreeMap::new(),
            troubles: BTreeSet::new(),
        }
    }

    pub fn trouble(&mut self, path: &Path, what: &str) {
        self.troubles.insert(format!("{} cannot be read: {what}", self.shown(path)));
    }

    fn shown(&self, path: &Path) -> String {
        Path::new("/").join(path.strip_prefix(self.root).unwrap_or(path)).display().to_string()
    }

    /// Every service with the file that counts for it, and whether there is a directory of stacks.
    pub fn services(&mut self) -> (BTreeMap<String, PathBuf>, bool) {
        let mut names = BTreeMap::new();
        let mut any = false;
        for directory in DIRECTORIES.map(|directory| self.root.join(directory)) {
            let entries = match fs::read_dir(&directory) {
                Ok(entries) => entries,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => {
                    self.trouble(&directory, &error.to_string());
                    continue;
                }
            };
            any = true;
            for entry in entries {
                match entry {
                    Ok(entry) => {
                        let name = entry.file_name().to_string_lossy().into_owned();
                        if is_service(&name) && !entry.path().is_dir() {
                            names.entry(name).or_insert(entry.path());
                        }
                    }
                    Err(error) => self.trouble(&directory, &error.to_string()),
                }
            }
        }
        (names, any)
    }

    /// Reads a file; `None` where libpam could not open it, which is told.
    pub fn read(&mut self, path: &Path) -> Option<Rc<File>> {
        if let Some(known) = self.read.get(path) {
            return known.clone();
        }
        let file = match read_text(path) {
            Ok(text) => {
                let split = line::split(&text);
                let lines =
                    split.lines.iter().map(|(number, words)| Rc::new(Line::parse(*number, words))).collect();
                Some(Rc::new(File { path: self.shown(path).into(), lines, whole: split.whole }))
            }
            Err(error) => {
                self.trouble(path, &error.to_string());
                None
            }
        };
        if file.as_ref().is_some_and(|file| !file.whole) {
            self.trouble(path, "its last line ends in a backslash, and libpam wants one more");
        }
        self.read.insert(path.to_owned(), file.clone());
        file
    }

    /// Reads pam.conf, whose lines each begin with the name of a service; `None` where there is none.
    pub fn one_file(&mut self) -> Option<(BTreeMap<String, Rc<File>>, bool)> {
        let path = self.root.join(ONE_FILE);
        let text = match read_text(&path) {
            Ok(text) => text,
            Err(error) => {
                if error.kind() != io::ErrorKind::NotFound {
                    self.trouble(&path, &error.to_string());
                }
                return None;
            }
        };
        let split = line::split(&text);
        let mut services: BTreeMap<String, Vec<Rc<Line>>> = BTreeMap::new();
        for (number, words) in &split.lines {
            let Some((name, words)) = words.split_first() else { continue };
            let lines = services.entry(name.text.to_ascii_lowercase()).or_default();
            lines.push(Rc::new(Line::parse(*number, words)));
        }
        let shown: Rc<str> = self.shown(&path).into();
        let file = |lines| Rc::new(File { path: Rc::clone(&shown), lines, whole: split.whole });
        Some((services.into_iter().map(|(name, lines)| (name, file(lines))).collect(), split.whole))
    }

    /// Where an included file lies: beside the administrator's stacks, else beside the distribution's.
    pub fn included(&self, name: &str) -> PathBuf {
        if let Some(absolute) = name.strip_prefix('/') {
            return self.root.join(absolute);
        }
        let [own, distribution] = DIRECTORIES.map(|directory| self.root.join(directory).join(name));
        if !self.is_debian && !own.exists() && distribution.exists() { distribution } else { own }
    }

    /// Whether a module is not on the disk.
    pub fn lacks_module(&self, path: &str) -> bool {
        let Some(directory) = &self.modules else { return false };
        // What the library puts for it differs from host to host.
        if path.contains("$ISA") {
            return false;
        }
        let path = match path.strip_prefix('/') {
            Some(absolute) => self.root.join(absolute),
            None => directory.join(path),
        };
        !path.exists()
    }

    /// Where libpam looks for modules, for messages.
    pub fn modules(&self) -> Option<String> {
        self.modules.as_deref().map(|directory| self.shown(directory))
    }
}

/// Whether libpam can find a stack by this file name. What editors and packages leave behind is none, and
/// libpam asks for services in lower case.
fn is_service(name: &str) -> bool {
    const ENDINGS: [&str; 13] = [
        "~", ".bak", ".old", ".orig", ".rej", ".rpmnew", ".rpmorig", ".rpmsave", ".pacnew", ".pacorig",
        ".pacsave", ".swp", "#",
    ];
    !name.starts_with(['.', '#'])
        && !ENDINGS.iter().any(|ending| name.ends_with(ending))
        && ![".dpkg-", ".ucf-"].iter().any(|mark| name.contains(mark))
        && !name.bytes().any(|byte| byte.is_ascii_uppercase())
}

/// The directory of modules: the one of this machine's own architecture first, as make/find-pam-directory has it.
fn modules(root: &Path) -> Option<PathBuf> {
    let own = format!("{}-linux-gnu", std::env::consts::ARCH);
    let mut directories = vec![own];
    let mut others: Vec<_> = fs::read_dir(root.join("usr/lib"))
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into_owned()))
        .filter(|name| name.contains("-linux-gnu"))
        .collect();
    others.sort();
    directories.append(&mut others);
    directories
        .iter()
        .map(|name| format!("usr/lib/{name}/security"))
        .chain(
            ["usr/lib64/security", "lib64/security", "usr/lib/security", "lib/security"].map(str::to_owned),
        )
        .map(|directory| root.join(directory))
        .find(|directory| directory.join("pam_unix.so").exists())
}

fn read_text(path: &Path) -> io::Result<String> {
    // A FIFO must not keep the tool waiting.
    let no_wait = nix::fcntl::OFlag::O_NONBLOCK | nix::fcntl::OFlag::O_NOCTTY;
    let file = fs::OpenOptions::new().read(true).custom_flags(no_wait.bits()).open(path)?;
    let about = file.metadata()?;
    if !about.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    if about.len() > LONGEST_FILE {
        return Err(io::Error::other("it is larger than 1 MiB"));
    }
    let mut bytes = Vec::new();
    file.take(LONGEST_FILE).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
