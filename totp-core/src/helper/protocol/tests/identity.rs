//! Whatever is written is read back as it was, in every version.

use super::{as_sent, envelope};
use crate::clock::{Day, Timestamp};
use crate::credential::DeviceName;
use crate::helper::{Answered, Envelope, Version};
use crate::issued::InvitationId;
use crate::login::newcomer::{Grace, Welcome};
use crate::login::{Factor, Reason, Refusal, Verdict};
use crate::operation::{
    Begun, Confirmed, Failure, Found, Intent, Judged, LoginReply, Outlook, Probe, Purpose, Reply, Request,
    SessionStart, Shown,
};
use crate::pending::Nonce;
use crate::policy::Mode;
use crate::recovery::MOST_CODES;
use crate::source::Source;
use crate::state::RefusedSince;
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;
use zeroize::Zeroizing;

fn version() -> impl Strategy<Value = Version> {
    select(vec![Version::Unnamed, Version::One])
}

/// Any text, and such as holds what quotes must escape.
fn text() -> BoxedStrategy<String> {
    prop_oneof![any::<String>(), "[\"'\\\\\\x00-\\x1f\\x7f-\\x9f a]*", "[A-Z0-9-]{0,20}"].boxed()
}

fn secret() -> impl Strategy<Value = Zeroizing<String>> {
    text().prop_map(Zeroizing::new)
}

fn device() -> impl Strategy<Value = DeviceName> {
    "[A-Za-z0-9._-]{1,32}".prop_map(|name| DeviceName::new(&name).unwrap())
}

fn nonce() -> impl Strategy<Value = Nonce> {
    any::<u128>().prop_map(|nonce| format!("{nonce:032x}").parse().unwrap())
}

/// A message as it is sent: what holds secrets cannot be shown where a test fails.
type Sent = Zeroizing<String>;

fn asked(request: Request) -> Sent {
    envelope(Version::Unnamed, request).to_toml()
}

fn replied(reply: LoginReply) -> Sent {
    as_sent(Version::Unnamed, Answered::Done(reply))
}

fn request() -> impl Strategy<Value = Sent> {
    let intent = select(vec![Intent::Login, Intent::Verify]);
    let purpose = select(vec![Purpose::First, Purpose::Further, Purpose::Renewal]);
    let invited = of(any::<u32>().prop_map(InvitationId));
    prop_oneof![
        Just(()).prop_map(|()| asked(Request::Probe)),
        (intent, secret(), any::<bool>()).prop_map(|(intent, typed, second_try)| asked(Request::Judge {
            intent,
            typed,
            second_try
        })),
        Just(()).prop_map(|()| asked(Request::Status)),
        (purpose, of(device()), of(secret())).prop_map(|(purpose, device, code)| asked(Request::Begin {
            purpose,
            device,
            code
        })),
        (nonce(), secret()).prop_map(|(nonce, code)| asked(Request::Confirm { nonce, code })),
        nonce().prop_map(|nonce| asked(Request::Abandon { nonce })),
        (of(device()), secret()).prop_map(|(device, code)| asked(Request::Show { device, code })),
        (device(), secret()).prop_map(|(device, code)| asked(Request::RemoveDevice { device, code })),
        secret().prop_map(|code| asked(Request::Unset { code })),
        secret().prop_map(|code| asked(Request::RenewRecovery { code })),
        Just(()).prop_map(|()| asked(Request::ForgetHosts)),
        secret().prop_map(|typed| asked(Request::Welcome { typed })),
        (nonce(), invited).prop_map(|(nonce, invited)| asked(Request::BeginAtLogin { nonce, invited })),
        (nonce(), secret()).prop_map(|(nonce, code)| asked(Request::ProveAtLogin { nonce, code })),
        Just(()).prop_map(|()| asked(Request::Outlook)),
        Just(()).prop_map(|()| asked(Request::PutOff)),
        of(nonce()).prop_map(|nonce| asked(Request::OpenSession { nonce })),
        (any::<u32>(), 0..=u64::MAX / 2)
            .prop_map(|(count, latest)| { asked(Request::Acknowledge { count, latest: Timestamp(latest) }) }),
    ]
}

fn factor() -> impl Strategy<Value = Factor> {
    prop_oneof![
        device().prop_map(Factor::Device),
        (0..=MOST_CODES).prop_map(|left| Factor::RecoveryCode { left }),
        any::<u8>().prop_map(|left| Factor::TemporaryCode { left }),
    ]
}

fn refusal() -> impl Strategy<Value = Refusal> {
    let reasons: Vec<_> = (1..).map_while(Reason::from_number).collect();
    (select(reasons), 0..=u64::MAX / 2, any::<(bool, bool, bool)>()).prop_map(
        |(reason, wait, (may_tell, counted, recorded))| Refusal { reason, wait, may_tell, counted, recorded },
    )
}

fn grace() -> impl Strategy<Value = Grace> {
    prop_oneof![
        any::<u32>().prop_map(Grace::Logins),
        (1..9999u16, 1..=12u8, 1..=28u8).prop_map(|(year, month, day)| {
            Grace::Until(Day::parse(&format!("{year:04}-{month:02}-{day:02}")).unwrap())
        }),
    ]
}

fn refused_since() -> impl Strategy<Value = RefusedSince> {
    let sources = vec![Source::Local, Source::Named, Source::Helper, Source::parse(Some("192.0.2.7"))];
    (any::<u32>(), 0..=u64::MAX / 2, select(sources)).prop_map(|(count, latest, source)| RefusedSince {
        count,
        latest: Timestamp(latest),
        source,
    })
}

