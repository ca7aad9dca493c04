//! A mount and a process namespace of one host, where it is asked for a network, too, and commands run inside it.
//! What lies in the host is furnish.sh; users, stacks and services stand beside this file.

use crate::network;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const FURNISH: &str = include_str!("furnish.sh");

/// Directories that distributions keep PAM modules in.
const PAM_DIRECTORIES: [&str; 8] = [
    "/usr/lib/x86_64-linux-gnu/security",
    "/usr/lib/aarch64-linux-gnu/security",
    "/lib/x86_64-linux-gnu/security",
    "/lib/aarch64-linux-gnu/security",
    "/usr/lib64/security",
    "/lib64/security",
    "/usr/lib/security",
    "/lib/security",
];

/// What holds the store; neither: the file system of /var.
#[derive(Default)]
pub struct StoreDisk {
    /// The size of a tmpfs.
    pub size: Option<String>,
    /// The kind of a file system on a disk image, and options for its mkfs.
    pub on: Option<String>,
}

/// The namespaces; every process in them is killed on drop, and when the test process dies.
pub struct Namespace {
    keeper: Child,
    has_network: bool,
}

impl Namespace {
    /// Makes the namespaces and furnishes them; `build` holds the product's binaries, `disk` is a directory of
    /// this machine that is shown inside, and a network of its own comes with a client on it. Where this kernel has no such file system, or no loop device, that
    /// is the error.
    pub fn new(
        build: Option<&Path>,
        hostname: &str,
        store: &StoreDisk,
        disk: Option<&Path>,
        has_network: bool,
    ) -> Result<Namespace, String> {
        insist_on_root();
        let mut keeper = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", "unshare"])
            .args(["--mount", "--propagation", "private", "--uts"])
            .args(has_network.then_some("--net"))
            .args(["--pid", "--fork", "--kill-child", "--mount-proc"])
            .args(["sh", "-c", FURNISH])
            .env_clear()
            .envs(surroundings())
            .env("PAM_DIRECTORY", pam_directory())
            .env("BUILD", build.unwrap_or(Path::new("")))
            .env("HOST_NAME", hostname)
            .env("STORE_SIZE", store.size.as_deref().unwrap_or_default())
            .env("STORE_ON", store.on.as_deref().unwrap_or_default())
            .env("DISK", disk.unwrap_or(Path::new("")))
            .env("NETWORK", if has_network { network::addresses() } else { String::new() })
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("setpriv and unshare (util-linux) should start");
        let mut first_line = String::new();
        let said = keeper.stdout.take().expect("stdout is a pipe");
        BufReader::new(said)
            .read_line(&mut first_line)
            .expect("the namespace should say when it is furnished");
        if first_line != "furnished\n" {
            let mut why = String::new();
            if let Some(mut stderr) = keeper.stderr.take() {
                let _ = stderr.read_to_string(&mut why);
            }
            let _ = keeper.wait();
            if let Some(reason) = first_line.strip_prefix("no disk: ") {
                return Err(reason.trim().to_owned());
            }
            panic!("a private namespace could not be furnished: {why}");
        }
        Ok(Namespace { keeper, has_network })
    }

    /// Whether the host has a network of its own, with a client on it.
    pub fn has_network(&self) -> bool {
        self.has_network
    }

    /// A command that will run inside, as root, from the directory `/`.
    pub fn command(&self, program: &str) -> Command {
        let keeper = self.keeper.id();
        self.command_on(self.has_network.then(|| format!("/proc/{keeper}/ns/net")), program)
    }

    /// The same on the client's end of the network, where there is one: with the host's files, and other addresses.
    pub fn command_of_client(&self, program: &str) -> Command {
        let client = self.has_network.then(|| self.path(network::CLIENT_NAMESPACE).display().to_string());
        self.command_on(client, program)
    }

    fn command_on(&self, network: Option<String>, program: &str) -> Command {
        let keeper = self.keeper.id();
        let mut command = Command::new("nsenter");
        command
            .args(network.map(|namespace| format!("--net={namespace}")))
            .arg(format!("--mount=/proc/{keeper}/ns/mnt"))
            .arg(format!("--uts=/proc/{keeper}/ns/uts"))
            .arg(format!("--pid=/proc/{keeper}/ns/pid_for_children"))
            // Under nohup(1) ssh would take a terminal that hangs up for an empty answer.
            .args(["--", "env", "--default-signal=HUP", program])
            .env_clear()
            .envs(surroundings());
        command
    }

    /// The number, outside, of the first process inside.
    fn first_process(&self) -> Option<String> {
        let keeper = self.keeper.id();
        let children = fs::read_to_string(format!("/proc/{keeper}/task/{keeper}/children")).ok()?;
        children.split_whitespace().next().map(str::to_owned)
    }

    /// Where a path of the host is found from outside. Links on the way must be relative.
    pub fn path(&self, inside: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/root{inside}", self.keeper.id()))
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        // unshare dies, takes the first process of the namespace along, and that one all others.
        let first = self.first_process();
        let _ = self.keeper.kill();
        let _ = self.keeper.wait();
        let deadline = Instant::now() + Duration::from_secs(10);
        while first.as_deref().is_some_and(lives) && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// Whether a process is there and no zombie; the first of a namespace ends last.
fn lives(process: &str) -> bool {
    fs::read_to_string(format!("/proc/{process}/stat"))
        .is_ok_and(|stat| stat.rsplit(')').next().is_some_and(|rest| !rest.starts_with(" Z")))
}

/// The environment of every command: nothing of the person who runs the tests.
fn surroundings() -> [(&'static str, &'static str); 4] {
    [
        ("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
        ("LANG", "C.UTF-8"),
        ("TERM", "xterm-256color"),
        ("HOME", "/root"),
    ]
}

fn insist_on_root() {
    let owner = fs::metadata("/proc/self").expect("/proc should be mounted").uid();
    assert!(owner == 0, "the end-to-end tests make namespaces, users and services: run them as root");
}

/// Where this machine, and so every host, keeps its PAM modules.
pub fn pam_directory() -> PathBuf {
    PAM_DIRECTORIES
        .iter()
        .find(|directory| Path::new(directory).join("pam_unix.so").exists())
        .and_then(|directory| fs::canonicalize(directory).ok())
        .expect("no directory with pam_unix.so was found; is PAM installed?")
}
