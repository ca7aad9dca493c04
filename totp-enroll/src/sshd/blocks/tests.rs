use super::*;
use proptest::prelude::*;

struct Root(tempfile::TempDir);

impl Root {
    fn with(files: &[(&str, &str)]) -> Self {
        let root = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = root.path().join("etc/ssh").join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        Self(root)
    }

    fn files(&self) -> Files {
        read_below(self.0.path())
    }

    fn asked(&self, users: &[&str]) -> Vec<String> {
        let users: Vec<_> = users.iter().map(|&user| user.to_owned()).collect();
        let members = |group: &str| if group == "admins" { vec!["alice".to_owned()] } else { Vec::new() };
        let connections = self.files().connections(&users, members);
        connections.iter().map(|one| format!("{} {} {}", one.user, one.address, one.port)).collect()
    }
}

const GENERAL: [&str; 2] = ["somebody 203.0.113.1 22", "root 203.0.113.1 22"];

#[test]
fn without_a_block_that_decides_sshd_is_asked_in_general_and_about_root() {
    let root = Root::with(&[("sshd_config", "UsePAM yes\nMatch User anoncvs\n\tX11Forwarding no\n")]);
    assert_eq!(root.asked(&["bob"]), GENERAL);
}

#[test]
fn whom_a_block_means_sshd_is_asked_about() {
    let root = Root::with(&[
        (
            "sshd_config",
            "Include /etc/ssh/sshd_config.d/*.conf\nmatch address 10.0.0.0/8,!10.1.0.0/16\n PasswordAuthentication=yes\nMatch Group admins\n AuthenticationMethods publickey\n",
        ),
        (
            "sshd_config.d/10-b.conf",
            "Match User backup,adm-*,!eve LocalPort 2222\n KbdInteractiveAuthentication no # here\n",
        ),
        ("sshd_config.d/README", "Match User nobody\nPermitRootLogin yes\n"),
    ]);
    let expected = [
        "backup 203.0.113.1 2222",
        "adm-x 203.0.113.1 2222",
        "somebody 10.0.0.0 22",
        "root 10.0.0.0 22",
        "bob 10.0.0.0 22",
        "alice 203.0.113.1 22",
    ];
    assert_eq!(root.asked(&["bob"]), [&GENERAL[..], &expected].concat());
    assert_eq!(root.files().troubles, [] as [&str; 0]);
}

#[test]
fn an_address_is_made_up_for_a_pattern() {
    let lines = "Match Address *,!10.0.0.0/8\nPermitRootLogin no\nMatch Address 10.*,192.168.1.?,fe80:*,2001:db8::/32 User a\nPermitRootLogin no\n";
    let root = Root::with(&[("sshd_config", lines)]);
    let made_up = ["a 10.1 22", "a 192.168.1.1 22", "a fe80::1 22", "a 2001:db8:: 22"];
    assert_eq!(root.asked(&[]), [&GENERAL[..], &made_up].concat());
}

#[test]
fn what_is_not_looked_at_is_told() {
    let mut lines = String::from("Match Host *.example.org\n  AuthenticationMethods publickey\n");
    for number in 0..100 {
        lines += &format!("Match User u{number}\nAuthenticationMethods publickey\n");
    }
    let root = Root::with(&[("sshd_config", &format!("Include a*/b\n{lines}"))]);
    let mut files = root.files();
    assert_eq!(files.connections(&[], |_| Vec::new()).len(), MOST_CONNECTIONS);
    let told = files.troubles.join("\n");
    for part in ["Include a*/b", "/etc/ssh/sshd_config line 2: whom \"Match host\" means", "only 64 kinds"] {
        assert!(told.contains(part), "{part}: {told}");
    }
    let none = Root::with(&[]);
    assert!(none.files().troubles[0].starts_with("/etc/ssh/sshd_config cannot be read"));
    let circle = Root::with(&[("sshd_config", "Include sshd_config\n")]);
    assert!(circle.files().troubles[0].contains("too deeply"));
}

proptest! {
    #[test]
    fn any_text_is_read(text in "(\\PC|\n|Match |User |=|\"|\\*|a,b| ){0,40}") {
        let root = Root::with(&[("sshd_config", &text)]);
        let _ = root.asked(&[]);
    }
}
