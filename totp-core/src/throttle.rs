//! How failures slow down guessing, and what bounds it over time.
//!
//! Two things stand together. Delays by source double with each failure and end with a success of that source. Three
//! [budgets](Bucket) hold all sources together and are refilled by time alone: one for strangers, one for this
//! machine (consoles, su, the helper, its own addresses), and one for all addresses that logged in within the last 30
//! days. So strangers cannot use up what the owner has, and no login of the owner pays for their guesses: with a count
//! that each success ends (NIST SP 800-63B 5.2.2) an owner who logs in ten times a day allows a thousand guesses a day.

mod bucket;

pub use bucket::Bucket;

use crate::clock::{KNOWN_FOR, Timestamp};
use crate::policy::{Budget, Throttle};
use crate::source::Source;
use serde::{Deserialize, Serialize};

/// Most addresses the ledger holds. This machine and named hosts have places of their own.
pub const MOST_ADDRESSES: usize = 24;
/// Codes that are good at the same time for the price of one guess: those of one device with a window of one step.
const CODES_A_GUESS: u64 = 3;

/// What the ledger knows of one source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SourceRecord {
    /// The [throttle key](Source::throttle_key) it is about.
    pub source: Source,
    /// Failures since the last success of this source.
    pub failures: u32,
    /// The latest of them.
    pub last_failure: Timestamp,
    /// The last success; zero for never.
    pub last_success: Timestamp,
}

impl SourceRecord {
    fn new(source: Source) -> Self {
        Self { source, failures: 0, last_failure: Timestamp::default(), last_success: Timestamp::default() }
    }

    /// Whether it logged in within 30 days. A success in the future, as after a clock that stepped back, counts as
    /// far ahead as behind: one login under a clock that is years behind must not make the host forget everybody.
    fn is_known(&self, now: Timestamp) -> bool {
        self.last_success != Timestamp::default()
            && now.since(self.last_success).max(self.last_success.since(now)) < KNOWN_FOR
    }

    fn latest(&self) -> Timestamp {
        self.last_failure.max(self.last_success)
    }
}

/// Whether a source may have a code judged now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ThrottleState {
    /// It may.
    Free,
    /// Not for this many seconds, for it failed too often.
    Wait(u64),
    /// Not for this many seconds, for the budget it shares with others is used up. Two codes in a row, recovery
    /// codes and temporary codes pass.
    Exhausted(u64),
}

/// Which budget a source draws on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Party {
    /// Addresses that did not log in within 30 days, and hosts that are only a name.
    Strangers,
    /// Whoever is on this machine.
    ThisMachine,
    /// All addresses that logged in within 30 days, together.
    Known,
}

impl Party {
    /// Every one.
    pub const ALL: [Self; 3] = [Self::Strangers, Self::ThisMachine, Self::Known];

    /// What the policy allows it.
    #[must_use]
    pub fn budget(self, limits: &Throttle) -> Budget {
        match self {
            Self::Strangers => limits.budget,
            Self::ThisMachine | Self::Known => limits.known_budget,
        }
    }
}

/// Failures and successes of one user.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    /// What strangers spent.
    pub strangers: Bucket,
    /// What was spent on this machine.
    pub this_machine: Bucket,
    /// What known addresses spent.
    pub known: Bucket,
    /// One entry a source.
    pub sources: Vec<SourceRecord>,
}

/// What one wrong guess costs, where so many codes would have been good: a third of them, rounded up.
#[must_use]
pub fn cost_of_guess(good_codes: u64) -> u32 {
    u32::try_from(good_codes.div_ceil(CODES_A_GUESS)).unwrap_or(u32::MAX)
}

impl Ledger {
    /// Whether `source`, an address of another machine, logged in within the last 30 days. Named hosts never count
    /// as known: one login would vouch for everybody whose address has a name. Nor does this machine itself:
    /// anybody may be behind it.
    #[must_use]
    pub fn knows(&self, source: Source, now: Timestamp) -> bool {
        matches!(source, Source::Address(_))
            && self.record_of(source).is_some_and(|record| record.is_known(now))
    }

    /// Which budget `source` draws on.
    #[must_use]
    pub fn party(&self, source: Source, now: Timestamp) -> Party {
        match source.throttle_key() {
            Source::Address(_) if self.knows(source, now) => Party::Known,
            Source::Address(_) | Source::Named => Party::Strangers,
            _ => Party::ThisMachine,
        }
    }

