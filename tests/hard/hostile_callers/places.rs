//! Where the helper finds itself: in a namespace with files of the caller's own, in directories full of links and
//! pipes, on streams that are no sockets.

use super::{House, LONGEST_LOCK, NOT_ROOT, REQUEST, guess, house};
use host::{HELPER, STORE, skip};
use std::time::Instant;

#[test]
fn a_namespace_of_the_callers_own_makes_nobody_root() {
    let mut house = house();
    if house.host.run_as("alice", &["unshare", "--user", "true"]).status != 0 {
        return skip("user namespaces", "this machine lets users make none");
    }
    let code = house.alice.code();
    house.request(&guess("alice", &code));
    let before = house.host.store();
    // A policy and a store of the caller's own, where root's stood.
    let script = format!(
        "mkdir -p /tmp/own/pam_totp /tmp/store && echo 'mode = \"disabled\"' >/tmp/own/pam_totp/policy.toml && \
         {{ mount --bind /tmp/own /etc && mount --bind /tmp/store {STORE} && echo mounted; exec {HELPER}; }}"
    );
    for (namespaces, command) in [
        (&["--user"][..], &[HELPER][..]),
        (&["--user", "--map-root-user"], &[HELPER]),
        (&["--user", "--map-root-user", "--mount"], &["sh", "-c", &script]),
        (&["--user", "--map-root-user", "--pid", "--fork", "--mount-proc"], &[HELPER]),
    ] {
        let around = [&["unshare"], namespaces].concat();
        let possible = house.host.run_as("alice", &[&around[..], &["true"]].concat());
        if possible.status != 0 {
            skip(&around.join(" "), possible.stderr.trim_end());
            continue;
        }
        let words = [&around, command].concat();
        let outcome = house.host.run_on_socket("alice", &words, house.host.read(REQUEST));
        assert!(
            !outcome.stdout.contains("[done") && !outcome.stdout.contains("accepted"),
            "{words:?}: {outcome:?}"
        );
        if command == [HELPER] {
            // Where these tests run with a lower priority, as under nice(1), that comes first.
            let is_told = [NOT_ROOT, "cannot reset its priority"].map(|why| outcome.stdout.contains(why));
            assert!(is_told.contains(&true), "{words:?}: {outcome:?}");
        } else {
            if !outcome.stdout.contains("mounted\n") {
                skip("a policy and a store of the caller's own", outcome.stderr.trim_end());
            }
            // There it is root, of the caller's files alone.
            assert!(outcome.stdout.contains("[failed]\nunusable = "), "{words:?}: {outcome:?}");
        }
        house.tells_no_secret(&outcome);
    }
    house.is_whole_and_as(&before);
}

#[test]
fn links_and_pipes_planted_where_the_caller_can_write_are_never_touched() {
    let mut house = house();
    let plant = format!(
        "umask 0; mkdir -p /tmp/p/etc/pam_totp /tmp/p/var/lib/pam_totp && cd /tmp/p && \
         for name in alice.toml alice.state alice.pending alice.mode .alice.state.new .alice.toml.new policy.toml; do \
           for place in . etc/pam_totp var/lib/pam_totp /home/alice /tmp; do \
             ln -s {STORE}/bob.toml $place/$name; mkfifo $place/$name.fifo; done; done"
    );
    assert_eq!(house.host.run_as("alice", &["sh", "-c", &plant]).status, 0);
    let listing = |house: &House| {
        house.host.must_run(&["find", "/tmp/p", "/home/alice", "-printf", "%p %y %l %s %T@\n"])
    };
    let (planted, bobs) = (listing(&house), house.host.read(&format!("{STORE}/bob.toml")));
    for place in ["/tmp/p", "/tmp/p/etc", "/home/alice"] {
        let script = format!("cd {place} && exec {HELPER}");
        let outcome = house.host.run_on_socket("alice", &["sh", "-c", &script], house.host.read(REQUEST));
        assert!(outcome.stdout.contains("wrong-code"), "{place}: {outcome:?}");
        house.tells_no_secret(&outcome);
    }
    assert_eq!(listing(&house), planted);
    assert_eq!(house.host.read(&format!("{STORE}/bob.toml")), bobs);
    house.is_whole();
}

#[test]
fn what_is_no_socket_is_neither_read_nor_written() {
    let mut house = house();
    let before = house.host.store();
    // What the caller may open can be its standard streams; the others are a socket.
    for streams in [
        format!("<{REQUEST}"),
        format!("<{REQUEST} >/tmp/out"),
        ">/tmp/out".to_owned(),
        "</tmp".to_owned(),
        "</dev/full".to_owned(),
        ">/dev/full".to_owned(),
        "</dev/null >/dev/null".to_owned(),
        "</proc/self/mem".to_owned(),
        "0>/tmp/out".to_owned(),
        "<&-".to_owned(),
        ">&-".to_owned(),
        "<&- >&- 2>&-".to_owned(),
    ] {
        let script = format!("exec {HELPER} {streams}");
        let outcome = house.host.run_on_socket("alice", &["sh", "-c", &script], house.host.read(REQUEST));
        assert_eq!((outcome.status, outcome.stdout.as_str()), (1, ""), "{streams}: {outcome:?}");
        assert!(!house.host.has("/tmp/out") || house.host.read("/tmp/out").is_empty(), "{streams}");
    }
    for pipes in [
        format!("cat {REQUEST} | {HELPER}"),
        format!("cat {REQUEST} | {HELPER} | cat"),
        format!("mkfifo /tmp/fifo && exec {HELPER} <>/tmp/fifo"),
        format!("script -qec {HELPER} /dev/null"),
    ] {
        let begin = Instant::now();
        let outcome = house.host.run_as("alice", &["sh", "-c", &pipes]);
        let told = outcome.text();
        assert!(told.contains("are not sockets") && !told.contains("wrong-code"), "{pipes}: {outcome:?}");
        // No request was waited for.
        assert!(begin.elapsed() < LONGEST_LOCK, "{pipes} took {:?}", begin.elapsed());
    }
    house.is_whole_and_as(&before);
}
