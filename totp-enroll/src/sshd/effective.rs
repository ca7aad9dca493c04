//! sshd's effective settings for one connection, from `sshd -T -C ...`.

use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// Where systems keep it; it is not looked for in the caller's PATH.
const PROGRAMS: [&str; 2] = ["/usr/sbin/sshd", "/usr/local/sbin/sshd"];
/// How long one answer may take: it takes some 20 ms.
const LONGEST_CALL: Duration = Duration::from_secs(10);
/// Between two looks at whether it has ended.
const BETWEEN_LOOKS: Duration = Duration::from_millis(2);
/// As much of an answer as is read, in bytes: it has about 5,000.
const LONGEST_ANSWER: u64 = 256 * 1024;
/// An address from elsewhere (RFC 5737): no network of a real host.
pub const ELSEWHERE: &str = "203.0.113.1";
/// A user whom no account has, and so no Match by name or group means.
pub const SOMEBODY: &str = "somebody";

/// How sshd lets somebody in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// `publickey`
    PublicKey,
    /// `password`: one question, whose answer goes to every prompt of the PAM stack.
    Password,
    /// `keyboard-interactive` by PAM: the one method that can ask for a code.
    KeyboardInteractive,
    /// Any other: it runs no auth stack of PAM.
    Other,
}

/// `PermitRootLogin`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RootLogin {
    /// `yes`
    Yes,
    /// `prohibit-password`, which -T calls `without-password`, or `forced-commands-only`: keys alone.
    KeysOnly,
    /// `no`
    No,
}

/// One way to log in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Way {
    /// As sshd_config writes it: `publickey,keyboard-interactive`.
    pub list: String,
    /// The methods that must all succeed, in their order.
    pub methods: Vec<Method>,
}

impl Way {
    fn new(list: &str) -> Self {
        Self { list: list.to_owned(), methods: list.split(',').map(method).collect() }
    }

    /// Whether this method is part of it.
    pub fn has(&self, wanted: Method) -> bool {
        self.methods.contains(&wanted)
    }

    /// Whether the module sees a key when it is run: `SSH_AUTH_INFO_0` names what succeeded before.
    pub fn shows_a_key(&self) -> bool {
        let place = |wanted| self.methods.iter().position(|method| *method == wanted);
        match (place(Method::PublicKey), place(Method::KeyboardInteractive)) {
            (Some(key), Some(code)) => key < code,
            _ => false,
        }
    }
}

/// What matters here of sshd's configuration, for one connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// `UsePAM`
    pub use_pam: bool,
    /// `PAMServiceName`, since OpenSSH 10.0: the PAM stack that is gone through.
    pub pam_service: String,
    /// `KbdInteractiveAuthentication`
    pub keyboard_interactive: bool,
    /// `PasswordAuthentication`
    pub password: bool,
    /// `PubkeyAuthentication`
    pub public_key: bool,
    /// `GSSAPIAuthentication` or `HostbasedAuthentication`
    pub other: bool,
    /// `PermitRootLogin`
    pub root: RootLogin,
    /// The lists of `AuthenticationMethods` as written; none for `any`.
    pub lists: Vec<String>,
    /// `LoginGraceTime` in seconds; 0 for no limit.
    pub grace_time: u64,
    /// `PidFile`
    pub pid_file: Option<PathBuf>,
}

impl Settings {
    /// Reads what `sshd -T` prints: one keyword in lower case and its value a line. The error says what is missing.
    pub fn parse(text: &str) -> Result<Self, String> {
        let value = |keyword: &str| {
            text.lines().find_map(|line| {
                let (word, value) = line.trim().split_once(' ')?;
                word.eq_ignore_ascii_case(keyword).then(|| value.trim())
            })
        };
        let must = |keyword: &str| {
            value(keyword).ok_or_else(|| format!("its answer to `sshd -T` has no line {keyword}"))
        };
        let is_yes = |value: &str| value.eq_ignore_ascii_case("yes");
        let lists: Vec<_> = must("authenticationmethods")?.split_whitespace().map(str::to_owned).collect();
        let grace_time = must("logingracetime")?;
        Ok(Self {
            // One that was built without PAM has no such line.
            use_pam: value("usepam").is_some_and(is_yes),
            pam_service: value("pamservicename").unwrap_or(super::SERVICE).to_owned(),
            keyboard_interactive: is_yes(must("kbdinteractiveauthentication")?),
            password: is_yes(must("passwordauthentication")?),
            public_key: is_yes(must("pubkeyauthentication")?),
            other: ["gssapiauthentication", "hostbasedauthentication"]
                .iter()
                .any(|keyword| value(keyword).is_some_and(is_yes)),
            root: match must("permitrootlogin")? {
                "yes" => RootLogin::Yes,
                "no" => RootLogin::No,
                _ => RootLogin::KeysOnly,
            },
            lists: if lists == ["any"] { Vec::new() } else { lists },
            grace_time: grace_time
                .parse()
                .map_err(|_| format!("its answer to `sshd -T` has an odd logingracetime, {grace_time}"))?,
            pid_file: value("pidfile").filter(|path| *path != "none").map(PathBuf::from),
        })
    }

