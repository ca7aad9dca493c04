//! Logins with right codes in turns: each user logs in by every service before the next one does, and who follows
//! whom changes from user to user. What slows the machine down for a while slows all services down alike.

use crate::driver::{self, BARE, Login, SUCCESS, Sample, Where};
use crate::house::{House, User};
use std::collections::BTreeMap;

/// Lets these users log in by these services, with the codes of this step; for [`BARE`] there is a bare write
/// in place of a login. Returns what each took, service by service.
pub fn log_in<S: AsRef<str>>(
    house: &House,
    place: Where,
    services: &[S],
    users: &[User],
    step: u64,
) -> BTreeMap<String, Vec<Sample>> {
    let mut logins = Vec::new();
    let strides = strides(services.len());
    for (number, user) in users.iter().enumerate() {
        let stride = strides[number % strides.len()];
        for turn in 0..services.len() {
            let service = services[(number + turn * stride) % services.len()].as_ref();
            logins.push(if service == BARE {
                house.bare_write(number)
            } else {
                Login { service: service.to_owned(), user: user.name.clone(), code: user.code(step) }
            });
        }
    }
    let samples = driver::log_in(&house.host, place, &logins);
    let mut found: BTreeMap<String, Vec<Sample>> = BTreeMap::new();
    for (login, sample) in logins.iter().zip(samples) {
        assert!(sample.verdict == SUCCESS, "{}: every code counts", login.service);
        found.entry(login.service.clone()).or_default().push(sample);
    }
    found
}

/// Steps by which one comes past each of so many places once.
fn strides(places: usize) -> Vec<usize> {
    fn common(one: usize, other: usize) -> usize {
        if other == 0 { one } else { common(other, one % other) }
    }
    (1..places.max(2)).filter(|stride| common(*stride, places) == 1).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_stride_comes_past_every_place() {
        for places in 1..12 {
            for stride in strides(places) {
                let mut seen: Vec<usize> = (0..places).map(|turn| turn * stride % places).collect();
                seen.sort();
                assert_eq!(seen, (0..places).collect::<Vec<_>>());
            }
        }
        assert_eq!(strides(5), [1, 2, 3, 4]);
    }
}
