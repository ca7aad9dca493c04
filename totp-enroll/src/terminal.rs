//! The terminal: how large it is, what it can show, and the questions asked there.
//!
//! Questions stand on standard output where that is a terminal, else on standard error, so that a report
//! in a pipe stays clean. Answers are echoed: a code is spent as soon as it is typed.

use crate::exit::Stop;
use crate::text::wrapped;
use std::ffi::OsStr;
use std::io::{self, BufRead as _, IsTerminal as _, Read as _, Write as _};
use zeroize::Zeroizing;

/// Longest line read, in bytes: what a terminal's line discipline holds, too.
const LONGEST_LINE: u64 = 4096;
/// Widest line of running text.
const READABLE: usize = 80;

/// What is known of standard output.
pub struct Terminal {
    /// Whether it is a terminal at all.
    pub is_terminal: bool,
    /// Characters a line.
    pub columns: usize,
    /// Lines.
    pub lines: usize,
    /// Whether it shows colours, and is asked to.
    pub colours: bool,
    /// Whether it shows more than ASCII.
    pub unicode: bool,
    /// Whether it obeys escape sequences.
    pub obeys: bool,
}

impl Terminal {
    /// Finds out, from standard output and the environment.
    pub fn find() -> Self {
        let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty());
        let is_terminal = io::stdout().is_terminal();
        // A terminal that does not tell its size is taken for the usual one.
        let (columns, lines) = terminal_size::terminal_size_of(io::stdout())
            .map_or((80, 24), |(columns, lines)| (usize::from(columns.0), usize::from(lines.0)));
        let kind = variable("TERM");
        let obeys = is_terminal && kind.as_deref().is_some_and(|kind| kind != "dumb");
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(variable);
        Self {
            is_terminal,
            columns,
            lines,
            // qr2term's crossterm keeps to NO_COLOR by the same rule.
            colours: obeys && variable("NO_COLOR").is_none() && kind.as_deref().is_some_and(has_colours),
            unicode: shows_unicode(locale.as_deref(), kind.as_deref()),
            obeys,
        }
    }

    /// Stops where a secret would go elsewhere than to a terminal.
    pub fn insist(&self, way_out: &'static str) -> Result<(), Stop> {
        if self.is_terminal { Ok(()) } else { Err(Stop::NoTerminal(way_out)) }
    }

    /// Writes all of it at once.
    pub fn write(&self, text: &str) -> Result<(), Stop> {
        let mut output = io::stdout().lock();
        output.write_all(text.as_bytes()).and_then(|()| output.flush()).map_err(Stop::Output)
    }

    /// Running text, broken to fit, and a line feed.
    pub fn say(&self, text: &str) -> Result<(), Stop> {
        self.write(&format!("{}\n", self.fitted(text)))
    }

    /// Running text that does not belong to what a script reads.
    pub fn remark(&self, text: &str) {
        crate::exit::say_to_stderr(&self.fitted(text));
    }

    /// A value as JSON.
    pub fn json(&self, value: &serde_json::Value) -> Result<(), Stop> {
        self.write(&format!("{value:#}\n"))
    }

    /// Text broken into lines that fit.
    pub fn fitted(&self, text: &str) -> String {
        if self.is_terminal { wrapped(text, self.columns.min(READABLE)) } else { text.to_owned() }
    }

    /// Bold text where there are colours.
    pub fn bold(&self, text: &str) -> String {
        if self.colours { format!("\u{1b}[1m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    /// Asks, and reads a line.
    pub fn ask(&self, question: &str) -> Result<Zeroizing<String>, Stop> {
        if self.is_terminal {
            self.write(question)?;
        } else {
            let _ = io::stderr().lock().write_all(question.as_bytes());
        }
        let answer = read_line(&mut io::stdin().lock());
        // What is typed ends the line on the screen; what comes from a pipe does not.
        if !io::stdin().is_terminal() || answer.is_err() {
            let _ = if self.is_terminal { self.write("\n").ok() } else { io::stderr().write_all(b"\n").ok() };
        }
        answer
    }

    /// Asks for a code of a device, or a recovery code.
    pub fn ask_code(&self) -> Result<Zeroizing<String>, Stop> {
        self.ask("Code: ")
    }

    /// Goes on only if the answer is yes.
    pub fn ask_to_go_on(&self, question: &str) -> Result<(), Stop> {
        let answer = self.ask(&format!("{question} [y/N] "))?;
        match answer.trim() {
            "y" | "Y" | "yes" | "Yes" | "YES" => Ok(()),
            _ => Err(Stop::Declined),
        }
    }
}

/// Reads one line without its end. What is not UTF-8 becomes what no code holds.
fn read_line(input: &mut impl io::BufRead) -> Result<Zeroizing<String>, Stop> {
    // Reserved whole: growing would leave copies behind.
    let mut line = Zeroizing::new(Vec::with_capacity(8192));
    input.take(LONGEST_LINE).read_until(b'\n', &mut line).map_err(Stop::Input)?;
    if line.is_empty() {
        return Err(Stop::EndOfInput);
    }
    if line.len() as u64 == LONGEST_LINE && line.last() != Some(&b'\n') {
        return Err(Stop::LongLine);
    }
    Ok(Zeroizing::new(String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']).to_owned()))
}

fn has_colours(kind: &OsStr) -> bool {
    // VT100 to VT525 and their kin are monochrome.
    !kind.to_string_lossy().starts_with("vt")
}

/// Whether the locale says UTF-8, or says nothing, as in a container. The Linux console does without a
/// locale.
fn shows_unicode(locale: Option<&OsStr>, kind: Option<&OsStr>) -> bool {
    let Some(locale) = locale else { return true };
    let locale = locale.to_string_lossy().to_ascii_lowercase();
    locale.contains("utf-8") || locale.contains("utf8") || kind.is_some_and(|kind| kind == "linux")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(input: &[u8]) -> Result<String, Stop> {
        read_line(&mut &*input).map(|line| line.to_string())
    }

    #[test]
    fn a_line_is_read_without_its_end() {
        assert_eq!(line(b"123456\nrest").unwrap(), "123456");
        assert_eq!(line(b"123 456\r\n").unwrap(), "123 456");
        assert_eq!(line(b"\n").unwrap(), "");
        assert_eq!(line(b"123456").unwrap(), "123456");
        assert_eq!(line(b"12\0\xff\n").unwrap(), "12\0\u{fffd}");
    }

    #[test]
    fn the_end_of_input_and_an_endless_line_are_no_answers() {
        assert!(matches!(line(b""), Err(Stop::EndOfInput)));
        assert!(matches!(line(&[b'1'; 5000]), Err(Stop::LongLine)));
        assert!(line(&[&[b'1'; 4095][..], b"\n"].concat()).is_ok());
    }

    #[test]
    fn the_locale_tells_whether_more_than_ascii_can_be_shown() {
        let shows = |locale: &str, kind: &str| shows_unicode(Some(locale.as_ref()), Some(kind.as_ref()));
        assert!(shows("en_GB.UTF-8", "xterm") && shows("C.utf8", "xterm") && shows("C", "linux"));
        assert!(!shows("C", "xterm") && !shows("de_DE.ISO-8859-1", "xterm"));
        assert!(shows_unicode(None, None));
    }
}
