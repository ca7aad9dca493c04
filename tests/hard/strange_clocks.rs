//! Clocks that are wrong: eight years old, as on a board that has none of its own, an hour back, a year ahead.
//! The clock of each program is moved by faketime; leap seconds, and the clock within one login, are unit tests
//! of the core.

#![forbid(unsafe_code)]

mod subject;

use host::{Host, Outcome, Phone};
use subject::{AUTH_ERR, ENROL, SUCCESS, Subject, UNTHROTTLED, house, login, login_words, phone_on_file};

/// The steps of a phone in an hour.
const HOUR: i64 = 3600 / 300;
/// In a year as faketime has it.
const YEAR: i64 = 365 * 24 * HOUR;

/// A program by a clock that is so many steps wrong.
fn by_clock(host: &Host, wrong: i64, words: &[&str]) -> Outcome {
    let seconds = format!("{:+}", wrong * 300);
    host.run(&[&["faketime", "-f", &seconds], words].concat())
}

fn login_by_clock(host: &Host, wrong: i64, code: &str) -> i32 {
    by_clock(host, wrong, &login_words(code)).status
}

/// A login by a wrong clock, of somebody whose phone is right and who has logged in before, is refused; a recovery
/// code is not. Once the clock is right, nothing is lost and nothing has come back.
fn refuses_what_it_cannot_judge_and_forgets_nothing(wrong: i64) {
    let subject = Subject::new(UNTHROTTLED);
    let Subject { host, codes, recovery_codes, .. } = &subject;
    let phone = phone_on_file(host);
    assert_eq!(login_by_clock(host, wrong, &codes[1]), AUTH_ERR, "the code of another time");
    assert_eq!(login_by_clock(host, wrong, &recovery_codes[0]), SUCCESS);
    assert_eq!(login_by_clock(host, wrong, &recovery_codes[0]), AUTH_ERR, "a spent recovery code");
    if wrong < 0 {
        let noted_then = phone.code_at(wrong);
        assert_eq!(login_by_clock(host, wrong, &noted_then), AUTH_ERR, "a code from before the last login");
    }
    assert!(subject.credential_stands());
    assert_eq!(login(host, &codes[0]), AUTH_ERR, "a used code");
    assert_eq!(login(host, &recovery_codes[0]), AUTH_ERR, "a spent recovery code");
    assert_eq!(login(host, &codes[1]), SUCCESS);
    assert_eq!(login(host, &recovery_codes[1]), SUCCESS);
}

#[test]
fn a_clock_eight_years_old_opens_no_used_code_and_loses_nothing() {
    refuses_what_it_cannot_judge_and_forgets_nothing(-8 * YEAR);
}

#[test]
fn a_clock_that_steps_back_an_hour_opens_no_used_code_and_loses_nothing() {
    // And two steps more, for the window is ten, and the codes of a test are good for a while.
    refuses_what_it_cannot_judge_and_forgets_nothing(-HOUR - 2);
}

#[test]
fn a_clock_that_steps_forward_a_year_and_back_loses_nothing() {
    refuses_what_it_cannot_judge_and_forgets_nothing(YEAR);
}

#[test]
fn who_is_set_up_by_a_clock_eight_years_old_logs_in_by_the_right_one() {
    let host = house(UNTHROTTLED);
    let made = by_clock(&host, -8 * YEAR, &ENROL).json();
    let phone = Phone::scan(made["uri"].as_str().expect("`uri` is a string")).with_window(10);
    let then = phone.code_at(-8 * YEAR);
    assert_eq!(login_by_clock(&host, -8 * YEAR, &then), SUCCESS);
    assert_eq!(login(&host, &then), AUTH_ERR);
    let now = phone.code_at(0);
    assert_eq!(login(&host, &now), SUCCESS);
    assert_eq!(login_by_clock(&host, -8 * YEAR, &phone.code_at(1 - 8 * YEAR)), AUTH_ERR, "the clock is back");
}

#[test]
fn a_failure_counted_a_year_ahead_delays_no_longer_than_any_other() {
    let host = house("free_failures = 0\nbase_delay = \"1s\"\nmax_delay = \"1s\"");
    let phone = host.enrol("alice");
    assert_eq!(login_by_clock(&host, YEAR, &phone.wrong_code()), AUTH_ERR);
    // A real second, the longest delay, must pass.
    host.wait_until("the delay is over", |host| login(host, &phone.code_at(0)) == SUCCESS);
}
