//! Users who call totp-helper in ways that no program would. The caller is caller.c; what a shell can do stands
//! here. What must hold: no verdict without its guess counted, no lock out of the helper's hands, nobody else's
//! data, and no secret in any output.

#![forbid(unsafe_code)]

use host::{Builder, HELPER, Host, Outcome, Phone, STORE, Stack, skip};
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

const SOURCE: &str = include_str!("caller.c");
const CALLER: &str = "/usr/local/bin/caller";
const REQUEST: &str = "/tmp/request";
const NOT_ROOT: &str = "does not run as root here";
/// How long the helper waits for a request, and some more.
const PATIENCE: Duration = Duration::from_secs(12);

/// Guesses are not throttled here, so that each one that is judged changes the state.
const POLICY: &str = "mode = \"required\"\n\
     [totp]\nwindow = 10\n\
     [throttle]\nfree_failures = 1000000\nceiling = 1000000\n";

fn builder() -> Builder {
    Host::builder()
        .user("alice", "wonderland")
        .user("bob", "builder")
        .policy(POLICY)
        .stack("test", Stack::Text("auth required pam_totp.so\n"))
}

/// A host with alice and bob set up, and how many secrets there are to keep.
struct House {
    host: Host,
    alice: Phone,
    bob: Phone,
}

fn house() -> House {
    static BUILT: OnceLock<Vec<u8>> = OnceLock::new();
    let host = builder().build();
    let program = BUILT.get_or_init(|| {
        host.write("/tmp/caller.c", SOURCE);
        let flags = ["-std=gnu11", "-Wall", "-Wextra", "-Werror", "-O1", "-o", CALLER, "/tmp/caller.c"];
        host.must_run(&[&["cc"], &flags[..]].concat());
        host.read(CALLER)
    });
    host.write(CALLER, program);
    host.must_run(&["chmod", "755", CALLER]);
    let (alice, bob) = (host.enrol("alice"), host.enrol("bob"));
    let house = House { host, alice, bob };
    house.request(&guess("alice", &house.alice.wrong_code()));
    house
}

fn ask(user: &str, request: &str) -> String {
    format!("user = \"{user}\"\nservice = \"test\"\n[request]\n{request}\n")
}

fn guess(user: &str, code: &str) -> String {
    ask(user, &format!("ask = \"judge\"\nintent = \"login\"\ntyped = \"{code}\"\nsecond_try = false"))
}

impl House {
    /// What the caller sends from now on.
    fn request(&self, text: &str) {
        self.host.write(REQUEST, text);
    }

    fn state(&self) -> Vec<u8> {
        self.host.read(&format!("{STORE}/alice.state"))
    }

    /// Whether somebody holds alice's lock.
    fn is_locked(&self) -> bool {
        let file = File::open(self.host.path(&format!("{STORE}/alice.state"))).expect("alice has a state");
        file.try_lock().is_err()
    }

    fn calls(&self, trick: &str) -> Outcome {
        let outcome = self.host.run_as("alice", &[CALLER, trick, HELPER, REQUEST]);
        assert_eq!(outcome.status, 0, "{trick}: {outcome:?}");
        self.tells_no_secret(&outcome);
        outcome
    }

    fn tells_no_secret(&self, outcome: &Outcome) {
        for phone in [&self.alice, &self.bob] {
            assert!(!outcome.text().contains(phone.secret()), "{outcome:?}");
            assert!(!phone.recovery_codes.iter().any(|code| outcome.text().contains(code)), "{outcome:?}");
        }
    }

    /// A guess under a trick: whether there was a verdict, which must have been counted.
    fn guesses(&self, trick: &str) -> bool {
        let before = self.state();
        let outcome = self.calls(trick);
        let judged = outcome.stdout.contains("wrong-code");
        assert!(
            !judged || self.state() != before,
            "a guess was judged and not counted under {trick}: {outcome:?}"
        );
        assert!(!self.is_locked(), "{trick}");
        judged
    }

    /// All is well with alice: her state is whole, and a right code counts once.
    fn is_whole(&mut self) {
        let code = self.alice.code();
        for (expected, status) in [("accepted", 0), ("used", 1)] {
            let words = ["pamtester", "test", "alice", "authenticate"];
            let outcome = self.host.run_with_input("alice", &words, format!("{code}\n"));
            assert_eq!(outcome.status, status, "{expected}: {outcome:?}");
        }
    }

