//! From set-user-ID root to the store's owner, for good. Nothing the caller sent is read before that, and of the store
//! no more than the file that bounds a user's calls.
//!
//! What a caller can leave behind for a set-user-ID program is undone first: descriptors, environment,
//! signals, umask, working directory, limits and priority. All `unsafe` of the helper stands here.
#![allow(unsafe_code)]

use crate::control_group::ControlGroup;
use crate::hard_end;
use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit, setrlimit};
use nix::sys::signal::SigSet;
use nix::sys::stat::{Mode, SFlag, lstat, umask};
use nix::unistd::{
    Gid, Uid, chdir, getegid, geteuid, getgid, getgroups, getuid, setgroups, setresgid, setresuid,
};
use std::fmt;
use std::path::{Path, PathBuf};
use totp_core::POLICY_FILE;
use totp_core::policy::{Policy, PolicyError};
use totp_core::store::{CALLS_AT_ONCE, CallerPlace, Store, StoreError};

/// Uids from here on are people's; below are those of the system (SYS_UID_MAX of login.defs(5)).
const FIRST_ORDINARY_UID: u32 = 1000;
/// What stands for a uid that a user namespace does not map.
const OVERFLOW_UID: u32 = 65_534;
/// Descriptors the helper may have: three, the store, a few files and what a name service opens.
const DESCRIPTORS: u64 = 256;
/// Bytes of memory, of stack and of a file that are more than enough.
const MEMORY: u64 = 1 << 30;
const STACK: u64 = 8 << 20;
const FILE_SIZE: u64 = 1 << 20;
/// Signals that may be pending to all processes of the caller together; a timer takes one.
const PENDING_SIGNALS: u64 = 1024;
/// Nanoseconds that a sleep may take longer: what the kernel gives a process by itself.
const TIMER_SLACK: u64 = 50_000;

/// Who called, and by which policy they are served.
pub(crate) struct Caller {
    /// The real uid of the calling process.
    pub(crate) uid: u32,
    /// The system's policy.
    pub(crate) policy: Policy,
    /// The policy's store.
    pub(crate) store: Store,
    /// Where the caller can freeze and kill; `None` where the helper cannot leave it.
    pub(crate) control_group: Option<ControlGroup>,
    /// Taken until the process ends; `None` for root, who has as many as it likes.
    _place: Option<CallerPlace>,
}

/// Why the helper does nothing.
#[derive(Debug)]
pub(crate) enum Unable {
    NotRoot,
    Failed(&'static str, nix::Error),
    Policy(PolicyError),
    Store(PathBuf, &'static str),
    Unopened(StoreError),
    Crowded,
    Kept,
}

impl fmt::Display for Unable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotRoot => f.write_str(
                "totp-helper does not run as root here (not set-user-ID, or no_new_privs, or in a user namespace)",
            ),
            Self::Failed(what, error) => write!(f, "totp-helper cannot {what}: {}", error.desc()),
            Self::Policy(error) => error.fmt(f),
            Self::Store(path, why) => write!(f, "{}: {why}", path.display()),
            Self::Unopened(error) => error.fmt(f),
            Self::Crowded => write!(
                f,
                "totp-helper: this user has {CALLS_AT_ONCE} calls under way already; wait a few seconds and try again"
            ),
            Self::Kept => f.write_str("totp-helper could not give its privileges up"),
        }
    }
}

/// Makes this process the store's owner for good. Where that cannot be, the process is the caller's for good: they hear
/// why from a process that counts as theirs, and that has no privilege left.
pub(crate) fn shed() -> Result<Caller, Unable> {
    let (uid, gid) = (getuid(), getgid());
    become_owner().map_err(|why| if become_caller(uid, gid) { why } else { Unable::Kept })
}

fn become_owner() -> Result<Caller, Unable> {
    // The standard library has opened /dev/null for any of the descriptors 0 to 2 that was closed.
    close_other_descriptors()?;
    clear_environment()?;
    SigSet::all().thread_block().map_err(|error| Unable::Failed("block signals", error))?;
    umask(Mode::S_IRWXG | Mode::S_IRWXO);
    chdir("/").map_err(|error| Unable::Failed("change to /", error))?;
    if !geteuid().is_root() {
        return Err(Unable::NotRoot);
    }
    reset_limits()?;
    hard_end::set().map_err(|error| Unable::Failed("set the moment of its end", error))?;
    reset_priority()?;
    let caller = getuid();
    let control_group = ControlGroup::of_caller();
    let policy = Policy::load(Path::new(POLICY_FILE)).map_err(|error| match error {
        // So root's files look from a user namespace that has no number for root.
        PolicyError::Exposed(_, exposure) if exposure.owner == OVERFLOW_UID => Unable::NotRoot,
        error => Unable::Policy(error),
    })?;
    let (owner, group) = store_owner(&policy.store)?;
    let store = Store::open(&policy.store).map_err(Unable::Unopened)?;
    // While the process still counts against the caller's own limit (RLIMIT_NPROC): whoever gets no place never
    // counts as the store's owner.
    let place = if caller.is_root() { None } else { Some(place(&store, caller)?) };
    become_for_good(owner, group)?;
    nix::sys::prctl::set_dumpable(false).map_err(|error| Unable::Failed("protect its memory", error))?;
    Ok(Caller { uid: caller.as_raw(), policy, store, control_group, _place: place })
}

/// A place among the calls of this user. Root's calls have no bound: they are those of set-user-ID programs such as su,
/// and one user could keep out another who uses such a program.
fn place(store: &Store, caller: Uid) -> Result<CallerPlace, Unable> {
    store.take_caller_place(caller.as_raw()).map_err(Unable::Unopened)?.ok_or(Unable::Crowded)
}

