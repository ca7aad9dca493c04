//! A simulated year of guessing: an attacker who knows the password has as many codes judged as the throttle of
//! the defaults lets through, while the owner logs in, and nobody waits for a clock.
//!
//! The attacker knows everything but the secrets: what every budget holds, when a source may try again, and when the
//! owner logs in; and has a code judged the moment there is room for it. The table that
//! `cargo test --release -p totp-core guessing -- --nocapture --include-ignored` prints stands in
//! docs/threat-model.md.

use super::evaluate::{HOTP_PAIR_AHEAD, good_steps};
use super::tests::{code_at, refusal};
use super::*;
use crate::credential::example_device;
use crate::credential::tests::example;
use crate::secret::Secret;
use crate::throttle::Party;
use std::net::{IpAddr, Ipv4Addr};

const START: Timestamp = Timestamp(1_790_000_010);
const DAY: u64 = 24 * 60 * 60;
const YEAR: u64 = 365 * DAY;
const CODES: u64 = 1_000_000;

/// SplitMix64: the same guesses in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }
}

fn address(number: u32) -> Source {
    Source::from_address(IpAddr::V4(Ipv4Addr::from_bits(0xc633_6400 + number)))
}

/// The owner's address, which logged in before.
const HOME: Source = Source::Address(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)));
/// One that the owner never was at.
const ABROAD: Source = Source::Address(IpAddr::V4(Ipv4Addr::new(203, 0, 113, 9)));

fn strangers(count: u32) -> Vec<Source> {
    (0..count).map(address).collect()
}

/// What the owner has.
#[derive(Clone, Copy, PartialEq)]
enum Devices {
    Phones(u32),
    Counter,
}

impl Devices {
    fn credential(self) -> Credential {
        let device = |id: u32, kind| {
            let secret: String =
                "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ".chars().cycle().skip(id as usize).take(32).collect();
            Device { secret: Secret::from_base32(&secret).unwrap(), ..example_device(id, "phone", kind) }
        };
        let devices = match self {
            Self::Phones(count) => (1..=count).map(|id| device(id, Kind::Totp { interval: 30 })).collect(),
            Self::Counter => vec![device(1, Kind::Hotp)],
        };
        Credential { devices, ..example() }
    }

    /// How many pairs of steps are good at once.
    fn good_pairs(self) -> u64 {
        match self {
            Self::Phones(count) => u64::from(count) * 3,
            Self::Counter => HOTP_PAIR_AHEAD - 1,
        }
    }
}

/// What is played.
#[derive(Clone)]
struct Play {
    attackers: Vec<Source>,
    devices: Devices,
    /// Where the owner logs in.
    owner: Source,
    /// Logins of the owner a day; 0 for an owner who is away all year.
    logins_a_day: u64,
    seconds: u64,
    /// How many codes the attacker must choose from; fewer than there are to test the formula.
    codes: u64,
    seed: u64,
}

impl Play {
    fn year(attackers: Vec<Source>, logins_a_day: u64) -> Self {
        let devices = Devices::Phones(1);
        Self { attackers, devices, owner: HOME, logins_a_day, seconds: YEAR, codes: CODES, seed: 1 }
    }

    fn with(self, devices: Devices) -> Self {
        Self { devices, ..self }
    }

    fn for_days(self, days: u64) -> Self {
        Self { seconds: days * DAY, ..self }
    }

    /// How many budgets the attackers draw on.
    fn parties(&self) -> u64 {
        let parties = self.attackers.iter().map(|source| match source {
            Source::Local | Source::Helper => Party::ThisMachine,
            source if *source == HOME => Party::Known,
            _ => Party::Strangers,
        });
        Party::ALL.iter().filter(|party| parties.clone().any(|drawn| drawn == **party)).count() as u64
    }
}

/// What came of it.
#[derive(Default)]
struct Outcome {
    /// Codes that were judged.
    judged: u64,
    /// The chance that one of them was right, and that one of the pairs of codes was, of which there was no fewer than
    /// one each second that is allowed.
    chance: f64,
    /// When the first guess was right, in seconds from the start.
    hit: Option<u64>,
    /// Logins of the owner, and how many of them took two codes in a row.
    logins: (u64, u64),
    /// Looks at whether the owner would have been judged at [`ABROAD`]: how many, and how many found it closed.
    abroad: (u64, u64),
}

impl Outcome {
    fn refused_at_home(&self) -> f64 {
        self.logins.1 as f64 / self.logins.0.max(1) as f64
    }

