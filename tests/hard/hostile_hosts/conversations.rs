//! Conversations that fail, give no answer or give nonsense, at a code and at each question of a set-up.

use super::program::{
    AUTH_ERR, CONV_ERR, INCOMPLETE, NONE, PERM_DENIED, PROGRAM, SUCCESS, WITH_SETUP, authenticates, builder,
    phases, policy, required, with_program,
};
use super::{NO_ANSWER, NONSENSE, WRONG_CODE};
use host::{Dialogue, Host, Phone, STORE};

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

/// The code line cannot know whom to ask for a code, and its control word lets the stack go on.
#[test]
fn who_is_named_only_once_the_code_line_has_failed_is_not_let_in_without_a_code() {
    let (host, _) = required();
    let ignored = "auth [default=ignore] pam_totp.so\nauth required pam_permit.so\n\
                   account required pam_totp.so\naccount required pam_permit.so\n";
    host.write("/etc/pam.d/test", ignored);
    let words = ["becomes=alice", "test", "", "error"];
    assert_eq!(phases(&host, "root", &words), [SUCCESS, PERM_DENIED, NONE]);
    host.wait_for_log("event=login result=denied reason=other-user user=alice");
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
        for replies in [&[reply][..], &["=", reply], &["=", "=", reply], &["=", "=", WRONG_CODE, reply]] {
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

/// A login by this program that types the right first code, and answers the question behind the recovery codes
/// like this.
pub fn sets_up(host: &Host, program: &[&str], last: &[&str]) -> (Phone, Dialogue) {
    let words = [program, &["with=key", "test", "alice", "=", "ask", "ask"], last].concat();
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
        let (_, mut login) = sets_up(&host, &[PROGRAM], &[reply]);
        assert!(
            login.ends().contains(&format!("authenticate=0 account={PERM_DENIED} session=-1")),
            "{reply}"
        );
        assert_eq!(login.exit_status(), 0);
        assert!(!is_configured(&host), "{reply}");
        assert!(!host.has(&format!("{STORE}/alice.pending")), "{reply}");
    }
    let (mut phone, mut login) = sets_up(&host, &[PROGRAM], &["="]);
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
