//! Many logins of one process, also in many threads at once: one code lets one of them in, and they leave nothing
//! behind.

use super::conversations::sets_up;
use super::program::{PROGRAM, WITH_SETUP, builder, required, with_program};
use super::{NO_ANSWER, NONSENSE, WRONG_CODE};
use host::{Host, pam_directory};
use std::process::{Command, Stdio};

const CODES: &str = "/tmp/codes";

/// What a program that logged in often has more than at a tenth of the way, and how many answers surprised it.
fn often(host: &Host, around: &[&str], words: &[&str]) -> serde_json::Value {
    let output = host
        .command_as("root", &[around, &[PROGRAM], words].concat())
        .stdin(Stdio::null())
        .output()
        .expect("nsenter (util-linux) should start");
    let text = String::from_utf8_lossy(&output.stdout);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{words:?} {:?}: {text}{said}", output.status);
    let usage: serde_json::Value =
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}{said}"));
    eprintln!("{words:?}: {usage}");
    assert_eq!(usage["unexpected"], 0, "{words:?}: {usage}");
    usage
}

fn is_flat(usage: &serde_json::Value) {
    let number = |key: &str| usage[key].as_i64().expect("a number");
    for key in ["descriptors", "mappings", "threads"] {
        assert!(number(key) <= 0, "{key} grew: {usage}");
    }
    // What malloc(3) keeps at hand counts as used; the least it gives out, each time, would be more.
    assert!(number("bytes") < 32 * 1024, "the heap grew: {usage}");
    assert!(number("resident_kib") < 512, "memory grew: {usage}");
}

/// So many codes of a token that counts, one a line. Of equal ones that lie near one another the module takes
/// the last, and none in between.
fn counted_codes(host: &Host, count: usize) {
    const LOOK_AHEAD: usize = 10;
    let made = host.run(&["totp-enroll", "admin", "enroll", "alice", "--hotp", "--json"]).json();
    let secret = made["secret"].as_str().expect("`secret` is a string");
    let drawn = count + 100;
    let output = Command::new("oathtool")
        .args(["--hotp", "--base32", "--digits=8", "--counter=0", &format!("--window={drawn}"), secret])
        .output()
        .expect("oathtool should be installed");
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).expect("codes are digits");
    let all: Vec<_> = text.lines().collect();
    let mut codes = String::new();
    let mut counter = 0;
    for _ in 0..count {
        codes.push_str(&format!("{}\n", all[counter]));
        let near = &all[counter..counter + LOOK_AHEAD];
        counter += near.iter().rposition(|code| *code == all[counter]).expect("it equals itself") + 1;
    }
    host.write(CODES, codes);
}

#[test]
fn threads_with_a_handle_each_do_not_disturb_one_another_or_another_process() {
    const LOGINS: usize = 4000;
    let host = with_program(builder("required"));
    counted_codes(&host, LOGINS);
    // Codes that overtake one another are stale: one thread has the right ones, and eight of another process none.
    let codes = format!("codes={CODES}");
    let wrong = ["logins=4000", "threads=8", "stack=131072", "with=auth-only", "expected=7"];
    let wrong = [&wrong[..], &["test", "alice", "=nonsense"]].concat();
    std::thread::scope(|scope| {
        scope.spawn(|| is_flat(&often(&host, &[], &wrong)));
        let logins = format!("logins={LOGINS}");
        is_flat(&often(&host, &[], &[&codes, &logins, "threads=1", "expected=0", "test", "alice", "="]));
    });
}

#[test]
fn one_code_lets_one_of_many_threads_in() {
    let (host, mut phone) = required();
    for _ in 0..5 {
        let logged = host.times_logged("event=login");
        let accepted = host.times_logged("result=accepted");
        let right = format!("={}", phone.code());
        // The first tenth is a login of each thread, with a code that is still good.
        often(&host, &[], &["logins=80", "threads=8", "test", "alice", &right]);
        host.wait_until("all logins are logged", |host| host.times_logged("event=login") >= logged + 80);
        assert_eq!(host.times_logged("result=accepted"), accepted + 1);
    }
}

#[test]
fn a_hundred_thousand_logins_leave_nothing_behind() {
    const LOGINS: usize = 100_000;
    let host = with_program(builder("required"));
    counted_codes(&host, LOGINS);
    let codes = format!("codes={CODES}");
    let logins = format!("logins={LOGINS}");
    is_flat(&often(&host, &[], &[&codes, &logins, "expected=0", "test", "alice"]));
}

