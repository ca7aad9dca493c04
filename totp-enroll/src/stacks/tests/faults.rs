//! Each fault, put into each distribution's set.

use super::shapes::{self, Shape};
use super::*;

/// Changes one file of a set; the text must be there.
fn change(shape: &mut Shape, service: &str, old: &str, new: &str) {
    let text = shape.get_mut(&format!("etc/pam.d/{service}")).unwrap();
    assert!(text.contains(old), "{service} has `{old}`: {text}");
    *text = text.replacen(old, new, 1);
}

/// What is said of a service.
fn told(shape: &Shape, service: &str) -> String {
    let read = shapes::read(shape);
    let service = read.service(service).unwrap();
    service.faults.iter().map(|fault| fault.of_service(&service.name) + "\n").collect()
}

/// In each distribution's set, the change makes something be said of the service that holds all these parts,
/// and of no other service that does not include its file.
fn is_told(service: &str, changes: &[(&str, &str)], parts: &[&str]) {
    for (name, mut shape) in shapes::all() {
        for (old, new) in changes {
            change(&mut shape, service, old, new);
        }
        let told = told(&shape, service);
        assert_eq!(told.lines().count(), 1, "{name}: {told}");
        for part in parts {
            assert!(told.contains(part), "{name}: `{part}` in {told}");
        }
        let read = shapes::read(&shape);
        let others = read.services.iter().filter(|other| !other.name.starts_with(service));
        assert!(others.into_iter().all(|other| other.faults.is_empty()), "{name}: {read:#?}");
    }
}

const BEGIN: &str = "auth optional pam_totp.so begin\n";
const CODE: &str = "auth required pam_totp.so setup\n";
const ACCOUNT: &str = "account required pam_totp.so\n";
const SESSION: &str = "session required pam_totp.so\n";

#[test]
fn a_module_that_is_sufficient_above_the_code_lets_past_it() {
    // With `setup` or without.
    let code = "auth required pam_totp.so";
    let above = format!("auth sufficient pam_unix.so\n{code}");
    for service in ["sshd", "sudo", "su", "login", "polkit-1"] {
        is_told(
            service,
            &[(BEGIN, ""), (code, &above)],
            &[
                "asks for a code, but sufficient pam_unix.so (line ",
                &format!(" of /etc/pam.d/{service}) lets past it"),
            ],
        );
    }
}

#[test]
fn a_jump_over_the_code_lets_past_it() {
    let above = format!("auth [success=1 default=ignore] pam_access.so\n{CODE}auth required pam_permit.so\n");
    is_told(
        "sshd",
        &[(BEGIN, ""), (CODE, &above)],
        &["but [success=1 default=ignore] pam_access.so (line ", "lets past it"],
    );
}

#[test]
fn an_included_file_that_ends_the_stack_lets_past_the_code() {
    for (name, mut shape) in shapes::all() {
        shape.insert("etc/pam.d/key".to_owned(), "auth sufficient pam_u2f.so cue\n".to_owned());
        change(&mut shape, "sshd", BEGIN, "");
        change(&mut shape, "sshd", CODE, &format!("auth include key\n{CODE}"));
        let lets_past = told(&shape, "sshd");
        assert!(
            lets_past.contains("but sufficient pam_u2f.so (line 1 of /etc/pam.d/key) lets past it"),
            "{name}: {lets_past}"
        );
        change(&mut shape, "sshd", "include key", "substack key");
        assert_eq!(told(&shape, "sshd"), "", "{name}: a substack ends itself alone");
    }
}

#[test]
fn rhels_common_file_included_in_place_of_a_substack_lets_past_the_code() {
    let mut shape = shapes::rhel();
    change(&mut shape, "sudo", "auth substack", "auth include");
    change(&mut shape, "sudo", BEGIN, "");
    for service in ["sudo", "sudo-i"] {
        let told = told(&shape, service);
        for line in ["sufficient pam_unix.so (line 6 of", "sufficient pam_sss.so (line 8 of"] {
            assert!(told.contains(&format!("but {line} /etc/pam.d/system-auth) lets past it")), "{told}");
        }
    }
}

