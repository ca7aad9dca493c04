//! su: the code of the user one becomes, on the same machine.

#![forbid(unsafe_code)]

use host::{Dialogue, Host, Phone, STORE, Stack, skip};
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};

fn house() -> (Host, Phone) {
    let host = Host::builder()
        .user("alice", "wonderland")
        .user("bob", "builder")
        .policy("mode = \"optional\"\n[totp]\nwindow = 10\n")
        .stack("su", Stack::PasswordAndCode)
        .stack("su-l", Stack::PasswordAndCode)
        .build();
    let phone = host.enrol("bob");
    (host, phone)
}

fn alice_becomes_bob(host: &Host, password: &str, code: &str) -> Dialogue {
    let mut login = host.dialogue_as("alice", &["su", "-", "bob"]);
    login.answers("Password: ", password);
    login.answers("Verification code: ", code);
    login
}

#[test]
fn su_takes_the_password_and_the_code_of_the_other_user() {
    let (host, mut phone) = house();
    alice_becomes_bob(&host, "builder", &phone.code()).is_let_in_as("bob");
    host.wait_for_log("event=login result=accepted user=bob service=su-l");
}

#[test]
fn su_refuses_a_wrong_code() {
    let (host, phone) = house();
    let mut login = alice_becomes_bob(&host, "builder", &phone.wrong_code());
    login.sees("Authentication failure");
    assert_eq!(login.exit_status(), 1);
    host.wait_for_log("event=login result=denied reason=wrong-code user=bob");
}

#[test]
fn su_refuses_a_used_code_and_says_why() {
    let (host, mut phone) = house();
    let code = phone.code();
    alice_becomes_bob(&host, "builder", &code).is_let_in_as("bob");
    let mut login = alice_becomes_bob(&host, "builder", &code);
    login.sees("already used");
    login.sees("Authentication failure");
}

#[test]
fn su_to_a_user_who_is_not_set_up_asks_for_the_password_alone() {
    let (host, _) = house();
    let mut login = host.dialogue_as("bob", &["su", "alice"]);
    login.answers("Password: ", "wonderland");
    login.is_let_in_as("alice");
    assert!(!login.seen().contains("Verification code"));
}

#[test]
fn su_without_a_code_says_what_to_do_where_one_is_required() {
    let (host, _) = house();
    host.write(host::POLICY, "mode = \"required\"\n");
    let mut login = host.dialogue_as("bob", &["su", "alice"]);
    login.answers("Password: ", "wonderland");
    login.answers("Verification code: ", "123456");
    login.sees("Two-factor login is required and not set up");
    login.sees("Authentication failure");
}

#[test]
fn a_limit_on_file_sizes_undoes_no_count() {
    let (host, mut phone) = house();
    // Longer than the next login takes to its code, however slow the machine.
    host.write(host::POLICY, "[totp]\nwindow = 10\n[throttle]\nbase_delay = \"10m\"\n");
    for _ in 0..4 {
        // One slot and a little of the next: a record would be torn, and the one before it count again.
        let limited = ["prlimit", "--fsize=4136:", "sh", "-c", "trap '' XFSZ; exec su bob"];
        let mut login = host.dialogue_as("alice", &limited);
        login.answers("Password: ", "builder").answers("Verification code: ", &phone.wrong_code());
        login.sees("Authentication failure");
    }
    alice_becomes_bob(&host, "builder", &phone.code()).sees("Too many wrong codes");
    host.wait_for_log("event=login result=denied reason=throttled user=bob");
}

#[test]
fn what_the_caller_of_su_cannot_lift_judges_nothing() {
    let (host, phone) = house();
    let before = host.store();
    let script = "trap '' XFSZ; exec su bob";
    let mut login = host.dialogue_as("alice", &["prlimit", "--fsize=4136", "sh", "-c", script]);
    login.sees("Password: ");
    login.types("builder");
    if host.root_has_capability("cap_sys_resource") {
        login.answers("Verification code: ", &phone.wrong_code());
        login.sees("Authentication failure");
    } else {
        login.sees("cannot check codes now");
        assert_eq!(host.store(), before);
    }
}

#[test]
fn in_su_the_helper_acts_which_the_caller_cannot_stop() {
    let (host, mut phone) = house();
    alice_becomes_bob(&host, "builder", &phone.code()).is_let_in_as("bob");
    let line = host.wait_for_log("event=login result=accepted user=bob service=su-l from=local");
    assert!(line.contains("totp-helper["), "{line}");
}

/// A control group; gone on drop.
struct Group(PathBuf);

impl Group {
    /// One that its owner may freeze.
    fn of(uid: u32) -> Result<Group, String> {
        let trees = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"].map(PathBuf::from);
        let tree = trees.iter().find(|tree| tree.join("cgroup.controllers").exists());
        let name = format!("pam_totp-su-{}-{uid}", std::process::id());
        let group = tree.ok_or("no cgroup2 is mounted")?.join(name);
        let failed = |error: io::Error| format!("{}: {error}", group.display());
        fs::create_dir(&group).map_err(failed)?;
        chown(group.join("cgroup.freeze"), Some(uid), None).map_err(failed)?;
        Ok(Group(group))
    }

