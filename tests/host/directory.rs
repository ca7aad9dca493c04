//! A directory service of a host, as sssd or winbind bring one, that a test can break. What it answers to
//! the name service is directory.c; here stands who is in it, and how it gets into a host.

use crate::{Builder, Host, namespace};
use std::fmt::Write as _;
use std::path::Path;
use std::sync::OnceLock;

const SOURCE: &str = include_str!("directory.c");

/// Numbers of its users and groups begin far above those of the host.
const FIRST_ID: usize = 20_000;

/// While it is there, the directory fails.
const DOWN: &str = "/run/directory-down";

/// `ECONNREFUSED`: the service does not run.
const CONNECTION_REFUSED: i32 = 111;

/// Who is in the directory of a host.
#[derive(Default)]
pub(crate) struct Directory {
    /// The lines of nsswitch.conf for users and for groups; the host's own files first where none are given.
    order: Option<[String; 2]>,
    users: Vec<(String, String)>,
    groups: Vec<(String, Vec<String>)>,
}

impl Builder {
    /// A user of the directory, with a home, bash, a password and a group of the same name. The name is
    /// the canonical one: the directory finds it whatever the case, and `DOMAIN\user` or `user@domain`
    /// are names like any other.
    pub fn directory_user(mut self, name: &str, password: &str) -> Builder {
        self.directory.users.push((name.to_owned(), password.to_owned()));
        self
    }

    /// The lines of nsswitch.conf for users and for groups, in which "directory" is the directory: "directory files".
    pub fn directory_order(mut self, users: &str, groups: &str) -> Builder {
        self.directory.order = Some([users.to_owned(), groups.to_owned()]);
        self
    }

    /// A group of the directory. Its members may be users of the directory or of the host.
    pub fn directory_group(mut self, name: &str, members: &[&str]) -> Builder {
        let members = members.iter().map(|member| (*member).to_owned()).collect();
        self.directory.groups.push((name.to_owned(), members));
        self
    }
}

impl Host {
    /// Whether the directory fails from now on: nobody answers where it should listen.
    pub fn directory_fails(&self, fails: bool) {
        if fails {
            self.directory_fails_with(CONNECTION_REFUSED);
        } else {
            self.must_run(&["rm", "-f", DOWN]);
        }
    }

    /// The directory fails from now on with this errno; `ENOENT`, where the socket of the service is
    /// gone, looks most like a user who is not there.
    pub fn directory_fails_with(&self, errno: i32) {
        self.write(DOWN, errno.to_string());
    }
}

impl Directory {
    /// Puts the directory into a host and names it in nsswitch.conf, where anybody is in it.
    pub(crate) fn join(&self, host: &Host) {
        if self.users.is_empty() && self.groups.is_empty() {
            return;
        }
        let (mut users, mut groups) = (String::new(), String::new());
        for (id, (name, password)) in (FIRST_ID..).zip(&self.users) {
            // Writing to a String cannot fail.
            let _ = writeln!(users, "{name}:{password}:{id}:{id}::/home/{name}:/bin/bash");
            let _ = writeln!(groups, "{name}:x:{id}:");
            let (owner, home) = (id.to_string(), format!("/home/{name}"));
            host.must_run(&["install", "-d", "-m", "700", "-o", &owner, "-g", &owner, &home]);
        }
        for (id, (name, members)) in (FIRST_ID + self.users.len()..).zip(&self.groups) {
            let _ = writeln!(groups, "{name}:x:{id}:{}", members.join(","));
        }
        host.must_run(&["mkdir", "/etc/directory"]);
        host.write("/etc/directory/passwd", users);
        host.write("/etc/directory/group", groups);
        host.write(&library(&namespace::pam_directory()), built(host));
        // Whole: what this machine looks up elsewhere is no part of a test.
        let usual = || "files directory".to_owned();
        let [users, groups] = self.order.clone().unwrap_or_else(|| [usual(), usual()]);
        host.write(
            "/etc/nsswitch.conf",
            format!("passwd: {users}\ngroup: {groups}\nshadow: {users}\nhosts: files\n"),
        );
    }
}

impl Host {
    /// The directory has this name in nsswitch.conf, too, such as that of a service whose daemon is known.
    pub fn directory_is_also(&self, name: &str) {
        let prefix = format!("_nss_{name}_");
        self.write("/tmp/also.c", SOURCE.replace("_nss_directory_", &prefix));
        let library = library(&namespace::pam_directory()).replace("directory", name);
        self.must_run(&[
            "cc",
            "-std=gnu11",
            "-O1",
            "-fPIC",
            "-shared",
            "-o",
            &library,
            "/tmp/also.c",
            "-lcrypt",
        ]);
    }
}

/// Where glibc looks for the module: beside the directory of the PAM modules, in the host's own /usr.
fn library(pam_directory: &Path) -> String {
    let beside =
        pam_directory.parent().and_then(Path::to_str).expect("PAM modules lie in a library directory");
    let usr = if beside.starts_with("/usr/") { "" } else { "/usr" };
    format!("{usr}{beside}/libnss_directory.so.2")
}

/// The module, compiled once a test process, inside a host so that nothing of it stays.
fn built(host: &Host) -> &'static [u8] {
    static MODULE: OnceLock<Vec<u8>> = OnceLock::new();
    MODULE.get_or_init(|| {
        host.write("/tmp/directory.c", SOURCE);
        let flags = ["-std=gnu11", "-Wall", "-Wextra", "-Werror", "-O1", "-fPIC", "-shared"];
        let files = ["-o", "/tmp/directory.so", "/tmp/directory.c", "-lcrypt"];
        host.must_run(&[&["cc"], &flags[..], &files].concat());
        host.read("/tmp/directory.so")
    })
}
