//! The module's arguments in a PAM stack.

use std::path::PathBuf;

/// What a line of a PAM stack says after `pam_totp.so`.
///
/// Every argument but `require_key` and `begin` selects or relaxes, so that leaving one out, or misspelling it, is
/// the strict reading. Those two demand something more, and `totp-enroll admin policy check` finds a misspelt one.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Arguments {
    /// Notes that an auth phase began, and asks nothing.
    pub(crate) begin: bool,
    /// Denies everybody for whom sshd has not checked a key.
    pub(crate) require_key: bool,
    /// On the account line: other modules may stand in for the code.
    pub(crate) skippable: bool,
    /// Set-up during login is allowed here.
    pub(crate) setup: bool,
    /// Another policy file.
    pub(crate) policy: Option<PathBuf>,
    /// Password and code may have been typed as one to an earlier module.
    pub(crate) try_first_pass: bool,
    /// They must have been.
    pub(crate) use_first_pass: bool,
    /// They are typed as one to this module, and the password is passed on.
    pub(crate) forward_pass: bool,
    /// Show the code while it is typed.
    pub(crate) echo: bool,
    /// Another prompt.
    pub(crate) prompt: Option<String>,
    /// More log lines.
    pub(crate) debug: bool,
}

impl Arguments {
    /// Reads the arguments; the second value lists those that are not known.
    pub(crate) fn parse(words: &[String]) -> (Self, Vec<&str>) {
        let mut arguments = Self::default();
        let mut unknown = Vec::new();
        for word in words {
            match word.split_once('=') {
                None => match word.as_str() {
                    "begin" => arguments.begin = true,
                    "require_key" => arguments.require_key = true,
                    "skippable" => arguments.skippable = true,
                    "setup" => arguments.setup = true,
                    "try_first_pass" => arguments.try_first_pass = true,
                    "use_first_pass" => arguments.use_first_pass = true,
                    "forward_pass" => arguments.forward_pass = true,
                    "echo" => arguments.echo = true,
                    "debug" => arguments.debug = true,
                    _ => unknown.push(word.as_str()),
                },
                Some(("policy", path)) => arguments.policy = Some(PathBuf::from(path)),
                Some(("prompt", text)) => arguments.prompt = Some(text.to_owned()),
                Some(_) => unknown.push(word.as_str()),
            }
        }
        (arguments, unknown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_argument_is_known() {
        let words: Vec<_> =
            "begin require_key skippable setup policy=/a=b try_first_pass use_first_pass forward_pass echo prompt=Code:\u{20} debug"
                .split(' ')
                .map(str::to_owned)
                .collect();
        let (arguments, unknown) = Arguments::parse(&words);
        let expected = Arguments {
            begin: true,
            require_key: true,
            skippable: true,
            setup: true,
            policy: Some("/a=b".into()),
            try_first_pass: true,
            use_first_pass: true,
            forward_pass: true,
            echo: true,
            prompt: Some("Code:".into()),
            debug: true,
        };
        assert_eq!(arguments, expected);
        assert_eq!(unknown, [""], "the word between the two last spaces");
    }

    #[test]
    fn an_unknown_argument_changes_nothing() {
        let words = ["Setup", "nullok", "policy", "debug=1", "echo=yes"].map(str::to_owned);
        let (arguments, unknown) = Arguments::parse(&words);
        assert_eq!(arguments, Arguments::default());
        assert_eq!(unknown, ["Setup", "nullok", "policy", "debug=1", "echo=yes"]);
    }
}