    fn write(&self, file: &str, text: &str) {
        fs::write(self.0.join(file), text).expect(file);
    }

    fn processes(&self) -> Vec<String> {
        let list = fs::read_to_string(self.0.join("cgroup.procs")).expect("a group lists its processes");
        list.lines().map(str::to_owned).collect()
    }

    /// Whether a helper that was called from in here is elsewhere now.
    fn is_left_by_a_helper(&self) -> bool {
        let inside = self.processes();
        let children = |process: &String| {
            let path = format!("/proc/{process}/task/{process}/children");
            fs::read_to_string(path).unwrap_or_default().split_whitespace().map(str::to_owned).collect()
        };
        inside
            .iter()
            .flat_map(|process| -> Vec<String> { children(process) })
            .any(|child| is_helper(&child) && !inside.contains(&child))
    }

    /// Whether a helper in here has this file open.
    fn has_a_helper_with(&self, file: &Path) -> bool {
        let has_open = |process: &String| {
            let open = fs::read_dir(format!("/proc/{process}/fd")).into_iter().flatten().flatten();
            open.filter_map(|entry| fs::read_link(entry.path()).ok()).any(|path| path.ends_with(file))
        };
        self.processes().iter().any(|process| is_helper(process) && has_open(process))
    }
}

fn is_helper(process: &str) -> bool {
    fs::read_to_string(format!("/proc/{process}/comm")).is_ok_and(|name| name == "totp-helper\n")
}

impl Drop for Group {
    fn drop(&mut self) {
        let _ = fs::write(self.0.join("cgroup.freeze"), "0");
        let _ = fs::write(self.0.join("cgroup.kill"), "1");
        for _ in 0..1000 {
            if fs::remove_dir(&self.0).is_ok() {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    }
}

/// alice at the question for bob's code, in this group; of his password she knows nothing.
fn alice_guesses_in(group: &Group, host: &Host) -> Dialogue {
    let script = format!(
        "echo 0 >{}/cgroup.procs && exec setpriv --reuid=alice --regid=alice --init-groups su bob",
        group.0.display()
    );
    let mut login = host.dialogue_as("root", &["sh", "-c", &script]);
    login.answers("Password: ", "not bob's").sees("Verification code: ");
    login
}

#[test]
fn who_freezes_su_holds_up_nobody_else() {
    let (host, mut phone) = house();
    let group = match Group::of(host.uid("alice")) {
        Ok(group) => group,
        Err(why) => return skip("a control group that freezes su", &why),
    };
    let mut login = alice_guesses_in(&group, &host);
    let state = format!("{STORE}/bob.state");
    let before = host.read(&state);
    // The helper comes as far as the lock.
    let held = File::open(host.path(&state)).expect("bob has a state");
    held.lock().expect("nobody else holds it");
    login.types(&phone.wrong_code());
    host.wait_until("the helper leaves the group of its caller", |_| group.is_left_by_a_helper());
    group.write("cgroup.freeze", "1");
    drop(held);
    host.wait_until("the guess is counted and the lock let go", |host| {
        host.read(&state) != before && File::open(host.path(&state)).is_ok_and(|file| file.try_lock().is_ok())
    });
    let mut own = alice_becomes_bob(&host, "builder", &phone.code());
    own.is_let_in_as("bob");
    group.write("cgroup.freeze", "0");
    login.sees("Authentication failure");
}

#[test]
fn in_a_control_group_that_is_roots_the_helper_stays_where_it_is() {
    let (host, phone) = house();
    let group = match Group::of(0) {
        Ok(group) => group,
        Err(why) => return skip("a control group that is root's", &why),
    };
    let mut login = alice_guesses_in(&group, &host);
    let held = File::open(host.path(&format!("{STORE}/bob.state"))).expect("bob has a state");
    held.lock().expect("nobody else holds it");
    login.types(&phone.wrong_code());
    host.wait_until("the helper waits for the lock", |_| group.has_a_helper_with(Path::new("bob.state")));
    drop(held);
    login.sees("Authentication failure");
}

#[test]
fn a_policy_beside_the_caller_is_none() {
    let (host, _) = house();
    let text = "auth required pam_unix.so\nauth required pam_totp.so policy=mine.toml\naccount required pam_unix.so\n\
         session required pam_unix.so\n";
    host.write("/etc/pam.d/su", text);
    host.write("/home/alice/mine.toml", "mode = \"disabled\"\n");
    let mut login = host.dialogue_as("alice", &["sh", "-c", "cd /home/alice && exec su bob"]);
    login.answers("Password: ", "builder").sees("cannot check codes now");
    host.wait_for_log("policy=mine.toml: not an absolute path");
}
