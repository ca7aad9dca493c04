//! What tests of `make install` share: the built files on a host, and make itself.

use host::{Host, Outcome};
use std::path::Path;

const SOURCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// Puts what was built, and what `make install` takes from the sources, into /tmp/build.
pub fn with_what_was_built(host: Host) -> Host {
    host.must_run(&["mkdir", "-p", "/tmp/build/target/release"]);
    let built = std::env::var("PAM_TOTP_BUILD").unwrap_or_else(|_| format!("{SOURCE}/target/release"));
    for name in ["libpam_totp.so", "totp-enroll", "totp-helper"] {
        let bytes = std::fs::read(Path::new(&built).join(name)).expect("`make test` builds it first");
        host.write(&format!("/tmp/build/target/release/{name}"), bytes);
    }
    for name in [
        "Makefile",
        "make/find-pam-directory",
        "config/policy.toml",
        "config/sysusers.conf",
        "config/tmpfiles.conf",
        "config/next-steps.txt",
    ] {
        let bytes = std::fs::read(Path::new(SOURCE).join(name)).expect("it is part of the project");
        host.must_run(&["install", "-D", "-m", "755", "/dev/null", &format!("/tmp/build/{name}")]);
        host.write(&format!("/tmp/build/{name}"), bytes);
    }
    host.must_run(&["install", "-d", "/tmp/build/config/pam.d"]);
    for entry in std::fs::read_dir(Path::new(SOURCE).join("config/pam.d")).expect("it is part of the project")
    {
        let path = entry.expect("a directory is read to its end").path();
        let name = path.file_name().expect("a file has a name").to_string_lossy().into_owned();
        host.write(&format!("/tmp/build/config/pam.d/{name}"), std::fs::read(&path).expect("it is a file"));
    }
    host
}

/// Runs make there.
pub fn make(host: &Host, words: &[&str]) -> Outcome {
    host.run(&[&["make", "--no-print-directory", "-C", "/tmp/build"], words].concat())
}
