//! Calls that would not end by themselves.

use super::control_groups::Delegated;
use super::{AS_ALICE, PATIENCE, REQUEST, house};
use host::{HELPER, Host, ended_on_socket};
use std::fs::{Permissions, rename, set_permissions};
use std::io::{Read as _, Write as _};
use std::net::Shutdown;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixDatagram;
use std::time::Instant;

/// Helpers that count against no limit of their callers: their real uid is the store's owner. What has ended and was
/// not waited for by its parent is not counted.
pub(super) fn beyond_limits(host: &Host) -> usize {
    let listed = host.run(&["ps", "-U", "_pam_totp", "-o", "stat=,comm="]).stdout;
    listed.lines().filter(|line| line.contains("totp-helper") && !line.starts_with('Z')).count()
}

#[test]
fn a_helper_whose_log_hangs_ends_and_keeps_what_it_counted() {
    let mut house = house();
    let log = house.host.path("/dev/log");
    let real = log.with_extension("real");
    rename(&log, &real).expect("root may rename it");
    // Full, and nobody reads it.
    let full = UnixDatagram::bind(&log).expect("the name is free");
    set_permissions(&log, Permissions::from_mode(0o666)).expect("root may");
    let writer = UnixDatagram::unbound().expect("the kernel has room for sockets");
    writer.set_nonblocking(true).expect("a socket can be that");
    while writer.send_to(b"x", &log).is_ok() {}
    let before = house.state();
    let begin = Instant::now();
    let (mut socket, child) = house.host.start_on_socket("alice", &[HELPER]);
    socket.write_all(&house.host.read(REQUEST)).expect("there is room for it");
    socket.shutdown(Shutdown::Write).expect("it is open");
    house.host.wait_until("the guess is counted", |_| house.state() != before);
    house.lock_is_soon_let_go("while the log hangs");
    ends_in_time(&house.host, begin);
    let outcome = ended_on_socket(socket, child);
    assert_eq!((outcome.status, outcome.stdout.as_str()), (128 + 9, ""), "no verdict: {outcome:?}");
    drop(full);
    rename(&real, &log).expect("root may rename it");
    house.is_whole();
}

#[test]
fn a_helper_that_is_frozen_ends() {
    let mut house = house();
    let Some(group) = Delegated::to_alice(&house) else { return };
    let before = house.host.store();
    let script = format!("echo 0 >{}/cgroup.procs && exec \"$@\"", group.part("helper"));
    let begin = Instant::now();
    let words = [&["sh", "-c", &script, "sh"], &AS_ALICE[..], &[HELPER]].concat();
    let (mut socket, mut child) = house.host.start_on_socket("root", &words);
    house.host.wait_until("it waits for its request", |host| beyond_limits(host) == 1);
    group.freeze();
    ends_in_time(&house.host, begin);
    let mut answer = Vec::new();
    let _ = socket.read_to_end(&mut answer);
    assert!(answer.is_empty(), "{}", String::from_utf8_lossy(&answer));
    child.wait().expect("it ends");
    house.is_whole_and_as(&before);
}

fn ends_in_time(host: &Host, begin: Instant) {
    host.wait_until("the helper is gone", |host| beyond_limits(host) == 0);
    assert!(begin.elapsed() < PATIENCE, "it took {:?}", begin.elapsed());
}