    /// Starts a call that the test takes part in.
    fn takes_part(&self, around: &[&str], trick: &str) -> Call {
        let mut child = self
            .host
            .command_as("root", &[around, &[CALLER, trick, HELPER, REQUEST]].concat())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("nsenter (util-linux) should start");
        let stdout = BufReader::new(child.stdout.take().expect("stdout is a pipe"));
        Call { child, stdout }
    }
}

/// A call under way.
struct Call {
    child: Child,
    stdout: BufReader<std::process::ChildStdout>,
}

impl Call {
    /// The word that the caller waits behind.
    fn waits(&mut self) -> String {
        let mut line = String::new();
        self.stdout.read_line(&mut line).expect("the caller writes text");
        line.trim_end().to_owned()
    }

    /// Lets it go on, and returns the rest of what it says.
    fn goes_on(mut self) -> String {
        let sent = self.child.stdin.take().expect("stdin is a pipe").write_all(b"\n");
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest).expect("the caller writes text");
        sent.expect("the caller waited");
        assert!(self.child.wait().expect("the caller ends").success(), "{rest}");
        rest
    }
}

/// What goes before a command that is to run as alice.
const AS_ALICE: [&str; 5] = ["setpriv", "--reuid=alice", "--regid=alice", "--init-groups", "--"];

#[test]
fn what_a_caller_leaves_behind_for_the_helper_keeps_no_guess_from_being_judged_and_counted() {
    let mut house = house();
    for trick in [
        "nothing",
        "nice",
        "idle",
        "idle-disk",
        "slack",
        "umask",
        "signals-ignored",
        "signals-blocked",
        "signals-pending",
        "timer",
        "death-signal",
        "out-of-memory-first",
        "core",
        "descriptors",
        "gone-directory",
        "no-arguments",
        "huge-arguments",
        "huge-environment",
        "limit=fsize:soft:0",
        "limit=fsize:soft:1",
        "limit=nproc:hard:0",
        "limit=nproc:hard:1",
        "limit=nofile:soft:4",
        "limit=memlock:hard:0",
    ] {
        // A timer may end it before it is the helper; never between a verdict and its record.
        let judged = house.guesses(trick);
        assert!(judged || trick == "timer", "no verdict under {trick}");
    }
    assert_eq!(
        house.host.must_run(&["stat", "--format=%U %a", &format!("{STORE}/alice.state")]),
        "_pam_totp 600\n"
    );
    house.is_whole();
}

#[test]
fn no_limit_tears_a_record_or_hides_a_guess() {
    let mut house = house();
    for (name, amounts) in [
        ("fsize", &[0u64, 1, 4095, 4096, 8191][..]),
        ("nofile", &[0, 1, 2, 3, 4, 5, 6, 8]),
        ("as", &[0, 1 << 20, 3 << 20, 5 << 20, 8 << 20, 16 << 20]),
        ("data", &[0, 4096, 1 << 20]),
        ("stack", &[0, 4096, 65_536]),
        ("cpu", &[0, 1]),
    ] {
        for kind in ["soft", "hard"] {
            for amount in amounts {
                house.guesses(&format!("limit={name}:{kind}:{amount}"));
            }
        }
    }
    house.guesses("no-clock");
    house.is_whole();
}

#[test]
fn without_root_it_judges_nothing() {
    let mut house = house();
    let before = house.host.store();
    for trick in ["traced", "no-new-privileges"] {
        let outcome = house.calls(trick);
        assert!(outcome.stdout.contains(NOT_ROOT), "{trick}: {outcome:?}");
    }
    assert_eq!(house.host.store(), before);
    house.is_whole();
}