#[test]
fn with_begin_whoever_gets_past_the_code_is_refused_unless_that_is_meant() {
    let above = format!("auth sufficient pam_u2f.so\n{CODE}");
    let changes = [(CODE, above.as_str())];
    is_told(
        "sshd",
        &changes,
        &["refuses whoever needs a code and gets past it by sufficient pam_u2f.so (line "],
    );
    let meant = [(CODE, above.as_str()), (ACCOUNT, "account required pam_totp.so skippable\n")];
    is_told("sshd", &meant, &["other modules may stand in for the code: sufficient pam_u2f.so (line "]);
}

#[test]
fn skippable_where_nothing_gets_past_the_code_is_told() {
    let line = "account required pam_totp.so skippable\n";
    is_told("sshd", &[(ACCOUNT, line)], &["and yet required pam_totp.so (line ", "says `skippable`"]);
}

#[test]
fn begin_below_what_skips_the_code_does_not_help() {
    let above = format!("auth sufficient pam_u2f.so\n{BEGIN}");
    is_told("sshd", &[(BEGIN, &above)], &["but sufficient pam_u2f.so (line ", "lets past it"]);
}

#[test]
fn begin_above_what_root_skips_the_code_by_refuses_root() {
    let rootok = "auth sufficient pam_rootok.so\n";
    let (right, wrong) = (format!("{rootok}{BEGIN}"), format!("{BEGIN}{rootok}"));
    is_told(
        "su",
        &[(&right, &wrong)],
        &["refuses root, too: `begin` stands above sufficient pam_rootok.so (line "],
    );
}

#[test]
fn a_server_of_roots_is_root_to_pam_rootok() {
    let above = format!("auth sufficient pam_rootok.so\n{BEGIN}");
    is_told("sshd", &[(BEGIN, &above)], &["but sufficient pam_rootok.so (line ", "lets past it"]);
    is_told("login", &[(BEGIN, &above)], &["but sufficient pam_rootok.so (line ", "lets past it"]);
}

#[test]
fn a_denial_that_does_not_count_is_told() {
    for control in
        ["optional", "[success=ok default=ignore]", "sufficient", "[success=ok auth_err=bad default=ignore]"]
    {
        let line = format!("auth {control} pam_totp.so setup\n");
        // With Debian's pam_group behind it, which success would skip: that is no fault.
        is_told(
            "sshd",
            &[(CODE, &line)],
            &["goes on after a wrong code, because of ", &format!("{control} pam_totp.so")],
        );
        is_told(
            "sshd",
            &[(CODE, &line), (ACCOUNT, ""), (SESSION, ""), (BEGIN, "")],
            &["but lets in with a wrong one: ", &format!("{control} pam_totp.so")],
        );
    }
}

#[test]
fn a_stack_in_which_no_code_lets_in_is_told() {
    let below = format!("auth required pam_deny.so\n{CODE}");
    is_told("sshd", &[(CODE, &below)], &["lets nobody in who needs a code: its auth stack denies"]);
    let deny = format!("{ACCOUNT}account required pam_deny.so\n");
    is_told("sshd", &[(ACCOUNT, &deny)], &["lets nobody in who needs a code: its account stack denies"]);
}

#[test]
fn an_account_line_below_what_ends_the_stack_is_skipped() {
    for (name, mut shape) in shapes::all() {
        change(&mut shape, "sshd", ACCOUNT, "");
        let (last, by) = if name == "RHEL 9" {
            (
                "account include password-auth\n",
                "sufficient pam_localuser.so (line 13 of /etc/pam.d/password-auth)",
            )
        } else {
            (
                "@include common-account\n",
                "[success=1 new_authtok_reqd=done default=ignore] pam_unix.so (line 1 of /etc/pam.d/common-account)",
            )
        };
        change(&mut shape, "sshd", last, &format!("{last}{ACCOUNT}"));
        let told = told(&shape, "sshd");
        assert!(
            told.contains(&format!("its account line of pam_totp.so is skipped by {by}")),
            "{name}: {told}"
        );
    }
}

