//! Files and directories that others could write, and such that they could not.

use super::*;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};

const TEXT: &str = "mode = \"required\"\n";

/// A directory of the caller's own with `etc/policy.toml` in it.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        // Whatever the umask of whoever runs the tests.
        place.chmod("", 0o700);
        fs::create_dir(place.path("etc")).unwrap();
        place.chmod("etc", 0o755);
        fs::write(place.path("etc/policy.toml"), TEXT).unwrap();
        place.chmod("etc/policy.toml", 0o644);
        place
    }

    fn path(&self, inside: &str) -> PathBuf {
        // As the kernel sees it: the system's directory for temporary files may lie behind a link.
        self.0.path().canonicalize().unwrap().join(inside)
    }

    fn chmod(&self, inside: &str, mode: u32) {
        fs::set_permissions(self.path(inside), Permissions::from_mode(mode)).unwrap();
    }

    fn exposure(&self, inside: &str) -> Exposure {
        match read(&self.path(inside)) {
            Err(PolicyError::Exposed(policy, exposure)) => {
                assert_eq!(policy, self.path(inside));
                exposure
            }
            other => panic!("{inside}: {other:?}"),
        }
    }

    fn is_read(&self, inside: &str) {
        assert_eq!(read(&self.path(inside)).expect(inside), TEXT);
    }
}

/// As with some network file systems; an empty policy would be laxer than the one that is there.
#[test]
fn a_policy_is_read_to_its_end_where_its_file_system_tells_no_size() {
    let path = Path::new("/proc/self/status");
    assert_eq!(fs::metadata(path).unwrap().len(), 0);
    assert!(read(path).unwrap().starts_with("Name:"));
    assert!(read_draft(path).unwrap().starts_with("Name:"));
}

#[test]
fn a_policy_of_the_callers_own_is_read() {
    let place = Place::new();
    place.is_read("etc/policy.toml");
    place.chmod("etc/policy.toml", 0o400);
    place.chmod("etc", 0o700);
    place.is_read("etc/policy.toml");
    place.is_read("etc/../etc/./policy.toml");
}

#[test]
fn a_file_that_others_can_write_is_refused_with_the_way_out() {
    let place = Place::new();
    for mode in [0o666, 0o646, 0o602] {
        place.chmod("etc/policy.toml", mode);
        let exposure = place.exposure("etc/policy.toml");
        assert_eq!((exposure.mode, exposure.weakness), (mode, Weakness::Writable));
        let path = place.path("etc/policy.toml");
        let told = PolicyError::Exposed(path.clone(), exposure).to_string();
        let path = path.display();
        for part in [
            format!(
                "{path}: the policy is not used: permissions too open: others than root can write {path} (mode 0{mode:o}, uid "
            ),
            format!("then run `chmod go-w {path}`"),
        ] {
            assert!(told.contains(&part), "`{part}` is missing: {told}");
        }
        assert_eq!(
            read_draft(&place.path("etc/policy.toml")).unwrap(),
            TEXT,
            "a draft is judged by its text"
        );
    }
}

#[test]
fn a_directory_on_the_way_that_others_can_write_is_refused() {
    let place = Place::new();
    place.chmod("etc", 0o757);
    assert_eq!(place.exposure("etc/policy.toml").path, place.path("etc"));
    place.chmod("etc", 0o755);
    place.chmod("", 0o777);
    assert_eq!(place.exposure("etc/policy.toml").path.join(""), place.path(""));
    // What is not on the way does not matter.
    place.chmod("", 0o700);
    fs::create_dir(place.path("open")).unwrap();
    place.chmod("open", 0o777);
    place.is_read("etc/policy.toml");
    assert_eq!(place.exposure("open/../etc/policy.toml").path, place.path("open"));
}

#[test]
fn links_are_followed_and_every_directory_on_their_way_is_looked_at() {
    let place = Place::new();
    fs::create_dir(place.path("open")).unwrap();
    place.chmod("open", 0o755);
    symlink("../etc/policy.toml", place.path("open/file")).unwrap();
    symlink("etc/policy.toml", place.path("relative")).unwrap();
    symlink(place.path("etc"), place.path("absolute")).unwrap();
    symlink("open/file", place.path("twice")).unwrap();
    for inside in ["relative", "absolute/policy.toml", "twice", "open/file"] {
        place.is_read(inside);
    }
    place.chmod("open", 0o777);
    for inside in ["twice", "open/file"] {
        assert_eq!(place.exposure(inside).path, place.path("open"), "{inside}");
    }
    place.is_read("relative");
    place.chmod("etc", 0o777);
    assert_eq!(place.exposure("absolute/policy.toml").path, place.path("etc"));
}

#[test]
fn links_that_lead_nowhere_or_around_are_errors() {
    let place = Place::new();
    symlink("around", place.path("around")).unwrap();
    symlink("nowhere", place.path("dangling")).unwrap();
    symlink("etc/policy.toml", place.path("link0")).unwrap();
    for number in 1..=MOST_LINKS {
        symlink(format!("link{}", number - 1), place.path(&format!("link{number}"))).unwrap();
    }
    place.is_read(&format!("link{}", MOST_LINKS - 1));
    for (inside, part) in [
        ("around", "symbolic links"),
        (&format!("link{MOST_LINKS}"), "symbolic links"),
        ("dangling", "No such file"),
        ("etc/policy.toml/x", "Not a directory"),
        ("etc", "not a regular file"),
        ("etc/..", "not a regular file"),
    ] {
        let error = read(&place.path(inside)).expect_err(inside);
        assert!(matches!(error, PolicyError::Unreadable(..)) && error.to_string().contains(part), "{error}");
    }
}

/// What the file system cannot be made to show without root.
#[test]
fn owner_group_and_stickiness_decide() {
    let place = Place::new();
    let (file, directory) = (place.path("etc/policy.toml"), place.path("etc"));
    let own = geteuid().as_raw();
    let weakness = |path: &Path, mode: u32, user: u32| {
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
        Exposure::of(path, &lstat(path).unwrap(), || user).map(|exposure| exposure.weakness)
    };
    let by_group = (lstat(&file).unwrap().st_gid != 0).then_some(Weakness::Writable);
    assert_eq!(weakness(&file, 0o664, own), by_group, "group 0 counts as root");
    assert_eq!(weakness(&file, 0o1666, own), Some(Weakness::Writable), "a sticky file is no directory");
    let is_root = own == 0;
    let sticky = (!is_root).then_some(Weakness::Writable);
    assert_eq!(weakness(&directory, 0o1777, own), sticky, "sticky directories of root alone are closed");
    let others = (!is_root).then_some(Weakness::Owner);
    assert_eq!(weakness(&file, 0o600, own.wrapping_add(1)), others, "it belongs to somebody else");
}
