//! Log lines to syslog(3), facility AUTHPRIV, for programs that have no PAM handle to log through.

use crate::event::{EventLog, Level};
use std::sync::Mutex;
use syslog::{Facility, Formatter3164, Logger, LoggerBackend};

/// A connection to the system's log; where there is no log daemon, lines are lost, as with syslog(3).
pub struct Syslog {
    logger: Mutex<Option<Logger<LoggerBackend, Formatter3164>>>,
}

impl Syslog {
    /// Connects; lines carry the name of `process`.
    #[must_use]
    pub fn open(process: &str) -> Self {
        let formatter = Formatter3164 {
            facility: Facility::LOG_AUTHPRIV,
            hostname: None,
            process: process.to_owned(),
            pid: std::process::id(),
        };
        Self { logger: Mutex::new(syslog::unix(formatter).ok()) }
    }
}

impl EventLog for Syslog {
    fn write(&self, level: Level, line: &str) {
        let Ok(mut logger) = self.logger.lock() else { return };
        if let Some(logger) = logger.as_mut() {
            let _ = match level {
                Level::Debug => logger.debug(line),
                Level::Info => logger.info(line),
                Level::Notice => logger.notice(line),
                Level::Warning => logger.warning(line),
                Level::Error => logger.err(line),
            };
        }
    }
}
