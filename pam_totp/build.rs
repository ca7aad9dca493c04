//! Links the unwinder into the module.
//!
//! Every Rust cdylib asks for libgcc_s.so.1, which sshd has not loaded: bringing it in took the dynamic
//! loader 220 of a login's 380 us. A linker script of that name, found first, puts the static libraries
//! in its place. Panics are still caught.

use std::path::PathBuf;
use std::process::Command;
use std::{env, fs};

fn main() -> std::io::Result<()> {
    println!("cargo:rerun-if-changed=build.rs");
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
