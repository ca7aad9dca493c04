//! One request in and one answer out, each with a bound in bytes and in time.

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::fs::File;
use std::io::{Error, ErrorKind, Read as _, Result, Write as _};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};
use totp_core::helper::LONGEST_MESSAGE;
use zeroize::Zeroizing;

/// How long a caller may take to send a request, or to take the answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// Bytes that a descriptor takes without blocking once poll(2) says that it is ready: PIPE_BUF.
const PIECE: usize = 4096;

/// Reads standard input to its end.
pub(crate) fn receive() -> Result<Zeroizing<String>> {
    // Not through the library's buffer, which is never wiped.
    let mut input = File::from(std::io::stdin().as_fd().try_clone_to_owned()?);
    let deadline = deadline();
    let mut request = Zeroizing::new(Vec::with_capacity(LONGEST_MESSAGE.saturating_add(PIECE)));
    let mut piece = Zeroizing::new([0; PIECE]);
    loop {
        wait(&input, PollFlags::POLLIN, deadline)?;
        match input.read(piece.as_mut_slice()) {
            Ok(0) => break,
            Ok(count) => request.extend_from_slice(piece.get(..count).unwrap_or_default()),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        if request.len() > LONGEST_MESSAGE {
            return Err(Error::other("the request is longer than 64 KiB"));
        }
    }
    String::from_utf8(std::mem::take(&mut *request))
        .map(Zeroizing::new)
        .map_err(|_| Error::other("the request is no text"))
}

/// Writes `answer` to standard output.
pub(crate) fn send(answer: &[u8]) -> Result<()> {
    let deadline = deadline();
    let mut output = File::from(std::io::stdout().as_fd().try_clone_to_owned()?);
    for piece in answer.chunks(PIECE) {
        wait(&output, PollFlags::POLLOUT, deadline)?;
        output.write_all(piece)?;
    }
    Ok(())
}

fn deadline() -> Option<Instant> {
    Instant::now().checked_add(PATIENCE)
}

fn wait(descriptor: &impl AsFd, event: PollFlags, deadline: Option<Instant>) -> Result<()> {
    let left = deadline
        .and_then(|deadline| deadline.checked_duration_since(Instant::now()))
        .ok_or_else(|| Error::from(ErrorKind::TimedOut))?;
    let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::ZERO);
    match poll(&mut [PollFd::new(descriptor.as_fd(), event)], timeout)? {
        0 => Err(Error::from(ErrorKind::TimedOut)),
        _ => Ok(()),
    }
}