    /// What was spent by a party.
    #[must_use]
    pub fn bucket(&self, party: Party) -> &Bucket {
        match party {
            Party::Strangers => &self.strangers,
            Party::ThisMachine => &self.this_machine,
            Party::Known => &self.known,
        }
    }

    fn bucket_mut(&mut self, party: Party) -> &mut Bucket {
        match party {
            Party::Strangers => &mut self.strangers,
            Party::ThisMachine => &mut self.this_machine,
            Party::Known => &mut self.known,
        }
    }

    /// What `source` may do at `now` with a guess of this [cost](cost_of_guess).
    #[must_use]
    pub fn state_of(&self, source: Source, cost: u32, now: Timestamp, limits: &Throttle) -> ThrottleState {
        let party = self.party(source, now);
        match self.bucket(party).wait_for(cost, party.budget(limits), now) {
            0 => {}
            seconds => return ThrottleState::Exhausted(seconds),
        }
        let record = self.record_of(source).or_else(|| {
            // A stranger for whom there is no place is counted with the named hosts.
            let full = self.place_for(source, now).is_none();
            full.then(|| self.record_of(Source::Named)).flatten()
        });
        let Some(record) = record else {
            return ThrottleState::Free;
        };
        let delay = delay_after(record.failures, limits);
        match delay.saturating_sub(now.since(record.last_failure)) {
            0 => ThrottleState::Free,
            seconds => ThrottleState::Wait(seconds),
        }
    }

    /// Seconds until a code from the source that waits longest is judged; 0 where none waits.
    #[must_use]
    pub fn longest_wait(&self, now: Timestamp, limits: &Throttle) -> u64 {
        let waits = self.sources.iter().map(|record| {
            delay_after(record.failures, limits).saturating_sub(now.since(record.last_failure))
        });
        waits.max().unwrap_or(0)
    }

    /// The parties whose budget is used up for a guess of this cost.
    #[must_use]
    pub fn exhausted(&self, cost: u32, now: Timestamp, limits: &Throttle) -> Vec<Party> {
        let mut parties = Party::ALL.to_vec();
        parties.retain(|party| !self.bucket(*party).affords(cost, party.budget(limits), now));
        parties
    }

    /// When a code was last accepted from anywhere.
    #[must_use]
    pub fn last_success(&self) -> Option<Timestamp> {
        let latest = self.sources.iter().map(|record| record.last_success).max();
        latest.filter(|moment| *moment != Timestamp::default())
    }

    /// Brings delays and refills that lie in the future, as after a clock that stepped back, to `now`: nobody waits
    /// for longer than the delay itself. Successes stay: they make no one wait, and the clock may be the one that is
    /// wrong. Says whether anything changed.
    pub fn clamp_to(&mut self, now: Timestamp) -> bool {
        let mut changed = false;
        for bucket in [&mut self.strangers, &mut self.this_machine, &mut self.known] {
            changed |= bucket.clamp_to(now);
        }
        for record in self.sources.iter_mut().filter(|record| record.last_failure > now) {
            record.last_failure = now;
            changed = true;
        }
        changed
    }

    /// Counts a failure of this cost.
    pub fn count_failure(&mut self, source: Source, cost: u32, now: Timestamp, limits: &Throttle) {
        let party = self.party(source, now);
        self.bucket_mut(party).spend(cost, party.budget(limits), now);
        self.update(source, now, |record| {
            record.failures = record.failures.saturating_add(1);
            record.last_failure = now;
        });
    }

    /// Whether two codes in a row of this cost, from `source`, may be judged at `now`.
    #[must_use]
    pub fn takes_pair(&self, source: Source, cost: u32, now: Timestamp) -> bool {
        self.bucket(self.party(source, now)).takes_pair(cost, now)
    }

    /// Counts two codes in a row that were wrong. They cost nothing and delay nothing, for they could not have been
    /// guessed: whoever shares an address with an attacker can always type them.
    pub fn count_pair(&mut self, source: Source, now: Timestamp) {
        let party = self.party(source, now);
        self.bucket_mut(party).last_pair = now;
    }

