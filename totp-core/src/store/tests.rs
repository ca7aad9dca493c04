//! The store on a real directory: what it refuses, what it replaces, and its lock.

use super::*;
use crate::credential::tests::example;
use crate::login::Record;
use crate::name::UserName;
use crate::state::State;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// A store of its own, gone with the value.
struct Place {
    directory: tempfile::TempDir,
    store: Store,
}

/// Empty, and gone with the value. In memory where that can be: on a disk that is busy a sync may take longer than a
/// lock is waited for.
pub(crate) fn directory() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

fn place() -> Place {
    let directory = directory();
    fs::set_permissions(directory.path(), Permissions::from_mode(0o700)).unwrap();
    let store = Store::open(directory.path()).unwrap();
    Place { directory, store }
}

impl Place {
    fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn names(&self) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(self.directory.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name != ".uids" && name != callers::FILE)
            .collect();
        names.sort();
        names
    }

    fn refusal(&self) -> String {
        self.store.credential(&alice()).err().expect("it must be refused").to_string()
    }
}

fn alice() -> UserName {
    UserName::new("alice").unwrap()
}

#[test]
fn a_store_that_is_missing_open_to_others_or_a_link_is_refused() {
    let place = place();
    let path = place.directory.path();
    assert!(matches!(Store::open(&path.join("none")), Err(StoreError::Io { .. })));
    symlink(path, path.join("link")).unwrap();
    assert!(Store::open(&path.join("link")).is_err());
    fs::write(path.join("file"), "").unwrap();
    assert!(Store::open(&path.join("file")).is_err());
    for mode in [0o750, 0o701, 0o777] {
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
        assert!(matches!(Store::open(path), Err(StoreError::Unsafe { .. })), "{mode:o}");
    }
}

#[test]
fn a_credential_is_read_back_as_written_and_closed_to_others() {
    let place = place();
    assert!(place.store.credential(&alice()).unwrap().is_none());
    let user = place.store.lock(&alice()).unwrap();
    user.write_credential(&example()).unwrap();
    let read = place.store.credential(&alice()).unwrap().unwrap();
    assert_eq!(*read.to_toml(), *example().to_toml());
    assert_eq!(place.names(), ["alice.state", "alice.toml"]);
    for (name, mode) in [("alice.toml", 0o600), ("alice.state", 0o610)] {
        assert_eq!(fs::metadata(place.file(name)).unwrap().permissions().mode() & 0o7777, mode);
    }
}

/// What a module of version 2 asks of a file before it uses it.
fn is_refused_by_version_2(file: &std::path::Path) -> bool {
    fs::metadata(file).unwrap().permissions().mode() & 0o077 != 0
}

#[test]
fn a_module_of_version_2_refuses_a_state_that_this_version_has_locked_made_or_taken_over() {
    let place = place();
    let state = place.file("alice.state");
    drop(place.store.lock(&alice()).unwrap());
    assert!(is_refused_by_version_2(&state), "made");
    fs::set_permissions(&state, Permissions::from_mode(0o600)).unwrap();
    let held = place.store.lock(&alice()).unwrap();
    assert!(is_refused_by_version_2(&state), "locked");
    drop(held);
    let holder = fs::File::open(&state).unwrap();
    holder.try_lock().unwrap();
    let taken = place.store.lock_by_force(&alice()).unwrap();
    assert!(is_refused_by_version_2(&state), "taken over");
    drop(taken);
    assert!(place.store.lock(&alice()).is_ok());
}

#[test]
fn the_bit_that_keeps_it_away_is_allowed_of_a_state_alone() {
    let place = place();
    drop(place.store.lock(&alice()).unwrap().write_credential(&example()));
    for (name, mode, fits) in [
        ("alice.state", 0o610, true),
        ("alice.state", 0o710, true),
        ("alice.state", 0o640, false),
        ("alice.state", 0o611, false),
        ("alice.toml", 0o610, false),
    ] {
        fs::set_permissions(place.file(name), Permissions::from_mode(mode)).unwrap();
        let found = place.store.lock(&alice()).and_then(|user| user.credential(&alice()));
        assert_eq!(found.is_ok(), fits, "{name} {mode:o}");
        fs::set_permissions(place.file(name), Permissions::from_mode(0o600)).unwrap();
    }
}

