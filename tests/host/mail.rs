//! The mail of a host: a stand-in for sendmail(8) that keeps what it is given, refuses it, or hangs, and
//! what a reader makes of a letter.

use crate::{Host, recovery_codes_in};
use std::fs;

const SENDMAIL: &str = "/usr/sbin/sendmail";
const SINK: &str = "/var/mail-sink";
const FAILS: &str = "/run/mail-fails";
const HANGS: &str = "/run/mail-hangs";

/// A letter gets its name when it is whole. Whoever calls may be any user, with an empty environment.
const SCRIPT: &str = r#"#!/bin/sh
set -eu
PATH=/usr/sbin:/usr/bin:/sbin:/bin
umask 077
[ ! -e /run/mail-hangs ] || exec sleep infinity
if [ -e /run/mail-fails ]; then
    cat /run/mail-fails >&2
    exit 75
fi
letter=$(mktemp -d /var/mail-sink/.XXXXXX)
: >"$letter/arguments"
[ $# = 0 ] || printf '%s\0' "$@" >"$letter/arguments"
cat >"$letter/text"
mv "$letter" "/var/mail-sink/$(date +%s%N)-$$"
"#;

/// A letter as it was given to sendmail.
#[derive(Debug)]
pub struct Mail {
    /// What sendmail was called with.
    pub arguments: Vec<String>,
    /// Headers, an empty line and the body, as they came.
    pub text: String,
}

impl Mail {
    /// The value of a header, its lines joined; the first of that name.
    pub fn header(&self, name: &str) -> Option<String> {
        let mut lines = self.parts().0.lines();
        let first = lines.by_ref().find_map(|line| {
            line.split_once(':').filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
        })?;
        let folded = lines.take_while(|line| line.starts_with([' ', '\t']));
        Some(std::iter::once(first).chain(folded).map(str::trim).collect::<Vec<_>>().join(" "))
    }

    /// The body as it is read.
    pub fn body(&self) -> String {
        let encoding = self.header("Content-Transfer-Encoding").unwrap_or_default().to_ascii_lowercase();
        match encoding.as_str() {
            "" | "7bit" | "8bit" => self.parts().1.to_owned(),
            "quoted-printable" => quoted_printable(self.parts().1),
            _ => panic!("the tests cannot read a body in {encoding}: {self:?}"),
        }
    }

    /// The one invitation code in the body.
    pub fn invitation_code(&self) -> String {
        let mut codes = recovery_codes_in(&self.body());
        assert_eq!(codes.len(), 1, "a letter with one code was expected: {self:?}");
        codes.remove(0)
    }

    fn parts(&self) -> (&str, &str) {
        let parted = self.text.split_once("\n\n").or_else(|| self.text.split_once("\r\n\r\n"));
        parted.unwrap_or_else(|| panic!("no empty line ends the headers: {self:?}"))
    }
}

impl Host {
    /// Every letter that was sent since this was last asked, in the order sent.
    pub fn take_mail(&self) -> Vec<Mail> {
        let sink = fs::read_dir(self.path(SINK)).expect("the host has a sink for mail");
        let mut letters: Vec<_> = sink
            .map(|entry| entry.expect("the sink can be listed"))
            .filter(|entry| !entry.file_name().as_encoded_bytes().starts_with(b"."))
            .map(|entry| entry.path())
            .collect();
        letters.sort();
        let take = |letter: &std::path::PathBuf| {
            let read = |file: &str| {
                fs::read_to_string(letter.join(file)).unwrap_or_else(|error| panic!("{letter:?}: {error}"))
            };
            let mail = Mail {
                arguments: read("arguments").split_terminator('\0').map(str::to_owned).collect(),
                text: read("text"),
            };
            fs::remove_dir_all(letter).expect("root may empty the sink");
            mail
        };
        letters.iter().map(take).collect()
    }

    /// From now on sendmail says this and ends with EX_TEMPFAIL, its input unread.
    pub fn mail_fails(&self, why: &str) {
        self.write(FAILS, format!("{why}\n"));
    }

    /// From now on sendmail reads nothing, says nothing and does not end.
    pub fn mail_hangs(&self) {
        self.write(HANGS, "");
    }

    /// From now on sendmail takes mail again.
    pub fn mail_works(&self) {
        self.must_run(&["rm", "-f", FAILS, HANGS]);
    }

    /// Takes sendmail away.
    pub fn without_sendmail(&self) {
        self.must_run(&["rm", SENDMAIL]);
    }

    /// Puts the stand-in where a real sendmail may have been: no test sends mail from this machine.
    pub(crate) fn install_sendmail(&self) {
        self.write("/tmp/sendmail", SCRIPT);
        self.must_run(&["install", "-m", "755", "/tmp/sendmail", SENDMAIL]);
        self.must_run(&["install", "-d", "-m", "1733", SINK]);
    }
}

/// RFC 2045 6.7.
fn quoted_printable(text: &str) -> String {
    let joined = text.replace("=\r\n", "").replace("=\n", "");
    let mut bytes = Vec::with_capacity(joined.len());
    let mut rest = joined.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        rest = after;
        if first != b'=' {
            bytes.push(first);
            continue;
        }
        let digits = after.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(byte.unwrap_or_else(|| panic!("this is not quoted-printable: {text}")));
        rest = &after[2..];
    }
    String::from_utf8(bytes).expect("a body is UTF-8")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter(text: &str) -> Mail {
        Mail { arguments: Vec::new(), text: text.to_owned() }
    }

    #[test]
    fn headers_are_found_whatever_their_case_and_unfolded() {
        let mail = letter("To: a@example.org\nSUBJECT: two\n words\nX: y\n\nSubject: of the body\n");
        assert_eq!(mail.header("subject").as_deref(), Some("two words"));
        assert_eq!(mail.header("To").as_deref(), Some("a@example.org"));
        assert_eq!(mail.header("Cc"), None);
    }

    #[test]
    fn a_code_is_found_in_a_plain_and_in_a_quoted_body() {
        assert_eq!(
            letter("A: b\n\nYour code:\n\n  ABCD-EFGH-2345-67AB\n").invitation_code(),
            "ABCD-EFGH-2345-67AB"
        );
        let quoted = "Content-Transfer-Encoding: quoted-printable\n\nf=C3=BCr Sie: ABCD-EFGH=\n-2345-67AB\n";
        assert_eq!(letter(quoted).body(), "für Sie: ABCD-EFGH-2345-67AB\n");
        assert_eq!(letter(quoted).invitation_code(), "ABCD-EFGH-2345-67AB");
    }
}