#[test]
fn an_expired_password_does_not_hide_the_denial_of_the_account_line() {
    // libpam keeps the first failure, and an application goes on after this one.
    let above = format!("account [default=bad success=ok user_unknown=ignore] pam_sss.so\n{ACCOUNT}");
    is_told(
        "sshd",
        &[(ACCOUNT, &above)],
        &["a denial of required pam_totp.so (line ", "does not end the account stack"],
    );
    let required = format!("account required pam_sss.so\n{ACCOUNT}");
    for (name, mut shape) in shapes::all() {
        change(&mut shape, "sshd", ACCOUNT, &required);
        assert_eq!(told(&shape, "sshd"), "", "{name}");
    }
}

#[test]
fn account_and_session_lines_must_count() {
    is_told(
        "sshd",
        &[(ACCOUNT, "account optional pam_totp.so\n")],
        &["a denial of optional pam_totp.so", "account stack"],
    );
    is_told(
        "sshd",
        &[(SESSION, "session optional pam_totp.so\n")],
        &["a denial of optional pam_totp.so", "session stack"],
    );
    let jump = format!("session [success=1 default=ignore] pam_succeed_if.so user = admin\n{SESSION}");
    is_told(
        "sshd",
        &[(SESSION, &jump)],
        &["its session line of pam_totp.so is skipped by [success=1 default=ignore] pam_succeed_if.so"],
    );
}

#[test]
fn each_denial_of_the_account_and_session_lines_must_count() {
    for (kind, line) in [("account", ACCOUNT), ("session", SESSION)] {
        for denial in ["perm_denied", "user_unknown", "authinfo_unavail"] {
            let control = format!("[success=ok ignore=ignore {denial}=ignore default=bad] pam_totp.so");
            let told = format!("a denial of {control}");
            is_told("login", &[(line, &format!("{kind} {control}\n"))], &[&told, &format!("{kind} stack")]);
        }
    }
}

#[test]
fn an_account_line_that_is_silent_about_an_unusable_policy_refuses_nobody() {
    let text = "auth optional pam_totp.so begin\nauth sufficient pam_unix.so\nauth required pam_totp.so\n\
        account [success=ok ignore=ignore user_unknown=ignore authinfo_unavail=ignore default=bad] pam_totp.so\n\
        account required pam_unix.so\nsession required pam_unix.so\n";
    let read = stacks(&[("etc/pam.d/login", text)]);
    let told: Vec<_> = read.services[0].faults.iter().map(|fault| fault.of_service("login")).collect();
    for part in
        ["but sufficient pam_unix.so (line 2 of /etc/pam.d/login) lets past it", "a denial of [success=ok "]
    {
        assert!(told.iter().any(|told| told.contains(part)), "{told:?}");
    }
}

#[test]
fn begin_without_an_account_line_has_no_effect() {
    is_told("sshd", &[(ACCOUNT, ""), (SESSION, "")], &["`begin` has no effect without"]);
}

#[test]
fn a_stack_with_lines_of_the_module_that_asks_nobody_is_told() {
    let refused = "no auth line asks for the code, and whoever needs one is refused by the account line";
    let gets_in = "no auth line asks for the code, and whoever needs one gets in without it";
    is_told("login", &[(CODE, "")], &[refused]);
    is_told("login", &[(BEGIN, ""), (CODE, "")], &[gets_in]);
    is_told("login", &[(BEGIN, ""), (CODE, ""), (ACCOUNT, "")], &[gets_in]);
    is_told("login", &[(BEGIN, ""), (CODE, ""), (SESSION, "")], &[gets_in]);
}

