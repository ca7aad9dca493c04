//! What a change of the policy does that hardly anybody means: it is told, and asked about unless `--yes` is given.

use super::way_to_root;
use crate::asked;
use crate::exit::Stop;
use crate::stacks::{self, Stacks};
use crate::terminal::Terminal;
use crate::text::printable;
use std::io::{self, IsTerminal as _};
use std::path::Path;
use totp_core::policy::Policy;

/// A policy that is about to be put in the place of another.
pub struct Replacement<'a> {
    /// Where it will stand.
    pub file: &'a Path,
    /// The former one; `None` where that does not check, and so lets nobody in.
    pub before: Option<&'a Policy>,
    /// The new one.
    pub after: &'a Policy,
}

/// Goes on where there is nothing to ask about, where the answer is yes, and with `yes`. Called before anything is
/// changed.
pub fn confirm(terminal: &Terminal, yes: bool, change: &Replacement<'_>) -> Result<(), Stop> {
    let concerns = concerns(change, &stacks::read());
    for concern in &concerns {
        terminal.remark(&printable(concern));
    }
    if yes || concerns.is_empty() {
        return Ok(());
    }
    // What a script pipes in is for another question, such as sudo's.
    if !io::stdin().is_terminal() {
        return Err(nobody_there());
    }
    terminal.ask_to_go_on("Change the policy all the same?").map_err(|stop| match stop {
        Stop::EndOfInput => nobody_there(),
        stop => stop,
    })
}

fn nobody_there() -> Stop {
    let sentence = "nobody is there to confirm it; nothing was changed; --yes makes the change all the same";
    Stop::Refused(sentence.to_owned())
}

/// Everything to ask about, as sentences.
fn concerns(change: &Replacement<'_>, stacks: &Stacks) -> Vec<String> {
    let mut concerns = way_to_root::losses(change.file, change.before, change.after);
    concerns.extend(nobody_is_asked(change, stacks));
    concerns
}

/// No service of this host asks for a code any more: a typing error in `services` does that, and all else still
/// looks like protection.
fn nobody_is_asked(change: &Replacement<'_>, stacks: &Stacks) -> Option<String> {
    let Replacement { file, before, after } = change;
    let asked: Vec<_> = match before {
        Some(before) => asked::asking(before, file, stacks),
        // It keeps everybody out there.
        None => asked::services_by(stacks, file).map(|service| service.name.as_str()).collect(),
    };
    let stops = !asked.is_empty() && asked::asking(after, file, stacks).is_empty();
    stops.then(|| {
        format!(
            "With this change no service of this host asks anybody for a code any more under this policy; so far: {}.",
            asked.join(", ")
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stacks::Service;
    use totp_core::POLICY_FILE;

    fn told(before: Option<&str>, after: &str, services: &[&str]) -> Option<String> {
        let policy = |text| Policy::parse("policy.toml", text).expect(text);
        let service = |name: &&str| Service {
            name: (*name).to_owned(),
            auth: (*name != "cron").then(Vec::new),
            ..Service::default()
        };
        let stacks = Stacks { services: services.iter().map(service).collect(), ..Stacks::default() };
        let (before, after) = (before.map(policy), policy(after));
        let change = Replacement { file: Path::new(POLICY_FILE), before: before.as_ref(), after: &after };
        nobody_is_asked(&change, &stacks)
    }

    #[test]
    fn a_change_after_which_nobody_is_asked_is_told() {
        let ssh = "mode = \"required\"\nservices = [\"ssh\"]\n";
        let told_of = told(Some("mode = \"required\"\n"), ssh, &["cron", "sshd", "su"]).unwrap();
        assert!(told_of.ends_with("so far: sshd, su."), "{told_of}");
        assert!(told(None, "mode = \"disabled\"\n", &["sshd"]).is_some(), "it let nobody in");
        for (before, after, services) in [
            ("", "services = [\"su\"]\n", &["sshd", "su-l"][..]),
            ("mode = \"disabled\"\n", ssh, &["sshd"]),
            ("", "mode = \"disabled\"\n[[rule]]\nusers = [\"alice\"]\nmode = \"required\"\n", &["sshd"]),
            // Where no stack has the line, no policy changes that.
            ("", "mode = \"disabled\"\n", &["cron"]),
        ] {
            assert_eq!(told(Some(before), after, services), None, "{after}");
        }
    }
}
