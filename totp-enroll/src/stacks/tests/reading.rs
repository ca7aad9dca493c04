//! Which files are read, and what is found in them.

use super::*;
use proptest::prelude::*;
use std::os::unix::fs::symlink;

fn names(stacks: &Stacks) -> Vec<&str> {
    stacks.services.iter().map(|service| service.name.as_str()).collect()
}

const WHOLE: &str =
    "auth required pam_totp.so setup\naccount required pam_totp.so\nsession required pam_totp.so\n";

#[test]
fn a_service_sets_up_with_the_argument_and_all_three_lines() {
    let stacks = stacks(&[
        ("etc/pam.d/whole", &format!("auth optional pam_totp.so begin\n{WHOLE}")),
        ("etc/pam.d/no-word", &WHOLE.replace(" setup", " policy=/etc/other.toml")),
        ("etc/pam.d/no-session", &WHOLE.replace("session", "password")),
        ("etc/pam.d/no-auth", &WHOLE.replace("auth ", "password ")),
        ("etc/pam.d/none", "auth required pam_unix.so\n"),
    ]);
    assert_eq!(names(&stacks), ["no-auth", "no-session", "no-word", "whole"]);
    assert!(stacks.troubles.is_empty(), "{stacks:?}");
    let service = |name| stacks.service(name).unwrap();
    assert!(service("WHOLE").sets_up() && service("whole").policy().is_none());
    assert_eq!(service("no-word").lacks(), ["the argument setup on its auth line"]);
    assert_eq!(service("no-word").policy(), Some("/etc/other.toml"));
    assert_eq!(service("no-session").lacks(), ["a session line"]);
    assert_eq!(service("no-auth").lacks(), ["an auth line"]);
}

#[test]
fn the_distributions_stacks_count_where_the_administrator_has_none() {
    let stacks = stacks(&[
        ("usr/lib/pam.d/sshd", WHOLE),
        ("usr/lib/pam.d/su", WHOLE),
        ("etc/pam.d/su", "auth required pam_unix.so\n"),
        ("etc/pam.d/login", "auth include ours\n"),
        ("usr/lib/pam.d/ours", WHOLE),
    ]);
    assert_eq!(names(&stacks), ["login", "ours", "sshd"]);
    let login = stacks.service("login").unwrap();
    assert!(login.auth.is_some() && !login.account && !login.session, "only its auth lines are included");
}

#[test]
fn included_files_are_followed_by_kind() {
    let stacks = stacks(&[
        ("etc/pam.d/all", "@include common\n"),
        ("etc/pam.d/some", "account substack common\nsession include /etc/pam.d/common\n"),
        ("etc/pam.d/common", "@include deeper\n"),
        ("etc/pam.d/deeper", WHOLE),
    ]);
    assert!(stacks.service("all").unwrap().sets_up());
    let some = stacks.service("some").unwrap();
    assert!(some.auth.is_none() && some.account && some.session);
}

#[test]
fn the_arguments_of_the_first_auth_line_count() {
    let text = "auth required pam_totp.so echo\nauth required pam_totp.so setup\n";
    let stacks = stacks(&[("etc/pam.d/su", text)]);
    assert_eq!(stacks.service("su").unwrap().auth, Some(vec!["echo".to_owned()]));
}

#[test]
fn a_circle_of_files_ends_and_is_told() {
    let mut files = vec![
        ("etc/pam.d/a".to_owned(), format!("@include b\n{WHOLE}")),
        ("etc/pam.d/b".to_owned(), "@include a\n".to_owned()),
    ];
    for depth in 0..40 {
        files.push((format!("etc/pam.d/deep{depth}"), format!("@include deep{}\n", depth + 1)));
    }
    files.push(("etc/pam.d/deep40".to_owned(), WHOLE.to_owned()));
    let files: Vec<_> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let stacks = stacks(&files);
    assert!(stacks.service("a").unwrap().sets_up());
    assert!(stacks.service("deep0").is_none() && stacks.service("deep40").is_some());
    assert!(
        stacks
            .troubles
            .iter()
            .any(|line| line.starts_with("/etc/pam.d/a cannot be read: it includes itself"))
    );
}

#[test]
fn one_file_counts_only_where_libpam_reads_it() {
    let text = "sshd auth required pam_totp.so setup\nSSHD account required pam_totp.so\nsshd session required pam_totp.so\nsu auth required pam_unix.so\n";
    let alone = stacks(&[("etc/pam.conf", text)]);
    assert_eq!(names(&alone), ["sshd"]);
    assert!(alone.service("sshd").unwrap().sets_up() && alone.troubles.is_empty());
    let beside = stacks(&[("etc/pam.conf", text), ("etc/pam.d/su", "")]);
    assert!(beside.services.is_empty());
    assert!(
        beside.troubles[0].starts_with("/etc/pam.conf names pam_totp.so for sshd, but libpam"),
        "{beside:?}"
    );
}

