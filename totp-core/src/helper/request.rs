//! A request as it is sent, written key by key: the module sends some, and would carry the toml crate's
//! serializer for them.

use super::{Envelope, LONGEST_MESSAGE};
use crate::credential::DeviceName;
use crate::issued::InvitationId;
use crate::operation::{Intent, Purpose, Request};
use crate::pending::Nonce;
use crate::toml_file::push_quoted;
use std::fmt::{Display, Write as _};
use zeroize::Zeroizing;

impl Envelope {
    /// As sent. Wiped when dropped.
    #[must_use]
    pub fn to_toml(&self) -> Zeroizing<String> {
        // Sized beforehand: a text that grows leaves pieces of codes behind. One that outgrows this is not sent.
        let mut keys = Keys(Zeroizing::new(String::with_capacity(LONGEST_MESSAGE)));
        keys.string("user", &self.user).string("service", &self.service);
        keys.string_if_any("remote_host", self.remote_host.as_deref());
        keys.0.push_str("\n[request]\n");
        match &self.request {
            Request::Probe => keys.ask("probe"),
            Request::Judge { intent, typed, second_try } => {
                keys.ask("judge").string("intent", intent_word(*intent)).string("typed", typed);
                keys.bare("second_try", second_try)
            }
            Request::Status => keys.ask("status"),
            Request::Begin { purpose, device, code } => {
                keys.ask("begin").string("purpose", purpose_word(*purpose));
                keys.string_if_any("device", device.as_ref().map(DeviceName::as_str));
                keys.string_if_any("code", code.as_ref().map(|code| code.as_str()))
            }
            Request::Confirm { nonce, code } => keys.ask("confirm").nonce(nonce).code(code),
            Request::Abandon { nonce } => keys.ask("abandon").nonce(nonce),
            Request::Show { device, code } => {
                keys.ask("show").string_if_any("device", device.as_ref().map(DeviceName::as_str)).code(code)
            }
            Request::RemoveDevice { device, code } => {
                keys.ask("remove-device").string("device", device.as_str()).code(code)
            }
            Request::Unset { code } => keys.ask("unset").code(code),
            Request::RenewRecovery { code } => keys.ask("renew-recovery").code(code),
            Request::ForgetHosts => keys.ask("forget-hosts"),
            Request::Welcome { typed } => keys.ask("welcome").string("typed", typed),
            Request::BeginAtLogin { nonce, invited } => {
                keys.ask("begin-at-login").nonce(nonce);
                match invited {
                    Some(InvitationId(invitation)) => keys.bare("invited", invitation),
                    None => &mut keys,
                }
            }
            Request::ProveAtLogin { nonce, code } => keys.ask("prove-at-login").nonce(nonce).code(code),
            Request::Acknowledge { count, latest } => {
                keys.ask("acknowledge").bare("count", count).bare("latest", &latest.0)
            }
            Request::Outlook => keys.ask("outlook"),
            Request::PutOff => keys.ask("put-off"),
            Request::OpenSession { nonce } => {
                keys.ask("open-session");
                match nonce {
                    Some(nonce) => keys.nonce(nonce),
                    None => &mut keys,
                }
            }
        };
        keys.0
    }
}

fn intent_word(intent: Intent) -> &'static str {
    match intent {
        Intent::Login => "login",
        Intent::Verify => "verify",
    }
}

fn purpose_word(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::First => "first",
        Purpose::Further => "further",
        Purpose::Renewal => "renewal",
    }
}

/// The keys written so far.
struct Keys(Zeroizing<String>);

impl Keys {
    fn string(&mut self, key: &str, value: &str) -> &mut Self {
        self.0.push_str(key);
        self.0.push_str(" = ");
        push_quoted(&mut self.0, value);
        self.0.push('\n');
        self
    }

    fn string_if_any(&mut self, key: &str, value: Option<&str>) -> &mut Self {
        match value {
            Some(value) => self.string(key, value),
            None => self,
        }
    }

    /// A number, `true` or `false`.
    fn bare(&mut self, key: &str, value: &dyn Display) -> &mut Self {
        // Writing to a String cannot fail.
        let _ = writeln!(self.0, "{key} = {value}");
        self
    }

    fn ask(&mut self, what: &str) -> &mut Self {
        self.string("ask", what)
    }

    fn nonce(&mut self, nonce: &Nonce) -> &mut Self {
        self.string("nonce", &nonce.to_string())
    }

    fn code(&mut self, code: &str) -> &mut Self {
        self.string("code", code)
    }
}
