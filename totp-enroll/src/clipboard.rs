//! The clipboard of the terminal, by the escape sequence OSC 52. It reaches the terminal in front of the
//! person also over ssh; whether that obeys it, it does not tell.

use crate::exit::Stop;
use crate::terminal::Terminal;
use zeroize::Zeroizing;

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Sends a secret there, and says so.
pub fn copy(terminal: &Terminal, secret: &str) -> Result<(), Stop> {
    if !terminal.obeys {
        return terminal.say("The secret was not copied: this terminal has no clipboard.");
    }
    terminal.write(&sequence(secret))?;
    terminal.say(
        "The secret was sent to the clipboard of your terminal; some terminals do not accept that. Empty the clipboard afterwards.",
    )
}

fn sequence(text: &str) -> Zeroizing<String> {
    Zeroizing::new(format!("\u{1b}]52;c;{}\u{7}", *base64(text.as_bytes())))
}

/// RFC 4648 4.
fn base64(bytes: &[u8]) -> Zeroizing<String> {
    let mut encoded = Zeroizing::new(String::with_capacity(bytes.len().saturating_mul(2).saturating_add(4)));
    for group in bytes.chunks(3) {
        let byte = |position| u32::from(group.get(position).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for (position, shift) in [18, 12, 6, 0].into_iter().enumerate() {
            let letter = ALPHABET.get((bits >> shift & 63) as usize).copied().unwrap_or(b'=');
            encoded.push(if position > group.len() { '=' } else { char::from(letter) });
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_rfc_4648() {
        let vectors = [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ];
        for (text, encoded) in vectors {
            assert_eq!(*base64(text.as_bytes()), encoded);
        }
    }

    #[test]
    fn the_sequence_names_the_clipboard() {
        assert_eq!(*sequence("foo"), "\u{1b}]52;c;Zm9v\u{7}");
    }
}
