//! The command line: commands, options, and what `--help` says of them.

use crate::admin::policy::PolicyCommand;
use crate::exit::{Status, say_to_stderr};
use crate::text::printable;
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;
use std::process::ExitCode;
use totp_core::clock::Day;
use totp_core::credential::DeviceName;
use totp_core::policy::parse_span;
use totp_core::source::Source;

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
        /// The invitation that a first set-up takes where the policy says so
        #[arg(long, value_name = "CODE", conflicts_with = "name")]
        invitation: Option<String>,
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
    /// List users with what is set up, or tell how far the host has come
    Users(Users),
    /// Set a user up unattended and print what they need; or note where one can be reached
    Enroll {
        /// The user's name
        user: String,
        /// Read the secret of a token, in Base32, from standard input
        #[arg(long, conflicts_with = "hotp")]
        secret_stdin: bool,
        /// Codes by counter instead of by time (RFC 4226)
        #[arg(long)]
        hotp: bool,
        /// Phone number, such as +4915112345678
        #[arg(long, value_name = "E164", value_parser = phone)]
        phone: Option<String>,
        /// Mail address
        #[arg(long, value_name = "ADDRESS", value_parser = mail)]
        mail: Option<String>,
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
    /// Disable two-factor login for a user and remove what is set up
    Disable {
        /// The user's name
        user: String,
        #[command(flatten)]
        yes: Yes,
    },
    /// Let a user's codes be looked at again at once, after too many wrong ones
    Unlock {
        /// The user's name
        user: String,
    },
    /// Find a device whose counter or clock went astray, by two codes in a row
    Resync {
        /// The user's name
        user: String,
        #[command(flatten)]
        device: Device,
    },
    /// Tell why a user's last logins were refused, and when codes could not be checked
    Why {
        /// The user's name
        user: String,
        #[command(flatten)]
        json: Json,
    },
    /// Tell which rule decides for a login, and what it will meet
    Explain(Explain),
    /// Remove what is kept of users who no longer exist
    ///
    /// Without names: of everybody whom the name service does not know. Where /etc/nsswitch.conf names a directory,
    /// which may be down, it notes who is unknown and removes whom a run at least a day earlier noted. What may be a
    /// renamed user's, or was made for another uid of the name, stays until it is named here or adopted.
    Prune {
        /// Only of these, and at once; also of a name that has another uid by now
        #[arg(value_name = "NAME")]
        names: Vec<String>,
        #[command(flatten)]
        yes: Yes,
    },
    /// Give the two-factor login of a former name, or of a former uid of the same name, to its user
    ///
    /// As after `usermod --login` or `usermod --uid`. Devices, used codes, recovery codes, mail address and override
    /// go with it.
    Adopt {
        /// The name it is kept under
        old: String,
        /// The user's name by now; the same where only the uid has changed
        new: String,
        #[command(flatten)]
        yes: Yes,
    },
    /// Override the policy's mode for a user
    Mode {
        /// The user's name
        user: String,
        /// What counts for this user; default: what the policy says
        #[arg(value_parser = ["required", "optional", "disabled", "default"])]
        mode: String,
        /// The last day of it (UTC), such as 2027-01-31
        #[arg(long, value_name = "DATE", value_parser = day)]
        until: Option<Day>,
    },
    /// Draw a single-use code that lets a user set up
    Invite(Invite),
    /// Draw a temporary code, as for a forgotten phone
    Code {
        /// The user's name
        user: String,
        /// How long it is good
        #[arg(long = "for", value_name = "SPAN", default_value = "24h", value_parser = span)]
        lives_for: u64,
        /// For how many logins
        #[arg(long, value_name = "N", default_value = "1", value_parser = clap::value_parser!(u8).range(1..=100))]
        uses: u8,
        #[command(flatten)]
        json: Json,
    },
    /// Show, check and change the policy
    #[command(subcommand)]
    Policy(PolicyCommand),
}

#[derive(Args)]
pub struct Users {
    /// Only those of this kind; given several times, all must hold
    #[arg(long, value_enum, value_name = "KIND")]
    pub only: Vec<Only>,
    /// Only members of this group
    #[arg(long, value_name = "GROUP")]
    pub group: Option<String>,
    /// Also accounts of services, without a shell
    #[arg(long)]
    pub all: bool,
    /// Count instead of listing
    #[arg(long)]
    pub summary: bool,
    #[command(flatten)]
    pub json: Json,
}

/// What a list of users can be narrowed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Only {
    Configured,
    NotConfigured,
    Throttled,
    Override,
    Invited,
    Required,
    Optional,
    Disabled,
}

#[derive(Args)]
pub struct Explain {
    /// The user's name
    pub user: String,
    /// The PAM service, such as sshd; it must have a stack here
    #[arg(long, value_name = "SERVICE")]
    pub service: String,
    /// The address it comes from; without it, a login at this machine
    #[arg(long, value_name = "ADDRESS", value_parser = address)]
    pub from: Option<String>,
    /// Tell what a name meets that no user has
    #[arg(long)]
    pub stranger: bool,
    #[command(flatten)]
    pub json: Json,
}

