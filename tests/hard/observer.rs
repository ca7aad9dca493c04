//! Whoever watches the clock: does the time that a refusal takes tell who exists and who is set up?
//!
//! A report, not a verdict: it goes to standard error, and docs/threat-model.md holds the figures of one run with
//! `OBSERVED_LOGINS=1000`, which takes a quarter of an hour. What is asserted is only that the driver measured what
//! it should.

#![forbid(unsafe_code)]

#[path = "observer/over_sshd.rs"]
mod over_sshd;

use host::{Host, Stack};
use std::collections::BTreeMap;
use std::io::Write as _;

const DRIVER: &str = include_str!("observer.c");
const USERS: [&str; 4] = ["alice", "carol", "bob", "nobody-of-that-name"];
const WHO: [&str; 4] = ["set up", "set up, too", "not set up", "unknown"];

/// Microseconds of one user's logins.
#[derive(Default)]
struct Times {
    to_prompt: Vec<f64>,
    to_verdict: Vec<f64>,
}

/// How many logins of each user are observed: so many, unless `OBSERVED_LOGINS` says another number.
fn logins_each(usual: usize) -> usize {
    let asked = std::env::var("OBSERVED_LOGINS").ok();
    asked.map_or(usual, |number| number.parse().expect("OBSERVED_LOGINS is a number"))
}

/// Two users who are set up, one who is not, and a name that nobody has.
fn host(policy: &str, service: &str, stack: Stack) -> Host {
    let host = Host::builder()
        .user("alice", "wonderland")
        .user("bob", "builder")
        .user("carol", "carousel")
        .policy(&format!("mode = \"required\"\n{policy}"))
        .stack(service, stack)
        .build();
    for user in ["alice", "carol"] {
        host.enrol(user);
    }
    host.write("/tmp/observer.c", DRIVER);
    let flags = ["-std=gnu11", "-Wall", "-Wextra", "-Werror", "-O1", "-o", "/tmp/observer"];
    host.must_run(&[&["cc"], &flags[..], &["/tmp/observer.c", "-lpam"]].concat());
    host
}

/// However long that takes: a command of the host may otherwise take a minute.
fn observed(host: &Host, rounds: usize) -> BTreeMap<String, Times> {
    let mut times: BTreeMap<String, Times> = BTreeMap::new();
    let count = rounds.to_string();
    let words = [&["/tmp/observer", "observed", &count, "looking-glass", "000000"], &USERS[..]].concat();
    let output = host.command_as("root", &words).output().expect("nsenter (util-linux) should start");
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        let fields: Vec<&str> = line.split(' ').collect();
        let microseconds = |field: usize| fields[field].parse::<f64>().expect("a number") / 1000.0;
        assert_ne!(fields[3], "0", "nobody is let in: {line}");
        let of_user = times.entry(fields[0].to_owned()).or_default();
        of_user.to_prompt.push(microseconds(1));
        of_user.to_verdict.push(microseconds(2));
    }
    for user in USERS {
        assert_eq!(times[user].to_verdict.len(), rounds, "{user}");
    }
    times
}

fn quartiles(sample: &[f64]) -> [f64; 3] {
    let mut sorted = sample.to_vec();
    sorted.sort_by(f64::total_cmp);
    [1, 2, 3].map(|quarter| sorted[sorted.len() * quarter / 4])
}

/// The probability that one of `these` takes longer than one of `those`; ties count half. 0.5 tells nothing.
fn longer(these: &[f64], those: &[f64]) -> f64 {
    let mut sorted = those.to_vec();
    sorted.sort_by(f64::total_cmp);
    let below = |value: f64| {
        let less = sorted.partition_point(|other| *other < value);
        let equal = sorted.partition_point(|other| *other <= value) - less;
        less as f64 + equal as f64 / 2.0
    };
    these.iter().map(|value| below(*value)).sum::<f64>() / (these.len() * those.len()) as f64
}

/// Past the capture of a test's output, in one piece.
fn report(title: &str, times: &BTreeMap<String, Times>) {
    let logins = times[USERS[0]].to_verdict.len();
    let mut text = format!(
        "\n{title}, {logins} logins each, microseconds: median (quartiles); share that takes longer than `set up`\n\
         | | to the prompt | longer | to the verdict | longer |\n|---|---|---|---|---|\n"
    );
    let base = &times[USERS[0]];
    for (user, who) in USERS.iter().zip(WHO) {
        let cell = |sample: &[f64], base: &[f64]| {
            let [lower, median, upper] = quartiles(sample);
            format!("{median:.0} ({lower:.0} to {upper:.0}) | {:.2}", longer(sample, base))
        };
        let of_user = &times[*user];
        let (to_prompt, to_verdict) =
            (cell(&of_user.to_prompt, &base.to_prompt), cell(&of_user.to_verdict, &base.to_verdict));
        text.push_str(&format!("| {who} | {to_prompt} | {to_verdict} |\n"));
    }
    let _ = std::io::stderr().write_all(text.as_bytes());
}

/// Every guess is judged and counted, as of an attacker who keeps within the throttle.
const UNTHROTTLED: &str = "[throttle]\nfree_failures = 1000000\nbudget = 1000000\nknown_budget = 1000000\n";

#[test]
fn what_the_clock_tells_of_a_wrong_code_by_the_module_alone() {
    let rounds = logins_each(1000);
    let observed = |policy: &str, stack| observed(&host(policy, "observed", Stack::Text(stack)), rounds);
    let stack = "auth required pam_totp.so\n";
    report("A wrong code, pam_totp alone", &observed(UNTHROTTLED, stack));
    report("The same, throttled", &observed("", stack));
    let policy = format!("[enrollment]\nat_login = [\"observed\"]\n{UNTHROTTLED}");
    report("The same, with `setup`", &observed(&policy, "auth required pam_totp.so setup\n"));
}

#[test]
fn what_the_clock_tells_of_a_wrong_password_and_a_wrong_code() {
    let stack = Stack::Text("auth required pam_unix.so\nauth required pam_totp.so\n");
    let host = host(UNTHROTTLED, "observed", stack);
    report("Wrong password and wrong code", &observed(&host, logins_each(200)));
}

#[test]
fn the_statistic_tells_samples_apart() {
    assert!((longer(&[1.0, 2.0, 3.0], &[1.0, 2.0, 3.0]) - 0.5).abs() < 1e-9);
    assert!((longer(&[5.0, 6.0], &[1.0, 2.0]) - 1.0).abs() < 1e-9);
    assert_eq!(quartiles(&[4.0, 1.0, 3.0, 2.0]), [2.0, 3.0, 4.0]);
}