#[test]
fn what_packages_and_editors_leave_behind_is_no_service() {
    for name in [
        "su.dpkg-dist",
        "su.dpkg-old",
        "su~",
        "su.rpmnew",
        "su.rpmsave",
        "su.pacnew",
        "su.ucf-old",
        "su.bak",
        ".su.swp",
        ".su",
        "#su#",
        "SU",
    ] {
        let path = format!("etc/pam.d/{name}");
        assert_eq!(stacks(&[(&path, WHOLE)]), Stacks::default(), "{name}");
    }
    assert_eq!(
        names(&stacks(&[("etc/pam.d/gdm-password", WHOLE), ("etc/pam.d/a.b", WHOLE)])),
        ["a.b", "gdm-password"]
    );
}

#[test]
fn what_cannot_be_read_is_told_and_the_rest_is_read() {
    let root = host(&[("etc/pam.d/good", WHOLE), ("etc/pam.d/lost", "@include nowhere\n")]);
    let directory = root.path().join("etc/pam.d");
    nix::unistd::mkfifo(&directory.join("fifo"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    symlink("nowhere-either", directory.join("dangling")).unwrap();
    symlink("good", directory.join("link")).unwrap();
    fs::write(directory.join("bytes"), [&b"\xff\xfe\n"[..], WHOLE.as_bytes()].concat()).unwrap();
    fs::write(directory.join("huge"), vec![b'#'; 1024 * 1024 + 1]).unwrap();
    fs::create_dir(directory.join("directory")).unwrap();
    let stacks = read_below(root.path());
    assert_eq!(names(&stacks), ["bytes", "good", "link"]);
    let told = stacks.troubles.join("\n");
    for file in ["fifo", "dangling", "huge", "nowhere"] {
        assert!(told.contains(&format!("/etc/pam.d/{file} cannot be read: ")), "{file}: {told}");
    }
    assert_eq!(stacks.troubles.len(), 4, "{told}");
}

#[test]
fn a_host_without_stacks_has_no_services() {
    assert_eq!(stacks(&[]), Stacks::default());
}

#[test]
fn other_stands_in_for_the_kinds_of_lines_that_a_service_lacks() {
    let other = "auth required pam_unix.so\naccount required pam_totp.so\nsession required pam_totp.so\n";
    let auth = "auth required pam_unix.so\nauth required pam_totp.so setup\n";
    let read = stacks(&[
        ("etc/pam.d/other", other),
        ("etc/pam.d/su", auth),
        ("etc/pam.d/ftp", "auth required pam_unix.so\n"),
    ]);
    assert!(read.service("su").unwrap().sets_up(), "{read:#?}");
    assert_eq!(names(&read), ["other", "su"], "only its own lines make a service one with the module");
}

#[test]
fn other_that_cannot_be_read_spoils_every_service() {
    let read = stacks(&[("etc/pam.d/other", "auth required \\\n"), ("etc/pam.d/su", WHOLE)]);
    assert_eq!(read.service("su").unwrap().faults, [Fault::Unusable], "libpam reads it for each of them");
    assert!(read.troubles[0].starts_with("/etc/pam.d/other cannot be read: its last line"), "{read:#?}");
}

#[test]
fn debians_library_looks_for_included_files_beside_the_administrators_alone() {
    let files = [
        ("etc/pam.d/su", "auth include ours\n"),
        ("usr/lib/pam.d/ours", WHOLE),
        ("etc/debian_version", "13.1\n"),
    ];
    assert!(stacks(&files[..2]).service("su").is_some());
    let debian = stacks(&files);
    assert!(debian.service("su").is_none(), "{debian:#?}");
    assert!(debian.troubles[0].starts_with("/etc/pam.d/ours cannot be read: "), "{debian:#?}");
}

proptest! {
    #[test]
    fn any_stack_is_judged(
        lines in proptest::collection::vec(
            "(auth|account|session|-auth|@include|x) (required|sufficient|\\[[a-z_=0-9 ]{0,20}\\]|include|substack) (pam_totp.so|pam_x.so|su|a|b)( begin| setup)?",
            0..12,
        ),
    ) {
        let text = lines.join("\n");
        let read = stacks(&[("etc/pam.d/su", &text), ("etc/pam.d/a", &text), ("etc/pam.d/b", WHOLE)]);
        for service in &read.services {
            service.faults.iter().for_each(|fault| assert!(!fault.of_service("su").is_empty()));
        }
    }
}
