//! Codes that were refused since the last login: the auth phase hears of them with its acceptance, and the session
//! phase tells the owner, who alone knows whether they typed them.
//!
//! Module data carries them, and the PAM environment too, for sshd opens sessions in another process than it
//! authenticates in. There they stand in the name of a variable: ~/.pam_environment can clear one only by its whole name.
//! One that a user made up by it is told to that user and nobody else, and holds numbers and an address whatever they
//! write.

use crate::conversation::{self, Message};
use crate::login::Login;
use pamsm::{Pam, PamLibExt as _};
use std::fmt::Write as _;
use totp_core::account::Account;
use totp_core::clock::Timestamp;
use totp_core::operation::Request;
use totp_core::source::Source;
use totp_core::state::RefusedSince;

/// The name of the module data: the name of the variable, a space, and the user's name.
const DATA: &str = "pam_totp:refused";
/// How the name of the variable begins. The user's uid follows, and what is to be told.
const VARIABLE: &str = "PAM_TOTP_REFUSED_";
/// Longest name of such a variable, in bytes.
const LONGEST_NAME: usize = 128;
/// Most variables that are looked at; whoever has more in their environment made them.
const MOST_VARIABLES: usize = 16;

/// What was left in module data before is no longer to be told: it may be another user's, of an earlier try of the same
/// handle.
pub(crate) fn begin(pam: &Pam) {
    let _ = pam.send_bytes(DATA, Vec::new(), None);
}

/// Leaves it for the session phase. Where that fails it is told at the next login.
pub(crate) fn leave(pam: &Pam, account: &Account, refused: RefusedSince) {
    let name = name_of(account.uid, refused);
    let _ = pam.send_bytes(DATA, format!("{name} {}", account.name).into_bytes(), None);
    let _ = pam.putenv(&format!("{name}=1"));
}

/// Tells the user whose session opens, and has it noted that they know. Nothing of it ends a login.
pub(crate) fn tell(login: &Login<'_>) {
    let found = take(login.pam);
    let Some((account, refused)) = in_data(login.pam).or_else(|| of_session_user(login, &found)) else {
        return;
    };
    let words = words(refused);
    // Not an info: su without `-` lets none of those through while a session opens.
    let warning = [Message::Error(&words)];
    // With PAM_SILENT, or where the program shows nothing, it is left to the next login.
    if login.silent || conversation::converse(login.pam, &warning, false).is_err() {
        return;
    }
    // Told in a further session of this handle, it would take codes with it that were refused meanwhile.
    begin(login.pam);
    let Ok(policy) = login.policy() else { return };
    let Ok(desk) = login.desk(&policy) else { return };
    let told = Request::Acknowledge { count: refused.count, latest: refused.latest };
    // Where that fails it is told once more.
    let _ = login.ask(&desk, &account, told);
}

/// What the owner reads.
fn words(RefusedSince { count, latest, source }: RefusedSince) -> String {
    let mut words = match count {
        1 => "One code was refused since your last login,".to_owned(),
        count => format!("{count} codes were refused since your last login, the last"),
    };
    let moment = latest.to_rfc3339();
    // Writing to a String cannot fail.
    let _ = match moment.strip_suffix('Z').and_then(|moment| moment.split_once('T')) {
        Some((day, time)) => write!(words, " on {day} at {time} UTC"),
        None => write!(words, " at {moment}"),
    };
    words.push_str(&match source {
        Source::Local => " on this machine".to_owned(),
        Source::Address(address) | Source::Own(address) => format!(" from {address}"),
        Source::Named => " from another machine".to_owned(),
        Source::Helper => " by a program on this machine".to_owned(),
    });
    words.push_str(". If that was not you, somebody may know your password: change it.");
    words
}

/// What this process's own auth phase left, and for whom: sudo opens the session of another user than it asked.
fn in_data(pam: &Pam) -> Option<(Account, RefusedSince)> {
    let bytes = pam.retrieve_bytes(DATA).ok()?;
    let (name, user) = std::str::from_utf8(&bytes).ok()?.split_once(' ')?;
    Some((Account::by_name(user).ok()??, parse(name)?.1))
}

