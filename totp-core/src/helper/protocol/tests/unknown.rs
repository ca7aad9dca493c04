//! Programs of two versions: what one says that the other does not know.

use super::kept::KEPT;
use super::{as_sent, envelope, samples};
use crate::helper::{Answered, Envelope, LONGEST_MESSAGE, Version};
use crate::login::newcomer::Welcome;
use crate::login::{Factor, Reason, Refusal, Verdict};
use crate::operation::{Failure, Judged, LoginReply, Reply, Request};

const NOT_KNOWN: &str = "the request is not one this helper knows";

fn parse_error(text: &str) -> &'static str {
    Envelope::parse(text).err().unwrap_or_else(|| panic!("it was read: {text}"))
}

/// A text with one line more, for each place that it can stand at.
fn with_a_line_more(text: &str, line: &str) -> Vec<String> {
    let lines: Vec<_> = text.lines().collect();
    let more = |place: usize| [&lines[..place], &[line], &lines[place..]].concat().join("\n");
    (0..=lines.len()).map(more).collect()
}

/// A text with one key less, for each that is not optional.
fn with_a_key_less(text: &str, optional: &[&str]) -> Vec<String> {
    let lines: Vec<_> = text.lines().collect();
    let needed = |line: &str| line.split_once(" = ").is_some_and(|(key, _)| !optional.contains(&key));
    let less = |place: usize| [&lines[..place], &lines[place + 1..]].concat().join("\n");
    (0..lines.len()).filter(|place| needed(lines[*place])).map(less).collect()
}

#[test]
fn a_request_of_a_newer_version_is_refused_by_saying_so_whatever_else_it_says() {
    let newer = |number: &str| {
        format!("version = {number}\nuser = \"alice\"\nservice = \"su\"\n[request]\nask = \"probe\"")
    };
    for text in [
        newer("2"),
        newer("9223372036854775807"),
        "version = 3\nwhom = \"alice\"\n[ask.better]\ncode = \"123456\"".to_owned(),
    ] {
        let error = parse_error(&text);
        assert!(error.contains("the program that asks is newer"), "{error}");
        assert!(!error.contains("123456"));
    }
    for odd in ["0", "-1", "\"1\"", "1.0", "true", "[1]", "9223372036854775808"] {
        assert_eq!(parse_error(&newer(odd)), NOT_KNOWN, "{odd}");
    }
}

#[test]
fn a_request_with_a_key_that_is_not_known_is_refused() {
    for kept in KEPT {
        for text in kept.requests() {
            for line in ["odd = 1", "odd = \"123456\"", "odd = { ask = \"probe\" }"] {
                for more in with_a_line_more(text, line) {
                    assert_eq!(parse_error(&more), NOT_KNOWN, "{more}");
                }
            }
        }
    }
}

#[test]
fn a_request_without_a_key_that_it_needs_is_refused() {
    // Of the last, only beginning takes none.
    let optional = ["version", "remote_host", "invited", "device", "code", "nonce"];
    let mut tried = 0;
    for text in KEPT.iter().flat_map(|kept| kept.requests()) {
        for less in with_a_key_less(text, &optional) {
            assert_eq!(parse_error(&less), NOT_KNOWN, "{less}");
            tried += 1;
        }
    }
    assert!(tried > 100, "{tried}");
    for ask in ["confirm", "abandon", "begin-at-login", "prove-at-login", "show", "unset", "renew-recovery"] {
        let text = format!("user = \"alice\"\nservice = \"su\"\n[request]\nask = \"{ask}\"");
        assert_eq!(parse_error(&text), NOT_KNOWN, "{ask}");
    }
}

#[test]
fn any_other_request_is_refused_without_being_repeated() {
    for request in [
        "ask = \"everything\"",
        "ask = \"confirm\"\nnonce = \"123456x\"\ncode = \"123456\"",
        "ask = \"confirm\"\nnonce = \"12\"\ncode = 123456",
        "ask = \"judge\"\nintent = \"login\"\nsecond_try = false\ntyped = 123456",
        "ask = \"judge\"\nintent = \"other\"\nsecond_try = false\ntyped = \"123456\"",
        "ask = \"judge\"\nintent = \"login\"\nsecond_try = \"false\"\ntyped = \"123456\"",
        "ask = \"begin\"\npurpose = \"other\"",
        "ask = \"show\"\ndevice = \"\"\ncode = \"123456\"",
        "ask = \"begin-at-login\"\nnonce = \"12\"\ninvited = 4294967296",
        "ask = \"probe\"\n[extra]",
    ] {
        let text = format!("user = \"alice\"\nservice = \"su\"\n[request]\n{request}");
        assert_eq!(parse_error(&text), NOT_KNOWN, "{request}");
    }
    for text in ["", "user = \"alice\"", "request = \"probe\"", "user = \"a\"\nservice = \"s\"\nrequest = []"]
    {
        assert_eq!(parse_error(text), NOT_KNOWN, "{text}");
    }
}