#[test]
fn a_namespace_of_the_callers_own_makes_nobody_root() {
    let mut house = house();
    if house.host.run_as("alice", &["unshare", "--user", "true"]).status != 0 {
        return skip("user namespaces", "this machine lets users make none");
    }
    let code = house.alice.code();
    house.request(&guess("alice", &code));
    let before = house.host.store();
    // A policy and a store of the caller's own, where root's stood.
    let script = format!(
        "mkdir -p /tmp/own/pam_totp /tmp/store && echo 'mode = \"disabled\"' >/tmp/own/pam_totp/policy.toml && \
         {{ mount --bind /tmp/own /etc && mount --bind /tmp/store {STORE}; exec {HELPER} <{REQUEST}; }}"
    );
    for words in [
        &["unshare", "--user", HELPER][..],
        &["unshare", "--user", "--map-root-user", HELPER],
        &["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", &script],
        &["unshare", "--user", "--map-root-user", "--pid", "--fork", "--mount-proc", HELPER],
    ] {
        let outcome = house.host.run_with_input("alice", words, house.host.read(REQUEST));
        assert!(
            !outcome.stdout.contains("[done") && !outcome.stdout.contains("accepted"),
            "{words:?}: {outcome:?}"
        );
        house.tells_no_secret(&outcome);
    }
    assert_eq!(house.host.store(), before);
    house.is_whole();
}

#[test]
fn a_signal_at_any_moment_hides_no_guess_and_tears_no_record() {
    let mut house = house();
    let (mut judged, mut ended) = (0, 0);
    for signal in [2, 3, 9, 11, 14, 15, 25] {
        for delay in (0..2400).step_by(120) {
            if house.guesses(&format!("signal={signal}:{delay}")) { judged += 1 } else { ended += 1 }
        }
    }
    eprintln!("{judged} guesses were judged, {ended} calls were ended before");
    assert!(judged > 0 && ended > 0, "the moments were not those that matter: {judged} {ended}");
    house.is_whole();
}

#[test]
fn a_helper_that_its_caller_stops_holds_no_lock() {
    let mut house = house();
    let mut stopped = 0;
    for delay in (0..3000).step_by(40) {
        let mut call = house.takes_part(&AS_ALICE, &format!("stop={delay}"));
        if call.waits() == "stopped" {
            stopped += 1;
            assert!(!house.is_locked(), "it was stopped under its lock, {delay} us after its start");
        }
        call.goes_on();
    }
    eprintln!("stopped {stopped} times");
    assert!(stopped > 0, "no moment was early enough");
    house.is_whole();
}

#[test]
fn nobody_lowers_the_priority_that_the_helper_works_with() {
    let house = house();
    for _ in 0..200 {
        let outcome = house.calls("reniced");
        assert!(outcome.stdout.contains("nice=0 class=0 disk=0\n"), "{outcome:?}");
    }
}

#[test]
fn nobody_reaches_a_helper_that_runs() {
    let house = house();
    let outcome = house.calls("reached-for");
    assert!(!outcome.stdout.contains("reached="), "{outcome:?}");
    assert!(outcome.stdout.contains("wrong-code"), "{outcome:?}");
}

#[test]
fn a_helper_that_is_made_to_crash_leaves_no_core() {
    let house = house();
    let mut ended = 0;
    for delay in (0..1600).step_by(100) {
        for signal in [3, 6, 11] {
            let outcome = house.calls(&format!("signal={signal}:{delay}"));
            ended += i32::from(outcome.stdout.contains("ended=signal"));
            // As soon as it is the helper; before, it is the caller's own program.
            assert!(outcome.stdout.contains("core=0"), "{outcome:?}");
        }
    }
    assert!(ended > 0, "no moment was early enough");
}

#[test]
fn a_caller_whose_clock_hardly_ticks_is_not_waited_for_without_end() {
    let house = house();
    let begin = Instant::now();
    let outcome = house.calls("slack-and-no-request");
    assert!(outcome.stdout.contains("got no request"), "{outcome:?}");
    assert!(begin.elapsed() < PATIENCE, "it took {:?}", begin.elapsed());
}

#[test]
fn a_request_that_comes_slowly_or_never_ends_is_given_up() {
    let mut house = house();
    let before = house.host.store();
    for feeder in ["while printf x; do sleep 0.2; done", "yes", "cat /dev/zero"] {
        let begin = Instant::now();
        let outcome = house.host.run_as("alice", &["sh", "-c", &format!("{{ {feeder}; }} 2>&- | {HELPER}")]);
        assert!(outcome.stdout.contains("got no request"), "{feeder}: {outcome:?}");
        assert!(begin.elapsed() < PATIENCE, "{feeder} took {:?}", begin.elapsed());
    }
    assert_eq!(house.host.store(), before);
    house.is_whole();
}

