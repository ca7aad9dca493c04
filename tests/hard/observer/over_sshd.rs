//! The same over a real sshd: from the connection to the prompt, and from the answer to the end, in which libpam
//! waits for two seconds, more or less.

use super::{Times, USERS, host, logins_each, report};
use host::Stack;
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Logins under way at a time; most of them wait.
const CLIENTS: usize = 24;
/// Says when it was asked, and answers with a wrong code.
const ANSWER: &str = "/run/answer";

fn microseconds(from: Duration, to: Duration) -> f64 {
    (to.as_secs_f64() - from.as_secs_f64()) * 1e6
}

fn since_epoch() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("it is later than 1970")
}

#[test]
fn what_the_clock_tells_of_a_wrong_code_over_sshd() {
    let host = host(super::UNTHROTTLED, "sshd", Stack::Code);
    host.write(ANSWER, "#!/bin/sh\necho asked $(date +%s%N) >&2\necho 000000\n");
    host.must_run(&["chmod", "755", ANSWER]);
    // Many of them wait for the delay at a time, and the least costly key exchange hides least.
    let options = ["-o", "KexAlgorithms=curve25519-sha256"];
    let log_in = |user: &str| {
        let start = since_epoch();
        let outcome = host
            .ssh_command(user, &options)
            .env("SSH_ASKPASS", ANSWER)
            .env("SSH_ASKPASS_REQUIRE", "force")
            .output()
            .expect("ssh (openssh-client) should start");
        let end = since_epoch();
        let told = String::from_utf8_lossy(&outcome.stderr);
        let asked = told.lines().find_map(|line| line.strip_prefix("asked "));
        let asked = asked.and_then(|moment| moment.parse().ok()).map(Duration::from_nanos);
        let asked = asked.unwrap_or_else(|| panic!("{user} was not asked: {told}"));
        assert!(told.contains("Permission denied"), "{user}: {told}");
        (microseconds(start, asked), microseconds(asked, end))
    };
    let rounds = logins_each(48);
    let times = Mutex::new(BTreeMap::<String, Times>::new());
    std::thread::scope(|scope| {
        for client in 0..CLIENTS {
            let (times, log_in) = (&times, &log_in);
            scope.spawn(move || {
                for round in 0..rounds.div_ceil(CLIENTS) {
                    for turn in 0..USERS.len() {
                        // Whom one follows tells on the time, too.
                        let user = USERS[(client + round + turn) % USERS.len()];
                        let (to_prompt, to_verdict) = log_in(user);
                        let mut times = times.lock().expect("no login failed");
                        let of_user = times.entry(user.to_owned()).or_default();
                        of_user.to_prompt.push(to_prompt);
                        of_user.to_verdict.push(to_verdict);
                    }
                }
            });
        }
    });
    report("A wrong code over sshd, pam_totp alone", &times.into_inner().expect("no login failed"));
}
