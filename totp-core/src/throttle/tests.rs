//! What sources may do after failures, and what their budgets allow over time.

use super::*;
use crate::policy::Refill;
use std::net::{IpAddr, Ipv4Addr};

const LIMITS: Throttle = Throttle {
    free_failures: 3,
    base_delay: 5,
    max_delay: 900,
    budget: Budget { guesses: 100, refill: Refill { per_day: 10 } },
    known_budget: Budget { guesses: 60, refill: Refill { per_day: 6 } },
};
const DAY: u64 = 86_400;
const NOON: Timestamp = Timestamp(1_790_000_000);

fn address(number: u32) -> Source {
    Source::from_address(IpAddr::V4(Ipv4Addr::from_bits(0xc000_0200 + number)))
}

/// A ledger with shorter words for what these tests do.
#[derive(Default)]
struct Played(Ledger);

impl Played {
    fn fails(&mut self, source: Source, at: Timestamp) {
        self.0.count_failure(source, 1, at, &LIMITS);
    }

    fn succeeds(&mut self, source: Source, at: Timestamp) {
        self.0.count_success(source, at);
    }

    fn may(&self, source: Source, at: Timestamp) -> ThrottleState {
        self.0.state_of(source, 1, at, &LIMITS)
    }

    fn is_exhausted(&self, source: Source, at: Timestamp) -> bool {
        matches!(self.may(source, at), ThrottleState::Exhausted(_))
    }
}

#[test]
fn delays_double_beyond_the_free_failures_up_to_the_longest() {
    let delays: Vec<_> = (0..=13).map(|failures| delay_after(failures, &LIMITS)).collect();
    assert_eq!(delays, [0, 0, 0, 0, 5, 10, 20, 40, 80, 160, 320, 640, 900, 900]);
    assert_eq!(delay_after(u32::MAX, &LIMITS), 900);
}

#[test]
fn a_guess_costs_a_third_of_the_codes_that_would_have_been_good() {
    let costs = [1, 3, 4, 9, 10, 21].map(cost_of_guess);
    assert_eq!(costs, [1, 1, 2, 3, 4, 7]);
}

#[test]
fn a_source_waits_for_its_own_failures_and_for_no_others() {
    let mut played = Played::default();
    for _ in 0..4 {
        played.fails(address(1), NOON);
    }
    assert_eq!(played.may(address(1), NOON), ThrottleState::Wait(5));
    assert_eq!(played.may(address(1), NOON.plus(4)), ThrottleState::Wait(1));
    assert_eq!(played.may(address(1), NOON.plus(5)), ThrottleState::Free);
    assert_eq!(played.may(address(2), NOON), ThrottleState::Free);
    assert_eq!(played.may(Source::Local, NOON), ThrottleState::Free);
}

#[test]
fn a_success_ends_the_count_of_its_source_and_refills_no_budget() {
    let mut played = Played::default();
    for _ in 0..50 {
        played.fails(address(1), NOON);
        played.fails(address(2), NOON);
    }
    played.succeeds(address(1), NOON);
    assert_eq!((played.0.failures(address(1)), played.0.failures(address(2))), (0, 50));
    assert_eq!(played.0.strangers.left(LIMITS.budget, NOON), 0);
    assert!(played.is_exhausted(address(3), NOON));
}

#[test]
fn strangers_who_used_up_their_budget_leave_known_addresses_and_this_machine_theirs() {
    let mut played = Played::default();
    played.succeeds(address(0), NOON);
    for number in 1..=100 {
        assert_eq!(played.may(address(number), NOON), ThrottleState::Free, "guess {number}");
        played.fails(address(number), NOON);
    }
    assert_eq!(played.may(address(200), NOON), ThrottleState::Exhausted(DAY / 10));
    assert!(played.is_exhausted(Source::Named, NOON));
    assert_eq!(played.may(address(0), NOON), ThrottleState::Free);
    assert_eq!(played.may(Source::Local, NOON), ThrottleState::Free);
    assert_eq!(played.may(address(200), NOON.plus(DAY / 10)), ThrottleState::Free);
}

#[test]
fn all_known_addresses_share_one_budget() {
    let mut played = Played::default();
    for number in 0..3 {
        played.succeeds(address(number), NOON);
    }
    for guess in 0..60 {
        played.fails(address(guess % 2), NOON);
    }
    assert!(played.is_exhausted(address(2), NOON), "which has not failed once");
    assert!(!played.is_exhausted(address(9), NOON) && !played.is_exhausted(Source::Local, NOON));
    assert!(!played.is_exhausted(address(2), NOON.plus(DAY / 6)));
}

