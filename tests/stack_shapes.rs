//! What `admin policy check` says of whole PAM stacks, and what logins by real programs then meet: the shapes
//! that distributions ship, with the lines of pam_totp put in right, and with each fault.

#![forbid(unsafe_code)]

use host::{Builder, Dialogue, Host, Stack, distributions_stack, with_lines_added};
use std::fs;
use std::path::Path;

const PASSWORD: &str = "Password: ";
const CODE: &str = "Verification code: ";
const BEGIN: &str = "auth optional pam_totp.so begin\n";

/// The file that RHEL 9 calls system-auth and password-auth, without the delay of failures. pam_sss is not on
/// most hosts that run this: a line without its module is part of the shape.
const RHEL_COMMON: &str = "auth required pam_env.so
auth [default=1 ignore=ignore success=ok] pam_usertype.so isregular
auth [default=1 ignore=ignore success=ok] pam_localuser.so
auth sufficient pam_unix.so nullok
auth [default=1 ignore=ignore success=ok] pam_usertype.so isregular
auth sufficient pam_sss.so forward_pass
auth required pam_deny.so
account required pam_unix.so
account sufficient pam_localuser.so
account sufficient pam_usertype.so issystem
account [default=bad success=ok user_unknown=ignore] pam_sss.so
account required pam_permit.so
session required pam_limits.so
-session optional pam_systemd.so
session [success=1 default=ignore] pam_succeed_if.so service in crond quiet use_uid
session required pam_unix.so
session optional pam_sss.so
";

/// A service of RHEL 9 with the lines of pam_totp.
const RHEL_SERVICE: &str = "auth optional pam_totp.so begin
auth substack password-auth
auth required pam_totp.so setup
account required pam_totp.so
account required pam_nologin.so
account include password-auth
session required pam_totp.so
session required pam_loginuid.so
session optional pam_keyinit.so force revoke
session include password-auth
";

/// Debian's common files as pam-auth-update writes them.
const DEBIAN_AUTH: &str = "auth [success=1 default=ignore] pam_unix.so nullok
auth requisite pam_deny.so
auth required pam_permit.so
";
const DEBIAN_ACCOUNT: &str = "account [success=1 new_authtok_reqd=done default=ignore] pam_unix.so
account requisite pam_deny.so
account required pam_permit.so
";

fn rhel(service: &str) -> Builder {
    Host::builder()
        .user("alice", "wonderland")
        .user("bob", "builder")
        .policy("[totp]\nwindow = 10\n")
        .stack("password-auth", Stack::Text(RHEL_COMMON))
        .stack("sshd", Stack::Text(service))
        .stack("su", Stack::Text(service))
}

/// What is said of a service; what else stands in this host's /etc/pam.d is no matter here.
fn checked(host: &Host, service: &str) -> Vec<String> {
    let outcome = host.run(&["totp-enroll", "admin", "policy", "check"]);
    assert_eq!(outcome.status, 0, "{outcome:?}");
    let of_service = |line: &&str| {
        let rest = line.strip_prefix("warning: ").unwrap_or_default();
        let names = rest.split_once(": ").map_or("", |(names, _)| names);
        names.split(", ").any(|name| name == service)
    };
    outcome.stderr.lines().filter(of_service).map(str::to_owned).collect()
}

fn is_told(host: &Host, service: &str, part: &str) {
    let told = checked(host, service);
    assert!(told.iter().any(|line| line.contains(part)), "`{part}` is missing: {told:#?}");
}

fn su(host: &Host) -> Dialogue {
    let mut login = host.dialogue_as("bob", &["su", "alice"]);
    login.answers(PASSWORD, "wonderland");
    login
}

fn is_refused(mut login: Dialogue) {
    let said = login.ends();
    assert!(!said.contains("$ "), "{said}");
}

#[test]
fn a_stack_of_rhels_shape_asks_everybody_and_nothing_is_told_of_it() {
    let host = rhel(RHEL_SERVICE).build();
    assert_eq!((checked(&host, "sshd"), checked(&host, "su")), (vec![], vec![]));
    let mut phone = host.enrol("alice");
    let mut login = host.ssh("alice");
    login.answers(PASSWORD, "wonderland").answers(CODE, &phone.code()).is_let_in_as("alice");
    let mut login = su(&host);
    login.answers(CODE, &phone.code()).is_let_in_as("alice");
    let mut login = su(&host);
    login.answers(CODE, &phone.wrong_code());
    is_refused(login);
    // Who is not set up, and need not be, is not in its way.
    let mut login = host.ssh("bob");
    login.answers(PASSWORD, "builder").is_let_in_as("bob");
    let mut login = host.dialogue_as("bob", &["su", "alice"]);
    login.answers(PASSWORD, "wrong").answers(CODE, &phone.code());
    is_refused(login);
}

