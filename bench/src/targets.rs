//! What the figures should be, and whether they are.

use crate::Findings;
use crate::logins::Case;
use crate::modules::Module;
use crate::numbers::number;
use crate::table::Table;

/// A figure that should be at most a limit.
struct Target {
    what: String,
    measured: f64,
    limit: f64,
}

impl Target {
    fn is_met(&self) -> bool {
        self.measured <= self.limit
    }
}

fn all(found: &Findings) -> Vec<Target> {
    let mut all = Vec::new();
    let mut target = |what: &str, measured: f64, limit: f64| {
        all.push(Target { what: what.to_owned(), measured, limit });
    };
    // A process that logs in one user, as sshd's are, is told of beside it.
    let kinds = [(Case::Right, ""), (Case::OwnProcess, ", each in a process of its own")];
    if let Some(disk) = &found.on_disk {
        for (case, kind) in kinds {
            let login = disk.wall(case, Module::Totp);
            let google = disk.wall(case, Module::Google);
            target(&format!("durable login, of pam_google_authenticator{kind}"), login / google, 0.35);
        }
        let login = disk.wall(Case::Right, Module::Totp);
        target("durable login, of one bare write in place with fdatasync", login / disk.bare_write(), 1.3);
    }
    if let Some(memory) = &found.in_memory {
        for (case, kind) in kinds {
            let login = memory.wall(case, Module::Totp);
            let google = memory.wall(case, Module::Google);
            target(&format!("login in memory, of pam_google_authenticator{kind}"), login / google, 0.7);
        }
    }
    if let Some(counts) = &found.counts {
        let further = |module| counts.further_instructions(module);
        target(
            "instructions of a login, of pam_google_authenticator",
            further(Module::Totp) / further(Module::Google),
            1.0,
        );
        let first = |module| counts.first_instructions(module);
        target(
            "instructions of the first login of a process, of pam_google_authenticator",
            first(Module::Totp) / first(Module::Google),
            1.0,
        );
    }
    if let Some(footprints) = &found.footprints {
        target("size of the module, KiB", footprints.bytes(Module::Totp) / 1024.0, 700.0);
        let memory = footprints.peak_memory(Module::Totp) / 1024.0 / 1024.0;
        target("memory added to a process, MiB", memory, 1.5);
    }
    if let Some(programs) = &found.programs {
        target("totp-helper from start to answer, of /bin/true", programs.helper_to_bare(), 3.0);
        target(
            &format!(
                "`admin users --summary` over {} users, of find with cat",
                number(programs.users() as f64)
            ),
            programs.summary_to_find(),
            3.0,
        );
    }
    if let Some(scale) = &found.scale {
        let (least, most) = (scale.sizes().first(), scale.sizes().last());
        let users = |size: Option<&usize>| size.map(|size| number(*size as f64)).unwrap_or_default();
        target(
            &format!("slowest store of fastest, from {} to {} users", users(least), users(most)),
            scale.spread_over_users(),
            1.1,
        );
        target("durable login with 100 rules, of one with none", scale.hundred_rules(), 2.0);
    }
    all
}

/// The targets of what was measured, as Markdown.
pub fn text(found: &Findings) -> String {
    let mut table = Table::new(["", "at most", "measured", ""]);
    for target in all(found) {
        let verdict = if target.is_met() { "met" } else { "**missed**" };
        table.row([target.what.clone(), number(target.limit), number(target.measured), verdict.to_owned()]);
    }
    table.markdown()
}
