//! What the policy says: the settings of /etc/pam_totp/policy.toml as values.
//!
//! [`parse`](Policy::parse) reads them, and [`decide`](Policy::decide) says which mode counts for a login.

mod asks;
mod decide;
mod duration;
mod file;
mod parse;
mod refill;
mod rule;
mod service;

pub use asks::ModeRange;
pub use decide::{Decision, Fit, Ground, Membership, NoGroups, RuleKey, Subject};
pub use duration::{seconds as parse_span, write as write_span};
pub use file::{Exposure, Kind, PolicyError, Weakness};
pub use refill::Refill;
pub use rule::{Rule, RuleNetwork};
pub use service::{implied as implied_services, lists as lists_service};

use crate::clock::Day;
use crate::otp::Algorithm;
use crate::toml_file::FileError;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::{Path, PathBuf};

/// Stands for every service in `services`.
pub const EVERY_SERVICE: &str = "*";

/// Whether a user needs a code. The order is that of strictness.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Nobody is asked.
    Disabled,
    /// A code is asked for from those who are set up.
    #[default]
    Optional,
    /// A code is asked for; who is not set up must set it up, or is denied.
    Required,
}

impl Mode {
    /// Every mode with its name in the policy.
    pub const NAMES: [(&'static str, Self); 3] =
        [("required", Self::Required), ("optional", Self::Optional), ("disabled", Self::Disabled)];

    /// The name in the policy.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Required => "required",
            Self::Optional => "optional",
            Self::Disabled => "disabled",
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// `[totp]`: the codes of devices set up from now on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Totp {
    /// Digits of a code, 6 to 8.
    pub digits: u8,
    /// Seconds a step lasts, 5 to 300.
    pub interval: u16,
    /// Steps accepted on either side, 0 to 10 (RFC 6238 5.2).
    pub window: u8,
    /// The hash in the HMAC.
    pub algorithm: Algorithm,
    /// The name an app shows; `{hostname}` stands for the host's.
    pub issuer: String,
}

/// How a QR code without colours is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum QrStyle {
    /// For a dark terminal.
    #[default]
    Dark,
    /// For a light terminal.
    Light,
    /// In ASCII, twice as large.
    Ascii,
    /// Not at all.
    None,
}

impl QrStyle {
    /// Every style with its name in the policy.
    pub const NAMES: [(&'static str, Self); 4] =
        [("dark", Self::Dark), ("light", Self::Light), ("ascii", Self::Ascii), ("none", Self::None)];

    /// The name in the policy.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Dark => "dark",
            Self::Light => "light",
            Self::Ascii => "ascii",
            Self::None => "none",
        }
    }
}

/// `[enrollment]`: what users may do for themselves, and how those are brought to it who must.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enrollment {
    /// Set up a first device and further ones.
    pub enroll: bool,
    /// Renew secrets and recovery codes.
    pub renew: bool,
    /// Remove devices and the whole set-up.
    pub unset: bool,
    /// See a secret again.
    pub show: bool,
    /// Services that set an unconfigured, required user up during login.
    pub at_login: Vec<String>,
    /// Whether a first set-up takes an invitation.
    pub needs_invitation: bool,
    /// Whether a login that needs an invitation mails one, where an address is known.
    pub mail_invitations: bool,
    /// How a plain QR code is drawn.
    pub qr: QrStyle,
    /// How often a user may skip set-up during login, 0 to 1,000,000.
    pub grace_logins: u32,
    /// Until then it may always be skipped.
    pub grace_until: Option<Day>,
}

impl Enrollment {
    /// Whether `service` sets users up during login, as far as the policy is concerned.
    #[must_use]
    pub fn is_at_login(&self, service: &str) -> bool {
        lists_service(&self.at_login, service)
    }
}

/// `[throttle]`: how failures slow down guessing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Throttle {
    /// Failures of one source without a delay, 0 to 1,000,000.
    pub free_failures: u32,
    /// Seconds of the first delay, 1 to 3,600; it doubles with each further failure.
    pub base_delay: u64,
    /// Seconds of the longest delay, up to a day.
    pub max_delay: u64,
    /// What all strangers have together: `budget` and `refill`.
    pub budget: Budget,
    /// What this machine has, and, once more, all addresses together that logged in within 30 days: `known_budget`
    /// and `known_refill`.
    pub known_budget: Budget,
}

