//! `admin revoke`: removes a user's two-factor login, also that of an account that is gone.

use crate::exit::Stop;
use crate::session::Session;
use crate::terminal::Terminal;
use totp_core::login::newcomer::Grace;
use totp_core::operation::{Status, admin};
use totp_core::policy::Mode;

pub fn run(session: &Session, terminal: &Terminal, yes: bool) -> Result<(), Stop> {
    let user = session.user();
    if !session.exists() && !session.administer(admin::is_kept)? {
        return Err(Stop::NoSuchUser(user));
    }
    if !yes {
        terminal.ask_to_go_on(&format!("Remove two-factor login for {user}?"))?;
    }
    session.administer(admin::revoke)?;
    terminal.say(&format!("Two-factor login is removed for {user}."))?;
    // A user who is gone has no mode any more.
    if !session.exists() {
        return Ok(());
    }
    let status = session.status()?;
    if status.mode == Mode::Required { terminal.say(&what_comes_next(session, &status)) } else { Ok(()) }
}

/// How a user who needs a code and is not set up gets in.
pub fn what_comes_next(session: &Session, status: &Status) -> String {
    let enrollment = &session.policy.enrollment;
    let invitation = match (enrollment.needs_invitation, &status.mail) {
        (false, _) => Invitation::NotNeeded,
        (true, Some(_)) if enrollment.mail_invitations => Invitation::Mailed,
        (true, _) => Invitation::Drawn,
    };
    in_words(&session.user(), &session.word(), &session.services_that_set_up(), invitation, status.grace)
}

/// What a first set-up takes.
#[derive(Clone, Copy)]
enum Invitation {
    NotNeeded,
    Drawn,
    Mailed,
}

fn in_words(
    user: &str,
    word: &str,
    services: &[String],
    invitation: Invitation,
    grace: Option<Grace>,
) -> String {
    if services.is_empty() {
        let enroll = format!("`totp-enroll admin enroll {word}`");
        return match grace {
            Some(grace @ Grace::Until(_)) => format!(
                "A code is required, and no login sets it up here: {user} logs in without one {grace}, and after that not before {enroll} has done it."
            ),
            _ => format!(
                "A code is required, and no login sets it up here, so {user} cannot log in until {enroll} has done it."
            ),
        };
    }
    let invitation = match invitation {
        Invitation::NotNeeded => String::new(),
        Invitation::Drawn => {
            format!(", with an invitation, which `totp-enroll admin invite {word}` draws")
        }
        Invitation::Mailed => ", which mails an invitation to the address that is known".to_owned(),
    };
    let may = grace.map_or_else(String::new, |grace| format!(", or puts it off {grace}"));
    let others = match grace {
        Some(Grace::Until(_)) => format!("Other services let {user} through until then."),
        _ => format!("Other services refuse {user} until it is done."),
    };
    format!(
        "A code is required: {user} sets it up at the next login by {}{invitation}{may}. {others}",
        services.join(" or ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use totp_core::clock::Day;

    #[test]
    fn what_comes_next_is_what_a_login_does() {
        let sshd = ["sshd".to_owned()];
        let day = Some(Grace::Until(Day::parse("2099-12-31").unwrap()));
        let told = in_words("bob", "bob", &sshd, Invitation::Drawn, None);
        assert!(told.contains("by sshd, with an invitation, which `totp-enroll admin invite bob` draws. Other services refuse bob"), "{told}");
        let told = in_words("bob", "bob", &sshd, Invitation::Mailed, Some(Grace::Logins(2)));
        assert!(told.contains("which mails an invitation to the address that is known, or puts it off for 2 more logins. Other services refuse"), "{told}");
        let told = in_words("bob", "bob", &sshd, Invitation::NotNeeded, day);
        assert!(
            told.contains("by sshd, or puts it off until 2099-12-31. Other services let bob through"),
            "{told}"
        );
        assert!(in_words("bob", "bob", &[], Invitation::NotNeeded, None).contains("cannot log in until"));
        assert!(in_words("bob", "bob", &[], Invitation::NotNeeded, day).contains("after that not before"));
    }
}
