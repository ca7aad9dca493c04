//! `admin policy get`: one value, alone on a line.

use super::settings;
use crate::exit::Stop;
use crate::terminal::Terminal;
use crate::text::printable;
use std::path::Path;
use totp_core::policy::Policy;

pub fn run(path: &Path, terminal: &Terminal, key: &str) -> Result<(), Stop> {
    let setting = settings::find(key)?;
    let policy = Policy::load(path)?;
    terminal.write(&format!("{}\n", printable(&setting.bare(&policy))))
}
