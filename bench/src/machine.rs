//! The machine that measured, and the versions of what was measured.

use crate::modules::Module;
use crate::table::Table;
use std::fs;
use std::path::Path;
use std::process::Command;

/// The description, as Markdown.
pub fn text(disk: &Path) -> String {
    let mut table = Table::new(["", ""]);
    let mut row = |what: &str, is: String| table.row([what.to_owned(), is]);
    let cpus = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let models = values(&cpus, "model name", ':');
    row("processor", models.first().cloned().unwrap_or_else(|| said(&["uname", "-m"])));
    row("cores", said(&["nproc"]));
    let memory = values(&fs::read_to_string("/proc/meminfo").unwrap_or_default(), "MemTotal", ':');
    row("memory", memory.first().cloned().unwrap_or_default());
    row("kernel", said(&["uname", "-sr"]));
    let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let name = values(&release, "PRETTY_NAME", '=');
    row("distribution", name.first().map(|name| name.trim_matches('"').to_owned()).unwrap_or_default());
    let disk = disk.to_str().expect("the disk has a plain path");
    row(
        "file system of the disk",
        said(&["findmnt", "--noheadings", "--output=FSTYPE,OPTIONS", "--target", disk]),
    );
    let packages =
        Module::ALL.into_iter().filter_map(Module::package).chain(["libpam0g", "openssh-server", "valgrind"]);
    for package in packages {
        row(package, said(&["dpkg-query", "--show", "--showformat=${Version}", package]));
    }
    row("pam_totp", env!("CARGO_PKG_VERSION").to_owned());
    table.markdown()
}

/// The values of a key in lines such as `key : value`.
fn values(text: &str, key: &str, between: char) -> Vec<String> {
    let pairs = text.lines().filter_map(|line| line.split_once(between));
    pairs.filter(|(name, _)| name.trim() == key).map(|(_, value)| value.trim().to_owned()).collect()
}

/// What a command prints on one line; a dash where there is no such command.
fn said(words: &[&str]) -> String {
    let (program, arguments) = words.split_first().expect("a command has a name");
    let output = Command::new(program).args(arguments).output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.is_empty() { "–".to_owned() } else { line }
}
