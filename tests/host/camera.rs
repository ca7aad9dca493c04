//! What a phone's camera sees on a screen: cells with their colours are drawn to a picture,
//! and zbarimg looks for a QR code in it.

use std::io::Write;
use std::process::{Command, Stdio};

/// What a terminal shows where a program chose no colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Theme {
    /// Light letters on dark ground.
    Dark,
    /// Dark letters on light ground.
    Light,
}

const CELL_WIDTH: usize = 8;
const CELL_HEIGHT: usize = 16;

/// The sixteen colours of a usual terminal, as brightness.
const PALETTE: [u8; 16] = [0, 62, 129, 129, 22, 81, 144, 229, 127, 76, 182, 237, 105, 105, 226, 255];

/// Takes a picture of a screen, given as text with SGR sequences and one line a row, and returns
/// what the QR code on it says; `None` where no reader would find one.
pub fn read_qr(screen: &str, theme: Theme) -> Option<String> {
    let picture = draw(screen, theme);
    let mut zbarimg = Command::new("zbarimg")
        .args(["--raw", "--quiet", "--nodbus", "pgm:-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("zbarimg (zbar-tools) should be installed");
    let sent = zbarimg.stdin.take().expect("stdin is a pipe").write_all(&picture);
    let output = zbarimg.wait_with_output().expect("zbarimg should end");
    sent.expect("zbarimg should take a picture");
    let text = String::from_utf8(output.stdout).expect("a QR code holds text");
    match output.status.code() {
        Some(0) => Some(text.trim_end().to_owned()),
        // 4: a picture without any code in it.
        Some(4) => None,
        _ => panic!("zbarimg failed: {}", String::from_utf8_lossy(&output.stderr)),
    }
}

/// A picture in the PGM format: one byte of brightness a pixel.
fn draw(screen: &str, theme: Theme) -> Vec<u8> {
    let rows = u16::try_from(screen.lines().count().max(1)).expect("a screen has few rows");
    let columns: u16 = 250;
    let mut cells = vt100::Parser::new(rows, columns, 0);
    cells.process(screen.lines().collect::<Vec<_>>().join("\r\n").as_bytes());
    let (width, height) = (usize::from(columns) * CELL_WIDTH, usize::from(rows) * CELL_HEIGHT);
    let mut picture = format!("P5\n{width} {height}\n255\n").into_bytes();
    for y in 0..height {
        for x in 0..width {
            let cell = cells.screen().cell(index(y / CELL_HEIGHT), index(x / CELL_WIDTH));
            let cell = cell.expect("the screen is as large as the picture");
            picture.push(brightness(cell, theme, x % CELL_WIDTH, y % CELL_HEIGHT));
        }
    }
    picture
}

fn index(cell: usize) -> u16 {
    u16::try_from(cell).expect("a screen is small")
}

fn brightness(cell: &vt100::Cell, theme: Theme, x: usize, y: usize) -> u8 {
    let (letters, ground) = match theme {
        Theme::Dark => (229, 0),
        Theme::Light => (0, 255),
    };
    let mut ink = colour(cell.fgcolor(), letters);
    let mut paper = colour(cell.bgcolor(), ground);
    if cell.inverse() {
        std::mem::swap(&mut ink, &mut paper);
    }
    let inked = match cell.contents().chars().next().unwrap_or(' ') {
        '█' => true,
        '▀' => y < CELL_HEIGHT / 2,
        '▄' => y >= CELL_HEIGHT / 2,
        // A hash sign is strokes with gaps; from a phone's distance it fills its cell.
        '#' => true,
        ' ' | '\u{a0}' => false,
        // Any other letter: a mark inside the cell, so that text near a code disturbs as text does.
        _ => (2..6).contains(&x) && (4..12).contains(&y) && (x + y).is_multiple_of(2),
    };
    if inked { ink } else { paper }
}

fn colour(colour: vt100::Color, default: u8) -> u8 {
    match colour {
        vt100::Color::Default => default,
        vt100::Color::Idx(index @ 0..=15) => PALETTE[usize::from(index)],
        vt100::Color::Idx(index @ 16..=231) => {
            let level = |step: u8| if step == 0 { 0 } else { 55 + 40 * step };
            let cube = index - 16;
            luminance(level(cube / 36), level(cube / 6 % 6), level(cube % 6))
        }
        vt100::Color::Idx(grey) => 8 + 10 * (grey - 232),
        vt100::Color::Rgb(red, green, blue) => luminance(red, green, blue),
    }
}

fn luminance(red: u8, green: u8, blue: u8) -> u8 {
    let sum = 299 * u32::from(red) + 587 * u32::from(green) + 114 * u32::from(blue);
    u8::try_from(sum / 1000).expect("a mean of bytes is a byte")
}

#[cfg(test)]
mod tests {
    use super::*;
    use qrcode::render::unicode::Dense1x2;
    use qrcode::{EcLevel, QrCode};

    const WORDS: &str = "otpauth://totp/box:alice?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=box";

    const INK: Dense1x2 = Dense1x2::Dark;
    const PAPER: Dense1x2 = Dense1x2::Light;

    fn half_blocks(dark: Dense1x2, light: Dense1x2) -> String {
        let code = QrCode::with_error_correction_level(WORDS, EcLevel::L).expect("the words fit");
        code.render::<Dense1x2>().dark_color(dark).light_color(light).build()
    }

    #[test]
    fn a_code_without_colours_is_read_only_on_the_terminal_it_is_drawn_for() {
        let for_dark = half_blocks(PAPER, INK);
        let for_light = half_blocks(INK, PAPER);
        assert_eq!(read_qr(&for_dark, Theme::Dark).as_deref(), Some(WORDS));
        assert_eq!(read_qr(&for_light, Theme::Light).as_deref(), Some(WORDS));
        assert_eq!(read_qr(&for_dark, Theme::Light), None);
        assert_eq!(read_qr(&for_light, Theme::Dark), None);
    }

    #[test]
    fn a_code_in_colours_is_read_on_both_terminals() {
        let coloured: String =
            half_blocks(INK, PAPER).lines().map(|line| format!("\x1b[30;107m{line}\x1b[0m\n")).collect();
        assert_eq!(read_qr(&coloured, Theme::Dark).as_deref(), Some(WORDS));
        assert_eq!(read_qr(&coloured, Theme::Light).as_deref(), Some(WORDS));
    }

    #[test]
    fn inverse_video_swaps_the_colours() {
        let inverse: String =
            half_blocks(INK, PAPER).lines().map(|line| format!("\x1b[7m{line}\x1b[0m\n")).collect();
        assert_eq!(read_qr(&inverse, Theme::Dark).as_deref(), Some(WORDS));
    }

    #[test]
    fn a_code_of_hash_signs_is_read() {
        let code = QrCode::with_error_correction_level(WORDS, EcLevel::L).expect("the words fit");
        let hashes = code.render::<char>().dark_color(' ').light_color('#').module_dimensions(2, 1).build();
        assert_eq!(read_qr(&hashes, Theme::Dark).as_deref(), Some(WORDS));
    }

    #[test]
    fn a_screen_without_a_code_reads_as_none() {
        assert_eq!(read_qr("Scan this with your phone:\n\nCode from the app: ", Theme::Dark), None);
    }

    #[test]
    fn a_code_cut_off_at_the_top_is_not_read() {
        let whole = half_blocks(PAPER, INK);
        let cut: Vec<&str> = whole.lines().skip(8).collect();
        assert_eq!(read_qr(&cut.join("\n"), Theme::Dark), None);
    }
}
