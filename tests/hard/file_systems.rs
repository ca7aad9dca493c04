//! Stores on disks of their own with real file systems, made for the test: ext4, xfs and btrfs. Full,
//! read-only, after a power cut, and with a quota that is used up. What a kernel has not is skipped aloud.

#![forbid(unsafe_code)]

#[path = "../installation/mod.rs"]
mod installation;
mod subject;

use host::{Builder, Host, Phone, STORE, skip};
use installation::{make, with_what_was_built};
use std::fs;
use std::thread::sleep;
use std::time::{Duration, Instant};
use subject::{AUTH_ERR, AUTHINFO_UNAVAIL, ENROL, SUCCESS, UNTHROTTLED, house_on, login, status};

const CREDENTIAL: &str = "/var/lib/pam_totp/alice.toml";
const NO_SPACE: &str = "No space left on device";
const OVER_QUOTA: &str = "Disk quota exceeded";

/// A shell command that must succeed, run in the store.
fn sh(host: &Host, command: &str) -> String {
    host.must_run(&["sh", "-e", "-c", &format!("cd {STORE}; {command}")])
}

fn make_room(host: &Host) {
    sh(host, "rm .filler*");
}

/// alice, set up on a disk of her own; `None` where this kernel has no such file system.
fn alice_on(file_system: &str) -> Option<(Host, Phone)> {
    let host = house_on(file_system, UNTHROTTLED)?;
    let phone = host.enrol("alice");
    Some((host, phone))
}

/// Right codes pass once, by root and through the helper, and wrong ones do not.
fn logins_work(host: &Host, phone: &mut Phone) {
    for code in [phone.code(), phone.recovery_codes.remove(0)] {
        assert_eq!(login(host, &code), SUCCESS);
        assert_eq!(login(host, &code), AUTH_ERR);
    }
    assert_eq!(login(host, &phone.wrong_code()), AUTH_ERR);
    let verified = host.run_as("alice", &["totp-enroll", "verify", &phone.code()]);
    assert_eq!(verified.status, 0, "{verified:?}");
    assert_eq!(status(host)["recovery_codes_left"], phone.recovery_codes.len());
}

/// No code passes, none is taken for used, and the log says why.
fn nobody_gets_in(host: &Host, phone: &Phone, why: &str) {
    let before = host.store();
    for code in [&phone.code_at(9), &phone.recovery_codes[0]] {
        let so_far = host.times_logged(why);
        assert_eq!(login(host, code), AUTHINFO_UNAVAIL);
        host.wait_until("the log says why", |host| host.times_logged(why) > so_far);
    }
    assert!(host.wait_for_log(why).contains(STORE), "{:?}", host.log());
    assert_eq!(host.store(), before);
}

fn set_up_fails_whole(host: &Host) {
    let before = host.store();
    let outcome = host.run(&ENROL);
    assert_eq!(outcome.status, 5, "{outcome:?}");
    assert!(!outcome.stdout.contains("otpauth"), "{outcome:?}");
    assert_eq!(host.store(), before);
}

fn renewal_keeps_the_old_phone(host: &Host, phone: &mut Phone) {
    let credential = host.read(CREDENTIAL);
    let terminal = host.terminal("alice", &["totp-enroll", "renew"]);
    terminal.shows("Code: ");
    terminal.enters(&phone.code());
    assert_ne!(terminal.exit_status(), 0);
    assert!(!terminal.history().contains("otpauth"), "{}", terminal.history());
    assert_eq!(host.read(CREDENTIAL), credential);
    assert_eq!(login(host, &phone.code()), SUCCESS);
}

fn logins_work_on_a_full_disk_and_a_renewal_keeps_the_old_phone(file_system: &str) {
    let Some((host, mut phone)) = alice_on(file_system) else { return };
    logins_work(&host, &mut phone);
    host.fill_store();
    logins_work(&host, &mut phone);
    logins_work(&host, &mut phone);
    renewal_keeps_the_old_phone(&host, &mut phone);
}

fn on_a_full_disk_set_up_fails_whole_and_works_once_there_is_room(file_system: &str) {
    let Some(host) = house_on(file_system, UNTHROTTLED) else { return };
    host.fill_store();
    set_up_fails_whole(&host);
    make_room(&host);
    let mut phone = host.enrol("alice");
    logins_work(&host, &mut phone);
}

fn remounted_read_only_nobody_gets_in_and_the_log_says_so(file_system: &str) {
    let Some((host, phone)) = alice_on(file_system) else { return };
    host.must_run(&["mount", "-o", "remount,ro", STORE]);
    nobody_gets_in(&host, &phone, "Read-only file system");
    host.must_run(&["mount", "-o", "remount,rw", STORE]);
    assert_eq!(login(&host, &phone.code_at(9)), SUCCESS);
}