#[test]
fn logins_that_are_ignored_refused_or_make_no_sense_leave_nothing_behind() {
    let host = with_program(builder("optional"));
    // Nobody is set up: the module has no say, and libpam denies what nobody decides.
    is_flat(&often(&host, &[], &["logins=10000", "expected=6", "test", "alice", "error"]));
    host.enrol("alice");
    is_flat(&often(&host, &[], &["logins=10000", "expected=7", "test", "alice", WRONG_CODE]));
    // Each of the conversations that make no sense, over and over.
    for reply in NO_ANSWER.into_iter().chain(NONSENSE) {
        // A program that fails and lets an answer lie has to clean it up itself; it does not say so here.
        let texts = format!("texts={reply}");
        is_flat(&often(&host, &[], &["logins=1000", &texts, "expected=7", "test", "alice", reply]));
    }
}

#[test]
fn three_thousand_logins_through_the_helper_leave_no_child_and_nothing_else() {
    let (host, _) = required();
    let around = ["setpriv", "--reuid=alice", "--regid=alice", "--init-groups", "--"];
    for sigchld in ["sigchld=ignored", "sigchld=reaped"] {
        is_flat(&often(&host, &around, &[sigchld, "logins=1000", "expected=7", "test", "alice", WRONG_CODE]));
    }
    is_flat(&often(&host, &around, &["logins=1000", "expected=7", "test", "alice", WRONG_CODE]));
}

/// Open and close is all there is to it: the module is linked so that it stays loaded until the process ends.
#[test]
fn a_program_may_open_and_close_the_module_ten_thousand_times() {
    let host = with_program(builder("required"));
    host.enrol("alice");
    let module = pam_directory().join("pam_totp.so");
    let module = format!("module={}", module.display());
    let usage = often(&host, &[], &[&module, "logins=10000", "test", "alice"]);
    is_flat(&usage);
    assert_ne!(
        usage["module_mapped"], 0,
        "what it registered with the C library would point nowhere: {usage}"
    );
    // Each by a thread that ends after the handle: what is left for the end of a thread is still there.
    let words = ["with=fresh-threads", "logins=3000", "expected=7", "test", "alice", WRONG_CODE];
    is_flat(&often(&host, &[], &words));
}

#[test]
fn valgrind_finds_no_leak_and_no_invalid_access() {
    let host = with_program(builder("required").stack("test", WITH_SETUP));
    counted_codes(&host, 300);
    // Not what libc and libpam keep for as long as the process lives: what nobody points to any more.
    let valgrind = [
        "valgrind",
        "--quiet",
        "--vgdb=no",
        "--error-exitcode=99",
        "--leak-check=full",
        "--show-leak-kinds=definite,indirect,possible",
        "--errors-for-leak-kinds=definite,indirect,possible",
    ];
    let by_root = [&valgrind[..], &["--log-file=/tmp/valgrind"]].concat();
    let is_clean = |words: &[&str]| {
        often(&host, &by_root, words);
        assert_eq!(String::from_utf8_lossy(&host.read("/tmp/valgrind")), "", "{words:?}");
    };
    // valgrind reads the module anew whenever it is loaded, which takes far longer than a login.
    let kept = "with=module-kept";
    is_clean(&[&format!("codes={CODES}"), kept, "logins=300", "expected=0", "test", "alice"]);
    is_clean(&[kept, "logins=200", "threads=2", "expected=7", "test", "alice", WRONG_CODE]);
    is_clean(&["logins=10", "expected=7", "test", "alice", WRONG_CODE]);
    // libpam frees the name that the login began with.
    for reply in [WRONG_CODE, "null-array"] {
        is_clean(&[kept, "logins=10", "becomes=root", "expected=7", "test", "alice", reply]);
    }
    for reply in NO_ANSWER.into_iter().chain(NONSENSE) {
        is_clean(&[kept, "logins=10", "expected=7", "test", "alice", reply]);
    }
    host.must_run(&["totp-enroll", "admin", "revoke", "--yes", "alice"]);
    for replies in [&["=", "=", WRONG_CODE][..], &["=", "=", "1-MiB"], &["=", "null-array"], &["all-bytes"]] {
        is_clean(&[&["with=key", kept, "logins=10", "expected=0", "test", "alice"], replies].concat());
    }
    // A set-up to its end, and a login by each: as alice the program asks the helper, which valgrind leaves alone.
    let mut phone = None;
    for user in ["root", "alice"] {
        let log = format!("/tmp/valgrind-{user}");
        let option = format!("--log-file={log}");
        let program = [&valgrind[..], &["--child-silent-after-fork=yes", &option, PROGRAM]].concat();
        let is_clean = || assert_eq!(String::from_utf8_lossy(&host.read(&log)), "", "by {user}");
        let phone = phone.get_or_insert_with(|| {
            let (phone, mut login) = sets_up(&host, &program, &["="]);
            assert!(login.ends().contains("authenticate=0 account=0 session=0"));
            is_clean();
            phone
        });
        let right = format!("={}", phone.code());
        let outcome = host.run_as(user, &[&program[..], &["test", "alice", &right]].concat());
        assert!(outcome.stdout.contains("authenticate=0"), "{user}: {outcome:?}");
        is_clean();
    }
}
