//! Files that are damaged, lost, open to others or somebody else's: credentials, states, the store and the policy.

use super::{AUTH_ERR, AUTHINFO_UNAVAIL, STATE, authenticate, passes, required, says};
use host::{Host, POLICY, Phone, STORE};

/// A host with alice set up, after something was done to her files as root.
fn sabotaged(script: &str) -> (Host, Phone) {
    let host = required().user("bob", "builder").build();
    let phone = host.enrol("alice");
    let script = format!("cd {STORE} && {script}");
    host.must_run(&["sh", "-e", "-c", &script]);
    (host, phone)
}

#[test]
fn files_that_cannot_be_trusted_are_refused_and_the_log_says_why() {
    for script in [
        "chown bob alice.toml",
        "chown bob alice.state",
        "chmod 644 alice.toml",
        "chmod 620 alice.toml",
        "chmod 640 alice.state",
        "ln alice.toml spare.toml",
        "ln alice.state spare.state",
        "mv alice.toml real && ln -s real alice.toml",
        "mv alice.state real && ln -s real alice.state",
        "ln -sf /etc/shadow alice.toml",
        "rm alice.toml && mkfifo -m 600 alice.toml",
        "rm alice.state && mkfifo -m 600 alice.state",
        "rm alice.toml && mkdir -m 700 alice.toml",
        "rm alice.toml && mknod -m 600 alice.toml c 1 5",
    ] {
        let (host, mut phone) = sabotaged(script);
        let listing = |host: &Host| {
            host.must_run(&["sh", "-c", &format!("cd {STORE} && ls -lA --time-style=full-iso")])
        };
        let before = listing(&host);
        let outcome = authenticate(&host, phone.code());
        assert!(outcome.text().contains(AUTHINFO_UNAVAIL), "{script}: {outcome:?}");
        let file = if script.contains(".state") { "alice.state" } else { "alice.toml" };
        host.wait_for_log(file);
        assert_eq!(listing(&host), before, "{script}");
    }
}

#[test]
fn a_file_of_root_is_as_good_as_one_of_the_stores_owner() {
    let (host, mut phone) = sabotaged("chown root:root alice.toml alice.state");
    passes(&authenticate(&host, phone.code()));
}

#[test]
fn a_credential_that_cannot_be_read_makes_the_service_unavailable() {
    for script in [
        ": >alice.toml",
        "truncate -s 40 alice.toml",
        "truncate -s -20 alice.toml",
        "printf '\\000\\377' >alice.toml",
        "head -c 5000000 /dev/zero >alice.toml",
        "sed -i 's/^version = .*/version = 99/' alice.toml",
        "sed -i 's/^secret = .*/secret = \"!!!\"/' alice.toml",
    ] {
        let (host, mut phone) = sabotaged(script);
        let before = host.store();
        let outcome = authenticate(&host, phone.code());
        assert!(outcome.text().contains(AUTHINFO_UNAVAIL), "{script}: {outcome:?}");
        host.wait_for_log("alice.toml");
        assert_eq!(host.store(), before, "{script}");
    }
}

#[test]
fn with_one_slot_torn_the_other_still_knows_what_was_used() {
    let host = required().build();
    let mut phone = host.enrol("alice");
    let (first, second) = (phone.code(), phone.code());
    passes(&authenticate(&host, &first));
    passes(&authenticate(&host, &second));
    let whole = host.read(STATE);
    assert_eq!(whole.len(), 8192);
    for slot in [0, 4096] {
        let mut torn = whole.clone();
        torn[slot..slot + 2048].fill(0x5a);
        host.write(STATE, &torn);
        says(&authenticate(&host, &first), AUTH_ERR);
        host.write(STATE, &torn);
        passes(&authenticate(&host, phone.code()));
    }
}

#[test]
fn a_state_that_is_gone_opens_no_used_code_again() {
    for script in [
        "rm alice.state",
        ": >alice.state",
        "truncate -s 100 alice.state",
        "head -c 8192 /dev/zero >alice.state",
        "head -c 8192 /dev/urandom >alice.state",
    ] {
        let host = required().build();
        let mut phone = host.enrol("alice");
        let used = phone.code();
        passes(&authenticate(&host, &used));
        host.must_run(&["sh", "-e", "-c", &format!("cd {STORE} && {script}")]);
        says(&authenticate(&host, &used), AUTH_ERR);
        says(&authenticate(&host, phone.code()), AUTH_ERR);
        says(&authenticate(&host, &phone.recovery_codes[0]), AUTH_ERR);
    }
}

