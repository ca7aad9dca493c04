//! How failures slow down guessing: a ledger of failures by source, and what a source may do next.
//!
//! NIST SP 800-63B 5.2.2 asks for at most 100 failures in a row on one account; doubling delays by source
//! come on top. A source that logged in within the last 30 days has a budget of its own, so that strangers
//! cannot lock out the owner.

use crate::clock::{KNOWN_FOR, Timestamp};
use crate::policy::Throttle;
use crate::source::Source;

/// Most addresses the ledger holds. Local logins, named hosts and the helper have places of their own.
pub const MOST_ADDRESSES: usize = 24;

/// What the ledger knows of one source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tally {
    /// The [throttle key](Source::throttle_key) it is about.
    pub source: Source,
    /// Failures since the last success of this source.
    pub failures: u32,
    /// The latest of them.
    pub last_failure: Timestamp,
    /// The last success; zero for never.
    pub last_success: Timestamp,
}

impl Tally {
    fn new(source: Source) -> Self {
        Self { source, failures: 0, last_failure: Timestamp::default(), last_success: Timestamp::default() }
    }

    fn is_known(&self, now: Timestamp) -> bool {
        self.last_success != Timestamp::default() && now.since(self.last_success) < KNOWN_FOR
    }

    fn latest(&self) -> Timestamp {
        self.last_failure.max(self.last_success)
    }
}

/// Whether a source may have a code judged now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It may.
    Free,
    /// Not for this many seconds.
    Wait(u64),
    /// Too many failures in a row from everywhere; only known sources and recovery codes pass.
    Ceiling,
}

/// Failures and successes of one user.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    /// Failures in a row, of all sources without a budget of their own.
    pub in_a_row: u32,
    /// One entry a source.
    pub accounts: Vec<Tally>,
}

impl Ledger {
    /// Whether `source`, an address of another machine, logged in within the last 30 days. Named hosts never count
    /// as known: one login would vouch for everybody whose address has a name. Nor does this machine itself:
    /// anybody may be behind it.
    #[must_use]
    pub fn knows(&self, source: Source, now: Timestamp) -> bool {
        matches!(source, Source::Address(_))
            && self.account(source).is_some_and(|account| account.is_known(now))
    }

    /// What `source` may do at `now`.
    #[must_use]
    pub fn standing(&self, source: Source, now: Timestamp, limits: &Throttle) -> Standing {
        if !self.has_own_budget(source, now) && self.in_a_row >= limits.ceiling {
            return Standing::Ceiling;
        }
        let account = self.account(source).or_else(|| {
            // A stranger for whom there is no place is counted with the named hosts.
            let full = self.place_for(source, now).is_none();
            full.then(|| self.account(Source::Named)).flatten()
        });
        let Some(account) = account else {
            return Standing::Free;
        };
        let delay = delay_after(account.failures, limits);
        match delay.saturating_sub(now.since(account.last_failure)) {
            0 => Standing::Free,
            seconds => Standing::Wait(seconds),
        }
    }

    /// Seconds until a code from the source that waits longest is judged; 0 where none waits.
    #[must_use]
    pub fn longest_wait(&self, now: Timestamp, limits: &Throttle) -> u64 {
        let waits = self
            .accounts
            .iter()
            .map(|tally| delay_after(tally.failures, limits).saturating_sub(now.since(tally.last_failure)));
        waits.max().unwrap_or(0)
    }

    /// When a code was last accepted from anywhere.
    #[must_use]
    pub fn last_success(&self) -> Option<Timestamp> {
        let latest = self.accounts.iter().map(|account| account.last_success).max();
        latest.filter(|moment| *moment != Timestamp::default())
    }

    /// Brings moments that lie in the future, as after a clock that stepped back, to `now`: nobody waits
    /// for longer than the delay itself. Says whether anything changed.
    pub fn settle_clock(&mut self, now: Timestamp) -> bool {
        let mut changed = false;
        for account in &mut self.accounts {
            for moment in [&mut account.last_failure, &mut account.last_success] {
                if *moment > now {
                    *moment = now;
                    changed = true;
                }
            }
        }
        changed
    }

    /// Counts a failure.
    pub fn count_failure(&mut self, source: Source, now: Timestamp) {
        if !self.has_own_budget(source, now) {
            self.in_a_row = self.in_a_row.saturating_add(1);
        }
        self.update(source, now, |account| {
            account.failures = account.failures.saturating_add(1);
            account.last_failure = now;
        });
    }

    /// Counts a success: ends the count of its source and the count in a row.
    pub fn count_success(&mut self, source: Source, now: Timestamp) {
        self.in_a_row = 0;
        if self.account(source).is_none() && self.place_for(source, now).is_none() {
            // Full of known addresses: the one longest unseen makes room for the newest.
            self.evict(|account| account.last_success);
        }
        self.update(source, now, |account| {
            account.failures = 0;
            account.last_failure = Timestamp::default();
            account.last_success = now;
        });
    }