#[derive(Args)]
pub struct Invite {
    /// The user's name
    pub user: String,
    /// How long it is good
    #[arg(long, value_name = "SPAN", default_value = "72h", value_parser = span)]
    pub expires: u64,
    /// Send it to this address, and remember that
    #[arg(long, value_name = "ADDRESS", value_parser = mail, conflicts_with = "json")]
    pub mail: Option<String>,
    /// Send it to the address that is known
    #[arg(long, conflicts_with_all = ["mail", "json"])]
    pub mail_known: bool,
    /// As --mail-known, for a login that asked for an invitation
    #[arg(long, hide = true, conflicts_with_all = ["mail", "mail_known", "json"])]
    pub at_login: bool,
    #[command(flatten)]
    pub json: Json,
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

/// Longest life of a code that root issues, in seconds: thirty days.
const LONGEST_LIFE: u64 = 30 * 24 * 60 * 60;

fn span(typed: &str) -> Result<u64, String> {
    let allowed = || "a span such as 30m, 24h or 3d, 1m to 30d".to_owned();
    parse_span(typed).filter(|span| (60..=LONGEST_LIFE).contains(span)).ok_or_else(allowed)
}

fn day(typed: &str) -> Result<Day, String> {
    let day = Day::parse(typed).ok_or("a date such as 2027-01-31")?;
    if day.is_over(totp_core::clock::Timestamp::now()) {
        return Err("it lies in the past; a date from today on (UTC)".to_owned());
    }
    Ok(day)
}

/// What sshd hands over as an address, a zone included. A name is none: no rule for networks is decided by names.
fn address(typed: &str) -> Result<String, String> {
    match Source::parse(Some(typed)) {
        Source::Address(_) | Source::Own(_) => Ok(typed.to_owned()),
        _ => {
            Err("not an address; write one such as 192.0.2.7 or 2001:db8::1 (host names are never resolved)"
                .to_owned())
        }
    }
}

/// E.164: a plus sign and at most 15 digits, the first of them no zero.
fn phone(typed: &str) -> Result<String, String> {
    let digits = typed.strip_prefix('+').unwrap_or_default();
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0');
    if plain && (7..=15).contains(&digits.len()) {
        Ok(typed.to_owned())
    } else {
        Err("a phone number in international form, such as +4915112345678".to_owned())
    }
}

/// Fewer than RFC 5321 allows: an address goes into a header and to sendmail as an argument, and to some mail
/// systems quotes, a leading dash, a bar or a slash mean more than a mailbox.
fn mail(typed: &str) -> Result<String, String> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._+-=~@'&#$*?^{}%:[]".contains(&byte);
    let plain = typed.bytes().all(allowed)
        && typed.starts_with(|first: char| first.is_ascii_alphanumeric() || first == '_')
        && typed.len() <= totp_core::state::LONGEST_MAIL;
    if plain && typed.parse::<lettre::Address>().is_ok() {
        Ok(typed.to_owned())
    } else {
        Err("a mail address such as alice@example.org".to_owned())
    }
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
            "enroll --invitation AAAA-BBBB-CCCC-DDDD",
            "admin enroll alice --phone +4915112345678 --mail alice@example.org",
            "admin enroll alice --secret-stdin --json",
            "admin enroll alice --hotp --json",
            "admin resync alice --device token",
            "admin disable alice --yes",
            "admin why alice --json",
            "admin mode alice required --until 2999-01-31",
            "admin mode alice default",
            "admin invite alice --expires 24h --mail alice@example.org",
            "admin invite alice --mail-known",
            "admin code alice --for 3d --uses 5 --json",
            "admin users --only required --only not-configured --group staff --all --json",
            "admin users --summary",
            "admin explain alice --service sshd --from 192.0.2.7 --json",
            "admin explain nobody-here --service sshd --from fe80::1%eth0 --stranger",
            "admin prune --yes",
            "admin prune alice bob --yes",
            "admin adopt alice alicia --yes",
            "admin policy show --json",
            "admin policy get totp.digits",
            "admin policy set totp.digits=8 mode= --yes",
            "admin policy check /tmp/policy.toml --strict",
            "admin policy check --as-installed",
            "admin policy edit --yes",
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
        for words in [
            "admin mode alice required --until 2020-01-31",
            "admin mode alice required --until tomorrow",
            "admin invite alice --expires 0h",
            "admin invite alice --expires 31d",
            "admin invite alice --mail alice",
            "admin invite alice --mail a\u{e4}@example.org",
            "admin code alice --uses 0",
            "admin enroll alice --phone 0151",
            "admin explain alice --service sshd --from gate.example.org",
            "admin explain alice --service sshd --from 192.0.2.7.1",
            "admin explain alice --service sshd --from 192.0.2.0/24",
        ] {
            assert_eq!(parse(words).err(), Some(ErrorKind::ValueValidation), "{words}");
        }
        assert_eq!(parse("admin mode alice on").err(), Some(ErrorKind::InvalidValue));
    }
}
