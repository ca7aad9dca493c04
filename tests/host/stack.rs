//! What /etc/pam.d says for one service of a host.

use crate::Host;

impl Host {
    /// Removes the stacks of the machine that runs the tests, which know nothing of pam_totp, and keeps these.
    pub fn keep_only_stacks(&self, names: &[&str]) {
        let script = "cd /etc/pam.d; for file in *; do case \" $* \" in *\" $file \"*) ;; *) rm \"$file\" ;; esac; done";
        self.must_run(&[&["sh", "-c", script, "sh"], names].concat());
        self.must_run(&["rm", "-rf", "/usr/lib/pam.d"]);
    }
}

/// A PAM stack.
#[derive(Clone, Copy)]
pub enum Stack<'a> {
    /// The password alone; pam_totp is not in it.
    Password,
    /// First the password, then the code.
    PasswordAndCode,
    /// First the password, then the code, with arguments for the auth line of pam_totp.
    PasswordAndCodeWith(&'a str),
    /// First pam_totp with arguments, then pam_unix with the password handed on.
    CodeThenPasswordWith(&'a str),
    /// The code alone, as after a key; pam_permit answers where pam_totp has nothing to say.
    Code,
    /// The code alone, with arguments for the auth line of pam_totp.
    CodeWith(&'a str),
    /// No other module that decides, in any phase; with arguments for the auth line of pam_totp.
    NothingElseWith(&'a str),
    /// The file as given.
    Text(&'a str),
}

impl Stack<'_> {
    /// The text of the file.
    pub fn text(self) -> String {
        let auth = match self {
            Stack::Password => {
                return "auth required pam_unix.so\n\
                        account required pam_unix.so\n\
                        session required pam_permit.so\n"
                    .to_owned();
            }
            Stack::PasswordAndCode => return PamStack::new().text(),
            Stack::PasswordAndCodeWith(arguments) => return PamStack::new().arguments(arguments).text(),
            Stack::CodeThenPasswordWith(arguments) => {
                format!("auth required pam_totp.so {arguments}\nauth required pam_unix.so use_first_pass\n")
            }
            Stack::Code => "auth required pam_totp.so\nauth required pam_permit.so\n".to_owned(),
            Stack::CodeWith(arguments) => {
                format!("auth required pam_totp.so {arguments}\nauth required pam_permit.so\n")
            }
            Stack::NothingElseWith(arguments) => {
                let lines = |kind: &str, arguments: &str| {
                    format!("{kind} required pam_totp.so {arguments}\n{kind} required pam_permit.so\n")
                };
                return lines("auth", arguments) + &lines("account", "") + &lines("session", "");
            }
            Stack::Text(text) => return text.to_owned(),
        };
        auth + &PamStack::new().text_after_auth()
    }
}

/// Password and code in a stack as an administrator should write it, or with a line of it wrong, missing or
/// one too many: `Stack::Text(&PamStack::new().setup().without_account().text())`.
#[derive(Default)]
pub struct PamStack {
    arguments: String,
    stops_at_wrong_password: bool,
    reads_user_environment: bool,
    expiry_skips_account: bool,
    without_account: bool,
    without_session: bool,
    last_account: Option<String>,
}

impl PamStack {
    /// Password and code, all lines in place.
    pub fn new() -> PamStack {
        PamStack::default()
    }

    /// Arguments for the auth line of pam_totp.
    pub fn arguments(mut self, arguments: &str) -> PamStack {
        arguments.clone_into(&mut self.arguments);
        self
    }

    /// Set-up during login is allowed.
    pub fn setup(self) -> PamStack {
        self.arguments("setup")
    }

    /// pam_totp has no account line.
    pub fn without_account(mut self) -> PamStack {
        self.without_account = true;
        self
    }

    /// pam_totp has no session line.
    pub fn without_session(mut self) -> PamStack {
        self.without_session = true;
        self
    }

    /// A wrong password ends the auth stack: pam_totp does not run.
    pub fn stopping_at_a_wrong_password(mut self) -> PamStack {
        self.stops_at_wrong_password = true;
        self
    }

    /// pam_env below pam_totp reads ~/.pam_environment, and so takes variables from the user. It does so at
    /// setcred, and Linux-PAM 1.7 no longer knows how.
    pub fn reading_environment_of_users(mut self) -> PamStack {
        self.reads_user_environment = true;
        self
    }

    /// pam_unix stands above the account line of pam_totp and jumps, as in Debian's common-account: an
    /// expired password ends the account stack before pam_totp.
    pub fn with_account_skipped_on_expiry(mut self) -> PamStack {
        self.expiry_skips_account = true;
        self
    }

    /// A further account line, the last: `required pam_access.so`, `required pam_deny.so`.
    pub fn last_account(mut self, line: &str) -> PamStack {
        self.last_account = Some(line.to_owned());
        self
    }

    /// The text of the file.
    pub fn text(&self) -> String {
        let control = if self.stops_at_wrong_password { "requisite" } else { "required" };
        let environment =
            if self.reads_user_environment { "auth required pam_env.so user_readenv=1\n" } else { "" };
        format!(
            "auth {control} pam_unix.so\n\
             auth required pam_totp.so {}\n\
             {environment}{}",
            self.arguments,
            self.text_after_auth()
        )
    }

    fn text_after_auth(&self) -> String {
        let account = if self.without_account { "" } else { "account required pam_totp.so\n" };
        let account = if self.expiry_skips_account {
            format!(
                "account [success=1 new_authtok_reqd=done default=ignore] pam_unix.so\n\
                 account requisite pam_deny.so\n\
                 {account}\
                 account required pam_permit.so\n"
            )
        } else {
            format!("{account}account required pam_unix.so\n")
        };
        let last = self.last_account.as_ref().map_or_else(String::new, |line| format!("account {line}\n"));
        let session = if self.without_session { "" } else { "session required pam_totp.so\n" };
        format!(
            "{account}{last}\
             {session}\
             session required pam_permit.so\n\
             password required pam_totp.so\n\
             password required pam_unix.so\n"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn account_and_session_of_pam_totp_come_first() {
        let text = Stack::PasswordAndCodeWith("setup").text();
        let first = |kind: &str| text.lines().find(|line| line.starts_with(kind));
        assert_eq!(first("account"), Some("account required pam_totp.so"));
        assert_eq!(first("session"), Some("session required pam_totp.so"));
        assert!(text.contains("auth required pam_unix.so\nauth required pam_totp.so setup\n"), "{text}");
    }

    #[test]
    fn what_is_odd_changes_only_its_own_lines() {
        let usual = PamStack::new().text();
        for (odd, gone) in [
            (PamStack::new().without_account(), "account required pam_totp.so\n"),
            (PamStack::new().without_session(), "session required pam_totp.so\n"),
        ] {
            assert_eq!(odd.text(), usual.replace(gone, ""));
        }
        let refused = PamStack::new().last_account("required pam_deny.so").text();
        assert_eq!(refused.replace("account required pam_deny.so\n", ""), usual);
    }
}