#[test]
fn this_machine_is_one_source_whoever_asks() {
    let mut played = Played::default();
    for _ in 0..30 {
        played.fails(Source::Local, NOON);
        played.fails(Source::Helper, NOON);
    }
    assert!(played.is_exhausted(Source::Local, NOON) && played.is_exhausted(Source::Helper, NOON));
    assert_eq!(played.0.failures(Source::Helper), 60);
    played.succeeds(Source::Local, NOON);
    assert!(!played.0.knows(Source::Local, NOON) && !played.0.knows(Source::Helper, NOON));
    assert!(played.is_exhausted(Source::Helper, NOON), "no success refills a budget");
}

#[test]
fn this_machine_is_one_source_by_whatever_address_and_is_never_known() {
    let here = ["127.0.0.1", "127.0.0.2", "::1"].map(|text| Source::parse(Some(text)));
    let here = || here.into_iter().chain([Source::Local, Source::Helper]);
    let mut played = Played::default();
    here().for_each(|source| played.fails(source, NOON));
    assert!(here().all(|source| played.0.failures(source) == 5));
    assert!(here().all(|source| played.may(source, NOON) == ThrottleState::Wait(10)));
    assert!(here().all(|source| played.0.party(source, NOON) == Party::ThisMachine));
    played.fails(address(1), NOON);
    assert_eq!(played.may(address(1), NOON), ThrottleState::Free, "a source of its own");
    here().for_each(|source| played.succeeds(source, NOON));
    assert!(here().all(|source| !played.0.knows(source, NOON)));
    assert_eq!(played.0.sources.len(), 2);
}

#[test]
fn strangers_evict_strangers_and_their_failures_stay_counted() {
    let mut played = Played::default();
    played.succeeds(address(0), NOON);
    for number in 1..=200 {
        played.fails(address(number), NOON.plus(u64::from(number)));
    }
    assert!(played.0.sources.len() <= MOST_ADDRESSES + 2);
    assert!(played.0.knows(address(0), NOON.plus(300)));
    let counted: u32 = played.0.sources.iter().map(|record| record.failures).sum();
    assert_eq!(counted, 200);
}

#[test]
fn where_every_place_is_known_strangers_share_one_count() {
    let mut played = Played::default();
    for number in 0..24 {
        played.succeeds(address(number), NOON);
    }
    for number in 100..110 {
        played.fails(address(number), NOON);
    }
    assert!((0..24).all(|number| played.0.knows(address(number), NOON)));
    assert_eq!(played.0.failures(Source::Named), 10);
    assert_ne!(played.may(address(999), NOON), ThrottleState::Free);
    played.succeeds(address(500), NOON.plus(9));
    assert!(played.0.knows(address(500), NOON.plus(9)));
    assert_eq!(played.0.sources.len(), 25);
}

#[test]
fn one_login_from_a_named_host_vouches_for_no_other() {
    let mut played = Played::default();
    played.succeeds(Source::Named, NOON);
    assert!(!played.0.knows(Source::Named, NOON));
}

#[test]
fn a_clock_that_stepped_back_prolongs_no_wait_and_forgets_nobody() {
    let mut played = Played::default();
    let year = 365 * DAY;
    played.succeeds(address(0), NOON);
    for _ in 0..4 {
        played.fails(Source::Local, NOON.plus(3600));
    }
    // One answer while the clock is a year behind.
    let behind = Timestamp(NOON.0 - year);
    assert!(played.0.clamp_to(behind) && !played.0.clamp_to(behind));
    assert_eq!(played.may(Source::Local, behind), ThrottleState::Wait(5));
    assert!(!played.0.knows(address(0), behind), "a year ahead is as strange as a year ago");
    assert!(played.0.knows(address(0), NOON.plus(60)), "once the clock is right again");
}

#[test]
fn a_success_in_the_future_counts_for_thirty_days() {
    let mut played = Played::default();
    played.succeeds(address(0), NOON);
    let back = |seconds| Timestamp(NOON.0 - seconds);
    assert!(played.0.knows(address(0), back(KNOWN_FOR - 1)));
    assert!(!played.0.knows(address(0), back(KNOWN_FOR)));
}

#[test]
fn a_wrong_pair_costs_nothing_and_delays_nothing_but_the_next_pair_of_its_party() {
    let mut played = Played::default();
    played.succeeds(address(0), NOON);
    played.0.count_pair(address(1), NOON);
    assert_eq!(played.may(address(1), NOON), ThrottleState::Free);
    assert_eq!(played.0.strangers.left(LIMITS.budget, NOON), 100);
    assert!(!played.0.takes_pair(address(2), 1, NOON) && played.0.takes_pair(address(2), 1, NOON.plus(1)));
    assert!(played.0.takes_pair(address(0), 1, NOON) && played.0.takes_pair(Source::Local, 1, NOON));
}

#[test]
fn what_another_ledger_counted_is_added() {
    let with = |guesses: u32| {
        let mut played = Played::default();
        for _ in 0..guesses {
            played.fails(address(1), NOON);
        }
        played.0
    };
    let mut ledger = with(3);
    ledger.add(&with(5));
    assert_eq!((ledger.failures(address(1)), ledger.strangers.left(LIMITS.budget, NOON)), (8, 92));
}
