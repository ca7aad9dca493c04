//! A disk that loses power: the writes and syncs of programs, read from strace's log, and what may be on
//! the disk of a store after each of them.
//!
//! Of a file there is what was synced last; of the writes since then none, all, every other one, or of each of
//! them the same sectors of 512 bytes. Of the directory there is what was synced last, and any number of
//! changes since then, in their order. A sync that fails takes with it what it should have written: Linux
//! calls such pages clean.

use crate::subject::Files;
use host::STORE;
use std::collections::{BTreeMap, BTreeSet};

/// What a sector is.
const SECTOR: usize = 512;

/// What a program did to the disk, or said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Made a file.
    Made(String),
    /// Wrote into a file: where it begins, and what.
    Wrote(String, usize, Vec<u8>),
    /// Brought a file to the disk, or failed to.
    Synced(String, bool),
    /// Brought the directory to the disk.
    SyncedDirectory,
    /// Gave a file another name.
    Renamed(String, String),
    /// Removed a file.
    Removed(String),
    /// Wrote to standard output.
    Said(String),
}

/// The calls that strace must log for [`steps`].
pub const CALLS: &str = "trace=openat,write,sendto,pwrite64,fdatasync,fsync,renameat,renameat2,unlinkat";

/// The options that it must have: strings whole and in hexadecimal, descriptors with their paths.
pub const OPTIONS: [&str; 5] = ["-xx", "-y", "-s", "100000", "-f"];

/// Reads a log.
pub fn steps(log: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut ends: BTreeMap<String, usize> = BTreeMap::new();
    for line in log.lines() {
        let Some((head, result)) = line.rsplit_once(" = ") else { continue };
        let Some((name, arguments)) = head.split_once('(') else { continue };
        let name = name.rsplit(' ').next().unwrap_or_default();
        let failed = result.starts_with('-') || result.starts_with('?');
        let words: Vec<&str> = arguments.trim_end().trim_end_matches(')').split(", ").collect();
        let path = words.first().and_then(|word| path_of(word)).unwrap_or_default();
        let inside = path.strip_prefix(STORE).and_then(|rest| rest.strip_prefix('/')).map(str::to_owned);
        let text = |place: usize| words.get(place).map(|word| decoded(word)).unwrap_or_default();
        let file_name = |place: usize| String::from_utf8(text(place)).expect("names are text");
        match name {
            "fdatasync" | "fsync" if path == STORE && !failed => steps.push(Step::SyncedDirectory),
            "fdatasync" | "fsync" => steps.extend(inside.map(|file| Step::Synced(file, !failed))),
            _ if failed => {}
            "openat" if path == STORE && line.contains("O_CREAT") => {
                ends.insert(file_name(1), 0);
                steps.push(Step::Made(file_name(1)));
            }
            // The answer of the helper, which waits for nobody; log lines wait.
            "sendto" if words.get(3).is_some_and(|flags| flags.contains("MSG_DONTWAIT")) => {
                let count: usize = result.trim().parse().expect("a count of bytes");
                let bytes = text(1).get(..count).expect("the log has all of it").to_vec();
                steps.push(Step::Said(String::from_utf8_lossy(&bytes).into_owned()));
            }
            "write" | "pwrite64" => {
                let count: usize = result.trim().parse().expect("a count of bytes");
                let bytes = text(1).get(..count).expect("the log has all of it").to_vec();
                if let Some(file) = inside {
                    let start = if name == "write" {
                        let end = ends.entry(file.clone()).or_default();
                        let start = *end;
                        *end += count;
                        start
                    } else {
                        words.get(3).and_then(|word| word.parse().ok()).expect("an offset")
                    };
                    steps.push(Step::Wrote(file, start, bytes));
                } else if path.starts_with("pipe:") && !arguments.starts_with("2<") {
                    steps.push(Step::Said(String::from_utf8_lossy(&bytes).into_owned()));
                }
            }
            "renameat" | "renameat2" if path == STORE => {
                steps.push(Step::Renamed(file_name(1), file_name(3)))
            }
            "unlinkat" if path == STORE => steps.push(Step::Removed(file_name(1))),
            _ => {}
        }
    }
    steps.retain(|step| !step.is_of_the_index());
    steps
}

impl Step {
    /// Of the index by uid, which leads to credentials and holds nothing itself: whoever puts the files of a store
    /// back makes it anew.
    fn is_of_the_index(&self) -> bool {
        match self {
            Step::Made(name) | Step::Wrote(name, ..) | Step::Synced(name, _) => name.starts_with(".uids"),
            Step::Renamed(name, _) | Step::Removed(name) => name.starts_with(".uids"),
            Step::SyncedDirectory | Step::Said(_) => false,
        }
    }
}

