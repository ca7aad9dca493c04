//! Whom the helper serves, and as what: own names only, and nothing a caller says of itself is believed.

use crate::privileges::Caller;
use crate::transfer;
use totp_core::account::Account;
use totp_core::clock::Timestamp;
use totp_core::event::EventLog;
use totp_core::helper::{Answered, Envelope};
use totp_core::operation::{self, Actor, Context, Failure, Reply, Request};
use totp_core::source::Source;
use totp_core::store::Store;
use totp_core::syslog::Syslog;

/// The service of every caller but root.
const SERVICE: &str = "totp-helper";

/// Reads the request and does what it asks. The lock is let go before this returns.
pub(crate) fn serve(caller: &Caller) -> Answered {
    let log = Syslog::open("totp-helper");
    match answer(caller, &log) {
        Ok(reply) => Answered::Done(reply),
        Err(failure) => Answered::Failed(failure),
    }
}

fn answer(caller: &Caller, log: &dyn EventLog) -> Result<Reply, Failure> {
    let text = transfer::receive()
        .map_err(|error| Failure::Unusable(format!("totp-helper got no request: {error}")))?;
    let envelope = Envelope::parse(&text).map_err(|why| Failure::Unusable(why.to_owned()))?;
    drop(text);
    let account = account(caller.uid, &envelope.user)?;
    let is_root = caller.uid == 0;
    let store = Store::open(&caller.policy.store).map_err(|error| Failure::of_store(&error))?;
    let context = Context {
        store: &store,
        policy: &caller.policy,
        account: &account,
        // Root's own tool needs no helper; this is a set-user-ID program such as su.
        actor: if is_root { Actor::Host } else { Actor::Owner },
        service: if is_root { &envelope.service } else { SERVICE },
        source: match envelope.remote_host.as_deref() {
            host if is_root => Source::from_remote_host(host),
            _ => Source::Helper,
        },
        now: Timestamp::now(),
        log,
    };
    let mut request = envelope.request;
    if let Request::Judge { second_try, .. } = &mut request {
        // An unprivileged caller would have every guess judged at once.
        *second_try = *second_try && is_root;
    }
    let errand = || operation::perform(&context, request);
    match &caller.control_group {
        Some(group) => group.outside(errand),
        None => errand(),
    }
}

/// The account a caller may ask about. Another's name and a name that does not exist get the same answer.
fn account(uid: u32, name: &str) -> Result<Account, Failure> {
    let unusable = |error: totp_core::account::AccountError| Failure::Unusable(error.to_string());
    let found = Account::by_name(name).map_err(unusable)?;
    match found {
        Some(account) if uid == 0 || account.uid == uid => Ok(account),
        None if uid == 0 => Err(Failure::Impossible("there is no such user".to_owned())),
        _ => Err(Failure::NotPermitted("totp-helper serves only the user who calls it".to_owned())),
    }
}
