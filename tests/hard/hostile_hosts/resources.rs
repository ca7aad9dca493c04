//! Programs that are short of what the module needs: children to wait for, descriptors, stack.

use super::WRONG_CODE;
use super::conversations::sets_up;
use super::program::{
    AUTH_ERR, AUTHINFO_UNAVAIL, NONE, PERM_DENIED, PROGRAM, SUCCESS, SYSTEM_ERR, WITH_SETUP, authenticates,
    builder, phases, policy, required, with_program,
};
use host::{HELPER, Host};

#[test]
fn who_ignores_or_reaps_children_still_gets_the_helpers_answer() {
    let (host, mut phone) = required();
    for sigchld in ["sigchld=ignored", "sigchld=reaped"] {
        let right = format!("={}", phone.code());
        assert_eq!(authenticates(&host, "alice", &[sigchld, "test", "alice", &right]), SUCCESS, "{sigchld}");
        assert_eq!(authenticates(&host, "alice", &[sigchld, "test", "alice", &right]), AUTH_ERR, "{sigchld}");
    }
    is_told_of_a_helper_that_cannot_start(&host, AUTHINFO_UNAVAIL);
}

fn is_told_of_a_helper_that_cannot_start(host: &Host, expected: &str) {
    for spoilt in [["chmod", "4644", HELPER], ["rm", "-f", HELPER]] {
        host.must_run(&spoilt);
        for sigchld in ["sigchld=ignored", "sigchld=reaped"] {
            let answer = authenticates(host, "alice", &[sigchld, "test", "alice", "=123456"]);
            assert_eq!(answer, expected, "{spoilt:?} {sigchld}");
        }
    }
    assert_eq!(host.times_logged("event=fault"), 0, "no panic, not even one that is caught");
}

#[test]
fn a_set_user_id_program_that_ignores_its_children_is_told_of_a_missing_helper() {
    let (host, _) = required();
    host.must_run(&["chmod", "4755", PROGRAM]);
    // Its caller can bring this about, and must not learn by it that a password above was right.
    is_told_of_a_helper_that_cannot_start(&host, AUTH_ERR);
    host.wait_for_log(
        "event=login result=unavailable reason=\"/usr/libexec/pam_totp/totp-helper: cannot be started",
    );
}

#[test]
fn without_descriptors_the_service_is_unavailable_and_nothing_is_counted() {
    let (host, mut phone) = required();
    let before = host.store();
    let right = format!("={}", phone.code());
    // libpam wants a socket to the audit system first, where it has one, and finding none answers for itself.
    let expected = [SYSTEM_ERR, AUTHINFO_UNAVAIL];
    for user in ["root", "alice"] {
        for code in [&right, WRONG_CODE] {
            let answer = authenticates(&host, user, &["free-descriptors=0", "test", "alice", code]);
            assert!(expected.contains(&answer.as_str()), "{user}: {answer}");
        }
    }
    assert_eq!(host.store(), before);
    assert_eq!(authenticates(&host, "root", &["test", "alice", &right]), SUCCESS);
}

#[test]
fn with_few_descriptors_a_code_is_judged_and_counted_or_the_service_is_unavailable() {
    let (host, mut phone) = required();
    let before = host.store();
    let right = format!("={}", phone.code());
    for user in ["root", "alice"] {
        let mut all = Vec::new();
        for free in 0..=12 {
            let free = format!("free-descriptors={free}");
            for (code, verdict) in [(WRONG_CODE, AUTH_ERR), (&right, SUCCESS)] {
                host.put_store(&before);
                let answer = authenticates(&host, user, &[&free, "test", "alice", code]);
                let is_verdict = answer == verdict;
                let is_unavailable = [AUTHINFO_UNAVAIL, SYSTEM_ERR].contains(&answer.as_str());
                assert!(is_verdict || is_unavailable, "{user} {free} {code}: {answer}");
                assert_eq!(host.store() != before, is_verdict, "{user} {free} {code}: {answer}");
                all.push(answer);
            }
        }
        assert_eq!(all[all.len() - 2..], [AUTH_ERR, SUCCESS], "{user}: {all:?}");
        // Not libpam's answer alone: the module itself meets the lack.
        assert!(all.contains(&AUTHINFO_UNAVAIL.to_owned()), "{user}: {all:?}");
    }
}

#[test]
fn a_stack_of_128_kib_is_enough_for_a_login_and_for_a_set_up() {
    let host = with_program(builder("required").stack("test", WITH_SETUP));
    let small = ["stack=131072", "with=fresh-threads"];
    // The third question comes under the QR code.
    let words = [&small[..], &["with=key", "test", "alice", "=", "=", WRONG_CODE]].concat();
    assert_eq!(phases(&host, "root", &words), [SUCCESS, PERM_DENIED, NONE]);
    let (mut phone, mut login) = sets_up(&host, &[&[PROGRAM], &small[..]].concat(), &["="]);
    assert!(login.ends().contains("authenticate=0 account=0 session=0"));
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
