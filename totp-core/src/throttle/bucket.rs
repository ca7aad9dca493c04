//! A budget of guesses that only time refills: a token bucket, counted exactly.
//!
//! What was spent is kept as guesses times the seconds of a day, so that a refill of N a day is N a second and
//! nothing is ever rounded.

use crate::clock::Timestamp;
use crate::policy::Budget;

/// One guess, as [`Bucket::spent`] counts.
const GUESS: u64 = 24 * 60 * 60;

/// What was spent of one budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Bucket {
    /// Guesses spent and not refilled at `as_of`, times 86,400.
    pub spent: u64,
    /// When that was so.
    pub as_of: Timestamp,
    /// When two codes in a row were last judged; zero for never.
    pub last_pair: Timestamp,
}

impl Bucket {
    /// Seconds until a guess of this cost can be paid at `now`; 0 where it can be already. A cost above the whole
    /// budget can be paid from a full one: a policy could otherwise shut every code out.
    #[must_use]
    pub fn wait_for(&self, cost: u32, budget: Budget, now: Timestamp) -> u64 {
        let spent = self.spent_at(budget, now);
        let room = units(budget.guesses).saturating_sub(units(cost));
        match spent.saturating_sub(room) {
            0 => 0,
            missing => missing.div_ceil(u64::from(budget.refill.per_day).max(1)),
        }
    }

    /// Whether a guess of this cost can be paid at `now`.
    #[must_use]
    pub fn affords(&self, cost: u32, budget: Budget, now: Timestamp) -> bool {
        self.wait_for(cost, budget, now) == 0
    }

    /// Pays for a guess.
    pub(super) fn spend(&mut self, cost: u32, budget: Budget, now: Timestamp) {
        self.spent = self.spent_at(budget, now).saturating_add(units(cost));
        self.as_of = now;
    }

    /// Guesses left at `now`, whole ones.
    #[must_use]
    pub fn left(&self, budget: Budget, now: Timestamp) -> u32 {
        let left = units(budget.guesses).saturating_sub(self.spent_at(budget, now));
        u32::try_from(left.checked_div(GUESS).unwrap_or(0)).unwrap_or(u32::MAX)
    }

    /// Whether two codes in a row of this cost may be judged at `now`: once in as many seconds. A year of that is
    /// right by luck in one of ten thousand, whatever the devices.
    #[must_use]
    pub fn takes_pair(&self, cost: u32, now: Timestamp) -> bool {
        self.last_pair == Timestamp::default() || now.since(self.last_pair) >= u64::from(cost).max(1)
    }

    /// Brings moments that lie in the future to `now`. Says whether anything changed.
    pub(super) fn clamp_to(&mut self, now: Timestamp) -> bool {
        let before = *self;
        self.as_of = self.as_of.min(now);
        self.last_pair = self.last_pair.min(now);
        *self != before
    }

    /// Adds what was counted elsewhere.
    pub(super) fn add(&mut self, other: &Self) {
        self.spent = self.spent.saturating_add(other.spent);
        self.as_of = self.as_of.max(other.as_of);
        self.last_pair = self.last_pair.max(other.last_pair);
    }

    /// Counts guesses without a refill in between, as a count in a row was kept.
    pub(crate) fn of_guesses(guesses: u32, as_of: Timestamp) -> Self {
        Self { spent: units(guesses), as_of, last_pair: Timestamp::default() }
    }

    /// What is still spent at `now`, and never more than the whole budget: a budget that was made smaller is empty,
    /// and not in debt for years.
    fn spent_at(&self, budget: Budget, now: Timestamp) -> u64 {
        let refilled = u64::from(budget.refill.per_day).saturating_mul(now.since(self.as_of));
        self.spent.min(units(budget.guesses)).saturating_sub(refilled)
    }
}

fn units(guesses: u32) -> u64 {
    u64::from(guesses).saturating_mul(GUESS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Refill;

    const NOON: Timestamp = Timestamp(1_790_000_000);
    const BUDGET: Budget = Budget { guesses: 100, refill: Refill { per_day: 10 } };
    const DAY: u64 = 86_400;

    fn spent(guesses: u32) -> Bucket {
        let mut bucket = Bucket::default();
        for _ in 0..guesses {
            bucket.spend(1, BUDGET, NOON);
        }
        bucket
    }

    #[test]
    fn it_is_empty_after_its_guesses_and_ten_more_are_good_a_day_later() {
        assert!(spent(99).affords(1, BUDGET, NOON));
        let bucket = spent(100);
        assert_eq!(bucket.wait_for(1, BUDGET, NOON), DAY / 10);
        assert!(!bucket.affords(1, BUDGET, NOON.plus(DAY / 10 - 1)));
        assert!(bucket.affords(1, BUDGET, NOON.plus(DAY / 10)));
        assert_eq!(
            (bucket.left(BUDGET, NOON.plus(DAY)), bucket.left(BUDGET, NOON.plus(100 * DAY))),
            (10, 100)
        );
    }

    #[test]
    fn a_dear_guess_takes_as_many_as_it_costs() {
        let bucket = spent(98);
        assert!(bucket.affords(2, BUDGET, NOON) && !bucket.affords(3, BUDGET, NOON));
        assert_eq!(bucket.wait_for(3, BUDGET, NOON), DAY / 10);
    }

    #[test]
    fn a_guess_dearer_than_the_budget_is_paid_by_a_full_one() {
        let small = Budget { guesses: 2, refill: Refill { per_day: 2 } };
        let mut bucket = Bucket::default();
        assert!(bucket.affords(7, small, NOON));
        bucket.spend(7, small, NOON);
        assert!(!bucket.affords(7, small, NOON.plus(DAY - 1)));
        assert!(bucket.affords(7, small, NOON.plus(DAY)));
    }

    #[test]
    fn a_budget_made_smaller_is_empty_and_not_in_debt() {
        let bucket = Bucket::of_guesses(u32::MAX, NOON);
        assert_eq!(bucket.wait_for(1, BUDGET, NOON), DAY / 10);
    }

    #[test]
    fn last_refilled_in_2040_it_refills_from_now_on() {
        let mut bucket = Bucket::of_guesses(100, Timestamp(2_208_988_800));
        assert!(bucket.clamp_to(NOON));
        assert!(!bucket.clamp_to(NOON));
        assert!(bucket.affords(1, BUDGET, NOON.plus(DAY / 10)));
    }

    #[test]
    fn one_pair_is_judged_in_as_many_seconds_as_it_costs() {
        let mut bucket = Bucket::default();
        assert!(bucket.takes_pair(1, Timestamp(0)) && bucket.takes_pair(1, NOON));
        bucket.last_pair = NOON;
        assert!(!bucket.takes_pair(0, NOON) && bucket.takes_pair(1, NOON.plus(1)));
        assert!(!bucket.takes_pair(8, NOON.plus(7)) && bucket.takes_pair(8, NOON.plus(8)));
    }
}
