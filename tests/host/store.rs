//! The store of a host seen from outside: which files there are, and what is done to them.

use crate::{Host, STORE};
use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};

impl Host {
    /// The files in the store and their contents, to compare before and after.
    pub fn store(&self) -> BTreeMap<String, Vec<u8>> {
        let entries = fs::read_dir(self.path(STORE)).expect("the store is a directory");
        entries
            .map(|entry| {
                let entry = entry.expect("the store can be listed");
                let name = entry.file_name().into_string().expect("names are percent-encoded");
                let contents = fs::read(entry.path()).expect("root may read the store");
                (name, contents)
            })
            .collect()
    }

    /// Makes the store what [`Host::store`] said, with the owner and the modes of all files in it.
    pub fn put_store(&self, files: &BTreeMap<String, Vec<u8>>) {
        let store = self.path(STORE);
        let owner = fs::metadata(&store).expect("the store is there");
        for name in self.store_names() {
            fs::remove_file(store.join(name)).expect("root may remove a file");
        }
        for (name, contents) in files {
            let path = store.join(name);
            let mut options = fs::OpenOptions::new();
            let mut file = options.write(true).create_new(true).mode(0o600).open(&path).expect(name);
            file.write_all(contents).expect(name);
            std::os::unix::fs::chown(&path, Some(owner.uid()), Some(owner.gid())).expect(name);
        }
    }

    /// The names of the files in the store.
    pub fn store_names(&self) -> Vec<String> {
        self.store().into_keys().collect()
    }

    /// Fills the file system that the store lies on to the last block.
    pub fn fill_store(&self) {
        let filler = format!("of={STORE}/.filler");
        let full = self.run(&["dd", "if=/dev/zero", &filler, "bs=4096", "status=none"]);
        assert!(full.stderr.contains("No space left"), "the store has no size of its own: {full:?}");
    }

    /// Makes the store read-only, for root as well.
    pub fn make_store_read_only(&self) {
        self.must_run(&["mount", "--bind", STORE, STORE]);
        self.must_run(&["mount", "-o", "remount,bind,ro", STORE]);
    }
}
