//! `make bench`: measures pam_totp, its peers and the bare machine on the same work, in one run, and writes
//! docs/benchmarks.md with its plots.

#![forbid(unsafe_code)]

mod driver;
mod house;
mod logins;
mod modules;
mod numbers;
mod table;

use house::{House, Medium};
use logins::Rounds;
use std::path::PathBuf;

fn main() {
    let disk = PathBuf::from(std::env::var_os("BENCH_DISK").unwrap_or_else(|| "target".into()));
    let rounds = Rounds { rounds: 2, users: 10 };
    for medium in [Medium::Disk, Medium::Memory] {
        let house = House::new(medium, rounds.rounds * rounds.users, &disk);
        println!("{}", logins::measure(&house, rounds).text());
    }
}
