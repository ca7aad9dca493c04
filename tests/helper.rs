//! The set-user-ID helper: what it does for its callers, and the tricks it must not fall for.

#![forbid(unsafe_code)]

use host::{Builder, HELPER, Host, Outcome, Stack};
use std::io::Read as _;

const AUTH_ERR: &str = "Authentication failure";
const AUTHINFO_UNAVAIL: &str = "Authentication service cannot retrieve authentication info";

/// Always empty; its bytes are locked.
const CALLERS: &str = "/var/lib/pam_totp/.callers";

fn builder() -> Builder {
    Host::builder()
        .user("alice", "wonderland")
        .user("bob", "builder")
        .policy("mode = \"required\"\n[totp]\nwindow = 10\n")
        .stack("test", Stack::Text("auth required pam_totp.so\n"))
}

fn locker(host: &Host, user: &str, around: &[&str], code: &str) -> Outcome {
    let words = [around, &["pamtester", "test", "alice", "authenticate"]].concat();
    host.run_with_input(user, &words, format!("{code}\n"))
}

fn passes(outcome: &Outcome) {
    assert_eq!(outcome.status, 0, "{outcome:?}");
}

fn says(outcome: &Outcome, answer: &str) {
    assert_eq!(outcome.status, 1, "{outcome:?}");
    assert!(outcome.text().contains(answer), "`{answer}` was not the answer: {outcome:?}");
}

#[test]
fn users_cannot_read_their_own_secrets() {
    let host = builder().build();
    host.enrol("alice");
    for path in ["/var/lib/pam_totp", "/var/lib/pam_totp/alice.toml", "/var/lib/pam_totp/alice.state"] {
        assert_ne!(host.run_as("alice", &["cat", path]).status, 0, "{path}");
        assert_ne!(host.run_as("alice", &["ls", path]).status, 0, "{path}");
    }
}

#[test]
fn files_of_the_store_are_closed_to_others_whoever_wrote_them() {
    let host = builder().build();
    host.enrol("alice");
    let terminal = host.terminal("bob", &["totp-enroll", "enroll"]);
    terminal.asks_for_proof();
    for name in host.store_names() {
        let path = format!("/var/lib/pam_totp/{name}");
        // Nobody gets anything by the bit of its group: see the store's FENCE.
        let mode = if name.ends_with(".state") { "610" } else { "600" };
        let found = host.must_run(&["stat", "--format=%U %a", &path]);
        assert_eq!(found, format!("_pam_totp {mode}\n"), "{name}");
    }
    assert!(host.store_names().iter().any(|name| name.starts_with("bob.")));
}

#[test]
fn nobody_logs_another_user_in_through_the_helper() {
    let host = builder().build();
    let mut phone = host.enrol("alice");
    let outcome = locker(&host, "bob", &[], &phone.code());
    assert_eq!(outcome.status, 1, "{outcome:?}");
    assert!(!outcome.text().contains("successfully"), "{outcome:?}");
}

#[test]
fn guesses_of_other_users_do_not_count_against_anybody() {
    let host = builder()
        .policy(
            "mode = \"required\"\n[totp]\nwindow = 10\n[throttle]\nfree_failures = 0\nbase_delay = \"10m\"\n",
        )
        .build();
    let mut phone = host.enrol("alice");
    let before = host.store();
    for _ in 0..3 {
        assert_eq!(locker(&host, "bob", &[], &phone.wrong_code()).status, 1);
    }
    assert_eq!(host.store(), before);
    passes(&locker(&host, "alice", &[], &phone.code()));
}

#[test]
fn guesses_through_the_helper_are_throttled() {
    let host = builder()
        .policy(
            "mode = \"required\"\n[totp]\nwindow = 10\n[throttle]\nfree_failures = 1\nbase_delay = \"10m\"\n",
        )
        .build();
    let mut phone = host.enrol("alice");
    for _ in 0..2 {
        says(&locker(&host, "alice", &[], &phone.wrong_code()), AUTH_ERR);
    }
    says(&locker(&host, "alice", &[], &phone.code()), AUTH_ERR);
    host.wait_for_log("reason=throttled user=alice");
    passes(&locker(&host, "alice", &[], &phone.recovery_codes[0]));
}

