//! `admin policy check`: whether a policy can be used, and what in it deserves a look.
//!
//! One file a subject; each returns sentences, which [`findings`] puts in order.

mod names;
mod services;
mod sshd;
mod stacks;
mod timing;

use super::arguments::Check;
use super::layout;
use crate::admin::{mail, orphans};
use crate::exit::{Status, Stop};
use crate::stacks as pam;
use crate::terminal::Terminal;
use crate::text::printable;
use std::path::Path;
use totp_core::clock::Timestamp;
use totp_core::policy::{Policy, PolicyError, Superseded};

/// Checks the policy in force, at `path`, or the file that is named.
pub fn run(path: &Path, terminal: &Terminal, wanted: &Check) -> Result<(), Stop> {
    let in_force = path;
    let path = wanted.file.as_deref().unwrap_or(in_force);
    // A draft may lie anywhere until it is installed.
    let text = if wanted.as_installed || is_same(path, in_force) {
        Policy::read(path)?
    } else {
        Policy::read_draft(path)?
    };
    let policy = Policy::parse(&path.to_string_lossy(), &text).map_err(PolicyError::Invalid)?;
    let warnings = findings(&policy, &text);
    tell(terminal, &warnings);
    if !wanted.as_installed {
        let path = printable(&path.to_string_lossy());
        terminal.say(&match warnings.len() {
            0 => format!("{path}: the policy is good."),
            1 => format!("{path}: the policy is good, with 1 warning."),
            several => format!("{path}: the policy is good, with {several} warnings."),
        })?;
    }
    if wanted.strict && !warnings.is_empty() { Err(Stop::Told(Status::Refused)) } else { Ok(()) }
}

/// Whether both lead to one file: the policy in force is judged as a login judges it, by whatever name.
fn is_same(one: &Path, other: &Path) -> bool {
    one == other || one.canonicalize().is_ok_and(|one| other.canonicalize().is_ok_and(|other| one == other))
}

/// Writes warnings beside what a script reads.
pub fn tell(terminal: &Terminal, warnings: &[String]) {
    for warning in warnings {
        terminal.remark(&format!("warning: {}", printable(warning)));
    }
}

fn superseded(found: &Superseded) -> String {
    let Superseded { line, key, read_as } = found;
    format!(
        "line {line}: {key} is read as {read_as}: it no longer counts failures in a row, which each login ended, but guesses over time; rename it"
    )
}

/// What deserves a look in a policy that can be used, and in this host's PAM stacks under it.
pub fn findings(policy: &Policy, text: &str) -> Vec<String> {
    let states_at_login = layout::locate(text).contains_key("enrollment.at_login");
    let mut findings: Vec<_> = policy.superseded.iter().map(superseded).collect();
    findings.extend(names::unknown(policy, &names::SystemNames));
    findings.extend(timing::grace(policy, Timestamp::now()));
    findings.extend(timing::mail(policy, mail::command().is_some()).map(str::to_owned));
    let host = pam::read();
    findings.extend(services::findings(policy, states_at_login, &host));
    findings.extend(stacks::findings(&host));
    findings.extend(sshd::findings(policy, &host));
    findings.extend(host.troubles);
    findings.extend(orphans::findings(policy));
    findings
}
