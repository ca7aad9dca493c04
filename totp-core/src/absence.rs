//! A note that the name service did not know a user of whom the store has something, and its form on disk.
//!
//! Where a directory is asked for users, "unknown" may mean that it is down. So nothing is removed by it in one run of
//! `admin prune`: a run makes this note, and another one at least a day later may remove what is kept, if the user is
//! unknown still.

use crate::clock::Timestamp;
use crate::credential::moment;
use crate::toml_file::{FileError, Text, quoted};

/// How long a user is unknown at least before anything is removed, in seconds: a day.
pub const LONG_ENOUGH: u64 = 24 * 60 * 60;

/// A moment by two clocks: one that may be set, and one that only runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moment {
    /// By the wall clock.
    pub now: Timestamp,
    /// The boot it is counted in; empty where that is not known.
    pub boot: String,
    /// Seconds since that boot.
    pub uptime: u64,
}

impl Moment {
    /// This moment.
    #[must_use]
    pub fn now() -> Self {
        let read = |path| std::fs::read_to_string(path).unwrap_or_default();
        let uptime = read("/proc/uptime");
        Self {
            now: Timestamp::now(),
            boot: read("/proc/sys/kernel/random/boot_id").trim().to_owned(),
            uptime: uptime.split('.').next().and_then(|seconds| seconds.parse().ok()).unwrap_or(0),
        }
    }

    /// Seconds since `earlier`, by the clock that says less: one that was set forward proves nothing. 0 where
    /// `earlier` lies in the future, as after a clock that was set back.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> u64 {
        let wall = self.now.since(earlier.now);
        if self.boot.is_empty() || self.boot != earlier.boot {
            return wall;
        }
        wall.min(self.uptime.saturating_sub(earlier.uptime))
    }
}

/// The note.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Absence {
    /// Since when the user is known to be unknown.
    pub since: Moment,
}

impl Absence {
    /// Seconds until what is kept may be removed; 0 where it may.
    #[must_use]
    pub fn left(&self, now: &Moment) -> u64 {
        LONG_ENOUGH.saturating_sub(now.since(&self.since))
    }

    /// The file as it is stored.
    #[must_use]
    pub fn to_toml(&self) -> String {
        let Moment { now, boot, uptime } = &self.since;
        format!("version = 1\nsince = {}\nboot = {}\nuptime = {uptime}\n", now.to_rfc3339(), quoted(boot))
    }

    /// Reads what [`Self::to_toml`] wrote.
    ///
    /// # Errors
    /// [`FileError`] for anything else.
    pub fn parse(file: &str, text: &str) -> Result<Self, FileError> {
        const KEYS: [&str; 4] = ["version", "since", "boot", "uptime"];
        let text = Text::open(file, text);
        let document = text.parse()?;
        let (mut now, mut boot, mut uptime) = (None, None, None);
        for entry in document.entries() {
            match entry.key() {
                "version" => drop(entry.integer(1u8..=1)?),
                "since" => now = Some(moment(&entry)?),
                "boot" => boot = Some(entry.string()?.to_owned()),
                "uptime" => uptime = Some(entry.integer(0..=u64::MAX)?),
                _ => return Err(entry.unknown(&KEYS)),
            }
        }
        let missing = |key| text.whole(key, "is missing");
        Ok(Self {
            since: Moment {
                now: now.ok_or_else(|| missing("since"))?,
                boot: boot.ok_or_else(|| missing("boot"))?,
                uptime: uptime.ok_or_else(|| missing("uptime"))?,
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(now: u64, boot: &str, uptime: u64) -> Moment {
        Moment { now: Timestamp(1_790_000_000 + now), boot: boot.to_owned(), uptime }
    }

    #[test]
    fn a_note_is_read_back_as_written_and_a_broken_one_is_an_error() {
        let written = Absence { since: moment(5, "0c2c1e9a-\"", 77) };
        let text = written.to_toml();
        assert_eq!(Absence::parse("alice.absent", &text), Ok(written));
        for (from, to) in [("since", "until"), ("uptime = 77", "uptime = -1"), ("version = 1", "version = 2")]
        {
            let error = Absence::parse("alice.absent", &text.replace(from, to)).unwrap_err();
            assert!(error.to_string().starts_with("alice.absent:"), "{error}");
        }
    }

    #[test]
    fn a_day_is_a_day_whatever_is_done_to_the_clock() {
        let day = LONG_ENOUGH;
        let left = |now| Absence { since: moment(0, "a", 100) }.left(&now);
        assert_eq!(left(moment(day, "a", 100 + day)), 0);
        assert_eq!(left(moment(day - 1, "a", 100 + day)), 1);
        assert_eq!(left(moment(900 * day, "a", 160)), day - 60, "set forward in the same boot");
        assert_eq!(left(moment(900 * day, "b", 160)), 0, "by the wall clock after another boot");
        let early = Moment { now: Timestamp(0), ..moment(0, "b", 999 * day) };
        assert_eq!(left(early), day, "set back");
    }
}
