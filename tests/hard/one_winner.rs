//! One code, many logins at the same moment: exactly one gets in, and every other one is counted. Thousands of
//! rounds through the module and through totp-helper; what changes the credential meanwhile is in changes.rs,
//! users who are not set up are in newcomers.rs, and another module in the same place is in peer.rs.

#![forbid(unsafe_code)]

#[path = "one_winner/changes.rs"]
mod changes;
#[path = "one_winner/newcomers.rs"]
mod newcomers;
#[path = "one_winner/peer.rs"]
mod peer;

use host::{Act, Host, POLICY, Party, Stack};
use std::collections::BTreeSet;
use std::io::Write as _;
use std::process::Command;
use std::time::Instant;

/// How many act at once.
const CROWD: usize = 16;
const SERVICE: &str = "test";

const SUCCESS: i32 = 0;
const AUTH_ERR: i32 = 7;

/// Nobody waits for having failed: that a code was refused shall have one reason alone. With eight digits hardly
/// two codes of a few thousand are alike.
const POLICY_TEXT: &str = "mode = \"required\"\n[totp]\nwindow = 10\ndigits = 8\n";

/// What a guess costs where 21 codes are good.
const COST: usize = 7;

fn policy_with(free_failures: usize, budget: usize) -> String {
    format!(
        "{POLICY_TEXT}[throttle]\nfree_failures = {free_failures}\nbase_delay = \"10m\"\nbudget = {budget}\nknown_budget = {budget}\nknown_refill = \"1/day\"\n"
    )
}

fn house() -> Host {
    let host = Host::builder()
        .user("alice", "wonderland")
        .policy(&policy_with(1_000_000, 1_000_000))
        .stack(SERVICE, Stack::Text("auth required pam_totp.so\n"))
        .build();
    // Where some login sets users up again, they may unset it themselves. No sshd runs.
    host.write("/etc/pam.d/sshd", Stack::PasswordAndCodeWith("setup").text());
    host
}

/// Gives alice a token that counts, and returns its codes in their order. No two of them are alike: the module
/// takes one for the later one.
fn token(host: &Host, codes: usize) -> impl Iterator<Item = String> + use<> {
    loop {
        let drawn = any_token(host, codes);
        if drawn.iter().collect::<BTreeSet<_>>().len() == drawn.len() {
            return drawn.into_iter();
        }
        revoke(host);
    }
}

fn any_token(host: &Host, codes: usize) -> Vec<String> {
    let words = ["totp-enroll", "admin", "enroll", "alice", "--hotp", "--json"];
    let made: serde_json::Value = serde_json::from_str(&host.must_run(&words)).expect("--json prints JSON");
    let secret = made["secret"].as_str().expect("`secret` is a string");
    let output = Command::new("oathtool")
        .args(["--hotp", "--base32", "--digits=8", "--counter=0", &format!("--window={codes}"), secret])
        .output()
        .expect("oathtool should be installed");
    assert!(output.status.success(), "{output:?}");
    let codes = String::from_utf8(output.stdout).expect("codes are digits");
    codes.lines().map(str::to_owned).collect()
}

fn status(host: &Host) -> serde_json::Value {
    host.run(&["totp-enroll", "admin", "status", "alice", "--json"]).json()
}

fn revoke(host: &Host) {
    host.must_run(&["totp-enroll", "admin", "revoke", "alice", "--yes"]);
}

fn winners(acts: &[Act]) -> usize {
    acts.iter().filter(|act| act.result == SUCCESS).count()
}

/// So many got in, and all others were refused after their failure was recorded: a store that could not be used
/// has another word.
fn win(acts: &[Act], expected: usize, round: usize) {
    assert_eq!(winners(acts), expected, "in round {round}: {acts:?}");
    let others = acts.iter().filter(|act| act.result != SUCCESS);
    assert!(others.clone().all(|act| act.result == AUTH_ERR), "in round {round}: {acts:?}");
}

