//! The program that logs in through libpam, driver.c: how it is told what to do, and what it says. Which logins
//! are worth measuring is said elsewhere.

use host::Host;
use std::fmt::Write as _;

const SOURCE: &str = include_str!("driver.c");

/// Where the program lies on a host.
pub const DRIVER: &str = "/run/driver";

/// PAM_SUCCESS.
pub const SUCCESS: i32 = 0;

/// One login to be done.
#[derive(Clone)]
pub struct Login {
    /// The PAM service.
    pub service: &'static str,
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

/// Does these logins one after the other, in one process.
pub fn log_in(host: &Host, logins: &[Login]) -> Vec<Sample> {
    let outcome = host.run_with_input("root", &[DRIVER, "logins"], lines(logins));
    assert_eq!(outcome.status, 0, "{outcome:?}");
    let samples = samples(&outcome.stdout);
    assert_eq!(samples.len(), logins.len(), "a line a login: {outcome:?}");
    samples
}

/// So many bare writes of 4096 bytes into a file, each with fdatasync.
pub fn write_in_place(host: &Host, file: &str, count: usize) -> Vec<Sample> {
    let samples = samples(&host.must_run(&[DRIVER, "write", file, &count.to_string()]));
    assert!(samples.iter().all(|sample| sample.verdict == 0), "{file} cannot be written");
    samples
}

fn samples(output: &str) -> Vec<Sample> {
    output.lines().map(sample).collect()
}

fn sample(line: &str) -> Sample {
    let mut words = line.split(' ');
    let mut number =
        || words.next().and_then(|word| word.parse().ok()).unwrap_or_else(|| panic!("the driver said `{line}`"));
    let (wall, processor, verdict): (f64, f64, f64) = (number(), number(), number());
    Sample { wall: wall / 1000.0, processor: processor / 1000.0, verdict: verdict as i32 }
}
