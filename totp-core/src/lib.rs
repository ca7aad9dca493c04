//! The domain of pam_totp: codes, credentials, login state, policy, throttle and the store.
//!
//! This library knows no PAM and no terminal. Its middle is [`login::judge`], a pure function; files,
//! clocks, locks and the client of the set-user-ID helper stand around it.
#![forbid(unsafe_code)]
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects
    )
)]

pub mod absence;
pub mod account;
pub mod answer;
pub mod clock;
pub mod credential;
pub mod desk;
pub mod event;
pub mod helper;
pub mod incident;
pub mod issued;
pub mod login;
pub mod mode_override;
pub mod name;
pub mod nsswitch;
pub mod operation;
pub mod otp;
pub mod otpauth;
pub mod pending;
pub mod policy;
pub mod qr;
pub mod random;
pub mod recovery;
pub mod secret;
pub mod source;
pub mod state;
pub mod store;
#[cfg(feature = "syslog")]
pub mod syslog;
pub mod throttle;
mod toml_file;

/// The policy of the system; another one can be named by root alone.
pub const POLICY_FILE: &str = "/etc/pam_totp/policy.toml";
