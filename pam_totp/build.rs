//! How the module is linked: to stay loaded, and with the unwinder in it.
//!
//! Every Rust cdylib asks for libgcc_s.so.1, which sshd has not loaded: bringing it in took the dynamic
//! loader 220 of a login's 380 us. A linker script of that name, found first, puts the static libraries
//! in its place. Panics are still caught.

use std::path::PathBuf;
use std::process::Command;
use std::{env, fs};

fn main() -> std::io::Result<()> {
    println!("cargo:rerun-if-changed=build.rs");
    // What the standard library registers with the C library, such as keys of threads with destructors in
    // the module, it never takes back. So the module stays where it is when a program closes it, and
    // the next login of a screen locker does not load it again.
    println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
    let gnu = env::var("CARGO_CFG_TARGET_ENV").is_ok_and(|env| env == "gnu");
    let cc = env::var("CC").unwrap_or_else(|_| "cc".to_owned());
    // gcc prints the bare name where it has no such library; then libgcc_s is linked as usual.
    let found = Command::new(cc)
        .arg("-print-file-name=libgcc_eh.a")
        .output()
        .is_ok_and(|output| output.stdout.starts_with(b"/"));
    if gnu && found {
        let directory = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
        fs::write(directory.join("libgcc_s.so"), "INPUT(-l:libgcc_eh.a -l:libgcc.a)\n")?;
        println!("cargo:rustc-cdylib-link-arg=-L{}", directory.display());
    }
    Ok(())
}