#[test]
fn a_state_of_a_later_version_is_named_and_never_taken_for_lost() {
    let host = required().build();
    let mut phone = host.enrol("alice");
    passes(&authenticate(&host, phone.code()));
    let this_version = host.read(STATE);
    for slot in [0, 4096] {
        let mut later = this_version.clone();
        later[slot..slot + 8].copy_from_slice(b"PAMTOTP4");
        host.write(STATE, &later);
        let before = host.store();
        for answer in [phone.code(), phone.recovery_codes[0].clone()] {
            let outcome = authenticate(&host, answer);
            assert!(outcome.text().contains(AUTHINFO_UNAVAIL), "{outcome:?}");
        }
        host.wait_for_log("alice.state: written by a later version of pam_totp (state version 4)");
        for words in
            [&["admin", "why", "alice"][..], &["admin", "status", "alice"], &["admin", "unlock", "alice"]]
        {
            let outcome = host.run(&[&["totp-enroll"], words].concat());
            assert_eq!(outcome.status, 5, "{words:?}: {outcome:?}");
            assert!(outcome.text().replace('\n', " ").contains("state version 4"), "{words:?}: {outcome:?}");
        }
        assert_eq!(host.store(), before, "nothing is written over it");
    }
    // Back to the version that wrote it, nothing is lost.
    host.write(STATE, &this_version);
    passes(&authenticate(&host, &phone.recovery_codes[0]));
    // What the error says is the way out works.
    let mut later = host.read(STATE);
    later[..8].copy_from_slice(b"PAMTOTP4");
    host.write(STATE, &later);
    host.must_run(&["totp-enroll", "admin", "mode", "alice", "disabled"]);
    host.must_run(&["totp-enroll", "admin", "mode", "alice", "default"]);
    host.must_run(&["totp-enroll", "admin", "revoke", "alice", "--yes"]);
    let mut phone = host.enrol("alice");
    passes(&authenticate(&host, phone.code()));
}

#[test]
fn after_a_lost_state_the_first_code_beyond_the_window_works() {
    let host = required()
        .policy("mode = \"required\"\n[totp]\nwindow = 0\ninterval = 10\n[throttle]\nfree_failures = 100\n")
        .build();
    let mut phone = host.enrol("alice");
    host.must_run(&["rm", STATE]);
    says(&authenticate(&host, phone.code()), AUTH_ERR);
    phone.note_used_now();
    let code = phone.wait_for_next_code();
    passes(&authenticate(&host, code));
}

#[test]
fn a_recreated_user_does_not_inherit_the_phone() {
    let host = required().build();
    let mut phone = host.enrol("alice");
    host.recreate_user("alice", "wonderland");
    says(&authenticate(&host, phone.code()), AUTH_ERR);
    host.wait_for_log("uid");
    let status = host.run(&["totp-enroll", "admin", "status", "alice", "--json"]).json();
    assert_eq!(status["configured"], false);
    // Nor is such a user one who never was set up: whose it is, an administrator says.
    host.write(POLICY, "mode = \"optional\"\n");
    says(&authenticate(&host, phone.code()), AUTH_ERR);
    host.must_run(&["totp-enroll", "admin", "prune", "alice", "--yes"]);
    assert!(host.store_names().is_empty(), "{:?}", host.store_names());
}

#[test]
fn a_store_open_to_others_or_of_the_wrong_kind_is_refused() {
    for script in [
        format!("chmod 777 {STORE}"),
        format!("mv {STORE} /var/lib/real && ln -s real {STORE}"),
        format!("rm -r {STORE} && touch {STORE}"),
    ] {
        let host = required().build();
        let mut phone = host.enrol("alice");
        host.must_run(&["sh", "-e", "-c", &script]);
        let outcome = authenticate(&host, phone.code());
        assert!(outcome.text().contains(AUTHINFO_UNAVAIL), "{script}: {outcome:?}");
    }
}

#[test]
fn policies_with_errors_are_reported_with_key_and_range() {
    let host = required().build();
    for (text, parts) in [
        ("[totp]\ndigits = 9\n", ["digits", "6", "8"]),
        ("[totp]\ninterval = 1\n", ["interval", "5", "300"]),
        ("[totp]\nwindow = 11\n", ["window", "0", "10"]),
        ("[totp]\nalgorithm = \"MD5\"\n", ["algorithm", "SHA1", "SHA512"]),
        ("mode = true\n", ["mode", "required", "disabled"]),
        ("[throttle]\nbase_delay = \"5 parsecs\"\n", ["base_delay", "2", "parsecs"]),
        ("[totpp]\n", ["totpp", "1", POLICY]),
    ] {
        host.write(POLICY, text);
        let outcome = host.run_as("alice", &["totp-enroll", "status"]);
        assert_eq!(outcome.status, 5, "{outcome:?}");
        for part in parts.iter().chain(&[POLICY]) {
            assert!(outcome.stderr.contains(part), "`{part}` is missing for {text:?}: {}", outcome.stderr);
        }
    }
}