    /// Ends every count of failures; who is known stays known.
    pub fn forgive(&mut self) {
        self.in_a_row = 0;
        for account in &mut self.accounts {
            account.failures = 0;
            account.last_failure = Timestamp::default();
        }
    }

    /// Ends the delay of a source, but not its count: the next failure is delayed for as long as it would
    /// have been.
    pub fn end_delay(&mut self, source: Source) {
        let key = source.throttle_key();
        for account in self.accounts.iter_mut().filter(|account| account.source == key) {
            account.last_failure = Timestamp::default();
        }
    }

    /// Failures of this source since its last success.
    #[must_use]
    pub fn failures(&self, source: Source) -> u32 {
        self.account(source).map_or(0, |account| account.failures)
    }

    fn has_own_budget(&self, source: Source, now: Timestamp) -> bool {
        source.throttle_key() == Source::Local || self.knows(source, now)
    }

    fn account(&self, source: Source) -> Option<&Tally> {
        let key = source.throttle_key();
        self.accounts.iter().find(|account| account.source == key)
    }

    /// Where a new entry for `source` can go: `None` where every place is held by a known address,
    /// `Some(true)` where one must be evicted first.
    fn place_for(&self, source: Source, now: Timestamp) -> Option<bool> {
        if source.address().is_none() {
            return Some(false);
        }
        let addresses = || self.accounts.iter().filter(|account| account.source.address().is_some());
        if addresses().count() < MOST_ADDRESSES {
            return Some(false);
        }
        addresses().any(|account| !account.is_known(now)).then_some(true)
    }

    fn update(&mut self, source: Source, now: Timestamp, change: impl FnOnce(&mut Tally)) {
        let mut key = source.throttle_key();
        if self.account(key).is_none() {
            match self.place_for(key, now) {
                Some(false) => {}
                // Strangers make room before known addresses do.
                Some(true) => self.evict(|account| (account.is_known(now), account.latest())),
                None => key = Source::Named,
            }
        }
        self.entry(key, change);
    }

    fn entry(&mut self, key: Source, change: impl FnOnce(&mut Tally)) {
        match self.accounts.iter_mut().find(|account| account.source == key) {
            Some(account) => change(account),
            None => {
                let mut account = Tally::new(key);
                change(&mut account);
                self.accounts.push(account);
            }
        }
    }

