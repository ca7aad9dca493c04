//! What a module costs before it does anything: its size, its relocations, the memory it adds to a process, the
//! time it takes to load.

use crate::driver::{self, Login, Where};
use crate::house::{self, House};
use crate::modules::Module;
use crate::numbers::{median, number};
use crate::table::Table;
use std::collections::BTreeMap;

/// Users it takes: one for each time memory is looked at.
pub const USERS: usize = 5;
/// How often a library is loaded in a round.
const LOADS: usize = 200;

struct Footprint {
    bytes: f64,
    relocations: f64,
    /// Resident, proportional, and resident at its peak.
    memory: [f64; 3],
    load: f64,
}

/// What was found.
pub struct Footprints(BTreeMap<Module, Footprint>);

/// Looks at every module, with the first users of a house.
pub fn measure(house: &House) -> Footprints {
    let users = &house.users[..USERS];
    house.bring_in(users);
    let step = house::step();
    let login = |module: Module, number: usize, step: u64| {
        let user = &users[number];
        Login { service: module.service().to_owned(), user: user.name.clone(), code: user.code(step) }
    };
    let mut memory: BTreeMap<Module, Vec<[f64; 3]>> = BTreeMap::new();
    let mut loads: BTreeMap<Module, Vec<f64>> = BTreeMap::new();
    for user in 0..USERS {
        for module in Module::ALL {
            driver::log_in(&house.host, Where::OneProcess, &[login(module, user, step - 1)]);
            memory.entry(module).or_default().push(driver::memory(&house.host, &login(module, user, step)));
            let times = driver::load(&house.host, &library(module), LOADS);
            loads.entry(module).or_default().push(median(&driver::walls(&times)));
        }
    }
    let of = |module: Module| {
        let column = |kind: usize| median(&memory[&module].iter().map(|all| all[kind]).collect::<Vec<_>>());
        let bytes =
            std::fs::metadata(house.host.path(&library(module))).expect("every module is installed").len();
        let footprint = Footprint {
            bytes: bytes as f64,
            relocations: relocations(house, module),
            memory: [column(0), column(1), column(2)],
            load: median(&loads[&module]),
        };
        (module, footprint)
    };
    Footprints(Module::ALL.map(of).into_iter().collect())
}

fn library(module: Module) -> String {
    let directory = host::pam_directory();
    format!("{}/{}.so", directory.to_str().expect("the directory of modules has a plain name"), module.name())
}

fn relocations(house: &House, module: Module) -> f64 {
    let listed = house.host.must_run(&["readelf", "--relocs", "--wide", &library(module)]);
    let is_one = |line: &&str| line.split_whitespace().any(|word| word.starts_with("R_"));
    listed.lines().filter(is_one).count() as f64
}

impl Footprints {
    /// Bytes of the file.
    pub fn bytes(&self, module: Module) -> f64 {
        self.0[&module].bytes
    }

    /// Bytes that a login adds to what is resident, at the peak.
    pub fn peak_memory(&self, module: Module) -> f64 {
        self.0[&module].memory[2]
    }

    /// What was found, as Markdown.
    pub fn text(&self) -> String {
        let names = self.0.keys().map(|module| module.name().to_owned());
        let mut table = Table::new([String::new()].into_iter().chain(names));
        let mut row = |words: &str, of: &dyn Fn(&Footprint) -> f64| {
            table.row([words.to_owned()].into_iter().chain(self.0.values().map(|one| number(of(one)))));
        };
        row("size of the file, bytes", &|one| one.bytes);
        row("relocations", &|one| one.relocations);
        row("memory added to the process: resident at the peak, KiB", &|one| one.memory[2] / 1024.0);
        row("memory added to the process: resident at the verdict, KiB", &|one| one.memory[0] / 1024.0);
        row("memory added to the process: proportional at the verdict, KiB", &|one| one.memory[1] / 1024.0);
        row("dlopen and dlclose in a new process, us", &|one| one.load);
        format!(
            "As installed, that is stripped; the libraries that a peer brings along are not counted, but in \
             memory and time. Memory is what a login adds to a process that has been through a login by the empty \
             stack.\n\n{}",
            table.markdown()
        )
    }
}