    fn refused_abroad(&self) -> f64 {
        self.abroad.1 as f64 / self.abroad.0.max(1) as f64
    }
}

/// Of a right guess among so many.
fn chance(guesses: u64, of_each: f64) -> f64 {
    1.0 - (1.0 - of_each).powf(guesses as f64)
}

struct Game {
    play: Play,
    policy: Policy,
    credential: Credential,
    state: State,
    dice: Dice,
    outcome: Outcome,
}

impl Game {
    fn new(play: Play) -> Self {
        let credential = play.devices.credential();
        let mut state = State::afresh(credential.id);
        for device in &credential.devices {
            state.set_progress(device.id, None);
        }
        // The owner's address is known from the first second on.
        state.ledger.count_success(HOME, START);
        let dice = Dice(play.seed);
        Self { play, policy: Policy::default(), credential, state, dice, outcome: Outcome::default() }
    }

    fn judge(&mut self, typed: &str, source: Source, now: Timestamp) -> Verdict {
        let answer = Answer::parse(typed.as_bytes());
        let state = std::mem::take(&mut self.state);
        let (verdict, next) = judge(&self.policy, &self.credential, state, &answer, source, now);
        self.state = next;
        verdict
    }

    fn cost(&self) -> u32 {
        dearest_guess(&self.policy, &self.credential)
    }

    fn throttle(&self, source: Source, now: Timestamp) -> ThrottleState {
        self.state.ledger.state_of(source, self.cost(), now, &self.policy.throttle)
    }

    /// The codes that are good now.
    fn good(&self, now: Timestamp) -> Vec<String> {
        let mut state = self.state.clone();
        let of_each = self.credential.devices.iter().flat_map(|device| {
            let (steps, _) = good_steps(&self.policy, &mut state, device, now).expect("no counter is lost");
            steps.map(|step| code_at(device, step)).collect::<Vec<_>>()
        });
        of_each.collect()
    }

    /// One code of those the attacker has to choose from; those that are good are among them.
    fn guess(&mut self, now: Timestamp) -> String {
        let good = self.good(now);
        let number = self.dice.below(self.play.codes);
        if let Some(lucky) = good.get(number as usize) {
            return lucky.clone();
        }
        let mut number = number;
        loop {
            let wrong = format!("{number:06}");
            if !good.contains(&wrong) {
                return wrong;
            }
            number = (number + good.len() as u64) % CODES;
        }
    }

    /// Has codes judged from every attacker who may try, until none may; then says when the next one may.
    fn attack(&mut self, now: Timestamp, waits: &mut [Timestamp]) -> Option<Timestamp> {
        for (number, wait) in waits.iter_mut().enumerate() {
            while *wait <= now {
                let source = self.play.attackers[number];
                match self.throttle(source, now) {
                    ThrottleState::Wait(seconds) | ThrottleState::Exhausted(seconds) => {
                        *wait = now.plus(seconds)
                    }
                    ThrottleState::Free => {
                        let guess = self.guess(now);
                        let before = self.state.clone();
                        self.outcome.judged += 1;
                        if refusal(self.judge(&guess, source, now)).is_none() {
                            let since = now.since(START);
                            self.outcome.hit.get_or_insert(since);
                            // Played on as if it had been wrong, to know how many there would have been.
                            self.state = before;
                            let cost = self.cost();
                            self.state.ledger.count_failure(source, cost, now, &self.policy.throttle);
                        }
                    }
                }
            }
        }
        waits.iter().min().copied()
    }

    /// The owner logs in from their place: with a code, or where none is looked at with two in a row, as soon as the phone
    /// shows the second.
    fn log_in(&mut self, now: Timestamp) -> Timestamp {
        self.outcome.logins.0 += 1;
        let device = &self.credential.devices[0];
        let counter =
            self.state.progress_of(device.id).and_then(|progress| progress.last).map_or(0, |last| last + 1);
        if self.throttle(self.play.owner, now) == ThrottleState::Free {
            let step = if device.parameters.kind == Kind::Hotp { counter } else { device.step_at(now) };
            let code = code_at(device, step);
            assert!(refusal(self.judge(&code, self.play.owner, now)).is_none());
            return now;
        }
        self.outcome.logins.1 += 1;
        let (first, at) = match device.parameters.kind {
            Kind::Hotp => (counter, now),
            Kind::Totp { .. } => (device.step_at(now), now.plus(30)),
        };
        let pair = format!("{} {}", code_at(device, first), code_at(device, first + 1));
        assert!(
            refusal(self.judge(&pair, self.play.owner, at)).is_none(),
            "two codes in a row are always looked at"
        );
        at
    }

