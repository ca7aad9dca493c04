//! The command line of `admin policy`.

use crate::arguments::{Json, Yes};
use clap::{Args, Subcommand};
use std::path::PathBuf;

#[derive(Subcommand)]
pub enum PolicyCommand {
    /// Show every setting and where it comes from, the rules, and the services that ask for codes
    Show(Json),
    /// Print the value of one setting, for scripts
    Get {
        /// The setting, such as totp.digits
        key: String,
    },
    /// Change settings, all of them or none
    ///
    /// Comments and layout of the file are kept. Lists are comma-separated, [] is the empty one; spans of time
    /// are written as 15m; KEY= returns a setting to its default. Rules are changed with `edit`. What `check` has to
    /// say of the policy then is told, and a change after which no service asks anybody for a code is asked about.
    Set {
        /// What to change, such as totp.digits=8
        #[arg(required = true, value_name = "KEY=VALUE")]
        assignments: Vec<String>,
        #[command(flatten)]
        yes: Yes,
    },
    /// Check a policy, and tell what deserves a look
    ///
    /// Warnings go to standard error, and the last line counts them. The policy in force is judged as a login judges
    /// it: with its permissions, and those of the directories above it. Ends with status 5 where it cannot be used.
    Check(Check),
    /// Change the policy in an editor ($VISUAL, $EDITOR); it is installed only if it checks
    Edit(Yes),
}

#[derive(Args)]
pub struct Check {
    /// A draft, of which the text alone is judged; the policy in force where it is not given
    pub file: Option<PathBuf>,
    /// End with status 1 where there is a warning
    #[arg(long)]
    pub strict: bool,
    /// Judge FILE, too, as a login would, permissions included, and print nothing where it would be taken
    ///
    /// For a package's script: run by the new version before it is put in place, it ends with status 5 and the
    /// reason where that version would refuse the policy, and so everybody.
    #[arg(long)]
    pub as_installed: bool,
}
