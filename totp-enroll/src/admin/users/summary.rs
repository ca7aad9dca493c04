//! Adoption at a glance: how many are set up, and who stands in the way of the rest.

use crate::terminal::Terminal;
use serde_json::{Value, json};
use totp_core::operation::admin::Survey;
use totp_core::policy::Mode;

/// Characters of the bar.
const BAR: usize = 40;

/// Counts of users.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// In the store, and no users any more; not counted below.
    gone: usize,
    users: usize,
    configured: usize,
    required_and_not_configured: usize,
    invited: usize,
    disabled: usize,
    throttled: usize,
    overridden: usize,
}

impl Summary {
    /// Of nobody yet; `gone` are in the store and no users any more.
    pub fn beside(gone: usize) -> Self {
        Self { gone, ..Self::default() }
    }

    /// Counts one user.
    pub fn count(&mut self, found: &Survey) {
        let configured = !found.devices.is_empty();
        for (counter, counts) in [
            (&mut self.users, true),
            (&mut self.configured, configured),
            (&mut self.required_and_not_configured, !configured && found.mode == Mode::Required),
            (&mut self.invited, !configured && found.invited),
            (&mut self.disabled, found.mode == Mode::Disabled),
            (&mut self.throttled, found.throttled),
            (&mut self.overridden, found.overridden),
        ] {
            *counter = counter.saturating_add(usize::from(counts));
        }
    }

    /// For people: a bar, and what stands behind it.
    pub fn in_words(&self, terminal: &Terminal) -> String {
        let part = |whole: usize| self.configured.saturating_mul(whole).checked_div(self.users).unwrap_or(0);
        let (filled, empty) = if terminal.unicode { ("\u{2588}", "\u{2591}") } else { ("#", ".") };
        let length = part(BAR);
        let bar = filled.repeat(length) + &empty.repeat(BAR.saturating_sub(length));
        let gone = match self.gone {
            0 => String::new(),
            gone => format!(
                "No users any more: {gone} (`totp-enroll admin prune` removes what is kept of them)\n"
            ),
        };
        format!(
            "Set up: {bar} {} % ({} of {})\n\
             Not set up though a code is required: {}\n\
             Not set up and invited: {}\n\
             Never asked for a code: {}\n\
             Throttled: {}\n\
             With an override: {}\n{gone}",
            part(100),
            self.configured,
            self.users,
            self.required_and_not_configured,
            self.invited,
            self.disabled,
            self.throttled,
            self.overridden,
        )
    }

    /// For scripts; `asking` are the services that ask anybody for a code.
    pub fn as_json(&self, asking: &[&str]) -> Value {
        json!({
            "services_that_ask": asking,
            "users": self.users,
            "configured": self.configured,
            "not_configured": self.users.saturating_sub(self.configured),
            "required_and_not_configured": self.required_and_not_configured,
            "invited": self.invited,
            "disabled": self.disabled,
            "throttled": self.throttled,
            "overrides": self.overridden,
            "gone": self.gone,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(configured: usize, not: usize) -> Summary {
        let found = |devices: Vec<String>| Survey {
            mode: Mode::Required,
            overridden: false,
            orphan: None,
            devices,
            throttled: false,
            invited: true,
            last_login: None,
        };
        let mut summary = Summary::default();
        (0..configured).for_each(|_| summary.count(&found(vec!["phone".into()])));
        (0..not).for_each(|_| summary.count(&found(Vec::new())));
        summary
    }

    #[test]
    fn the_bar_is_as_long_as_the_share() {
        let terminal = Terminal {
            is_terminal: false,
            columns: 80,
            lines: 24,
            colours: false,
            unicode: false,
            obeys: false,
        };
        let told = counted(1, 3).in_words(&terminal);
        assert!(
            told.starts_with("Set up: ##########.............................. 25 % (1 of 4)\n"),
            "{told}"
        );
        assert!(told.contains("required: 3\n") && told.contains("invited: 3\n"), "{told}");
        let whole = counted(7, 0).in_words(&terminal);
        assert!(whole.starts_with(&format!("Set up: {} 100 % (7 of 7)\n", "#".repeat(40))), "{whole}");
        // 99.9 per cent are not all.
        assert!(counted(999, 1).in_words(&terminal).contains(" 99 % (999 of 1000)"));
        assert!(counted(0, 0).in_words(&terminal).contains(" 0 % (0 of 0)"));
    }

    #[test]
    fn scripts_get_the_counts() {
        let value = counted(2, 1).as_json(&["sshd"]);
        assert_eq!(value["services_that_ask"], json!(["sshd"]));
        assert_eq!(value["configured"], 2);
        assert_eq!(value["not_configured"], 1);
    }
}
