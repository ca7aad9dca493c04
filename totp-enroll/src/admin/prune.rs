//! `admin prune`: removes what is kept of users who are gone, and what cut-off set-ups left behind.
//!
//! On a host that looks users up in a directory, "unknown" may mean that it is down: there a run by itself notes who is
//! unknown, and removes whom a run at least a day earlier noted. A user who is named is removed at once.

use super::orphans::Orphan;
use crate::exit::{Status, Stop, say_to_stderr};
use crate::session::{Office, Session};
use crate::terminal::Terminal;
use crate::text::printable;
use totp_core::absence::{LONG_ENOUGH, Moment};
use totp_core::account::Account;
use totp_core::name::UserName;
use totp_core::nsswitch::{Database, Sources};
use totp_core::operation::admin;
use totp_core::store::{Holding, Store};

pub fn run(office: &Office, terminal: &Terminal, names: &[String], yes: bool) -> Result<(), Stop> {
    let store = office.store()?;
    // Where that fails, what is to go is the same.
    let _ = store.index_uids();
    if names.is_empty() {
        whoever_is_gone(office, &store, terminal, yes)
    } else {
        named(office, &store, terminal, names, yes)
    }
}

/// Removes what is kept of these users, all of them or none.
fn named(
    office: &Office,
    store: &Store,
    terminal: &Terminal,
    names: &[String],
    yes: bool,
) -> Result<(), Stop> {
    let holdings = store.holdings().map_err(Stop::store)?;
    let mut orphans = Vec::new();
    for typed in names {
        let kept = UserName::new(typed).ok().and_then(|name| Some((holdings.get(&name).copied()?, name)));
        let Some((holding, name)) = kept else {
            return Err(Stop::Refused(format!("nothing is kept of \"{typed}\"; nothing was changed")));
        };
        let account = Account::by_name(name.as_str())?;
        let orphan = Orphan::of(store, &name, holding, account.as_ref())?.ok_or_else(|| {
            Stop::Refused(format!(
                "{name} is a user of this host, and what is kept is theirs; nothing was changed; `totp-enroll admin revoke {}` removes two-factor login",
                name.as_word()
            ))
        })?;
        terminal.say(&orphan.what())?;
        if !orphans.iter().any(|other: &Orphan| other.name == orphan.name) {
            orphans.push(orphan);
        }
    }
    if !yes {
        terminal.ask_to_go_on(&format!("Remove what is kept of these {}?", orphans.len()))?;
    }
    for orphan in &orphans {
        of(office, &orphan.name).administer(admin::prune)?;
    }
    terminal.say(&format!("Removed: {}", orphans.len()))
}

/// What a run without names finds.
#[derive(Default)]
struct Findings {
    /// May go.
    gone: Vec<UserName>,
    /// Unknown, and to be noted.
    unknown: Vec<UserName>,
    /// Known again, and noted.
    known_again: Vec<Account>,
    /// With something that a cut-off set-up may have left.
    unfinished: Vec<Account>,
    /// Whether a file could not be read.
    broken: bool,
    /// Whether something stays that was told.
    told: bool,
}

fn whoever_is_gone(office: &Office, store: &Store, terminal: &Terminal, yes: bool) -> Result<(), Stop> {
    let now = Moment::now();
    let found = find(office, store, terminal, &now)?;
    // Before anything is removed: a "no" leaves all as it is.
    if !found.gone.is_empty() && !yes {
        terminal.ask_to_go_on(&format!("Remove what is kept of these {}?", found.gone.len()))?;
    }
    let leftovers = store.leftovers().map_err(Stop::store)?;
    let mut tidied = leftovers.len();
    for name in leftovers {
        store.remove_leftover(&name).map_err(Stop::store)?;
    }
    let session = |account| Session::of_office(office, account);
    for account in found.unfinished {
        tidied = tidied.saturating_add(usize::from(session(account).administer(admin::prune_pending)?));
    }
    for account in found.known_again {
        session(account).administer(admin::end_absence)?;
    }
    for user in &found.unknown {
        of(office, user).administer(|context| admin::note_absence(context, &now))?;
    }
    for user in &found.gone {
        of(office, user).administer(admin::prune)?;
    }
    if tidied > 0 {
        terminal.say(&format!("Left behind by set-ups that were cut off, and removed: {tidied}"))?;
    }
    if !found.unknown.is_empty() {
        terminal.say(&format!(
            "Noted, and not removed: {}. /etc/nsswitch.conf names a directory, which may be down: a run a day later or more removes who is unknown still. `totp-enroll admin prune NAME` removes one now.",
            found.unknown.len()
        ))?;
    }
    if !found.gone.is_empty() {
        terminal.say(&format!("Removed: {}", found.gone.len()))?;
    } else if tidied == 0 && found.unknown.is_empty() && !found.broken && !found.told {
        terminal.say("There is nothing to prune.")?;
    }
    if found.broken { Err(Stop::Told(Status::Unusable)) } else { Ok(()) }
}

/// Looks at all, tells what is found, and changes nothing.
fn find(office: &Office, store: &Store, terminal: &Terminal, now: &Moment) -> Result<Findings, Stop> {
    let may_be_down = Sources::of(Database::Passwd).name_a_directory();
    let mut found = Findings::default();
    for (user, holding) in store.holdings().map_err(Stop::store)? {
        // A name service that fails ends it here: "unknown" is what it says, never what it does not.
        let account = Account::by_name(user.as_str())?;
        match Orphan::of(store, &user, holding, account.as_ref()) {
            Ok(Some(orphan)) if orphan.is_in_the_way() => {
                terminal.say(&format!("{}; it stays: {}", orphan.what(), orphan.way_out()))?;
                found.told = true;
            }
            Ok(Some(orphan)) if may_be_down => {
                let left = of(office, &user).administer(|context| admin::absence_left(context, now))?;
                terminal.say(&format!("{}{}", orphan.what(), since(left)))?;
                if left == 0 { found.gone.push(user) } else { found.unknown.push(user) }
            }
            Ok(Some(orphan)) => {
                terminal.say(&orphan.what())?;
                found.gone.push(user);
            }
            Ok(None) => {
                found.known_again.extend(account.clone().filter(|_| holding.absence));
                found.unfinished.extend(account.filter(|_| holding.pending || only_state(holding)));
            }
            // One broken file keeps nobody else's from going.
            Err(failure) => {
                say_to_stderr(&printable(&format!("totp-enroll: {user}: {failure}")));
                found.broken = true;
            }
        }
    }
    Ok(found)
}

/// What a note about an unknown user is worth.
fn since(left: u64) -> String {
    match left {
        0 => ", as a run at least a day ago found".to_owned(),
        LONG_ENOUGH => String::new(),
        left => format!(", as an earlier run found; removed by one in {} h or later", left.div_ceil(60 * 60)),
    }
}

/// For a name that no account has, or another one than what is kept was made for.
fn of(office: &Office, user: &UserName) -> Session {
    let account = Account { name: user.clone(), uid: nix::libc::uid_t::MAX, gid: nix::libc::gid_t::MAX };
    Session::of_office(office, account)
}

/// A state without a credential may hold nothing.
fn only_state(holding: Holding) -> bool {
    holding.state && !holding.credential
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_long_it_takes_is_told() {
        assert_eq!(since(LONG_ENOUGH), "");
        assert!(since(1).contains("in 1 h or later") && since(3601).contains("in 2 h or later"));
        assert!(since(0).contains("at least a day ago"));
    }
}
