//! Policies that are odd files: no regular ones, too large, links, with other line ends, on read-only file systems.

use super::{SHIPPED, edit, house, must, names, policy, text};
use host::POLICY;

#[test]
fn odd_policy_files_are_refused_and_left_alone() {
    let host = house();
    host.must_run(&["mkdir", "/etc/odd"]);
    host.must_run(&["mkdir", "/etc/odd/directory"]);
    host.must_run(&["mkfifo", "/etc/odd/fifo"]);
    host.must_run(&["ln", "-s", "nowhere", "/etc/odd/dangling"]);
    host.write("/etc/odd/bytes", b"# \xff\xfe\nmode = \"optional\"\n");
    host.write("/etc/odd/junk", vec![b'#'; 1024 * 1024]);
    host.write("/etc/odd/broken", "mode = \u{1b}[2J\n");
    let listed =
        || host.must_run(&["sh", "-c", "ls -lA /etc/odd; cat /etc/odd/bytes /etc/odd/broken | od -c"]);
    let before = listed();
    for (file, part) in [
        ("directory", "not a regular file"),
        ("fifo", "not a regular file"),
        ("dangling", "No such file"),
        ("lost", "No such file"),
        ("bytes", "UTF-8"),
        ("junk", "larger than 256 KiB"),
        ("broken", "/etc/odd/broken:1"),
    ] {
        let path = format!("/etc/odd/{file}");
        for words in [&["show"][..], &["get", "mode"], &["set", "mode=required"], &["check"], &["edit"]] {
            if (file, words[0]) == ("broken", "edit") {
                continue;
            }
            let outcome = policy(&host, &[&["--policy", &path], words].concat());
            assert_eq!((outcome.status, outcome.stdout.as_str()), (5, ""), "{file} {words:?}: {outcome:?}");
            assert!(
                outcome.stderr.contains(part) && outcome.stderr.contains(&path),
                "{file} {words:?}: {outcome:?}"
            );
            assert!(!outcome.stderr.contains('\u{1b}'), "{outcome:?}");
        }
    }
    assert_eq!(listed(), before);
}

#[test]
fn a_link_is_followed_and_stays_a_link() {
    let host = house();
    host.must_run(&["mkdir", "/etc/real"]);
    host.must_run(&["mv", POLICY, "/etc/real/ours.toml"]);
    host.must_run(&["ln", "-s", "../real/ours.toml", POLICY]);
    must(&host, &["set", "mode=required"]);
    assert_eq!(edit(&host, "echo '# end' >> \"$1\"", "").status, 0);
    assert_eq!(host.must_run(&["readlink", POLICY]), "../real/ours.toml\n");
    assert!(host.must_run(&["cat", "/etc/real/ours.toml"]).ends_with("# end\n"));
    assert_eq!(host.must_run(&["ls", "-A", "/etc/real"]), "ours.toml\n");
    assert_eq!(names(&host), "policy.toml\n");
}

#[test]
fn line_ends_are_kept() {
    let host = house();
    host.write(POLICY, "# c\r\n[totp]\r\n#digits = 6\r\nwindow = 2 # w\r\n");
    must(&host, &["set", "totp.digits=8", "totp.window=3"]);
    assert_eq!(text(&host), "# c\r\n[totp]\r\n#digits = 6\r\ndigits = 8\r\nwindow = 3 # w\r\n");
    host.write(POLICY, "[totp]\nwindow = 2");
    must(&host, &["set", "totp.digits=8"]);
    assert_eq!(text(&host), "[totp]\nwindow = 2\ndigits = 8");
}

#[test]
fn on_a_read_only_file_system_nothing_is_changed_and_that_is_said() {
    let host = house();
    host.must_run(&["mount", "--bind", "/etc/pam_totp", "/etc/pam_totp"]);
    host.must_run(&["mount", "-o", "remount,bind,ro", "/etc/pam_totp"]);
    for outcome in [policy(&host, &["set", "mode=required"]), edit(&host, "echo '#' >> \"$1\"", "")] {
        assert_eq!((outcome.status, outcome.stdout.as_str()), (1, ""), "{outcome:?}");
        assert!(
            outcome.stderr.contains("Read-only") && outcome.stderr.contains("nothing was changed"),
            "{outcome:?}"
        );
    }
    assert_eq!(text(&host), SHIPPED);
}
