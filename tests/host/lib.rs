//! A host for end-to-end tests: users, a policy, PAM stacks and a real sshd in namespaces of their
//! own, so that nothing of the machine that runs the tests changes. Phones, terminals and a camera
//! stand beside it; what a login must do is said in the tests.
//!
//! ```no_run
//! use host::{Host, Stack};
//!
//! let host = Host::builder()
//!     .user("alice", "wonderland")
//!     .policy("mode = \"required\"\n")
//!     .stack("sshd", Stack::PasswordAndCode)
//!     .build();
//! let mut phone = host.enrol("alice");
//! let mut login = host.ssh("alice");
//! login.answers("Password: ", "wonderland");
//! login.answers("Verification code: ", &phone.code());
//! login.is_let_in_as("alice");
//! ```

#![forbid(unsafe_code)]

mod added_lines;
mod camera;
mod command;
mod crowd;
mod dialogue;
mod directory;
mod mail;
mod namespace;
mod network;
mod phone;
mod polkit;
mod sshd;
mod stack;
mod store;
mod syslog;
mod terminal;
mod users;

pub use added_lines::{distributions_stack, with_lines_added};
pub use camera::{Theme, read_qr};
pub use command::{Outcome, ended_on_socket};
pub use crowd::{Act, Crowd, Party};
pub use dialogue::Dialogue;
pub use mail::Mail;
pub use namespace::pam_directory;
pub use network::{CLIENTS, SERVER};
pub use phone::{Phone, recovery_codes_in};
pub use sshd::ClientKey;
pub use stack::{PamStack, Stack};
pub use terminal::{COLOUR_80X24, PROOF, Terminal, TerminalKind};

use directory::Directory;
use namespace::{Namespace, StoreDisk};
use sshd::Sshd;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use syslog::Syslog;

/// The policy file of a host.
pub const POLICY: &str = "/etc/pam_totp/policy.toml";

/// The store of a host.
pub const STORE: &str = "/var/lib/pam_totp";

/// Set-user-ID program that acts for callers who may not read the store.
pub const HELPER: &str = "/usr/libexec/pam_totp/totp-helper";

/// Where a directory of this machine is shown on a host that was given one.
pub const DISK: &str = "/run/disk";

/// What is to be on a host.
#[derive(Default)]
pub struct Builder {
    users: Vec<(String, String)>,
    directory: Directory,
    policy: String,
    stacks: Vec<(String, String)>,
    sshd_options: Vec<String>,
    sshd_as_shipped: bool,
    hostname: Option<String>,
    store: StoreDisk,
    disk: Option<PathBuf>,
    bare: bool,
    network: bool,
}

impl Builder {
    /// A user with a home and a password.
    pub fn user(mut self, name: &str, password: &str) -> Builder {
        self.users.push((name.to_owned(), password.to_owned()));
        self
    }

    /// The text of the policy file; without this it is empty, which means all defaults.
    pub fn policy(mut self, text: &str) -> Builder {
        text.clone_into(&mut self.policy);
        self
    }

    /// What /etc/pam.d says for a service. With one for `sshd`, an sshd runs.
    pub fn stack(mut self, service: &str, stack: Stack) -> Builder {
        self.stacks.push((service.to_owned(), stack.text()));
        self
    }

    /// A line for sshd_config.
    pub fn sshd_option(mut self, line: &str) -> Builder {
        self.sshd_options.push(line.to_owned());
        self
    }

    /// An sshd as Debian ships it, in the place of one that asks for codes.
    pub fn sshd_as_shipped(mut self) -> Builder {
        self.sshd_as_shipped = true;
        self
    }

    /// The name of the host; `house` where a test does not care.
    pub fn hostname(mut self, name: &str) -> Builder {
        self.hostname = Some(name.to_owned());
        self
    }

    /// The store on a file system of its own, of this size (as mount understands it: `256k`).
    pub fn store_size(mut self, size: &str) -> Builder {
        self.store.size = Some(size.to_owned());
        self
    }

    /// The store on a disk of its own with this file system; options for its mkfs may follow. Such a host is
    /// made by [`Builder::build_or_skip`].
    pub fn store_on(mut self, file_system: &str) -> Builder {
        self.store.on = Some(file_system.to_owned());
        self
    }

    /// A directory of this machine that the host has as [`DISK`]: all else of a host lies in memory.
    pub fn disk(mut self, directory: &Path) -> Builder {
        self.disk = Some(directory.to_owned());
        self
    }

    /// The host has a network of its own, and is logged in to from a client on it: such an address can be known.
    pub fn network(mut self) -> Builder {
        self.network = true;
        self
    }

    /// No pam_totp on this host.
    pub fn bare(mut self) -> Builder {
        self.bare = true;
        self
    }

    /// Makes the host; it is gone when the value is dropped.
    pub fn build(self) -> Host {
        self.try_build().unwrap_or_else(|why| panic!("the store's disk cannot be mounted: {why}"))
    }

