//! One of each message, or several where one has several forms. Their bytes are kept in this order: new ones come
//! last in their list.

use crate::clock::{Day, Timestamp};
use crate::credential::DeviceName;
use crate::helper::Answered;
use crate::issued::InvitationId;
use crate::login::newcomer::{Grace, Welcome};
use crate::login::{Factor, Reason, Refusal, Verdict};
use crate::operation::{
    Begun, Confirmed, DeviceStatus, Failure, Found, HostStatus, Intent, Judged, OrphanStatus, Outlook,
    OverrideStatus, Probe, Purpose, Reply, Request, SessionStart, Shown, Status, TemporaryStatus,
};
use crate::pending::Nonce;
use crate::policy::Mode;
use crate::source::Source;
use crate::state::RefusedSince;
use crate::throttle::Party;
use zeroize::Zeroizing;

const NONCE: &str = "0123456789abcdef0123456789abcdef";

fn nonce() -> Nonce {
    NONCE.parse().unwrap()
}

pub(super) fn secret(text: &str) -> Zeroizing<String> {
    Zeroizing::new(text.to_owned())
}

pub(super) fn device() -> DeviceName {
    DeviceName::new("old phone").unwrap()
}

/// Every request.
pub(super) fn requests() -> Vec<Request> {
    let code = || secret("123456");
    let odd = "12 \u{1b}\"3\\\n\u{fc}";
    let judge = |intent, typed, second_try| Request::Judge { intent, typed: secret(typed), second_try };
    let begin = |purpose, device, code| Request::Begin { purpose, device, code };
    vec![
        Request::Probe,
        judge(Intent::Login, "123456", false),
        judge(Intent::Login, odd, true),
        judge(Intent::Verify, "", false),
        Request::Status,
        begin(Purpose::First, None, None),
        begin(Purpose::Further, Some(device()), Some(code())),
        begin(Purpose::Renewal, None, Some(code())),
        Request::Confirm { nonce: nonce(), code: code() },
        Request::Abandon { nonce: nonce() },
        Request::Show { device: None, code: code() },
        Request::Show { device: Some(device()), code: code() },
        Request::RemoveDevice { device: device(), code: code() },
        Request::Unset { code: code() },
        Request::RenewRecovery { code: code() },
        Request::ForgetHosts,
        Request::Welcome { typed: secret("ABCD-EFGH-IJKL-MNOP") },
        Request::BeginAtLogin { nonce: nonce(), invited: Some(InvitationId(u32::MAX)) },
        Request::BeginAtLogin { nonce: nonce(), invited: None },
        Request::ProveAtLogin { nonce: nonce(), code: code() },
        Request::Outlook,
        Request::PutOff,
        Request::OpenSession { nonce: Some(nonce()) },
        Request::OpenSession { nonce: None },
        Request::Acknowledge { count: 3, latest: Timestamp(1_790_000_000) },
    ]
}

fn refusal(reason: Reason) -> Refusal {
    Refusal { reason, wait: 5, may_tell: true, counted: false, recorded: true }
}

fn refusals() -> Vec<Refusal> {
    let others = Refusal {
        wait: i64::MAX.unsigned_abs(),
        may_tell: false,
        counted: true,
        recorded: false,
        ..refusal(Reason::WrongCode)
    };
    (1..).map_while(Reason::from_number).map(refusal).chain([others]).collect()
}

fn factors() -> Vec<Factor> {
    vec![Factor::Device(device()), Factor::RecoveryCode { left: 3 }, Factor::TemporaryCode { left: u8::MAX }]
}

fn probes() -> Vec<Probe> {
    let found = [Found::NotConfigured, Found::Orphaned, Found::Remembered, Found::Code { digits: 8 }];
    let modes = [None, Some(Mode::Disabled), Some(Mode::Optional), Some(Mode::Required)];
    found.into_iter().flat_map(|found| modes.map(|overridden| Probe { overridden, found })).collect()
}

fn day() -> Day {
    Day::parse("2027-01-31").unwrap()
}

fn outlooks() -> Vec<Outlook> {
    vec![
        Outlook { grace: None, mailbox: None, mailed_lately: true, handed_over: false },
        Outlook {
            grace: Some(Grace::Until(day())),
            mailbox: Some("a...@example.org".into()),
            mailed_lately: false,
            handed_over: true,
        },
        Outlook {
            grace: Some(Grace::Logins(1)),
            mailbox: Some("a\"...@example.org".into()),
            mailed_lately: false,
            handed_over: false,
        },
    ]
}

const URI: &str = "otpauth://totp/host:alice?secret=ABCD&issuer=a%20b";

fn failures() -> Vec<Failure> {
    let refused = refusals().into_iter().map(Failure::Refused);
    let others = [
        Failure::NotProven { left: 0 },
        Failure::NotProven { left: 3 },
        Failure::Impossible("the policy of this host gives no recovery codes".into()),
        Failure::Impossible("no\t\u{1b}".into()),
        Failure::NotConfigured,
        Failure::Orphaned("`totp-enroll admin adopt 'a\"b' c`".into()),
        Failure::NotPermitted("the user's \"policy\"".into()),
        Failure::Unusable("/etc/pam_totp/policy.toml:3: totp.window: is out of range".into()),
        Failure::Unusable("a\nb '\"\\".into()),
        Failure::Unusable(String::new()),
        Failure::UserUnusable("/var/lib/pam_totp/alice.toml: refused".into()),
    ];
    refused.chain(others).collect()
}

