//! Many logins at the same moment: of different users, and of one user with one code.

use crate::driver::{self, Login};
use crate::house::{Group, House, User};
use crate::modules::Module;
use crate::numbers::{median, number};
use crate::table::Table;
use std::collections::BTreeMap;

/// How many log in at once.
pub const AT_ONCE: [usize; 7] = [1, 2, 4, 8, 16, 32, 64];
/// Users who log in with others, and one for each number who logs in beside himself.
const USERS_A_ROUND: usize = 64 + AT_ONCE.len();
/// A group can log in as often without waiting.
const CODES: usize = 3;

/// Users it takes for so many rounds.
pub fn users(rounds: usize) -> usize {
    rounds * AT_ONCE.len().div_ceil(CODES) * USERS_A_ROUND
}

#[derive(Default)]
struct Found {
    /// Milliseconds to the last verdict.
    times: Vec<f64>,
    /// How many got in.
    passed: Vec<usize>,
}

/// What was found.
pub struct Parallel {
    rounds: usize,
    different: BTreeMap<(Module, usize), Found>,
    same: BTreeMap<(Module, usize), Found>,
}

/// Measures so many rounds.
pub fn measure(house: &House, rounds: usize) -> Parallel {
    let mut parallel = Parallel { rounds, different: BTreeMap::new(), same: BTreeMap::new() };
    let mut groups = house.users.chunks_exact(USERS_A_ROUND);
    for round in 0..rounds {
        for numbers in AT_ONCE.chunks(CODES) {
            let group = Group::new(groups.next().expect("there are users for all rounds"));
            house.bring_in(group.users);
            parallel.take(house, group, numbers, round);
        }
    }
    parallel
}

impl Parallel {
    fn take(&mut self, house: &House, mut group: Group<'_>, numbers: &[usize], round: usize) {
        let (crowd, single) = group.users.split_at(64);
        for (count, alone) in numbers.iter().zip(single) {
            let step = group.fresh_step();
            for turn in 0..Module::ALL.len() {
                let module = Module::ALL[(turn + round) % Module::ALL.len()];
                let login = |user: &User| Login {
                    service: module.service().to_owned(),
                    user: user.name.clone(),
                    code: user.code(step),
                };
                let different: Vec<Login> = crowd.iter().take(*count).map(login).collect();
                house.flush();
                let (time, passed) = driver::crowd(&house.host, &different);
                // pam_oath takes a lock without waiting, and refuses right codes meanwhile.
                assert!(
                    passed == *count || module == Module::Oath,
                    "{module:?}: every code counts, {passed} of {count}"
                );
                self.different.entry((module, *count)).or_default().note(time, passed);
                let same = vec![login(alone); *count];
                house.flush();
                let (time, passed) = driver::crowd(&house.host, &same);
                assert!(passed >= 1, "{module:?}: a code counts once");
                self.same.entry((module, *count)).or_default().note(time, passed);
            }
        }
    }

    /// Logins at once, and logins let in a second, of different users.
    pub fn lines(&self) -> Vec<(Module, Vec<(f64, f64)>)> {
        let rate = |module, count| {
            let found = self.different.get(&(module, count));
            let rates = found.map(|found| {
                let rounds = found.times.iter().zip(&found.passed);
                rounds.map(|(time, passed)| *passed as f64 / time * 1000.0).collect::<Vec<_>>()
            });
            median(&rates.unwrap_or_default())
        };
        let points = |module| AT_ONCE.map(|count| (count as f64, rate(module, count)));
        Module::ASKING.map(|module| (module, points(module).to_vec())).into()
    }

    /// What was found, as Markdown.
    pub fn text(&self) -> String {
        let head = |first: &str| {
            let names = Module::ALL.map(|module| module.name().to_owned());
            [first.to_owned()].into_iter().chain(names).collect::<Vec<_>>()
        };
        let mut different =
            Table::new(head("logins at once, of different users: ms to the last verdict (let in at least)"));
        let mut same = Table::new(head("of one user with one code: ms to the last verdict (let in at most)"));
        for count in AT_ONCE {
            let row = |found: &BTreeMap<(Module, usize), Found>, words: fn(&Found) -> String| {
                let cells =
                    Module::ALL.map(|module| found.get(&(module, count)).map(words).unwrap_or_default());
                [count.to_string()].into_iter().chain(cells).collect::<Vec<_>>()
            };
            different.row(row(&self.different, |found| {
                let least = found.passed.iter().min().copied().unwrap_or_default();
                format!("{} ({least})", number(median(&found.times)))
            }));
            same.row(row(&self.same, |found| {
                let most = found.passed.iter().max().copied().unwrap_or_default();
                format!("{} ({most})", number(median(&found.times)))
            }));
        }
        format!(
            "On the disk, each login in a process of its own; medians of {} rounds, the empty stack beside them and not taken off. \
             Of different users everybody has a right code, and where fewer got in, right codes were refused. \
             pam_totp lets nobody hear of a refusal before five milliseconds have passed.\n\n{}\n{}",
            self.rounds,
            different.markdown(),
            same.markdown()
        )
    }
}

impl Found {
    fn note(&mut self, time: f64, passed: usize) {
        self.times.push(time);
        self.passed.push(passed);
    }
}
