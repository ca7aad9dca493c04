//! Whether a login takes longer the more users the store has, and the more rules the policy. Stores of all sizes
//! lie side by side on the disk, each with the same users who log in and empty files for all others, so that they
//! take turns in every round.

use crate::driver::{self, Sample, Where};
use crate::house::{self, House, POLICY, User};
use crate::logins::Rounds;
use crate::modules::Module;
use crate::numbers::{median, number, range};
use crate::table::Table;
use crate::turns;
use host::{DISK, STORE};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt as _, chown};

/// Rules of the policies.
const RULES: [usize; 4] = [1, 10, 100, 1_000];
/// pam_oath reads and writes its whole file at each login: more users would take minutes.
const MOST_OF_OATH: usize = 100_000;
/// So few logins a round where one takes long.
const LOGINS_OF_SLOW: usize = 3;

/// What is varied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Variant {
    /// Users in the store of pam_totp.
    Users(usize),
    /// Rules in its policy, with the least store.
    Rules(usize),
    /// Users in the file of pam_oath.
    Oath(usize),
}

impl Variant {
    /// Whether a login takes so long that others would feel it, in the caches and on the disk.
    fn is_slow(self) -> bool {
        matches!(self, Variant::Oath(_) | Variant::Rules(1_000..))
    }

    fn service(self) -> String {
        match self {
            Variant::Users(count) => format!("users-{count}"),
            Variant::Rules(count) => format!("rules-{count}"),
            Variant::Oath(count) => format!("oath-{count}"),
        }
    }
}

/// What was found: medians of each round, net of the empty stack, in microseconds by the clock and of the processor.
pub struct Scale {
    rounds: Rounds,
    sizes: Vec<usize>,
    found: BTreeMap<Variant, Vec<(f64, f64)>>,
}

/// Measures with stores of these sizes, the least first: it is for those who log in.
pub fn measure(house: &House, rounds: Rounds, sizes: &[usize]) -> Scale {
    assert_eq!(sizes.first(), Some(&house.users.len()), "the least store is for those who log in");
    let mut variants: Vec<Variant> = Vec::new();
    variants.extend(sizes.iter().map(|size| Variant::Users(*size)));
    variants.extend(RULES.map(Variant::Rules));
    variants.extend(sizes.iter().filter(|size| **size <= MOST_OF_OATH).map(|size| Variant::Oath(*size)));
    for variant in &variants {
        prepare(house, *variant);
    }
    let mut scale = Scale { rounds, sizes: sizes.to_vec(), found: BTreeMap::new() };
    for users in house.users.chunks_exact(rounds.users).take(rounds.rounds) {
        house.bring_in(users);
        let empty = Module::Empty.service().to_owned();
        let services = |kept: fn(&Variant) -> bool| -> Vec<String> {
            let variants = variants.iter().filter(|variant| kept(variant)).map(|variant| variant.service());
            variants.chain([empty.clone()]).collect()
        };
        let quick = login(house, &services(|variant| !variant.is_slow()), users);
        let slow =
            login(house, &services(|variant| variant.is_slow()), &users[..LOGINS_OF_SLOW.min(users.len())]);
        for variant in &variants {
            let found = if variant.is_slow() { &slow } else { &quick };
            let (took, net_of) = (found[&variant.service()], found[&empty]);
            scale.found.entry(*variant).or_default().push((took.0 - net_of.0, took.1 - net_of.1));
        }
    }
    scale
}

/// Medians of one login each, by the clock and of the processor; everybody has just logged in once before.
fn login(house: &House, services: &[String], users: &[User]) -> BTreeMap<String, (f64, f64)> {
    let step = house::step();
    turns::log_in(house, Where::OneProcess, services, users, step - 1);
    house.rest();
    let found = turns::log_in(house, Where::OneProcess, services, users, step);
    let medians = |samples: Vec<Sample>| {
        let processor: Vec<f64> = samples.iter().map(|sample| sample.processor).collect();
        (median(&driver::walls(&samples)), median(&processor))
    };
    found.into_iter().map(|(service, samples)| (service, medians(samples))).collect()
}

fn prepare(house: &House, variant: Variant) {
    let host = &house.host;
    let service = variant.service();
    let place = format!("{DISK}/{service}");
    let stack = |line: &str| host.write(&format!("/etc/pam.d/{service}"), format!("auth required {line}\n"));
    if let Variant::Oath(count) = variant {
        host.must_run(&["install", "-d", &place]);
        let others = (house.users.len()..count).map(|other| (format!("other{other}"), "0".repeat(32)));
        // Those who log in stand where they would on the average: in the middle.
        let mut lines: Vec<(String, String)> = others.collect();
        let middle = lines.len() / 2;
        lines.splice(middle..middle, house.users.iter().map(|user| (user.name.clone(), user.hexadecimal())));
        let mut text = String::new();
        for (name, secret) in lines {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "HOTP/T30/6 {name} - {secret}");
        }
        host.write(&format!("{place}/users"), text);
        host.must_run(&["chmod", "600", &format!("{place}/users")]);
        stack(&format!("pam_oath.so usersfile={place}/users window=3 digits=6"));
        return;
    }
    host.must_run(&["cp", "--archive", STORE, &place]);
    let mut policy = format!("{POLICY}\n[store]\ndirectory = \"{place}\"\n");
    match variant {
        Variant::Rules(count) => (0..count).for_each(|number| policy.push_str(&rule(number))),
        Variant::Users(count) => fill(house, &place, count),
        Variant::Oath(_) => {}
    }
    host.write(&format!("/etc/pam_totp/{service}.toml"), policy);
    stack(&format!("pam_totp.so policy=/etc/pam_totp/{service}.toml"));
}