#[test]
fn without_its_privileges_it_answers_unavailable_and_counts_nothing() {
    let host = builder().build();
    let mut phone = host.enrol("alice");
    let before = host.store();
    says(&locker(&host, "alice", &["setpriv", "--no-new-privs"], &phone.wrong_code()), AUTHINFO_UNAVAIL);
    assert_eq!(host.store(), before);
    passes(&locker(&host, "alice", &[], &phone.code()));
}

#[test]
fn limits_of_the_caller_do_not_keep_a_guess_from_being_counted() {
    for limit in
        ["ulimit -f 0", "ulimit -t 1", "ulimit -n 6", "ulimit -v 400000", "ulimit -u 30", "ulimit -s 256"]
    {
        let host = builder()
            .policy("mode = \"required\"\n[totp]\nwindow = 10\n[throttle]\nfree_failures = 0\nbase_delay = \"10m\"\n")
            .build();
        let mut phone = host.enrol("alice");
        let around = ["sh", "-c", &format!("{limit}; exec \"$@\""), "sh"];
        let wrong = locker(&host, "alice", &around, &phone.wrong_code());
        assert_eq!(wrong.status, 1, "{limit}: {wrong:?}");
        if !wrong.text().contains(AUTHINFO_UNAVAIL) {
            let right = locker(&host, "alice", &[], &phone.code());
            assert!(right.text().contains(AUTH_ERR), "the guess was not counted under `{limit}`: {right:?}");
            host.wait_for_log("reason=throttled");
        }
    }
}

#[test]
fn a_limit_on_file_sizes_does_not_reach_the_store() {
    let host = builder().build();
    let mut phone = host.enrol("alice");
    passes(&locker(&host, "alice", &["sh", "-c", "ulimit -S -f 0; exec \"$@\"", "sh"], &phone.code()));
    // To raise a hard limit takes a capability that root in a container may lack.
    let outcome = locker(&host, "alice", &["sh", "-c", "ulimit -f 0; exec \"$@\"", "sh"], &phone.code());
    if host.root_has_capability("cap_sys_resource") {
        passes(&outcome);
    } else {
        says(&outcome, AUTHINFO_UNAVAIL);
    }
}

#[test]
fn limits_that_cannot_be_reset_make_it_unavailable_before_anything_is_judged() {
    let host = builder().build();
    let mut phone = host.enrol("alice");
    let before = host.store();
    // The set of user alice's processes is bounded as root, or it could not be.
    let bounded = [
        "setpriv",
        "--bounding-set=-sys_resource",
        "--reuid=alice",
        "--regid=alice",
        "--init-groups",
        "sh",
        "-c",
        "ulimit -f 0; exec \"$@\"",
        "sh",
    ];
    says(&locker(&host, "root", &bounded, &phone.code()), AUTHINFO_UNAVAIL);
    assert_eq!(host.store(), before);
}

#[test]
fn a_caller_that_ignores_its_children_gets_its_answer() {
    let host = builder().build();
    let mut phone = host.enrol("alice");
    passes(&locker(&host, "alice", &["sh", "-c", "trap '' CHLD; exec \"$@\"", "sh"], &phone.code()));
}

#[test]
fn a_helper_that_dies_at_once_does_not_kill_its_caller() {
    let host = builder().build();
    let mut phone = host.enrol("alice");
    for dead in ["/bin/false", "/bin/true"] {
        host.must_run(&["cp", dead, HELPER]);
        host.must_run(&["chmod", "4755", HELPER]);
        says(&locker(&host, "alice", &[], &phone.code()), AUTHINFO_UNAVAIL);
    }
}