/// The log tells of so many logins and so many failures, and of nothing else that befell a login.
fn log_counts(host: &Host, accepted: usize, denied: usize) {
    let login = "event=login result=";
    host.wait_until("every login is logged", |host| host.times_logged(login) >= accepted + denied);
    assert_eq!(host.times_logged("event=login result=accepted"), accepted);
    assert_eq!(host.times_logged("event=login result=denied"), denied);
    assert_eq!(host.times_logged(login), accepted + denied);
}

/// Says what was measured, past the capture of a test's output.
fn report(what: &str, rounds: usize, since: Instant) {
    let seconds = since.elapsed().as_secs_f64();
    let _ = writeln!(std::io::stderr(), "{what}: {rounds} rounds of {CROWD}, {seconds:.1} s");
}

/// Rounds in which these act with one code, each round with a new one: one gets in, and all else is counted.
fn one_gets_in(what: &str, rounds: usize, parties: impl Fn(&str) -> Vec<Party>) -> Host {
    let host = house();
    let codes = token(&host, rounds);
    let mut crowd = host.crowd(SERVICE);
    let since = Instant::now();
    for (round, code) in codes.take(rounds).enumerate() {
        win(&crowd.at_once(&parties(&code)), 1, round);
    }
    report(what, rounds, since);
    log_counts(&host, rounds, rounds * (CROWD - 1));
    drop(crowd);
    host
}

#[test]
fn of_sixteen_logins_with_one_code_one_gets_in() {
    let logins = |code: &str| vec![Party::logins(CROWD, "alice", code)];
    let host = one_gets_in("one code of a counter, module", 2000, logins);
    assert_eq!(host.times_logged("reason=used-code"), 2000 * (CROWD - 1));
}

#[test]
fn of_sixteen_logins_with_the_code_of_one_step_one_gets_in() {
    const PHONES: usize = 12;
    const CODES: usize = 17;
    let host = house();
    let mut crowd = host.crowd(SERVICE);
    let since = Instant::now();
    for phone in 0..PHONES {
        let mut phone_of_alice = host.enrol("alice");
        for code in 0..CODES {
            let logins = Party::logins(CROWD, "alice", &phone_of_alice.code());
            win(&crowd.at_once(&[logins]), 1, phone * CODES + code);
        }
        revoke(&host);
    }
    report("one code of a clock, module", PHONES * CODES, since);
    log_counts(&host, PHONES * CODES, PHONES * CODES * (CROWD - 1));
}

#[test]
fn of_sixteen_logins_with_one_recovery_code_one_gets_in() {
    const SLIPS: usize = 50;
    let host = house();
    let mut crowd = host.crowd(SERVICE);
    let since = Instant::now();
    for slip in 0..SLIPS {
        let codes = host.enrol("alice").recovery_codes;
        assert_eq!(codes.len(), 10);
        for (spent, code) in codes.iter().enumerate() {
            // A helper takes longer to start: every second round is the module's alone.
            let half = Party::logins(CROWD / 2, "alice", code);
            let other = if spent % 2 == 0 { half.clone() } else { half.clone().unprivileged() };
            win(&crowd.at_once(&[half, other]), 1, slip * 10 + spent);
        }
        assert_eq!(status(&host)["recovery_codes_left"], 0);
        revoke(&host);
    }
    report("one recovery code, module and helper", SLIPS * 10, since);
    log_counts(&host, SLIPS * 10, SLIPS * 10 * (CROWD - 1));
}

#[test]
fn as_many_get_in_with_a_temporary_code_as_it_was_made_for() {
    const ROUNDS: usize = 100;
    let host = house();
    host.enrol("alice");
    let mut crowd = host.crowd(SERVICE);
    let since = Instant::now();
    for uses in [1, 3] {
        for round in 0..ROUNDS {
            let words = ["totp-enroll", "admin", "code", "alice", "--uses", &uses.to_string(), "--json"];
            let made = host.run(&words).json();
            let code = made["code"].as_str().expect("`code` is a string");
            let half = Party::logins(CROWD / 2, "alice", code);
            let helpers = half.clone().unprivileged();
            let parties = match round % 3 {
                0 => [half.clone(), half],
                1 => [half, helpers],
                _ => [helpers.clone(), helpers],
            };
            win(&crowd.at_once(&parties), uses, round);
        }
    }
    report("one temporary code for 1 and for 3 logins, module and helper", 2 * ROUNDS, since);
    log_counts(&host, ROUNDS + 3 * ROUNDS, ROUNDS * (CROWD - 1) + ROUNDS * (CROWD - 3));
}

