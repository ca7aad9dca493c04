//! The host's /dev/log: collects what programs send to syslog, so that tests can read it.

use std::fs::Permissions;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// The log; the thread that listens ends on drop.
pub struct Syslog {
    shared: Arc<Shared>,
    listener: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    news: Condvar,
}

#[derive(Default)]
struct State {
    lines: Vec<String>,
    closing: bool,
}

impl Syslog {
    /// Listens at a path that does not exist yet.
    pub fn listen(path: &Path) -> Syslog {
        let socket = UnixDatagram::bind(path).expect("/dev/log should be free in a new host");
        std::fs::set_permissions(path, Permissions::from_mode(0o666)).expect("everybody may log");
        socket.set_read_timeout(Some(Duration::from_millis(50))).expect("a socket takes a timeout");
        let shared = Arc::new(Shared::default());
        let listener = thread::spawn({
            let shared = Arc::clone(&shared);
            move || collect(&socket, &shared)
        });
        Syslog { shared, listener: Some(listener) }
    }

    /// Every line so far, as sent: `<86>Nov 22 10:00:00 sshd[7]: text`.
    pub fn lines(&self) -> Vec<String> {
        self.shared.state.lock().expect("no listener panics").lines.clone()
    }

    /// The first line that contains the text; waits for it at most 20 seconds.
    pub fn wait_for(&self, text: &str) -> String {
        let deadline = Instant::now() + Duration::from_secs(20);
        let mut state = self.shared.state.lock().expect("no listener panics");
        loop {
            if let Some(line) = state.lines.iter().find(|line| line.contains(text)) {
                return line.clone();
            }
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "the log never said `{text}`; it says:\n{}", state.lines.join("\n"));
            (state, _) = self.shared.news.wait_timeout(state, left).expect("no listener panics");
        }
    }
}

impl Drop for Syslog {
    fn drop(&mut self) {
        if let Ok(mut state) = self.shared.state.lock() {
            state.closing = true;
        }
        if let Some(listener) = self.listener.take() {
            let _ = listener.join();
        }
    }
}

fn collect(socket: &UnixDatagram, shared: &Shared) {
    let mut datagram = vec![0; 65_536];
    loop {
        let received = socket.recv(&mut datagram);
        let Ok(mut state) = shared.state.lock() else { return };
        match received {
            Ok(length) => {
                let line = String::from_utf8_lossy(&datagram[..length]);
                state.lines.push(line.trim_end_matches(['\n', '\0']).to_owned());
                shared.news.notify_all();
            }
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted
                ) => {}
            Err(error) => state.lines.push(format!("the log cannot be read any more: {error}")),
        }
        if state.closing {
            return;
        }
    }
}
