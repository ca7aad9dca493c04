//! Out of the caller's control group while a lock is held.
//!
//! Users may freeze and kill what runs in a control group that is delegated to them, as systemd does with their
//! services. A helper that su calls works on the files of whomever they name: frozen under that user's lock it
//! would keep that user out, root among them.

use std::fs::{File, OpenOptions, read_to_string};
use std::io::Write as _;
use std::path::Path;

/// Where cgroup2 is mounted: alone, or beside the first version.
const TREES: [&str; 2] = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"];

/// The way out of the caller's control group and back into it, open for writing.
pub(crate) struct ControlGroup {
    out: File,
    back: File,
}

impl ControlGroup {
    /// Opens both ways, which takes root; who writes may be another. `None` where there is no cgroup2 or it is
    /// read-only, as in a container: nobody is given a part of it there.
    pub(crate) fn of_caller() -> Option<Self> {
        let groups = read_to_string("/proc/self/cgroup").ok()?;
        let own = groups.lines().find_map(|line| line.strip_prefix("0::/"))?;
        let entrance = |tree: &str, group: &str| {
            OpenOptions::new().write(true).open(Path::new(tree).join(group).join("cgroup.procs")).ok()
        };
        TREES.iter().find_map(|tree| Some(Self { out: entrance(tree, "")?, back: entrance(tree, own)? }))
    }

    /// Does an errand outside of the caller's control group. The answer is written inside: nobody shall pile up
    /// processes out here that wait for their answer to be taken.
    pub(crate) fn outside<T>(&self, errand: impl FnOnce() -> T) -> T {
        let enter = |mut group: &File| group.write_all(b"0");
        // Where the kernel does not let it out, it works where it is.
        let is_out = enter(&self.out).is_ok();
        let done = errand();
        if is_out && enter(&self.back).is_err() {
            // Whoever removed the group meanwhile gets no answer.
            std::process::exit(1);
        }
        done
    }
}
