//! Requests. Whatever of one is not known, it is refused: see the rules of the [protocol](super).

use super::reading::{Keys, Named, secret, version};
use super::writing::Writer;
use super::{Envelope, Version};
use crate::clock::Timestamp;
use crate::credential::DeviceName;
use crate::issued::InvitationId;
use crate::operation::{Intent, Purpose, Request};
use crate::pending::Nonce;
use crate::toml_file::{Entry, Text, push_quoted};
use zeroize::Zeroizing;

/// What a helper says of a request that it does not know; helpers from before versions say it of any that names one.
pub(in crate::helper) const UNKNOWN_REQUEST: &str = "the request is not one this helper knows";
/// What it says of one that is newer than itself.
const NEWER: &str = "the request has a version this totp-helper does not know: the program that asks is newer; install both from the same release";

const INTENTS: [(&str, Intent); 2] = [("login", Intent::Login), ("verify", Intent::Verify)];
const PURPOSES: [(&str, Purpose); 3] =
    [("first", Purpose::First), ("further", Purpose::Further), ("renewal", Purpose::Renewal)];

impl Envelope {
    /// As sent. Wiped when dropped.
    #[must_use]
    pub fn to_toml(&self) -> Zeroizing<String> {
        let mut to = Writer::new(self.version, push_quoted);
        if let Some(number) = to.version().number() {
            to.bare("version", &number);
        }
        to.string("user", &self.user);
        to.string("service", &self.service);
        to.string_if_any("remote_host", self.remote_host.as_deref());
        to.table("request", |to| write(&self.request, to));
        to.finish()
    }

    /// Reads a request; the error says what is wrong and repeats none of it.
    ///
    /// # Errors
    /// A sentence.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let document = Text::secret("", text).parse().map_err(|_| UNKNOWN_REQUEST)?;
        let mut keys = Keys::of(document.entries());
        // First: what a newer version says otherwise is not known here.
        let version = match version(keys.take("version")).ok_or(UNKNOWN_REQUEST)? {
            Named::Known(version) => version,
            Named::Newer => return Err(NEWER),
        };
        Self::read(version, keys).ok_or(UNKNOWN_REQUEST)
    }

    fn read(version: Version, mut keys: Keys<'_>) -> Option<Self> {
        let envelope = Self {
            version,
            user: keys.string("user")?.to_owned(),
            service: keys.string("service")?.to_owned(),
            remote_host: keys.optional("remote_host", |entry| entry.string().ok().map(str::to_owned))?,
            request: read(Keys::within(keys.take("request")?)?)?,
        };
        keys.end().map(|()| envelope)
    }
}

fn write(request: &Request, to: &mut Writer) {
    let ask = match request {
        Request::Probe => "probe",
        Request::Judge { .. } => "judge",
        Request::Status => "status",
        Request::Begin { .. } => "begin",
        Request::Confirm { .. } => "confirm",
        Request::Abandon { .. } => "abandon",
        Request::Show { .. } => "show",
        Request::RemoveDevice { .. } => "remove-device",
        Request::Unset { .. } => "unset",
        Request::RenewRecovery { .. } => "renew-recovery",
        Request::ForgetHosts => "forget-hosts",
        Request::Welcome { .. } => "welcome",
        Request::BeginAtLogin { .. } => "begin-at-login",
        Request::ProveAtLogin { .. } => "prove-at-login",
        Request::Outlook => "outlook",
        Request::PutOff => "put-off",
        Request::OpenSession { .. } => "open-session",
        Request::Acknowledge { .. } => "acknowledge",
    };
    to.string("ask", ask);
    write_keys(request, to);
}

