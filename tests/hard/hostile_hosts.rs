//! Programs that treat the module badly: children that vanish, no descriptors, small stacks, conversations that
//! make no sense, threads, and processes that log in for years. The program is host.c.

#![forbid(unsafe_code)]

use host::{Builder, Dialogue, HELPER, Host, Phone, STORE, Stack, pam_directory};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// What PAM answers, as host.c prints it.
const SUCCESS: &str = "0";
const SYSTEM_ERR: &str = "4";
const PERM_DENIED: &str = "6";
const AUTH_ERR: &str = "7";
const AUTHINFO_UNAVAIL: &str = "9";
const CONV_ERR: &str = "19";
const INCOMPLETE: &str = "31";
/// What was not called.
const NONE: &str = "-1";

/// A conversation that gives no answer to a question.
const NO_ANSWER: [&str; 7] =
    ["error", "unknown-error", "error-and-junk", "untouched", "null-array", "null-reply", "1-MiB"];
/// One that gives an answer which means nothing.
const NONSENSE: [&str; 2] = ["wrong-style", "all-bytes"];

const SOURCE: &str = include_str!("host.c");
const PROGRAM: &str = "/usr/local/bin/host";
const CODES: &str = "/tmp/codes";

const ALONE: Stack = Stack::Text(
    "auth required pam_totp.so\n\
     account required pam_totp.so\n\
     account required pam_permit.so\n\
     session required pam_totp.so\n\
     session required pam_permit.so\n",
);
const WITH_SETUP: Stack = Stack::Text(
    "auth required pam_totp.so setup\n\
     auth required pam_permit.so\n\
     account required pam_totp.so\n\
     account required pam_permit.so\n\
     session required pam_totp.so\n\
     session required pam_permit.so\n",
);

fn builder(mode: &str) -> Builder {
    Host::builder().user("alice", "wonderland").policy(&policy(mode, "")).stack("test", ALONE)
}

/// Guesses are not throttled: a hundred thousand of them are to be judged.
fn policy(mode: &str, enrollment: &str) -> String {
    format!(
        "mode = \"{mode}\"\n\
         [totp]\nwindow = 10\n\
         [enrollment]\nat_login = [\"test\"]\n{enrollment}\n\
         [throttle]\nfree_failures = 1000000\nceiling = 1000000\n"
    )
}

fn with_program(builder: Builder) -> Host {
    static BUILT: OnceLock<Vec<u8>> = OnceLock::new();
    let host = builder.build();
    let program = BUILT.get_or_init(|| {
        host.write("/tmp/host.c", SOURCE);
        // Symbols for valgrind.
        let flags = ["-std=gnu11", "-Wall", "-Wextra", "-Werror", "-O1", "-g", "-o", PROGRAM, "/tmp/host.c"];
        host.must_run(&[&["cc"], &flags[..], &["-lpam", "-ldl", "-pthread"]].concat());
        host.read(PROGRAM)
    });
    host.write(PROGRAM, program);
    host.must_run(&["chmod", "755", PROGRAM]);
    host
}

fn required() -> (Host, Phone) {
    let host = with_program(builder("required"));
    let phone = host.enrol("alice");
    (host, phone)
}

/// One login by the program as this user; what the three phases answered, or how the program died.
fn phases(host: &Host, user: &str, words: &[&str]) -> [String; 3] {
    let outcome = host.run_as(user, &[&[PROGRAM], words].concat());
    assert_eq!(outcome.status, 0, "the program did not survive {words:?}: {outcome:?}");
    let last = outcome.stdout.lines().last().unwrap_or_default();
    let answers: Vec<_> =
        last.split(' ').filter_map(|word| Some(word.split_once('=')?.1.to_owned())).collect();
    answers.try_into().unwrap_or_else(|_| panic!("{words:?}: {outcome:?}"))
}

fn authenticates(host: &Host, user: &str, words: &[&str]) -> String {
    let [authenticated, ..] = phases(host, user, words);
    authenticated
}

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
        .args(["--hotp", "--base32", "--counter=0", &format!("--window={drawn}"), secret])
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

fn is_configured(host: &Host) -> bool {
    host.has(&format!("{STORE}/alice.toml"))
}