#[test]
fn whom_a_request_is_about_arrives_too() {
    let mut sent = envelope(Version::CURRENT, Request::Probe);
    sent.user = "a\"\n[request]\nask = \"status".into();
    sent.service = "s\\".into();
    sent.remote_host = Some("192.0.2.7\0".into());
    let arrived = Envelope::parse(&sent.to_toml()).expect("it is read");
    assert_eq!(
        (arrived.user, arrived.service, arrived.remote_host),
        (sent.user, sent.service, sent.remote_host)
    );
    assert!(matches!(arrived.request, Request::Probe));
}

/// Within a string of several lines a line more is none of the answer's keys.
fn answers() -> impl Iterator<Item = (usize, Version, &'static str)> {
    KEPT.into_iter()
        .flat_map(|kept| {
            let version = kept.version;
            kept.answers().into_iter().enumerate().map(move |(place, text)| (place, version, text))
        })
        .filter(|(_, _, text)| !text.contains("\"\"\"") && !text.contains("'''"))
}

#[test]
fn keys_of_an_answer_that_are_not_known_are_ignored() {
    let to_logins = samples::login_answers().len();
    for (place, version, text) in answers() {
        for line in ["odd = \"done\"", "odd = { accepted = { device = \"phone\" } }"] {
            for more in with_a_line_more(text, line) {
                let read = Answered::<Reply>::parse(&more).expect(&more);
                assert_eq!(*read.to_toml(version).unwrap(), text, "{more}");
                if place < to_logins {
                    let read = Answered::<LoginReply>::parse(&more).expect(&more);
                    assert_eq!(*as_sent(version, read), text, "{more}");
                }
            }
        }
    }
}

#[test]
fn refused_codes_that_cannot_be_understood_keep_nobody_out() {
    let accepted = "[done.judged.accepted]\ndevice = \"phone\"\n[done.judged.refused_since]\n";
    for (odd, there) in [
        ("count = 1\nlatest = 2\nsource = \"local\"", true),
        ("count = 1\nlatest = 2", false),
        ("count = -1\nlatest = 2\nsource = \"local\"", false),
        ("count = 1\nlatest = 2\nsource = \"\\u001b[2J\"", false),
    ] {
        let read = Answered::<LoginReply>::parse(&format!("{accepted}{odd}"));
        let Some(Answered::Done(LoginReply::Judged(Judged { verdict: Verdict::Accepted(_), refused_since }))) =
            read
        else {
            panic!("{odd} made an acceptance none")
        };
        assert_eq!(refused_since.is_some(), there, "{odd}");
    }
}

#[test]
fn an_answer_without_a_key_that_it_needs_is_none() {
    // The last three are of the codes refused before, which nobody is kept out for.
    let optional = ["overridden", "mailbox", "logins", "until", "count", "latest", "source"];
    let to_logins = samples::login_answers().len();
    let mut tried = 0;
    for (_, _, text) in answers().filter(|(place, _, _)| *place < to_logins) {
        for less in with_a_key_less(text, &optional) {
            assert!(Answered::<LoginReply>::parse(&less).is_none(), "{less}");
            assert!(Answered::<Reply>::parse(&less).is_none(), "{less}");
            tried += 1;
        }
    }
    assert!(tried > 200, "{tried}");
}

#[test]
fn a_refusal_for_a_reason_that_is_not_known_reads_as_a_wrong_code() {
    let refusal = "reason = \"too-loud\"\nwait = 7\nmay_tell = true\ncounted = true\nrecorded = true\n";
    let Some(Answered::Done(LoginReply::Judged(Judged { verdict: Verdict::Refused(judged), .. }))) =
        Answered::<LoginReply>::parse(&format!("[done.judged.refused]\n{refusal}"))
    else {
        panic!("not a refusal")
    };
    let Some(Answered::Failed(Failure::Refused(failed))) =
        Answered::<Reply>::parse(&format!("[failed.refused]\n{refusal}"))
    else {
        panic!("not a refusal")
    };
    assert_eq!(judged, failed);
    assert_eq!((judged.reason, judged.wait, judged.may_tell), (Reason::WrongCode, 7, true));
}

#[test]
fn what_cannot_be_said_denies_all_the_same() {
    let forever = Refusal {
        reason: Reason::Throttled,
        wait: u64::MAX,
        may_tell: true,
        counted: false,
        recorded: false,
    };
    let sent =
        Answered::Done(Reply::Judged(Verdict::Refused(forever).into())).to_toml(Version::CURRENT).unwrap();
    let Some(Answered::Done(LoginReply::Judged(Judged { verdict: Verdict::Refused(read), .. }))) =
        Answered::<LoginReply>::parse(&sent)
    else {
        panic!("not a refusal: {}", *sent)
    };
    assert_eq!(read, Refusal { wait: i64::MAX.unsigned_abs(), ..forever });
    let long = Answered::Failed(Failure::Unusable("x".repeat(LONGEST_MESSAGE)));
    assert!(long.to_toml(Version::CURRENT).is_none());
}

/// What an answer lets in by, if it does.
fn lets_in(answer: &Answered<LoginReply>) -> Option<&Factor> {
    match answer {
        Answered::Done(
            LoginReply::Judged(Judged { verdict: Verdict::Accepted(factor), .. })
            | LoginReply::Welcome(Welcome::Accepted(factor)),
        ) => Some(factor),
        _ => None,
    }
}

