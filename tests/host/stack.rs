//! What /etc/pam.d says for one service of a host.

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
    /// The file as given.
    Text(&'a str),
}

impl Stack<'_> {
    /// The text of the file.
    pub fn text(self) -> String {
        let auth = match self {
            Stack::Password => return "auth required pam_unix.so\naccount required pam_unix.so\nsession required pam_permit.so\n".to_owned(),
            Stack::PasswordAndCode => "auth required pam_unix.so\nauth required pam_totp.so\n".to_owned(),
            Stack::PasswordAndCodeWith(arguments) => {
                format!("auth required pam_unix.so\nauth required pam_totp.so {arguments}\n")
            }
            Stack::CodeThenPasswordWith(arguments) => {
                format!("auth required pam_totp.so {arguments}\nauth required pam_unix.so use_first_pass\n")
            }
            Stack::Code => "auth required pam_totp.so\nauth required pam_permit.so\n".to_owned(),
            Stack::CodeWith(arguments) => {
                format!("auth required pam_totp.so {arguments}\nauth required pam_permit.so\n")
            }
            Stack::Text(text) => return text.to_owned(),
        };
        format!(
            "{auth}\
             account required pam_totp.so\n\
             account required pam_unix.so\n\
             session required pam_totp.so\n\
             session required pam_permit.so\n\
             password required pam_totp.so\n\
             password required pam_unix.so\n"
        )
    }
}
