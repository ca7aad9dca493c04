//! Out of the caller's control group while a lock is held, where the caller has a say in that group.
//!
//! Users may freeze and kill what runs in a control group that is delegated to them, as systemd does with their
//! services. A helper that su calls works on the files of whomever they name: frozen under that user's lock it
//! would keep that user out, root among them.

use std::fs::{File, OpenOptions, metadata, read_to_string};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// Where cgroup2 is mounted: alone, or beside the first version.
const TREES: [&str; 2] = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"];

/// By what a group is frozen, emptied by a kill, or left for one that is made in it; the group itself for the last.
const LEVERS: [&str; 4] = [".", "cgroup.procs", "cgroup.freeze", "cgroup.kill"];

/// The way out of the caller's control group and back into it, open for writing.
pub(crate) struct ControlGroup {
    out: File,
    back: File,
}

impl ControlGroup {
    /// Opens both ways, which takes root; who writes may be another. `None` where the group is root's alone, as that
    /// of a login session is: it takes the kernel milliseconds to let somebody out. `None` also where there is no
    /// cgroup2, or it is read-only as in most containers.
    pub(crate) fn of_caller() -> Option<Self> {
        let groups = read_to_string("/proc/self/cgroup").ok()?;
        let own = groups.lines().find_map(|line| line.strip_prefix("0::/"))?;
        let entrance = |group: &Path| OpenOptions::new().write(true).open(group.join("cgroup.procs")).ok();
        let tree = TREES.into_iter().map(Path::new).find(|tree| tree.join("cgroup.controllers").exists())?;
        if is_roots_alone(tree, Path::new(own)) {
            return None;
        }
        Some(Self { out: entrance(tree)?, back: entrance(&tree.join(own))? })
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

/// Whether nobody but root can write what moves, freezes or kills the processes of a group, or of one around it.
fn is_roots_alone(tree: &Path, group: &Path) -> bool {
    let is_roots = |path: PathBuf| match metadata(path) {
        Ok(about) => about.uid() == 0 && about.mode() & 0o022 == 0,
        // Older kernels lack some.
        Err(error) => error.kind() == ErrorKind::NotFound,
    };
    let mut around = tree.to_owned();
    group.components().all(|part| {
        around.push(part);
        LEVERS.into_iter().all(|lever| is_roots(around.join(lever)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt as _, chown};

    #[test]
    fn a_group_is_roots_alone_where_nobody_else_has_a_lever_of_it_or_of_one_around_it() {
        if !nix::unistd::geteuid().is_root() {
            eprintln!("skipped: files are given away by root alone");
            return;
        }
        let tree = tempfile::tempdir().unwrap();
        let group = Path::new("user/session");
        fs::create_dir_all(tree.path().join(group)).unwrap();
        assert!(is_roots_alone(tree.path(), group));
        for place in ["user", "user/session"].map(|place| tree.path().join(place)) {
            for lever in LEVERS {
                let file = place.join(lever);
                if lever != "." {
                    fs::write(&file, "").unwrap();
                }
                let mode = if lever == "." { 0o755 } else { 0o644 };
                fs::set_permissions(&file, Permissions::from_mode(mode)).unwrap();
                assert!(is_roots_alone(tree.path(), group), "{}", file.display());
                chown(&file, Some(1000), None).unwrap();
                assert!(!is_roots_alone(tree.path(), group), "{}", file.display());
                chown(&file, Some(0), None).unwrap();
                fs::set_permissions(&file, Permissions::from_mode(mode | 0o020)).unwrap();
                assert!(!is_roots_alone(tree.path(), group), "{}", file.display());
                fs::set_permissions(&file, Permissions::from_mode(mode)).unwrap();
            }
        }
        assert!(is_roots_alone(tree.path(), Path::new("")), "the tree itself");
    }
}