#[test]
fn a_file_that_the_store_did_not_make_is_refused_with_a_reason() {
    let place = place();
    let file = place.file("alice.toml");
    fs::write(&file, &**example().to_toml()).unwrap();
    fs::set_permissions(&file, Permissions::from_mode(0o640)).unwrap();
    assert!(place.refusal().contains("open to others"), "{}", place.refusal());

    fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
    fs::hard_link(&file, place.file("second")).unwrap();
    assert!(place.refusal().contains("more than one link"));

    fs::remove_file(&file).unwrap();
    symlink(place.file("second"), &file).unwrap();
    assert!(place.refusal().contains("symbolic link"));

    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    assert!(place.refusal().contains("not a regular file"));

    fs::remove_dir(&file).unwrap();
    nix::unistd::mkfifo(&file, Mode::S_IRUSR | Mode::S_IWUSR).unwrap();
    assert!(place.refusal().contains("not a regular file"));

    fs::remove_file(&file).unwrap();
    fs::write(&file, vec![b'#'; 70_000]).unwrap();
    fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
    assert!(place.refusal().contains("larger"));

    fs::write(&file, [0xff, 0xfe]).unwrap();
    assert!(place.refusal().contains("no text"));
}

#[test]
fn a_credential_that_does_not_check_is_named_with_path_and_line() {
    let place = place();
    let file = place.file("alice.toml");
    fs::write(&file, example().to_toml().replace("uid = 1000", "uid = -1")).unwrap();
    fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
    let start = format!("{}:3: uid: ", file.display());
    assert!(place.refusal().starts_with(&start), "{}", place.refusal());
}

#[test]
fn a_state_survives_its_process_and_is_that_of_its_credential() {
    let place = place();
    let mut state = State::afresh(example().id);
    state.graces_used = 7;
    place.store.lock(&alice()).unwrap().record(&state, Record::Durable).unwrap();
    let user = place.store.lock(&alice()).unwrap();
    assert_eq!(user.state_of(example().id).unwrap(), state);
    assert_eq!(user.state_of(crate::credential::CredentialId::ZERO).unwrap().graces_used, 0);
}

#[test]
fn what_a_killed_process_left_behind_is_in_nobodys_way() {
    let place = place();
    fs::write(place.file(".alice.toml.new"), "half").unwrap();
    let user = place.store.lock(&alice()).unwrap();
    user.write_credential(&example()).unwrap();
    assert_eq!(place.names(), ["alice.state", "alice.toml"]);
}

#[test]
fn removing_everything_leaves_nothing_and_a_waiting_login_starts_afresh() {
    let place = place();
    let mut user = place.store.lock(&alice()).unwrap();
    user.write_credential(&example()).unwrap();
    user.record(&State::afresh(example().id), Record::Durable).unwrap();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| place.store.lock(&alice()).unwrap().state_of(example().id).unwrap());
        user.remove_everything().unwrap();
        // The login may be about to make it.
        assert!(place.names().iter().all(|name| name.contains("alice.state")));
        drop(user);
        assert_eq!(waiting.join().unwrap(), State::afresh(example().id));
    });
}

#[test]
fn a_state_that_is_removed_while_it_is_waited_for_is_not_made_anew() {
    let place = place();
    assert!(place.store.lock_if_there(&alice()).unwrap().is_none());
    let holder = place.store.lock(&alice()).unwrap();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| place.store.lock_if_there(&alice()).unwrap().is_none());
        holder.remove_everything().unwrap();
        drop(holder);
        assert!(waiting.join().unwrap());
    });
    assert_eq!(place.names(), Vec::<String>::new());
}

#[test]
fn one_at_a_time_holds_the_lock_and_the_file_is_made_once() {
    let place = place();
    let inside = AtomicU32::new(0);
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                let mut user = place.store.lock(&alice()).unwrap();
                assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                let mut state = user.state_of(example().id).unwrap();
                state.graces_used += 1;
                user.record(&state, Record::Written).unwrap();
                inside.fetch_sub(1, Ordering::SeqCst);
            });
        }
    });
    let state = place.store.lock(&alice()).unwrap().state_of(example().id).unwrap();
    assert_eq!(state.graces_used, 16);
    assert_eq!(place.names(), ["alice.state"]);
}