#[test]
fn a_conversation_without_an_answer_is_a_denial_and_no_guess() {
    let (host, mut phone) = required();
    let before = host.store();
    for user in ["root", "alice"] {
        for reply in NO_ANSWER {
            for texts in NO_ANSWER {
                let answer = authenticates(&host, user, &[&format!("texts={texts}"), "test", "alice", reply]);
                assert_eq!(answer, AUTH_ERR, "{user} {texts} {reply}");
            }
        }
        assert_eq!(authenticates(&host, user, &["test", "alice", "again"]), INCOMPLETE);
    }
    assert_eq!(host.store(), before);
    let right = format!("={}", phone.code());
    for silence in ["with=auth-only", "with=silence"] {
        // What comes of a text is no matter where the code is right.
        for texts in NO_ANSWER {
            let texts = format!("texts={texts}");
            assert_eq!(
                authenticates(&host, "root", &[silence, &texts, "test", "alice", "=nonsense"]),
                AUTH_ERR
            );
        }
    }
    assert_eq!(authenticates(&host, "root", &["texts=null-array", "test", "alice", &right]), SUCCESS);
}

#[test]
fn an_answer_that_means_nothing_is_a_denial() {
    let (host, _) = required();
    for user in ["root", "alice"] {
        for reply in NONSENSE {
            assert_eq!(authenticates(&host, user, &["test", "alice", reply]), AUTH_ERR, "{user} {reply}");
            // libpam asks for the name, with the same conversation.
            let nameless = authenticates(&host, "root", &["test", "", reply]);
            assert_ne!(nameless, SUCCESS, "{reply}");
        }
    }
}

#[test]
fn a_conversation_that_does_not_say_who_logs_in_is_a_denial() {
    let (host, _) = required();
    // libpam asks for the name, and itself frees what a failed conversation left.
    for reply in NO_ANSWER.into_iter().filter(|reply| *reply != "error-and-junk") {
        let answer = authenticates(&host, "root", &["test", "", reply]);
        assert!([CONV_ERR, AUTH_ERR, "10"].contains(&answer.as_str()), "{reply}: {answer}");
    }
}

#[test]
fn without_an_answer_nobody_is_set_up_during_login_and_nothing_stays() {
    let host = with_program(builder("required").policy(&policy("required", "")).stack("test", WITH_SETUP));
    for reply in NO_ANSWER {
        // To the question for a code, which a newcomer need not have; then to every one of the account phase.
        for replies in [&[reply][..], &["=", reply], &["=", "=", reply], &["=", "=", "=000000", reply]] {
            for texts in ["right", reply] {
                let texts = format!("texts={texts}");
                let words = [&["with=key", &texts, "test", "alice"], replies].concat();
                assert_eq!(phases(&host, "root", &words), [SUCCESS, PERM_DENIED, NONE], "{words:?}");
                assert!(!is_configured(&host), "{words:?}");
                assert!(!host.has(&format!("{STORE}/alice.pending")), "{words:?}");
            }
        }
        let words = ["with=silence", "with=key", "test", "alice", reply];
        assert_eq!(phases(&host, "root", &words), [SUCCESS, PERM_DENIED, NONE], "{words:?}");
    }
    for reply in NONSENSE {
        let words = ["with=key", "test", "alice", reply];
        assert_eq!(phases(&host, "root", &words), [SUCCESS, PERM_DENIED, NONE], "{words:?}");
    }
    assert_eq!(authenticates(&host, "root", &["with=key", "test", "alice", "again"]), INCOMPLETE);
    assert!(!is_configured(&host));
    assert!(host.store_names().iter().all(|name| name == "alice.state"), "{:?}", host.store_names());
}

/// A login that types the right first code, and answers the question behind the recovery codes like this.
fn sets_up(host: &Host, last: &[&str]) -> (Phone, Dialogue) {
    let words = [&[PROGRAM, "with=key", "test", "alice", "=", "ask", "ask"], last].concat();
    let mut login = host.dialogue_as("root", &words);
    login.answers("ready to scan: ", "");
    let shown = login.sees("Code from the app: ");
    let uri = shown.split_whitespace().find(|word| word.starts_with("otpauth://")).expect("the URI is shown");
    let mut phone = Phone::scan(uri).with_window(10);
    login.types(&phone.code());
    (phone, login)
}

#[test]
fn a_set_up_whose_recovery_codes_nobody_saw_does_not_count() {
    let host = with_program(builder("required").stack("test", WITH_SETUP));
    for reply in NO_ANSWER {
        let (_, mut login) = sets_up(&host, &[reply]);
        assert!(
            login.ends().contains(&format!("authenticate=0 account={PERM_DENIED} session=-1")),
            "{reply}"
        );
        assert_eq!(login.exit_status(), 0);
        assert!(!is_configured(&host), "{reply}");
        assert!(!host.has(&format!("{STORE}/alice.pending")), "{reply}");
    }
    let (mut phone, mut login) = sets_up(&host, &["="]);
    assert!(login.ends().contains("authenticate=0 account=0 session=0"));
    assert!(is_configured(&host));
    assert_eq!(authenticates(&host, "root", &["test", "alice", &format!("={}", phone.code())]), SUCCESS);
}

