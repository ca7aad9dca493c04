use super::*;
use crate::clock::{Day, Timestamp};
use crate::credential::DeviceName;
use crate::issued::InvitationId;
use crate::login::newcomer::{Grace, Welcome};
use crate::login::{Factor, Reason, Refusal, Verdict};
use crate::operation::{
    Begun, Confirmed, Found, Intent, Judged, LoginReply, Outlook, Probe, Purpose, SessionStart,
};
use crate::pending::Nonce;
use crate::policy::Mode;
use crate::source::Source;
use crate::state::RefusedSince;
use proptest::prelude::*;

const NONCE: &str = "0123456789abcdef0123456789abcdef";

fn nonce() -> Nonce {
    NONCE.parse().unwrap()
}

fn secret(text: &str) -> Zeroizing<String> {
    Zeroizing::new(text.to_owned())
}

fn device() -> DeviceName {
    DeviceName::new("old phone").unwrap()
}

fn envelope(request: Request) -> Envelope {
    Envelope { user: "alice".into(), service: "su".into(), remote_host: None, request }
}

/// Every request, with what is sent of it.
fn requests() -> Vec<(Request, String)> {
    let code = || secret("123456");
    let with_nonce = |ask: &str| format!("ask = \"{ask}\"\nnonce = \"{NONCE}\"\n");
    vec![
        (Request::Probe, "ask = \"probe\"\n".into()),
        (
            Request::Judge {
                intent: Intent::Login,
                typed: secret("12 \u{1b}\"3\\\n\u{fc}"),
                second_try: true,
            },
            "ask = \"judge\"\nintent = \"login\"\ntyped = \"12 \\u001b\\\"3\\\\\\u000a\u{fc}\"\nsecond_try = true\n"
                .into(),
        ),
        (
            Request::Judge { intent: Intent::Verify, typed: secret(""), second_try: false },
            "ask = \"judge\"\nintent = \"verify\"\ntyped = \"\"\nsecond_try = false\n".into(),
        ),
        (
            Request::Acknowledge { count: 3, latest: Timestamp(1_790_000_000) },
            "ask = \"acknowledge\"\ncount = 3\nlatest = 1790000000\n".into(),
        ),
        (Request::Status, "ask = \"status\"\n".into()),
        (
            Request::Begin { purpose: Purpose::First, device: None, code: None },
            "ask = \"begin\"\npurpose = \"first\"\n".into(),
        ),
        (
            Request::Begin { purpose: Purpose::Further, device: Some(device()), code: None },
            "ask = \"begin\"\npurpose = \"further\"\ndevice = \"old phone\"\n".into(),
        ),
        (
            Request::Begin { purpose: Purpose::Renewal, device: None, code: Some(code()) },
            "ask = \"begin\"\npurpose = \"renewal\"\ncode = \"123456\"\n".into(),
        ),
        (
            Request::Confirm { nonce: nonce(), code: code() },
            with_nonce("confirm") + "code = \"123456\"\n",
        ),
        (Request::Abandon { nonce: nonce() }, with_nonce("abandon")),
        (Request::Show { device: None, code: code() }, "ask = \"show\"\ncode = \"123456\"\n".into()),
        (
            Request::Show { device: Some(device()), code: code() },
            "ask = \"show\"\ndevice = \"old phone\"\ncode = \"123456\"\n".into(),
        ),
        (
            Request::RemoveDevice { device: device(), code: code() },
            "ask = \"remove-device\"\ndevice = \"old phone\"\ncode = \"123456\"\n".into(),
        ),
        (Request::Unset { code: code() }, "ask = \"unset\"\ncode = \"123456\"\n".into()),
        (Request::RenewRecovery { code: code() }, "ask = \"renew-recovery\"\ncode = \"123456\"\n".into()),
        (Request::ForgetHosts, "ask = \"forget-hosts\"\n".into()),
        (Request::Welcome { typed: secret("ABCD") }, "ask = \"welcome\"\ntyped = \"ABCD\"\n".into()),
        (
            Request::BeginAtLogin { nonce: nonce(), invited: Some(InvitationId(u32::MAX)) },
            with_nonce("begin-at-login") + "invited = 4294967295\n",
        ),
        (Request::BeginAtLogin { nonce: nonce(), invited: None }, with_nonce("begin-at-login")),
        (
            Request::ProveAtLogin { nonce: nonce(), code: code() },
            with_nonce("prove-at-login") + "code = \"123456\"\n",
        ),
        (Request::Outlook, "ask = \"outlook\"\n".into()),
        (Request::PutOff, "ask = \"put-off\"\n".into()),
        (Request::OpenSession { nonce: Some(nonce()) }, with_nonce("open-session")),
        (Request::OpenSession { nonce: None }, "ask = \"open-session\"\n".into()),
    ]
}

