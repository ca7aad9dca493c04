//! What a login makes the machine do, counted and not timed: instructions under valgrind, system calls, bytes
//! written and syncs under strace. The first login of a process pays for loading libraries; a further one is the
//! difference between two runs. Both are net of the empty stack, but for what is written.

use crate::driver::{self, DRIVER, Login, SUCCESS, Where};
use crate::house::{self, House, User};
use crate::modules::Module;
use crate::numbers::number;
use crate::table::Table;
use host::Host;
use std::collections::BTreeMap;

/// Logins of the longer run; the shorter one has one.
const LOGINS: usize = 6;
/// Users it takes: in each of the four runs others log in, so that every code is fresh.
pub const USERS: usize = 2 * (1 + LOGINS);
const LOG: &str = "/dev/shm/strace.log";

/// What one run did.
#[derive(Clone, Default)]
struct Tally {
    instructions: f64,
    calls: BTreeMap<String, f64>,
    written: f64,
}

/// Work of the first login of a process, and of a further one.
struct Work {
    first: Tally,
    further: Tally,
}

/// What was found.
pub struct Counts(BTreeMap<Module, Work>);

/// Counts with the first users of a house.
pub fn count(house: &House) -> Counts {
    house.bring_in(&house.users[..USERS]);
    let mut found: BTreeMap<Module, Work> =
        Module::ALL.into_iter().map(|module| (module, of_module(house, module))).collect();
    let empty = found.remove(&Module::Empty).expect("it is one of all");
    for work in found.values_mut() {
        work.first.subtract(&empty.first);
        work.further.subtract(&empty.further);
    }
    Counts(found)
}

fn of_module(house: &House, module: Module) -> Work {
    let (one, several) = house.users[..USERS].split_at(2);
    let (for_instructions, for_calls) = several.split_at(LOGINS);
    let tally = |for_instructions: &[User], for_calls: &[User]| {
        let mut tally = traced(&house.host, &daily_logins(house, module, for_calls));
        tally.instructions = instructions(&house.host, &daily_logins(house, module, for_instructions));
        tally
    };
    let first = tally(&one[..1], &one[1..]);
    let mut further = tally(for_instructions, for_calls);
    further.subtract(&first);
    further.divide((LOGINS - 1) as f64);
    Work { first, further }
}

/// The lines for logins of users of whom each has just logged in once, uncounted.
fn daily_logins(house: &House, module: Module, users: &[User]) -> String {
    let step = house::step();
    let logins = |step: u64| -> Vec<Login> {
        let login = |user: &User| Login {
            service: module.service().to_owned(),
            user: user.name.clone(),
            code: user.code(step),
        };
        users.iter().map(login).collect()
    };
    driver::log_in(&house.host, Where::OneProcess, &logins(step - 1));
    driver::lines(&logins(step))
}

/// Runs the driver under a tool; everybody gets in. Returns what the tool said on standard error.
fn under(host: &Host, tool: &[&str], lines: &str) -> String {
    let outcome = host.run_with_input("root", &[tool, &[DRIVER, "logins"]].concat(), lines);
    let passed = |line: &str| line.ends_with(&format!(" {SUCCESS}"));
    assert!(outcome.status == 0 && outcome.stdout.lines().all(passed), "{tool:?}: {outcome:?}");
    outcome.stderr
}

fn instructions(host: &Host, lines: &str) -> f64 {
    let said = under(host, &["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"], lines);
    let collected = said.lines().find_map(|line| line.split_once("Collected : "));
    let (_, count) = collected.unwrap_or_else(|| panic!("callgrind said `{said}`"));
    count.trim().parse().expect("a count of instructions")
}

fn traced(host: &Host, lines: &str) -> Tally {
    under(host, &["strace", "-f", "-y", "-o", LOG], lines);
    let mut tally = Tally::default();
    String::from_utf8_lossy(&host.read(LOG)).lines().for_each(|line| tally.take(line));
    tally
}