    /// Makes the host, or says on standard error why this kernel has no such disk, and that the test is skipped.
    pub fn build_or_skip(self) -> Option<Host> {
        let disk = self.store.on.clone().unwrap_or_default();
        self.try_build().map_err(|why| skip(&format!("a store on {disk}"), &why)).ok()
    }

    fn try_build(self) -> Result<Host, String> {
        let build = (!self.bare).then(build_directory);
        let hostname = self.hostname.as_deref().unwrap_or("house");
        let namespace =
            Namespace::new(build.as_deref(), hostname, &self.store, self.disk.as_deref(), self.network)?;
        let syslog = Syslog::listen(&namespace.path("/dev/log"));
        let window = self.policy.lines().find_map(window_in).unwrap_or(1);
        let mut host = Host { window, sshd: None, syslog, namespace };
        for (name, password) in &self.users {
            host.add_user(name, password);
        }
        host.install_sendmail();
        self.directory.join(&host);
        if !self.bare {
            host.write(POLICY, &self.policy);
        }
        for (service, text) in &self.stacks {
            host.write(&format!("/etc/pam.d/{service}"), text);
        }
        if self.stacks.iter().any(|(service, _)| service == "sshd") {
            host.sshd = Some(Sshd::start(&host, &self.sshd_options, self.sshd_as_shipped));
        }
        Ok(host)
    }
}

/// A host; what runs on it ends with the value.
pub struct Host {
    window: i64,
    sshd: Option<Sshd>,
    namespace: Namespace,
    syslog: Syslog,
}

impl Host {
    /// Begins a host.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Sets a user up unattended, as an administrator does, and puts the secret on a new phone.
    pub fn enrol(&self, user: &str) -> Phone {
        let outcome = self.run(&["totp-enroll", "admin", "enroll", user, "--json"]);
        assert_eq!(outcome.status, 0, "`admin enroll {user}` failed: {outcome:?}");
        let answer = outcome.json();
        let uri = answer["uri"].as_str().expect("`uri` is a string");
        let mut phone = Phone::scan(uri).with_window(self.window);
        assert_eq!(answer["secret"].as_str(), Some(phone.secret()), "URI and secret agree");
        phone.recovery_codes = answer["recovery_codes"]
            .as_array()
            .expect("`recovery_codes` is an array")
            .iter()
            .map(|code| code.as_str().expect("a recovery code is a string").to_owned())
            .collect();
        phone
    }

    /// The lines sent to syslog so far.
    pub fn log(&self) -> Vec<String> {
        self.syslog.lines()
    }

    /// The first log line that contains the text; waits for it.
    pub fn wait_for_log(&self, text: &str) -> String {
        self.syslog.wait_for(text)
    }

    /// How many log lines contain the text.
    pub fn times_logged(&self, text: &str) -> usize {
        self.log().iter().filter(|line| line.contains(text)).count()
    }

    /// Where a path of the host is found from outside; only root gets there.
    pub fn path(&self, inside: &str) -> PathBuf {
        self.namespace.path(inside)
    }

    /// Writes a file of the host, with the modes a root shell would give it.
    pub fn write(&self, path: &str, contents: impl AsRef<[u8]>) {
        fs::write(self.path(path), contents).unwrap_or_else(|error| panic!("{path}: {error}"));
    }

    /// Reads a file of the host.
    pub fn read(&self, path: &str) -> Vec<u8> {
        fs::read(self.path(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// Whether the host has a file at this path; a link counts as itself.
    pub fn has(&self, path: &str) -> bool {
        self.path(path).symlink_metadata().is_ok()
    }

    /// Whether root has a capability here; in a container some are missing.
    pub fn root_has_capability(&self, capability: &str) -> bool {
        self.run(&["setpriv", "--dump"]).stdout.lines().any(|line| {
            line.starts_with("Capability bounding set:")
                && line.contains(capability.trim_start_matches("cap_"))
        })
    }

    /// Waits at most 20 seconds for something to become true.
    pub fn wait_until(&self, what: &str, condition: impl Fn(&Host) -> bool) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while !condition(self) {
            assert!(Instant::now() < deadline, "it never happened that {what}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// Says that something is not tested here, and why. Unlike `eprintln!`, also where the test passes.
pub fn skip(what: &str, why: &str) {
    let _ = writeln!(std::io::stderr(), "skipped: {what}: {why}");
}

/// Where the product's binaries lie: `PAM_TOTP_BUILD`, or the release directory of the workspace.
fn build_directory() -> PathBuf {
    let directory = std::env::var_os("PAM_TOTP_BUILD")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/release"), PathBuf::from);
    for binary in ["libpam_totp.so", "totp-enroll", "totp-helper"] {
        let path = directory.join(binary);
        assert!(
            path.is_file(),
            "{} is missing: run `make test`, which builds it first, or name its directory in PAM_TOTP_BUILD",
            path.display()
        );
    }
    fs::canonicalize(&directory).expect("a directory with files in it has a path")
}

fn window_in(line: &str) -> Option<i64> {
    line.trim().strip_prefix("window")?.trim().strip_prefix('=')?.trim().parse().ok()
}
