//! What can be wrong with the lines of a service, and how that is said.

use super::line::Kind;

/// Something that the stack of a service does which its administrator cannot mean, or should know.
///
/// Lines are named as `sufficient pam_unix.so (line 2 of /etc/pam.d/su)`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// libpam cannot read the stack.
    Unusable,
    /// There is more than is looked at.
    TooMuch,
    /// By this line the stack says yes without the code, and nothing behind it refuses.
    LetsPast(String),
    /// A denied code does not count by this line, and nothing behind it refuses.
    DenialDoesNotCount(String),
    /// Who is not asked is let in without having shown anything; in sshd by lack of `require_key`.
    AsksNothing { in_sshd: bool },
    /// The code is all that is asked, in sshd without `require_key`.
    CodeAlone { in_sshd: bool },
    /// No right code gets in.
    NeverLetsIn(Kind),
    /// Who is not asked for a code is refused.
    RefusesTheUnasked { in_sshd: bool },
    /// Whoever passes by this line is refused by the account line.
    Refuses(String),
    /// A denied code does not end the auth stack by this line; the account line refuses.
    RefusesLate(String),
    /// `begin` stands above this line of pam_rootok, which is meant to skip the code.
    RefusesRoot(String),
    /// This line may stand in for the code, and the account line says so.
    StandsIn(String),
    /// This account line says `skippable`, and no line gets past the code.
    SkippableForNothing(String),
    /// The account or session line is skipped by this line while the stack goes on.
    Skipped(Kind, String),
    /// The denial of this account or session line does not count.
    Uncounted(Kind, String),
    /// The module has lines, but none in auth asks for the code; with `refuses` the account line denies whoever
    /// needs one.
    AsksNobody { refuses: bool },
    /// These arguments stand beside `begin` on this line, which asks nothing and leaves them without effect.
    BesideBegin { arguments: Vec<String>, line: String },
    /// A `begin` line has no account line that would look at what it notes.
    BeginsForNothing,
    /// pam_totp.so does not know this argument of this line; perhaps another was meant.
    UnknownArgument { argument: String, line: String, meant: Option<&'static str> },
    /// This argument has no effect on this line, but on one of the other kind.
    MisplacedArgument { argument: String, line: String, belongs: Kind },
    /// The lines name different policies.
    PoliciesDiffer(Vec<String>),
}

impl Fault {
    /// A sentence about the service of this name, with the way out.
    pub fn of_service(&self, service: &str) -> String {
        format!("{service}: {}", self.sentence())
    }

