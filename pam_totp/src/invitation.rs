//! Has totp-enroll mail an invitation: messages and sendmail are no business of a login program.

use crate::login::Login;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::{AccessFlags, Pid, eaccess};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use totp_core::account::Account;
use totp_core::event::{EventLog as _, Level};

/// Where totp-enroll is installed. Compiled in: a path from the environment would be the caller's choice.
const TOOL: &str = match option_env!("PAM_TOTP_TOOL") {
    Some(path) => path,
    None => "/usr/bin/totp-enroll",
};
/// How long the mail system may take to accept a message.
const LONGEST_CALL: Duration = Duration::from_secs(20);
/// Between two looks at whether it has.
const BETWEEN_LOOKS: Duration = Duration::from_millis(20);

/// Mails an invitation to the address that is known of this user. Whether that worked is in the store: a host
/// may reap children or ignore SIGCHLD, so that no exit status can be relied on.
pub(crate) fn mail(login: &Login<'_>, account: &Account) {
    let mut tool = Command::new(TOOL);
    if let Some(policy) = &login.arguments.policy {
        tool.arg("--policy").arg(policy);
    }
    let tool = tool
        .args(["admin", "invite", "--at-login", "--", account.name.as_str()])
        .env_clear()
        .current_dir("/")
        // Root in a set-user-ID program: the tool is to be root's, not the caller's.
        .uid(0)
        // A group of its own: what is typed at the caller's terminal ends neither it nor the mail system's
        // command, and both end together.
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    // The standard library panics where a program cannot be started and the host ignores SIGCHLD: there is no
    // child left to wait for. What this does not see ends at the guard of the entry points.
    let started = eaccess(TOOL, AccessFlags::X_OK).map_err(Into::into).and_then(|()| tool.spawn());
    let mut child = match started {
        Ok(child) => child,
        Err(error) => {
            let event = login.event("invite", "failed", &format!("{TOOL}: {error}"));
            login.log.event(Level::Error, &event);
            return;
        }
    };
    let deadline = Instant::now().checked_add(LONGEST_CALL);
    while let Ok(None) = child.try_wait() {
        if deadline.is_none_or(|deadline| Instant::now() >= deadline) {
            end(&child);
            let _ = child.wait();
            login
                .log
                .event(Level::Error, &login.event("invite", "failed", "the mail system does not answer"));
            return;
        }
        std::thread::sleep(BETWEEN_LOOKS);
    }
}

/// Ends the tool and what it started: a command of the mail system that hangs would stay behind as root.
fn end(tool: &Child) {
    if let Ok(group) = i32::try_from(tool.id()) {
        let _ = killpg(Pid::from_raw(group), Signal::SIGKILL);
    }
}