#[test]
fn an_answer_that_nobody_takes_holds_no_lock() {
    let mut house = house();
    // The pipe is full before the helper comes, and nobody reads.
    let script = format!(
        "mkfifo /tmp/full && exec 9<>/tmp/full && dd if=/dev/zero of=/tmp/full oflag=nonblock bs=4096 status=none 2>&-; \
         {HELPER} <{REQUEST} >/tmp/full 9>&-; echo ended"
    );
    let before = house.state();
    let mut child = house
        .host
        .command_as("alice", &["timeout", "30", "bash", "-c", &script])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .expect("nsenter (util-linux) should start");
    house.host.wait_until("the guess is counted", |_| house.state() != before);
    house.host.wait_until("the lock is let go", |_| !house.is_locked());
    let begin = Instant::now();
    let mut said = String::new();
    child.stdout.take().expect("stdout is a pipe").read_to_string(&mut said).expect("bash writes text");
    assert!(child.wait().expect("it ends").success() && said == "ended\n", "{said}");
    assert!(begin.elapsed() < PATIENCE, "it took {:?}", begin.elapsed());
    house.is_whole();
}

#[test]
fn a_request_of_64_kib_is_judged_and_one_byte_more_is_not() {
    let mut house = house();
    let wrong = guess("alice", &house.alice.wrong_code());
    let padded = |length: usize| format!("{wrong}#{}\n", "x".repeat(length - wrong.len() - 2));
    house.request(&padded(64 * 1024));
    assert!(house.guesses("nothing"));
    house.request(&padded(64 * 1024 + 1));
    let before = house.host.store();
    let outcome = house.calls("nothing");
    assert!(outcome.stdout.contains("longer than 64 KiB"), "{outcome:?}");
    assert_eq!(house.host.store(), before);
    house.is_whole();
}

#[test]
fn another_users_name_or_a_path_for_one_gets_the_same_refusal_as_nobody() {
    let mut house = house();
    let before = house.host.store();
    let long = "a".repeat(60_000);
    let mut refusals = Vec::new();
    for user in [
        "nobody-of-that-name",
        "bob",
        "root",
        "_pam_totp",
        "",
        ".",
        "..",
        "../bob",
        "alice/../bob",
        "/var/lib/pam_totp/bob",
        "bob.toml",
        "alice\\u0000",
        "alice ",
        "ALICE",
        "1000",
        "%2e%2e",
        &long,
    ] {
        let right = house.bob.code_at(0);
        for request in [guess(user, &right), ask(user, "ask = \"status\""), ask(user, "ask = \"probe\"")] {
            house.request(&request);
            let outcome = house.calls("nothing");
            assert!(outcome.stdout.contains("serves only the user who calls it"), "{user:.20}: {outcome:?}");
            refusals.push(outcome.stdout);
        }
    }
    refusals.dedup();
    assert_eq!(refusals.len(), 1, "one answer for all: {refusals:?}");
    assert_eq!(house.host.store(), before);
    house.is_whole();
}

#[test]
fn what_only_a_login_program_may_ask_is_refused_to_a_user() {
    let mut house = house();
    house.host.must_run(&["totp-enroll", "admin", "revoke", "--yes", "bob"]);
    let before = house.host.store();
    let nonce = "00".repeat(16);
    for request in [
        "ask = \"welcome\"\ntyped = \"ABCD\"".to_owned(),
        format!("ask = \"begin-at-login\"\nnonce = \"{nonce}\"\ninvited = 1"),
        format!("ask = \"prove-at-login\"\nnonce = \"{nonce}\"\ncode = \"123456\""),
        format!("ask = \"open-session\"\nnonce = \"{nonce}\""),
        "ask = \"open-session\"".to_owned(),
        "ask = \"outlook\"".to_owned(),
        "ask = \"put-off\"".to_owned(),
    ] {
        for user in ["alice", "bob"] {
            let outcome = house.host.run_with_input(user, &[HELPER], ask(user, &request));
            assert!(outcome.stdout.contains("only a login program may ask"), "{request} {user}: {outcome:?}");
            house.tells_no_secret(&outcome);
        }
    }
    assert_eq!(house.host.store(), before);
    house.is_whole();
}