    /// Counts a success: ends the count of its source. No budget is refilled by it.
    pub fn count_success(&mut self, source: Source, now: Timestamp) {
        if self.record_of(source).is_none() && self.place_for(source, now).is_none() {
            // Full of known addresses: the one longest unseen makes room for the newest.
            self.evict(|record| record.last_success);
        }
        self.update(source, now, |record| {
            record.failures = 0;
            record.last_failure = Timestamp::default();
            record.last_success = now;
        });
    }

    /// Ends every count of failures and fills every budget; who is known stays known.
    pub fn reset_failures(&mut self) {
        for bucket in [&mut self.strangers, &mut self.this_machine, &mut self.known] {
            *bucket = Bucket::default();
        }
        for record in &mut self.sources {
            record.failures = 0;
            record.last_failure = Timestamp::default();
        }
    }

    /// Ends the delay of a source, but not its count: the next failure is delayed for as long as it would
    /// have been.
    pub fn end_delay(&mut self, source: Source) {
        let key = source.throttle_key();
        for record in self.sources.iter_mut().filter(|record| record.source == key) {
            record.last_failure = Timestamp::default();
        }
    }

    /// Failures of this source since its last success.
    #[must_use]
    pub fn failures(&self, source: Source) -> u32 {
        self.record_of(source).map_or(0, |record| record.failures)
    }

    /// Adds what another ledger of the same user counted.
    pub(crate) fn add(&mut self, other: &Self) {
        self.strangers.add(&other.strangers);
        self.this_machine.add(&other.this_machine);
        self.known.add(&other.known);
        for theirs in other.sources.iter().filter(|theirs| theirs.failures > 0) {
            self.update(theirs.source, theirs.last_failure, |record| {
                record.failures = record.failures.saturating_add(theirs.failures);
                record.last_failure = record.last_failure.max(theirs.last_failure);
            });
        }
    }

    fn record_of(&self, source: Source) -> Option<&SourceRecord> {
        let key = source.throttle_key();
        self.sources.iter().find(|record| record.source == key)
    }

    /// Where a new entry for `source` can go: `None` where every place is held by a known address,
    /// `Some(true)` where one must be evicted first.
    fn place_for(&self, source: Source, now: Timestamp) -> Option<bool> {
        if source.throttle_key().address().is_none() {
            return Some(false);
        }
        let addresses = || self.sources.iter().filter(|record| record.source.address().is_some());
        if addresses().count() < MOST_ADDRESSES {
            return Some(false);
        }
        addresses().any(|record| !record.is_known(now)).then_some(true)
    }

    fn update(&mut self, source: Source, now: Timestamp, change: impl FnOnce(&mut SourceRecord)) {
        let mut key = source.throttle_key();
        if self.record_of(key).is_none() {
            match self.place_for(key, now) {
                Some(false) => {}
                // Strangers make room before known addresses do.
                Some(true) => self.evict(|record| (record.is_known(now), record.latest())),
                None => key = Source::Named,
            }
        }
        self.entry(key, change);
    }

    fn entry(&mut self, key: Source, change: impl FnOnce(&mut SourceRecord)) {
        match self.sources.iter_mut().find(|record| record.source == key) {
            Some(record) => change(record),
            None => {
                let mut record = SourceRecord::new(key);
                change(&mut record);
                self.sources.push(record);
            }
        }
    }

    /// Drops the address that is least by `order`; its failures go to the named hosts' count.
    fn evict<K: Ord>(&mut self, order: impl Fn(&SourceRecord) -> K) {
        let least = self
            .sources
            .iter()
            .filter(|record| record.source.address().is_some())
            .min_by_key(|record| order(record))
            .copied();
        let Some(least) = least else { return };
        self.sources.retain(|record| record.source != least.source);
        if least.failures == 0 {
            return;
        }
        self.entry(Source::Named, |shared| {
            shared.failures = shared.failures.saturating_add(least.failures);
            shared.last_failure = shared.last_failure.max(least.last_failure);
        });
    }
}

/// Seconds that must pass after `failures` failures of one source.
fn delay_after(failures: u32, limits: &Throttle) -> u64 {
    let Some(doublings) = failures.checked_sub(limits.free_failures).and_then(|over| over.checked_sub(1))
    else {
        return 0;
    };
    // A shift by 64 or more is no number of seconds any more, and far beyond the longest delay.
    let factor = 1u64.checked_shl(doublings).unwrap_or(u64::MAX);
    limits.base_delay.saturating_mul(factor).min(limits.max_delay)
}

#[cfg(test)]
mod tests;