fn write_keys(request: &Request, to: &mut Writer) {
    match request {
        Request::Probe | Request::Status | Request::ForgetHosts | Request::Outlook | Request::PutOff => {}
        Request::Judge { intent, typed, second_try } => {
            to.string("intent", word_of(&INTENTS, *intent));
            to.string("typed", typed);
            to.bare("second_try", &second_try);
        }
        Request::Begin { purpose, device, code } => {
            to.string("purpose", word_of(&PURPOSES, *purpose));
            to.string_if_any("device", device.as_ref().map(DeviceName::as_str));
            to.string_if_any("code", code.as_ref().map(|code| code.as_str()));
        }
        Request::Confirm { nonce, code } | Request::ProveAtLogin { nonce, code } => {
            to.string("nonce", &nonce.to_string());
            to.string("code", code);
        }
        Request::Abandon { nonce } => to.string("nonce", &nonce.to_string()),
        Request::Show { device, code } => {
            to.string_if_any("device", device.as_ref().map(DeviceName::as_str));
            to.string("code", code);
        }
        Request::RemoveDevice { device, code } => {
            to.string("device", device.as_str());
            to.string("code", code);
        }
        Request::Unset { code } | Request::RenewRecovery { code } => to.string("code", code),
        Request::Welcome { typed } => to.string("typed", typed),
        Request::BeginAtLogin { nonce, invited } => {
            to.string("nonce", &nonce.to_string());
            if let Some(InvitationId(invitation)) = invited {
                to.bare("invited", &invitation);
            }
        }
        Request::OpenSession { nonce } => {
            to.string_if_any("nonce", nonce.map(|nonce| nonce.to_string()).as_deref())
        }
        Request::Acknowledge { count, latest } => {
            to.bare("count", count);
            to.bare("latest", &latest.0);
        }
    }
}

fn read(mut keys: Keys<'_>) -> Option<Request> {
    let request = match keys.string("ask")? {
        "probe" => Request::Probe,
        "judge" => Request::Judge {
            intent: keys.take("intent")?.choice(&INTENTS).ok()?,
            typed: keys.secret("typed")?,
            second_try: keys.boolean("second_try")?,
        },
        "status" => Request::Status,
        "begin" => Request::Begin {
            purpose: keys.take("purpose")?.choice(&PURPOSES).ok()?,
            device: keys.optional("device", device)?,
            code: keys.optional("code", secret)?,
        },
        "confirm" => Request::Confirm { nonce: nonce(keys.take("nonce")?)?, code: keys.secret("code")? },
        "abandon" => Request::Abandon { nonce: nonce(keys.take("nonce")?)? },
        "show" => Request::Show { device: keys.optional("device", device)?, code: keys.secret("code")? },
        "remove-device" => {
            Request::RemoveDevice { device: device(keys.take("device")?)?, code: keys.secret("code")? }
        }
        "unset" => Request::Unset { code: keys.secret("code")? },
        "renew-recovery" => Request::RenewRecovery { code: keys.secret("code")? },
        "forget-hosts" => Request::ForgetHosts,
        "welcome" => Request::Welcome { typed: keys.secret("typed")? },
        "begin-at-login" => Request::BeginAtLogin {
            nonce: nonce(keys.take("nonce")?)?,
            invited: keys.optional("invited", |entry| entry.integer(0..=u32::MAX).ok().map(InvitationId))?,
        },
        "prove-at-login" => {
            Request::ProveAtLogin { nonce: nonce(keys.take("nonce")?)?, code: keys.secret("code")? }
        }
        "outlook" => Request::Outlook,
        "put-off" => Request::PutOff,
        "acknowledge" => Request::Acknowledge {
            count: keys.integer("count", 0..=u32::MAX)?,
            latest: Timestamp(keys.integer("latest", 0..=u64::MAX)?),
        },
        "open-session" => Request::OpenSession { nonce: keys.optional("nonce", nonce)? },
        _ => return None,
    };
    keys.end().map(|()| request)
}

fn word_of<T: PartialEq>(words: &[(&'static str, T)], meant: T) -> &'static str {
    words.iter().find(|(_, meaning)| *meaning == meant).map_or("", |(word, _)| word)
}

fn device(entry: Entry<'_>) -> Option<DeviceName> {
    DeviceName::new(entry.string().ok()?)
}

fn nonce(entry: Entry<'_>) -> Option<Nonce> {
    entry.string().ok()?.parse().ok()
}
