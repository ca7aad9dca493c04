//! QR codes drawn with characters: in colours, or plain for a dark or a light terminal.
//!
//! Error correction L and a quiet zone of two modules: on a screen nothing is torn off, and version 6 then
//! leaves one line of 80x24 for a prompt.

use crate::terminal::Terminal;
use qr2term::matrix::Matrix;
use qr2term::render::{Color, QrDark, QrLight, Renderer};
use qrcode::{EcLevel, QrCode};
use totp_core::policy::QrStyle;

/// Modules of the quiet zone on each side.
const QUIET_ZONE: usize = 2;

/// How modules become characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Black and white, whatever the terminal's colours: half a character a module.
    Colours,
    /// Half-block characters in which a light module is filled.
    OnDark,
    /// Half-block characters in which a dark module is filled.
    OnLight,
    /// Two number signs for a light module, two spaces for a dark one.
    Ascii,
}

impl Style {
    /// What suits the terminal; without colours, what the policy names. `None` for no QR code.
    pub fn of(terminal: &Terminal, plain: QrStyle) -> Option<Self> {
        match plain {
            _ if terminal.colours && terminal.unicode => Some(Self::Colours),
            QrStyle::None => None,
            QrStyle::Ascii => Some(Self::Ascii),
            _ if !terminal.unicode => Some(Self::Ascii),
            QrStyle::Dark => Some(Self::OnDark),
            QrStyle::Light => Some(Self::OnLight),
        }
    }
}

/// A QR code with its quiet zone.
pub struct Code(Matrix<Color>);

impl Code {
    /// Encodes `text`; `None` where it is too long.
    pub fn of(text: &str) -> Option<Self> {
        let code = QrCode::with_error_correction_level(text, EcLevel::L).ok()?;
        let mut matrix = Matrix::new(code.into_colors());
        matrix.surround(QUIET_ZONE, QrLight);
        Some(Self(matrix))
    }

    /// Modules on each side.
    pub fn side(&self) -> usize {
        self.0.size()
    }

    /// The modules, row by row; `true` is light.
    pub fn rows(&self) -> impl Iterator<Item = Vec<bool>> {
        self.0
            .pixels()
            .chunks(self.side().max(1))
            .map(|row| row.iter().map(|module| *module != QrDark).collect())
    }

    /// Columns and lines it takes when drawn.
    pub fn size(&self, style: Style) -> (usize, usize) {
        match style {
            Style::Ascii => (self.side().saturating_mul(2), self.side()),
            _ => (self.side(), self.side().div_ceil(2)),
        }
    }

    /// Draws it, each line with its end.
    pub fn draw(&self, style: Style) -> String {
        match style {
            Style::Colours => {
                let mut drawn = Vec::new();
                // Writing to memory cannot fail.
                let _ = Renderer::default().render(&self.0, &mut drawn);
                String::from_utf8(drawn).unwrap_or_default()
            }
            Style::OnDark => self.half_blocks(|light| light),
            Style::OnLight => self.half_blocks(|light| !light),
            Style::Ascii => {
                let line = |row: Vec<bool>| row.into_iter().map(|light| if light { "##" } else { "  " });
                self.rows().flat_map(|row| line(row).chain(["\n"])).collect()
            }
        }
    }

    fn half_blocks(&self, filled: impl Fn(bool) -> bool) -> String {
        let rows: Vec<_> = self.rows().collect();
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
}

#[cfg(test)]
mod tests {
    use super::*;

    const URI: &str = "otpauth://totp/web1:alice?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=web1";

    /// What is light on the screen, module by module, two in a cell.
    fn light_on_screen(drawn: &str, light_letters: bool) -> Vec<Vec<bool>> {
        let lines: Vec<_> = drawn.lines().collect();
        let mut screen = vt100::Parser::new(lines.len() as u16, 200, 0);
        screen.process(lines.join("\r\n").as_bytes());
        let light = |colour, letters: bool| match colour {
            vt100::Color::Idx(15) => true,
            vt100::Color::Idx(0) => false,
            _ => letters == light_letters,
        };
        let width = lines.iter().map(|line| unescaped(line)).max().unwrap();
        let mut rows = Vec::new();
        for line in 0..lines.len() as u16 {
            let (mut upper, mut lower) = (Vec::new(), Vec::new());
            for column in 0..width as u16 {
                let cell = screen.screen().cell(line, column).unwrap();
                let (ink, paper) = (light(cell.fgcolor(), true), light(cell.bgcolor(), false));
                let (above, below) = match cell.contents() {
                    "\u{2588}" => (ink, ink),
                    "\u{2580}" => (ink, paper),
                    "\u{2584}" => (paper, ink),
                    "" | " " => (paper, paper),
                    other => panic!("{other:?}"),
                };
                upper.push(above);
                lower.push(below);
            }
            rows.extend([upper, lower]);
        }
        rows
    }