/// What another process left in the environment for the user whose session opens. More than one is of an earlier try in
/// the same conversation, or made up.
fn of_session_user(login: &Login<'_>, found: &[(u32, RefusedSince)]) -> Option<(Account, RefusedSince)> {
    if found.is_empty() {
        return None;
    }
    let account = login.account().ok()??;
    let own = found.iter().filter(|(uid, _)| *uid == account.uid).map(|(_, refused)| *refused);
    let newest = own.max_by_key(|refused| (refused.latest, refused.count))?;
    Some((account, newest))
}

fn name_of(uid: u32, RefusedSince { count, latest, source }: RefusedSince) -> String {
    format!("{VARIABLE}{uid}_{count}_{}_{source}", latest.0)
}

/// Takes what is left out of the environment, so that no shell sees it.
fn take(pam: &Pam) -> Vec<(u32, RefusedSince)> {
    let environment = conversation::environment(pam).unwrap_or_default();
    let names = environment.iter().filter_map(|entry| variable_in(entry)).take(MOST_VARIABLES);
    names
        .filter_map(|name| {
            // Removing what is not there is an error to libpam, and none here.
            let _ = pam.putenv(name);
            parse(name)
        })
        .collect()
}

/// The name of the variable, where it is one of these.
fn variable_in(entry: &[u8]) -> Option<&str> {
    let name = entry.split(|byte| *byte == b'=').next()?;
    if name.len() > LONGEST_NAME || !name.starts_with(VARIABLE.as_bytes()) {
        return None;
    }
    std::str::from_utf8(name).ok()
}

fn parse(name: &str) -> Option<(u32, RefusedSince)> {
    let mut fields = name.strip_prefix(VARIABLE)?.splitn(4, '_');
    let uid = number(fields.next()?)?.try_into().ok()?;
    let count = number(fields.next()?)?.try_into().ok().filter(|count| *count > 0)?;
    let latest = Timestamp(number(fields.next()?)?);
    Some((uid, RefusedSince { count, latest, source: Source::from_word(fields.next()?)? }))
}

/// A number of digits alone.
fn number(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(count: u32, from: &str) -> RefusedSince {
        RefusedSince { count, latest: Timestamp(1_795_945_265), source: Source::from_word(from).unwrap() }
    }

    #[test]
    fn the_owner_reads_how_many_when_and_from_where() {
        assert_eq!(
            words(refused(3, "198.51.100.7")),
            "3 codes were refused since your last login, the last on 2026-11-29 at 09:41:05 UTC from 198.51.100.7. If that was not you, somebody may know your password: change it."
        );
        assert_eq!(
            words(refused(1, "local")),
            "One code was refused since your last login, on 2026-11-29 at 09:41:05 UTC on this machine. If that was not you, somebody may know your password: change it."
        );
        assert!(words(refused(2, "2001:db8::1")).contains(" UTC from 2001:db8::1. If"));
    }

    #[test]
    fn what_the_auth_phase_leaves_the_session_phase_reads() {
        for source in ["local", "named-host", "helper", "192.0.2.7", "2001:db8::1"] {
            for count in [1, u32::MAX] {
                let left = format!("{}=1", name_of(1000, refused(count, source)));
                let name = variable_in(left.as_bytes()).unwrap();
                assert_eq!(parse(name), Some((1000, refused(count, source))), "{left}");
            }
        }
    }

    #[test]
    fn what_a_user_makes_up_is_numbers_and_an_address_or_nothing() {
        for odd in [
            "",
            "1000_3_5",
            "1000_3_5_",
            "1000_0_5_local",
            "1000_+3_5_local",
            "1000_4294967296_5_local",
            "4294967296_3_5_local",
            "1000_3_18446744073709551616_local",
            "1000__5_local",
            "1000_3_5_\u{1b}[2J",
            "1000_3_5_192.0.2.7\nx",
            "1000_3_5_192.0.2.7%eth0",
            "1000_3_5_local_",
        ] {
            assert_eq!(parse(&format!("{VARIABLE}{odd}")), None, "{odd:?}");
        }
        let last = format!("{VARIABLE}1000_1_{}_local", u64::MAX);
        assert!(words(parse(&last).unwrap().1).bytes().all(|byte| byte.is_ascii_graphic() || byte == b' '));
        let long = format!("{VARIABLE}1000_3_5_{:0>200}=1", "local");
        for other in [long.as_bytes(), b"PAM_TOTP_REFUSED=1", b"X=PAM_TOTP_REFUSED_1", b"", b"="] {
            assert_eq!(variable_in(other), None);
        }
    }
}
