//! How long a login takes: right and wrong codes, throttled, unknown and unconfigured users, on the disk and in
//! memory, beside the peers. Modules take turns; a figure is the median of the rounds, and of a round the median of
//! its logins.

use crate::driver::{self, BARE, Login, SUCCESS, Sample, Where};
use crate::house::{self, House, Medium, User};
use crate::modules::{GOOGLE_OPTIONAL, Module, TOTP_REQUIRED};
use crate::numbers::{median, number, range};
use crate::table::Table;
use crate::turns;
use std::collections::BTreeMap;

/// How often what is measured.
#[derive(Clone, Copy)]
pub struct Rounds {
    /// Rounds in which modules take turns.
    pub rounds: usize,
    /// Users who log in, in each round others.
    pub users: usize,
}

impl Rounds {
    /// Users of all rounds.
    pub fn all_users(self) -> usize {
        self.rounds * self.users
    }
}

/// What befalls a login.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Case {
    /// The code of the moment.
    Right,
    /// The same, in a process of its own, whose memory is yet to be touched.
    OwnProcess,
    /// Digits that are no code.
    Wrong,
    /// An attempt while the module waits after failures.
    Throttled,
    /// A name that nobody has, with the policy as shipped.
    Unknown,
    /// A name that nobody has, where everybody needs a code.
    UnknownRequired,
    /// A user who need not have a code and has none.
    Unconfigured,
}

impl Case {
    const ALL: [Case; 7] = [
        Case::Right,
        Case::OwnProcess,
        Case::Wrong,
        Case::Throttled,
        Case::Unknown,
        Case::UnknownRequired,
        Case::Unconfigured,
    ];

    fn words(self) -> &'static str {
        match self {
            Case::Right => "right code",
            Case::OwnProcess => "right code, a process of its own",
            Case::Wrong => "wrong code",
            Case::Throttled => "throttled",
            Case::Unknown => "unknown user, code optional",
            Case::UnknownRequired => "unknown user, code required",
            Case::Unconfigured => "not set up, code optional",
        }
    }

    /// The service by which a module meets this; none where it has nothing of the kind.
    fn service(self, module: Module) -> Option<&'static str> {
        match (self, module) {
            (_, Module::Empty) | (Case::Right | Case::OwnProcess | Case::Wrong, _) => Some(module.service()),
            (Case::Throttled, Module::Oath) => None,
            (Case::Throttled, _) => Some(module.service()),
            (Case::Unknown, Module::Totp) => Some(module.service()),
            (Case::Unknown, Module::Google) => Some(GOOGLE_OPTIONAL),
            (Case::UnknownRequired, Module::Totp) => Some(TOTP_REQUIRED),
            (Case::UnknownRequired, _) => Some(module.service()),
            (Case::Unconfigured, Module::Totp) => Some(module.service()),
            (Case::Unconfigured, Module::Google) => Some(GOOGLE_OPTIONAL),
            (Case::Unknown | Case::Unconfigured, Module::Oath) => None,
        }
    }
}

/// Who has no code: known to the system, and to no module.
const UNCONFIGURED: &str = "games";
const UNKNOWN: &str = "nobody-of-that-name";

/// Failures in a row after which the next attempt is throttled: of the policy as shipped, three are free.
const FAILURES: usize = 5;
/// As many attempts as pam_google_authenticator was told to allow, RATE_LIMIT, before it refuses.
const RATE_LIMIT: usize = 10;
/// Users who are throttled in a round, and attempts of each while they are.
const THROTTLED: usize = 4;
const ATTEMPTS: usize = 5;

/// Net of the empty stack, a value a round.
#[derive(Default)]
struct Cell {
    wall: Vec<f64>,
    processor: Vec<f64>,
}

/// What was found on one medium.
pub struct Logins {
    medium: Medium,
    rounds: Rounds,
    cells: BTreeMap<(Case, Module), Cell>,
    bare_writes: Vec<f64>,
}

/// Measures on one medium.
pub fn measure(house: &House, rounds: Rounds) -> Logins {
    let mut found =
        Logins { medium: house.medium(), rounds, cells: BTreeMap::new(), bare_writes: Vec::new() };
    for (round, users) in house.users.chunks_exact(rounds.users).take(rounds.rounds).enumerate() {
        house.bring_in(users);
        let mut of_round: BTreeMap<(Case, Module), Times> = BTreeMap::new();
        for (case, bare_write, of_modules) in right(house, users) {
            found.bare_writes.extend(bare_write);
            of_round.extend(of_modules.into_iter().map(|(module, time)| ((case, module), time)));
        }
        for turn in 0..Module::ALL.len() {
            let module = Module::ALL[(turn + round) % Module::ALL.len()];
            house.flush();
            for (case, samples) in refusals(house, module, users) {
                of_round.insert((case, module), medians(&samples));
            }
        }
        for (&(case, module), (wall, processor)) in &of_round {
            // Logins in turns find the processor's caches full of other things, and refusals in a row do not.
            let like = if matches!(case, Case::Right | Case::OwnProcess) { case } else { Case::Wrong };
            let empty = of_round[&(like, Module::Empty)];
            let net_of = if module == Module::Empty { (0.0, 0.0) } else { empty };
            let cell = found.cells.entry((case, module)).or_default();
            cell.wall.push(wall - net_of.0);
            cell.processor.push(processor - net_of.1);
        }
    }
    found
}

/// Microseconds by the clock and of the processor.
type Times = (f64, f64);

/// One case of a right code: the bare write, where it is measured with it, and what every module took.
type OfCase = (Case, Option<f64>, BTreeMap<Module, Times>);