impl Tally {
    /// Takes a line of strace's log, such as `7 pwrite64(5</var/lib/x>, "..."..., 4096, 0) = 4096`.
    fn take(&mut self, line: &str) {
        let call = line.trim_start_matches(|c: char| c.is_ascii_digit()).trim_start();
        let Some((name, arguments)) = call.split_once('(') else { return };
        if !name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_') {
            return;
        }
        *self.calls.entry(name.to_owned()).or_default() += 1.0;
        let to_file = arguments.split_once('<').is_some_and(|(_, path)| path.starts_with('/'));
        if to_file && ["write", "pwrite64", "writev"].contains(&name) {
            let count = line.rsplit_once(" = ").and_then(|(_, result)| result.parse::<f64>().ok());
            self.written += count.unwrap_or_default();
        }
    }

    fn subtract(&mut self, other: &Tally) {
        self.instructions -= other.instructions;
        self.written -= other.written;
        for (name, count) in &other.calls {
            *self.calls.entry(name.clone()).or_default() -= count;
        }
    }

    fn divide(&mut self, by: f64) {
        self.instructions /= by;
        self.written /= by;
        self.calls.values_mut().for_each(|count| *count /= by);
    }

    fn all_calls(&self) -> f64 {
        self.calls.values().sum()
    }

    fn syncs(&self) -> f64 {
        ["fsync", "fdatasync", "sync_file_range", "syncfs"]
            .iter()
            .filter_map(|name| self.calls.get(*name))
            .sum()
    }
}

impl Counts {
    /// Instructions of the first login of a process, net.
    pub fn first_instructions(&self, module: Module) -> f64 {
        self.0[&module].first.instructions
    }

    /// Instructions of a further login, net.
    pub fn further_instructions(&self, module: Module) -> f64 {
        self.0[&module].further.instructions
    }

    /// What was found, as Markdown.
    pub fn text(&self) -> String {
        let head = |first: &str| {
            [first.to_owned()]
                .into_iter()
                .chain(self.0.keys().map(|module| module.name().to_owned()))
                .collect::<Vec<_>>()
        };
        let mut work = Table::new(head(""));
        let mut row = |words: &str, of: &dyn Fn(&Work) -> f64| {
            work.row([words.to_owned()].into_iter().chain(self.0.values().map(|work| number(of(work)))));
        };
        row("instructions, first login of a process", &|work| work.first.instructions);
        row("instructions, a further login", &|work| work.further.instructions);
        row("system calls, first login of a process", &|work| work.first.all_calls());
        row("system calls, a further login", &|work| work.further.all_calls());
        row("bytes written to files", &|work| work.further.written);
        row("syncs", &|work| work.further.syncs());
        let mut names: Vec<&String> = self.0.values().flat_map(|work| work.further.calls.keys()).collect();
        names.sort();
        names.dedup();
        let mut calls = Table::new(head("system call of a further login"));
        for name in names {
            let of = |work: &Work| work.further.calls.get(name).copied().unwrap_or_default();
            if self.0.values().any(|work| of(work) != 0.0) {
                let counts = self.0.values().map(|work| number(of(work)));
                calls.row([format!("`{name}`")].into_iter().chain(counts));
            }
        }
        format!("Net of the empty stack:\n\n{}\n{}", work.markdown(), calls.markdown())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_and_what_they_write_are_read_from_a_log() {
        let mut tally = Tally::default();
        for line in [
            r#"7 pwrite64(5</var/lib/pam_totp/a.state>, "..."..., 4096, 0) = 4096"#,
            r#"7 write(1<pipe:[17]>, "5 5 0\n", 6) = 6"#,
            "7 fdatasync(5</var/lib/pam_totp/a.state>) = 0",
            "7 +++ exited with 0 +++",
            "8 <... read resumed>, 8) = 8",
        ] {
            tally.take(line);
        }
        assert_eq!(tally.calls.keys().collect::<Vec<_>>(), ["fdatasync", "pwrite64", "write"]);
        assert!((tally.written - 4096.0).abs() < 1e-9 && (tally.syncs() - 1.0).abs() < 1e-9);
    }
}
