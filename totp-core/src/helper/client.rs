//! Starts totp-helper and takes its answer.
//!
//! The host may be a screen locker that reaps children, ignores SIGCHLD, or runs threads: the answer on
//! the socket is what counts, not the exit status, and a dead helper must not raise SIGPIPE.

use super::protocol::UNKNOWN_REQUEST;
use super::{Answered, Envelope, HELPER, LONGEST_MESSAGE};
use crate::operation::Failure;
use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, send};
use nix::unistd::{AccessFlags, eaccess, geteuid};
use std::io::{ErrorKind, Read as _};
use std::net::Shutdown;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use zeroize::Zeroizing;

/// How long the helper may take: it waits at most 2 s for a lock, and writes to a disk.
const LONGEST_CALL: Duration = Duration::from_secs(10);
/// Bytes of the answer taken at a time.
const PIECE: usize = 4096;

/// Sends a request to totp-helper and returns its answer, as `read` understands it.
///
/// # Errors
/// What the helper answered; [`Failure::Unusable`] where it cannot be started or gives no answer.
pub fn call<R>(envelope: &Envelope, read: fn(&str) -> Option<Answered<R>>) -> Result<R, Failure> {
    let request = envelope.to_toml();
    if request.len() > LONGEST_MESSAGE {
        return Err(no_answer("the request is too long"));
    }
    let deadline = Instant::now().checked_add(LONGEST_CALL);
    let (ours, child) = start().map_err(|error| cannot_be_started(&error))?;
    let answer = exchange(&ours, &request, deadline);
    // Closing our end ends a helper that is still reading.
    drop(ours);
    reap(child, deadline);
    let answer = answer.map_err(|error| no_answer(&format!("gave no answer: {error}")))?;
    match read(&answer) {
        Some(Answered::Done(reply)) => Ok(reply),
        // What is sent here is whole: a helper that does not know it is an older one.
        Some(Answered::Failed(Failure::Unusable(why))) if why == UNKNOWN_REQUEST => {
            Err(no_answer("is older than the program that asks it; install both from the same release"))
        }
        Some(Answered::Failed(failure)) => Err(failure),
        None => Err(no_answer("gave no answer that can be understood")),
    }
}

/// Whether totp-helper is there and may be started by this process.
///
/// # Errors
/// [`Failure::Unusable`].
pub fn ensure_installed() -> Result<(), Failure> {
    eaccess(HELPER, AccessFlags::X_OK).map_err(|error| cannot_be_started(&error.into()))
}

fn cannot_be_started(error: &std::io::Error) -> Failure {
    no_answer(&format!("cannot be started: {error}"))
}

fn no_answer(why: &str) -> Failure {
    Failure::Unusable(format!("{HELPER}: {why}"))
}

fn start() -> std::io::Result<(UnixStream, Child)> {
    // The standard library panics where a program cannot be started and the host ignores SIGCHLD: there is no
    // child left to wait for. What this does not see ends at the guard of the entry points.
    eaccess(HELPER, AccessFlags::X_OK)?;
    let (ours, theirs) = UnixStream::pair()?;
    let output = OwnedFd::from(theirs.try_clone()?);
    let mut helper = Command::new(HELPER);
    if geteuid().is_root() {
        // Root in a set-user-ID program: the helper is to be root's and not the caller's, who could
        // otherwise send it signals, and would be the only user it serves.
        helper.uid(0);
    }
    let child = helper
        .env_clear()
        .current_dir("/")
        .stdin(OwnedFd::from(theirs))
        .stdout(output)
        .stderr(Stdio::null())
        .spawn()?;
    Ok((ours, child))
}

fn exchange(
    socket: &UnixStream,
    request: &str,
    deadline: Option<Instant>,
) -> std::io::Result<Zeroizing<String>> {
    let mut rest = request.as_bytes();
    while !rest.is_empty() {
        socket.set_write_timeout(Some(time_left(deadline)?))?;
        match send(socket.as_raw_fd(), rest, MsgFlags::MSG_NOSIGNAL) {
            Ok(sent) => rest = rest.get(sent..).unwrap_or_default(),
            Err(Errno::EINTR) => {}
            // It refused before it read; its answer is there.
            Err(Errno::EPIPE) => break,
            Err(error) => return Err(error.into()),
        }
    }
    // Fails where the helper is gone already; the answer is read all the same.
    let _ = socket.shutdown(Shutdown::Write);
    // Sized beforehand: a buffer that grows leaves pieces of secrets behind.
    let mut answer = Zeroizing::new(Vec::with_capacity(LONGEST_MESSAGE.saturating_add(PIECE)));
    let mut piece = Zeroizing::new([0; PIECE]);
    loop {
        socket.set_read_timeout(Some(time_left(deadline)?))?;
        let mut reader = socket;
        match reader.read(piece.as_mut_slice()) {
            Ok(0) => break,
            Ok(count) => answer.extend_from_slice(piece.get(..count).unwrap_or_default()),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            // A helper that refuses before it reads leaves the request unread; its answer came first.
            Err(error) if error.kind() == ErrorKind::ConnectionReset => break,
            Err(error) => return Err(error),
        }
        if answer.len() > LONGEST_MESSAGE {
            return Err(std::io::Error::other("it is too long"));
        }
    }
    String::from_utf8(std::mem::take(&mut *answer)).map(Zeroizing::new).map_err(|error| {
        drop(Zeroizing::new(error.into_bytes()));
        std::io::Error::other("it is no text")
    })
}

fn time_left(deadline: Option<Instant>) -> std::io::Result<Duration> {
    deadline
        .and_then(|deadline| deadline.checked_duration_since(Instant::now()))
        .filter(|left| !left.is_zero())
        .ok_or_else(|| std::io::Error::from(ErrorKind::TimedOut))
}

/// Collects the child, so that it is no zombie in a host that lives long. One that does not end is left:
/// it runs as another user and has a deadline of its own.
fn reap(mut child: Child, deadline: Option<Instant>) {
    while let Ok(None) = child.try_wait() {
        if time_left(deadline).is_err() {
            return;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}
