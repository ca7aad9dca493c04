//! An administrator's override of the policy's mode for one user, and its form on disk.

use crate::clock::{Day, Timestamp};
use crate::credential::moment;
use crate::policy::Mode;
use crate::toml_file::{FileError, Text, quoted};

/// The override of one user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModeOverride {
    /// The uid it was made for: another user of the same name does not inherit it.
    pub uid: u32,
    /// What counts for this user.
    pub mode: Mode,
    /// The last day of it; for good where there is none.
    pub until: Option<Day>,
    /// When it was made.
    pub since: Timestamp,
    /// Who made it: a user name.
    pub by: String,
}

impl ModeOverride {
    /// The mode, while it is in force for this uid.
    #[must_use]
    pub fn in_force(&self, uid: u32, now: Timestamp) -> Option<Mode> {
        let over = self.until.is_some_and(|until| until.is_over(now));
        (self.uid == uid && !over).then_some(self.mode)
    }

    /// The file as it is stored.
    #[must_use]
    pub fn to_toml(&self) -> String {
        let Self { uid, mode, until, since, by } = self;
        let until = until.map_or_else(String::new, |until| format!("until = {until}\n"));
        let (since, by) = (since.to_rfc3339(), quoted(by));
        format!("version = 1\nuid = {uid}\nmode = \"{mode}\"\n{until}since = {since}\nby = {by}\n")
    }

    /// Reads what [`Self::to_toml`] wrote.
    ///
    /// # Errors
    /// [`FileError`] for anything else.
    pub fn parse(file: &str, text: &str) -> Result<Self, FileError> {
        const KEYS: [&str; 6] = ["version", "uid", "mode", "until", "since", "by"];
        let text = Text::open(file, text);
        let document = text.parse()?;
        let (mut uid, mut mode, mut until, mut since, mut by) = (None, None, None, None, None);
        for entry in document.entries() {
            match entry.key() {
                "version" => drop(entry.integer(1u8..=1)?),
                "uid" => uid = Some(entry.integer(0..=u32::MAX)?),
                "mode" => mode = Some(entry.choice(&Mode::NAMES)?),
                "until" => {
                    let wanted = "a date such as 2027-01-31";
                    let day = Day::from_toml(entry.datetime(wanted)?);
                    until = Some(day.ok_or_else(|| entry.error(format!("is no date; allowed: {wanted}")))?);
                }
                "since" => since = Some(moment(&entry)?),
                "by" => by = Some(entry.string()?.to_owned()),
                _ => return Err(entry.unknown(&KEYS)),
            }
        }
        let missing = |key| text.whole(key, "is missing");
        Ok(Self {
            uid: uid.ok_or_else(|| missing("uid"))?,
            mode: mode.ok_or_else(|| missing("mode"))?,
            until,
            since: since.ok_or_else(|| missing("since"))?,
            by: by.ok_or_else(|| missing("by"))?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> ModeOverride {
        ModeOverride {
            uid: 1000,
            mode: Mode::Disabled,
            until: Day::parse("2026-09-30"),
            since: Timestamp(1_790_000_000),
            by: "EX\\\"root".to_owned(),
        }
    }

    #[test]
    fn an_override_is_read_back_as_written() {
        for written in [example(), ModeOverride { until: None, ..example() }] {
            assert_eq!(ModeOverride::parse("alice.mode", &written.to_toml()), Ok(written));
        }
    }

    #[test]
    fn it_is_in_force_for_its_user_until_its_last_day_is_over() {
        let (made, now) = (example(), Timestamp(1_790_000_000));
        assert_eq!(made.in_force(1000, now), Some(Mode::Disabled));
        assert_eq!(made.in_force(1001, now), None);
        assert_eq!(made.in_force(1000, now.plus(30 * 24 * 60 * 60)), None);
    }

    #[test]
    fn a_broken_one_is_an_error_with_its_line() {
        let whole = example().to_toml();
        for (from, to) in
            [("mode = \"disabled\"", "mode = \"off\""), ("uid", "gid"), ("until = 2026-09-30", "until = 1")]
        {
            let error = ModeOverride::parse("alice.mode", &whole.replace(from, to)).unwrap_err();
            assert!(error.to_string().starts_with("alice.mode:"), "{error}");
        }
    }
}
