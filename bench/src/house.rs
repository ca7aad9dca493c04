//! A host with everything that is measured: users with one secret each, known to every module, on the machine's
//! disk or in memory. Each module's own tool makes what its module reads.

use crate::driver::{self, BARE, Login, Where};
use crate::modules::{OATH_FILE, REQUIRED_POLICY, stacks};
use crate::numbers::median;
use host::{Builder, DISK, Host, STORE, Stack};
use std::cell::Cell;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The policy as it is shipped.
pub const POLICY: &str = include_str!("../../config/policy.toml");

/// Seconds a code lasts.
const STEP: u64 = 30;
/// A batch of logins never takes so many seconds; its codes are drawn where as many are left of their step.
const BATCH: u64 = 8;

const FIRST_UID: usize = 50_000;
const GROUP: &str = "measured";

/// What the store, the homes and the users' file lie on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Medium {
    /// The machine's own disk.
    Disk,
    /// tmpfs.
    Memory,
}

/// One who logs in.
#[derive(Clone)]
pub struct User {
    /// The name.
    pub name: String,
    secret: String,
}

/// The host; its directory on the disk is removed with it.
pub struct House {
    /// The host.
    pub host: Host,
    /// The users, in the order they were made.
    pub users: Vec<User>,
    medium: Medium,
    system_users: String,
    /// The quickest bare write so far, in microseconds.
    quickest: Cell<f64>,
    _directory: Directory,
}

/// A directory of the machine's disk.
struct Directory(std::path::PathBuf);

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

impl House {
    /// A house with so many users who are set up; `disk` is a directory on the disk to be measured.
    pub fn new(medium: Medium, users: usize, disk: &Path) -> House {
        House::with(Host::builder(), medium, users, disk)
    }

    /// A house with an sshd.
    pub fn with_sshd(medium: Medium, users: usize, disk: &Path) -> House {
        let builder = Host::builder()
            .stack("sshd", Stack::Text(""))
            // Nobody is turned away for coming with others.
            .sshd_option("MaxStartups 1000");
        House::with(builder, medium, users, disk)
    }

    fn with(builder: Builder, medium: Medium, users: usize, disk: &Path) -> House {
        let directory = Directory(disk.join(format!("house-{}-{medium:?}", std::process::id())));
        fs::create_dir_all(&directory.0).expect("the disk to be measured can be written");
        let mut builder = builder.policy(POLICY).disk(&directory.0);
        for (service, text) in &stacks() {
            builder = builder.stack(service, Stack::Text(text));
        }
        let host = builder.build();
        driver::build(&host);
        host.write(REQUIRED_POLICY, format!("mode = \"required\"\n{POLICY}"));
        // What this machine looks up elsewhere is not measured.
        host.write("/etc/nsswitch.conf", "passwd: files\ngroup: files\nshadow: files\nhosts: files\n");
        let system_users = String::from_utf8_lossy(&host.read("/etc/passwd")).into_owned();
        host.run(&["groupadd", "--gid", &FIRST_UID.to_string(), GROUP]);
        let mut house = House {
            host,
            users: Vec::new(),
            medium,
            system_users,
            quickest: Cell::new(f64::INFINITY),
            _directory: directory,
        };
        house.lay_out();
        house.settle(users);
        house
    }

    /// What the store lies on.
    pub fn medium(&self) -> Medium {
        self.medium
    }

    /// Puts what modules read and write on its medium.
    fn lay_out(&self) {
        for (name, place, owner) in
            [("store", STORE, "_pam_totp"), ("home", "/home", "root"), ("oath", "/etc/oath", "root")]
        {
            let mode = if place == STORE { "700" } else { "755" };
            self.host.must_run(&["install", "-d", place]);
            match self.medium {
                Medium::Disk => {
                    let there = format!("{DISK}/{name}");
                    self.host.must_run(&["install", "-d", &there]);
                    self.host.must_run(&["mount", "--bind", &there, place]);
                }
                Medium::Memory => {
                    self.host.must_run(&["mount", "-t", "tmpfs", "tmpfs", place]);
                }
            }
            self.host.must_run(&["chown", &format!("{owner}:{owner}"), place]);
            self.host.must_run(&["chmod", mode, place]);
        }
    }

    /// Sets users up: google-authenticator draws the secrets, with the file that a person gets who says yes to
    /// all its questions; totp-enroll and the users' file take them over.
    fn settle(&mut self, count: usize) {
        const AT_ONCE: usize = 100;
        let names: Vec<String> = (0..count).map(|number| format!("user{number:05}")).collect();
        self.know(&names);
        for some in names.chunks(AT_ONCE) {
            let script = format!(
                r#"set -eu
                for user in {}; do
                    file=/home/$user/.google_authenticator
                    install -d -m 700 "/home/$user"
                    google-authenticator -t -d -f -q -r 10 -R 30 -w 3 -s "$file"
                    chown -R "$user:" "/home/$user"
                    head -n 1 "$file" | totp-enroll admin enroll "$user" --secret-stdin --json >/dev/null
                    head -n 1 "$file"
                done"#,
                some.join(" ")
            );
            let secrets = self.host.must_run(&["sh", "-c", &script]);
            assert_eq!(secrets.lines().count(), some.len(), "a secret a user: {secrets}");
            let made = some.iter().zip(secrets.lines());
            self.users
                .extend(made.map(|(name, secret)| User { name: name.clone(), secret: secret.to_owned() }));
        }
    }

