//! A terminal with a screen, by tmux inside the host: what a person sees as a whole, with colours.

use crate::Host;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Runs a program, notes its exit status in the file named first, and leaves the screen as it is.
/// (tmux itself at times does not learn the status of a program that ends.)
const KEEP_SCREEN: &str = r#"trap : INT QUIT; "$@"; echo $? >"$0"; exec sleep 3600"#;

static TERMINALS: AtomicUsize = AtomicUsize::new(0);

/// What kind of terminal a program finds.
#[derive(Clone, Copy)]
pub struct TerminalKind<'a> {
    /// Columns.
    pub width: u16,
    /// Rows.
    pub height: u16,
    /// Variables in the environment, as `NAME=value`.
    pub environment: &'a [&'a str],
}

/// The terminal that everything must fit: 80x24, with colours.
pub const COLOUR_80X24: TerminalKind = TerminalKind { width: 80, height: 24, environment: &[] };

/// A program on a screen; it ends with the host, or when this is dropped.
pub struct Terminal<'h> {
    host: &'h Host,
    user: String,
    socket: String,
}

impl Host {
    /// Starts a program of a user on a screen of 80x24.
    pub fn terminal(&self, user: &str, words: &[&str]) -> Terminal<'_> {
        self.terminal_like(COLOUR_80X24, user, words)
    }

    /// Starts a program of a user on a screen of another kind.
    pub fn terminal_like(&self, kind: TerminalKind, user: &str, words: &[&str]) -> Terminal<'_> {
        let number = TERMINALS.fetch_add(1, Ordering::Relaxed);
        let terminal = Terminal {
            host: self,
            user: user.to_owned(),
            socket: format!("screen-{}-{number}", std::process::id()),
        };
        let (width, height) = (kind.width.to_string(), kind.height.to_string());
        let status_file = terminal.status_file();
        let start = [
            &["start-server", ";"][..],
            &["set-option", "-g", "status", "off", ";"],
            &["set-option", "-g", "default-terminal", "screen-256color", ";"],
            &["new-session", "-d", "-x", &width, "-y", &height, "env"],
            kind.environment,
            &["sh", "-c", KEEP_SCREEN, &status_file],
            words,
        ]
        .concat();
        terminal.tmux(&start);
        terminal
    }
}

/// What totp-enroll asks for the first code of a new device with.
pub const PROOF: &str = "Code from the app: ";

impl Terminal<'_> {
    /// Types text as it is, without Enter.
    pub fn types(&self, text: &str) {
        self.tmux(&["send-keys", "-l", "--", text]);
    }

    /// Presses a key by tmux's name for it: `Enter`, `C-c`.
    pub fn presses(&self, key: &str) {
        self.tmux(&["send-keys", key]);
    }

    /// Types a line.
    pub fn enters(&self, line: &str) {
        if !line.is_empty() {
            self.types(line);
        }
        self.presses("Enter");
    }

    /// Waits until the screen shows the text, and returns all that was ever on it.
    pub fn shows(&self, text: &str) -> String {
        self.waits(&format!("show `{text}`"), |all| all.contains(text))
    }

    /// Goes on from the warnings of a set-up to the prompt for its first code, and returns all that was
    /// ever on the screen.
    pub fn asks_for_proof(&self) -> String {
        self.shows("Press Enter when your app is ready to scan.");
        self.presses("Enter");
        self.shows(PROOF)
    }

    /// Waits until the text stands there so many times, and returns all that was ever on the screen.
    pub fn shows_times(&self, text: &str, times: usize) -> String {
        self.waits(&format!("show `{text}` {times} times"), |all| all.matches(text).count() >= times)
    }

    /// Waits until the program has ended, and returns its exit status; 128 and the number for a signal.
    pub fn exit_status(&self) -> i32 {
        self.waits("end", |_| self.status().is_some());
        self.status().expect("it has just ended")
    }

    /// The text on the screen, wrapped lines joined.
    pub fn text(&self) -> String {
        self.tmux(&["capture-pane", "-p", "-J"])
    }

    /// All that was ever on the screen, wrapped lines joined.
    pub fn history(&self) -> String {
        self.tmux(&["capture-pane", "-p", "-J", "-S", "-"])
    }

    /// The screen with its colours, one line a row.
    pub fn screen(&self) -> String {
        // -N: coloured blanks at the end of a line are the quiet zone of a QR code.
        self.tmux(&["capture-pane", "-p", "-e", "-N"])
    }

    /// What the camera of a phone reads from the screen.
    pub fn qr(&self, theme: crate::Theme) -> Option<String> {
        crate::read_qr(&self.screen(), theme)
    }

    fn waits(&self, what: &str, condition: impl Fn(&str) -> bool) -> String {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            let ended = self.status().is_some();
            let all = self.history();
            if condition(&all) {
                return all;
            }
            let late = ended || Instant::now() > deadline;
            assert!(!late, "the program did not {what}; the screen says:\n{all}");
            std::thread::sleep(Duration::from_millis(30));
        }
    }

    fn status(&self) -> Option<i32> {
        let text = std::fs::read_to_string(self.host.path(&self.status_file())).ok()?;
        text.strip_suffix('\n')?.parse().ok()
    }

    fn status_file(&self) -> String {
        format!("/tmp/{}.status", self.socket)
    }

    fn tmux(&self, words: &[&str]) -> String {
        let all = [&["tmux", "-u", "-L", &self.socket, "-f", "/dev/null"], words].concat();
        let outcome = self.host.run_as(&self.user, &all);
        assert_eq!(outcome.status, 0, "tmux {words:?} failed: {outcome:?}");
        outcome.stdout
    }
}

impl Drop for Terminal<'_> {
    fn drop(&mut self) {
        self.host.run_as(&self.user, &["tmux", "-L", &self.socket, "kill-server"]);
    }
}
