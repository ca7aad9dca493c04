//! QR codes drawn in colours; those without are totp-core's, which logins draw, too.

use crate::terminal::Terminal;
use qr2term::matrix::Matrix;
use qr2term::render::{QrDark, QrLight, Renderer};
use totp_core::policy::QrStyle;
use totp_core::qr;

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

/// A QR code with its quiet zone, row by row; `true` is light.
pub struct Code(Vec<Vec<bool>>);

impl Code {
    /// Encodes `text`; `None` where it is too long.
    pub fn of(text: &str) -> Option<Self> {
        qr::modules(text).map(Self)
    }

    /// Modules on each side.
    pub fn side(&self) -> usize {
        self.0.len()
    }

    /// The modules, row by row; `true` is light.
    pub fn rows(&self) -> &[Vec<bool>] {
        &self.0
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
                let colour = |light: &bool| if *light { QrLight } else { QrDark };
                let matrix = Matrix::new(self.0.iter().flatten().map(colour).collect());
                let mut drawn = Vec::new();
                // Writing to memory cannot fail.
                let _ = Renderer::default().render(&matrix, &mut drawn);
                String::from_utf8(drawn).unwrap_or_default()
            }
            Style::OnDark => qr::draw(&self.0, QrStyle::Dark),
            Style::OnLight => qr::draw(&self.0, QrStyle::Light),
            Style::Ascii => qr::draw(&self.0, QrStyle::Ascii),
        }
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
        let mut rows = code.rows().to_vec();
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