    fn play(mut self) -> Outcome {
        let end = START.plus(self.play.seconds);
        let mut now = START;
        let mut waits = vec![START; self.play.attackers.len()];
        let between = DAY.checked_div(self.play.logins_a_day).unwrap_or(u64::MAX);
        let mut next_login = START.plus(if between == u64::MAX { u64::MAX } else { 60 });
        let mut next_look = START.plus(600);
        while now < end {
            if next_login <= now {
                now = self.log_in(now);
                next_login = next_login.plus(between);
                // The success ended the delay of its address.
                waits.fill(now);
            }
            // Looked at, not tried: a try of the owner's would make it known.
            if next_look <= now {
                self.outcome.abroad.0 += 1;
                let closed = self.throttle(ABROAD, now) != ThrottleState::Free;
                self.outcome.abroad.1 += u64::from(closed);
                next_look = next_look.plus(600);
            }
            let next_try = self.attack(now, &mut waits);
            let next = next_try.unwrap_or(end).min(next_login).min(next_look);
            now = next.max(now.plus(1));
        }
        let good = self.good(now).len() as f64;
        let pairs = self.play.parties() * self.play.seconds / u64::from(self.cost());
        let of_pair = self.play.devices.good_pairs() as f64 / (CODES * CODES) as f64;
        let codes = self.play.codes as f64;
        let misses = (1.0 - chance(self.outcome.judged, good / codes)) * (1.0 - chance(pairs, of_pair));
        self.outcome.chance = 1.0 - misses;
        self.outcome
    }
}

fn everybody() -> Vec<Source> {
    let mut attackers = strangers(1000);
    attackers.extend([HOME, Source::Helper]);
    attackers
}

/// As many as a budget holds, and as many more as it gets.
fn budget(at_once: u64, a_day: u64, days: u64) -> std::ops::RangeInclusive<u64> {
    let most = at_once + a_day * days;
    most - 1..=most
}

#[test]
fn however_often_the_owner_logs_in_a_thousand_addresses_have_ten_guesses_a_day_beyond_the_first_hundred() {
    for logins in [0, 1, 30] {
        let outcome = Game::new(Play::year(strangers(1000), logins).for_days(8)).play();
        assert!(budget(100, 10, 8).contains(&outcome.judged), "{logins}: {}", outcome.judged);
        assert_eq!(
            (outcome.logins, outcome.hit),
            ((logins * 8, 0), None),
            "the owner at home waits for nobody"
        );
        assert!(outcome.refused_abroad() > 0.95);
    }
}

#[test]
fn from_the_owners_own_address_and_on_this_machine_there_are_sixty_and_six_a_day() {
    for attacker in [HOME, Source::Helper, Source::Local] {
        let outcome = Game::new(Play::year(vec![attacker], 10).for_days(8)).play();
        assert!(budget(60, 6, 8).contains(&outcome.judged), "{attacker}: {}", outcome.judged);
        // Two codes in a row have let the owner in wherever one was not looked at.
        assert_eq!(outcome.logins.0, 80);
    }
}

#[test]
fn one_address_is_slowed_down_by_its_own_delays_before_its_budget_ends() {
    let outcome = Game::new(Play::year(strangers(1), 1).for_days(1)).play();
    // Eleven come before the longest delay is reached, then one in a quarter of an hour.
    assert!((96..=108).contains(&outcome.judged), "{}", outcome.judged);
}

#[test]
fn more_devices_and_counters_make_a_guess_dearer_and_no_likelier() {
    let one = Game::new(Play::year(strangers(40), 1).for_days(10)).play();
    for (devices, cost) in [(Devices::Phones(3), 3), (Devices::Phones(8), 8), (Devices::Counter, 4)] {
        let outcome = Game::new(Play::year(strangers(40), 1).for_days(10).with(devices)).play();
        assert!(outcome.judged <= one.judged / cost + 1, "{} for {cost} each", outcome.judged);
        assert!(outcome.chance <= one.chance * 1.01);
    }
}

