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
    /// are written as 15m; KEY= returns a setting to its default. Rules are changed with `edit`.
    Set {
        /// What to change, such as totp.digits=8
        #[arg(required = true, value_name = "KEY=VALUE")]
        assignments: Vec<String>,
        #[command(flatten)]
        yes: Yes,
    },
    /// Check a policy, and tell what deserves a look
    Check(Check),
    /// Change the policy in an editor ($VISUAL, $EDITOR); it is installed only if it checks
    Edit(Yes),
}

#[derive(Args)]
pub struct Check {
    /// The file; the policy in force where it is not given
    pub file: Option<PathBuf>,
    /// End with status 1 where there is a warning
    #[arg(long)]
    pub strict: bool,
}