#[test]
fn a_missing_helper_is_unavailable() {
    let host = builder().build();
    let mut phone = host.enrol("alice");
    host.must_run(&["rm", HELPER]);
    says(&locker(&host, "alice", &[], &phone.code()), AUTHINFO_UNAVAIL);
}

#[test]
fn a_store_of_root_or_of_an_ordinary_user_is_refused() {
    let host = builder().build();
    let mut phone = host.enrol("alice");
    for owner in ["root", "bob"] {
        host.must_run(&["chown", owner, host::STORE]);
        let before = host.store();
        says(&locker(&host, "alice", &[], &phone.code()), AUTHINFO_UNAVAIL);
        assert_eq!(host.store(), before);
    }
}

#[test]
fn requests_that_make_no_sense_are_answered_and_change_nothing() {
    let host = builder().build();
    host.enrol("alice");
    let before = host.store();
    let many = "x".repeat(65_000);
    let nested = "[".repeat(30_000);
    for request in ["", "\n", "hello", "operation = 7\n", "\0\0\0\0", "\u{feff}", &many, &nested] {
        let outcome = host.run_with_input("alice", &[HELPER], request);
        assert!(outcome.status < 124, "it crashed on {:.20?}: {outcome:?}", request);
        assert!(!outcome.stderr.contains("panicked"), "{outcome:?}");
    }
    assert_eq!(host.store(), before);
}

#[test]
fn a_request_beyond_64_kib_is_refused() {
    let host = builder().build();
    host.enrol("alice");
    let before = host.store();
    let outcome = host.run_with_input("alice", &[HELPER], vec![b'#'; 1_000_000]);
    assert!(outcome.status < 124, "{outcome:?}");
    assert_eq!(host.store(), before);
}

#[test]
fn a_caller_that_never_sends_its_request_is_not_waited_for_without_end() {
    let host = builder().build();
    let (mut socket, mut helper) = host.start_on_socket("alice", &[HELPER]);
    let mut answer = String::new();
    // Not closed for writing, so that the request is never at its end.
    socket.read_to_string(&mut answer).expect("the answer is text");
    helper.wait().expect("it ends");
    assert!(answer.contains("got no request"), "{answer}");
}

#[test]
fn closed_descriptors_are_no_way_into_the_store() {
    let host = builder().build();
    host.enrol("alice");
    let before = host.store();
    for closed in ["<&-", ">&-", "2>&-", "<&- >&-", "<&- 2>&-", "<&- >&- 2>&-"] {
        let command = format!("{HELPER} {closed}; {HELPER} {closed}");
        let outcome = host.run_on_socket("alice", &["sh", "-c", &command], "operation = \"status\"");
        assert!(outcome.status < 128, "{closed}: {outcome:?}");
    }
    assert_eq!(host.store(), before);
}

#[test]
fn an_answer_that_has_nowhere_to_go_is_not_written_into_the_store() {
    let host = builder()
        .policy(
            "mode = \"required\"\n[totp]\nwindow = 10\n[throttle]\nfree_failures = 1000\nknown_budget = 1000\n",
        )
        .build();
    let mut phone = host.enrol("alice");
    let guess = format!(
        "user = \"alice\"\nservice = \"test\"\n[request]\nask = \"judge\"\nintent = \"login\"\n\
         typed = \"{}\"\nsecond_try = false\n",
        phone.wrong_code()
    );
    let first = host.store();
    for (closed, is_asked) in
        [("", true), ("2>&-", true), (">&-", false), (">&- 2>&-", false), ("<&- >&- 2>&-", false)]
    {
        let before = host.store();
        let outcome = host.run_on_socket("alice", &["sh", "-c", &format!("exec {HELPER} {closed}")], &*guess);
        assert!(outcome.status < 124, "{closed}: {outcome:?}");
        assert_eq!(outcome.stdout.contains("wrong-code"), is_asked, "{closed}: {outcome:?}");
        let after = host.store();
        assert_eq!(after != before, is_asked, "{closed}: a guess is counted where it can be answered");
        // The file that is opened next takes the place of the closed one.
        assert!(after.keys().eq(first.keys()), "{closed}");
        assert_eq!(after["alice.toml"], first["alice.toml"], "{closed}");
        assert_eq!(after["alice.state"].len(), first["alice.state"].len(), "{closed}");
        for (name, text) in &after {
            for answer in ["wrong-code", "[done", "[failed", "totp-helper"] {
                let is_in = text.windows(answer.len()).any(|part| part == answer.as_bytes());
                assert!(!is_in, "{closed}: {answer} is in {name}");
            }
        }
    }
    let code = phone.code();
    passes(&locker(&host, "alice", &[], &code));
    says(&locker(&host, "alice", &[], &code), AUTH_ERR);
}