/// How many guesses are judged over time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// As many at once, 1 to 1,000,000.
    pub guesses: u32,
    /// As many more as time goes on.
    pub refill: Refill,
}

/// The whole policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// For everyone whom no override and no rule names.
    pub mode: Mode,
    /// The services that `mode` is for; elsewhere it is disabled. `*` is every service. What a list of services
    /// means is said by [`lists_service`].
    pub services: Vec<String>,
    /// `[totp]`
    pub totp: Totp,
    /// `[enrollment]`
    pub enrollment: Enrollment,
    /// `[throttle]`
    pub throttle: Throttle,
    /// `[remember] hosts_for`: seconds in which an address is not asked again; 0 always asks.
    pub remember_hosts_for: u64,
    /// `[recovery] codes`: how many are drawn at set-up, 0 to 20.
    pub recovery_codes: u8,
    /// `[prompt] code`
    pub prompt: String,
    /// `[ssh] refuse_key_only`: whether a required user who was asked for no code is denied in sshd.
    pub refuse_key_only: bool,
    /// `[store] directory`
    pub store: PathBuf,
    /// `[[rule]]`: the first that matches counts.
    pub rules: Vec<Rule>,
    /// Keys of earlier versions that are set. They count, and `policy check` says what to write instead.
    pub superseded: Vec<Superseded>,
}

/// A key of an earlier version that a policy sets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Superseded {
    /// The line it stands in, from 1.
    pub line: usize,
    /// The key, with its table.
    pub key: &'static str,
    /// The key it is read as.
    pub read_as: &'static str,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            mode: Mode::default(),
            services: vec![EVERY_SERVICE.to_owned()],
            totp: Totp {
                digits: 6,
                interval: 30,
                window: 1,
                algorithm: Algorithm::default(),
                issuer: "{hostname}".to_owned(),
            },
            enrollment: Enrollment {
                enroll: true,
                renew: true,
                unset: true,
                show: false,
                at_login: vec!["sshd".to_owned(), "login".to_owned()],
                needs_invitation: false,
                mail_invitations: false,
                qr: QrStyle::default(),
                grace_logins: 0,
                grace_until: None,
            },
            throttle: Throttle {
                free_failures: 3,
                base_delay: 5,
                max_delay: 15 * 60,
                budget: Budget { guesses: 100, refill: Refill { per_day: 10 } },
                known_budget: Budget { guesses: 60, refill: Refill { per_day: 6 } },
            },
            remember_hosts_for: 0,
            recovery_codes: 10,
            prompt: "Verification code: ".to_owned(),
            refuse_key_only: false,
            store: PathBuf::from("/var/lib/pam_totp"),
            rules: Vec::new(),
            superseded: Vec::new(),
        }
    }
}

impl Policy {
    /// Reads and checks the policy at `path`.
    ///
    /// # Errors
    /// [`PolicyError`] where it is missing, not a regular file, larger than 256 KiB, or does not check, and where
    /// others than root and this process's own user could have written it.
    pub fn load(path: &Path) -> Result<Self, PolicyError> {
        let text = Self::read(path)?;
        Self::parse(&path.to_string_lossy(), &text).map_err(PolicyError::Invalid)
    }

    /// Reads the policy's text at `path` and does not check it.
    ///
    /// # Errors
    /// [`PolicyError::Unreadable`] where it is missing, not a regular file, not valid UTF-8, or larger than
    /// 256 KiB; [`PolicyError::Exposed`] where others than root and this process's own user can write the file
    /// or a directory on the way to it, or own one of them or a link there.
    pub fn read(path: &Path) -> Result<String, PolicyError> {
        file::read(path)
    }

    /// Reads a text that is not in force yet, whoever can write it, and does not check it.
    ///
    /// # Errors
    /// [`PolicyError::Unreadable`], as [`read`](Self::read).
    pub fn read_draft(path: &Path) -> Result<String, PolicyError> {
        file::read_draft(path)
    }

    /// Checks a policy's text; `file` is its name in errors.
    ///
    /// # Errors
    /// [`FileError`] for an unknown key, a wrong type, a value out of range, and for whatever this
    /// version cannot do.
    pub fn parse(file: &str, text: &str) -> Result<Self, FileError> {
        parse::parse(file, text)
    }

    /// Whether `mode` is for this service, as `services` says.
    fn is_for(&self, service: &str) -> bool {
        self.services.iter().any(|listed| listed == EVERY_SERVICE) || lists_service(&self.services, service)
    }
}
