//! `make bench`: measures pam_totp, its peers and the bare machine on the same work, in one run, and writes
//! docs/benchmarks.md with its plots.

#![forbid(unsafe_code)]

mod driver;
mod house;
mod logins;
mod modules;
mod numbers;
mod table;
mod work;

use house::{House, Medium};
use logins::Rounds;
use std::path::{Path, PathBuf};

fn main() {
    let disk = PathBuf::from(std::env::var_os("BENCH_DISK").unwrap_or_else(|| "target".into()));
    let quick = std::env::var_os("BENCH").is_some_and(|mode| mode == "quick");
    let asked: Vec<String> = std::env::args().skip(1).collect();
    let part = |name: &str| asked.is_empty() || asked.iter().any(|word| word == name);
    if part("instructions") {
        let house = House::new(Medium::Memory, work::USERS, &disk);
        println!("{}", work::count(&house).text());
    }
    if part("logins") {
        logins(&disk, if quick { Rounds { rounds: 2, users: 10 } } else { Rounds { rounds: 7, users: 30 } });
    }
}

fn logins(disk: &Path, rounds: Rounds) {
    for medium in [Medium::Disk, Medium::Memory] {
        let house = House::new(medium, rounds.rounds * rounds.users, disk);
        println!("{}", logins::measure(&house, rounds).text());
    }
}
