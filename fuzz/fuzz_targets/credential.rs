//! Any text is a credential that is written as it was read, or an error that quotes no secret.
#![no_main]

use libfuzzer_sys::fuzz_target;
use totp_core::credential::Credential;

/// How the secret in the corpus begins.
const SECRET: &str = "GEZDGNBV";

fuzz_target!(|text: &str| {
    match Credential::parse("alice.toml", text) {
        Ok(credential) => {
            assert!((1..=8).contains(&credential.devices.len()));
            for device in &credential.devices {
                assert!((16..=128).contains(&device.secret.as_bytes().len()));
                assert!((6..=8).contains(&device.parameters.digits));
                assert!(device.window(10) <= 10);
            }
            let written = credential.to_toml();
            let again = Credential::parse("alice.toml", &written).expect("what was written can be read");
            assert_eq!(*again.to_toml(), *written);
        }
        Err(error) => assert!(!error.to_string().contains(SECRET), "{error}"),
    }
});
