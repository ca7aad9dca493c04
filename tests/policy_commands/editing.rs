//! `policy edit`: what an editor leaves behind is checked before it is in force, and nobody overwrites anybody.

use super::{SHIPPED, edit, house, install_editor, must, names, policy, text};
use host::POLICY;

#[test]
fn what_was_edited_is_installed_with_owner_and_mode_kept() {
    let host = house();
    host.must_run(&["chown", "root:games", POLICY]);
    host.must_run(&["chmod", "640", POLICY]);
    let script = "stat -c '%a %U' \"$1\" > /tmp/seen; echo \"$1\" >> /tmp/seen; sed -i 's/^#mode = .*/mode = \"required\"/' \"$1\"";
    let outcome = edit(&host, script, "");
    assert_eq!(outcome.status, 0, "{outcome:?}");
    assert!(outcome.stdout.contains("mode: optional -> required"), "{outcome:?}");
    assert_eq!(text(&host), SHIPPED.replace("#mode = \"optional\"", "mode = \"required\""));
    assert_eq!(host.must_run(&["stat", "-c", "%a %U %G", POLICY]), "640 root games\n");
    assert_eq!(host.read("/tmp/seen"), b"600 root\n/etc/pam_totp/.edit.policy.toml\n");
    assert_eq!(names(&host), "policy.toml\n");
}

#[test]
fn the_editor_is_the_one_the_environment_names() {
    let host = house();
    install_editor(&host, "echo \"$1\" > /tmp/seen; echo '# edited' >> \"$2\"");
    let run = |variables: &[&str]| {
        host.run(&[&["env"], variables, &["totp-enroll", "admin", "policy", "edit"]].concat())
    };
    let outcome = run(&["VISUAL=/tmp/editor  first", "EDITOR=false"]);
    assert_eq!(outcome.status, 0, "{outcome:?}");
    assert_eq!(host.read("/tmp/seen"), b"first\n");
    let outcome = run(&["VISUAL= ", "EDITOR=/tmp/editor second"]);
    assert_eq!(outcome.status, 0, "{outcome:?}");
    assert_eq!(host.read("/tmp/seen"), b"second\n");
    assert_eq!(text(&host), format!("{SHIPPED}# edited\n# edited\n"));
}

#[test]
fn what_does_not_check_is_edited_again_or_discarded() {
    let host = house();
    let bad = "echo 'mode = \"sometimes\"' > \"$1\"";
    for answers in ["", "d\n", "what\n\nd\n"] {
        let outcome = edit(&host, bad, answers);
        assert_eq!(outcome.status, 5, "{answers:?}: {outcome:?}");
        assert!(outcome.stderr.contains(":1: mode: \"sometimes\" is not known"), "{outcome:?}");
        assert!(outcome.stderr.contains("What now? (e)dit again, (d)iscard: "), "{outcome:?}");
        assert_eq!((text(&host), names(&host)), (SHIPPED.to_owned(), "policy.toml\n".to_owned()));
    }
    let mends = "if grep -q sometimes \"$1\"; then echo 'mode = \"optional\"'; else echo 'mode = \"sometimes\"'; fi > \"$1.x\"; mv \"$1.x\" \"$1\"";
    let outcome = edit(&host, mends, "e\n");
    assert_eq!(outcome.status, 0, "{outcome:?}");
    assert_eq!(text(&host), "mode = \"optional\"\n");
    assert_eq!(host.must_run(&["stat", "-c", "%a", POLICY]), "644\n");
    for hostile in [
        "rm \"$1\"",
        "rm \"$1\"; mkfifo \"$1\"",
        "printf '\\377' > \"$1\"",
        "head -c 1000000 /dev/zero > \"$1\"",
    ] {
        let outcome = edit(&host, hostile, "");
        assert_eq!(outcome.status, 5, "{hostile}: {outcome:?}");
        assert_eq!(
            (text(&host), names(&host)),
            ("mode = \"optional\"\n".to_owned(), "policy.toml\n".to_owned())
        );
    }
}