fn medians(samples: &[Sample]) -> Times {
    let processor: Vec<f64> = samples.iter().map(|sample| sample.processor).collect();
    (median(&driver::walls(samples)), median(&processor))
}

/// The cases of right codes, with the bare write where it is measured.
fn right(house: &House, users: &[User]) -> [OfCase; 2] {
    let step = house::step();
    let services: Vec<&str> = Module::ALL.iter().map(|module| module.service()).chain([BARE]).collect();
    // A user's first login is not what happens every day.
    turns::log_in(house, Where::OneProcess, &services, users, step - 1);
    [(Case::Right, Where::OneProcess, step), (Case::OwnProcess, Where::OwnProcess, step + 1)].map(
        |(case, place, step)| {
            house.rest();
            let found = turns::log_in(house, place, &services, users, step);
            let bare_write = (case == Case::Right).then(|| medians(&found[BARE]).0);
            (case, bare_write, Module::ALL.map(|module| (module, medians(&found[module.service()]))).into())
        },
    )
}

/// The cases of one module in which nobody gets in; of the empty stack, logins in a row, for a wrong code. The order counts: being throttled comes last of the failures.
fn refusals(house: &House, module: Module, users: &[User]) -> Vec<(Case, Vec<Sample>)> {
    let step = house::step();
    let login = |case: Case, user: &str, code: &str| {
        let service = case.service(module)?.to_owned();
        Some(Login { service, user: user.to_owned(), code: code.to_owned() })
    };
    if module == Module::Empty {
        let logins: Vec<Login> =
            users.iter().filter_map(|user| login(Case::Wrong, &user.name, "0")).collect();
        return vec![(Case::Wrong, driver::log_in(&house.host, Where::OneProcess, &logins)[1..].to_vec())];
    }
    let mut found = Vec::new();
    let refused = |case: Case, warm: usize, logins: &[Login]| {
        if logins.is_empty() {
            return None;
        }
        let samples = driver::log_in(&house.host, Where::OneProcess, logins);
        assert!(
            samples.iter().all(|sample| sample.verdict != SUCCESS),
            "{module:?}: {case:?} lets nobody in"
        );
        Some((case, samples[warm..].to_vec()))
    };
    let wrong: Vec<Login> =
        users.iter().filter_map(|user| login(Case::Wrong, &user.name, &user.wrong_code(step))).collect();
    found.extend(refused(Case::Wrong, 1, &wrong));

    let failures = if module == Module::Google { RATE_LIMIT } else { FAILURES };
    let attempts: Vec<Login> = users
        .iter()
        .take(THROTTLED)
        .filter_map(|user| login(Case::Throttled, &user.name, &user.wrong_code(step)))
        .collect();
    let in_turns =
        |times: usize| -> Vec<Login> { (0..times).flat_map(|_| attempts.iter().cloned()).collect() };
    let until = failures * attempts.len();
    found.extend(refused(Case::Throttled, until, &in_turns(failures + ATTEMPTS)));

    for (case, user) in
        [(Case::Unknown, UNKNOWN), (Case::UnknownRequired, UNKNOWN), (Case::Unconfigured, UNCONFIGURED)]
    {
        let logins: Vec<Login> = users.iter().filter_map(|_| login(case, user, "000000")).collect();
        found.extend(refused(case, 1, &logins));
    }
    found
}

impl Logins {
    /// Median of the rounds, net, in microseconds.
    pub fn wall(&self, case: Case, module: Module) -> f64 {
        self.cells.get(&(case, module)).map_or(f64::NAN, |cell| median(&cell.wall))
    }

    fn processor(&self, case: Case, module: Module) -> f64 {
        self.cells.get(&(case, module)).map_or(f64::NAN, |cell| median(&cell.processor))
    }

    /// Whether a sync is more than a word here.
    pub fn syncs(&self) -> bool {
        self.medium == Medium::Disk
    }

    /// One bare write with fdatasync, in microseconds.
    pub fn bare_write(&self) -> f64 {
        median(&self.bare_writes)
    }

    /// What was found, as Markdown.
    pub fn text(&self) -> String {
        let medium = match self.medium {
            Medium::Disk => "on the disk",
            Medium::Memory => "in memory",
        };
        let head = ["".to_owned()].into_iter().chain(Module::ASKING.map(|module| module.name().to_owned()));
        let mut wall = Table::new(head.clone());
        let mut processor = Table::new(head);
        for case in Case::ALL {
            let cells = Module::ASKING.map(|module| match self.cells.get(&(case, module)) {
                None => "–".to_owned(),
                Some(cell) => {
                    let (least, most) = range(&cell.wall);
                    format!("{} ({} to {})", number(median(&cell.wall)), number(least), number(most))
                }
            });
            wall.row([case.words().to_owned()].into_iter().chain(cells));
            let cells = Module::ASKING.map(|module| number(self.processor(case, module)));
            processor.row([case.words().to_owned()].into_iter().chain(cells));
        }
        format!(
            "Net of the empty stack (in turns {} us, in a process of its own {} us, for refusals {} us), microseconds by the clock {medium}; medians of {} rounds of {} users, with \
             the least and the largest round:\n\n{}\nA bare write of 4096 bytes in place with fdatasync: {} us.\n\n\
             Microseconds of the processor, net of the empty stack (in turns {} us):\n\n{}",
            number(self.wall(Case::Right, Module::Empty)),
            number(self.wall(Case::OwnProcess, Module::Empty)),
            number(self.wall(Case::Wrong, Module::Empty)),
            self.rounds.rounds,
            self.rounds.users,
            wall.markdown(),
            number(self.bare_write()),
            number(self.processor(Case::Right, Module::Empty)),
            processor.markdown(),
        )
    }
}