#[test]
fn a_program_that_leaves_the_account_phase_out_opens_no_session_for_a_newcomer() {
    let host = with_program(builder("required").stack("test", WITH_SETUP));
    let words = ["with=key", "with=no-account", "test", "alice", "="];
    assert_eq!(phases(&host, "root", &words), [SUCCESS, NONE, PERM_DENIED]);
    assert!(!is_configured(&host) && !host.has(&format!("{STORE}/alice.pending")));
}

#[test]
fn a_program_that_cannot_ask_uses_grace_up_and_is_denied_then() {
    for reply in NO_ANSWER {
        let text = policy("required", "grace_logins = 2");
        let host = with_program(builder("required").policy(&text).stack("test", WITH_SETUP));
        let words = ["with=key", &format!("texts={reply}"), "test", "alice", reply];
        for left in (0..3).rev() {
            let expected = if left > 0 { [SUCCESS, SUCCESS, SUCCESS] } else { [SUCCESS, PERM_DENIED, NONE] };
            assert_eq!(phases(&host, "root", &words), expected, "{reply}, {left} left");
        }
        assert!(!is_configured(&host));
    }
}

#[test]
fn who_ignores_or_reaps_children_still_gets_the_helpers_answer() {
    let (host, mut phone) = required();
    for sigchld in ["sigchld=ignored", "sigchld=reaped"] {
        let right = format!("={}", phone.code());
        assert_eq!(authenticates(&host, "alice", &[sigchld, "test", "alice", &right]), SUCCESS, "{sigchld}");
        assert_eq!(authenticates(&host, "alice", &[sigchld, "test", "alice", &right]), AUTH_ERR, "{sigchld}");
    }
    host.must_run(&["rm", HELPER]);
    for sigchld in ["sigchld=ignored", "sigchld=reaped"] {
        let answer = authenticates(&host, "alice", &[sigchld, "test", "alice", "=123456"]);
        assert_eq!(answer, AUTHINFO_UNAVAIL, "{sigchld}");
    }
    assert_eq!(host.times_logged("event=fault"), 0, "no panic, not even one that is caught");
}

#[test]
fn a_set_user_id_program_that_ignores_its_children_is_told_of_a_missing_helper() {
    let (host, _) = required();
    host.must_run(&["chmod", "4755", PROGRAM]);
    host.must_run(&["rm", HELPER]);
    for sigchld in ["sigchld=ignored", "sigchld=reaped"] {
        let answer = authenticates(&host, "alice", &[sigchld, "test", "alice", "=123456"]);
        assert_eq!(answer, AUTHINFO_UNAVAIL, "{sigchld}");
    }
    assert_eq!(host.times_logged("event=fault"), 0, "no panic, not even one that is caught");
}

#[test]
fn without_descriptors_the_service_is_unavailable_and_nothing_is_counted() {
    let (host, mut phone) = required();
    let before = host.store();
    let right = format!("={}", phone.code());
    for user in ["root", "alice"] {
        for code in [&right, "=000000"] {
            let answer = authenticates(&host, user, &["with=no-descriptors", "test", "alice", code]);
            // Of root libpam wants a socket to the audit system, and finding none it answers for itself.
            let expected = [AUTHINFO_UNAVAIL, SYSTEM_ERR];
            assert!(expected.contains(&answer.as_str()), "{user}: {answer}");
        }
    }
    assert_eq!(host.store(), before);
    assert_eq!(authenticates(&host, "root", &["test", "alice", &right]), SUCCESS);
}

#[test]
fn a_stack_of_128_kib_is_enough_for_a_login_and_for_a_set_up() {
    let host = with_program(builder("required").stack("test", WITH_SETUP));
    let small = ["stack=131072", "with=fresh-threads"];
    // The third question comes under the QR code.
    let words = [&small[..], &["with=key", "test", "alice", "=", "=", "=000000"]].concat();
    assert_eq!(phases(&host, "root", &words), [SUCCESS, PERM_DENIED, NONE]);
    let mut phone = host.enrol("alice");
    for user in ["root", "alice"] {
        for (code, expected) in [(phone.code(), SUCCESS), (phone.wrong_code(), AUTH_ERR)] {
            let code = format!("={code}");
            let words = [&small[..], &["test", "alice", &code]].concat();
            assert_eq!(authenticates(&host, user, &words), expected, "{user}");
        }
    }
}

