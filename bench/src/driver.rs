//! The program that logs in through libpam, driver.c: how it is told what to do, and what it says. Which logins
//! are worth measuring is said elsewhere.

use host::Host;
use std::fmt::Write as _;

const SOURCE: &str = include_str!("driver.c");

/// Where the program lies on a host.
pub const DRIVER: &str = "/run/driver";

/// PAM_SUCCESS.
pub const SUCCESS: i32 = 0;

/// The service of a bare write; the user is a directory, and the code the number of a file in it.
pub const BARE: &str = "bare";

/// One login to be done.
#[derive(Clone)]
pub struct Login {
    /// The PAM service.
    pub service: String,
    /// The name typed.
    pub user: String,
    /// What every prompt is answered with.
    pub code: String,
}

/// What one login took.
#[derive(Clone, Copy)]
pub struct Sample {
    /// Microseconds by the clock.
    pub wall: f64,
    /// Microseconds of the processor.
    pub processor: f64,
    /// PAM's word.
    pub verdict: i32,
}

/// Compiles the program on a host.
pub fn build(host: &Host) {
    let source = format!("{DRIVER}.c");
    host.write(&source, SOURCE);
    let flags = ["-std=gnu11", "-Wall", "-Wextra", "-Werror", "-O2", "-o", DRIVER];
    host.must_run(&[&["cc"], &flags[..], &[&source, "-lpam"]].concat());
}

/// The lines by which the program is told of logins.
pub fn lines(logins: &[Login]) -> String {
    let mut lines = String::new();
    for Login { service, user, code } in logins {
        // Writing to a String cannot fail.
        let _ = writeln!(lines, "{service} {user} {code}");
    }
    lines
}

/// Where logins happen.
#[derive(Clone, Copy)]
pub enum Where {
    /// One after the other in one process.
    OneProcess,
    /// Each in a process of its own.
    OwnProcess,
}

/// Does these logins one after the other.
pub fn log_in(host: &Host, place: Where, logins: &[Login]) -> Vec<Sample> {
    let word = match place {
        Where::OneProcess => "logins",
        Where::OwnProcess => "processes",
    };
    let outcome = host.run_with_input("root", &[DRIVER, word], lines(logins));
    assert_eq!(outcome.status, 0, "{outcome:?}");
    let samples = samples(&outcome.stdout);
    assert_eq!(samples.len(), logins.len(), "a line a login: {outcome:?}");
    samples
}

/// Loads a library so many times, and lets go of it.
pub fn load(host: &Host, library: &str, count: usize) -> Vec<Sample> {
    succeeded(samples(&host.must_run(&[DRIVER, "load", library, &count.to_string()])), library)
}

/// Starts a program of a user so many times, with the contents of this file on its standard input, up to the
/// end of its answer.
pub fn start(host: &Host, user: &str, count: usize, input: &str, program: &[&str]) -> Vec<Sample> {
    let count = count.to_string();
    let words = [&[DRIVER, "start", &count, input], program].concat();
    let outcome = host.run_as(user, &words);
    assert_eq!(outcome.status, 0, "{words:?}: {outcome:?}");
    succeeded(samples(&outcome.stdout), &format!("{program:?}"))
}

/// Bytes that a login adds to its process: resident, proportional, and resident at its peak.
pub fn memory(host: &Host, login: &Login) -> [f64; 3] {
    let Login { service, user, code } = login;
    let said = host.must_run(&[DRIVER, "memory", service, user, code]);
    let numbers: Vec<f64> = said.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    match numbers[..] {
        [resident, proportional, peak, verdict] if verdict as i32 == SUCCESS => {
            [resident, proportional, peak]
        }
        _ => panic!("the driver said `{said}`"),
    }
}

/// Does these logins all at once, each in a process of its own, and returns the milliseconds to the last verdict
/// and how many got in.
pub fn crowd(host: &Host, logins: &[Login]) -> (f64, usize) {
    let outcome = host.run_with_input("root", &[DRIVER, "crowd"], lines(logins));
    let numbers: Vec<f64> = outcome.stdout.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    match numbers[..] {
        [nanoseconds, passed] if outcome.status == 0 => (nanoseconds / 1e6, passed as usize),
        _ => panic!("the driver fails: {outcome:?}"),
    }
}

/// The clock's part of samples, in microseconds.
pub fn walls(samples: &[Sample]) -> Vec<f64> {
    samples.iter().map(|sample| sample.wall).collect()
}

fn succeeded(samples: Vec<Sample>, what: &str) -> Vec<Sample> {
    assert!(samples.iter().all(|sample| sample.verdict == 0), "{what} fails");
    samples
}

fn samples(output: &str) -> Vec<Sample> {
    output.lines().map(sample).collect()
}

fn sample(line: &str) -> Sample {
    let mut words = line.split(' ');
    let mut number = || {
        words.next().and_then(|word| word.parse().ok()).unwrap_or_else(|| panic!("the driver said `{line}`"))
    };
    let (wall, processor, verdict): (f64, f64, f64) = (number(), number(), number());
    Sample { wall: wall / 1000.0, processor: processor / 1000.0, verdict: verdict as i32 }
}
