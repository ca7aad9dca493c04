//! Which figures are drawn.

use crate::Findings;
use crate::logins::{Case, Logins};
use crate::modules::Module;
use crate::plots::{Kind, Plot, Series};
use plotters::style::RGBColor;

/// The pictures of what was measured.
pub fn all(found: &Findings) -> Vec<Plot> {
    let mut all = Vec::new();
    if let Some(disk) = &found.on_disk {
        all.push(login(disk, "login-on-disk", "A login with a right code, on the disk"));
    }
    if let Some(memory) = &found.in_memory {
        all.push(login(memory, "login-in-memory", "A login with a right code, in memory"));
    }
    if let Some(counts) = &found.counts {
        let points = |module| {
            vec![(0.0, counts.first_instructions(module)), (1.0, counts.further_instructions(module))]
        };
        all.push(Plot {
            name: "instructions",
            title: "Instructions of a login, net of the empty stack",
            axes: ("", "instructions"),
            kind: Kind::Bars(["first login of a process", "a further login"].map(str::to_owned).into()),
            series: Module::ASKING.map(|module| Series::of(module, points(module))).into(),
        });
    }
    if let Some(scale) = &found.scale {
        all.push(Plot {
            name: "users",
            title: "A login on the disk, the more users there are",
            axes: ("users", "microseconds"),
            kind: Kind::Lines { base: 10.0, powers: true },
            series: scale.lines().into_iter().map(|(module, points)| Series::of(module, points)).collect(),
        });
        all.push(Plot {
            name: "rules",
            title: "A login on the disk, the more rules the policy has",
            axes: ("rules", "microseconds"),
            kind: Kind::Lines { base: 10.0, powers: true },
            series: vec![Series::of(Module::Totp, scale.line_of_rules())],
        });
    }
    if let Some(parallel) = &found.parallel {
        let series = parallel.lines().into_iter().map(|(module, points)| Series::of(module, points));
        all.push(Plot {
            name: "parallel",
            title: "Logins of different users at the same moment",
            axes: ("logins at once", "logins let in a second"),
            kind: Kind::Lines { base: 2.0, powers: false },
            series: series.collect(),
        });
    }
    if let Some(ssh) = &found.ssh {
        let series = ssh.lines().into_iter().map(|(module, points)| Series::of(module, points));
        all.push(Plot {
            name: "ssh",
            title: "Complete logins over ssh",
            axes: ("clients", "logins a second"),
            kind: Kind::Lines { base: 2.0, powers: false },
            series: series.collect(),
        });
    }
    all
}

fn login(found: &Logins, name: &'static str, title: &'static str) -> Plot {
    let points =
        |module| vec![(0.0, found.wall(Case::Right, module)), (1.0, found.wall(Case::OwnProcess, module))];
    let mut series: Vec<Series> = Module::ASKING.map(|module| Series::of(module, points(module))).into();
    if found.syncs() {
        series.push(Series {
            name: "bare write with fdatasync".to_owned(),
            colour: RGBColor(150, 150, 150),
            points: vec![(0.0, found.bare_write())],
        });
    }
    Plot {
        name,
        title,
        axes: ("", "microseconds, net of the empty stack"),
        kind: Kind::Bars(["one process", "each login in its own process"].map(str::to_owned).into()),
        series,
    }
}