/// Whatever has reached the disk is all that is left; what the kernel still held back is lost.
fn cut_the_power(host: &Host) {
    let disk = "/run/house.disk";
    let script =
        format!("cp {disk} {disk}.left; umount {STORE}; mv {disk}.left {disk}; mount -o loop {disk} {STORE}");
    host.must_run(&["sh", "-e", "-c", &script]);
}

/// The name of the loop device under the store.
fn device(host: &Host) -> String {
    let path = host.must_run(&["findmnt", "--noheadings", "--output", "SOURCE", STORE]);
    path.trim().strip_prefix("/dev/").expect("a loop device has a name").to_owned()
}

/// How often the disk was told to write out what it caches itself.
fn flushes(host: &Host) -> u64 {
    let device = device(host);
    let statistics = fs::read_to_string(format!("/sys/block/{device}/stat")).expect("sysfs is mounted");
    // The sixteenth field by Documentation/block/stat.rst of Linux 5.5.
    statistics.split_whitespace().nth(15).and_then(|field| field.parse().ok()).expect("flushes are counted")
}

fn what_was_accepted_survives_a_power_cut(file_system: &str) {
    let Some((host, mut phone)) = alice_on(file_system) else { return };
    cut_the_power(&host);
    let mut used = Vec::new();
    for _ in 0..2 {
        for code in [phone.code(), phone.recovery_codes.remove(0)] {
            let before = flushes(&host);
            assert_eq!(login(&host, &code), SUCCESS);
            assert!(flushes(&host) > before, "the disk may still hold the record back");
            cut_the_power(&host);
            used.push(code);
            for code in &used {
                assert_eq!(login(&host, code), AUTH_ERR, "an accepted code was not refused");
            }
        }
    }
    assert_eq!(login(&host, &phone.code()), SUCCESS);
}

macro_rules! on_each_file_system {
    ($($test:ident)*) => {
        on_each_file_system!(ext4: $($test)*);
        on_each_file_system!(xfs: $($test)*);
        on_each_file_system!(btrfs: $($test)*);
    };
    ($file_system:ident: $($test:ident)*) => {
        mod $file_system {
            $(#[test]
            fn $test() {
                super::$test(stringify!($file_system));
            })*
        }
    };
}

on_each_file_system! {
    logins_work_on_a_full_disk_and_a_renewal_keeps_the_old_phone
    on_a_full_disk_set_up_fails_whole_and_works_once_there_is_room
    remounted_read_only_nobody_gets_in_and_the_log_says_so
    what_was_accepted_survives_a_power_cut
}

#[test]
fn logins_work_on_btrfs_without_room_for_a_name() {
    let Some((host, mut phone)) = alice_on("btrfs") else { return };
    host.fill_store();
    let names = format!(
        "seq --format=.filler-{}-%g 100000 | xargs touch 2>&1 | grep -m 1 '{NO_SPACE}'",
        "x".repeat(200)
    );
    sh(&host, &names);
    logins_work(&host, &mut phone);
    logins_work(&host, &mut phone);
}

/// What docs/guide.md says for a store that was made without No_COW.
const MADE_ANEW: &str = "
    mkdir /var/lib/pam_totp.new
    chattr +C /var/lib/pam_totp.new
    mv /var/lib/pam_totp /var/lib/pam_totp.old
    cp -a --reflink=never /var/lib/pam_totp.old/. /var/lib/pam_totp.new/
    mv /var/lib/pam_totp.new /var/lib/pam_totp
    rm -r /var/lib/pam_totp.old
";

#[test]
fn on_btrfs_that_copies_on_write_a_full_disk_keeps_everybody_out_until_the_store_is_made_anew() {
    let Some(host) = house_on("btrfs", UNTHROTTLED) else { return };
    // The store is no disk of its own here, but a directory of one.
    let moved = "chmod 755 .; chattr -C .; install -d -o _pam_totp -g _pam_totp -m 700 pam_totp";
    sh(&host, &format!("{moved}; mount --bind . /var/lib"));
    let mut phone = host.enrol("alice");
    let used = phone.code();
    assert_eq!(login(&host, &used), SUCCESS);
    host.fill_store();
    nobody_gets_in(&host, &phone, NO_SPACE);
    make_room(&host);
    sh(&host, MADE_ANEW);
    host.fill_store();
    assert_eq!(login(&host, &used), AUTH_ERR);
    logins_work(&host, &mut phone);
    logins_work(&host, &mut phone);
}

