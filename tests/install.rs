//! `make install` and `make uninstall`, into a host and into a package's tree.

#![forbid(unsafe_code)]

#[path = "install/next_steps.rs"]
mod next_steps;

mod installation;

use host::{Host, Stack};
use installation::{make, with_what_was_built};

/// A host on which nothing of the product lies, ready for `make install`.
fn bare() -> Host {
    with_what_was_built(Host::builder().bare().user("alice", "wonderland").build())
}

#[test]
fn what_is_installed_works_and_has_the_right_owners_and_modes() {
    let host = bare();
    let outcome = make(&host, &["install"]);
    assert_eq!(outcome.status, 0, "{outcome:?}");
    assert!(outcome.stdout.contains("asks nobody yet"), "{outcome:?}");
    let about = |path: &str| host.must_run(&["stat", "--format=%U %G %a", path]);
    assert_eq!(about("/usr/libexec/pam_totp/totp-helper"), "root root 4755\n");
    assert_eq!(about("/usr/bin/totp-enroll"), "root root 755\n");
    assert_eq!(about("/var/lib/pam_totp"), "_pam_totp _pam_totp 700\n");
    assert_eq!(about("/var/lib/pam_totp/.callers"), "_pam_totp _pam_totp 600\n");
    assert_eq!(about("/etc/pam_totp/policy.toml"), "root root 644\n");
    assert!(outcome.stdout.contains(" /usr/share/doc/pam_totp/pam.d."), "{outcome:?}");
    assert_eq!(about("/usr/share/doc/pam_totp/pam.d/sudo-i"), "root root 644\n");
    host.write("/etc/pam.d/test", Stack::Code.text());
    let mut phone = host.enrol("alice");
    let command = ["pamtester", "test", "alice", "authenticate"];
    let outcome = host.run_with_input("alice", &command, format!("{}\n", phone.code()));
    assert_eq!(outcome.status, 0, "through the helper: {outcome:?}");
}

#[test]
fn a_policy_that_is_there_is_kept_and_so_is_everything_else_on_uninstall() {
    let host = bare();
    host.must_run(&["install", "-d", "/etc/pam_totp"]);
    host.write("/etc/pam_totp/policy.toml", "mode = \"required\"\n");
    assert_eq!(make(&host, &["install"]).status, 0);
    assert_eq!(host.read("/etc/pam_totp/policy.toml"), b"mode = \"required\"\n");
    host.enrol("alice");

    host.write("/etc/pam.d/test", Stack::Code.text());
    let refused = make(&host, &["uninstall"]);
    assert_ne!(refused.status, 0, "a stack still names the module");
    assert!(refused.text().contains("/etc/pam.d/test"), "{refused:?}");
    assert!(host.has("/usr/bin/totp-enroll"));

    host.must_run(&["install", "-D", "/dev/null", "/var/cache/pam_totp/sshd.toml"]);
    host.must_run(&["install", "-d", "-m", "700", "/run/pam_totp"]);
    host.must_run(&["rm", "/etc/pam.d/test"]);
    assert_eq!(make(&host, &["uninstall"]).status, 0);
    assert!(!host.has("/usr/bin/totp-enroll") && !host.has("/usr/libexec/pam_totp"));
    assert!(!host.has("/var/cache/pam_totp"), "what the last check found");
    assert!(!host.has("/run/pam_totp"), "when codes could not be checked");
    assert!(!host.has("/usr/share/doc/pam_totp"));
    assert!(host.has("/etc/pam_totp/policy.toml") && host.has("/var/lib/pam_totp/alice.toml"));
}

#[test]
fn a_package_gets_files_only_and_another_prefix_must_be_built_for() {
    let host = bare();
    let outcome = make(&host, &["install", "DESTDIR=/tmp/package"]);
    assert_eq!(outcome.status, 0, "{outcome:?}");
    assert!(host.has("/tmp/package/usr/lib/sysusers.d/pam_totp.conf"));
    assert!(!host.has("/usr/bin/totp-enroll") && !host.has("/tmp/package/var"));
    let outcome = make(&host, &["install", "prefix=/opt/other"]);
    assert_ne!(outcome.status, 0);
    assert!(outcome.text().contains("make build prefix=/opt/other"), "{outcome:?}");
}
