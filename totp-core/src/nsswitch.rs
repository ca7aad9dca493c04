//! Which sources the name service asks for users and groups (nsswitch.conf(5)), and what "not found" is worth.
//!
//! glibc reports the status of the last source it asked. A directory that is down, with another source behind it
//! ("sss files", "files winbind systemd"), therefore reads as "no such user" and "no such group", and
//! getgrouplist(3) leaves a source out that fails and says nothing. Here stands when such an answer counts.

use nix::sys::socket::{AddressFamily, SockFlag, SockType, UnixAddr, connect, socket};
use std::io::ErrorKind;
use std::os::fd::AsRawFd as _;

const NSSWITCH: &str = "/etc/nsswitch.conf";

/// Sources that read files of this machine, with the files where they are text. They are there as long as the
/// machine is. The lines of one that is not text ("db") cannot be looked through.
const LOCAL: [(&str, Option<(&str, &str)>); 9] = [
    ("files", Some(("/etc/passwd", "/etc/group"))),
    ("compat", Some(("/etc/passwd", "/etc/group"))),
    ("altfiles", Some(("/usr/lib/passwd", "/usr/lib/group"))),
    ("usrfiles", Some(("/usr/etc/passwd", "/usr/etc/group"))),
    ("extrausers", Some(("/var/lib/extrausers/passwd", "/var/lib/extrausers/group"))),
    ("cache", Some(("/etc/passwd.cache", "/etc/group.cache"))),
    ("db", None),
    // Containers that run on this machine.
    ("mymachines", None),
    // It makes entries up for what systemd runs on this machine.
    (SYSTEMD, None),
];
const SYSTEMD: &str = "systemd";

/// Where the daemons of well-known directories listen. Whoever may log in may connect.
const SOCKETS: [(&str, &[&str]); 3] = [
    ("sss", &["/var/lib/sss/pipes/nss"]),
    ("winbind", &["/run/samba/winbindd/pipe", "/var/run/samba/winbindd/pipe"]),
    ("ldap", &["/run/nslcd/socket", "/var/run/nslcd/socket"]),
];

/// nscd answers from a cache, whatever stands behind it.
const NSCD: [&str; 2] = ["/run/nscd/socket", "/var/run/nscd/socket"];

/// What an sssd that has ever been set up or started has: Fedora and its kin name "sss" on every host.
const TRACES_OF_SSSD: [&str; 4] =
    ["/etc/sssd/sssd.conf", "/etc/sssd/conf.d", "/usr/etc/sssd/sssd.conf", "/var/lib/sss/db/config.ldb"];

/// What everybody can see of an sssd that ever ran, where /etc/sssd is closed.
const PUBLIC_TRACES_OF_SSSD: [&str; 3] =
    ["/var/lib/sss/pipes/nss", "/var/lib/sss/mc/passwd", "/var/lib/sss/mc/group"];

/// A part of the name service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Database {
    /// Users.
    Passwd,
    /// Groups, and who is in them.
    Group,
}

/// What follows on a status of a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Return,
    Continue,
}

/// One source of a line, with its actions.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Source {
    name: String,
    not_found: Action,
    unavailable: Action,
    try_again: Action,
}

/// The sources of one database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sources {
    /// Each line of nsswitch.conf that is about it; `None` where they cannot be known.
    lines: Option<Vec<Vec<Source>>>,
    database: Database,
}

impl Sources {
    /// The sources of this machine.
    #[must_use]
    pub fn of(database: Database) -> Self {
        match std::fs::read(NSSWITCH) {
            Ok(text) => Self::parse(&String::from_utf8_lossy(&text), database),
            // glibc's own choice then: files, and compat in older versions.
            Err(error) if error.kind() == ErrorKind::NotFound => Self::parse("", database),
            Err(_) => Self { lines: None, database },
        }
    }

    /// Reads the lines about a database. Of groups there are two: "group", and "initgroups", by which
    /// getgrouplist(3) goes where it is there.
    fn parse(text: &str, database: Database) -> Self {
        let (word, more) = match database {
            Database::Passwd => ("passwd", "passwd"),
            Database::Group => ("group", "initgroups"),
        };
        let lines: Option<Vec<Vec<Source>>> = text
            .lines()
            .filter_map(entry)
            .filter(|(name, _)| *name == word || *name == more)
            .map(sources)
            .collect();
        let lines = lines.map(|lines| {
            if lines.is_empty() { vec![vec![Source::new("compat"), Source::new("files")]] } else { lines }
        });
        Self { lines, database }
    }