    fn unescaped(line: &str) -> usize {
        line.split('\u{1b}')
            .enumerate()
            .map(|(position, part)| match position {
                0 => part.chars().count(),
                _ => part.split_once('m').unwrap().1.chars().count(),
            })
            .sum()
    }

    fn modules(code: &Code) -> Vec<Vec<bool>> {
        let mut rows: Vec<_> = code.rows().collect();
        if rows.len() % 2 == 1 {
            rows.push(vec![true; code.side()]);
        }
        rows
    }

    #[test]
    fn half_blocks_show_the_modules_on_the_terminal_they_are_for() {
        let code = Code::of(URI).unwrap();
        assert_eq!(light_on_screen(&code.draw(Style::OnDark), true), modules(&code));
        assert_eq!(light_on_screen(&code.draw(Style::OnLight), false), modules(&code));
        assert_ne!(light_on_screen(&code.draw(Style::OnDark), false), modules(&code));
    }

    #[test]
    fn colours_show_the_modules_on_any_terminal() {
        if std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty()) {
            return;
        }
        let code = Code::of(URI).unwrap();
        for light_letters in [true, false] {
            assert_eq!(light_on_screen(&code.draw(Style::Colours), light_letters), modules(&code));
        }
    }

    #[test]
    fn ascii_shows_each_module_as_a_pair() {
        let code = Code::of(URI).unwrap();
        let drawn = code.draw(Style::Ascii);
        let read: Vec<Vec<bool>> =
            drawn.lines().map(|line| line.as_bytes().chunks(2).map(|pair| pair == b"##").collect()).collect();
        assert_eq!(read, code.rows().collect::<Vec<_>>());
    }

    #[test]
    fn the_modules_are_those_of_the_text_within_a_quiet_zone() {
        let code = Code::of(URI).unwrap();
        let bare = QrCode::with_error_correction_level(URI, EcLevel::L).unwrap();
        assert_eq!(code.side(), bare.width() + 4);
        let rows: Vec<_> = code.rows().collect();
        assert!(rows[0].iter().chain(&rows[1]).all(|light| *light));
        let inside: Vec<bool> =
            rows[2..2 + bare.width()].iter().flat_map(|row| row[2..2 + bare.width()].to_vec()).collect();
        let expected: Vec<bool> =
            bare.into_colors().into_iter().map(|colour| colour == qrcode::Color::Light).collect();
        assert_eq!(inside, expected);
    }

    #[test]
    fn the_longest_uri_leaves_a_line_of_80x24_for_the_prompt() {
        let code = Code::of(&"x".repeat(134)).unwrap();
        for style in [Style::Colours, Style::OnDark, Style::OnLight] {
            let (columns, lines) = code.size(style);
            assert!(columns <= 80 && lines < 24, "{columns}x{lines}");
            let drawn = code.draw(style);
            assert_eq!(drawn.lines().count(), lines);
            assert!(drawn.lines().all(|line| unescaped(line) == columns));
        }
        assert!(Code::of(&"x".repeat(5000)).is_none());
    }

    #[test]
    fn colours_come_first_and_the_policy_names_the_rest() {
        let terminal = |colours, unicode| Terminal {
            is_terminal: true,
            columns: 80,
            lines: 24,
            colours,
            unicode,
            obeys: true,
        };
        assert_eq!(Style::of(&terminal(true, true), QrStyle::Light), Some(Style::Colours));
        assert_eq!(Style::of(&terminal(false, true), QrStyle::Light), Some(Style::OnLight));
        assert_eq!(Style::of(&terminal(false, true), QrStyle::Dark), Some(Style::OnDark));
        assert_eq!(Style::of(&terminal(false, true), QrStyle::None), None);
        assert_eq!(Style::of(&terminal(true, false), QrStyle::Dark), Some(Style::Ascii));
    }
}
