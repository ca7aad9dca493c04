//! The log through pam_syslog(3), which adds module, service and facility AUTHPRIV.

use pamsm::{LogLvl, Pam, PamLibExt as _};
use totp_core::event::{EventLog, Level};

/// The log of one PAM handle.
pub(crate) struct PamLog<'p> {
    pam: &'p Pam,
    debug: bool,
}

impl<'p> PamLog<'p> {
    pub(crate) fn new(pam: &'p Pam, debug: bool) -> Self {
        Self { pam, debug }
    }
}

impl EventLog for PamLog<'_> {
    fn write(&self, level: Level, line: &str) {
        let level = match level {
            Level::Debug if !self.debug => return,
            Level::Debug => LogLvl::DEBUG,
            Level::Info => LogLvl::INFO,
            Level::Notice => LogLvl::NOTICE,
            Level::Warning => LogLvl::WARNING,
            Level::Error => LogLvl::ERR,
        };
        // A line that cannot be logged must not change a verdict.
        let _ = self.pam.syslog(level, line);
    }
}