    /// Whether they name more than what this machine has in itself: a directory, which can be down.
    #[must_use]
    pub fn name_a_directory(&self) -> bool {
        self.only_local() != Some(true)
    }

    /// `None` where the sources cannot be known.
    fn only_local(&self) -> Option<bool> {
        self.lines.as_ref().map(|_| self.directories().next().is_none())
    }

    /// Whether every directory is known to answer at this moment; `nothing_fails` looks a number up that nobody has.
    ///
    /// Where glibc reports failures, that look-up decides: a daemon that listens may have lost its server. Where it does
    /// not, the daemon is all that can be asked.
    #[must_use]
    pub fn answer(&self, nothing_fails: impl FnOnce() -> bool) -> bool {
        if self.failures_are_reported() { nothing_fails() } else { self.directories_listen() }
    }

    /// Whether every directory is known to answer at this moment, without a look-up: its daemon listens.
    /// `false` says nothing.
    #[must_use]
    pub fn directories_listen(&self) -> bool {
        let socket_of = |source: &Source| SOCKETS.iter().find(|(name, _)| *name == source.name);
        self.only_local().is_some_and(|only_local| !only_local)
            && self.directories().all(|source| socket_of(source).is_some_and(|(_, paths)| any_listens(paths)))
    }

    /// Whether glibc reports a failure of each directory as an error of a look-up that finds nothing anywhere. Then a
    /// look-up that says "not found" is proof that each of them answered.
    ///
    /// That takes a directory whose failure ends the look-up: the last source, or one with `[UNAVAIL=return]` and
    /// `[TRYAGAIN=return]`. sssd is never taken at its word: some distributions build its client to say "not found"
    /// where sssd does not run. Nor is compat with NIS.
    #[must_use]
    pub fn failures_are_reported(&self) -> bool {
        let Some([line]) = self.lines.as_deref() else { return false };
        if any_listens(&NSCD) {
            return false;
        }
        let last = line.len().saturating_sub(1);
        let mut reached = true;
        for (position, source) in line.iter().enumerate() {
            let reports = position == last
                || (source.unavailable == Action::Return && source.try_again == Action::Return);
            if !self.is_local(source)
                && (!reports || !reached || matches!(source.name.as_str(), "sss" | "compat"))
            {
                return false;
            }
            // What stands behind it is not asked after "not found".
            reached = reached && source.not_found == Action::Continue;
        }
        true
    }

    /// The directory that an entry of this name and number comes from, where it can come from nowhere else: then
    /// whoever finds the entry knows that the directory answers.
    ///
    /// Of several directories, one that answers says nothing of the others. sssd's client reads a cache of its own
    /// where sssd does not run, and so do all with nscd.
    #[must_use]
    pub fn directory_of(&self, name: &str, number: u32) -> Option<&str> {
        let directory = self.only_directory()?;
        let local = || self.all().filter(|source| self.is_local(source));
        let alone = !matches!(directory, "sss" | "compat")
            && local().all(|source| self.lacks(source, name, number))
            && !any_listens(&NSCD);
        alone.then_some(directory)
    }

    /// The directory, where there is just one.
    #[must_use]
    pub fn only_directory(&self) -> Option<&str> {
        let mut directories = self.directories().map(|source| source.name.as_str());
        let first = directories.next()?;
        directories.all(|other| other == first).then_some(first)
    }

    fn all(&self) -> impl Iterator<Item = &Source> {
        self.lines.iter().flatten().flatten()
    }

    fn directories(&self) -> impl Iterator<Item = &Source> {
        self.all().filter(|source| !self.is_local(source))
    }

    fn is_local(&self, source: &Source) -> bool {
        match source.name.as_str() {
            // Its lines with a plus sign bring NIS in, or what passwd_compat and group_compat name. One with a minus
            // sign alone takes somebody out.
            "compat" => self.file(source).is_some_and(|path| has_no_line_that_begins(path, "+")),
            "sss" => sssd_is_not_in_use(),
            name => LOCAL.iter().any(|(local, _)| *local == name),
        }
    }

    fn file(&self, source: &Source) -> Option<&'static str> {
        let (passwd, group) = LOCAL.iter().find(|(name, _)| *name == source.name)?.1?;
        Some(match self.database {
            Database::Passwd => passwd,
            Database::Group => group,
        })
    }

    /// Whether a local source does not have the entry.
    fn lacks(&self, source: &Source, name: &str, number: u32) -> bool {
        if source.name == SYSTEMD {
            return !systemd_may_have(name, number);
        }
        match self.file(source) {
            Some(path) => has_no_line_that_begins(path, &format!("{name}:")),
            None => source.name == "sss",
        }
    }
}