#[test]
fn of_sixteen_screen_lockers_with_one_code_one_opens() {
    one_gets_in("one code, helper", 500, |code| vec![Party::logins(CROWD, "alice", code).unprivileged()]);
}

#[test]
fn of_logins_and_screen_lockers_with_one_code_one_gets_in() {
    one_gets_in("one code, module and helper", 500, |code| {
        let logins = Party::logins(CROWD / 2, "alice", code);
        vec![logins.clone().unprivileged(), logins]
    });
}

/// The policy is asked afterwards for the number that makes the difference.
#[test]
fn no_failure_of_a_crowd_of_guesses_goes_uncounted() {
    const ROUNDS: usize = 50;
    let host = house();
    let wrong_codes = host.enrol("alice").wrong_codes();
    let mut crowd = host.crowd(SERVICE);
    for (round, code) in wrong_codes.take(ROUNDS).enumerate() {
        let wrong = Party::logins(CROWD, "alice", &code).from("192.0.2.7");
        let acts = crowd.at_once(&[wrong]);
        assert!(acts.iter().all(|act| act.result == AUTH_ERR), "in round {round}: {acts:?}");
    }
    let failures = ROUNDS * CROWD;
    let waits_with = |free_failures, guesses: usize| {
        host.write(POLICY, policy_with(free_failures, guesses * COST));
        let status = status(&host);
        (status["throttled_for"] != 0, status["exhausted"] == serde_json::json!(["strangers"]))
    };
    assert_eq!(waits_with(failures - 1, failures), (true, true));
    assert_eq!(waits_with(failures, failures + 1), (false, false));
    log_counts(&host, 0, failures);
}

#[test]
fn no_failure_of_a_crowd_of_screen_lockers_goes_uncounted() {
    const ROUNDS: usize = 50;
    let host = house();
    let wrong_codes = host.enrol("alice").wrong_codes();
    let mut crowd = host.crowd(SERVICE);
    for (round, code) in wrong_codes.take(ROUNDS).enumerate() {
        let wrong = Party::logins(CROWD, "alice", &code).unprivileged();
        let acts = crowd.at_once(&[wrong]);
        assert!(acts.iter().all(|act| act.result == AUTH_ERR), "in round {round}: {acts:?}");
    }
    let failures = ROUNDS * CROWD;
    let waits_with = |free_failures| {
        host.write(POLICY, policy_with(free_failures, 1_000_000));
        status(&host)["throttled_for"] != 0
    };
    assert!(waits_with(failures - 1));
    assert!(!waits_with(failures));
    log_counts(&host, 0, failures);
}

/// A success ends the count of its own source alone, so every other one must stand as it was.
#[test]
fn the_failures_of_each_source_are_counted_while_another_logs_in() {
    const ROUNDS: usize = 200;
    let host = house();
    let mut codes = token(&host, ROUNDS);
    let mut crowd = host.crowd(SERVICE);
    let mut failures = [0; CROWD];
    for (round, code) in codes.by_ref().take(ROUNDS).enumerate() {
        let parties: Vec<Party> = (1..=CROWD)
            .map(|number| Party::logins(1, "alice", &code).from(&format!("192.0.2.{number}")))
            .collect();
        let acts = crowd.at_once(&parties);
        win(&acts, 1, round);
        for (count, act) in failures.iter_mut().zip(&acts) {
            *count = if act.result == SUCCESS { 0 } else { *count + 1 };
        }
    }
    let most = *failures.iter().max().expect("a crowd is not empty");
    let somebody_waits_with = |free_failures| {
        host.write(POLICY, policy_with(free_failures, 1_000_000));
        status(&host)["throttled_for"] != 0
    };
    assert!(somebody_waits_with(most - 1), "{failures:?}");
    assert!(!somebody_waits_with(most), "{failures:?}");
}