    /// Makes these the only ones the system and pam_oath know, and flushes what others left to be written.
    pub fn bring_in(&self, users: &[User]) {
        self.know(users.iter().map(|user| &user.name));
        let mut secrets = String::new();
        for user in users {
            // Writing to a String cannot fail.
            let _ = writeln!(secrets, "HOTP/T{STEP}/6 {} - {}", user.name, user.hexadecimal());
        }
        self.host.write(OATH_FILE, secrets);
        self.host.must_run(&["chmod", "600", OATH_FILE]);
        self.rest();
    }

    /// Brings to the disk what was written so far, so that nobody waits for what another one left.
    pub fn flush(&self) {
        self.host.must_run(&["sync", "--file-system", STORE]);
    }

    /// A bare write with fdatasync on the medium, into the file of this number.
    pub fn bare_write(&self, number: usize) -> Login {
        let user = match self.medium {
            Medium::Disk => DISK,
            Medium::Memory => "/dev/shm",
        };
        Login { service: BARE.to_owned(), user: user.to_owned(), code: number.to_string() }
    }

    /// As [`Self::flush`], and lets the disk rest. A disk, above all one that is rented, takes a number of writes
    /// quickly and then slows down: who comes after others would pay for them. Waits until it is as quick as it
    /// was, but not for long.
    pub fn rest(&self) {
        self.flush();
        if self.medium == Medium::Memory {
            return;
        }
        const PROBES: usize = 5;
        const PATIENCE: u32 = 4;
        for _ in 0..PATIENCE {
            let probes: Vec<Login> = (0..PROBES).map(|number| self.bare_write(number)).collect();
            let time = median(&driver::walls(&driver::log_in(&self.host, Where::OneProcess, &probes)));
            self.quickest.set(self.quickest.get().min(time));
            if time <= 2.0 * self.quickest.get() {
                return;
            }
            std::thread::sleep(Duration::from_millis(500));
        }
    }

    /// Writes a passwd with these beside the users of the system.
    pub fn know<S: AsRef<str>>(&self, names: impl IntoIterator<Item = S>) {
        let mut users = self.system_users.clone();
        for name in names {
            let name = name.as_ref();
            let uid = uid_of(name);
            // Writing to a String cannot fail.
            let _ = writeln!(users, "{name}:x:{uid}:{FIRST_UID}::/home/{name}:/bin/bash");
        }
        self.host.write("/etc/passwd", users);
    }
}

fn uid_of(name: &str) -> usize {
    let number: usize = name.trim_start_matches("user").parse().expect("names are numbered");
    FIRST_UID + number
}

impl User {
    fn key(&self) -> Vec<u8> {
        base32::decode(base32::Alphabet::Rfc4648 { padding: false }, &self.secret)
            .expect("google-authenticator writes Base32")
    }

    /// The secret as pam_oath has it.
    pub fn hexadecimal(&self) -> String {
        self.key().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The number that the system knows the user by.
    pub fn uid(&self) -> usize {
        uid_of(&self.name)
    }

    /// The code of a step.
    pub fn code(&self, step: u64) -> String {
        // As in the module: steps are counted here.
        let totp = totp_rs::Builder::new()
            .with_algorithm(totp_rs::Algorithm::SHA1)
            .with_digits(6)
            .with_secret(totp_rs::Secret::new(self.key().into()))
            .with_step_duration(1)
            .with_skew(0)
            .build_noncompliant();
        totp.generate(step).to_string()
    }

    /// Digits that are the code of no step near this one.
    pub fn wrong_code(&self, step: u64) -> String {
        let near: Vec<String> = (step - 10..step + 10).map(|step| self.code(step)).collect();
        (0..)
            .map(|number: u32| format!("{number:06}"))
            .find(|code| !near.contains(code))
            .expect("few are codes")
    }
}

/// The step of now; waits where it ends too soon for a batch of logins.
pub fn step() -> u64 {
    loop {
        let (step, left) = clock();
        if left > BATCH {
            return step;
        }
        std::thread::sleep(Duration::from_secs(left));
    }
}

/// The step of now, and the seconds that are left of it.
fn clock() -> (u64, u64) {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is past 1970").as_secs();
    (since / STEP, STEP - since % STEP)
}

/// Users before one module, which takes each code once. The steps to either side of now count.
pub struct Group<'h> {
    /// Who they are.
    pub users: &'h [User],
    used: u64,
}

impl<'h> Group<'h> {
    /// Users who have not logged in yet.
    pub fn new(users: &'h [User]) -> Group<'h> {
        Group { users, used: 0 }
    }

    /// A step whose codes nobody of the group has used; waits for one.
    pub fn fresh_step(&mut self) -> u64 {
        loop {
            let now = step();
            let fresh = (self.used + 1).max(now - 1);
            if fresh <= now + 1 {
                self.used = fresh;
                return fresh;
            }
            std::thread::sleep(Duration::from_secs(clock().1));
        }
    }
}
