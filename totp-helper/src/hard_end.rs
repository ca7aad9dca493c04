//! The moment by which this process is gone, whatever holds it up: a caller, the log daemon, the name service, a disk.

use nix::sys::signal::{SigEvent, SigevNotify, Signal};
use nix::sys::time::TimeSpec;
use nix::sys::timer::{Expiration, Timer, TimerSetTimeFlags};
use nix::time::ClockId;
use std::time::Duration;

/// How long a helper lives at most. What an honest call may wait for fits in: a request (5 s), the user's lock (2 s)
/// and a disk. It is less than the 10 s that the client waits, so that nothing is judged after the client has told
/// its user that codes cannot be checked.
const LONGEST_LIFE: Duration = Duration::from_secs(9);

/// Has the kernel kill this process in [`LONGEST_LIFE`]. By SIGKILL, which nobody can block or ignore, and which also
/// ends a process that is stopped, or whose control group (cgroup2) is frozen. Locks go with the process, and the store
/// is made for that.
///
/// # Errors
/// EAGAIN where the caller has as many signals pending as they may have.
pub(crate) fn set() -> nix::Result<()> {
    let kill = SigevNotify::SigevSignal { signal: Signal::SIGKILL, si_value: 0 };
    let mut timer = Timer::new(ClockId::CLOCK_MONOTONIC, SigEvent::new(kill))?;
    timer.set(Expiration::OneShot(TimeSpec::from_duration(LONGEST_LIFE)), TimerSetTimeFlags::empty())?;
    // It is never called off.
    std::mem::forget(timer);
    Ok(())
}