impl Source {
    /// With the actions that count where none are written.
    fn new(name: &str) -> Self {
        let on = Action::Continue;
        Self { name: name.to_owned(), not_found: on, unavailable: on, try_again: on }
    }

    /// Takes one `STATUS=ACTION` in; `None` for one that glibc does not know.
    fn takes(&mut self, criterion: &str) -> Option<()> {
        let (status, action) = criterion.split_once('=')?;
        let action = match action.to_ascii_lowercase().as_str() {
            "return" => Action::Return,
            // With "merge" of a group that was found, the next sources are asked.
            "continue" | "merge" => Action::Continue,
            _ => return None,
        };
        let (negated, status) = status.strip_prefix('!').map_or((false, status), |status| (true, status));
        let status = status.to_ascii_lowercase();
        if !["success", "notfound", "unavail", "tryagain"].contains(&status.as_str()) {
            return None;
        }
        for (name, place) in [
            ("notfound", &mut self.not_found),
            ("unavail", &mut self.unavailable),
            ("tryagain", &mut self.try_again),
        ] {
            if (name == status) != negated {
                *place = action;
            }
        }
        Some(())
    }
}

/// The database and the rest of a line.
fn entry(line: &str) -> Option<(&str, &str)> {
    let line = line.split('#').next().unwrap_or_default();
    line.split_once(':').map(|(name, rest)| (name.trim(), rest))
}

/// The sources of a line, `None` for one that cannot be read.
fn sources((_, line): (&str, &str)) -> Option<Vec<Source>> {
    let mut sources: Vec<Source> = Vec::new();
    let spaced = line.replace('[', " [ ").replace(']', " ] ");
    let mut within = false;
    for word in spaced.split_whitespace() {
        match (word, within) {
            ("[", false) => within = true,
            ("]", true) => within = false,
            ("[" | "]", _) => return None,
            (criterion, true) => sources.last_mut()?.takes(criterion)?,
            (name, false) => sources.push(Source::new(name)),
        }
    }
    (!within).then_some(sources)
}

/// `false` also where the file cannot be looked through.
fn has_no_line_that_begins(path: &str, beginning: &str) -> bool {
    match std::fs::read(path) {
        Ok(text) => !text.split(|byte| *byte == b'\n').any(|line| line.starts_with(beginning.as_bytes())),
        Err(error) => error.kind() == ErrorKind::NotFound,
    }
}

/// Whether nothing tells that sssd was ever set up here. What this process may not look at tells nothing: as a rule
/// everybody but root is kept out of /etc/sssd, whether it is in use or not.
fn sssd_is_not_in_use() -> bool {
    let hidden = |trace: &str| {
        std::fs::read_dir(trace).is_err_and(|error| error.kind() == ErrorKind::PermissionDenied)
    };
    let is_missing = |trace: &str| {
        std::fs::symlink_metadata(trace).is_err_and(|error| error.kind() == ErrorKind::NotFound)
    };
    TRACES_OF_SSSD.iter().all(|trace| is_empty_or_missing(trace) || hidden(trace))
        && PUBLIC_TRACES_OF_SSSD.iter().all(|trace| is_missing(trace))
}

/// Whether systemd's source may know this name or number: by nss-systemd(8) users and groups of services, of homed
/// and of containers, and whatever a drop-in or another provider brings.
fn systemd_may_have(name: &str, number: u32) -> bool {
    const OWN: [&str; 6] = [
        "io.systemd.DropIn",
        "io.systemd.DynamicUser",
        "io.systemd.Home",
        "io.systemd.Machine",
        "io.systemd.Multiplexer",
        "io.systemd.NameServiceSwitch",
    ];
    const DROP_INS: [&str; 5] =
        ["/etc/userdb", "/run/userdb", "/run/host/userdb", "/usr/local/lib/userdb", "/usr/lib/userdb"];
    let only_own = match std::fs::read_dir("/run/systemd/userdb") {
        Ok(mut providers) => providers.all(|provider| {
            provider.is_ok_and(|provider| OWN.iter().any(|own| provider.file_name().to_str() == Some(own)))
        }),
        Err(error) => error.kind() == ErrorKind::NotFound,
    };
    matches!(number, 0 | 60_001..=65_535)
        || name.starts_with("vu-")
        || name.starts_with("vg-")
        || !only_own
        || !DROP_INS.iter().all(|path| is_empty_or_missing(path))
}

