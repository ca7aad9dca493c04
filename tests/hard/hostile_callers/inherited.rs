//! What a program hands on to the helper that it becomes: limits, priorities, signals to come, descriptors, the
//! environment. What is done to a helper that runs already is in running_helper.rs.

use super::{NOT_ROOT, REQUEST, house};
use host::{HELPER, STORE};

#[test]
fn what_a_caller_leaves_behind_for_the_helper_keeps_no_guess_from_being_judged_and_counted() {
    let mut house = house();
    for trick in [
        "nothing",
        "nice",
        "idle",
        "idle-disk",
        "slack",
        "umask",
        "signals-ignored",
        "signals-blocked",
        "signals-pending",
        "timer",
        "death-signal",
        "out-of-memory-first",
        "core",
        "descriptors",
        "gone-directory",
        "no-arguments",
        "huge-arguments",
        "huge-environment",
        "limit=fsize:soft:0",
        "limit=fsize:soft:1",
        "limit=nproc:hard:0",
        "limit=nproc:hard:1",
        "limit=nofile:soft:4",
        "limit=memlock:hard:0",
        "limit=sigpending:soft:0",
    ] {
        // A timer may end it before it is the helper; never between a verdict and its record.
        let judged = house.guesses(trick);
        assert!(judged || trick == "timer", "no verdict under {trick}");
    }
    assert_eq!(
        house.host.must_run(&["stat", "--format=%U %a", &format!("{STORE}/alice.state")]),
        "_pam_totp 610\n"
    );
    house.is_whole();
}

#[test]
fn no_limit_tears_a_record_or_hides_a_guess() {
    let mut house = house();
    let (mut judged, mut refused) = (0, 0);
    for (name, amounts) in [
        ("fsize", &[0u64, 1, 4095, 4096, 8191][..]),
        ("nofile", &[0, 1, 2, 3, 4, 5, 6, 8]),
        ("as", &[0, 1 << 20, 3 << 20, 5 << 20, 8 << 20, 16 << 20]),
        ("data", &[0, 4096, 1 << 20]),
        ("stack", &[0, 4096, 65_536]),
        ("cpu", &[0, 1]),
        ("sigpending", &[0, 1]),
    ] {
        for kind in ["soft", "hard"] {
            for amount in amounts {
                if house.guesses(&format!("limit={name}:{kind}:{amount}")) {
                    judged += 1
                } else {
                    refused += 1
                }
            }
        }
    }
    eprintln!("{judged} guesses were judged, {refused} calls came to nothing");
    assert!(judged > 0 && refused > 0, "the limits were not those that matter: {judged} {refused}");
    house.guesses("no-clock");
    house.is_whole();
}

#[test]
fn without_root_it_judges_nothing() {
    let mut house = house();
    let before = house.host.store();
    for trick in ["traced", "no-new-privileges"] {
        let outcome = house.calls(trick);
        assert!(outcome.stdout.contains(NOT_ROOT), "{trick}: {outcome:?}");
    }
    house.is_whole_and_as(&before);
}

#[test]
fn environment_and_libraries_of_the_caller_are_not_the_helpers() {
    let house = house();
    let evil = "__attribute__((constructor)) static void here(void) { __builtin_trap(); }\n";
    house.host.write("/tmp/evil.c", evil);
    house.host.must_run(&["cc", "-shared", "-fPIC", "-o", "/tmp/evil.so", "/tmp/evil.c"]);
    house.host.must_run(&["sh", "-c", "mkdir /tmp/evil && for name in libc.so.6 libpam.so.0 libgcc_s.so.1 libnss_files.so.2; do cp /tmp/evil.so /tmp/evil/$name; done"]);
    for variables in [
        &["LD_PRELOAD=/tmp/evil.so"][..],
        &["LD_AUDIT=/tmp/evil.so"],
        &["LD_LIBRARY_PATH=/tmp/evil"],
        &["LD_BIND_NOW=1", "LD_DEBUG=all", "LD_DEBUG_OUTPUT=/tmp/ld-debug"],
        &[
            "GLIBC_TUNABLES=glibc.malloc.perturb=255:glibc.malloc.check=3",
            "MALLOC_PERTURB_=255",
            "MALLOC_CHECK_=3",
        ],
        &["RUST_BACKTRACE=full", "RUST_LIB_BACKTRACE=1", "RUST_MIN_STACK=1", "RUST_LOG=trace"],
        &[
            "TZ=:/tmp/evil.so",
            "LANG=xx_XX",
            "LC_ALL=xx_XX",
            "LOCPATH=/tmp/evil",
            "GCONV_PATH=/tmp/evil",
            "NLSPATH=/tmp/%N",
        ],
        &[
            "HOSTALIASES=/tmp/evil.so",
            "RES_OPTIONS=debug",
            "TMPDIR=/tmp/evil",
            "PAM_TOTP_POLICY=/tmp/request",
        ],
    ] {
        let before = house.state();
        let words = [&["env"], variables, &[HELPER]].concat();
        let outcome = house.host.run_with_input("alice", &words, house.host.read(REQUEST));
        assert!(outcome.stdout.contains("wrong-code"), "{variables:?}: {outcome:?}");
        assert_eq!(outcome.stderr, "", "{variables:?}");
        assert_ne!(house.state(), before, "{variables:?}");
        house.tells_no_secret(&outcome);
    }
    assert!(!house.host.must_run(&["ls", "/tmp"]).contains("ld-debug"));
}
