use super::*;

/// What OpenSSH 9.2 of Debian 12 prints as it is shipped, but for its lists of algorithms.
pub const OPENSSH_9_2: &str = include_str!("openssh-9.2.txt");

/// What OpenSSH 10.0 of Debian 13 prints.
pub const OPENSSH_10_0: &str = include_str!("openssh-10.0.txt");

/// Debian's settings, with these lines in the place of its own.
pub fn debian_with(lines: &[(&str, &str)]) -> Settings {
    let mut text = OPENSSH_9_2.to_owned();
    for (keyword, value) in lines {
        let start = text.find(&format!("\n{keyword} ")).expect("Debian has it") + 1;
        let end = text[start..].find('\n').unwrap() + start;
        text.replace_range(start..end, &format!("{keyword} {value}"));
    }
    Settings::parse(&text).unwrap()
}

#[test]
fn what_sshd_prints_is_read_of_debian_12_and_13() {
    for text in [OPENSSH_9_2, OPENSSH_10_0] {
        let settings = Settings::parse(text).unwrap();
        assert!(settings.use_pam && settings.password && settings.public_key, "{settings:?}");
        assert!(!settings.keyboard_interactive && !settings.other, "{settings:?}");
        assert_eq!((settings.root, settings.grace_time), (RootLogin::KeysOnly, 120));
        assert!(settings.lists.is_empty(), "{settings:?}");
        assert_eq!(settings.pam_service, "sshd");
        assert_eq!(settings.pid_file.as_deref(), Some(Path::new("/run/sshd.pid")));
    }
}

#[test]
fn the_lists_of_methods_are_kept_in_their_order() {
    let settings = debian_with(&[
        ("kbdinteractiveauthentication", "yes"),
        ("authenticationmethods", "publickey,keyboard-interactive:pam password,hostbased"),
    ]);
    let expected =
        [vec![Method::PublicKey, Method::KeyboardInteractive], vec![Method::Password, Method::Other]];
    let ways: Vec<_> = settings.ways().into_iter().map(|way| way.methods).collect();
    assert_eq!(ways, expected);
    assert!(settings.can_ask());
    let other = debian_with(&[
        ("kbdinteractiveauthentication", "yes"),
        ("authenticationmethods", "keyboard-interactive:bsdauth"),
    ]);
    assert!(!other.can_ask(), "no PAM asks there");
    assert!(!debian_with(&[]).can_ask() && debian_with(&[("kbdinteractiveauthentication", "yes")]).can_ask());
}

#[test]
fn an_answer_that_lacks_a_line_is_no_answer() {
    for keyword in ["kbdinteractiveauthentication", "authenticationmethods", "permitrootlogin"] {
        let text = OPENSSH_9_2.replace(&format!("\n{keyword} "), "\nx ");
        assert!(Settings::parse(&text).unwrap_err().ends_with(&format!("no line {keyword}")));
    }
    let odd = OPENSSH_9_2.replace("logingracetime 120", "logingracetime 2m");
    assert!(Settings::parse(&odd).unwrap_err().contains("odd logingracetime"));
    let without_pam = OPENSSH_9_2.replace("usepam yes\n", "");
    assert!(!Settings::parse(&without_pam).unwrap().use_pam);
}

#[test]
fn a_program_has_its_last_complaint_repeated_and_is_not_waited_for() {
    let shell = |script: &str, longest| run(Path::new("/bin/sh"), &["-c", script], longest);
    let long = Duration::from_secs(30);
    assert_eq!(shell("echo $FOO$(id -u >/dev/null && pwd)", long).unwrap(), "/\n");
    assert_eq!(shell("echo odd line >&2; echo no host keys >&2; exit 1", long).unwrap_err(), "no host keys");
    assert!(shell("exit 1", long).unwrap_err().ends_with("does not say why"));
    assert_eq!(shell("head -c 900000 /dev/zero", long).unwrap().len(), 256 * 1024);
    let hangs = shell("exec sleep 60", Duration::from_millis(300));
    assert_eq!(hangs.unwrap_err(), "it did not answer within 0 s");
    assert!(run(Path::new("/no/such/sshd"), &[], long).unwrap_err().starts_with("it cannot be run: "));
}

#[test]
fn only_the_directory_of_sshd_itself_is_made() {
    assert_eq!(make_missing_directory("no hostkeys available"), Ok(false));
    assert_eq!(make_missing_directory("Missing privilege separation directory: /etc/x"), Ok(false));
}
