//! `admin prune`: removes what is kept of users who are gone, and what cut-off set-ups left behind.

use crate::exit::{Status, Stop, say_to_stderr};
use crate::session::{Office, Session};
use crate::terminal::Terminal;
use crate::text::printable;
use totp_core::account::Account;
use totp_core::operation::admin::{self, Gone};
use totp_core::store::Holding;

pub fn run(office: Office, terminal: &Terminal, yes: bool) -> Result<(), Stop> {
    let store = office.store()?;
    let mut gone = Vec::new();
    let mut unfinished = Vec::new();
    let mut broken = false;
    for (user, holding) in store.holdings().map_err(Stop::store)? {
        // A name service that fails ends it here: "unknown" is what it says, never what it does not.
        let account = Account::by_name(user.as_str())?;
        let name = printable(user.as_str());
        match admin::is_gone(&store, account.as_ref(), &user, holding) {
            Ok(Some(Gone::NoSuchUser)) => {
                terminal.say(&format!("{name}: there is no such user any more"))?;
                gone.push(user);
            }
            Ok(Some(Gone::OtherUid)) => {
                terminal.say(&format!("{name}: it was made for another uid, a former user of this name"))?;
                gone.push(user);
            }
            Ok(None) => unfinished.extend(account.filter(|_| holding.pending || only_state(holding))),
            // One broken file keeps nobody else's from going.
            Err(failure) => {
                say_to_stderr(&printable(&format!("totp-enroll: {user}: {failure}")));
                broken = true;
            }
        }
    }
    // Before anything is removed: a "no" leaves all as it is.
    if !gone.is_empty() && !yes {
        terminal.ask_to_go_on(&format!("Remove what is kept of these {}?", gone.len()))?;
    }
    let leftovers = store.leftovers().map_err(Stop::store)?;
    let session = |account| Session::of_office(&office, account);
    let mut tidied = leftovers.len();
    for name in leftovers {
        store.remove_leftover(&name).map_err(Stop::store)?;
    }
    for account in unfinished {
        tidied = tidied.saturating_add(usize::from(session(account).administer(admin::prune_pending)?));
    }
    if tidied > 0 {
        terminal.say(&format!("Left behind by set-ups that were cut off, and removed: {tidied}"))?;
    }
    let count = gone.len();
    for user in gone {
        let account = Account { name: user, uid: nix::libc::uid_t::MAX, gid: nix::libc::gid_t::MAX };
        session(account).administer(admin::prune)?;
    }
    if count > 0 {
        terminal.say(&format!("Removed: {count}"))?;
    } else if tidied == 0 && !broken {
        terminal.say("There is nothing to prune.")?;
    }
    if broken { Err(Stop::Told(Status::Unusable)) } else { Ok(()) }
}

/// A state without a credential may hold nothing.
fn only_state(holding: Holding) -> bool {
    holding.state && !holding.credential
}
