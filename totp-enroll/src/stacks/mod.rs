//! Which services have pam_totp.so in their PAM stack, and what their lines let it do.
//!
//! Files are found as libpam finds them, below a root directory that tests choose; what a line says is
//! read in [`line`].

mod line;

use line::{Kind, Line, Target};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// Where stacks lie: the administrator's first, then the distribution's.
const DIRECTORIES: [&str; 2] = ["etc/pam.d", "usr/lib/pam.d"];
/// All stacks in one file, from before there were directories.
const ONE_FILE: &str = "etc/pam.conf";
/// The service whose stack counts for those that have none.
pub const OTHER: &str = "other";
/// How deep libpam follows files that include others (PAM_SUBSTACK_MAX_LEVEL).
const DEEPEST: usize = 16;
/// Longest file read, in bytes: no stack comes near.
const LONGEST_FILE: u64 = 1024 * 1024;

/// A service with pam_totp.so in its stack.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Service {
    /// As it is called in /etc/pam.d.
    pub name: String,
    /// The arguments of the first auth line; `None` where there is no such line, and so no prompt.
    pub auth: Option<Vec<String>>,
    /// Whether an account line names the module.
    pub account: bool,
    /// Whether a session line names the module.
    pub session: bool,
}

impl Service {
    /// Whether its lines let the module set users up during login.
    pub fn sets_up(&self) -> bool {
        self.lacks().is_empty()
    }

    /// What set-up during login lacks here, in words.
    pub fn lacks(&self) -> Vec<&'static str> {
        let mut lacks = Vec::new();
        match &self.auth {
            None => lacks.push("an auth line"),
            Some(arguments) if !arguments.iter().any(|argument| argument == "setup") => {
                lacks.push("the argument setup on its auth line");
            }
            Some(_) => {}
        }
        if !self.account {
            lacks.push("an account line");
        }
        if !self.session {
            lacks.push("a session line");
        }
        lacks
    }

    /// The policy its auth line names; `None` for that of the system.
    pub fn policy(&self) -> Option<&str> {
        self.auth.iter().flatten().find_map(|argument| argument.strip_prefix("policy="))
    }

    fn take(&mut self, kind: Kind, arguments: Vec<String>) {
        match kind {
            // It asks nothing.
            Kind::Auth if arguments.iter().any(|argument| argument == "begin") => {}
            Kind::Auth => {
                self.auth.get_or_insert(arguments);
            }
            Kind::Account => self.account = true,
            Kind::Session => self.session = true,
            Kind::Password => {}
        }
    }
}

/// What the PAM stacks of a host say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stacks {
    /// The services whose stack names the module in any line, by name.
    pub services: Vec<Service>,
    /// Every service that has a stack, whether that names the module or not.
    pub names: BTreeSet<String>,
    /// What could not be read, or is not read by libpam, as sentences that name the file.
    pub troubles: Vec<String>,
}

impl Stacks {
    /// The service of this name, which libpam knows in lower case.
    pub fn service(&self, name: &str) -> Option<&Service> {
        self.services.iter().find(|service| service.name.eq_ignore_ascii_case(name))
    }

    /// Whether there is a stack for this service.
    pub fn has_stack(&self, name: &str) -> bool {
        self.names.contains(&name.to_ascii_lowercase())
    }

    /// What libpam goes through at a login by this service: the stack of `other` where it has none.
    pub fn at_login_by(&self, name: &str) -> Option<&Service> {
        self.service(if self.has_stack(name) { name } else { OTHER })
    }
}

/// Reads the stacks of this host.
pub fn read() -> Stacks {
    read_below(Path::new("/"))
}

/// Reads the stacks of the host whose file system lies below `root`.
pub fn read_below(root: &Path) -> Stacks {
    let mut reading = Reading { root, troubles: BTreeSet::new() };
    let mut services = Vec::new();
    let (files, has_directory) = reading.names();
    let mut names: BTreeSet<String> = files.keys().cloned().collect();
    for (name, path) in files {
        services.extend(reading.service(name, path));
    }
    let in_one_file = reading.services_in_one_file();
    let (in_one_file, others) = in_one_file;
    if !has_directory {
        services.extend(in_one_file);
        names.extend(others);
    } else if !in_one_file.is_empty() {
        let names: Vec<_> = in_one_file.iter().map(|service| service.name.as_str()).collect();
        reading.troubles.insert(format!(
            "/{ONE_FILE} names pam_totp.so for {}, but libpam does not read it where /etc/pam.d exists",
            names.join(", ")
        ));
    }
    services.sort_by(|a, b| a.name.cmp(&b.name));
    Stacks { services, names, troubles: reading.troubles.into_iter().collect() }
}

struct Reading<'r> {
    root: &'r Path,
    /// A file that many stacks include is complained of once.
    troubles: BTreeSet<String>,
}

