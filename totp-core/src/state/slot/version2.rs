//! The body of a slot of version 2, which is read and converted, and never written.
//!
//! It is that of [version 3](super::body) with another ledger, and ends behind the mail address:
//!
//! ```text
//! 4             failures in a row, of all sources without a budget of their own
//! 1 + n * ...   sources, at most 27, the helper (2) and 127.0.0.0/8 among them
//! ```

use super::State;
use super::body::Reader;
use crate::clock::Timestamp;
use crate::source::Source;
use crate::throttle::{Bucket, Ledger, MOST_ADDRESSES, SourceRecord};

/// The addresses, and local logins, named hosts and the helper.
const MOST_SOURCES: usize = MOST_ADDRESSES + 3;

pub(super) fn decode(bytes: &[u8]) -> Option<State> {
    let mut body = Reader(bytes);
    let mut state = body.before_ledger()?;
    let in_a_row = body.small_number()?;
    let sources = body.sources(MOST_SOURCES)?;
    let addresses = sources.iter().filter(|record| record.source.address().is_some()).count();
    body.after_ledger(&mut state)?;
    state.ledger = converted(in_a_row, &sources);
    (body.0.is_empty() && addresses <= MOST_ADDRESSES).then_some(state)
}

/// Loopback addresses and the helper were sources of their own.
fn counted_under(source: Source) -> Source {
    match source {
        Source::Address(address) if address.is_loopback() => Source::Local,
        other => other.throttle_key(),
    }
}

/// No count is lost: failures in a row are taken for guesses of strangers, those of this machine and of addresses that
/// logged in once for guesses of theirs. That some count twice costs nobody more than a day.
fn converted(in_a_row: u32, sources: &[SourceRecord]) -> Ledger {
    let as_of = sources.iter().map(|record| record.last_failure).max().unwrap_or_default();
    let mut ledger = Ledger { strangers: Bucket::of_guesses(in_a_row, as_of), ..Ledger::default() };
    let (mut on_this_machine, mut from_known) = (0u32, 0u32);
    for record in sources {
        let source = counted_under(record.source);
        if source == Source::Local {
            on_this_machine = on_this_machine.saturating_add(record.failures);
        } else if record.last_success != Timestamp::default() {
            from_known = from_known.saturating_add(record.failures);
        }
        match ledger.sources.iter_mut().find(|there| there.source == source) {
            Some(there) => {
                there.failures = there.failures.saturating_add(record.failures);
                there.last_failure = there.last_failure.max(record.last_failure);
                there.last_success = there.last_success.max(record.last_success);
            }
            None => ledger.sources.push(SourceRecord { source, ..*record }),
        }
    }
    ledger.this_machine = Bucket::of_guesses(on_this_machine, as_of);
    ledger.known = Bucket::of_guesses(from_known, as_of);
    ledger
}
