//! `make bench`: measures pam_totp, its peers and the bare machine on the same work, in one run, and writes
//! docs/benchmarks.md with its plots.
//!
//! Words on the command line name the parts to be measured; without one it is all of them. `BENCH_DISK` is a
//! directory on the disk to be measured, `BENCH_OUT` the directory of the document, and `BENCH=quick` measures so
//! little that the figures tell nothing but that all parts work.

#![forbid(unsafe_code)]

mod document;
mod driver;
mod footprint;
mod house;
mod logins;
mod machine;
mod modules;
mod numbers;
mod parallel;
mod pictures;
mod plots;
mod programs;
mod scale;
mod ssh;
mod table;
mod targets;
mod turns;
mod work;

use house::{House, Medium};
use logins::Rounds;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// What was measured in this run.
#[derive(Default)]
struct Findings {
    on_disk: Option<logins::Logins>,
    in_memory: Option<logins::Logins>,
    counts: Option<work::Counts>,
    footprints: Option<footprint::Footprints>,
    programs: Option<programs::Programs>,
    scale: Option<scale::Scale>,
    parallel: Option<parallel::Parallel>,
    ssh: Option<ssh::Ssh>,
}

/// How much is measured.
struct Effort {
    logins: Rounds,
    programs: programs::Size,
    scale: Rounds,
    sizes: &'static [usize],
    parallel: usize,
    ssh: ssh::Size,
}

const WHOLE: Effort = Effort {
    logins: Rounds { rounds: 15, users: 30 },
    programs: programs::Size { rounds: 5, starts: 200, users: 100_000 },
    scale: Rounds { rounds: 5, users: 20 },
    sizes: &[100, 10_000, 100_000, 1_000_000],
    parallel: 5,
    ssh: ssh::Size { rounds: 5, logins: 4 },
};
const QUICK: Effort = Effort {
    logins: Rounds { rounds: 2, users: 10 },
    programs: programs::Size { rounds: 2, starts: 10, users: 1_000 },
    scale: Rounds { rounds: 2, users: 10 },
    sizes: &[20, 1_000],
    parallel: 1,
    ssh: ssh::Size { rounds: 1, logins: 1 },
};

const PARTS: [&str; 7] = ["logins", "instructions", "footprint", "programs", "scale", "parallel", "ssh"];

fn main() {
    let disk = PathBuf::from(std::env::var_os("BENCH_DISK").unwrap_or_else(|| "target".into()));
    let effort = if std::env::var_os("BENCH").is_some_and(|mode| mode == "quick") { QUICK } else { WHOLE };
    let asked: Vec<String> = std::env::args().skip(1).collect();
    if let Some(odd) = asked.iter().find(|word| !PARTS.contains(&word.as_str())) {
        eprintln!("`{odd}` is no part of the benchmarks; these are: {}", PARTS.join(", "));
        std::process::exit(2);
    }
    let mut found = Findings::default();
    for part in PARTS {
        if asked.is_empty() || asked.iter().any(|word| word == part) {
            let since = Instant::now();
            found.measure(part, &effort, &disk);
            eprintln!("{part}: {:.0} s", since.elapsed().as_secs_f64());
        }
    }
    let text = found.text(&disk);
    println!("{text}");
    if let Some(directory) = std::env::var_os("BENCH_OUT").map(PathBuf::from) {
        let plots = pictures::all(&found);
        let place = directory.join("benchmarks");
        std::fs::create_dir_all(&place).expect("the directory of the document can be made");
        document::give_away(&place);
        for plot in &plots {
            plot.draw(&place);
            document::give_away(&place.join(plot.file()));
        }
        let gallery: Vec<String> =
            plots.iter().map(|plot| format!("![{}](benchmarks/{})\n", plot.title, plot.file())).collect();
        document::write(
            &directory.join("benchmarks.md"),
            &format!("{text}\n## Pictures\n\n{}", gallery.join("\n")),
        );
    }
}

impl Findings {
    fn measure(&mut self, part: &str, effort: &Effort, disk: &Path) {
        let house = |medium, users| House::new(medium, users, disk);
        match part {
            "logins" => {
                let of = |medium| logins::measure(&house(medium, effort.logins.all_users()), effort.logins);
                self.on_disk = Some(of(Medium::Disk));
                self.in_memory = Some(of(Medium::Memory));
            }
            "instructions" => self.counts = Some(work::count(&house(Medium::Memory, work::USERS))),
            "footprint" => {
                self.footprints = Some(footprint::measure(&house(Medium::Memory, footprint::USERS)));
            }
            "programs" => {
                let house = house(Medium::Memory, programs::MODELS);
                self.programs = Some(programs::measure(&house, effort.programs));
            }
            "scale" => {
                let house = house(Medium::Disk, effort.scale.all_users());
                self.scale = Some(scale::measure(&house, effort.scale, effort.sizes));
            }
            "parallel" => {
                let house = house(Medium::Disk, parallel::users(effort.parallel));
                self.parallel = Some(parallel::measure(&house, effort.parallel));
            }
            "ssh" => {
                let house = House::with_sshd(Medium::Disk, ssh::USERS, disk);
                self.ssh = Some(ssh::measure(&house, effort.ssh));
            }
            other => unreachable!("{other} was checked"),
        }
    }

    fn text(&self, disk: &Path) -> String {
        let sections = [
            ("The machine", Some(machine::text(disk))),
            ("Targets", Some(targets::text(self))),
            ("A login on the disk", self.on_disk.as_ref().map(logins::Logins::text)),
            ("A login in memory", self.in_memory.as_ref().map(logins::Logins::text)),
            ("What a login does", self.counts.as_ref().map(work::Counts::text)),
            ("Size and memory", self.footprints.as_ref().map(footprint::Footprints::text)),
            ("Helper and tool", self.programs.as_ref().map(programs::Programs::text)),
            ("Many users, many rules", self.scale.as_ref().map(scale::Scale::text)),
            ("Many logins at once", self.parallel.as_ref().map(parallel::Parallel::text)),
            ("Logins over ssh", self.ssh.as_ref().map(ssh::Ssh::text)),
        ];
        let written =
            sections.into_iter().filter_map(|(title, text)| Some(format!("## {title}\n\n{}", text?)));
        written.collect::<Vec<_>>().join("\n")
    }
}