#[test]
fn of_callers_at_once_with_one_code_one_is_let_through() {
    let mut house = house();
    for _ in 0..8 {
        let code = house.alice.code();
        house.request(&guess("alice", &code));
        let calls: Vec<_> = std::thread::scope(|scope| {
            let callers: Vec<_> = (0..8).map(|_| scope.spawn(|| house.calls("nothing"))).collect();
            callers.into_iter().map(|caller| caller.join().expect("a call ends")).collect()
        });
        let accepted = calls.iter().filter(|outcome| outcome.stdout.contains("accepted")).count();
        assert_eq!(accepted, 1, "{calls:?}");
    }
}

#[test]
fn environment_and_libraries_of_the_caller_are_not_the_helpers() {
    let house = house();
    let evil = "__attribute__((constructor)) static void here(void) { __builtin_trap(); }\n";
    house.host.write("/tmp/evil.c", evil);
    house.host.must_run(&["cc", "-shared", "-fPIC", "-o", "/tmp/evil.so", "/tmp/evil.c"]);
    house.host.must_run(&["sh", "-c", "mkdir /tmp/evil && for name in libc.so.6 libpam.so.0 libgcc_s.so.1 libnss_files.so.2; do cp /tmp/evil.so /tmp/evil/$name; done"]);
    for variables in [
        &["LD_PRELOAD=/tmp/evil.so"][..],
        &["LD_AUDIT=/tmp/evil.so"],
        &["LD_LIBRARY_PATH=/tmp/evil"],
        &["LD_BIND_NOW=1", "LD_DEBUG=all", "LD_DEBUG_OUTPUT=/tmp/ld-debug"],
        &[
            "GLIBC_TUNABLES=glibc.malloc.perturb=255:glibc.malloc.check=3",
            "MALLOC_PERTURB_=255",
            "MALLOC_CHECK_=3",
        ],
        &["RUST_BACKTRACE=full", "RUST_LIB_BACKTRACE=1", "RUST_MIN_STACK=1", "RUST_LOG=trace"],
        &[
            "TZ=:/tmp/evil.so",
            "LANG=xx_XX",
            "LC_ALL=xx_XX",
            "LOCPATH=/tmp/evil",
            "GCONV_PATH=/tmp/evil",
            "NLSPATH=/tmp/%N",
        ],
        &[
            "HOSTALIASES=/tmp/evil.so",
            "RES_OPTIONS=debug",
            "TMPDIR=/tmp/evil",
            "PAM_TOTP_POLICY=/tmp/request",
        ],
    ] {
        let before = house.state();
        let words = [&["env"], variables, &[HELPER]].concat();
        let outcome = house.host.run_with_input("alice", &words, house.host.read(REQUEST));
        assert!(outcome.stdout.contains("wrong-code"), "{variables:?}: {outcome:?}");
        assert_eq!(outcome.stderr, "", "{variables:?}");
        assert_ne!(house.state(), before, "{variables:?}");
        house.tells_no_secret(&outcome);
    }
    assert!(!house.host.must_run(&["ls", "/tmp"]).contains("ld-debug"));
}

#[test]
fn links_and_pipes_planted_where_the_caller_can_write_are_never_touched() {
    let mut house = house();
    let plant = format!(
        "umask 0; mkdir -p /tmp/p/etc/pam_totp /tmp/p/var/lib/pam_totp && cd /tmp/p && \
         for name in alice.toml alice.state alice.pending alice.mode .alice.state.new .alice.toml.new policy.toml; do \
           for place in . etc/pam_totp var/lib/pam_totp /home/alice /tmp; do \
             ln -s {STORE}/bob.toml $place/$name; mkfifo $place/$name.fifo; done; done"
    );
    assert_eq!(house.host.run_as("alice", &["sh", "-c", &plant]).status, 0);
    let listing = |house: &House| {
        house.host.must_run(&["find", "/tmp/p", "/home/alice", "-printf", "%p %y %l %s %T@\n"])
    };
    let (planted, bobs) = (listing(&house), house.host.read(&format!("{STORE}/bob.toml")));
    for place in ["/tmp/p", "/tmp/p/etc", "/home/alice"] {
        let script = format!("cd {place} && exec {HELPER} <{REQUEST}");
        let outcome = house.host.run_as("alice", &["sh", "-c", &script]);
        assert!(outcome.stdout.contains("wrong-code"), "{place}: {outcome:?}");
        house.tells_no_secret(&outcome);
    }
    // What the caller may open can be its standard streams.
    for streams in [
        "</tmp",
        "</dev/full",
        ">/dev/full",
        "2>/dev/full",
        "</dev/null >/dev/null",
        "</proc/self/mem",
        "0>/tmp/out",
    ] {
        let outcome = house
            .host
            .run_as("alice", &["timeout", "20", "sh", "-c", &format!("exec {HELPER} <{REQUEST} {streams}")]);
        assert!(outcome.status < 124, "{streams}: {outcome:?}");
        house.tells_no_secret(&outcome);
        assert!(!house.is_locked(), "{streams}");
    }
    assert_eq!(listing(&house), planted);
    assert_eq!(house.host.read(&format!("{STORE}/bob.toml")), bobs);
    house.is_whole();
}