/// The promise of the table, for the whole year, as the budgets have it.
#[test]
fn in_a_year_strangers_are_right_once_in_eighty_and_all_together_once_in_forty() {
    let Policy { throttle, totp, .. } = Policy::default();
    let guesses =
        |budget: crate::policy::Budget| u64::from(budget.guesses) + u64::from(budget.refill.per_day) * 365;
    let good = 2.0 * f64::from(totp.window) + 1.0;
    let in_a_year = |guesses, parties: u64| {
        1.0 - (1.0 - chance(guesses, good / CODES as f64))
            * (1.0 - chance(parties * YEAR, good / (CODES * CODES) as f64))
    };
    let strangers = in_a_year(guesses(throttle.budget), 1);
    let all = in_a_year(guesses(throttle.budget) + 2 * guesses(throttle.known_budget), 3);
    assert!(strangers <= 0.012 && all <= 0.025, "{strangers} {all}");
}

/// The formula of the table, tested where a right guess is no rarity: the attacker chooses from 300 codes.
#[test]
fn guesses_are_right_as_often_as_the_formula_says() {
    const RUNS: u64 = 100;
    let mut right = 0;
    for seed in 0..RUNS {
        let play = Play { codes: 300, seed: seed * 7919, seconds: 60, ..Play::year(strangers(40), 0) };
        let outcome = Game::new(play).play();
        assert_eq!(outcome.judged, 100);
        right += u64::from(outcome.hit.is_some());
    }
    let (found, expected) = (right as f64 / RUNS as f64, chance(100, 3.0 / 300.0));
    assert!((found - expected).abs() < 0.12, "{found} found, {expected} expected");
}

fn percent(share: f64) -> String {
    if share > 0.0 && share < 0.001 {
        format!("{:.3} %", share * 100.0)
    } else {
        format!("{:.2} %", share * 100.0)
    }
}

fn row(what: &str, play: Play) -> Outcome {
    let has_logins = play.logins_a_day > 0;
    let outcome = Game::new(play).play();
    let at_home = if has_logins { percent(outcome.refused_at_home()) } else { "-".to_owned() };
    println!(
        "| {what} | {} | {} | {at_home} | {} |",
        outcome.judged,
        percent(outcome.chance),
        percent(outcome.refused_abroad())
    );
    outcome
}

/// pam_google_authenticator as its own program sets it up: three codes are good, and RATE_LIMIT 3 30 where
/// the question about it was answered yes. The limit is one for the user and not by source, and a try that it
/// refuses counts as well.
#[test]
#[ignore = "prints the table of docs/threat-model.md; without optimisation it takes minutes"]
fn a_year_of_guessing_as_a_table() {
    println!(
        "| attacker and owner | judged | chance in a year | the owner takes two codes | and at a new address |"
    );
    println!("|---|---|---|---|---|");
    let bound = |outcome: Outcome, most: f64| assert!(outcome.chance <= most, "{}", outcome.chance);
    for logins in [0, 1, 10, 30] {
        let owner = match logins {
            0 => "the owner is away".to_owned(),
            1 => "one login a day".to_owned(),
            many => format!("{many} logins a day"),
        };
        bound(row(&format!("1,000 addresses; {owner}"), Play::year(strangers(1000), logins)), 0.012);
    }
    for logins in [1, 10, 30] {
        bound(
            row(&format!("the owner's own address (NAT); {logins} a day"), Play::year(vec![HOME], logins)),
            0.012,
        );
    }
    let at_console = Play { owner: Source::Local, ..Play::year(vec![Source::Helper], 10) };
    bound(row("a stolen session, through the helper; 10 a day at a console", at_console), 0.012);
    bound(row("all of them at once; 10 a day", Play::year(everybody(), 10)), 0.025);
    let others = [
        ("three phones", Devices::Phones(3)),
        ("eight phones", Devices::Phones(8)),
        ("a counter (HOTP)", Devices::Counter),
    ];
    for (what, devices) in others {
        bound(
            row(&format!("1,000 addresses; 10 a day; {what}"), Play::year(strangers(1000), 10).with(devices)),
            0.012,
        );
        bound(
            row(&format!("all at once; 10 a day; {what}"), Play::year(everybody(), 10).with(devices)),
            0.025,
        );
    }
    for (what, a_second) in [("RATE_LIMIT 3 30", 0.1), ("no RATE_LIMIT, ten a second", 10.0)] {
        let guesses = (a_second * YEAR as f64) as u64;
        let half = (0.5f64.ln() / (1.0 - 3e-6f64).ln() / a_second / DAY as f64 * 10.0).round() / 10.0;
        println!(
            "| {what} | {guesses} | {:.3} % | even odds after {half} days |",
            chance(guesses, 3e-6) * 100.0
        );
    }
}