/// Acceptances that come with codes refused before.
fn accepted_after_refusals() -> Vec<Judged> {
    let sources = [Source::Local, Source::Named, Source::Helper, Source::parse(Some("2001:db8::1"))];
    let judged = |source| Judged {
        verdict: Verdict::Accepted(Factor::Device(device())),
        refused_since: Some(RefusedSince { count: u32::MAX, latest: Timestamp(1_790_000_000), source }),
    };
    sources.map(judged).into()
}

/// Every reply that a login may get.
fn login_replies() -> Vec<Reply> {
    let begun = Begun { nonce: nonce(), device: device(), uri: secret(URI), secret: secret("ABCD") };
    let mut replies: Vec<_> = probes().into_iter().map(Reply::Probed).collect();
    replies.extend(factors().into_iter().map(|factor| Reply::Judged(Verdict::Accepted(factor).into())));
    replies.extend(refusals().into_iter().map(|refusal| Reply::Judged(Verdict::Refused(refusal).into())));
    replies.push(Reply::Begun(begun));
    replies.push(Reply::RecoveryCodes(vec![secret("ABCD-EFGH"), secret("IJKL-MNOP")]));
    replies.push(Reply::RecoveryCodes(Vec::new()));
    replies.extend(factors().into_iter().map(|factor| Reply::Welcome(Welcome::Accepted(factor))));
    replies.push(Reply::Welcome(Welcome::Invited(InvitationId(u32::MAX))));
    replies.push(Reply::Welcome(Welcome::SetUp));
    replies.push(Reply::Welcome(Welcome::NotInvited));
    replies.extend(outlooks().into_iter().map(Reply::Outlook));
    replies.push(Reply::PutOff(Grace::Logins(u32::MAX)));
    replies.push(Reply::PutOff(Grace::Until(day())));
    replies.push(Reply::Session(SessionStart::Activated));
    replies.push(Reply::Session(SessionStart::Nothing));
    replies.push(Reply::Done);
    replies.extend(accepted_after_refusals().into_iter().map(Reply::Judged));
    replies
}

fn fullest_status() -> Status {
    let devices = [("old phone", "totp", Some(30)), ("token", "hotp", None)];
    let device = |(name, kind, interval): (&str, &str, Option<u16>)| DeviceStatus {
        name: DeviceName::new(name).unwrap(),
        kind: kind.into(),
        digits: 6,
        interval,
        algorithm: "SHA1".into(),
        created: "2026-11-01T10:00:00Z".into(),
    };
    let host = |address: &str| HostStatus { address: address.into(), since: "2026-11-02T10:00:00Z".into() };
    Status {
        user: "alice".into(),
        mode: Mode::Required,
        overridden: Some(OverrideStatus {
            mode: Mode::Required,
            until: Some(day()),
            since: "2026-11-03T10:00:00Z".into(),
            by: "root".into(),
        }),
        configured: true,
        orphan: Some(OrphanStatus {
            user: "alicia".into(),
            uid: 1000,
            way_out: "`totp-enroll admin adopt alicia alice`".into(),
        }),
        strategy: "totp".into(),
        since: Some("2026-11-01T10:00:00Z".into()),
        devices: devices.map(device).into(),
        recovery_codes_left: 10,
        throttled_for: 30,
        at_ceiling: true,
        exhausted: Vec::new(),
        remembered_hosts: vec![host("192.0.2.7"), host("2001:db8::1")],
        last_login: Some("2026-11-05T10:00:00Z".into()),
        temporary_code: Some(TemporaryStatus { until: "2026-11-06T10:00:00Z".into(), uses_left: 2 }),
        invited_until: Some("2026-11-07T10:00:00Z".into()),
        grace: Some(Grace::Logins(3)),
        mail: Some("alice@example.org".into()),
    }
}

fn emptiest_status() -> Status {
    Status {
        overridden: None,
        configured: false,
        orphan: None,
        since: None,
        devices: Vec::new(),
        recovery_codes_left: 0,
        throttled_for: 0,
        at_ceiling: false,
        remembered_hosts: Vec::new(),
        last_login: None,
        temporary_code: None,
        invited_until: None,
        grace: None,
        mail: None,
        ..fullest_status()
    }
}

/// Every reply that the tool alone gets.
fn tool_replies() -> Vec<Reply> {
    vec![
        Reply::Status(Box::new(fullest_status())),
        Reply::Status(Box::new(emptiest_status())),
        Reply::Confirmed(Confirmed { device: device(), recovery_codes: vec![secret("ABCD-EFGH")] }),
        Reply::Confirmed(Confirmed { device: device(), recovery_codes: Vec::new() }),
        Reply::Shown(Shown { device: device(), uri: secret(URI), secret: secret("ABCD") }),
        Reply::Status(Box::new(Status { exhausted: Party::ALL.to_vec(), ..emptiest_status() })),
    ]
}

/// Every answer that a login may get.
pub(super) fn login_answers() -> Vec<Answered> {
    let failures = failures().into_iter().map(Answered::Failed);
    login_replies().into_iter().map(Answered::Done).chain(failures).collect()
}

/// Every answer.
pub(super) fn answers() -> Vec<Answered> {
    login_answers().into_iter().chain(tool_replies().into_iter().map(Answered::Done)).collect()
}
