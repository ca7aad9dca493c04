//! The command line: commands, options, and what `--help` says of them.

use crate::exit::{Status, say_to_stderr};
use crate::text::printable;
use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;
use totp_core::credential::DeviceName;

/// Sets up two-factor login: from then on, logins ask for a code after the password.
///
/// Without a command it sets up what is missing, or shows the status.
#[derive(Parser)]
#[command(name = "totp-enroll", version, max_term_width = 100)]
pub struct Arguments {
    /// Use another policy file, and so another store (root only)
    #[arg(long, global = true, value_name = "PATH")]
    pub policy: Option<PathBuf>,
    #[command(subcommand)]
    pub command: Option<Command>,
}

#[derive(Subcommand)]
pub enum Command {
    /// Tell what is set up
    Status(Json),
    /// Set up an app on a phone, or a further one
    Enroll {
        #[command(flatten)]
        device: Device,
        #[command(flatten)]
        copy: Copy,
    },
    /// List the devices that give codes, or remove one (takes a code)
    Devices {
        /// Remove this device
        #[arg(long, value_name = "NAME", value_parser = device_name, conflicts_with = "json")]
        remove: Option<DeviceName>,
        #[command(flatten)]
        yes: Yes,
        #[command(flatten)]
        json: Json,
    },
    /// Show a secret again, where the policy allows it (takes a code)
    Show {
        #[command(flatten)]
        device: Device,
        /// Print only the otpauth URI, also where standard output is no terminal
        #[arg(long)]
        uri: bool,
        /// Print only the secret in Base32, also where standard output is no terminal
        #[arg(long)]
        secret: bool,
        #[command(flatten)]
        copy: Copy,
        /// Write the QR code to a new PNG file that only you can read
        #[arg(long, value_name = "FILE")]
        png: Option<PathBuf>,
    },
    /// Replace a secret, as for a new phone (takes a code); the old one works until the new is proven
    Renew {
        #[command(flatten)]
        device: Device,
        #[command(flatten)]
        copy: Copy,
    },
    /// Remove two-factor login (takes a code)
    Unset(Yes),
    /// Tell whether a code is right; it counts and is spent as in a login
    Verify {
        /// The code; asked for where it is not given
        code: Option<String>,
        #[command(flatten)]
        json: Json,
    },
    /// Tell how many recovery codes are left, or draw new ones (takes a code)
    Recovery {
        /// Draw new ones; the old ones are worth nothing then
        #[arg(long, conflicts_with = "json")]
        renew: bool,
        #[command(flatten)]
        json: Json,
    },
    /// List the addresses that are not asked for a code again, or forget them
    Hosts {
        /// Forget all of them
        #[arg(long, conflicts_with = "json")]
        forget: bool,
        #[command(flatten)]
        json: Json,
    },
    /// For root: the two-factor login of others
    #[command(subcommand)]
    Admin(Admin),
}

#[derive(Subcommand)]
pub enum Admin {
    /// Set a user up unattended and print what they need
    Enroll {
        /// The user's name
        user: String,
        #[command(flatten)]
        json: Json,
    },
    /// Show the secrets of a user
    Show {
        /// The user's name
        user: String,
        /// Draw the QR code, too
        #[arg(long, conflicts_with = "json")]
        qr: bool,
        #[command(flatten)]
        json: Json,
    },
    /// Tell what is set up for a user
    Status {
        /// The user's name
        user: String,
        #[command(flatten)]
        json: Json,
    },
    /// Remove a user's two-factor login, as after a lost phone
    Revoke {
        /// The user's name, also of an account that is gone
        user: String,
        #[command(flatten)]
        yes: Yes,
    },
    /// Let a user's codes be looked at again at once, after too many wrong ones
    Unlock {
        /// The user's name
        user: String,
    },
}

#[derive(Args)]
pub struct Json {
    /// Print JSON, for scripts
    #[arg(long)]
    pub json: bool,
}

#[derive(Args)]
pub struct Yes {
    /// Do not ask for a confirmation
    #[arg(long)]
    pub yes: bool,
}

#[derive(Args)]
pub struct Copy {
    /// Send the secret to the terminal's clipboard, too (OSC 52; works over ssh)
    #[arg(long)]
    pub copy: bool,
}

#[derive(Args)]
pub struct Device {
    /// The device's name, such as "tablet"
    #[arg(long = "device", value_name = "NAME", value_parser = device_name)]
    pub name: Option<DeviceName>,
}

fn device_name(typed: &str) -> Result<DeviceName, String> {
    DeviceName::new(typed).ok_or_else(|| format!("a device's name is {}", DeviceName::ALLOWED))
}

/// Prints what clap has to say: help and version to standard output, a mistake to standard error.
pub fn explain(error: &clap::Error) -> ExitCode {
    if error.use_stderr() {
        // What was typed is repeated in it.
        for line in error.render().to_string().trim_end().split('\n') {
            say_to_stderr(&printable(line));
        }
        return Status::Usage.into();
    }
    match error.print() {
        Ok(()) => Status::Done.into(),
        Err(_) => Status::Refused.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;
    use clap::error::ErrorKind;

    fn parse(words: &str) -> Result<Arguments, ErrorKind> {
        let words = std::iter::once("totp-enroll").chain(words.split_whitespace());
        Arguments::try_parse_from(words).map_err(|error| error.kind())
    }

    #[test]
    fn the_command_line_is_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn every_command_is_understood() {
        for words in [
            "",
            "status --json",
            "enroll --device tablet --copy",
            "devices --remove tablet --yes",
            "show --device tablet --uri --secret --copy --png code.png",
            "renew --device tablet --copy",
            "unset --yes",
            "verify 123456 --json",
            "verify",
            "recovery --renew",
            "hosts --forget",
            "admin enroll alice --json",
            "admin show alice --qr",
            "admin status alice --json --policy /etc/other.toml",
            "admin revoke alice --yes",
            "admin unlock -- -x",
        ] {
            assert!(parse(words).is_ok(), "{words}");
        }
    }

    #[test]
    fn what_is_not_a_command_is_a_usage_error() {
        for words in ["enrol-me", "status --jason", "admin enroll", "verify 1 2", "enroll --device"] {
            let kind = parse(words).err();
            assert!(kind.is_some_and(|kind| kind != ErrorKind::DisplayHelp), "{words}");
        }
        assert_eq!(parse("enroll --device a/b").err(), Some(ErrorKind::ValueValidation));
    }
}