#[test]
fn a_lock_that_does_not_come_is_waited_for_two_seconds_and_taken_over_by_root() {
    let place = place();
    let mut held = place.store.lock(&alice()).unwrap();
    let mut state = State::afresh(example().id);
    state.recovery = crate::recovery::RecoverySet::generate(3).unwrap().0;
    held.record(&state, Record::Durable).unwrap();
    let started = std::time::Instant::now();
    assert!(matches!(place.store.lock(&alice()), Err(StoreError::Busy)));
    let waited = started.elapsed().as_millis();
    assert!((1900..4000).contains(&waited), "{waited} ms");

    let taken = place.store.lock_by_force(&alice()).unwrap();
    assert_eq!(taken.state_of(example().id).unwrap(), state, "nothing is lost");
    assert_eq!(place.names(), ["alice.state"]);
    state.graces_used = 1;
    for record in [Record::Written, Record::Durable] {
        let late = held.record(&state, record);
        assert!(matches!(late, Err(StoreError::Busy)), "a verdict in a file that was replaced");
    }
    assert!(matches!(held.write_credential(&example()), Err(StoreError::Busy)), "set up after a revoke");
    drop(held);
    assert!(matches!(place.store.lock(&alice()), Err(StoreError::Busy)), "the new file is still locked");
    assert_eq!(taken.state_of(example().id).unwrap().graces_used, 0);
}

#[test]
fn a_lock_that_a_later_version_holds_is_taken_over_to_give_its_state_up() {
    let place = place();
    let mut held = place.store.lock(&alice()).unwrap();
    held.record(&State::afresh(example().id), Record::Durable).unwrap();
    let file = place.file("alice.state");
    let mut later = fs::read(&file).unwrap();
    later[7] = b'9';
    later.extend([7; 4096]);
    fs::write(&file, &later).unwrap();
    let mut taken = place.store.lock_by_force(&alice()).unwrap();
    assert!(matches!(taken.state_of(example().id), Err(StoreError::LaterVersion { version: '9', .. })));
    assert_eq!(fs::read(&file).unwrap(), later, "nothing is lost");
    taken.give_up_later_version();
    taken.record(&State { graces_used: 2, ..State::default() }, Record::Durable).unwrap();
    drop(taken);
    let user = place.store.lock(&alice()).unwrap();
    assert_eq!(user.state_of(State::default().credential).unwrap().graces_used, 2);
}

#[test]
fn while_a_lock_is_taken_over_nothing_counts_and_a_take_over_that_died_is_in_nobodys_way() {
    let place = place();
    let mut held = place.store.lock(&alice()).unwrap();
    held.write_credential(&example()).unwrap();
    let (mut state, before) = (State::afresh(example().id), fs::read(place.file("alice.toml")).unwrap());
    let successor = place.file(".alice.state.new");
    fs::set_permissions(place.file("alice.state"), Permissions::from_mode(0o700)).unwrap();
    fs::write(&successor, "").unwrap();
    fs::set_permissions(&successor, Permissions::from_mode(0o600)).unwrap();
    let other = fs::File::open(&successor).unwrap();
    other.lock().unwrap();
    assert!(matches!(held.record(&state, Record::Durable), Err(StoreError::Busy)), "it may have been read");
    assert!(matches!(held.write_credential(&example()), Err(StoreError::Busy)));
    assert!(matches!(held.remove_credential(&state), Err(StoreError::Busy)));
    assert!(matches!(place.store.lock_by_force(&alice()), Err(StoreError::Busy)), "two at once");
    assert_eq!(place.names(), [".alice.state.new", "alice.state", "alice.toml"]);
    assert_eq!(fs::read(place.file("alice.toml")).unwrap(), before);

    drop(other);
    state.graces_used = 3;
    held.record(&state, Record::Written).unwrap();
    assert_eq!(place.names(), ["alice.state", "alice.toml"]);
    fs::write(&successor, "").unwrap();
    fs::set_permissions(&successor, Permissions::from_mode(0o600)).unwrap();
    let taken = place.store.lock_by_force(&alice()).unwrap();
    assert_eq!(taken.state_of(example().id).unwrap(), state, "nothing is lost");
    assert_eq!(place.names(), ["alice.state", "alice.toml"]);
}

#[test]
fn a_write_that_fails_leaves_the_former_credential() {
    let place = place();
    let user = place.store.lock(&alice()).unwrap();
    user.write_credential(&example()).unwrap();
    let before = fs::read(place.file("alice.toml")).unwrap();
    // Fails for root as well, whom permission bits do not stop.
    fs::create_dir(place.file(".alice.toml.new")).unwrap();
    assert!(user.write_credential(&example()).is_err());
    assert_eq!(fs::read(place.file("alice.toml")).unwrap(), before);
}

#[test]
fn a_credential_that_is_replaced_all_the_time_is_always_there() {
    let place = place();
    place.store.lock(&alice()).unwrap().write_credential(&example()).unwrap();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let user = place.store.lock(&alice()).unwrap();
            for _ in 0..500 {
                user.write_credential(&example()).unwrap();
            }
            done.store(true, Ordering::Relaxed);
        });
        while !done.load(Ordering::Relaxed) {
            assert!(place.store.credential(&alice()).unwrap().is_some());
        }
    });
}
