//! A set-up under way: from the drawing of a secret until its first code, it ends whole or not at all.
//!
//! Whatever ends the run in between, an error or a signal, abandons it, so that nothing half-made stays.

use crate::exit::{Status, Stop, say_to_stderr};
use crate::session::Session;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use totp_core::credential::DeviceName;
use totp_core::operation::{Begun, Confirmed, Purpose, Request};
use totp_core::pending::Nonce;
use zeroize::Zeroizing;

#[derive(Clone, Copy)]
enum Stage {
    /// Nothing is pending.
    Idle,
    /// This one is.
    Pending(Nonce),
    /// It counts now, and what it gave is being printed.
    Done,
}

/// Held from before the first question to the end.
pub struct Underway {
    session: Arc<Session>,
    stage: Arc<Mutex<Stage>>,
    nothing: &'static str,
}

impl Underway {
    /// Watches for Ctrl-C, SIGTERM and SIGHUP from now on; `nothing` says what an interruption leaves as
    /// it was.
    pub fn watch(session: Session, nothing: &'static str) -> Result<Self, Stop> {
        let session = Arc::new(session);
        let stage = Arc::new(Mutex::new(Stage::Idle));
        let watched = (Arc::clone(&session), Arc::clone(&stage));
        ctrlc::set_handler(move || interrupted(&watched.0, &watched.1, nothing)).map_err(Stop::Signals)?;
        Ok(Self { session, stage, nothing })
    }

    /// The session.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// What an end now leaves as it was.
    pub fn nothing(&self) -> &'static str {
        self.nothing
    }

    /// Draws a secret and keeps it pending.
    pub fn begin(
        &self,
        purpose: Purpose,
        device: Option<DeviceName>,
        code: Option<Zeroizing<String>>,
    ) -> Result<Begun, Stop> {
        let mut stage = lock(&self.stage);
        let begun = self.session.begun(Request::Begin { purpose, device, code })?;
        *stage = Stage::Pending(begun.nonce);
        Ok(begun)
    }

    /// Proves the device and makes it count.
    pub fn confirm(&self, nonce: Nonce, code: Zeroizing<String>) -> Result<Confirmed, Stop> {
        // Held meanwhile, so that a signal finds it either pending or done.
        let mut stage = lock(&self.stage);
        let confirmed = self.session.confirmed(Request::Confirm { nonce, code })?;
        *stage = Stage::Done;
        Ok(confirmed)
    }
}

impl Drop for Underway {
    fn drop(&mut self) {
        abandon(&self.session, &mut lock(&self.stage));
    }
}

fn interrupted(session: &Session, stage: &Mutex<Stage>, nothing: &str) {
    let mut stage = lock(stage);
    if matches!(*stage, Stage::Done) {
        // Too late to stop: the recovery codes are on their way to the screen and come only once.
        return;
    }
    abandon(session, &mut stage);
    say_to_stderr(&format!("\ntotp-enroll: interrupted; {nothing}"));
    std::process::exit(Status::Interrupted as i32);
}

fn abandon(session: &Session, stage: &mut Stage) {
    if let Stage::Pending(nonce) = *stage {
        // Where this fails, it is dead in 15 minutes and counts for nothing until then.
        let _ = session.done(Request::Abandon { nonce });
        *stage = Stage::Idle;
    }
}

fn lock(stage: &Mutex<Stage>) -> MutexGuard<'_, Stage> {
    stage.lock().unwrap_or_else(PoisonError::into_inner)
}