    /// Drops the address that is least by `order`; its failures go to the named hosts' count.
    fn evict<K: Ord>(&mut self, order: impl Fn(&Tally) -> K) {
        let least = self
            .accounts
            .iter()
            .filter(|account| account.source.address().is_some())
            .min_by_key(|account| order(account))
            .copied();
        let Some(least) = least else { return };
        self.accounts.retain(|account| account.source != least.source);
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
mod tests {
    use super::*;
    use std::net::{IpAddr, Ipv4Addr};

    const LIMITS: Throttle = Throttle { free_failures: 3, base_delay: 5, max_delay: 900, ceiling: 100 };
    const NOON: Timestamp = Timestamp(1_790_000_000);

    fn address(number: u32) -> Source {
        Source::from_address(IpAddr::V4(Ipv4Addr::from_bits(0xc000_0200 + number)))
    }

    #[test]
    fn delays_double_beyond_the_free_failures_up_to_the_longest() {
        let delays: Vec<_> = (0..=13).map(|failures| delay_after(failures, &LIMITS)).collect();
        assert_eq!(delays, [0, 0, 0, 0, 5, 10, 20, 40, 80, 160, 320, 640, 900, 900]);
        assert_eq!(delay_after(u32::MAX, &LIMITS), 900);
    }

    #[test]
    fn a_source_waits_for_its_own_failures_and_for_no_others() {
        let mut ledger = Ledger::default();
        for _ in 0..4 {
            ledger.count_failure(address(1), NOON);
        }
        assert_eq!(ledger.standing(address(1), NOON, &LIMITS), Standing::Wait(5));
        assert_eq!(ledger.standing(address(1), NOON.plus(4), &LIMITS), Standing::Wait(1));
        assert_eq!(ledger.standing(address(1), NOON.plus(5), &LIMITS), Standing::Free);
        assert_eq!(ledger.standing(address(2), NOON, &LIMITS), Standing::Free);
        assert_eq!(ledger.standing(Source::Local, NOON, &LIMITS), Standing::Free);
    }

    #[test]
    fn a_success_ends_the_count_of_its_source_and_the_count_in_a_row() {
        let mut ledger = Ledger::default();
        for _ in 0..5 {
            ledger.count_failure(address(1), NOON);
            ledger.count_failure(address(2), NOON);
        }
        ledger.count_success(address(1), NOON);
        assert_eq!((ledger.in_a_row, ledger.failures(address(1)), ledger.failures(address(2))), (0, 0, 5));
    }

    #[test]
    fn at_the_ceiling_only_known_sources_and_the_helper_pass() {
        let mut ledger = Ledger::default();
        ledger.count_success(address(0), NOON);
        for number in 1..=100 {
            ledger.count_failure(address(number), NOON);
        }
        assert_eq!(ledger.in_a_row, 100);
        let later = NOON.plus(KNOWN_FOR - 1);
        assert_eq!(ledger.standing(address(200), later, &LIMITS), Standing::Ceiling);
        assert_eq!(ledger.standing(Source::Local, later, &LIMITS), Standing::Free);
        assert_eq!(ledger.standing(address(0), later, &LIMITS), Standing::Free);
        assert_eq!(ledger.standing(Source::Helper, later, &LIMITS), Standing::Free);
        assert_eq!(ledger.standing(address(0), later.plus(1), &LIMITS), Standing::Ceiling);
    }

    #[test]
    fn guesses_of_known_sources_and_the_helper_stay_outside_the_ceiling() {
        let mut ledger = Ledger::default();
        ledger.count_success(address(0), NOON);
        for _ in 0..50 {
            ledger.count_failure(address(0), NOON);
            ledger.count_failure(Source::Helper, NOON);
        }
        assert_eq!(ledger.in_a_row, 0);
        assert_ne!(ledger.standing(address(0), NOON, &LIMITS), Standing::Free);
        assert_ne!(ledger.standing(Source::Helper, NOON, &LIMITS), Standing::Free);
    }

    #[test]
    fn strangers_evict_strangers_and_their_failures_stay_counted() {
        let mut ledger = Ledger::default();
        ledger.count_success(address(0), NOON);
        for number in 1..=200 {
            ledger.count_failure(address(number), NOON.plus(u64::from(number)));
        }
        assert!(ledger.accounts.len() <= MOST_ADDRESSES + 3);
        assert!(ledger.knows(address(0), NOON.plus(300)));
        let counted: u32 = ledger.accounts.iter().map(|account| account.failures).sum();
        assert_eq!(counted, 200);
    }

    #[test]
    fn where_every_place_is_known_strangers_share_one_count() {
        let mut ledger = Ledger::default();
        for number in 0..24 {
            ledger.count_success(address(number), NOON);
        }
        for number in 100..110 {
            ledger.count_failure(address(number), NOON);
        }
        assert!((0..24).all(|number| ledger.knows(address(number), NOON)));
        assert_eq!(ledger.failures(Source::Named), 10);
        assert_ne!(ledger.standing(address(999), NOON, &LIMITS), Standing::Free);
        ledger.count_success(address(500), NOON.plus(9));
        assert!(ledger.knows(address(500), NOON.plus(9)));
        assert_eq!(ledger.accounts.len(), 25);
    }

    #[test]
    fn one_login_from_a_named_host_vouches_for_no_other() {
        let mut ledger = Ledger::default();
        ledger.count_success(Source::Named, NOON);
        assert!(!ledger.knows(Source::Named, NOON));
    }

    #[test]
    fn this_machine_is_one_source_by_whatever_address_and_is_never_known() {
        let here = ["127.0.0.1", "127.0.0.2", "::1"].map(|text| Source::parse(Some(text)));
        let here = || here.into_iter().chain([Source::Local, Source::Helper]);
        let mut ledger = Ledger::default();
        here().for_each(|source| ledger.count_failure(source, NOON));
        assert!(here().all(|source| ledger.failures(source) == 5));
        assert!(here().all(|source| ledger.standing(source, NOON, &LIMITS) == Standing::Wait(10)));
        ledger.count_failure(address(1), NOON);
        assert_eq!(ledger.standing(address(1), NOON, &LIMITS), Standing::Free, "a source of its own");
        here().for_each(|source| ledger.count_success(source, NOON));
        assert!(here().all(|source| !ledger.knows(source, NOON)));
        assert_eq!(ledger.accounts.len(), 2);
    }

    #[test]
    fn a_clock_that_stepped_back_prolongs_no_wait() {
        let mut ledger = Ledger::default();
        for _ in 0..4 {
            ledger.count_failure(Source::Local, NOON.plus(3600));
        }
        assert!(ledger.settle_clock(NOON));
        assert!(!ledger.settle_clock(NOON));
        assert_eq!(ledger.standing(Source::Local, NOON, &LIMITS), Standing::Wait(5));
    }
}