#[test]
fn rhels_common_file_included_in_place_of_a_substack_lets_past_the_code() {
    let included = RHEL_SERVICE.replace("auth substack", "auth include");
    let without_begin = included.replace(BEGIN, "");
    let host = rhel(&without_begin).build();
    is_told(&host, "su", "but sufficient pam_unix.so (line 4 of /etc/pam.d/password-auth) lets past it");
    host.enrol("alice");
    su(&host).is_let_in_as("alice");
    let mut login = host.ssh("alice");
    login.answers(PASSWORD, "wonderland").is_let_in_as("alice");

    host.write("/etc/pam.d/su", included);
    is_told(
        &host,
        "su",
        "refuses whoever needs a code and gets past it by sufficient pam_unix.so (line 4 of",
    );
    is_refused(su(&host));
}

#[test]
fn a_jump_or_a_control_word_that_lets_past_the_code_is_told_and_does() {
    let rest = "account required pam_unix.so\nsession required pam_permit.so\n";
    let code = "auth required pam_totp.so\n";
    for (lines, part, asks) in [
        (
            format!("auth [success=1 default=ignore] pam_localuser.so\n{code}auth required pam_permit.so\n"),
            "but [success=1 default=ignore] pam_localuser.so (line 4 of /etc/pam.d/su) lets past it",
            false,
        ),
        ("auth optional pam_totp.so\n".to_owned(), "lets in with a wrong one", true),
        ("auth [success=ok default=ignore] pam_totp.so\n".to_owned(), "lets in with a wrong one", true),
    ] {
        let host = rhel(&format!("{DEBIAN_AUTH}{lines}{rest}")).build();
        is_told(&host, "su", part);
        let phone = host.enrol("alice");
        let mut login = su(&host);
        if asks {
            login.answers(CODE, &phone.wrong_code());
        }
        login.is_let_in_as("alice");
    }
}

#[test]
fn an_expired_password_skips_an_account_line_below_debians_and_not_one_above() {
    let auth = format!("{DEBIAN_AUTH}auth optional pam_totp.so\n");
    let session = "session required pam_permit.so\npassword required pam_unix.so\n";
    let line = "account required pam_totp.so\n";
    let below = format!("{auth}{DEBIAN_ACCOUNT}{line}{session}");
    let above = format!("{auth}{line}{DEBIAN_ACCOUNT}{session}");
    let host = rhel(&below).build();
    is_told(&host, "su", "its account line of pam_totp.so is skipped by [success=1 new_authtok_reqd=done");
    let phone = host.enrol("alice");
    host.must_run(&["chage", "-d", "0", "alice"]);
    let account = |host: &Host| {
        let words = ["pamtester", "su", "alice", "authenticate", "acct_mgmt"];
        host.run_with_input("root", &words, format!("wonderland\n{}\n", phone.wrong_code())).text()
    };
    // What an application takes for "go on, with a new password".
    assert!(account(&host).contains("Authentication token is no longer valid"), "{}", account(&host));
    host.write("/etc/pam.d/su", above);
    let told = checked(&host, "su");
    assert!(told.iter().all(|line| !line.contains("skipped")), "{told:#?}");
    assert!(account(&host).contains("Permission denied"), "{}", account(&host));
}

#[test]
fn begin_above_pam_rootok_keeps_root_out_and_is_told() {
    let rootok = "auth sufficient pam_rootok.so\n";
    let host = rhel(&format!("{rootok}{RHEL_SERVICE}")).build();
    assert_eq!(checked(&host, "su"), [""; 0]);
    host.enrol("alice");
    host.dialogue_as("root", &["su", "alice"]).is_let_in_as("alice");
    host.write("/etc/pam.d/su", RHEL_SERVICE.replace(BEGIN, &format!("{BEGIN}{rootok}")));
    is_told(&host, "su", "refuses root, too: `begin` stands above sufficient pam_rootok.so (line 2 of");
}

#[test]
fn in_sshd_pam_rootok_succeeds_for_everybody_and_that_is_told() {
    let host = rhel(&format!("auth sufficient pam_rootok.so\n{RHEL_SERVICE}")).build();
    host.enrol("alice");
    is_told(&host, "sshd", "but sufficient pam_rootok.so (line 1 of /etc/pam.d/sshd) lets past it");
    host.ssh("alice").is_let_in_as("alice");
}

