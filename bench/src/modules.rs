//! The modules that are compared, and the PAM services by which a login meets one of them alone.

/// A module that asks for a code, or the empty stack that all are measured net of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Module {
    /// pam_permit: what libpam itself takes.
    Empty,
    /// This project's.
    Totp,
    /// libpam-google-authenticator.
    Google,
    /// libpam-oath.
    Oath,
}

impl Module {
    /// All of them, the empty stack first.
    pub const ALL: [Module; 4] = [Module::Empty, Module::Totp, Module::Google, Module::Oath];

    /// Those that ask.
    pub const ASKING: [Module; 3] = [Module::Totp, Module::Google, Module::Oath];

    /// The name of the shared library, without `.so`.
    pub fn name(self) -> &'static str {
        match self {
            Module::Empty => "pam_permit",
            Module::Totp => "pam_totp",
            Module::Google => "pam_google_authenticator",
            Module::Oath => "pam_oath",
        }
    }

    /// The service that has it as its only module, as an administrator would write it.
    pub fn service(self) -> &'static str {
        match self {
            Module::Empty => "empty",
            Module::Totp => "totp",
            Module::Google => "google",
            Module::Oath => "oath",
        }
    }

    /// The Debian package that brings it; none for our own.
    pub fn package(self) -> Option<&'static str> {
        match self {
            Module::Totp => None,
            Module::Empty => Some("libpam-modules"),
            Module::Google => Some("libpam-google-authenticator"),
            Module::Oath => Some("libpam-oath"),
        }
    }
}

/// pam_totp where everybody needs a code; elsewhere the policy is the one that is shipped.
pub const TOTP_REQUIRED: &str = "totp-required";

/// Its policy, beside the one as shipped.
pub const REQUIRED_POLICY: &str = "/etc/pam_totp/required.toml";

/// pam_google_authenticator where who is not set up gets in.
pub const GOOGLE_OPTIONAL: &str = "google-optional";

/// Where pam_oath has everybody's secret.
pub const OATH_FILE: &str = "/etc/oath/users";

/// Every service with its auth lines.
pub fn stacks() -> [(&'static str, String); 7] {
    let line = |words: &str| format!("auth required {words}\n");
    [
        // libpam loads it beside every service; Debian's would bring in pam_unix and its libraries.
        ("other", line("pam_deny.so")),
        (Module::Empty.service(), line("pam_permit.so")),
        (Module::Totp.service(), line("pam_totp.so")),
        (TOTP_REQUIRED, line(&format!("pam_totp.so policy={REQUIRED_POLICY}"))),
        (Module::Google.service(), line("pam_google_authenticator.so")),
        (GOOGLE_OPTIONAL, line("pam_google_authenticator.so nullok")),
        (Module::Oath.service(), line(&format!("pam_oath.so usersfile={OATH_FILE} window=3 digits=6"))),
    ]
}