/// Blocks of the state that something else shares are not overwritten in place, once each.
fn while_the_state_is_shared_a_full_disk_keeps_everybody_out(file_system: &str, share: &str) {
    let Some((host, mut phone)) = alice_on(file_system) else { return };
    logins_work(&host, &mut phone);
    sh(&host, share);
    host.fill_store();
    nobody_gets_in(&host, &phone, NO_SPACE);
    sh(&host, "rm .filler .filler-[0-9]*");
    logins_work(&host, &mut phone);
    host.fill_store();
    logins_work(&host, &mut phone);
}

#[test]
fn the_first_logins_after_a_snapshot_of_btrfs_need_room() {
    let snapshot = "btrfs subvolume snapshot . .filler-snapshot";
    while_the_state_is_shared_a_full_disk_keeps_everybody_out("btrfs", snapshot);
}

#[test]
fn the_first_logins_after_a_copy_by_reference_on_xfs_need_room() {
    let copy = "cp --reflink=always alice.state .filler-copy";
    while_the_state_is_shared_a_full_disk_keeps_everybody_out("xfs", copy);
}

#[test]
fn a_used_up_quota_of_the_stores_owner_keeps_nobody_out_on_ext4() {
    let Some((host, mut phone)) = alice_on("ext4 -O quota") else { return };
    host.must_run(&["setquota", "-u", "_pam_totp", "1", "1", "1", "1", STORE]);
    logins_work(&host, &mut phone);
    renewal_keeps_the_old_phone(&host, &mut phone);
}

#[test]
fn a_used_up_quota_of_a_btrfs_subvolume_keeps_everybody_out_and_the_log_says_so() {
    let Some((host, mut phone)) = alice_on("btrfs") else { return };
    sh(&host, "btrfs quota enable .; btrfs quota rescan -w .; btrfs qgroup limit 1M 0/5 .");
    let filled = host.run(&["dd", "if=/dev/zero", &format!("of={STORE}/.filler"), "bs=4096"]);
    assert!(filled.stderr.contains(OVER_QUOTA), "{filled:?}");
    nobody_gets_in(&host, &phone, OVER_QUOTA);
    sh(&host, "btrfs qgroup limit none 0/5 .");
    logins_work(&host, &mut phone);
}

/// A host without the product, ready for `make install`.
fn bare() -> Builder {
    Host::builder().bare()
}

fn is_overwritten_in_place(host: &Host) -> bool {
    let flags = host.must_run(&["lsattr", "-d", STORE]);
    flags.split_whitespace().next().is_some_and(|flags| flags.contains('C'))
}

#[test]
fn make_install_has_btrfs_overwrite_the_store_in_place() {
    let Some(host) = bare().store_on("btrfs").build_or_skip().map(with_what_was_built) else { return };
    assert!(!is_overwritten_in_place(&host));
    let outcome = make(&host, &["install"]);
    assert_eq!(outcome.status, 0, "{outcome:?}");
    assert!(is_overwritten_in_place(&host));
}

#[test]
fn a_package_has_btrfs_overwrite_the_store_in_place() {
    let Some(host) = bare().store_on("btrfs").build_or_skip().map(with_what_was_built) else { return };
    let outcome = make(&host, &["install", "DESTDIR=/tmp/package"]);
    assert_eq!(outcome.status, 0, "{outcome:?}");
    if host.run(&["systemd-tmpfiles", "--version"]).status != 0 {
        return skip("config/tmpfiles.conf", "there is no systemd-tmpfiles");
    }
    host.must_run(&["systemd-sysusers", "/tmp/package/usr/lib/sysusers.d/pam_totp.conf"]);
    host.must_run(&["systemd-tmpfiles", "--create", "/tmp/package/usr/lib/tmpfiles.d/pam_totp.conf"]);
    assert_eq!(host.must_run(&["stat", "--format=%U %G %a", STORE]), "_pam_totp _pam_totp 700\n");
    assert!(is_overwritten_in_place(&host));
}

#[test]
fn the_loop_device_goes_with_the_host() {
    let Some(host) = bare().hostname("leaving").store_on("ext4").build_or_skip() else { return };
    let device = device(&host);
    let file = format!("/sys/block/{device}/loop/backing_file");
    let is_ours = || fs::read_to_string(&file).is_ok_and(|file| file.contains("leaving.disk"));
    assert!(is_ours(), "{file} names another file");
    drop(host);
    let deadline = Instant::now() + Duration::from_secs(10);
    while is_ours() {
        assert!(Instant::now() < deadline, "{device} is left behind");
        sleep(Duration::from_millis(20));
    }
}