#[test]
fn the_helper_reads_every_request_as_it_was_meant() {
    for (request, expected) in requests() {
        let sent = envelope(request).to_toml();
        assert_eq!(*sent, format!("user = \"alice\"\nservice = \"su\"\n\n[request]\n{expected}"));
        let arrived = Envelope::parse(&sent).expect(&sent);
        assert_eq!(*arrived.to_toml(), *sent);
    }
}

#[test]
fn whom_a_request_is_about_arrives_too() {
    let mut sent = envelope(Request::Probe);
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

proptest! {
    #[test]
    fn whatever_was_typed_arrives(text in any::<String>()) {
        let sent = envelope(Request::Welcome { typed: secret(&text) }).to_toml();
        let Ok(Envelope { request: Request::Welcome { typed }, .. }) = Envelope::parse(&sent) else {
            return Err(TestCaseError::fail(sent.to_string()));
        };
        prop_assert_eq!(&*typed, &text);
    }
}

#[test]
fn any_other_request_is_refused_without_being_repeated() {
    for text in [
        "",
        "user = \"alice\"",
        "user = \"a\"\nservice = \"s\"\n[request]\nask = \"everything\"",
        "user = \"a\"\nservice = \"s\"\nroot = true\n[request]\nask = \"probe\"",
        "user = \"a\"\nservice = \"s\"\n[request]\nask = \"confirm\"\nnonce = \"12\"\ncode = \"123456\"\nforce = true",
        "user = \"a\"\nservice = \"s\"\n[request]\nask = \"judge\"\nintent = \"login\"\nsecond_try = false\ntyped = 123456",
    ] {
        let error = Envelope::parse(text).err().expect(text);
        assert!(!error.contains("123456"));
    }
}

fn refusal(reason: Reason) -> Refusal {
    Refusal { reason, wait: 5, may_tell: true, counted: false, recorded: true }
}

/// Acceptances that come with codes refused before.
fn refused_before() -> impl Iterator<Item = Judged> {
    let sources = [None, Some("192.0.2.7"), Some("2001:db8::1"), Some("gate.example.org")];
    sources.into_iter().map(|source| Judged {
        verdict: Verdict::Accepted(Factor::RecoveryCode { left: 3 }),
        refused_since: Some(RefusedSince {
            count: u32::MAX,
            latest: Timestamp(1_790_000_000),
            source: Source::from_remote_host(source),
        }),
    })
}

/// Every answer that a login may get.
fn login_answers() -> Vec<Answered> {
    let reasons = (1..).map_while(Reason::from_number).map(refusal);
    let refused = reasons.flat_map(|refusal| {
        let judged = Answered::Done(Reply::Judged(Verdict::Refused(refusal).into()));
        [judged, Answered::Failed(Failure::Refused(refusal))]
    });
    let others =
        Refusal { wait: 0, may_tell: false, counted: true, recorded: false, ..refusal(Reason::WrongCode) };
    let factors = || {
        [Factor::Device(device()), Factor::RecoveryCode { left: 3 }, Factor::TemporaryCode { left: u8::MAX }]
    };
    let found = [Found::NotConfigured, Found::Orphaned, Found::Remembered, Found::Code { digits: 8 }];
    let probes = found.into_iter().flat_map(|found| {
        let modes = [None, Some(Mode::Disabled), Some(Mode::Optional), Some(Mode::Required)];
        modes.map(|overridden| Reply::Probed(Probe { overridden, found }))
    });
    let day = || Day::parse("2027-01-31").map(Grace::Until);
    let outlooks = [
        Outlook { grace: None, mailbox: None, mailed_lately: true, handed_over: false },
        Outlook {
            grace: day(),
            mailbox: Some("a\"...@example.org".into()),
            mailed_lately: false,
            handed_over: true,
        },
        Outlook { grace: Some(Grace::Logins(1)), mailbox: None, mailed_lately: false, handed_over: false },
    ];
    let begun = Begun {
        nonce: nonce(),
        device: device(),
        uri: secret("otpauth://totp/host:alice?secret=ABCD&issuer=a%20b"),
        secret: secret("ABCD"),
    };
    let replies = [
        Reply::Judged(Verdict::Refused(others).into()),
        Reply::Begun(begun),
        Reply::RecoveryCodes(vec![secret("ABCD-EFGH"), secret("IJKL-MNOP")]),
        Reply::RecoveryCodes(Vec::new()),
        Reply::Welcome(Welcome::Invited(InvitationId(u32::MAX))),
        Reply::Welcome(Welcome::SetUp),
        Reply::Welcome(Welcome::NotInvited),
        Reply::PutOff(Grace::Logins(u32::MAX)),
        Reply::PutOff(day().unwrap()),
        Reply::Session(SessionStart::Activated),
        Reply::Session(SessionStart::Nothing),
        Reply::Done,
    ];
    let failures = [
        Failure::NotProven { left: 0 },
        Failure::Impossible("no\t\u{1b}".into()),
        Failure::NotConfigured,
        Failure::Orphaned("`totp-enroll admin adopt 'a\"b' c`".into()),
        Failure::NotPermitted("the user's \"policy\"".into()),
        Failure::Unusable("/etc/pam_totp/policy.toml:3: a\nb".into()),
        Failure::UserUnusable("/var/lib/pam_totp/alice.toml: refused".into()),
    ];
    let done = replies
        .into_iter()
        .chain(factors().map(|factor| Reply::Judged(Verdict::Accepted(factor).into())))
        .chain(refused_before().map(Reply::Judged))
        .chain(factors().map(|factor| Reply::Welcome(Welcome::Accepted(factor))))
        .chain(outlooks.map(Reply::Outlook))
        .chain(probes);
    done.map(Answered::Done).chain(failures.map(Answered::Failed)).chain(refused).collect()
}

/// What the module read, as the helper would send it.
fn as_sent(answered: Answered<LoginReply>) -> Zeroizing<String> {
    let answered = match answered {
        Answered::Done(reply) => Answered::Done(Reply::from(reply)),
        Answered::Failed(failure) => Answered::Failed(failure),
    };
    answered.to_toml().unwrap()
}

#[test]
fn the_module_reads_every_answer_to_a_login_as_the_helper_sent_it() {
    for answered in login_answers() {
        let sent = answered.to_toml().unwrap();
        let arrived = Answered::<LoginReply>::parse(&sent).expect(&sent);
        assert_eq!(*as_sent(arrived), *sent);
    }
}

#[test]
fn the_tool_reads_every_answer_as_the_helper_sent_it() {
    let confirmed = Confirmed { device: device(), recovery_codes: vec![secret("ABCD-EFGH")] };
    for answered in login_answers().into_iter().chain([Answered::Done(Reply::Confirmed(confirmed))]) {
        let sent = answered.to_toml().unwrap();
        let arrived = Answered::<Reply>::parse(&sent).expect(&sent);
        assert_eq!(*arrived.to_toml().unwrap(), *sent);
    }
}

#[test]
fn a_key_more_and_a_key_less_make_it_no_answer() {
    let optional = ["overridden", "mailbox", "logins", "until"];
    let sent = login_answers().into_iter().map(|answered| answered.to_toml().unwrap());
    // Within a string of several lines a line more is none of its keys.
    for sent in sent.filter(|sent| !sent.contains("\"\"\"")) {
        let lines: Vec<_> = sent.lines().collect();
        for place in 0..=lines.len() {
            let mut more = lines.clone();
            more.insert(place, "odd = \"done\"");
            assert!(Answered::<LoginReply>::parse(&more.join("\n")).is_none(), "{more:?}");
        }
        for place in 0..lines.len() {
            let is_optional = optional.iter().any(|key| lines[place].starts_with(key));
            if lines[place].contains(" = ") && !is_optional {
                let mut less = lines.clone();
                less.remove(place);
                assert!(Answered::<LoginReply>::parse(&less.join("\n")).is_none(), "{less:?}");
            }
        }
    }
}

#[test]
fn the_module_takes_no_other_answer() {
    for text in [
        "",
        "done",
        "done = true",
        "done = \"probed\"",
        "done = \"judged\"",
        "done = [\"done\"]",
        "done = {}",
        "done = \"done\"\nfailed = \"not-configured\"",
        "done = \"done\"\ndone = \"done\"",
        "[done]\ndone = \"done\"",
        "[done]\nstatus = \"done\"",
        "[done]\njudged = \"accepted\"",
        "[done.judged]\naccepted = \"device\"",
        "[done.judged.accepted]",
        "[done.judged.accepted]\ndevice = \"\"",
        "[done.judged.accepted]\ndevice = \"phone\\n\"",
        "[done.judged.accepted]\ndevice = \"phone\"\n[done.judged.refused]\nreason = \"ceiling\"",
        "[done.judged.refused_since]\ncount = 1\nlatest = 1\nsource = \"local\"",
        "[done.judged]\naccepted = { device = \"phone\" }\nrefused_since = { count = 1, latest = 1, source = \"here\" }",
        "[done.judged]\naccepted = { device = \"phone\" }\nrefused_since = { count = -1, latest = 1, source = \"local\" }",
        "[done.judged.accepted.device]\nname = \"phone\"",
        "[[done.judged]]\naccepted = { device = \"phone\" }",
        "[done.judged.accepted.recovery-code]\nleft = 21",
        "[done.judged.accepted.recovery-code]\nleft = -1",
        "[done.judged.accepted.recovery-code]\nleft = \"3\"",
        "[done.judged.accepted.temporary-code]\nleft = 256",
        "[done.judged.accepted.temporary-code]\nleft = 1.0",
        "[done.probed]\nfound = \"code\"",
        "[done.probed]\nfound = \"remembered\"\noverridden = \"none\"",
        "[done.probed]\nfound = { remembered = {} }",
        "[done.probed]\nfound = { code = { digits = 6, digits = 7 } }",
        "[done.put-off]\nuntil = 2027-01-31",
        "[done.put-off]\nuntil = \"2027-02-31\"",
        "[done.put-off]\nlogins = 4294967296",
        "[done.begun]\nnonce = \"x\"\ndevice = \"phone\"\nuri = \"u\"\nsecret = \"s\"",
        "[done]\nrecovery-codes = [\"ABCD\", 1]",
        "[done]\nrecovery-codes = \"ABCD\"",
        "failed = \"refused\"",
        "failed = \"unusable\"",
        "[failed.not-configured]",
        "[failed.refused]\nreason = \"right-code\"\nwait = 0\nmay_tell = true\ncounted = true\nrecorded = true",
        "[failed.refused]\nreason = \"wrong-code\"\nwait = -1\nmay_tell = true\ncounted = true\nrecorded = true",
    ] {
        assert!(Answered::<LoginReply>::parse(text).is_none(), "{text}");
    }
}
