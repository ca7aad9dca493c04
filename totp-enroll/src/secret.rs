//! A secret on the screen: as a QR code where that fits, always as text.

use crate::clipboard;
use crate::exit::Stop;
use crate::qr::{Code, Style};
use crate::terminal::Terminal;
use crate::text::grouped;
use totp_core::policy::QrStyle;
use zeroize::Zeroizing;

/// What can be drawn of a URI here.
enum Picture {
    /// The whole code, with a line left for a prompt below.
    Fits(Code, Style),
    /// It would need so many columns and lines.
    TooLarge(usize, usize),
    /// None is wanted, or the URI is too long for one.
    None,
}

impl Picture {
    fn of(terminal: &Terminal, plain: QrStyle, uri: &str) -> Self {
        let Some((style, code)) = Style::of(terminal, plain).zip(Code::of(uri)) else {
            return Self::None;
        };
        let (columns, lines) = code.size(style);
        if columns <= terminal.columns && lines < terminal.lines {
            Self::Fits(code, style)
        } else {
            Self::TooLarge(columns, lines.saturating_add(1))
        }
    }
}

/// Shows the secret of a new device, the QR code last, so that it stands right above the next prompt.
/// A code that fills the screen pushes off what was said before, so the person says when.
pub fn show_to_scan(
    terminal: &Terminal,
    plain: QrStyle,
    uri: &Zeroizing<String>,
    secret: &Zeroizing<String>,
    copy: bool,
) -> Result<(), Stop> {
    let mut picture = Picture::of(terminal, plain, uri);
    if let Picture::Fits(..) = picture {
        terminal.say("\nTo type it into the app instead of scanning it, take this secret:")?;
        terminal.write(&line_of(secret))?;
        copy_if_asked(terminal, secret, copy)?;
        terminal.ask("\nPress Enter when your app is ready to scan. ")?;
        // The window may have another size by now.
        picture = Picture::of(&Terminal::find(), plain, uri);
        if let Picture::Fits(code, style) = picture {
            return terminal.write(&Zeroizing::new(code.draw(style)));
        }
    }
    explain_size(terminal, &picture)?;
    terminal.say("\nGive the app this URI, or type the secret below it into the app:")?;
    terminal.write(&line_of_uri(uri))?;
    terminal.write(&line_of(secret))?;
    copy_if_asked(terminal, secret, copy)
}

/// Shows a secret that is set up already, and draws its QR code below where that is wanted.
pub fn show_again(
    terminal: &Terminal,
    plain: QrStyle,
    uri: &Zeroizing<String>,
    secret: &Zeroizing<String>,
    draw: bool,
    copy: bool,
) -> Result<(), Stop> {
    terminal.write(&line_of_uri(uri))?;
    terminal.write(&line_of(secret))?;
    copy_if_asked(terminal, secret, copy)?;
    if !draw {
        return Ok(());
    }
    match Picture::of(terminal, plain, uri) {
        Picture::Fits(code, style) => terminal.write(&Zeroizing::new(code.draw(style))),
        other => explain_size(terminal, &other),
    }
}

fn line_of(secret: &str) -> Zeroizing<String> {
    Zeroizing::new(format!("{}\n", *grouped(secret)))
}

fn line_of_uri(uri: &str) -> Zeroizing<String> {
    Zeroizing::new(format!("{uri}\n"))
}

fn copy_if_asked(terminal: &Terminal, secret: &str, copy: bool) -> Result<(), Stop> {
    if copy { clipboard::copy(terminal, secret) } else { Ok(()) }
}

fn explain_size(terminal: &Terminal, picture: &Picture) -> Result<(), Stop> {
    match picture {
        Picture::TooLarge(columns, lines) => terminal.say(&format!(
            "The QR code needs a terminal of at least {columns} columns and {lines} lines; this one has {} and {}.",
            terminal.columns, terminal.lines
        )),
        Picture::Fits(..) | Picture::None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const URI: &str = "otpauth://totp/web1:alice?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=web1";

    fn terminal(columns: usize, lines: usize) -> Terminal {
        Terminal { is_terminal: true, columns, lines, colours: true, unicode: true, obeys: true }
    }

    #[test]
    fn a_code_is_drawn_only_where_it_fits_with_a_prompt_below() {
        let side = Code::of(URI).unwrap().side();
        let lines = side.div_ceil(2);
        let fits = |columns, lines| {
            matches!(
                Picture::of(&terminal(columns, lines), QrStyle::Dark, URI),
                Picture::Fits(_, Style::Colours)
            )
        };
        assert!(fits(side, lines + 1));
        assert!(!fits(side, lines) && !fits(side - 1, lines + 1) && !fits(1, 1));
    }

    #[test]
    fn the_size_named_is_one_that_fits() {
        let Picture::TooLarge(columns, lines) = Picture::of(&terminal(20, 5), QrStyle::Dark, URI) else {
            panic!("no code fits 20x5");
        };
        let large_enough = Picture::of(&terminal(columns, lines), QrStyle::Dark, URI);
        assert!(matches!(large_enough, Picture::Fits(..)));
    }
}
