//! The programs beside the module: totp-helper from its start to its answer, totp-enroll for one user, and
//! totp-enroll over a store of very many.

use crate::driver;
use crate::house::House;
use crate::numbers::{median, number};
use crate::table::Table;
use host::{HELPER, STORE};
use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::fs::{OpenOptionsExt as _, chown};

/// How much of what is measured.
#[derive(Clone, Copy)]
pub struct Size {
    /// Rounds in which programs take turns.
    pub rounds: usize,
    /// Starts of a small program in a round.
    pub starts: usize,
    /// Users in the store that is listed.
    pub users: usize,
}

/// Users who are set up by the tool; the files of all others are copies of theirs.
pub const MODELS: usize = 20;

const PERSON: &str = "alice";
/// What a screen locker's module asks before it prompts.
const PROBE: &str = "user = \"alice\"\nservice = \"swaylock\"\n[request]\nask = \"probe\"\n";
const PROBE_FILE: &str = "/dev/shm/probe";
const NOTHING: &str = "/dev/null";

const TRUE: &str = "/bin/true";
const STATUS: &str = "totp-enroll status";
const LIST: &str = "totp-enroll admin users";
const SUMMARY: &str = "totp-enroll admin users --summary";
const FIND: &str = "find, with cat";

/// What was found: medians of the rounds, in microseconds.
pub struct Programs {
    size: Size,
    times: BTreeMap<&'static str, f64>,
}

/// Measures on a house with [`MODELS`] users.
pub fn measure(house: &House, size: Size) -> Programs {
    let host = &house.host;
    host.add_user(PERSON, "wonderland");
    host.enrol(PERSON);
    host.write(PROBE_FILE, PROBE);
    let answer = host.run_with_input(PERSON, &[HELPER], PROBE);
    assert!(answer.stdout.contains("digits"), "the helper says that a code is to be asked for: {answer:?}");
    let mut times: BTreeMap<&'static str, Vec<f64>> = BTreeMap::new();
    let mut take = |name: &'static str, user: &str, count: usize, input: &str, program: &[&str]| {
        let samples = driver::start(host, user, count, input, program);
        times.entry(name).or_default().push(median(&driver::walls(&samples)));
    };
    for _ in 0..size.rounds {
        take(TRUE, PERSON, size.starts, NOTHING, &[TRUE]);
        take(HELPER, PERSON, size.starts, PROBE_FILE, &[HELPER]);
        take(STATUS, PERSON, size.starts, NOTHING, &["/usr/bin/totp-enroll", "status"]);
    }
    crowd(house, size.users);
    let find = ["/usr/bin/find", STORE, "-type", "f", "-exec", "cat", "{}", "+"];
    // The first of them would pay for what the others find in memory.
    driver::start(host, "root", 1, NOTHING, &find);
    for _ in 0..size.rounds {
        take(FIND, "root", 1, NOTHING, &find);
        take(SUMMARY, "root", 1, NOTHING, &["/usr/bin/totp-enroll", "admin", "users", "--summary"]);
        take(LIST, "root", 1, NOTHING, &["/usr/bin/totp-enroll", "admin", "users"]);
    }
    let times = times.into_iter().map(|(name, of_rounds)| (name, median(&of_rounds))).collect();
    Programs { size, times }
}

/// Fills the store up to so many users who are set up.
fn crowd(house: &House, count: usize) {
    let store = house.host.path(STORE);
    let owner = fs::metadata(&store).expect("the store is there");
    let read = |name: &str, ending: &str| {
        fs::read(store.join(format!("{name}.{ending}"))).expect("a user who is set up has both files")
    };
    let models: Vec<_> = house
        .users
        .iter()
        .map(|user| (user.uid(), read(&user.name, "toml"), read(&user.name, "state")))
        .collect();
    let names: Vec<String> = (0..count).map(|number| format!("user{number:05}")).collect();
    house.know(&names);
    let write = |name: &str, ending: &str, contents: &[u8]| {
        let path = store.join(format!("{name}.{ending}"));
        let file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
        file.and_then(|mut file| file.write_all(contents)).expect("the store has room");
        chown(&path, Some(owner.uid()), Some(owner.gid())).expect("root gives files away");
    };
    for (number, name) in names.iter().enumerate().skip(house.users.len()) {
        let (uid, credential, state) = &models[number % models.len()];
        // The credential belongs to the uid, and the state to the credential.
        let text = String::from_utf8_lossy(credential);
        let line = format!("uid = {uid}\n");
        assert!(text.contains(&line), "a credential names the uid: {text}");
        let own = text.replace(&line, &format!("uid = {}\n", uid - number % models.len() + number));
        write(name, "toml", own.as_bytes());
        write(name, "state", state);
    }
    let summary = house.host.run(&["totp-enroll", "admin", "users", "--summary", "--json"]).json();
    assert_eq!(summary["configured"].as_u64(), u64::try_from(count).ok(), "everybody is set up: {summary}");
}

impl Programs {
    fn time(&self, name: &str) -> f64 {
        self.times.get(name).copied().unwrap_or(f64::NAN)
    }

    /// How many times as long as a bare fork and exec the helper takes.
    pub fn helper_to_bare(&self) -> f64 {
        self.time(HELPER) / self.time(TRUE)
    }

    /// How many times as long as reading all files the summary takes.
    pub fn summary_to_find(&self) -> f64 {
        self.time(SUMMARY) / self.time(FIND)
    }

    /// How many users were in the store.
    pub fn users(&self) -> usize {
        self.size.users
    }

    /// What was found, as Markdown.
    pub fn text(&self) -> String {
        let mut small = Table::new(["from the start to the end of the answer", "us", "of /bin/true"]);
        for (name, words) in
            [(TRUE, "/bin/true"), (HELPER, "totp-helper, asked what it should ask for"), (STATUS, STATUS)]
        {
            let time = self.time(name);
            small.row([words.to_owned(), number(time), number(time / self.time(TRUE))]);
        }
        let users = number(self.size.users as f64);
        let mut large =
            Table::new([format!("over {users} users who are set up"), "ms".into(), "of find".into()]);
        for name in [FIND, SUMMARY, LIST] {
            let time = self.time(name);
            large.row([name.to_owned(), number(time / 1000.0), number(time / self.time(FIND))]);
        }
        format!(
            "Medians of {} rounds; the store lies in memory, and /etc/passwd knows everybody.\n\n{}\n{}",
            self.size.rounds,
            small.markdown(),
            large.markdown()
        )
    }
}
