//! A helper that is killed or frozen by a control group which its caller was given to manage.

use super::{AS_ALICE, House, MOST_TIMES, house};
use host::skip;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// A part of the tree of control groups that alice may do as she likes in; gone on drop.
pub(super) struct Delegated {
    directory: PathBuf,
}

impl Delegated {
    /// None where this machine gives none out, which is said aloud.
    pub(super) fn to_alice(house: &House) -> Option<Delegated> {
        Self::to(house.host.uid("alice")).map_err(|why| skip("a delegated control group", &why)).ok()
    }

    fn to(uid: u32) -> Result<Delegated, String> {
        let mounts = std::fs::read_to_string("/proc/mounts").map_err(|error| error.to_string())?;
        let root = mounts
            .lines()
            .filter_map(|line| Some((line.split(' ').nth(1)?, line.split(' ').nth(2)?)))
            .find(|(_, kind)| *kind == "cgroup2")
            .map(|(place, _)| PathBuf::from(place))
            .ok_or("no cgroup2 is mounted")?;
        let directory = root.join(
            format!("pam_totp-test-{}-{:?}", std::process::id(), std::thread::current().id())
                .replace(['(', ')'], ""),
        );
        std::fs::create_dir(&directory).map_err(|error| format!("{}: {error}", directory.display()))?;
        let made = Delegated { directory };
        for part in ["caller", "helper"] {
            std::fs::create_dir(made.directory.join(part)).map_err(|error| error.to_string())?;
        }
        for path in [
            "",
            "cgroup.procs",
            "caller/cgroup.procs",
            "helper/cgroup.procs",
            "helper/cgroup.freeze",
            "helper/cgroup.kill",
        ] {
            let path = made.directory.join(path);
            std::os::unix::fs::chown(&path, Some(uid), None)
                .map_err(|error| format!("{}: {error}", path.display()))?;
        }
        Ok(made)
    }

    pub(super) fn freeze(&self) {
        std::fs::write(self.directory.join("helper/cgroup.freeze"), "1").expect("it can be frozen");
    }

    pub(super) fn part(&self, name: &str) -> String {
        self.directory.join(name).to_str().expect("its path is text").to_owned()
    }

    /// What goes before a command of alice's that is to run in her part of the tree.
    fn around(&self) -> Vec<String> {
        let script = format!("echo 0 >{}/cgroup.procs && exec \"$@\"", self.part("caller"));
        ["sh", "-c", &script, "sh"].into_iter().chain(AS_ALICE).map(str::to_owned).collect()
    }
}

impl Drop for Delegated {
    fn drop(&mut self) {
        let _ = std::fs::write(self.directory.join("helper/cgroup.freeze"), "0");
        let _ = std::fs::write(self.directory.join("helper/cgroup.kill"), "1");
        let deadline = Instant::now() + Duration::from_secs(5);
        for part in ["caller", "helper", ""] {
            // A process that has just died still counts for a moment.
            while std::fs::remove_dir(self.directory.join(part)).is_err() && Instant::now() < deadline {
                std::thread::sleep(Duration::from_millis(5));
            }
        }
    }
}

#[test]
fn a_helper_killed_by_its_control_group_hides_no_guess_and_tears_no_record() {
    let mut house = house();
    let Some(group) = Delegated::to_alice(&house) else { return };
    let around = group.around();
    let around: Vec<_> = around.iter().map(String::as_str).collect();
    let (mut judged, mut killed) = (0, 0);
    for _ in 0..MOST_TIMES {
        let usual = house.usual_time(&around, &format!("timed-in-cgroup=0:{}", group.part("helper")));
        for delay in (0..100).map(|part| usual * part / 50) {
            let before = house.state();
            let said =
                house.takes_part(&around, &format!("cgroup-killed={delay}:{}", group.part("helper"))).ends();
            house.is_no_secret_in(&said);
            if house.judged_and_counted_since(&before, &said, &format!("{delay} us after the start")) {
                judged += 1;
            } else {
                killed += 1;
            }
        }
        if judged > 0 && killed > 0 {
            break;
        }
    }
    eprintln!("{judged} guesses were judged, {killed} helpers were killed before");
    assert!(judged > 0 && killed > 0, "the moments were not those that matter: {judged} {killed}");
    house.host.wait_until("the last of them lets its lock go", |_| !house.is_locked());
    house.is_whole();
}

#[test]
fn a_helper_frozen_by_its_control_group_holds_no_lock() {
    let mut house = house();
    let Some(group) = Delegated::to_alice(&house) else { return };
    let around = group.around();
    let around: Vec<_> = around.iter().map(String::as_str).collect();
    let (mut before_its_guess, mut behind_it) = (0, 0);
    let usual = house.usual_time(&around, &format!("timed-in-cgroup=0:{}", group.part("helper")));
    for delay in (0..200).map(|part| usual * part / 100) {
        let before = house.state();
        let when = format!("{delay} us after the start");
        let mut call = house.takes_part(&around, &format!("cgroup-frozen={delay}:{}", group.part("helper")));
        assert_eq!(call.waits(), "frozen");
        house.lock_is_soon_let_go(&when);
        if house.state() == before {
            before_its_guess += 1;
        } else {
            behind_it += 1;
        }
        let said = call.goes_on();
        assert!(house.judged_and_counted_since(&before, &said, &when), "no verdict, {when}: {said}");
    }
    eprintln!("frozen {before_its_guess} times before the guess was counted, {behind_it} times behind that");
    assert!(before_its_guess > 0 && behind_it > 0, "the moments were not those that matter");
    house.is_whole();
}
