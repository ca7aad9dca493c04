//! Random bytes from the kernel, for secrets, identifiers, salts and recovery codes.

use zeroize::Zeroizing;

/// The kernel gave no random bytes; nothing may be made without them.
#[derive(Debug, PartialEq, Eq)]
pub struct NoRandomness;

impl std::fmt::Display for NoRandomness {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the kernel gives no random bytes (getrandom failed)")
    }
}

impl std::error::Error for NoRandomness {}

/// `N` bytes of getrandom(2), wiped when dropped.
///
/// # Errors
/// [`NoRandomness`] where the system call fails.
pub fn bytes<const N: usize>() -> Result<Zeroizing<[u8; N]>, NoRandomness> {
    let mut buffer = Zeroizing::new([0; N]);
    getrandom::fill(buffer.as_mut_slice()).map_err(|_| NoRandomness)?;
    Ok(buffer)
}