/// The path that strace puts behind a descriptor.
fn path_of(word: &str) -> Option<String> {
    let (_, path) = word.split_once('<')?;
    String::from_utf8(decoded(path.strip_suffix('>')?)).ok()
}

/// The bytes of `\x61\x62`, in quotes or not.
fn decoded(word: &str) -> Vec<u8> {
    word.trim_matches('"')
        .split("\\x")
        .filter_map(|pair| u8::from_str_radix(pair.get(..2)?, 16).ok())
        .collect()
}

/// One file: what is on the disk, and what was written since.
#[derive(Clone, Default)]
struct File {
    synced: Vec<u8>,
    since: Vec<Write>,
}

/// A write that is not synced yet.
#[derive(Clone)]
struct Write {
    /// Its place among all writes to the disk, whichever file they were to.
    number: usize,
    start: usize,
    bytes: Vec<u8>,
}

/// Whether a sector of an unsynced write is on the disk: by the write's number, the sector's, and how many
/// sectors the write has.
type Fate = fn(usize, usize, usize) -> bool;

const FATES: [Fate; 9] = [
    |_, _, _| false,
    |_, _, _| true,
    // A disk writes in the order it likes: the earlier of two is lost, or the later.
    |write, _, _| write % 2 == 0,
    |write, _, _| write % 2 == 1,
    |_, sector, _| sector == 0,
    |_, sector, _| sector != 0,
    |_, sector, count| sector + 1 == count,
    |_, sector, count| sector + 1 != count,
    |_, sector, _| sector % 2 == 1,
];

/// A disk between two steps.
pub struct Disk {
    files: Vec<File>,
    writes: usize,
    synced: BTreeMap<String, usize>,
    changes: Vec<BTreeMap<String, usize>>,
}

impl Disk {
    /// A disk with these files on it, and nothing to be written.
    pub fn with(files: &Files) -> Disk {
        let mut disk = Disk { files: Vec::new(), writes: 0, synced: BTreeMap::new(), changes: Vec::new() };
        for (name, contents) in files {
            disk.synced.insert(name.clone(), disk.files.len());
            disk.files.push(File { synced: contents.clone(), since: Vec::new() });
        }
        disk
    }

    /// The directory as programs see it.
    fn names(&self) -> BTreeMap<String, usize> {
        self.changes.last().unwrap_or(&self.synced).clone()
    }

    fn file(&mut self, name: &str) -> &mut File {
        let place = *self.names().get(name).unwrap_or_else(|| panic!("`{name}` was never made"));
        &mut self.files[place]
    }

    fn change(&mut self, how: impl FnOnce(&mut BTreeMap<String, usize>)) {
        let mut names = self.names();
        how(&mut names);
        self.changes.push(names);
    }

    /// Does a step.
    pub fn take(&mut self, step: &Step) {
        match step {
            Step::Made(name) => {
                let place = self.files.len();
                self.files.push(File::default());
                self.change(|names| {
                    names.insert(name.clone(), place);
                });
            }
            Step::Wrote(name, start, bytes) => {
                let write = Write { number: self.writes, start: *start, bytes: bytes.clone() };
                self.writes += 1;
                self.file(name).since.push(write);
            }
            Step::Synced(name, true) => {
                let file = self.file(name);
                file.synced = file.after(|_, _, _| true);
                file.since.clear();
            }
            Step::Synced(name, false) => self.file(name).since.clear(),
            Step::SyncedDirectory => {
                self.synced = self.names();
                self.changes.clear();
            }
            Step::Renamed(from, to) => self.change(|names| {
                let moved = names.remove(from).unwrap_or_else(|| panic!("`{from}` was never made"));
                names.insert(to.clone(), moved);
            }),
            Step::Removed(name) => self.change(|names| {
                names.remove(name);
            }),
            Step::Said(_) => {}
        }
    }

    /// All that may be found when power comes back.
    pub fn after_power_cut(&self) -> BTreeSet<Files> {
        let directories = [&self.synced].into_iter().chain(&self.changes);
        directories
            .flat_map(|names| {
                FATES.map(|fate| {
                    names.iter().map(|(name, place)| (name.clone(), self.files[*place].after(fate))).collect()
                })
            })
            .collect()
    }
}

impl File {
    fn after(&self, fate: Fate) -> Vec<u8> {
        let mut bytes = self.synced.clone();
        for Write { number, start, bytes: written } in &self.since {
            let first = start / SECTOR;
            let count = (start + written.len()).div_ceil(SECTOR) - first;
            for (offset, byte) in written.iter().enumerate() {
                let at = start + offset;
                if fate(*number, at / SECTOR - first, count) {
                    if bytes.len() <= at {
                        bytes.resize(at + 1, 0);
                    }
                    bytes[at] = *byte;
                }
            }
        }
        bytes
    }
}
