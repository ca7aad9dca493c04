//! How long a login takes: right and wrong codes, throttled, unknown and unconfigured users, on the disk and in
//! memory, beside the peers. Modules take turns in every round; a figure is the median of the rounds, and of a
//! round the median of its logins.

use crate::driver::{self, Login, SUCCESS, Sample, Where};
use crate::house::{self, House, Medium, User};
use crate::modules::{GOOGLE_OPTIONAL, Module, TOTP_REQUIRED};
use crate::numbers::{median, number, range};
use crate::table::Table;
use host::DISK;
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
    house.host.must_run(&[
        "dd",
        "if=/dev/urandom",
        &format!("of={}", bare_file(house)),
        "bs=4096",
        "count=2",
        "status=none",
    ]);
    for (round, users) in house.users.chunks_exact(rounds.users).take(rounds.rounds).enumerate() {
        house.bring_in(users);
        let mut of_round: BTreeMap<(Case, Module), (f64, f64)> = BTreeMap::new();
        for turn in 0..Module::ALL.len() {
            let module = Module::ALL[(turn + round) % Module::ALL.len()];
            house.flush();
            for (case, samples) in of_module(house, module, users) {
                let of = |what: fn(&Sample) -> f64| median(&samples.iter().map(what).collect::<Vec<_>>());
                of_round.insert((case, module), (of(|sample| sample.wall), of(|sample| sample.processor)));
            }
        }
        house.flush();
        let writes = driver::write_in_place(&house.host, &bare_file(house), rounds.users);
        found.bare_writes.push(median(&driver::walls(&writes)));
        for (&(case, module), (wall, processor)) in &of_round {
            let like = if case == Case::OwnProcess { case } else { Case::Right };
            let empty = of_round[&(like, Module::Empty)];
            let net_of = if module == Module::Empty { (0.0, 0.0) } else { empty };
            let cell = found.cells.entry((case, module)).or_default();
            cell.wall.push(wall - net_of.0);
            cell.processor.push(processor - net_of.1);
        }
    }
    found
}

fn bare_file(house: &House) -> String {
    match house.medium() {
        Medium::Disk => format!("{DISK}/bare"),
        Medium::Memory => "/dev/shm/bare".to_owned(),
    }
}

/// Every case of one module. The order counts: failures come after the right codes, and being throttled last.
fn of_module(house: &House, module: Module, users: &[User]) -> Vec<(Case, Vec<Sample>)> {
    let step = house::step();
    let login = |case: Case, user: &str, code: &str| {
        let service = case.service(module)?.to_owned();
        Some(Login { service, user: user.to_owned(), code: code.to_owned() })
    };
    let each = |case: Case, code: fn(&User, u64) -> String| -> Vec<Login> {
        users.iter().filter_map(|user| login(case, &user.name, &code(user, step))).collect()
    };
    let run = |place: Where, logins: &[Login]| driver::log_in(&house.host, place, logins);
    let mut found = Vec::new();

    // A user's first login, and the first of a process, are not what happens every day.
    let first = each(Case::Right, |user, step| user.code(step - 1));
    let right = each(Case::Right, User::code);
    let passed = |samples: Vec<Sample>| {
        assert!(samples.iter().all(|sample| sample.verdict == SUCCESS), "{module:?}: every code counts");
        samples
    };
    let samples = passed(run(Where::OneProcess, &[first, right].concat()));
    found.push((Case::Right, samples[users.len()..].to_vec()));
    let again = each(Case::OwnProcess, |user, step| user.code(step + 1));
    found.push((Case::OwnProcess, passed(run(Where::OwnProcess, &again))));
    if module == Module::Empty {
        return found;
    }

    let refused = |case: Case, warm: usize, logins: &[Login]| {
        if logins.is_empty() {
            return None;
        }
        let samples = run(Where::OneProcess, logins);
        assert!(
            samples.iter().all(|sample| sample.verdict != SUCCESS),
            "{module:?}: {case:?} lets nobody in"
        );
        Some((case, samples[warm..].to_vec()))
    };
    let wrong = each(Case::Wrong, User::wrong_code);
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
            "Net of the empty stack ({} us, {} us in a process of its own), microseconds by the clock {medium}; medians of {} rounds of {} users, with \
             the least and the largest round:\n\n{}\nA bare write of 4096 bytes in place with fdatasync: {} us.\n\n\
             Microseconds of the processor, net of the empty stack ({} us):\n\n{}",
            number(self.wall(Case::Right, Module::Empty)),
            number(self.wall(Case::OwnProcess, Module::Empty)),
            self.rounds.rounds,
            self.rounds.users,
            wall.markdown(),
            number(self.bare_write()),
            number(self.processor(Case::Right, Module::Empty)),
            processor.markdown(),
        )
    }
}
