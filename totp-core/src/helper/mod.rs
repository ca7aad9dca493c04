//! The two sides of totp-helper: what goes over its socket, and the client that starts it.

mod client;
mod protocol;

pub use client::{call, ensure_installed};
pub use protocol::{Answered, Envelope, LONGEST_MESSAGE, Version};

/// Where totp-helper is installed. Compiled in: a path from the environment would be the caller's choice.
pub const HELPER: &str = match option_env!("PAM_TOTP_HELPER") {
    Some(path) => path,
    None => "/usr/libexec/pam_totp/totp-helper",
};
