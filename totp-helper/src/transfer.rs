//! One request in and one answer out, over sockets alone, each with a bound in bytes and in time.
//!
//! The caller may share a socket with processes that take what poll(2) saw, or that fill the room it saw. A call with
//! MSG_DONTWAIT says so and does not wait; pipes, files and terminals have no such call.

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{MsgFlags, SockType, getsockopt, recv, send as send_some, sockopt};
use std::io::{Error, ErrorKind, Result};
use std::os::fd::{AsFd, AsRawFd as _};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};
use totp_core::helper::LONGEST_MESSAGE;
use zeroize::Zeroizing;

/// How long a caller may take to send a request, or to take the answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// Bytes taken at a time.
const PIECE: usize = 4096;

/// Standard input and output, which are stream sockets of this machine.
pub(crate) struct Sockets {
    input: UnixStream,
    output: UnixStream,
}

impl Sockets {
    /// Looks at what the caller gave; nothing is read. `None` where one of the two is anything else.
    pub(crate) fn of_caller() -> Option<Self> {
        Some(Self { input: socket(std::io::stdin())?, output: socket(std::io::stdout())? })
    }

    /// Reads the request to its end.
    pub(crate) fn receive(&self) -> Result<Zeroizing<String>> {
        let deadline = deadline();
        let mut request = Zeroizing::new(Vec::with_capacity(LONGEST_MESSAGE.saturating_add(PIECE)));
        let mut piece = Zeroizing::new([0; PIECE]);
        loop {
            wait(&self.input, PollFlags::POLLIN, deadline)?;
            match recv(self.input.as_raw_fd(), piece.as_mut_slice(), MsgFlags::MSG_DONTWAIT) {
                Ok(0) => break,
                Ok(count) => request.extend_from_slice(piece.get(..count).unwrap_or_default()),
                Err(Errno::EAGAIN | Errno::EINTR) => {}
                Err(error) => return Err(error.into()),
            }
            if request.len() > LONGEST_MESSAGE {
                return Err(Error::other("the request is longer than 64 KiB"));
            }
        }
        String::from_utf8(std::mem::take(&mut *request))
            .map(Zeroizing::new)
            .map_err(|_| Error::other("the request is not valid UTF-8"))
    }

    /// Writes the answer.
    pub(crate) fn send(&self, answer: &[u8]) -> Result<()> {
        let deadline = deadline();
        let mut rest = answer;
        while !rest.is_empty() {
            wait(&self.output, PollFlags::POLLOUT, deadline)?;
            let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
            match send_some(self.output.as_raw_fd(), rest, flags) {
                Ok(count) => rest = rest.get(count..).unwrap_or_default(),
                Err(Errno::EAGAIN | Errno::EINTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}

/// A stream socket of this machine; `None` for any other, which may have rules of its own for closing and blocking.
fn socket(descriptor: impl AsFd) -> Option<UnixStream> {
    let socket = UnixStream::from(descriptor.as_fd().try_clone_to_owned().ok()?);
    let is_stream = getsockopt(&socket, sockopt::SockType).is_ok_and(|kind| kind == SockType::Stream);
    // Fails for a socket of another family.
    (is_stream && socket.local_addr().is_ok()).then_some(socket)
}

fn deadline() -> Option<Instant> {
    Instant::now().checked_add(PATIENCE)
}

fn wait(descriptor: &impl AsFd, event: PollFlags, deadline: Option<Instant>) -> Result<()> {
    loop {
        let left = deadline
            .and_then(|deadline| deadline.checked_duration_since(Instant::now()))
            .ok_or_else(|| Error::from(ErrorKind::TimedOut))?;
        let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::ZERO);
        match poll(&mut [PollFd::new(descriptor.as_fd(), event)], timeout) {
            Ok(0) => return Err(Error::from(ErrorKind::TimedOut)),
            Ok(_) => return Ok(()),
            Err(Errno::EINTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;
    use std::io::{Read as _, Write as _};
    use std::net::{Shutdown, TcpListener, TcpStream, UdpSocket};
    use std::os::unix::net::UnixDatagram;

    fn sockets() -> (UnixStream, Sockets) {
        let (ours, theirs) = UnixStream::pair().unwrap();
        (ours, Sockets { input: theirs.try_clone().unwrap(), output: theirs })
    }

    #[test]
    fn only_stream_sockets_of_this_machine_are_taken() {
        let (stream, _other) = UnixStream::pair().unwrap();
        assert!(socket(&stream).is_some());
        let (pipe, pipe_end) = std::io::pipe().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let tcp = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        assert!(socket(pipe).is_none() && socket(pipe_end).is_none());
        assert!(socket(listener).is_none() && socket(tcp).is_none());
        assert!(socket(UdpSocket::bind("127.0.0.1:0").unwrap()).is_none());
        assert!(socket(UnixDatagram::unbound().unwrap()).is_none());
        for path in ["/dev/null", "/dev/zero", "/", "/proc/self/exe"] {
            assert!(socket(File::open(path).unwrap()).is_none(), "{path}");
        }
    }

    #[test]
    fn a_request_in_pieces_is_read_whole_up_to_64_kib() {
        for (length, is_taken) in
            [(0, true), (1, true), (LONGEST_MESSAGE, true), (LONGEST_MESSAGE + 1, false)]
        {
            let (mut ours, theirs) = sockets();
            let writer = std::thread::spawn(move || {
                for piece in vec![b'x'; length].chunks(1000) {
                    ours.write_all(piece)?;
                }
                ours.shutdown(Shutdown::Write)
            });
            let received = theirs.receive();
            assert_eq!(received.as_ref().is_ok_and(|text| text.len() == length), is_taken, "{length}");
            drop(theirs);
            assert!(writer.join().unwrap().is_ok() || !is_taken);
        }
    }

    #[test]
    fn a_request_that_is_not_utf_8_is_refused() {
        let (mut ours, theirs) = sockets();
        ours.write_all(&[0xff, 0xfe]).unwrap();
        ours.shutdown(Shutdown::Write).unwrap();
        assert!(theirs.receive().is_err());
    }

    #[test]
    fn an_answer_longer_than_the_socket_has_room_for_arrives_whole() {
        let (mut ours, theirs) = sockets();
        let answer: Vec<u8> = (0..1_000_000_u32).map(|number| number.to_ne_bytes()[0]).collect();
        let expected = answer.clone();
        let reader = std::thread::spawn(move || {
            let mut read = Vec::new();
            ours.read_to_end(&mut read).map(|_| read)
        });
        theirs.send(&answer).unwrap();
        drop(theirs);
        assert!(reader.join().unwrap().unwrap() == expected);
    }

    #[test]
    fn a_caller_that_is_gone_is_an_error_and_no_signal() {
        let (ours, theirs) = sockets();
        drop(ours);
        assert!(theirs.send(b"answer").is_err());
    }
}
