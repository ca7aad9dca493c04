//! One request in, one answer out, both TOML.

use crate::operation::{Failure, Reply, Request};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// Longest request and answer, in bytes.
pub const LONGEST_MESSAGE: usize = 64 * 1024;

/// A request with whom it is about.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Envelope {
    /// The user. Anyone but root gets only their own name served.
    pub user: String,
    /// The PAM service; believed from root alone.
    pub service: String,
    /// PAM_RHOST as it was; believed from root alone.
    pub remote_host: Option<String>,
    /// What is asked.
    pub request: Request,
}

/// The helper's answer; a caller that asks but a few things names a type that knows their replies alone.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answered<R = Reply> {
    /// It was done.
    Done(R),
    /// It was not.
    Failed(Failure),
}

impl Envelope {
    /// As sent; `None` where it cannot be, as with a control character that TOML has no word for.
    #[must_use]
    pub fn to_toml(&self) -> Option<Zeroizing<String>> {
        toml::to_string(self).ok().map(Zeroizing::new)
    }

    /// Reads a request; the error says what is wrong and repeats none of it.
    ///
    /// # Errors
    /// A sentence.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        toml::from_str(text).map_err(|_| "the request is not one this helper knows")
    }
}

impl Answered {
    /// As sent.
    #[must_use]
    pub fn to_toml(&self) -> Option<Zeroizing<String>> {
        toml::to_string(self).ok().map(Zeroizing::new)
    }
}

impl<R: DeserializeOwned> Answered<R> {
    /// Reads an answer.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        toml::from_str(text).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Day;
    use crate::credential::DeviceName;
    use crate::issued::InvitationId;
    use crate::login::newcomer::{Grace, Welcome};
    use crate::login::{Factor, Reason, Refusal, Verdict};
    use crate::operation::{Begun, Confirmed, Found, Intent, Outlook, Probe, SessionStart};
    use crate::pending::Nonce;
    use crate::policy::Mode;

    fn envelope(request: Request) -> Envelope {
        Envelope { user: "alice".into(), service: "su".into(), remote_host: None, request }
    }

    #[test]
    fn requests_arrive_as_sent() {
        let nonce = Nonce::generate().unwrap();
        for request in [
            Request::Probe,
            Request::Judge {
                intent: Intent::Login,
                typed: Zeroizing::new("12 \u{1b}\"3\n".into()),
                second_try: false,
            },
            Request::Confirm { nonce, code: Zeroizing::new(String::new()) },
            Request::ForgetHosts,
            Request::Welcome { typed: Zeroizing::new("ABCD".into()) },
            Request::BeginAtLogin { nonce, invited: Some(InvitationId(u32::MAX)) },
            Request::BeginAtLogin { nonce, invited: None },
            Request::ProveAtLogin { nonce, code: Zeroizing::new("123456".into()) },
            Request::Outlook,
            Request::PutOff,
            Request::OpenSession { nonce: Some(nonce) },
            Request::OpenSession { nonce: None },
        ] {
            let sent = envelope(request).to_toml().unwrap();
            let arrived = Envelope::parse(&sent).unwrap();
            assert_eq!(*arrived.to_toml().unwrap(), *sent);
        }
    }

    #[test]
    fn answers_arrive_as_sent() {
        let refusal =
            Refusal { reason: Reason::UsedCode, wait: 5, may_tell: true, counted: true, recorded: true };
        let code = || Zeroizing::new("ABCD-EFGH".to_owned());
        for answered in [
            Answered::Done(Reply::Done),
            Answered::Done(Reply::Probed(Probe { overridden: None, found: Found::Code { digits: 6 } })),
            Answered::Done(Reply::Probed(Probe {
                overridden: Some(Mode::Disabled),
                found: Found::NotConfigured,
            })),
            Answered::Done(Reply::Welcome(Welcome::NotInvited)),
            Answered::Done(Reply::Welcome(Welcome::Accepted(Factor::TemporaryCode { left: 2 }))),
            Answered::Done(Reply::Welcome(Welcome::SetUp)),
            Answered::Done(Reply::Welcome(Welcome::Invited(InvitationId(7)))),
            Answered::Done(Reply::PutOff(Grace::Logins(3))),
            Answered::Done(Reply::Outlook(Outlook {
                grace: Day::parse("2027-01-31").map(Grace::Until),
                mailbox: Some("a...@example.org".into()),
                mailed_lately: false,
                handed_over: true,
            })),
            Answered::Done(Reply::Session(SessionStart::Activated)),
            Answered::Done(Reply::Judged(Verdict::Refused(refusal))),
            Answered::Done(Reply::Judged(Verdict::Accepted(Factor::RecoveryCode { left: 3 }))),
            Answered::Done(Reply::RecoveryCodes(vec![code(), code()])),
            Answered::Done(Reply::Confirmed(Confirmed {
                device: DeviceName::default(),
                recovery_codes: vec![code()],
            })),
            Answered::Done(Reply::Begun(Begun {
                nonce: Nonce::generate().unwrap(),
                device: DeviceName::default(),
                uri: code(),
                secret: code(),
            })),
            Answered::Failed(Failure::NotConfigured),
            Answered::Failed(Failure::Refused(refusal)),
            Answered::Failed(Failure::Unusable("no".into())),
        ] {
            let sent = answered.to_toml().unwrap();
            let arrived: Answered = Answered::parse(&sent).expect(&sent);
            assert_eq!(*arrived.to_toml().unwrap(), *sent);
        }
    }

    #[test]
    fn anything_else_is_refused_without_being_repeated() {
        for text in [
            "",
            "user = \"alice\"",
            "user = \"a\"\nservice = \"s\"\n[request]\nask = \"everything\"",
            "user = \"a\"\nservice = \"s\"\nroot = true\n[request]\nask = \"probe\"",
            "user = \"a\"\nservice = \"s\"\n[request]\nask = \"judge\"\nintent = \"login\"\nsecond_try = false\ntyped = 123456",
        ] {
            let error = Envelope::parse(text).err().expect(text);
            assert!(!error.contains("123456"));
        }
    }
}