#[test]
fn arguments_and_environment_of_the_caller_mean_nothing() {
    let host = builder().build();
    let mut phone = host.enrol("alice");
    host.write("/tmp/policy.toml", "mode = \"disabled\"\n");
    let around = [
        "env",
        "PAM_TOTP_POLICY=/tmp/policy.toml",
        "TZ=:/etc/shadow",
        "RUST_BACKTRACE=full",
        "LC_ALL=xx",
        "TMPDIR=/nonexistent",
        "HOME=/nonexistent",
        "PATH=/nonexistent:/usr/bin",
    ];
    passes(&locker(&host, "alice", &around, &phone.code()));
    says(&locker(&host, "alice", &around, &phone.wrong_code()), AUTH_ERR);
}

#[test]
fn remembered_hosts_do_not_apply_through_the_helper() {
    let host = builder()
        .policy("mode = \"required\"\n[totp]\nwindow = 10\n[remember]\nhosts_for = \"1h\"\n")
        .build();
    let mut phone = host.enrol("alice");
    let from = ["pamtester", "-I", "rhost=192.0.2.7", "test", "alice", "authenticate"];
    passes(&host.run_with_input("root", &from, format!("{}\n", phone.code())));
    passes(&host.run(&from));
    let claimed = host.run_with_input("alice", &from, format!("{}\n", phone.wrong_code()));
    says(&claimed, AUTH_ERR);
}

#[test]
fn a_full_disk_keeps_no_screen_locker_out() {
    let host = builder().store_size("256k").build();
    let mut phone = host.enrol("alice");
    assert!(host.has(CALLERS), "made while there is room");
    host.fill_store();
    passes(&locker(&host, "alice", &[], &phone.code()));
}

#[test]
fn what_bounds_the_calls_of_a_user_is_made_where_it_is_missing() {
    let host = builder().build();
    let mut phone = host.enrol("alice");
    host.must_run(&["rm", CALLERS]);
    passes(&locker(&host, "alice", &[], &phone.code()));
    assert_eq!(host.must_run(&["stat", "--format=%U %a %s", CALLERS]), "_pam_totp 600 0\n");
    let users = host.must_run(&["totp-enroll", "admin", "users"]);
    assert!(users.contains("alice") && !users.contains("callers"), "{users}");
}

#[test]
fn without_what_bounds_their_calls_users_are_unavailable_and_root_is_not() {
    let host = builder().build();
    let mut phone = host.enrol("alice");
    for spoils in [
        &["mkdir", CALLERS][..],
        &["ln", "-s", "/dev/null", CALLERS],
        &["install", "-m", "644", "/dev/null", CALLERS],
    ] {
        host.must_run(&["rm", "-rf", CALLERS]);
        host.must_run(spoils);
        let before = host.store();
        says(&locker(&host, "alice", &[], &phone.wrong_code()), AUTHINFO_UNAVAIL);
        assert_eq!(host.store(), before, "{spoils:?}");
        passes(&locker(&host, "root", &[], &phone.code()));
    }
    host.wait_for_log("/var/lib/pam_totp/.callers");
}
