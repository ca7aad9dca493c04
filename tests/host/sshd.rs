//! A real sshd of a host on a port of loopback, and of its network where it has one, with keys and a configuration of its own,
//! and the ssh client that logs in to it.

use crate::{Dialogue, Host};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// sshd_config of Debian 12 and 13 as it is shipped, without its comments.
const AS_DEBIAN_SHIPS_IT: &str = "Include /etc/ssh/sshd_config.d/*.conf\n\
                                  KbdInteractiveAuthentication no\n\
                                  UsePAM yes\n\
                                  X11Forwarding yes\n\
                                  PrintMotd no\n\
                                  AcceptEnv LANG LC_*\n\
                                  Subsystem sftp /usr/lib/openssh/sftp-server\n";

/// How often another port is tried when one was taken meanwhile.
const ATTEMPTS: usize = 10;

/// Where every sshd of a host listens.
const LOOPBACK: &str = "127.0.0.1";

/// What sshd reads, and what the product asks sshd about.
const CONFIGURATION: &str = "/etc/ssh/sshd_config";

/// The server; it ends with the host's namespace, and its sessions with it.
pub(crate) struct Sshd {
    server: Child,
    port: u16,
}

/// A key pair whose public half lets a user in.
pub struct ClientKey {
    path: String,
}

impl ClientKey {
    /// The file of the secret half.
    pub fn path(&self) -> &str {
        &self.path
    }
}

impl Sshd {
    pub(crate) fn start(host: &Host, options: &[String], is_as_shipped: bool) -> Sshd {
        host.must_run(&["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "/etc/ssh/host_key"]);
        for _ in 0..ATTEMPTS {
            if let Some(sshd) = Sshd::try_port(host, options, is_as_shipped, free_port()) {
                return sshd;
            }
        }
        panic!("sshd did not start; the log says:\n{}", host.log().join("\n"));
    }

    fn try_port(host: &Host, options: &[String], is_as_shipped: bool, port: u16) -> Option<Sshd> {
        let address = host.ssh_address();
        let network = if address == LOOPBACK { String::new() } else { format!("ListenAddress {address}\n") };
        let own = format!(
            "ListenAddress {LOOPBACK}\n{network}Port {port}\nHostKey /etc/ssh/host_key\nLogLevel VERBOSE\n"
        );
        // The first value of an option counts: what a test asks for stands first.
        let configuration = if is_as_shipped {
            format!("{}{AS_DEBIAN_SHIPS_IT}{own}", options.join("\n"))
        } else {
            format!(
                "{}\n{own}\
                 PidFile none\n\
                 UsePAM yes\n\
                 KbdInteractiveAuthentication yes\n\
                 PasswordAuthentication no\n\
                 LoginGraceTime 10m\n\
                 UseDNS no\n\
                 MaxStartups 100\n\
                 PrintMotd no\n",
                options.join("\n")
            )
        };
        host.write(CONFIGURATION, configuration);
        let mut server = host
            .command_as("root", &["/usr/sbin/sshd", "-D", "-f", CONFIGURATION])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("sshd (openssh-server) should start");
        let listening = format!("Server listening on {address} port {port}.");
        let deadline = Instant::now() + Duration::from_secs(10);
        while host.times_logged(&listening) == 0 {
            if server.try_wait().is_ok_and(|ended| ended.is_some()) || Instant::now() > deadline {
                let _ = server.kill();
                let _ = server.wait();
                return None;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let key = String::from_utf8(host.read("/etc/ssh/host_key.pub")).expect("a key is ASCII");
        host.write("/root/known_hosts", format!("[{LOOPBACK}]:{port},[{address}]:{port} {key}"));
        Some(Sshd { server, port })
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

impl Host {
    /// The port that sshd listens on.
    pub fn ssh_port(&self) -> u16 {
        self.sshd.as_ref().expect("a host with a stack for sshd has an sshd").port
    }

    /// Begins a login over ssh by keyboard-interactive, with one try: from the client where the host has a network,
    /// else from 127.0.0.1.
    pub fn ssh(&self, user: &str) -> Dialogue {
        self.ssh_with(user, &[])
    }

    /// Begins a login with more options for the ssh client (`-b` for another address).
    pub fn ssh_with(&self, user: &str, options: &[&str]) -> Dialogue {
        Dialogue::start(self.ssh_command(user, options))
    }

    /// Begins a login from one of the client's addresses, or without a network from one of loopback.
    pub fn ssh_from(&self, address: &str, user: &str) -> Dialogue {
        self.ssh_with(user, &["-b", address])
    }

    /// Begins a login that the host makes to itself, to and so from this address of its own.
    pub fn ssh_from_itself(&self, address: &str, user: &str) -> Dialogue {
        let words = self.ssh_words_to(address, user, &[]);
        self.dialogue_as("root", &words.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// The ssh client with everything it needs for a login.
    pub fn ssh_command(&self, user: &str, options: &[&str]) -> Command {
        let words = self.ssh_words(user, options);
        let (program, arguments) = words.split_first().expect("ssh is a word");
        let mut command = self.namespace.command_of_client(program);
        command.args(arguments).env("USER", "root").env("LOGNAME", "root").env("SHELL", "/bin/bash");
        command
    }

    /// The words of that command, for a terminal.
    pub fn ssh_words(&self, user: &str, options: &[&str]) -> Vec<String> {
        self.ssh_words_to(self.ssh_address(), user, options)
    }

    fn ssh_words_to(&self, address: &str, user: &str, options: &[&str]) -> Vec<String> {
        let port = self.ssh_port().to_string();
        let usual = [
            "-F",
            "none",
            "-o",
            "UserKnownHostsFile=/root/known_hosts",
            "-o",
            "GlobalKnownHostsFile=/dev/null",
            "-o",
            "StrictHostKeyChecking=yes",
            "-o",
            "IdentityAgent=none",
            "-o",
            "IdentityFile=none",
            "-o",
            "PreferredAuthentications=publickey,keyboard-interactive",
            "-o",
            "NumberOfPasswordPrompts=1",
            "-o",
            "ConnectTimeout=20",
            "-p",
            &port,
            "-l",
            user,
            address,
        ];
        [&["ssh"], options, &usual].concat().into_iter().map(str::to_owned).collect()
    }

    /// Makes a key pair that lets the user in.
    pub fn client_key(&self, user: &str) -> ClientKey {
        let path = format!("/root/key-of-{user}");
        self.must_run(&["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", &path]);
        let home = format!("/home/{user}/.ssh");
        self.must_run(&["install", "-d", "-m", "700", "-o", user, "-g", user, &home]);
        let public = format!("{path}.pub");
        let authorized = format!("{home}/authorized_keys");
        self.must_run(&["install", "-m", "600", "-o", user, "-g", user, &public, &authorized]);
        ClientKey { path }
    }

    /// Begins a login with a key.
    pub fn ssh_with_key(&self, user: &str, key: &ClientKey) -> Dialogue {
        self.ssh_with(user, &["-i", &key.path])
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .expect("loopback has free ports")
        .port()
}
