//! The same crowd before pam_google_authenticator, which reads its file, judges, and writes a new one without a
//! lock. What it does is measured and told; that it may behave in a run is no failure of this project.

use super::{CROWD, report, winners};
use host::{Host, Party, Phone, Stack};
use std::io::Write as _;
use std::time::Instant;

const FILES: usize = 40;
/// As many codes as its window has, without the oldest and the newest.
const CODES: usize = 15;
const SECRETS: &str = "/home/alice/.google_authenticator";

#[test]
fn pam_google_authenticator_in_the_same_place() {
    let host = Host::builder()
        .user("alice", "wonderland")
        .stack("peer", Stack::Text("auth required pam_google_authenticator.so\n"))
        .build();
    let mut crowd = host.crowd("peer");
    let mut winners_of_rounds = Vec::new();
    let since = Instant::now();
    for file in 0..FILES {
        let secret = secret(file);
        let text = format!("{secret}\n\" DISALLOW_REUSE\n\" WINDOW_SIZE 17\n\" TOTP_AUTH\n");
        host.write(SECRETS, text);
        host.must_run(&["chown", "alice:alice", SECRETS]);
        host.must_run(&["chmod", "600", SECRETS]);
        let mut phone = Phone::type_in(&secret).with_window(8);
        for _ in 0..CODES {
            winners_of_rounds.push(winners(&crowd.at_once(&[Party::logins(CROWD, "alice", &phone.code())])));
        }
    }
    let rounds = winners_of_rounds.len();
    report("pam_google_authenticator, one code", rounds, since);
    let several = winners_of_rounds.iter().filter(|winners| **winners > 1).count();
    let most = winners_of_rounds.iter().max().copied().unwrap_or_default();
    let none = winners_of_rounds.iter().filter(|winners| **winners == 0).count();
    let _ = writeln!(
        std::io::stderr(),
        "    {several} of {rounds} let two or more in, {most} at most; {none} let nobody in"
    );
    assert!(none < rounds, "it let nobody in at all: is libpam-google-authenticator installed?");
}

/// A secret of its own for each file: 16 Base32 characters.
fn secret(number: usize) -> String {
    let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let digits = (0..16).map(|place| letters[(number * 7 + place * 5 + number / 32 * place) % 32]);
    digits.map(char::from).collect()
}
