//! A QR code as a PNG file, which nobody but its owner can read.

use crate::exit::Stop;
use crate::qr::Code;
use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// Pixels on each side of a module: with one bit a pixel, a module is a byte.
const MODULE: u32 = 8;

/// Stops where something has that name already; asked before a code is spent.
pub fn insist_on_a_new_name(path: &Path) -> Result<(), Stop> {
    match path.symlink_metadata() {
        Ok(_) => {
            let taken = io::Error::other("there is a file of this name already; choose another");
            Err(Stop::File(path.to_owned(), taken))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(Stop::File(path.to_owned(), error)),
    }
}

/// Writes the picture to a new file.
pub fn write(code: &Code, path: &Path) -> Result<(), Stop> {
    let create = || -> io::Result<File> {
        // O_EXCL follows no link and overwrites nothing.
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        if let Err(error) = encode(code, &file) {
            let _ = std::fs::remove_file(path);
            return Err(error);
        }
        Ok(file)
    };
    create().map(drop).map_err(|error| Stop::File(path.to_owned(), error))
}

fn encode(code: &Code, file: &File) -> io::Result<()> {
    let too_large = || io::Error::other("the QR code is too large for a picture");
    let side = u32::try_from(code.side()).ok().and_then(|side| side.checked_mul(MODULE));
    let side = side.ok_or_else(too_large)?;
    let mut pixels = Vec::new();
    for row in code.rows() {
        let line: Vec<u8> = row.iter().map(|light| if *light { 0xff } else { 0 }).collect();
        for _ in 0..MODULE {
            pixels.extend_from_slice(&line);
        }
    }
    let mut output = BufWriter::new(file);
    let mut encoder = png::Encoder::new(&mut output, side, side);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::One);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&pixels)?;
    writer.finish()?;
    output.flush()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn a_picture_is_private_and_holds_the_modules() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("code.png");
        let code = Code::of("otpauth://totp/x").unwrap();
        insist_on_a_new_name(&path).unwrap();
        write(&code, &path).unwrap();
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        let decoder = png::Decoder::new(std::io::BufReader::new(File::open(&path).unwrap()));
        let mut reader = decoder.read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let about = reader.next_frame(&mut pixels).unwrap();
        assert_eq!(about.width as usize, code.side() * 8);
        let rows: Vec<Vec<bool>> = pixels
            .chunks(code.side())
            .step_by(8)
            .map(|row| row.iter().map(|byte| *byte == 0xff).collect())
            .collect();
        assert_eq!(rows, code.rows());
    }

    #[test]
    fn nothing_is_overwritten_and_no_link_followed() {
        let directory = tempfile::tempdir().unwrap();
        let (file, link) = (directory.path().join("file"), directory.path().join("link"));
        std::fs::write(&file, "mine").unwrap();
        std::os::unix::fs::symlink(directory.path().join("elsewhere"), &link).unwrap();
        let code = Code::of("x").unwrap();
        for path in [&file, &link] {
            assert!(insist_on_a_new_name(path).is_err());
            assert!(write(&code, path).is_err());
        }
        assert_eq!(std::fs::read(&file).unwrap(), b"mine");
        assert!(!directory.path().join("elsewhere").exists());
    }
}
