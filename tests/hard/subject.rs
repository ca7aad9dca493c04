//! Whom the faults befall: alice, who needs a code, on a host where a login is quick, and her store as it
//! was, to be put back before each fault.

#![allow(dead_code)] // Not every test file uses all of it.

use host::{Builder, Host, Phone, STORE, Stack};
use std::collections::BTreeMap;
use std::fs::File;

/// libpam's verdicts.
pub const SUCCESS: i32 = 0;
/// A refusal that was judged.
pub const AUTH_ERR: i32 = 7;
/// A refusal because nothing could be judged.
pub const AUTHINFO_UNAVAIL: i32 = 9;

/// Files of a store by name.
pub type Files = BTreeMap<String, Vec<u8>>;

const LOGIN: &str = "/tmp/login";

/// A host with alice and the login program of login.c; nobody is set up. Codes have eight digits, so that no two in
/// a window are alike by chance.
pub fn house(throttle: &str) -> Host {
    with_login(plan(throttle).build())
}

/// The same with the store on a disk of its own with this file system, if the kernel has it.
pub fn house_on(file_system: &str, throttle: &str) -> Option<Host> {
    plan(throttle).store_on(file_system).build_or_skip().map(with_login)
}

fn plan(throttle: &str) -> Builder {
    Host::builder()
        .user("alice", "wonderland")
        .policy(&format!(
            "mode = \"required\"\n[totp]\nwindow = 10\ndigits = 8\ninterval = 300\n[recovery]\ncodes = {RECOVERY_CODES}\n[throttle]\n{throttle}\n"
        ))
        .stack("test", Stack::Text("auth required pam_totp.so\n"))
        .stack("login", Stack::NothingElseWith("setup"))
        // What libpam loads for the phases that the stack does not name is no part of the test.
        .stack("other", Stack::Text("auth required pam_deny.so\naccount required pam_deny.so\n"))
}

fn with_login(host: Host) -> Host {
    host.write("/tmp/login.c", include_str!("login.c"));
    let flags = ["-std=gnu11", "-Wall", "-Wextra", "-Werror", "-O1"];
    host.must_run(&[&["cc"], &flags[..], &["-o", LOGIN, "/tmp/login.c", "-lpam"]].concat());
    host
}

/// Builds a library on a host from C, and says where it lies.
fn library(host: &Host, name: &str, source: &str) -> String {
    let (text, built) = (format!("/tmp/{name}.c"), format!("/tmp/{name}.so"));
    host.write(&text, source);
    let flags = ["-std=gnu11", "-Wall", "-Wextra", "-Werror", "-O1", "-fPIC", "-shared"];
    host.must_run(&[&["cc"], &flags[..], &["-o", &built, &text]].concat());
    built
}

/// Puts short_writes.c on a host, and returns the options by which strace has a program use it: nothing is
/// written in longer pieces than so many bytes.
pub fn short_writes(host: &Host, longest: usize) -> [String; 4] {
    let built = library(host, "short_writes", include_str!("short_writes.c"));
    let option = || "-E".to_owned();
    [option(), format!("LD_PRELOAD={built}"), option(), format!("SHORT_WRITES={longest}")]
}

/// Puts impatient.c on a host, and returns the options by which strace has a program use it: it waits for
/// nobody, and what is longer than so many bytes it writes in pieces.
pub fn impatient(host: &Host, longest: usize) -> [String; 4] {
    let [option, preload, and, pieces] = short_writes(host, longest);
    let built = library(host, "impatient", include_str!("impatient.c"));
    [option, format!("{preload}:{built}"), and, pieces]
}

/// Locks alice's state as a process does that does not go on, for as long as this lives.
pub fn hold_lock(host: &Host) -> File {
    let path = host.path(&format!("{STORE}/alice.state"));
    let file = File::open(path).expect("alice has a state");
    file.try_lock().expect("nobody else holds her lock");
    file
}