/// Each word of an answer, key or value, replaced by one that nobody knows.
fn with_a_word_replaced(text: &str) -> Vec<String> {
    let is_of_a_word = |character: char| character.is_ascii_alphanumeric() || "-_".contains(character);
    let mut replaced = Vec::new();
    let mut from = 0;
    while let Some(start) = text[from..].find(is_of_a_word).map(|start| from + start) {
        let end = text[start..].find(|other| !is_of_a_word(other)).map_or(text.len(), |end| start + end);
        replaced.push(format!("{}unheard-of{}", &text[..start], &text[end..]));
        from = end;
    }
    replaced
}

#[test]
fn no_word_that_is_not_known_lets_anybody_in() {
    for (_, _, text) in answers() {
        let meant = Answered::<LoginReply>::parse(text);
        let accepted = meant.as_ref().and_then(lets_in);
        for other in with_a_word_replaced(text) {
            let read = Answered::<LoginReply>::parse(&other);
            match read.as_ref().and_then(lets_in) {
                None => {}
                // Its device's name is any word.
                Some(Factor::Device(_)) => assert!(matches!(accepted, Some(Factor::Device(_))), "{other}"),
                factor => assert_eq!(factor, accepted, "{other}"),
            }
        }
    }
}

#[test]
fn an_answer_that_cannot_be_understood_is_none() {
    let refusal = "reason = \"ceiling\"\nwait = 0\nmay_tell = true\ncounted = true\nrecorded = true";
    for text in [
        "",
        "done",
        "done = true",
        "done = \"probed\"",
        "done = \"judged\"",
        "done = \"better-than-done\"",
        "done = [\"done\"]",
        "done = {}",
        "better = \"done\"",
        "done = \"done\"\nfailed = \"not-configured\"",
        "done = \"done\"\ndone = \"done\"",
        "[done]\ndone = \"done\"",
        "[done]\nstatus = \"done\"",
        "[done]\nsession = \"nothing\"\nput-off = { logins = 1 }",
        "[done]\njudged = \"accepted\"",
        "[done.judged]\naccepted = \"device\"",
        "[done.judged.accepted-for-now]\ndevice = \"phone\"",
        "[done.judged.accepted]",
        "[done.judged.accepted]\nface = \"phone\"",
        "[done.judged.accepted]\ndevice = \"\"",
        "[done.judged.accepted]\ndevice = \"phone\\n\"",
        "[done.judged.accepted]\ndevice = \"phone\"\nrecovery-code = { left = 3 }",
        "[done.judged.accepted]\ndevice = \"phone\"\n[done.judged.refused]\nreason = \"ceiling\"",
        &format!("[done.judged.accepted]\ndevice = \"phone\"\n[done.judged.refused]\n{refusal}"),
        "[done.judged.accepted.device]\nname = \"phone\"",
        "[[done.judged]]\naccepted = { device = \"phone\" }",
        "[done.judged.accepted.recovery-code]\nleft = 21",
        "[done.judged.accepted.recovery-code]\nleft = -1",
        "[done.judged.accepted.recovery-code]\nleft = \"3\"",
        "[done.judged.accepted.temporary-code]\nleft = 256",
        "[done.judged.accepted.temporary-code]\nleft = 1.0",
        "[done.probed]\nfound = \"code\"",
        "[done.probed]\nfound = \"better-not\"",
        "[done.probed]\nfound = \"remembered\"\noverridden = \"none\"",
        "[done.probed]\nfound = { remembered = {} }",
        "[done.probed]\nfound = { code = { digits = 6, digits = 7 } }",
        "[done.outlook]\nmailed_lately = false\nhanded_over = false\ngrace = \"always\"",
        "[done.put-off]\nuntil = 2027-01-31",
        "[done.put-off]\nuntil = \"2027-02-31\"",
        "[done.put-off]\nlogins = 4294967296",
        "[done]\nwelcome = \"everybody\"",
        "[done]\nwelcome = \"accepted\"",
        "[done]\nsession = \"opened\"",
        "[done.begun]\nnonce = \"x\"\ndevice = \"phone\"\nuri = \"u\"\nsecret = \"s\"",
        "[done]\nrecovery-codes = [\"ABCD\", 1]",
        "[done]\nrecovery-codes = \"ABCD\"",
        "failed = \"refused\"",
        "failed = \"unusable\"",
        "failed = \"nearly\"",
        "[failed]\nnearly = \"it was done\"",
        "[failed.not-configured]",
        "[failed.refused]\nreason = 1\nwait = 0\nmay_tell = true\ncounted = true\nrecorded = true",
        "[failed.refused]\nreason = \"wrong-code\"\nwait = -1\nmay_tell = true\ncounted = true\nrecorded = true",
    ] {
        assert!(Answered::<LoginReply>::parse(text).is_none(), "{text}");
        assert!(Answered::<Reply>::parse(text).is_none(), "{text}");
    }
}