/// `false` also for a path that cannot be looked at, and for a file.
fn is_empty_or_missing(path: &str) -> bool {
    match std::fs::read_dir(path) {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) => error.kind() == ErrorKind::NotFound,
    }
}

/// Without waiting for one that does not come to accept.
fn any_listens(paths: &[&str]) -> bool {
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    paths.iter().any(|path| {
        let client = socket(AddressFamily::Unix, SockType::Stream, flags, None);
        let connected = client.and_then(|client| connect(client.as_raw_fd(), &UnixAddr::new(*path)?));
        connected.is_ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(line: &str) -> Sources {
        Sources::parse(&format!("passwd: files\n{line}\nhosts: files dns\n"), Database::Group)
    }

    #[test]
    fn a_local_host_names_no_directory() {
        for line in [
            "group: files systemd",
            "group: files [SUCCESS=merge] systemd",
            "group:\tfiles altfiles # ldap",
            "# group: ldap",
            "GROUP: ldap",
            "group: files [NOTFOUND=return] db",
        ] {
            assert!(!group(line).name_a_directory(), "{line}");
        }
    }

    #[test]
    fn a_directory_is_named_wherever_it_stands_and_so_is_what_cannot_be_read() {
        for line in [
            "group: files ldap",
            "group: ldap files",
            "group: files winbind systemd",
            "group: winbind [!UNAVAIL=return] files",
            "group: files nis",
            "group: files\ninitgroups: files ldap",
            "group: ldap\ngroup: files",
            "group: files [NOTFOUND",
            "group: files [NOTFOUND=perhaps]",
            "group: [NOTFOUND=return] files",
            "group: files a]b",
            "  group : files ldap",
        ] {
            assert!(group(line).name_a_directory(), "{line}");
        }
        assert!(Sources { lines: None, database: Database::Group }.name_a_directory());
    }

    #[test]
    fn each_database_has_its_own_line() {
        let text = "passwd: files\ngroup: files ldap\n";
        assert!(!Sources::parse(text, Database::Passwd).name_a_directory());
        assert!(Sources::parse(text, Database::Group).name_a_directory());
    }

    #[test]
    fn a_failure_is_reported_where_nothing_behind_it_hides_it() {
        for line in [
            "group: files systemd ldap",
            "group: ldap",
            "group: ldap [UNAVAIL=return TRYAGAIN=return] files",
            "group: ldap [UNAVAIL=return] [TryAgain=Return] files",
            "group: ldap [!NOTFOUND=return] files",
        ] {
            assert!(group(line).failures_are_reported(), "{line}");
        }
        for line in [
            "group: ldap files",
            "group: files ldap systemd",
            "group: ldap [UNAVAIL=return] files",
            "group: ldap [!UNAVAIL=return] files",
            "group: ldap winbind",
            "group: files [NOTFOUND=return] ldap",
            "group: files\ninitgroups: files ldap",
        ] {
            assert!(!group(line).failures_are_reported(), "{line}");
        }
    }

    #[test]
    fn an_entry_that_no_local_file_has_comes_from_the_one_directory() {
        let of = |line: &str, name: &str| group(line).directory_of(name, 20_000).map(str::to_owned);
        assert_eq!(of("group: files ldap", "no-such-group-here").as_deref(), Some("ldap"));
        assert_eq!(of("group: ldap files", "no-such-group-here").as_deref(), Some("ldap"));
        assert_eq!(of("group: files ldap", "root"), None, "/etc/group has it");
        assert_eq!(of("group: files ldap winbind", "no-such-group-here"), None, "it may be of either");
        assert_eq!(of("group: files db ldap", "no-such-group-here"), None, "db cannot be looked through");
        assert_eq!(of("group: files sss", "no-such-group-here"), None, "sssd's client has a cache");
        assert_eq!(of("group: files", "no-such-group-here"), None);
    }

    #[test]
    fn what_systemd_may_have_made_up_proves_no_directory() {
        assert!(systemd_may_have("dynamic", 61_184) && systemd_may_have("vg-web-0", 20_000));
        assert!(systemd_may_have("nobody", 65_534) && systemd_may_have("homed", 60_001));
    }

    #[test]
    fn a_socket_that_nobody_listens_at_is_none() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("socket");
        let text = path.to_str().unwrap();
        assert!(!any_listens(&[text]));
        let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
        assert!(any_listens(&["/no/such/socket", text]));
        drop(listener);
        assert!(!any_listens(&[text]), "the file is left, and nobody listens");
    }
}