    fn sentence(&self) -> String {
        match self {
            Self::Unusable => "libpam cannot read this PAM stack, and lets nobody in".to_owned(),
            Self::TooMuch => {
                "this PAM stack has too many lines or ways through it to say what it does; make it simpler".to_owned()
            }
            Self::LetsPast(by) => format!(
                "asks for a code, but {by} lets past it; include the file of that line by substack, so that it ends no more than this file, or write `account required pam_totp.so skippable` if it may stand in for the code"
            ),
            Self::DenialDoesNotCount(by) => format!(
                "asks for a code, but lets in with a wrong one: the denial does not count by {by}; write `auth required pam_totp.so`"
            ),
            Self::AsksNothing { in_sshd } => format!(
                "lets in whoever is not asked for a code, with nothing at all: no other auth line checks a password or a key; {}",
                if *in_sshd {
                    "write `require_key` on the auth line of pam_totp.so and take pam_permit.so out"
                } else {
                    "ask for the password above it, as by pam_unix.so"
                }
            ),
            Self::CodeAlone { in_sshd: true } => "asks for the code and for nothing else, so that a code alone lets in where sshd asks for no key; write `require_key` on the auth line of pam_totp.so, or ask for the password above it".to_owned(),
            Self::CodeAlone { in_sshd: false } => "asks for the code and for nothing else; ask for the password above it, as by pam_unix.so".to_owned(),
            Self::NeverLetsIn(kind) => format!(
                "lets nobody in who needs a code: its {} stack denies even when pam_totp.so does not",
                kind.as_str()
            ),
            Self::RefusesTheUnasked { in_sshd } => format!(
                "refuses whoever is not asked for a code: no other auth line of it lets anybody in{}",
                if *in_sshd { "; write `require_key` on the auth line of pam_totp.so" } else { "" }
            ),
            Self::Refuses(by) => format!(
                "refuses whoever needs a code and gets past it by {by}: the account line finds that none was asked; include the file of that line by substack, or write `account required pam_totp.so skippable` if it may stand in for the code"
            ),
            Self::RefusesLate(by) => format!(
                "goes on after a wrong code, because of {by}, and only the account line refuses it; write `auth required pam_totp.so`"
            ),
            Self::RefusesRoot(by) => format!(
                "refuses root, too: `begin` stands above {by}; put it below"
            ),
            Self::StandsIn(by) => format!(
                "other modules may stand in for the code: {by} gets past it, and `skippable` allows that"
            ),
            Self::SkippableForNothing(line) => format!(
                "no other module may stand in for the code, and yet {line} says `skippable`; take the word out"
            ),
            Self::Skipped(kind, by) => format!(
                "its {0} line of pam_totp.so is skipped by {by}; put it first among the {0} lines",
                kind.as_str()
            ),
            Self::Uncounted(kind, line) => format!(
                "a denial of {line} does not end the {0} stack; write `{0} required pam_totp.so`, first among the {0} lines",
                kind.as_str()
            ),
            Self::AsksNobody { refuses } => format!(
                "no auth line asks for the code, and whoever needs one {}; add a line `auth required pam_totp.so`, without `begin`, below the one that asks for the password",
                if *refuses { "is refused by the account line" } else { "gets in without it" }
            ),
            Self::BesideBegin { arguments, line } => format!(
                "`begin` asks nothing, and {} has no effect beside it on {line}; write `begin` on a line of its own",
                arguments.iter().map(|argument| format!("\"{argument}\"")).collect::<Vec<_>>().join(", ")
            ),
            Self::BeginsForNothing => "`begin` has no effect without `account required pam_totp.so`".to_owned(),
            Self::UnknownArgument { argument, line, meant } => {
                let meant = meant.map_or_else(String::new, |meant| format!("; did you mean \"{meant}\"?"));
                format!("pam_totp.so does not know the argument \"{argument}\" of {line}{meant}")
            }
            Self::MisplacedArgument { argument, line, belongs } => format!(
                "\"{argument}\" has no effect on {line}; it belongs on the {} line",
                belongs.as_str()
            ),
            Self::PoliciesDiffer(policies) => format!(
                "its lines of pam_totp.so name different policies: {}; name the same one on each",
                policies.join(", ")
            ),
        }
    }

    /// What follows "asks for a code" where that is not the whole truth; `None` where it is.
    pub fn but(&self) -> Option<String> {
        match self {
            Self::LetsPast(by) => Some(format!("but {by} lets past it")),
            Self::DenialDoesNotCount(by) => Some(format!("but a wrong one lets in, too, because of {by}")),
            Self::Refuses(by) => Some(format!("but whoever gets past it by {by} is refused")),
            Self::StandsIn(by) => Some(format!("but {by} may stand in for it")),
            Self::NeverLetsIn(kind) => {
                Some(format!("but nobody who needs one gets in: the {} stack denies", kind.as_str()))
            }
            Self::AsksNothing { .. } => {
                Some("but whoever is not asked gets in with nothing at all".to_owned())
            }
            Self::CodeAlone { .. } => Some("and for nothing else".to_owned()),
            Self::Unusable => Some("but libpam cannot read the stack, and nobody gets in".to_owned()),
            Self::TooMuch => Some("but the stack is too large to say whether always".to_owned()),
            _ => None,
        }
    }
}
