//! Stacks on a file system of their own.

mod against_libpam;
mod every_answer;
mod faults;
mod reading;
mod shapes;

use super::*;
use std::fs;

/// A root directory with these files.
fn host(files: &[(&str, &str)]) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    root
}

fn stacks(files: &[(&str, &str)]) -> Stacks {
    read_below(host(files).path())
}
