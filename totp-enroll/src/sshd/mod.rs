//! What sshd does, as its own configuration says: read from `sshd -T`, which knows defaults, included files and
//! Match blocks, never guessed from the text of a file.
//!
//! [`effective`] runs sshd and reads its answer, [`blocks`] finds for whom it must be asked, [`running`] tells
//! whether the server that runs knows the newest configuration, and [`note`] is what users hear of it. What is
//! wrong with all that is judged in `admin/policy/check/sshd.rs`.

pub mod blocks;
pub mod effective;
pub mod note;
pub mod running;

/// The PAM service of sshd.
pub const SERVICE: &str = "sshd";