#[test]
fn begin_on_the_line_that_asks_is_told() {
    for argument in
        ["setup", "require_key", "try_first_pass", "use_first_pass", "forward_pass", "echo", "prompt=Code:"]
    {
        let line = format!("auth optional pam_totp.so begin {argument}\n");
        let told = format!("\"{argument}\" has no effect beside it on optional pam_totp.so (line ");
        is_told("login", &[(BEGIN, &line)], &[&told, "write `begin` on a line of its own"]);
    }
    for (name, mut shape) in shapes::all() {
        change(&mut shape, "login", BEGIN, "");
        change(&mut shape, "login", CODE, "auth required pam_totp.so begin setup\n");
        let told = told(&shape, "login");
        assert!(
            told.contains("no auth line asks") && told.contains("\"setup\" has no effect"),
            "{name}: {told}"
        );
    }
}

/// sshd's auth lines for a key and a code.
fn key_and_code(auth: &str, account: &str) -> Vec<String> {
    let text = format!("{auth}{account}account required pam_permit.so\nsession required pam_permit.so\n");
    let read = stacks(&[("etc/pam.d/sshd", &text)]);
    read.services[0].faults.iter().map(|fault| fault.of_service("sshd")).collect()
}

#[test]
fn key_and_code_without_require_key_let_in_by_less() {
    let old = "auth required pam_totp.so\nauth required pam_permit.so\n";
    let told = key_and_code(old, ACCOUNT).join("\n");
    assert!(
        told.contains("lets in whoever is not asked for a code, with nothing at all")
            && told.contains("require_key"),
        "{told}"
    );
    let alone = key_and_code("auth required pam_totp.so\n", ACCOUNT).join("\n");
    assert!(alone.contains("asks for the code and for nothing else"), "{alone}");
    assert!(alone.contains("refuses whoever is not asked for a code"), "{alone}");
    assert_eq!(key_and_code("auth required pam_totp.so require_key\n", ACCOUNT), [""; 0]);
    let with_begin = format!("{BEGIN}auth required pam_totp.so require_key setup\n");
    assert_eq!(key_and_code(&with_begin, ACCOUNT), [""; 0]);
}

#[test]
fn arguments_that_do_nothing_are_told() {
    is_told(
        "sshd",
        &[(CODE, "auth required pam_totp.so set_up\n")],
        &["does not know the argument \"set_up\"", "did you mean \"setup\"?"],
    );
    is_told(
        "sshd",
        &[(ACCOUNT, "account required pam_totp.so begin\n")],
        &["\"begin\" has no effect on ", "it belongs on the auth line"],
    );
    is_told(
        "sshd",
        &[(CODE, "auth required pam_totp.so setup policy=/etc/x.toml\n")],
        &["name different policies: /etc/x.toml, that of the system"],
    );
}

#[test]
fn a_file_that_cannot_be_included_lets_nobody_in() {
    for (name, mut shape) in shapes::all() {
        change(&mut shape, "sshd", BEGIN, "@include nowhere\n");
        let told = told(&shape, "sshd");
        assert!(told.contains("libpam cannot read this PAM stack"), "{name}: {told}");
    }
}

#[test]
fn a_line_in_a_common_file_is_judged_in_each_service_that_includes_it() {
    let common = "auth sufficient pam_unix.so\nauth required pam_totp.so\n";
    let service = "@include common-auth\naccount required pam_unix.so\n";
    let read =
        stacks(&[("etc/pam.d/common-auth", common), ("etc/pam.d/su", service), ("etc/pam.d/ftp", service)]);
    let names: Vec<_> = read.services.iter().map(|service| service.name.as_str()).collect();
    assert_eq!(names, ["ftp", "su"], "the common file is no service");
    assert!(read.services.iter().all(|service| service.lets_past()), "{read:#?}");
}