#[test]
fn an_editor_that_fails_or_changes_nothing_leaves_all_as_it_is() {
    let host = house();
    let outcome = edit(&host, "true", "");
    assert_eq!(outcome.status, 0, "{outcome:?}");
    assert!(outcome.stdout.contains("unchanged"), "{outcome:?}");
    let outcome = edit(&host, "echo 'mode = \"disabled\"' > \"$1\"; exit 3", "");
    assert_eq!(outcome.status, 1, "{outcome:?}");
    assert!(outcome.stderr.contains("\"/tmp/editor\" failed"), "{outcome:?}");
    let words = ["env", "EDITOR=/no/such/editor", "totp-enroll", "admin", "policy", "edit"];
    let outcome = host.run(&words);
    assert_eq!(outcome.status, 1, "{outcome:?}");
    assert!(outcome.stderr.contains("/no/such/editor"), "{outcome:?}");
    assert_eq!((text(&host), names(&host)), (SHIPPED.to_owned(), "policy.toml\n".to_owned()));
    assert_eq!(host.times_logged("event=policy"), 0);
}

#[test]
fn a_policy_that_does_not_check_can_be_mended() {
    let host = house();
    host.write(POLICY, "mode = \"sometimes\"\n");
    for words in [&["show"][..], &["get", "mode"], &["set", "mode=required"], &["check"]] {
        let outcome = policy(&host, words);
        assert_eq!((outcome.status, outcome.stdout.as_str()), (5, ""), "{words:?}: {outcome:?}");
        assert!(outcome.stderr.contains("policy.toml:1: mode: \"sometimes\""), "{outcome:?}");
    }
    assert_eq!(edit(&host, "true", "").status, 5);
    assert_eq!(text(&host), "mode = \"sometimes\"\n");
    let outcome = edit(&host, "sed -i s/sometimes/required/ \"$1\"", "");
    assert_eq!(outcome.status, 0, "{outcome:?}");
    assert_eq!(must(&host, &["get", "mode"]), "required\n");
    host.wait_for_log("event=policy result=done reason=repaired by=root");
}

#[test]
fn of_two_administrators_the_second_is_told_at_once() {
    let host = house();
    install_editor(
        &host,
        "touch /tmp/begun; while ! test -e /tmp/go-on; do sleep 0.05; done; echo '# first' >> \"$1\"",
    );
    std::thread::scope(|scope| {
        let first = scope
            .spawn(|| host.run(&["env", "EDITOR=/tmp/editor", "totp-enroll", "admin", "policy", "edit"]));
        host.wait_until("the editor begins", |host| host.has("/tmp/begun"));
        for words in [&["set", "mode=required"][..], &["edit"]] {
            let outcome = policy(&host, words);
            assert_eq!(outcome.status, 1, "{words:?}: {outcome:?}");
            assert!(outcome.stderr.contains("somebody else is editing"), "{outcome:?}");
        }
        assert_eq!(must(&host, &["get", "mode"]), "optional\n");
        host.write("/tmp/go-on", "");
        let outcome = first.join().expect("it ends");
        assert_eq!(outcome.status, 0, "{outcome:?}");
    });
    assert_eq!(text(&host), format!("{SHIPPED}# first\n"));
    assert_eq!(names(&host), "policy.toml\n");
}

#[test]
fn what_a_plain_editor_wrote_meanwhile_stands_and_the_copy_is_kept() {
    let host = house();
    let script = format!("echo '# theirs' >> {POLICY}; echo '# ours' >> \"$1\"");
    for number in 1..=2 {
        let before = text(&host);
        let outcome = edit(&host, &script, "");
        let kept = format!("{POLICY}.not-installed.{number}");
        assert_eq!(outcome.status, 1, "{outcome:?}");
        assert!(outcome.stderr.contains(&kept), "{outcome:?}");
        assert_eq!(text(&host), format!("{before}# theirs\n"));
        assert_eq!(host.read(&kept), format!("{before}# ours\n").into_bytes());
        assert_eq!(host.must_run(&["stat", "-c", "%a", &kept]), "600\n");
    }
    assert_eq!(names(&host).lines().count(), 3, "{}", names(&host));
}

#[test]
fn a_prompt_that_is_interrupted_leaves_nothing_behind() {
    let host = house();
    install_editor(&host, "echo 'mode = 7' > \"$1\"");
    let words = ["env", "EDITOR=/tmp/editor", "totp-enroll", "admin", "policy", "edit"];
    let terminal = host.terminal("root", &words);
    terminal.shows("What now? (e)dit again, (d)iscard: ");
    terminal.presses("C-c");
    assert_eq!(terminal.exit_status(), 130);
    assert_eq!((text(&host), names(&host)), (SHIPPED.to_owned(), "policy.toml\n".to_owned()));
}