fn login_reply() -> impl Strategy<Value = Sent> {
    let mode = select(Mode::NAMES.map(|(_, mode)| mode).to_vec());
    let found = prop_oneof![
        select(vec![Found::NotConfigured, Found::Orphaned, Found::Remembered]),
        any::<u8>().prop_map(|digits| Found::Code { digits }),
    ];
    let probe = (of(mode), found).prop_map(|(overridden, found)| Probe { overridden, found });
    let verdict = prop_oneof![factor().prop_map(Verdict::Accepted), refusal().prop_map(Verdict::Refused)];
    let begun = (nonce(), device(), secret(), secret()).prop_map(|(nonce, device, uri, secret)| {
        replied(LoginReply::Begun(Begun { nonce, device, uri, secret }))
    });
    let welcome = prop_oneof![
        factor().prop_map(Welcome::Accepted),
        any::<u32>().prop_map(|id| Welcome::Invited(InvitationId(id))),
        Just(Welcome::SetUp),
        Just(Welcome::NotInvited),
    ];
    let outlook = (of(grace()), of(text()), any::<(bool, bool)>()).prop_map(
        |(grace, mailbox, (mailed_lately, handed_over))| Outlook {
            grace,
            mailbox,
            mailed_lately,
            handed_over,
        },
    );
    prop_oneof![
        probe.prop_map(|it| replied(LoginReply::Probed(it))),
        (verdict, of(refused_since())).prop_map(|(verdict, refused_since)| {
            replied(LoginReply::Judged(Judged { verdict, refused_since }))
        }),
        begun,
        proptest::collection::vec(secret(), 0..=20).prop_map(|it| replied(LoginReply::RecoveryCodes(it))),
        welcome.prop_map(|it| replied(LoginReply::Welcome(it))),
        outlook.prop_map(|it| replied(LoginReply::Outlook(it))),
        grace().prop_map(|it| replied(LoginReply::PutOff(it))),
        select(vec![SessionStart::Activated, SessionStart::Nothing])
            .prop_map(|it| replied(LoginReply::Session(it))),
        Just(()).prop_map(|()| replied(LoginReply::Done)),
    ]
}

fn tool_reply() -> impl Strategy<Value = Sent> {
    let sent = |reply| Answered::Done(reply).to_toml(Version::Unnamed).unwrap();
    let confirmed =
        (device(), proptest::collection::vec(secret(), 0..=20)).prop_map(move |(device, recovery_codes)| {
            sent(Reply::Confirmed(Confirmed { device, recovery_codes }))
        });
    let shown = (device(), secret(), secret())
        .prop_map(move |(device, uri, secret)| sent(Reply::Shown(Shown { device, uri, secret })));
    prop_oneof![confirmed, shown]
}

fn failure() -> impl Strategy<Value = Failure> {
    prop_oneof![
        refusal().prop_map(Failure::Refused),
        any::<u8>().prop_map(|left| Failure::NotProven { left }),
        text().prop_map(Failure::Impossible),
        Just(Failure::NotConfigured),
        text().prop_map(Failure::Orphaned),
        text().prop_map(Failure::NotPermitted),
        text().prop_map(Failure::Unusable),
    ]
}

proptest! {
    #[test]
    fn a_request_is_read_as_it_was_written(
        version in version(),
        user in text(),
        service in text(),
        remote_host in of(text()),
        text in request(),
    ) {
        let Ok(Envelope { request, .. }) = Envelope::parse(&text) else {
            return Err(TestCaseError::fail(text.to_string()));
        };
        prop_assert_eq!(&asked(request), &text);
        let request = Envelope::parse(&text).unwrap().request;
        let sent = Envelope { user, service, remote_host, ..envelope(version, request) };
        let read = Envelope::parse(&sent.to_toml()).expect("it is read");
        prop_assert_eq!(read.to_toml(), sent.to_toml());
        prop_assert_eq!(
            (read.version, read.user, read.service, read.remote_host),
            (sent.version, sent.user, sent.service, sent.remote_host)
        );
    }

    #[test]
    fn whatever_was_typed_arrives(version in version(), typed in secret()) {
        let sent = envelope(version, Request::Welcome { typed: typed.clone() }).to_toml();
        let Ok(Envelope { request: Request::Welcome { typed: arrived }, .. }) = Envelope::parse(&sent) else {
            return Err(TestCaseError::fail(sent.to_string()));
        };
        prop_assert_eq!(arrived, typed);
    }

    #[test]
    fn a_reply_to_a_login_is_read_as_it_was_written(sent in login_reply()) {
        let module = Answered::<LoginReply>::parse(&sent).expect(&sent);
        prop_assert_eq!(&as_sent(Version::Unnamed, module), &sent);
        let newest = Answered::<Reply>::parse(&sent).expect(&sent).to_toml(Version::CURRENT).unwrap();
        let module = Answered::<LoginReply>::parse(&newest).expect(&newest);
        prop_assert_eq!(&as_sent(Version::CURRENT, module), &newest);
    }

    #[test]
    fn a_reply_to_the_tool_is_read_as_it_was_written(version in version(), sent in tool_reply()) {
        let read = Answered::<Reply>::parse(&sent).expect(&sent);
        prop_assert_eq!(read.to_toml(version), Some(sent));
    }

    #[test]
    fn a_failure_is_read_as_it_was_written(version in version(), failure in failure()) {
        let sent = Answered::Failed(failure.clone()).to_toml(version).unwrap();
        let Some(Answered::Failed(read)) = Answered::<LoginReply>::parse(&sent) else {
            return Err(TestCaseError::fail(sent.to_string()));
        };
        prop_assert_eq!(read, failure);
    }
}
