//! Settings that have no effect, or none any more.

use totp_core::clock::Timestamp;
use totp_core::policy::Policy;

/// A grace that is over.
pub fn grace(policy: &Policy, now: Timestamp) -> Option<String> {
    let day = policy.enrollment.grace_until.filter(|day| day.is_over(now))?;
    Some(format!(
        "enrollment.grace_until = {day} is over: set-up during login can no longer be skipped by it"
    ))
}

/// Invitations by mail that no login sends.
pub fn mail(policy: &Policy, has_command: bool) -> Option<&'static str> {
    let enrollment = &policy.enrollment;
    match (enrollment.mail_invitations, enrollment.needs_invitation, has_command) {
        (false, ..) | (true, true, true) => None,
        (true, false, _) => {
            Some("enrollment.mail_invitations has no effect without enrollment.needs_invitation")
        }
        (true, true, false) => Some(
            "enrollment.mail_invitations mails by the sendmail command, and there is none: install a mail system",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(text: &str) -> Policy {
        Policy::parse("policy.toml", text).expect(text)
    }

    #[test]
    fn a_grace_that_is_over_is_told() {
        let policy = policy("[enrollment]\ngrace_until = 2026-09-21\n");
        let day = 24 * 60 * 60;
        assert_eq!(grace(&policy, Timestamp(1_790_000_000)), None);
        assert!(grace(&policy, Timestamp(1_790_000_000 + day)).unwrap().contains("2026-09-21 is over"));
    }

    #[test]
    fn mail_that_no_login_sends_is_told() {
        let policy = |enrollment: &str| policy(&format!("[enrollment]\n{enrollment}\n"));
        let mails = policy("mail_invitations = true\nneeds_invitation = true");
        assert_eq!(mail(&mails, true), None);
        assert!(mail(&mails, false).unwrap().contains("install a mail system"));
        assert!(mail(&policy("mail_invitations = true"), true).unwrap().contains("no effect"));
        assert_eq!(mail(&policy("needs_invitation = true"), false), None);
    }
}