impl Reading<'_> {
    fn trouble(&mut self, path: &Path, error: &io::Error) {
        let shown = Path::new("/").join(path.strip_prefix(self.root).unwrap_or(path));
        self.troubles.insert(format!("{} cannot be read: {error}", shown.display()));
    }

    /// Every service with the file that counts for it, and whether there is a directory of stacks.
    fn names(&mut self) -> (BTreeMap<String, PathBuf>, bool) {
        let mut names = BTreeMap::new();
        let mut any = false;
        for directory in DIRECTORIES.map(|directory| self.root.join(directory)) {
            let entries = match fs::read_dir(&directory) {
                Ok(entries) => entries,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => {
                    self.trouble(&directory, &error);
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
                    Err(error) => self.trouble(&directory, &error),
                }
            }
        }
        (names, any)
    }

    fn service(&mut self, name: String, path: PathBuf) -> Option<Service> {
        let mut found = Walk { lines: Vec::new(), open: Vec::new() };
        self.walk(&path, None, &mut found);
        found.service(name)
    }

    /// Those with the module, and the names of all.
    fn services_in_one_file(&mut self) -> (Vec<Service>, Vec<String>) {
        let path = self.root.join(ONE_FILE);
        let text = match read_text(&path) {
            Ok(text) => text,
            Err(error) => {
                if error.kind() != io::ErrorKind::NotFound {
                    self.trouble(&path, &error);
                }
                return (Vec::new(), Vec::new());
            }
        };
        let mut services: BTreeMap<String, Walk> = BTreeMap::new();
        for words in line::split(&text) {
            let Some((name, words)) = words.split_first() else { continue };
            let found = services
                .entry(name.to_ascii_lowercase())
                .or_insert_with(|| Walk { lines: Vec::new(), open: vec![path.clone()] });
            if let Some(line) = Line::parse(words) {
                self.follow(line, None, found);
            }
        }
        let names = services.keys().cloned().collect();
        (services.into_iter().filter_map(|(name, found)| found.service(name)).collect(), names)
    }

    /// Collects the module's lines of a file, of one kind or of all, and of the files it includes.
    fn walk(&mut self, path: &Path, only: Option<Kind>, found: &mut Walk) {
        if found.open.len() > DEEPEST || found.open.iter().any(|open| open == path) {
            let loops = io::Error::other("it includes itself, or files include each other too deeply");
            return self.trouble(path, &loops);
        }
        match read_text(path) {
            Ok(text) => {
                found.open.push(path.to_owned());
                for line in line::split(&text).iter().filter_map(|words| Line::parse(words)) {
                    self.follow(line, only, found);
                }
                found.open.pop();
            }
            Err(error) => self.trouble(path, &error),
        }
    }

    fn follow(&mut self, line: Line, only: Option<Kind>, found: &mut Walk) {
        if let (Some(only), Some(kind)) = (only, line.kind)
            && only != kind
        {
            return;
        }
        match (line.target, line.kind) {
            (Target::File(name), kind) => {
                let path = self.included(&name);
                self.walk(&path, kind.or(only), found);
            }
            (Target::Module(arguments), Some(kind)) => found.lines.push((kind, arguments)),
            (Target::Module(_), None) => {}
        }
    }

    /// Where an included file lies: beside the administrator's stacks, else beside the distribution's.
    fn included(&self, name: &str) -> PathBuf {
        if let Some(absolute) = name.strip_prefix('/') {
            return self.root.join(absolute);
        }
        let [own, distribution] = DIRECTORIES.map(|directory| self.root.join(directory).join(name));
        if !own.exists() && distribution.exists() { distribution } else { own }
    }
}

/// What was found for a service, and the files that are being read for it.
struct Walk {
    lines: Vec<(Kind, Vec<String>)>,
    open: Vec<PathBuf>,
}

impl Walk {
    fn service(self, name: String) -> Option<Service> {
        if self.lines.is_empty() {
            return None;
        }
        let mut service = Service { name, ..Service::default() };
        self.lines.into_iter().for_each(|(kind, arguments)| service.take(kind, arguments));
        Some(service)
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

fn read_text(path: &Path) -> io::Result<String> {
    // A FIFO must not keep the tool waiting.
    let no_wait = nix::fcntl::OFlag::O_NONBLOCK | nix::fcntl::OFlag::O_NOCTTY;
    let file = fs::OpenOptions::new().read(true).custom_flags(no_wait.bits()).open(path)?;
    let about = file.metadata()?;
    if !about.is_file() {
        return Err(io::Error::other("it is no regular file"));
    }
    if about.len() > LONGEST_FILE {
        return Err(io::Error::other("it is larger than 1 MiB"));
    }
    let mut bytes = Vec::new();
    file.take(LONGEST_FILE).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests;
