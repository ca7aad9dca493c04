//! Where a login comes from: who is throttled, who is told why, and which host is remembered.

use super::*;
use crate::clock::KNOWN_FOR;
use crate::recovery::RecoverySet;
use std::net::IpAddr;

#[test]
fn while_throttled_a_right_code_is_not_evaluated_and_nothing_is_counted() {
    let mut world = World::new();
    for _ in 0..4 {
        world.tries("000000");
    }
    let code = world.code(0);
    let before = world.state.clone();
    let found = refusal(world.tries(&code)).unwrap();
    assert_eq!((found.reason, found.wait, found.recorded), (Reason::Throttled, 5, false));
    assert_eq!(world.state, before);
    world.now = world.now.plus(5);
    assert_eq!(world.reason(&code), None, "the code was not spent by trying it too early");
}

#[test]
fn a_recovery_code_is_never_refused_for_throttling() {
    let mut world = World::new();
    let (set, printed) = RecoverySet::generate(2).unwrap();
    world.state.recovery = set;
    world.policy.throttle.budget.guesses = 4;
    for _ in 0..4 {
        world.tries_from(address(STRANGER), "000000");
    }
    let refused = refusal(world.tries_from(address(STRANGER), "000000")).unwrap();
    assert_eq!(refused.reason, Reason::Exhausted);
    let verdict = world.tries_from(address(STRANGER), &printed[0]);
    assert_eq!(verdict, Verdict::Accepted(Factor::RecoveryCode { left: 1 }));
}

#[test]
fn strangers_who_used_up_their_budget_do_not_keep_a_known_address_out() {
    let mut world = World::new();
    let home = address("198.51.100.7");
    assert!(refusal(world.tries_from(home, &world.code(0))).is_none());
    for number in 0..150 {
        world.tries_from(address(&format!("203.0.113.{}", number % 250)), "000000");
    }
    let refused = refusal(world.tries_from(address(STRANGER), "000000")).unwrap();
    assert_eq!(refused.reason, Reason::Exhausted);
    assert!(refusal(world.tries_from(home, &world.code(1))).is_none());
    assert!(refusal(world.tries_from(address(STRANGER), "000000")).is_some_and(|refused| !refused.counted));
}

#[test]
fn why_is_told_at_this_machine_and_to_known_addresses_only() {
    let mut world = World::new();
    let home = address("198.51.100.7");
    world.tries_from(home, &world.code(0));
    let tells = |world: &mut World, from| refusal(world.tries_from(from, "000000")).unwrap().may_tell;
    assert!(tells(&mut world, Source::Local));
    assert!(tells(&mut world, Source::Helper));
    assert!(tells(&mut world, home));
    assert!(!tells(&mut world, address(STRANGER)));
    assert!(!tells(&mut world, Source::Named));
    world.now = world.now.plus(KNOWN_FOR);
    assert!(!tells(&mut world, home));
}

#[test]
fn an_address_of_this_machine_is_never_known_never_remembered_and_told_what_strangers_are_told() {
    let mut world = World::new();
    world.policy.remember_hosts_for = 3600;
    let tunnel = address("127.0.0.1");
    assert!(refusal(world.tries_from(tunnel, &world.code(0))).is_none());
    assert!(!is_remembered(&world.policy, &world.state, tunnel, world.now));
    assert!(world.state.hosts.is_empty());
    let found = refusal(world.tries_from(tunnel, "000000")).unwrap();
    assert!(!found.may_tell && found.counted);
    assert_eq!(world.state.ledger.failures(Source::Local), 1);
}

#[test]
fn loopback_that_was_known_and_remembered_by_an_older_version_is_so_no_more() {
    let mut world = World::new();
    world.policy.remember_hosts_for = 3600;
    let loopback = IpAddr::from([127, 0, 0, 1]);
    let before = Source::from_address(loopback);
    world.tries_from(before, &world.code(0));
    assert!(world.state.ledger.knows(before, NOON) && !world.state.hosts.is_empty());
    assert!(!is_remembered(&world.policy, &world.state, Source::Own(loopback), NOON));
    assert!(!world.state.ledger.knows(Source::Own(loopback), NOON));
}

#[test]
fn a_remembered_host_is_the_exact_address_for_the_stated_time() {
    let mut world = World::new();
    let home = address("2001:db8::7");
    world.policy.remember_hosts_for = 3600;
    world.tries_from(home, &world.code(0));
    let remembered = |world: &World, from, now| is_remembered(&world.policy, &world.state, from, now);
    assert!(remembered(&world, home, NOON.plus(3599)));
    assert!(!remembered(&world, home, NOON.plus(3600)));
    assert!(!remembered(&world, home, Timestamp(NOON.0 - 1)), "the clock stepped back");
    assert!(!remembered(&world, address("2001:db8::8"), NOON));
    assert!(!remembered(&world, Source::Local, NOON));
    world.policy.remember_hosts_for = 0;
    assert!(!remembered(&world, home, NOON));
}

#[test]
fn no_host_is_remembered_by_a_policy_that_always_asks() {
    let mut world = World::new();
    world.tries_from(address(STRANGER), &world.code(0));
    assert!(world.state.hosts.is_empty());
}