    /// Every way to log in.
    pub fn ways(&self) -> Vec<Way> {
        if self.lists.is_empty() {
            let enabled = [
                (self.public_key, "publickey"),
                (self.keyboard_interactive, "keyboard-interactive"),
                (self.password, "password"),
                (self.other, "gssapi-with-mic or hostbased"),
            ];
            return enabled.into_iter().filter(|(on, _)| *on).map(|(_, name)| Way::new(name)).collect();
        }
        let usable = |way: &Way| way.methods.iter().all(|method| self.is_enabled(*method));
        self.lists.iter().map(|list| Way::new(list)).filter(usable).collect()
    }

    fn is_enabled(&self, method: Method) -> bool {
        match method {
            Method::PublicKey => self.public_key,
            Method::KeyboardInteractive => self.keyboard_interactive,
            Method::Password => self.password,
            Method::Other => true,
        }
    }

    /// Whether any way to log in can ask for a code.
    pub fn can_ask(&self) -> bool {
        self.use_pam && self.ways().iter().any(|way| way.has(Method::KeyboardInteractive))
    }
}

fn method(name: &str) -> Method {
    match name {
        "publickey" => Method::PublicKey,
        "password" => Method::Password,
        "keyboard-interactive" | "keyboard-interactive:pam" => Method::KeyboardInteractive,
        _ => Method::Other,
    }
}

/// A connection that sshd is asked about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Connection {
    /// Who logs in.
    pub user: String,
    /// The address it comes from.
    pub address: String,
    /// The port of this host.
    pub port: u16,
}

impl Connection {
    /// One that no Match means, or only such as mean everybody.
    pub fn of_somebody() -> Self {
        Self { user: SOMEBODY.to_owned(), address: ELSEWHERE.to_owned(), port: 22 }
    }

    /// The value of `-C`. Every key is given: with a Match on one that is missing, sshd gives no answer.
    fn specification(&self) -> Result<String, String> {
        let Self { user, address, port } = self;
        if user.contains(',') || address.contains(',') {
            return Err("a comma in a name cannot be asked about".to_owned());
        }
        Ok(format!("user={user},host={address},addr={address},laddr=192.0.2.1,lport={port},rdomain="))
    }
}

/// Where sshd lies on this host.
pub fn program() -> Option<&'static Path> {
    PROGRAMS.iter().map(Path::new).find(|path| path.exists())
}

/// Asks sshd about a connection. The error says why there is no answer, in sshd's words where it gave any.
pub fn ask(program: &Path, connection: &Connection) -> Result<Settings, String> {
    let specification = connection.specification()?;
    let arguments = ["-T", "-C", &specification];
    let answer = match run(program, &arguments, LONGEST_CALL) {
        Err(why) if make_missing_directory(&why)? => run(program, &arguments, LONGEST_CALL),
        answer => answer,
    };
    Settings::parse(&answer?)
}

/// sshd wants the directory that its service makes, although it will not use it for an answer. Whether it was
/// missing and was made.
fn make_missing_directory(why: &str) -> Result<bool, String> {
    let Some((_, missing)) = why.split_once("Missing privilege separation directory: ") else {
        return Ok(false);
    };
    // No other directory is for this program to make.
    let missing = Path::new(missing.trim());
    if !["/run/sshd", "/var/run/sshd"].iter().any(|known| missing == Path::new(known)) {
        return Ok(false);
    }
    let made = fs::DirBuilder::new()
        .mode(0o755)
        .create(missing)
        // The umask of whoever calls is not meant for it.
        .and_then(|()| fs::set_permissions(missing, fs::Permissions::from_mode(0o755)));
    made.map(|()| true).map_err(|error| format!("{why}, and it cannot be made: {error}"))
}

/// What a program prints, with an empty environment and nothing to read.
fn run(program: &Path, arguments: &[&str], longest: Duration) -> Result<String, String> {
    let failed = |error: io::Error| format!("it cannot be run: {error}");
    let mut child = Command::new(program)
        .args(arguments)
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    let (printed, complained) = (listen(child.stdout.take()), listen(child.stderr.take()));
    let deadline = Instant::now().checked_add(longest);
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) if deadline.is_some_and(|deadline| Instant::now() < deadline) => {
                std::thread::sleep(BETWEEN_LOOKS);
            }
            Ok(None) => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(format!("it did not answer within {} s", longest.as_secs()));
            }
            Err(error) => return Err(failed(error)),
        }
    };
    let heard =
        |channel: mpsc::Receiver<String>| channel.recv_timeout(Duration::from_secs(1)).unwrap_or_default();
    if status.success() {
        return Ok(heard(printed));
    }
    // The last line is the one that ended it; those before are about lines that it could do without.
    let complaint = heard(complained);
    let why = complaint.lines().map(str::trim).rfind(|line| !line.is_empty());
    Err(why.map_or_else(|| format!("it failed ({status}) and does not say why"), str::to_owned))
}

/// Reads to the end, so that nobody waits for room, and keeps as much as an answer may have.
fn listen<R: Read + Send + 'static>(stream: Option<R>) -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    if let Some(mut stream) = stream {
        std::thread::spawn(move || {
            let mut said = Vec::new();
            let _ = stream.by_ref().take(LONGEST_ANSWER).read_to_end(&mut said);
            let _ = io::copy(&mut stream, &mut io::sink());
            let _ = sender.send(String::from_utf8_lossy(&said).into_owned());
        });
    }
    receiver
}

#[cfg(test)]
pub mod tests;