#[test]
fn a_service_that_lost_its_lines_is_named() {
    for (name, mut shape) in shapes::all() {
        for service in ["sudo", "polkit-1"] {
            let path = format!("etc/pam.d/{service}");
            let text: String = shape[&path]
                .lines()
                .filter(|line| !line.contains("pam_totp.so"))
                .map(|line| format!("{line}\n"))
                .collect();
            shape.insert(path, text);
        }
        let read = shapes::read(&shape);
        // RHEL's sudo-i includes sudo.
        let expected: &[&str] =
            if name == "RHEL 9" { &["polkit-1", "sudo", "sudo-i"] } else { &["polkit-1", "sudo"] };
        assert_eq!(read.without_code, expected, "{name}");
    }
    let mut shape = shapes::debian_13();
    shape.remove("etc/pam.d/polkit-1");
    assert_eq!(shapes::read(&shape).without_code, ["polkit-1"], "the one of /usr/lib/pam.d counts");
}

#[test]
fn a_program_without_a_stack_is_left_to_other() {
    let mut shape = shapes::debian_13();
    shape.insert("usr/bin/doas".to_owned(), String::new());
    assert_eq!(shapes::read(&shape).without_code, [""; 0]);
    shape.remove("etc/pam.d/doas");
    assert_eq!(shapes::read(&shape).without_code, ["doas"]);
    shape.insert("etc/pam.d/other".to_owned(), "auth required pam_deny.so\n".to_owned());
    assert_eq!(shapes::read(&shape).without_code, [""; 0]);
}

#[test]
fn a_module_that_is_missing_denies_with_the_dash_or_without() {
    for dash in ["", "-"] {
        let text = format!("auth required pam_unix.so\n{dash}auth required pam_totp.so\n");
        let read = stacks(&[("etc/pam.d/su", &text), ("usr/lib/security/pam_unix.so", "")]);
        let told: Vec<_> = read.services[0].faults.iter().map(|fault| fault.of_service("su")).collect();
        assert!(told[0].contains("lets nobody in who needs a code"), "{told:?}");
        assert!(read.troubles[0].contains("libpam looks in /usr/lib/security"), "{read:#?}");
    }
    let text =
        "auth required pam_unix.so\n-auth [module_unknown=ignore default=bad success=ok] pam_totp.so\n";
    let read = stacks(&[("etc/pam.d/su", text), ("usr/lib/security/pam_unix.so", "")]);
    let told: Vec<_> = read.services[0].faults.iter().map(|fault| fault.of_service("su")).collect();
    assert!(
        told.iter().any(|told| told.contains("pam_totp.so (line 2 of /etc/pam.d/su) lets past it")),
        "{told:?}"
    );
}

#[test]
fn hostile_files_are_given_up_soon() {
    let twice = "auth include self\nauth include self\nauth sufficient pam_x.so\n".replace("self", "su");
    let resets: String = (0..400)
        .map(|line| format!("auth [success={line} default=reset ignore=ok auth_err=done] pam_{line}.so\n"))
        .collect();
    let mut files: Vec<(String, String)> = (0..14)
        .map(|file| {
            (
                format!("etc/pam.d/level{file}"),
                format!("auth [a=b] pam_a.so\n{}auth substack level{}\n{}", resets, file + 1, resets),
            )
        })
        .collect();
    files.push(("etc/pam.d/level14".to_owned(), format!("{CODE}{ACCOUNT}")));
    files.push(("etc/pam.d/su".to_owned(), CODE.to_owned() + &twice));
    let files: Vec<_> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let begun = std::time::Instant::now();
    let read = stacks(&files);
    assert!(begun.elapsed().as_secs() < 10, "{:?}", begun.elapsed());
    for service in ["level13", "su"] {
        assert!(read.service(service).unwrap().faults.contains(&Fault::TooMuch), "{service}: {read:#?}");
    }
    assert!(read.troubles.iter().any(|trouble| trouble.starts_with("/etc/pam.d/su has more than ")));
}
