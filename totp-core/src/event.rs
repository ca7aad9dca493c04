//! Log lines: one an event, `key=value` for machines and a sentence for people.
//!
//! `event=login result=denied reason=used-code user=alice service=sshd from=192.0.2.7`
//!
//! Never a code or a secret, and no byte that a terminal or a log parser would obey.

use std::fmt::{self, Write as _};

/// How much an event matters: the level it has in syslog.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Only with the module's `debug` argument.
    Debug,
    /// Something happened that should.
    Info,
    /// Something that an administrator may want to look at.
    Notice,
    /// Something is wrong.
    Warning,
    /// Nobody gets in until it is mended.
    Error,
}

/// Where log lines go: pam_syslog(3) in the module, syslog(3) elsewhere.
pub trait EventLog {
    /// Writes one line.
    fn write(&self, level: Level, line: &str);

    /// Writes an event.
    fn event(&self, level: Level, event: &Event) {
        self.write(level, &event.line);
    }
}

/// One event under construction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    line: String,
}

impl Event {
    /// An event of this name, such as `login`.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self { line: String::with_capacity(160) }.with("event", &name)
    }

    /// Adds a key; the value is escaped, and quoted where it is a sentence.
    #[must_use]
    pub fn with(mut self, key: &str, value: &dyn fmt::Display) -> Self {
        if !self.line.is_empty() {
            self.line.push(' ');
        }
        // Writing to a String cannot fail.
        let _ = write!(self.line, "{key}=");
        let start = self.line.len();
        let _ = write!(self.line, "{value}");
        if let Some(written) = self.line.get(start..).filter(|written| !is_plain(written)) {
            let escaped = escape(written);
            self.line.truncate(start);
            self.line.push_str(&escaped);
        }
        self
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.line)
    }
}

/// Whether a value stands for itself.
fn is_plain(value: &str) -> bool {
    !value.is_empty()
        && value.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\' | b'='))
}

/// A value without a byte that could be taken for the end of it, or for an order to a terminal.
fn escape(value: &str) -> String {
    let mut escaped = String::with_capacity(value.len());
    let quote = value.is_empty() || value.contains([' ', '=']);
    if quote {
        escaped.push('"');
    }
    for byte in value.bytes() {
        match byte {
            b' '..=b'~' if byte != b'"' && byte != b'\\' => escaped.push(char::from(byte)),
            _ => {
                let _ = write!(escaped, "\\x{byte:02x}");
            }
        }
    }
    if quote {
        escaped.push('"');
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_event_reads_like_the_design_says() {
        let event = Event::new("login")
            .with("result", &"denied")
            .with("reason", &"used-code")
            .with("user", &"alice")
            .with("from", &"192.0.2.7");
        assert_eq!(event.to_string(), "event=login result=denied reason=used-code user=alice from=192.0.2.7");
    }

    #[test]
    fn hostile_values_stay_one_value() {
        let event = Event::new("login").with("user", &"a\n\u{1b}[2Jevent=login \"x\" \u{fc}\\");
        assert_eq!(event.to_string(), r#"event=login user="a\x0a\x1b[2Jevent=login \x22x\x22 \xc3\xbc\x5c""#);
        assert_eq!(Event::new("x").with("k", &"").to_string(), "event=x k=\"\"");
    }

    proptest! {
        #[test]
        fn a_line_is_printable_ascii(value in "\\PC{0,40}|[\\x00-\\x1f]{0,9}") {
            let line = Event::new("login").with("user", &value).to_string();
            prop_assert!(line.bytes().all(|byte| (b' '..=b'~').contains(&byte)));
        }
    }
}
