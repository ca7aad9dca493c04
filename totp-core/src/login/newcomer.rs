//! What a user may do who needs a code and is not set up: log in with a temporary code, set up, or put it off.
//!
//! Pure functions, as [`judge`](super::judge) is. Whether a login can set a user up at all, with a first
//! factor and a stack that finishes it, is the module's to know.

use super::Factor;
use crate::answer::Answer;
use crate::clock::{Day, Timestamp};
use crate::issued::{Invitation, InvitationId};
use crate::policy::Policy;
use crate::state::State;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Seconds in which no second invitation is mailed by a login: whoever knows a password could otherwise
/// fill the mailbox.
pub const BETWEEN_MAILS: u64 = 10 * 60;

/// What the answer of a newcomer opens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Welcome {
    /// A temporary code: the login passes.
    Accepted(Factor),
    /// Set-up, by this invitation.
    Invited(InvitationId),
    /// Set-up, which takes no invitation here.
    SetUp,
    /// Set-up takes an invitation, and this is none. The account phase may still ask for it.
    NotInvited,
}

/// How set-up may be put off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", try_from = "GraceKeys")]
pub enum Grace {
    /// As often as one likes, through this day.
    Until(Day),
    /// So many times.
    Logins(u32),
}

/// As the tool reads it in a status: what a newer helper says beside it is ignored.
#[derive(Deserialize)]
struct GraceKeys {
    until: Option<Day>,
    logins: Option<u32>,
}

impl TryFrom<GraceKeys> for Grace {
    type Error = &'static str;

    fn try_from(keys: GraceKeys) -> Result<Self, Self::Error> {
        match keys {
            GraceKeys { until: Some(day), logins: None } => Ok(Self::Until(day)),
            GraceKeys { until: None, logins: Some(logins) } => Ok(Self::Logins(logins)),
            _ => Err("neither a day nor a number of logins"),
        }
    }
}

impl fmt::Display for Grace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Until(day) => write!(f, "until {day}"),
            Self::Logins(0) => f.write_str("for no further login"),
            Self::Logins(1) => f.write_str("for one more login"),
            Self::Logins(logins) => write!(f, "for {logins} more logins"),
        }
    }
}

/// How this user may put set-up off; `None` where they may not any more.
#[must_use]
pub fn grace(policy: &Policy, state: &State, now: Timestamp) -> Option<Grace> {
    let enrollment = &policy.enrollment;
    let until = enrollment.grace_until.filter(|day| !day.is_over(now)).map(Grace::Until);
    until.or_else(|| {
        let left = enrollment.grace_logins.saturating_sub(state.graces_used);
        (left > 0).then_some(Grace::Logins(left))
    })
}

/// Puts set-up off once and returns what is left after that; `None` where it may not be.
#[must_use]
pub fn put_off(policy: &Policy, state: &mut State, now: Timestamp) -> Option<Grace> {
    match grace(policy, state, now)? {
        Grace::Until(day) => Some(Grace::Until(day)),
        Grace::Logins(left) => {
            state.graces_used = state.graces_used.saturating_add(1);
            Some(Grace::Logins(left.saturating_sub(1)))
        }
    }
}

/// The address that a login would mail an invitation to.
#[must_use]
pub fn mailbox<'s>(policy: &Policy, state: &'s State) -> Option<&'s str> {
    let wanted = policy.enrollment.needs_invitation && policy.enrollment.mail_invitations;
    state.mail.as_deref().filter(|_| wanted)
}

/// Judges the answer of a user without a credential, whose state this is. Only a temporary code changes
/// the state; an invitation is spent when the set-up counts.
#[must_use]
pub fn welcome(policy: &Policy, mut state: State, answer: &Answer, now: Timestamp) -> (Welcome, State) {
    if let Answer::Recovery(code) = answer {
        if let Some(left) = state.spend_temporary(code, now) {
            return (Welcome::Accepted(Factor::TemporaryCode { left }), state);
        }
        if let Some(invitation) = invitation(&state, code, now) {
            return (Welcome::Invited(invitation), state);
        }
    }
    let welcome = if policy.enrollment.needs_invitation { Welcome::NotInvited } else { Welcome::SetUp };
    (welcome, state)
}

