//! The store of a host seen from outside: which files there are, and what is done to them.

use crate::{Host, STORE};
use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, symlink};

/// Where the store keeps which names have a credential of a uid.
const INDEX: &str = ".uids";

/// Whose bytes are locked while totp-helper acts for a user; always empty.
const CALLERS: &str = ".callers";

/// How the names of what fills a store begin.
const FILLER: &str = ".filler";

impl Host {
    /// The files in the store and their contents, to compare before and after; without directories, what
    /// fills it, and what totp-helper locks.
    pub fn store(&self) -> BTreeMap<String, Vec<u8>> {
        let entries = fs::read_dir(self.path(STORE)).expect("the store is a directory");
        entries
            .map(|entry| entry.expect("the store can be listed"))
            .map(|entry| (entry.file_name().into_string().expect("names are percent-encoded"), entry.path()))
            .filter(|(name, path)| !name.starts_with(FILLER) && name != CALLERS && !path.is_dir())
            .map(|(name, path)| (name, fs::read(path).expect("root may read the store")))
            .collect()
    }

    /// Makes the store what [`Host::store`] said, with the owner and the modes of all files in it, and its index by uid
    /// what belongs to them.
    pub fn put_store(&self, files: &BTreeMap<String, Vec<u8>>) {
        let store = self.path(STORE);
        let owner = fs::metadata(&store).expect("the store is there");
        for name in self.store_names() {
            fs::remove_file(store.join(name)).expect("root may remove a file");
        }
        let _ = fs::remove_file(store.join(CALLERS));
        for (name, contents) in files {
            let path = store.join(name);
            let mut options = fs::OpenOptions::new();
            let mut file = options.write(true).create_new(true).mode(0o600).open(&path).expect(name);
            file.write_all(contents).expect(name);
            std::os::unix::fs::chown(&path, Some(owner.uid()), Some(owner.gid())).expect(name);
        }
        let index = store.join(INDEX);
        let _ = fs::remove_dir_all(&index);
        for (name, contents) in files {
            let Some(stem) = name.strip_suffix(".toml") else { continue };
            let text = String::from_utf8_lossy(contents);
            let Some(uid) = text.lines().find_map(|line| line.strip_prefix("uid = ")) else { continue };
            if !index.exists() {
                fs::DirBuilder::new().mode(0o700).create(&index).expect("the index is made");
                std::os::unix::fs::chown(&index, Some(owner.uid()), Some(owner.gid())).expect(INDEX);
            }
            symlink(stem, index.join(uid)).expect("every uid is there once");
        }
    }

    /// The names of the files in the store.
    pub fn store_names(&self) -> Vec<String> {
        self.store().into_keys().collect()
    }

    /// Fills the file system that the store lies on to the last block.
    pub fn fill_store(&self) {
        // First, most of it by blocks that are set aside, which takes no time. Then block by block: a new file
        // would need room for itself, and one that is written on holds more than it fills until it is closed.
        let script = format!(
            "cd {STORE}
            touch {FILLER}
            size=256; while [ $size -gt 0 ]; do
                file={FILLER}-$((number += 1))
                fallocate -l ${{size}}M $file || {{ rm -f $file; size=$((size / 2)); }}
            done
            block='dd if=/dev/zero of={FILLER} bs=4096 oflag=append conv=notrunc,fsync'
            $block; while $block count=1; do :; done"
        );
        let full = self.run(&["sh", "-c", &script]);
        assert!(full.stderr.contains("No space left"), "the store has no size of its own: {full:?}");
    }

    /// Makes the store read-only, for root as well.
    pub fn make_store_read_only(&self) {
        self.must_run(&["mount", "--bind", STORE, STORE]);
        self.must_run(&["mount", "-o", "remount,bind,ro", STORE]);
    }
}
