//! The mail that carries an invitation, and the system's sendmail command, which takes it.

use crate::session::Session;
use lettre::Message;
use lettre::message::header::ContentType;
use std::io::{self, Read as _, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};
use totp_core::event::{Event, EventLog as _, Level};
use totp_core::operation::admin::Invited;
use zeroize::Zeroizing;

/// Where systems keep the command; it is not looked for in the caller's PATH.
const SENDMAIL: [&str; 2] = ["/usr/sbin/sendmail", "/usr/lib/sendmail"];
/// How long it may take. The module, which has invitations mailed during logins, waits a little longer.
const LONGEST_CALL: Duration = Duration::from_secs(15);
/// Between two looks at whether it has ended.
const BETWEEN_LOOKS: Duration = Duration::from_millis(10);
/// As much of what sendmail says as is repeated, in bytes.
const LONGEST_WORDS: usize = 300;

/// Hands the invitation to the mail system. The error says what that said.
pub fn send(session: &Session, invited: &Invited, address: &str) -> Result<(), String> {
    let sent = try_to_send(session, invited, address);
    if let Err(why) = &sent {
        let event = Event::new("mail")
            .with("result", &"failed")
            .with("reason", why)
            .with("user", &session.account.name)
            .with("to", &address);
        session.log().event(Level::Error, &event);
    }
    sent
}

fn try_to_send(session: &Session, invited: &Invited, address: &str) -> Result<(), String> {
    let command = command()
        .ok_or("there is no sendmail command; install a mail system, or hand the invitation over")?;
    let host = host_name();
    let sender = format!("root@{host}");
    let (user, until) = (&session.account.name, invited.expires.to_rfc3339());
    // Short lines: a longer one would have the whole text encoded.
    let body = format!(
        "Two-factor login is to be set up for {user} on {host}.\n\n\
         This invitation lets you do it, once, until {until}:\n\n    {}\n\n\
         Log in, and type it when you are asked for a code. Where you are\n\
         logged in already, type this with the invitation in place of CODE:\n\n    \
         totp-enroll enroll --invitation CODE\n\n\
         You need an app for time-based codes (TOTP): an authenticator app on\n\
         a phone, or a password manager that keeps one-time codes.\n\n\
         If you know nothing of this, tell your administrator.\n",
        *invited.code
    );
    let unfit = |error: String| format!("the message cannot be written: {error}");
    let message = Message::builder()
        .from(sender.parse().map_err(|_| unfit(format!("{sender} is no address")))?)
        .to(address.parse().map_err(|_| unfit(format!("{address} is no address")))?)
        .subject(format!("Invitation to set up two-factor login on {host}"))
        .header(ContentType::TEXT_PLAIN)
        .body(body)
        .map_err(|error| unfit(error.to_string()))?;
    let mut sendmail = Command::new(command);
    // What stands behind "--" is no option, whatever it looks like.
    sendmail.args(["-i", "-f", &sender, "--", address]);
    let said = hand_over(sendmail, &Zeroizing::new(message.formatted()), LONGEST_CALL);
    said.map_err(|why| format!("{command} {}", why.replace(invited.code.as_str(), "(the invitation)")))
}

/// The mail system's command, where there is one.
pub fn command() -> Option<&'static str> {
    SENDMAIL.into_iter().find(|path| Path::new(path).exists())
}

/// Runs a command that reads the message. The error says how that ended, and what the command said.
fn hand_over(mut command: Command, message: &[u8], longest: Duration) -> Result<(), String> {
    let failed = |error: io::Error| format!("failed: {error}");
    let mut child = command
        .env_clear()
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    let said = listen(&mut child);
    // A pipe takes a message of this length whole, also from a command that does not read it.
    let written = child.stdin.take().map_or(Ok(()), |mut input| input.write_all(message));
    let deadline = Instant::now().checked_add(longest);
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) if deadline.is_some_and(|deadline| Instant::now() < deadline) => {
                std::thread::sleep(BETWEEN_LOOKS);
            }
            Ok(None) => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(format!("did not end within {} s", longest.as_secs()));
            }
            Err(error) => return Err(failed(error)),
        }
    };
    if status.success() {
        return written.map_err(failed);
    }
    // What it started in the background may hold its standard error open.
    let said = said.recv_timeout(Duration::from_secs(1)).unwrap_or_default();
    let said = said.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or("it does not say why");
    Err(format!("refused it ({status}): {said}"))
}

/// Collects what a child says on its standard error.
fn listen(child: &mut Child) -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    if let Some(mut stderr) = child.stderr.take() {
        std::thread::spawn(move || {
            let mut said = Vec::new();
            let _ = stderr.by_ref().take(LONGEST_WORDS as u64).read_to_end(&mut said);
            let _ = sender.send(String::from_utf8_lossy(&said).into_owned());
            // Read to the end, so that nobody dies of saying more.
            let _ = io::copy(&mut stderr, &mut io::sink());
        });
    }
    receiver
}

fn host_name() -> String {
    let name = nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok());
    name.filter(|name| !name.is_empty()).unwrap_or_else(|| "localhost".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(script: &str) -> Result<(), String> {
        run_for(Duration::from_secs(30), script)
    }

    fn run_for(longest: Duration, script: &str) -> Result<(), String> {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        hand_over(command, b"To: alice\n\nhello\n", longest)
    }

    #[test]
    fn a_command_that_takes_the_message_is_content() {
        assert_eq!(run("test \"$(cat)\" = \"$(printf 'To: alice\\n\\nhello')\""), Ok(()));
    }

    #[test]
    fn what_a_command_says_is_why_also_if_it_reads_nothing() {
        for _ in 0..20 {
            let why =
                run("exec <&-; echo; echo 'the queue is full' >&2; echo more >&2; exit 75").unwrap_err();
            assert!(why.starts_with("refused it (") && why.ends_with(": the queue is full"), "{why}");
        }
        assert!(run("exit 1").unwrap_err().ends_with(": it does not say why"));
        let long = run("head -c 200000 /dev/zero | tr '\\0' x >&2; exit 1").unwrap_err();
        assert!(long.len() < 400, "{}", long.len());
    }

    #[test]
    fn a_command_that_hangs_is_not_waited_for() {
        let hangs = run_for(Duration::from_millis(500), "exec sleep 60");
        assert_eq!(hangs, Err("did not end within 0 s".to_owned()));
        let begun = Instant::now();
        assert!(run("sleep 60 & exit 1").is_err());
        assert!(begun.elapsed() < Duration::from_secs(20));
    }
}