#[test]
fn in_sudo_pam_rootok_succeeds_for_root_alone_and_nothing_is_told() {
    let text = format!("auth sufficient pam_rootok.so\n{RHEL_SERVICE}");
    let host = rhel(RHEL_SERVICE).stack("sudo", Stack::Text(&text)).build();
    host.write("/etc/sudoers.d/alice", "alice ALL=(ALL) ALL\n");
    assert_eq!(checked(&host, "sudo"), [""; 0]);
    let mut phone = host.enrol("alice");
    let mut sudo = host.dialogue_as("alice", &["sudo", "id", "-un"]);
    sudo.answers("password for alice: ", "wonderland").answers(CODE, &phone.code()).sees("root");
    assert_eq!(sudo.exit_status(), 0, "{}", sudo.seen());
}

#[test]
fn a_key_and_code_stack_without_a_key_lets_in_who_is_not_asked_and_is_told() {
    let rest = "account required pam_totp.so\naccount required pam_unix.so\nsession required pam_totp.so\nsession required pam_permit.so\n";
    let old = format!("auth required pam_totp.so\nauth required pam_permit.so\n{rest}");
    let host = rhel(&old).build();
    is_told(&host, "sshd", "lets in whoever is not asked for a code, with nothing at all");
    host.ssh("bob").is_let_in_as("bob");
    host.write("/etc/pam.d/sshd", format!("auth required pam_totp.so\n{rest}"));
    is_told(&host, "sshd", "asks for the code and for nothing else");
    let mut phone = host.enrol("alice");
    let mut login = host.ssh("alice");
    login.answers(CODE, &phone.code()).is_let_in_as("alice");
    host.write("/etc/pam.d/sshd", format!("auth required pam_totp.so require_key\n{rest}"));
    assert_eq!(checked(&host, "sshd"), [""; 0]);
    let said = host.ssh("bob").ends();
    assert!(!said.contains("$ "), "{said}");
}

/// The stack that this machine's distribution ships, with the lines of config/pam.d.
fn done_right(service: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../config/pam.d").join(service);
    let lines = fs::read_to_string(path).expect("each of these services has a file");
    with_lines_added(&distributions_stack(service), &lines).expect("the lines fit")
}

#[test]
fn this_distributions_own_stacks_with_the_shipped_lines_are_quiet_and_one_without_gives_root() {
    let services = ["sshd", "login", "su", "su-l", "sudo", "sudo-i", "polkit-1"];
    let builder = Host::builder().user("alice", "wonderland").policy("[totp]\nwindow = 10\n");
    let add = |builder: Builder, service: &&str| builder.stack(service, Stack::Text(&done_right(service)));
    let host = services.iter().fold(builder, add).build();
    for service in services {
        assert_eq!(checked(&host, service), [""; 0]);
    }
    host.write("/etc/sudoers.d/alice", "Defaults:alice timestamp_timeout=0\nalice ALL=(ALL) ALL\n");
    let mut phone = host.enrol("alice");
    let mut sudo = host.dialogue_as("alice", &["sudo", "-i", "id", "-un"]);
    sudo.answers("password for alice: ", "wonderland").answers(CODE, &phone.code()).sees("root");
    host.write("/etc/pam.d/sudo-i", distributions_stack("sudo-i"));
    is_told(&host, "sudo-i", "gives root without a code (by `sudo -i`)");
    let mut sudo = host.dialogue_as("alice", &["sudo", "-i", "id", "-un"]);
    sudo.answers("password for alice: ", "wonderland").sees("root");
}

#[test]
fn services_without_the_module_are_named_those_that_give_root_first() {
    let plain = format!("{DEBIAN_AUTH}account required pam_permit.so\nsession required pam_permit.so\n");
    let host =
        rhel(RHEL_SERVICE).stack("sudo-i", Stack::Text(&plain)).stack("ftp", Stack::Text(&plain)).build();
    is_told(&host, "sudo-i", "gives root without a code (by `sudo -i`)");
    let outcome = host.run(&["totp-enroll", "admin", "policy", "check"]);
    let last =
        outcome.stderr.lines().find(|line| line.contains("these services authenticate without a code"));
    assert!(last.is_some_and(|line| line.contains(" ftp")), "{outcome:?}");
    let shown = host.run(&["totp-enroll", "admin", "policy", "show", "--json"]).json();
    let services = shown["services_without_code"].to_string();
    assert!(services.contains("\"sudo-i\"") && services.contains("\"ftp\""), "{services}");
}