/// The invitation of this user, if `typed` (sixteen Base32 capitals) is it.
#[must_use]
pub fn invitation(state: &State, typed: &str, now: Timestamp) -> Option<InvitationId> {
    state.invitation.as_ref().filter(|invitation| invitation.code.is(typed, now)).map(Invitation::id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::issued::{Handover, Issued, TemporaryCode};

    const NOON: Timestamp = Timestamp(1_790_000_010);

    fn policy(enrollment: &str) -> Policy {
        Policy::parse("policy.toml", &format!("mode = \"required\"\n[enrollment]\n{enrollment}\n")).unwrap()
    }

    fn answers(policy: &Policy, state: &State, typed: &str) -> Welcome {
        let (welcome, next) = welcome(policy, state.clone(), &Answer::parse(typed.as_bytes()), NOON);
        if !matches!(welcome, Welcome::Accepted(_)) {
            assert_eq!(next, *state, "only a temporary code is spent");
        }
        welcome
    }

    fn invited() -> (State, String) {
        let (code, printed) = Issued::draw(NOON, 60).unwrap();
        let invitation = Some(Invitation { code, handover: Handover::ByHand });
        (State { invitation, ..State::default() }, printed.to_string())
    }

    #[test]
    fn where_no_invitation_is_needed_any_answer_leads_to_set_up() {
        for typed in ["", "123456", "hunter2", "AAAA-BBBB-CCCC-DDDD"] {
            assert_eq!(answers(&policy(""), &State::default(), typed), Welcome::SetUp, "{typed}");
        }
    }

    #[test]
    fn where_one_is_needed_only_it_leads_to_set_up() {
        let policy = policy("needs_invitation = true");
        let (state, code) = invited();
        for typed in ["", "123456", "AAAA-BBBB-CCCC-DDDD"] {
            assert_eq!(answers(&policy, &state, typed), Welcome::NotInvited, "{typed}");
        }
        assert!(matches!(answers(&policy, &state, &code.to_lowercase()), Welcome::Invited(_)));
        let late = Answer::parse(code.as_bytes());
        let (welcome, _) = welcome(&policy, state, &late, NOON.plus(60));
        assert_eq!(welcome, Welcome::NotInvited);
    }

    #[test]
    fn an_invitation_is_mailed_where_one_is_needed_that_is_on_and_an_address_is_known() {
        let state = State { mail: Some("alice@example.org".into()), ..State::default() };
        let mails = "needs_invitation = true\nmail_invitations = true";
        assert_eq!(mailbox(&policy(mails), &state), Some("alice@example.org"));
        assert_eq!(mailbox(&policy(mails), &State::default()), None);
        assert_eq!(mailbox(&policy("needs_invitation = true"), &state), None);
        assert_eq!(mailbox(&policy("mail_invitations = true"), &state), None);
    }

    #[test]
    fn a_temporary_code_passes_as_often_as_it_was_made_for() {
        let (code, printed) = Issued::draw(NOON, 60).unwrap();
        let mut state = State { temporary: Some(TemporaryCode { code, uses_left: 2 }), ..State::default() };
        for left in [1, 0] {
            let answer = Answer::parse(printed.as_bytes());
            let (welcome, next) = welcome(&policy("needs_invitation = true"), state, &answer, NOON);
            assert_eq!(welcome, Welcome::Accepted(Factor::TemporaryCode { left }));
            state = next;
        }
        assert_eq!(answers(&policy("needs_invitation = true"), &state, &printed), Welcome::NotInvited);
    }

    #[test]
    fn grace_logins_are_counted_and_a_date_is_not() {
        let counted = policy("grace_logins = 2");
        let mut state = State::default();
        assert_eq!(put_off(&counted, &mut state, NOON), Some(Grace::Logins(1)));
        assert_eq!(put_off(&counted, &mut state, NOON), Some(Grace::Logins(0)));
        assert_eq!((put_off(&counted, &mut state, NOON), state.graces_used), (None, 2));
        let dated = policy("grace_logins = 2\ngrace_until = 2026-09-21");
        let last_day = Grace::Until(Day::parse("2026-09-21").unwrap());
        assert_eq!(put_off(&dated, &mut state, NOON), Some(last_day));
        assert_eq!(state.graces_used, 2);
        assert_eq!(put_off(&dated, &mut state, NOON.plus(86_400)), None);
    }
}
