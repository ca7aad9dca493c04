//! Stores on odd file systems: without a free inode, without the right to run programs.
//! Full and read-only ones are in bad_input.rs, beside other input.

#![forbid(unsafe_code)]

use host::{Builder, Host, Phone, Stack};

fn builder() -> Builder {
    Host::builder()
        .user("alice", "wonderland")
        .user("bob", "builder")
        .policy("mode = \"required\"\n[totp]\nwindow = 10\n[throttle]\nfree_failures = 100\n")
        .stack("test", Stack::Text("auth required pam_totp.so\n"))
}

fn passes(host: &Host, user: &str, code: &str) -> bool {
    let words = ["pamtester", "test", user, "authenticate"];
    host.run_with_input("root", &words, format!("{code}\n")).status == 0
}

/// alice is set up, and no further file can be made in the store.
fn without_a_free_inode() -> (Host, Phone) {
    // The directory itself, two files of alice, the index by uid with her entry, the empty one that bounds the helper's
    // calls, and one that takes the last.
    let host = builder().store_size("256k,nr_inodes=7").build();
    let phone = host.enrol("alice");
    host.must_run(&["touch", "/var/lib/pam_totp/.filler"]);
    assert_ne!(host.run(&["touch", "/var/lib/pam_totp/.one-more"]).status, 0, "an inode is free");
    (host, phone)
}

#[test]
fn logins_work_without_a_free_inode() {
    let (host, mut phone) = without_a_free_inode();
    let code = phone.code();
    assert!(passes(&host, "alice", &code));
    assert!(!passes(&host, "alice", &code));
    assert!(!passes(&host, "alice", &phone.wrong_code()));
    assert!(passes(&host, "alice", &phone.recovery_codes[0]));
    assert!(!passes(&host, "alice", &phone.recovery_codes[0]));
    assert!(passes(&host, "alice", &phone.code()));
}

#[test]
fn without_a_free_inode_set_up_fails_whole_and_renewal_keeps_the_old_phone() {
    let (host, mut phone) = without_a_free_inode();
    let before = host.store();
    let outcome = host.run(&["totp-enroll", "admin", "enroll", "bob", "--json"]);
    assert_eq!(outcome.status, 5, "{outcome:?}");
    assert!(!outcome.stdout.contains("otpauth"), "{outcome:?}");
    assert_eq!(host.store(), before);
    let terminal = host.terminal("alice", &["totp-enroll", "renew"]);
    terminal.shows("Code: ");
    terminal.enters(&phone.code());
    assert_ne!(terminal.exit_status(), 0);
    assert!(passes(&host, "alice", &phone.code()));
}

#[test]
fn without_a_free_inode_a_user_is_revoked_and_another_set_up() {
    let (host, mut phone) = without_a_free_inode();
    host.must_run(&["totp-enroll", "admin", "revoke", "alice", "--yes"]);
    assert!(!passes(&host, "alice", &phone.code()));
    let mut bobs = host.enrol("bob");
    assert!(passes(&host, "bob", &bobs.code()));
}

#[test]
fn nothing_in_the_store_is_ever_run() {
    let host = builder().store_size("256k,noexec,nosuid,nodev").build();
    let mut phone = host.enrol("alice");
    assert!(passes(&host, "alice", &phone.code()));
    let verified = host.run_as("alice", &["totp-enroll", "verify", &phone.code()]);
    assert_eq!(verified.status, 0, "{verified:?}");
}
