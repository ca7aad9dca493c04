//! No panic crosses into the host program: sshd would die of it.

use crate::pam_log::PamLog;
use pamsm::{Pam, PamError};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;
use totp_core::event::{Event, EventLog as _, Level};

/// Runs an entry point; a panic in it is logged and denies.
pub(crate) fn deny_on_panic(pam: &Pam, entry_point: &str, body: impl FnOnce() -> PamError) -> PamError {
    run(body).unwrap_or_else(|| {
        let event = Event::new("fault").with("entry_point", &entry_point).with("reason", &"panic");
        PamLog::new(pam, false).event(Level::Error, &event);
        PamError::AUTHINFO_UNAVAIL
    })
}

fn run<T>(body: impl FnOnce() -> T) -> Option<T> {
    static QUIET: Once = Once::new();
    // The default hook writes to standard error, which may be a user's terminal or a socket. The hook is
    // that of this module's own copy of the standard library, not the host's.
    QUIET.call_once(|| std::panic::set_hook(Box::new(|_| {})));
    catch_unwind(AssertUnwindSafe(body)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_ends_at_the_guard() {
        assert_eq!(run(|| -> u8 { panic!("as a test") }), None);
        assert_eq!(run(|| 7), Some(7));
    }
}
