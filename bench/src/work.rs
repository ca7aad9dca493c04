//! What a login makes the machine do, counted and not timed: instructions under valgrind, system calls, bytes
//! written and syncs under strace. The first login of a process pays for loading libraries; a further one is the
//! difference between two runs. Both are net of the empty stack, but for what is written.

use crate::driver::{self, DRIVER, Login, SUCCESS};
use crate::house::{self, House, User};
use crate::modules::Module;
use crate::numbers::number;
use crate::table::Table;
use host::Host;
use std::collections::BTreeMap;

/// Logins of the longer run; the shorter one has one.
const LOGINS: usize = 6;
/// Users it takes.
pub const USERS: usize = LOGINS;
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

/// Counts with the first of the users of a house, who need not have logged in yet.
pub fn count(house: &House) -> Counts {
    let users = &house.users[..USERS];
    house.bring_in(users);
    Counts(Module::ALL.map(|module| (module, of_module(house, module, users))).into_iter().collect())
}

fn of_module(house: &House, module: Module, users: &[User]) -> Work {
    // Codes of three steps count at a time, each once: one for a first login, one for each run of a kind.
    let logins = |step: u64, count: usize| -> Vec<Login> {
        let login = |user: &User| Login {
            service: module.service(),
            user: user.name.clone(),
            code: user.code(step),
        };
        users.iter().take(count).map(login).collect()
    };
    let run = |tool: &dyn Fn(&Host, &str) -> Tally, count: usize| {
        let step = house.next_step();
        tool(&house.host, &driver::lines(&logins(step, count)))
    };
    driver::log_in(&house.host, &logins(house::step() - 1, users.len()));
    let tally = |count: usize| {
        let traced = run(&traced, count);
        Tally { instructions: run(&instructions, count).instructions, ..traced }
    };
    let first = tally(1);
    let all = tally(LOGINS);
    let further = all.less(&first).over((LOGINS - 1) as f64);
    Work { first, further }
}
