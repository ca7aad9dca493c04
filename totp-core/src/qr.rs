//! QR codes as plain text, for logins and for terminals without colours.
//!
//! Error correction L and a quiet zone of two modules: on a screen nothing is torn off, and version 6 then
//! leaves one line of 80x24 for a prompt.

use crate::policy::QrStyle;
use qrcode::{Color, EcLevel, QrCode};

/// Modules of the quiet zone on each side.
pub const QUIET_ZONE: usize = 2;

/// The modules of a QR code within their quiet zone, row by row; `true` is light. `None` for a text that is
/// too long.
#[must_use]
pub fn modules(text: &str) -> Option<Vec<Vec<bool>>> {
    let code = QrCode::with_error_correction_level(text, EcLevel::L).ok()?;
    let width = code.width();
    let light_row = || vec![true; width.saturating_add(2 * QUIET_ZONE)];
    let mut rows = vec![light_row(); QUIET_ZONE];
    for inner in code.into_colors().chunks(width.max(1)) {
        let mut row = vec![true; QUIET_ZONE];
        row.extend(inner.iter().map(|module| *module == Color::Light));
        row.extend([true; QUIET_ZONE]);
        rows.push(row);
    }
    rows.extend(vec![light_row(); QUIET_ZONE]);
    Some(rows)
}

/// Draws modules with characters, each line with its end; nothing for [`QrStyle::None`].
#[must_use]
pub fn draw(rows: &[Vec<bool>], style: QrStyle) -> String {
    match style {
        QrStyle::Dark => half_blocks(rows, |light| light),
        QrStyle::Light => half_blocks(rows, |light| !light),
        QrStyle::Ascii => {
            let line = |row: &Vec<bool>| {
                let pairs: String = row.iter().map(|light| if *light { "##" } else { "  " }).collect();
                pairs + "\n"
            };
            rows.iter().map(line).collect()
        }
        QrStyle::None => String::new(),
    }
}

/// Two rows a line; `filled` says which modules the letters' colour draws.
fn half_blocks(rows: &[Vec<bool>], filled: impl Fn(bool) -> bool) -> String {
    let mut drawn = String::new();
    for pair in rows.chunks(2) {
        let upper = pair.first().map(Vec::as_slice).unwrap_or_default();
        // Below the last row of an odd number, more quiet zone.
        let lower = pair.get(1).map(Vec::as_slice).unwrap_or_default();
        for (column, above) in upper.iter().enumerate() {
            let below = lower.get(column).copied().unwrap_or(true);
            drawn.push(match (filled(*above), filled(below)) {
                (true, true) => '\u{2588}',
                (true, false) => '\u{2580}',
                (false, true) => '\u{2584}',
                (false, false) => ' ',
            });
        }
        drawn.push('\n');
    }
    drawn
}

#[cfg(test)]
mod tests {
    use super::*;

    const URI: &str = "otpauth://totp/web1:alice?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=web1";

    #[test]
    fn the_modules_are_those_of_the_text_within_a_quiet_zone() {
        let rows = modules(URI).unwrap();
        let bare = QrCode::with_error_correction_level(URI, EcLevel::L).unwrap();
        let width = bare.width();
        assert_eq!((rows.len(), rows[0].len()), (width + 4, width + 4));
        assert!(rows[0].iter().chain(&rows[1]).chain(&rows[width + 3]).all(|light| *light));
        let inside: Vec<bool> =
            rows[2..2 + width].iter().flat_map(|row| row[2..2 + width].to_vec()).collect();
        let expected: Vec<bool> =
            bare.into_colors().into_iter().map(|colour| colour == Color::Light).collect();
        assert_eq!(inside, expected);
        assert!(modules(&"x".repeat(5000)).is_none());
    }

    #[test]
    fn a_terminal_has_room_for_the_longest_uri_and_a_prompt() {
        let rows = modules(&"x".repeat(134)).unwrap();
        for style in [QrStyle::Dark, QrStyle::Light] {
            let drawn = draw(&rows, style);
            assert!(drawn.lines().count() < 24 && drawn.lines().all(|line| line.chars().count() <= 80));
        }
    }

    #[test]
    fn ascii_shows_each_module_as_a_pair() {
        let rows = modules(URI).unwrap();
        let read: Vec<Vec<bool>> = draw(&rows, QrStyle::Ascii)
            .lines()
            .map(|line| line.as_bytes().chunks(2).map(|pair| pair == b"##").collect())
            .collect();
        assert_eq!(read, rows);
        assert!(draw(&rows, QrStyle::None).is_empty());
    }
}