fn close_other_descriptors() -> Result<(), Unable> {
    // SAFETY: this process has opened nothing yet; no descriptor from 3 on is owned by anything in it.
    let closed = unsafe { libc::syscall(libc::SYS_close_range, 3u32, u32::MAX, 0u32) };
    nix::Error::result(closed).map(drop).map_err(|error| Unable::Failed("close descriptors", error))
}

fn clear_environment() -> Result<(), Unable> {
    // SAFETY: this process has one thread.
    match unsafe { libc::clearenv() } {
        0 => Ok(()),
        _ => Err(Unable::Failed("clear its environment", nix::Error::last())),
    }
}

/// Limits that a caller may have set to cut a write short or to kill the helper between two of them.
///
/// A hard limit that is high enough stays: to raise one takes CAP_SYS_RESOURCE, which root in a container
/// may lack.
fn reset_limits() -> Result<(), Unable> {
    for (resource, needed) in [
        (Resource::RLIMIT_AS, MEMORY),
        (Resource::RLIMIT_DATA, MEMORY),
        (Resource::RLIMIT_STACK, STACK),
        (Resource::RLIMIT_FSIZE, FILE_SIZE),
        (Resource::RLIMIT_NOFILE, DESCRIPTORS),
        // It counts what the caller used before it became the helper.
        (Resource::RLIMIT_CPU, RLIM_INFINITY),
    ] {
        getrlimit(resource)
            .and_then(|(_, hard)| setrlimit(resource, needed, hard.max(needed)))
            .map_err(|error| Unable::Failed("reset its limits", error))?;
    }
    // It counts what all processes of the caller have pending, so that it stays as high as it may be.
    getrlimit(Resource::RLIMIT_SIGPENDING)
        .map(|(_, hard)| hard.max(PENDING_SIGNALS))
        .and_then(|most| setrlimit(Resource::RLIMIT_SIGPENDING, most, most))
        .map_err(|error| Unable::Failed("reset its limits", error))?;
    setrlimit(Resource::RLIMIT_CORE, 0, 0).map_err(|error| Unable::Failed("forbid core dumps", error))
}

/// A process that hardly runs would hold its lock for others to wait behind, and one whose sleeps may take any
/// time longer, which a caller can ask for, would wait for a request without end.
fn reset_priority() -> Result<(), Unable> {
    const IOPRIO_WHO_PROCESS: libc::c_int = 1;
    let parameters = libc::sched_param { sched_priority: 0 };
    // SAFETY: the calls take numbers, and one reads a structure that lives through it; 0 is this process.
    let results = unsafe {
        [
            i64::from(libc::sched_setscheduler(0, libc::SCHED_OTHER, &raw const parameters)),
            i64::from(libc::setpriority(libc::PRIO_PROCESS, 0, 0)),
            libc::syscall(libc::SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, 0),
        ]
    };
    for result in results {
        nix::Error::result(result).map_err(|error| Unable::Failed("reset its priority", error))?;
    }
    nix::sys::prctl::set_timerslack(TIMER_SLACK).map_err(|error| Unable::Failed("reset its timers", error))
}

/// The store's owner, who must be a system user of its own.
fn store_owner(store: &Path) -> Result<(Uid, Gid), Unable> {
    let refused = |why| Unable::Store(store.to_owned(), why);
    let about = lstat(store).map_err(|error| Unable::Failed("look at the store", error))?;
    if SFlag::from_bits_truncate(about.st_mode) & SFlag::S_IFMT != SFlag::S_IFDIR {
        return Err(refused("the store is no directory"));
    }
    if about.st_uid == 0 || about.st_gid == 0 {
        return Err(refused(
            "the store belongs to root; chown it to the system user _pam_totp and its group",
        ));
    }
    if about.st_uid == OVERFLOW_UID {
        // So the store's owner looks from a user namespace that has no number for it.
        return Err(Unable::NotRoot);
    }
    if about.st_uid >= FIRST_ORDINARY_UID {
        return Err(refused("the store belongs to an ordinary user; chown it to the system user _pam_totp"));
    }
    Ok((Uid::from_raw(about.st_uid), Gid::from_raw(about.st_gid)))
}

/// Whether the process has the caller's uid and group now and no others; groups besides are the caller's own.
fn become_caller(uid: Uid, gid: Gid) -> bool {
    // It was never anybody else where it is not set-user-ID, as in a user namespace.
    (getuid(), geteuid(), getgid(), getegid()) == (uid, uid, gid, gid)
        || setresgid(gid, gid, gid).and_then(|()| setresuid(uid, uid, uid)).is_ok()
}

/// Groups first, then the group, then the user: the other way round the right to do so is gone. All three uids at
/// once: whoever has the caller's real uid and no more capabilities than the caller is the caller's to renice.
fn become_for_good(owner: Uid, group: Gid) -> Result<(), Unable> {
    setgroups(&[])
        .and_then(|()| setresgid(group, group, group))
        .and_then(|()| setresuid(owner, owner, owner))
        .map_err(|error| Unable::Failed("become the store's owner", error))?;
    let is_owner = (getuid(), geteuid()) == (owner, owner) && (getgid(), getegid()) == (group, group);
    let no_groups = getgroups().is_ok_and(|groups| groups.is_empty());
    let cannot_return = setresuid(Uid::from_raw(0), Uid::from_raw(0), Uid::from_raw(0)).is_err();
    if is_owner && no_groups && cannot_return { Ok(()) } else { Err(Unable::Kept) }
}