/// A part of the tree of control groups that alice may do as she likes in; gone on drop.
struct Delegated {
    directory: PathBuf,
}

impl Delegated {
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

    fn part(&self, name: &str) -> String {
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
    let group = match Delegated::to(house.host.uid("alice")) {
        Ok(group) => group,
        Err(why) => return skip("a delegated control group", &why),
    };
    let around = group.around();
    let around: Vec<_> = around.iter().map(String::as_str).collect();
    let (mut judged, mut killed) = (0, 0);
    for delay in (0..3000).step_by(30) {
        let before = house.state();
        let said =
            house.takes_part(&around, &format!("cgroup-killed={delay}:{}", group.part("helper"))).goes_on();
        if said.contains("wrong-code") {
            judged += 1;
            assert_ne!(
                house.state(),
                before,
                "a guess was judged and not counted, {delay} us after the start"
            );
        } else {
            killed += 1;
        }
    }
    eprintln!("{judged} guesses were judged, {killed} helpers were killed before");
    assert!(killed > 0, "no moment was early enough");
    house.host.wait_until("the last of them lets its lock go", |_| !house.is_locked());
    house.is_whole();
}

#[test]
fn a_helper_frozen_under_its_lock_holds_up_its_own_user_alone_and_root_gets_past_it() {
    let mut house = house();
    let group = match Delegated::to(house.host.uid("alice")) {
        Ok(group) => group,
        Err(why) => return skip("a delegated control group", &why),
    };
    let around = group.around();
    let around: Vec<_> = around.iter().map(String::as_str).collect();
    let (mut under_lock, mut delay) = (0, 2000i64);
    // Towards the moment of the lock: later where the guess was not counted yet, earlier where it was.
    for round in 0..1500 {
        let before = house.state();
        let mut call = house.takes_part(&around, &format!("cgroup-frozen={delay}:{}", group.part("helper")));
        assert_eq!(call.waits(), "frozen");
        let locked = house.is_locked();
        let counted = house.state() != before;
        if locked {
            under_lock += 1;
            let begin = Instant::now();
            let words = ["pamtester", "test", "alice", "authenticate"];
            let own = house.host.run_with_input("root", &words, "000000\n");
            assert!(own.text().contains("cannot retrieve authentication info"), "{own:?}");
            assert!(begin.elapsed() < Duration::from_secs(6), "it waited {:?}", begin.elapsed());
            let words = ["pamtester", "test", "bob", "authenticate"];
            let code = format!("{}\n", house.bob.code());
            assert_eq!(house.host.run_with_input("root", &words, code).status, 0);
            house.host.must_run(&["totp-enroll", "admin", "unlock", "alice"]);
            house.is_whole();
        }
        let judged = call.goes_on().contains("wrong-code");
        assert!(
            !judged || house.state() != before,
            "a guess was judged and not counted, {delay} us after its start"
        );
        assert!(!(judged && locked && !counted), "its record is in a file that counts for nothing");
        if under_lock > 0 {
            break;
        }
        let step = 20 + 480 / (1 + round % 40);
        delay = if counted { (delay - step).max(0) } else { delay + step };
    }
    eprintln!("frozen under its lock {under_lock} times");
    if under_lock == 0 {
        skip("a helper frozen under its lock", "it was never met there");
    }
    house.is_whole();
}
