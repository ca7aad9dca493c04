//! Users and groups in rules that nobody has.

use nix::unistd::Group;
use totp_core::account::Account;
use totp_core::nsswitch::{Database, Sources};
use totp_core::policy::Policy;

/// Whether the name service knows a name; an error in words where it gave no answer.
pub trait Names {
    fn knows_user(&self, name: &str) -> Result<bool, String>;
    fn knows_group(&self, name: &str) -> Result<bool, String>;
    /// Whether a group that nobody knows may still be one of a directory that is down.
    fn have_a_directory(&self) -> bool;
}

pub struct SystemNames;

impl Names for SystemNames {
    /// By the canonical name alone: that is what rules are compared with.
    fn knows_user(&self, name: &str) -> Result<bool, String> {
        let found = Account::by_name(name).map_err(|error| error.to_string())?;
        Ok(found.is_some_and(|account| account.name.as_str() == name))
    }

    fn knows_group(&self, name: &str) -> Result<bool, String> {
        let found = Group::from_name(name);
        found
            .map(|group| group.is_some())
            .map_err(|error| format!("the name service failed: {}", error.desc()))
    }

    fn have_a_directory(&self) -> bool {
        Sources::of(Database::Group).name_a_directory()
    }
}

/// A sentence for each name in a rule that the name service does not know.
pub fn unknown(policy: &Policy, names: &dyn Names) -> Vec<String> {
    let mut warnings = Vec::new();
    for rule in &policy.rules {
        let users = rule.users.iter().flatten().map(|name| ("user", name, names.knows_user(name)));
        let groups = rule.groups.iter().flatten().map(|name| ("group", name, names.knows_group(name)));
        for (what, name, known) in users.chain(groups) {
            let line = rule.line;
            warnings.extend(match known {
                Ok(true) => None,
                Ok(false) => {
                    let effect = if what == "group" { group_effect(names) } else { "" };
                    Some(format!(
                        "the rule on line {line} names the {what} \"{name}\", whom the name service does not know by exactly this name{effect}"
                    ))
                }
                Err(error) => Some(format!(
                    "the rule on line {line} names the {what} \"{name}\", who could not be looked up: {error}"
                )),
            });
        }
    }
    warnings
}

/// What a rule does by a group that nobody knows.
fn group_effect(names: &dyn Names) -> &'static str {
    if names.have_a_directory() {
        "; /etc/nsswitch.conf names a directory, which may be down, so the rule counts for everybody if it is stricter than the rest"
    } else {
        "; it has no members"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// With a directory or without.
    struct Known(bool);

    impl Names for Known {
        fn knows_user(&self, name: &str) -> Result<bool, String> {
            Ok(name == "alice")
        }

        fn knows_group(&self, name: &str) -> Result<bool, String> {
            if name == "broken" { Err("it failed".to_owned()) } else { Ok(name == "staff") }
        }

        fn have_a_directory(&self) -> bool {
            self.0
        }
    }

    fn policy(text: &str) -> Policy {
        Policy::parse("policy.toml", text).expect(text)
    }

    #[test]
    fn names_that_nobody_has_are_told() {
        let text = "[[rule]]\nusers = [\"alice\", \"bob\"]\ngroups = [\"staff\", \"ghosts\", \"broken\"]\nmode = \"required\"\n";
        let told = unknown(&policy(text), &Known(false)).join("\n");
        for part in [
            "line 1 names the user \"bob\", whom",
            "the group \"ghosts\", whom",
            "\"broken\", who could not be looked up: it failed",
        ] {
            assert!(told.contains(part), "{part}: {told}");
        }
        assert!(!told.contains("alice") && !told.contains("staff"), "{told}");
        assert!(told.contains(
            "\"ghosts\", whom the name service does not know by exactly this name; it has no members"
        ));
        let told = unknown(&policy(text), &Known(true)).join("\n");
        assert!(told.contains("counts for everybody if it is stricter"), "{told}");
    }
}