/// How many recovery codes alice has: so many that her state is longer than a sector, and can be torn.
pub const RECOVERY_CODES: usize = 20;

/// No failure is ever delayed.
pub const UNTHROTTLED: &str = "free_failures = 1000000\nbudget = 1000000\nknown_budget = 1000000";
/// The first counted failure keeps everything out but a recovery code.
pub const ONE_FAILURE: &str = "free_failures = 0\nbase_delay = \"10m\"";

/// The words that start a login of alice.
pub fn login_words(code: &str) -> [&str; 4] {
    [LOGIN, "test", "alice", code]
}

/// A login of alice, undisturbed.
pub fn login(host: &Host, code: &str) -> i32 {
    host.run(&login_words(code)).status
}

/// alice set up, one code of hers accepted, and what her store holds then.
pub struct Subject {
    pub host: Host,
    /// Codes in the order they must be used in; the first was accepted before anything failed. They are
    /// good for half an hour.
    pub codes: Vec<String>,
    pub recovery_codes: Vec<String>,
    pub wrong: String,
    pub files: Files,
}

impl Subject {
    pub fn new(throttle: &str) -> Subject {
        let host = house(throttle);
        let phone = host.enrol("alice");
        let codes = codes_of(&phone);
        assert_eq!(login(&host, &codes[0]), SUCCESS);
        Subject {
            wrong: phone.wrong_code(),
            recovery_codes: phone.recovery_codes.clone(),
            files: host.store(),
            codes,
            host,
        }
    }

    /// The store as it was.
    pub fn put_back(&self) {
        self.host.put_store(&self.files);
    }

    /// Whether the credential is what it was, to the byte.
    pub fn credential_stands(&self) -> bool {
        self.host.store().get("alice.toml") == self.files.get("alice.toml")
    }
}

/// Codes of a phone from now on, which a window of ten steps accepts for the best part of an hour.
pub fn codes_of(phone: &Phone) -> Vec<String> {
    phone.codes_at(-2..=7)
}

/// What an administrator sees of alice.
pub fn status(host: &Host) -> serde_json::Value {
    host.run(&["totp-enroll", "admin", "status", "alice", "--json"]).json()
}

/// Whether alice is set up; the store must be readable.
pub fn is_configured(host: &Host) -> bool {
    status(host)["configured"].as_bool().expect("`configured` is a boolean")
}

/// The phone that an administrator reads off the credential.
pub fn phone_on_file(host: &Host) -> Phone {
    let shown = host.run(&["totp-enroll", "admin", "show", "alice", "--json"]);
    assert_eq!(shown.status, 0, "{shown:?}");
    let answer = shown.json();
    let uri = answer["devices"][0]["uri"].as_str().expect("`uri` is a string");
    Phone::scan(uri).with_window(10)
}

/// Sets alice up unattended.
pub const ENROL: [&str; 5] = ["totp-enroll", "admin", "enroll", "alice", "--json"];
/// Sets alice up in the course of a login.
pub const ENROL_AT_LOGIN: [&str; 3] = [LOGIN, "login", "alice"];
/// Ends what keeps her out after failures.
pub const UNLOCK: [&str; 4] = ["totp-enroll", "admin", "unlock", "alice"];
/// Takes a set-up back.
pub const REVOKE: [&str; 5] = ["totp-enroll", "admin", "revoke", "alice", "--yes"];

/// A request to the helper by root, in alice's name.
pub fn request(text: &str) -> String {
    format!("user = \"alice\"\nservice = \"test\"\n[request]\n{text}\n")
}

/// The value of a key in an answer of the helper.
pub fn value<'a>(answer: &'a str, key: &str) -> &'a str {
    let start = format!("{key} = \"");
    let rest = answer.split_once(&start).unwrap_or_else(|| panic!("no `{key}` in {answer}")).1;
    rest.split_once('"').expect("a value ends").0
}