/// A rule as an administrator writes one, for somebody else.
fn rule(number: usize) -> String {
    let (third, fourth) = (number / 200, number % 200);
    format!(
        "\n[[rule]]\nusers = [\"operator{number}\"]\nservices = [\"sshd\", \"login\"]\n\
         networks = [\"10.{third}.{fourth}.0/24\", \"local\"]\nmode = \"required\"\n"
    )
}

/// Adds empty files up to so many users.
fn fill(house: &House, place: &str, count: usize) {
    let store = house.host.path(place);
    let owner = fs::metadata(&store).expect("the store is there");
    for number in house.users.len()..count {
        for ending in ["toml", "state"] {
            let path = store.join(format!("other{number}.{ending}"));
            File::create(&path).expect("the disk has room for empty files");
            chown(&path, Some(owner.uid()), Some(owner.gid())).expect("root gives files away");
        }
    }
}

impl Scale {
    fn wall(&self, variant: Variant) -> f64 {
        self.found
            .get(&variant)
            .map_or(f64::NAN, |rounds| median(&rounds.iter().map(|(wall, _)| *wall).collect::<Vec<_>>()))
    }

    fn processor(&self, variant: Variant) -> f64 {
        self.found.get(&variant).map_or(f64::NAN, |rounds| {
            median(&rounds.iter().map(|(_, processor)| *processor).collect::<Vec<_>>())
        })
    }

    /// The sizes of the stores.
    pub fn sizes(&self) -> &[usize] {
        &self.sizes
    }

    /// The slowest of all stores, of the fastest.
    pub fn spread_over_users(&self) -> f64 {
        let times: Vec<f64> = self.sizes.iter().map(|size| self.wall(Variant::Users(*size))).collect();
        let (least, most) = range(&times);
        most / least
    }

    /// A login with a policy of a hundred rules, of one with none.
    pub fn hundred_rules(&self) -> f64 {
        let without = self.sizes.first().map_or(f64::NAN, |least| self.wall(Variant::Users(*least)));
        self.wall(Variant::Rules(100)) / without
    }

    /// Users and microseconds, of this module and of pam_oath.
    pub fn lines(&self) -> [(Module, Vec<(f64, f64)>); 2] {
        let line = |of: fn(usize) -> Variant| {
            let points = self.sizes.iter().map(|size| (*size as f64, self.wall(of(*size))));
            points.filter(|(_, time)| time.is_finite()).collect()
        };
        [(Module::Totp, line(Variant::Users)), (Module::Oath, line(Variant::Oath))]
    }

    /// Rules and microseconds.
    pub fn line_of_rules(&self) -> Vec<(f64, f64)> {
        RULES.map(|count| (count as f64, self.wall(Variant::Rules(count)))).into()
    }

    /// What was found, as Markdown.
    pub fn text(&self) -> String {
        let mut users =
            Table::new(["users", "pam_totp, us", "of the processor", "pam_oath, us", "of the processor"]);
        for size in &self.sizes {
            let (totp, oath) = (Variant::Users(*size), Variant::Oath(*size));
            let cells =
                [self.wall(totp), self.processor(totp), self.wall(oath), self.processor(oath)].map(number);
            users.row([number(*size as f64)].into_iter().chain(cells));
        }
        let mut rules = Table::new(["rules", "pam_totp, us", "of the processor"]);
        let least = self.sizes.first().copied().unwrap_or_default();
        let none = (0, Variant::Users(least));
        for (count, variant) in [none].into_iter().chain(RULES.map(|count| (count, Variant::Rules(count)))) {
            rules.row([number(count as f64), number(self.wall(variant)), number(self.processor(variant))]);
        }
        format!(
            "A login with a right code on the disk, net of the empty stack; medians of {} rounds of {} users ({} with \
             pam_oath and with 1,000 rules), in which all take turns. In the store of pam_totp everybody has two files, empty but for those \
             who log in; pam_oath has one file with a line for everybody, and writes it anew at each login: \
             beyond 100,000 that takes too long to be measured. \
             pam_google_authenticator has no store: its file lies in the user's home.\n\n{}\n\
             Rules that do not match, with users, services and networks each; a store of {} users:\n\n{}",
            self.rounds.rounds,
            self.rounds.users,
            LOGINS_OF_SLOW,
            users.markdown(),
            least,
            rules.markdown()
        )
    }
}