#[test]
fn a_policy_of_many_rules_fits_a_stack_of_128_kib() {
    let rules =
        "[[rule]]\nusers = [\"bob\"]\nnetworks = [\"!10.0.0.0/8\"]\nmode = \"disabled\"\n".repeat(500);
    let text = format!("{}{rules}", policy("required", ""));
    let host = with_program(builder("required").policy(&text));
    let mut phone = host.enrol("alice");
    let code = format!("={}", phone.code());
    let words = ["stack=131072", "with=fresh-threads", "test", "alice", &code];
    assert_eq!(authenticates(&host, "root", &words), SUCCESS);
    // What is no policy is refused, however deep it is.
    host.write(host::POLICY, format!("mode = {}", "[".repeat(100_000)));
    assert_eq!(authenticates(&host, "root", &words), AUTHINFO_UNAVAIL);
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
        let accepted = host.times_logged("result=accepted");
        let right = format!("={}", phone.code());
        let words = ["logins=20", "threads=2", "test", "alice", &right];
        often(&host, &[], &words);
        host.wait_until("all logins are logged", |host| host.times_logged("result=accepted") > accepted);
        assert_eq!(host.times_logged("result=accepted"), accepted + 1);
    }
}

#[test]
fn a_hundred_thousand_logins_leave_nothing_behind() {
    let host = with_program(builder("optional"));
    is_flat(&often(&host, &[], &["logins=100000", "expected=6", "test", "alice", "error"]));
}

#[test]
fn twenty_thousand_codes_leave_nothing_behind() {
    const LOGINS: usize = 10_000;
    let host = with_program(builder("required"));
    counted_codes(&host, LOGINS);
    let codes = format!("codes={CODES}");
    let logins = format!("logins={LOGINS}");
    is_flat(&often(&host, &[], &[&codes, &logins, "expected=0", "test", "alice"]));
    is_flat(&often(&host, &[], &[&logins, "expected=7", "test", "alice", "=000000"]));
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
        is_flat(&often(&host, &around, &[sigchld, "logins=1000", "expected=7", "test", "alice", "=000000"]));
    }
    is_flat(&often(&host, &around, &["logins=1000", "expected=7", "test", "alice", "=000000"]));
}

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
    let words = ["with=fresh-threads", "logins=3000", "expected=7", "test", "alice", "=000000"];
    is_flat(&often(&host, &[], &words));
}

#[test]
fn valgrind_finds_no_leak_and_no_invalid_access() {
    let host = with_program(builder("required").stack("setup", WITH_SETUP));
    counted_codes(&host, 300);
    // Not what libc and libpam keep for as long as the process lives: what nobody points to any more.
    let valgrind = [
        "valgrind",
        "--quiet",
        "--vgdb=no",
        "--error-exitcode=99",
        "--log-file=/tmp/valgrind",
        "--leak-check=full",
        "--show-leak-kinds=definite,indirect,possible",
        "--errors-for-leak-kinds=definite,indirect,possible",
    ];
    let is_clean = |words: &[&str]| {
        often(&host, &valgrind, words);
        assert_eq!(String::from_utf8_lossy(&host.read("/tmp/valgrind")), "", "{words:?}");
    };
    // valgrind reads the module anew whenever it is loaded, which takes far longer than a login.
    let kept = "with=module-kept";
    is_clean(&[&format!("codes={CODES}"), kept, "logins=300", "expected=0", "test", "alice"]);
    is_clean(&[kept, "logins=200", "threads=2", "expected=7", "test", "alice", "=000000"]);
    is_clean(&["logins=10", "expected=7", "test", "alice", "=000000"]);
    for reply in NO_ANSWER.into_iter().chain(NONSENSE) {
        is_clean(&[kept, "logins=10", "expected=7", "test", "alice", reply]);
    }
    host.must_run(&["totp-enroll", "admin", "revoke", "--yes", "alice"]);
    let text = policy("required", "").replace("\"test\"", "\"setup\"");
    host.write(host::POLICY, text);
    for replies in [&["=", "=", "=000000"][..], &["=", "=", "1-MiB"], &["=", "null-array"], &["all-bytes"]] {
        is_clean(&[&["with=key", kept, "logins=10", "expected=0", "setup", "alice"], replies].concat());
    }
}
