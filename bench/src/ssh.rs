//! Whole logins over a real sshd: clients that log in, run a command, and come again. ssh takes its answers from a
//! program, as it does from a desktop's dialogue.

use crate::house::{Group, House, User};
use crate::modules::{Module, stacks};
use crate::numbers::{median, number, range};
use crate::table::Table;
use std::collections::BTreeMap;
use std::process::Stdio;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

/// How many clients at a time.
const CLIENTS: [usize; 6] = [1, 2, 4, 8, 16, 32];
/// Users who log in beside each other before any of them comes again.
const GROUP: usize = 32;
/// Groups that take turns, for a code of each lasts half a minute.
const GROUPS: usize = 6;
/// Users it takes.
pub const USERS: usize = GROUPS * GROUP;

/// The quickest that every server knows: the usual one takes most of a login's time, and hides all else.
const KEY_EXCHANGE: &[&str] = &["-o", "KexAlgorithms=curve25519-sha256"];

/// Prints what the client's environment says, for ssh.
const ANSWER: &str = "/run/answer";

/// How much is measured.
#[derive(Clone, Copy)]
pub struct Size {
    /// Rounds in which modules take turns.
    pub rounds: usize,
    /// Logins of each client in a round, but at least eight of all together, and at most as many as there are users.
    pub logins: usize,
}

/// What was found for a module and a number of clients.
#[derive(Default)]
struct Found {
    /// Complete logins a second, a value a round.
    rates: Vec<f64>,
    logins: usize,
    /// Logins with a right code that were refused all the same.
    refused: usize,
}

/// What was found.
pub struct Ssh {
    size: Size,
    found: BTreeMap<(Module, usize), Found>,
}

/// Measures on a house with an sshd.
pub fn measure(house: &House, size: Size) -> Ssh {
    let host = &house.host;
    host.write(ANSWER, "#!/bin/sh\necho \"$ANSWER\"\n");
    host.must_run(&["chmod", "755", ANSWER]);
    let mut ssh = Ssh { size, found: BTreeMap::new() };
    let groups = || house.users.chunks_exact(GROUP).map(Group::new).collect::<Vec<_>>();
    let mut groups = Module::ALL.map(|module| (module, groups()));
    house.bring_in(&house.users);
    for round in 0..size.rounds {
        for (place, clients) in CLIENTS.into_iter().enumerate() {
            let group_in_turn = (round * CLIENTS.len() + place) % GROUPS;
            let logins = (clients * size.logins).clamp(8, GROUP);
            for turn in 0..Module::ALL.len() {
                let (module, groups) = &mut groups[(turn + round) % Module::ALL.len()];
                serve(house, *module);
                let group = &mut groups[group_in_turn];
                let step = group.fresh_step();
                let (seconds, passed) = run(house, clients, &group.users[..logins], step);
                // pam_oath takes a lock without waiting.
                assert!(passed == logins || *module == Module::Oath, "{module:?}: every code counts");
                let found = ssh.found.entry((*module, clients)).or_default();
                found.rates.push(passed as f64 / seconds);
                found.logins += logins;
                found.refused += logins - passed;
            }
        }
    }
    ssh
}

/// Makes a module the one that sshd asks.
fn serve(house: &House, module: Module) {
    let (_, auth) =
        stacks().into_iter().find(|(name, _)| *name == module.service()).expect("every module has a service");
    // The peers have no part in these phases.
    let ours = match module {
        Module::Totp => "account required pam_totp.so\nsession required pam_totp.so\n",
        Module::Empty | Module::Google | Module::Oath => "",
    };
    let rest = "account required pam_permit.so\nsession required pam_permit.so\n";
    house.host.write("/etc/pam.d/sshd", format!("{auth}{ours}{rest}"));
    house.flush();
}

/// So many clients let these users in, each once. Returns the seconds it took, and how many got in.
fn run(house: &House, clients: usize, users: &[User], step: u64) -> (f64, usize) {
    let waiting = Mutex::new(users.iter());
    let passed = AtomicUsize::new(0);
    let host = &house.host;
    let client = || {
        loop {
            let next = waiting.lock().expect("no client panics with the lock").next();
            let Some(user) = next else { return };
            let output = host
                .ssh_command(&user.name, KEY_EXCHANGE)
                .arg("true")
                .env("SSH_ASKPASS", ANSWER)
                .env("SSH_ASKPASS_REQUIRE", "force")
                .env("ANSWER", user.code(step))
                .stdin(Stdio::null())
                .output()
                .expect("ssh (openssh-client) should start");
            let refused = String::from_utf8_lossy(&output.stderr).contains("Permission denied");
            assert!(output.status.success() || refused, "{} is heard: {output:?}", user.name);
            passed.fetch_add(usize::from(!refused), Ordering::Relaxed);
        }
    };
    let since = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..clients {
            scope.spawn(client);
        }
    });
    (since.elapsed().as_secs_f64(), passed.into_inner())
}

impl Ssh {
    fn rate(&self, module: Module, clients: usize) -> f64 {
        self.found.get(&(module, clients)).map_or(f64::NAN, |found| median(&found.rates))
    }

    /// Clients, and logins a second.
    pub fn lines(&self) -> Vec<(Module, Vec<(f64, f64)>)> {
        let points = |module| CLIENTS.map(|clients| (clients as f64, self.rate(module, clients)));
        Module::ALL.map(|module| (module, points(module).to_vec())).into()
    }

    /// What was found, as Markdown.
    pub fn text(&self) -> String {
        let names = Module::ALL.map(|module| match module {
            Module::Empty => "no code (pam_permit)".to_owned(),
            asking => asking.name().to_owned(),
        });
        let mut table = Table::new(["clients".to_owned()].into_iter().chain(names));
        for clients in CLIENTS {
            let cells = Module::ALL.map(|module| {
                let Some(found) = self.found.get(&(module, clients)) else { return String::new() };
                let (least, most) = range(&found.rates);
                let refused = match found.refused {
                    0 => String::new(),
                    some => format!(", {} of {} refused", some, found.logins),
                };
                format!("{} ({} to {}){refused}", number(median(&found.rates)), number(least), number(most))
            });
            table.row([clients.to_string()].into_iter().chain(cells));
        }
        format!(
            "Complete logins a second: connection, key exchange (by curve25519, the quickest that every server knows), \
             code, account, session, a command. Clients and server share this machine. Medians of {} rounds, with the least and the largest; all codes are right, and refused logins do \
             not count.\n\n{}",
            self.size.rounds,
            table.markdown()
        )
    }
}
