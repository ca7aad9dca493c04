//! A policy that others than root can write, or put another in the place of: no login goes by it, the log says
//! what is open and how it is closed, and so does the tool.

#![forbid(unsafe_code)]

use host::{Host, Outcome, POLICY, Phone, Stack};

const REQUIRED: &str = "mode = \"required\"\n[totp]\nwindow = 10\n";
/// What somebody would write who may.
const DISABLED: &str = "mode = \"disabled\"\n";
const CODE: &str = "Verification code: ";
const OPEN: &str = "permissions too open: ";

fn house() -> (Host, Phone) {
    let host = Host::builder()
        .user("alice", "wonderland")
        .user("bob", "builder")
        .policy(REQUIRED)
        .stack("sshd", Stack::PasswordAndCodeWith("setup"))
        .stack("su", Stack::PasswordAndCode)
        .stack("test", Stack::Code)
        .build();
    let phone = host.enrol("bob");
    (host, phone)
}

/// alice becomes bob by the real su, with this code where she is asked for one.
fn su(host: &Host, code: &str) -> Outcome {
    host.run_with_input("alice", &["su", "bob", "-c", "id -un"], format!("builder\n{code}\n"))
}

fn lets_nobody_in(host: &Host, path: &str, way_out: &str) {
    let before = host.times_logged(way_out);
    let outcome = su(host, "");
    assert!(outcome.status != 0 && !outcome.stdout.contains("bob"), "{way_out}: {outcome:?}");
    assert!(!outcome.text().contains(CODE), "nobody types a code in vain: {outcome:?}");
    host.wait_until("it is logged", |host| host.times_logged(way_out) > before);
    let logged = host.log().into_iter().rfind(|line| line.contains(way_out)).unwrap_or_default();
    for part in ["event=login result=unavailable", "user=bob service=su", path, OPEN] {
        assert!(logged.contains(part), "`{part}` is missing: {logged}");
    }
}

fn asks_and_lets_in(host: &Host, phone: &mut Phone) {
    let outcome = su(host, &phone.code());
    assert!(outcome.status == 0 && outcome.text().contains(CODE), "{outcome:?}");
}

#[test]
fn a_policy_or_a_directory_above_it_that_others_can_write_lets_nobody_in() {
    let (host, mut phone) = house();
    host.add_group("operators", &["alice"]);
    for (mode, owner, path) in [
        ("666", "root:root", POLICY),
        ("664", "root:operators", POLICY),
        ("644", "alice:root", POLICY),
        ("777", "root:root", "/etc/pam_totp"),
        ("775", "root:operators", "/etc/pam_totp"),
        ("755", "alice:root", "/etc/pam_totp"),
        ("757", "root:root", "/etc"),
    ] {
        let before = host.must_run(&["stat", "-c", "%a", path]);
        host.must_run(&["chown", owner, path]);
        host.must_run(&["chmod", mode, path]);
        let command = if owner.starts_with("alice") { "chown root" } else { "chmod go-w" };
        lets_nobody_in(&host, &format!("{POLICY}: the policy is not used"), &format!("`{command} {path}`"));
        host.must_run(&["chown", "root:root", path]);
        host.must_run(&["chmod", before.trim(), path]);
    }
    asks_and_lets_in(&host, &mut phone);
}

#[test]
fn over_ssh_nobody_is_let_in_by_an_open_policy_either() {
    let (host, mut phone) = house();
    host.write(POLICY, DISABLED);
    host.must_run(&["chmod", "666", POLICY]);
    let mut login = host.ssh("bob");
    login.answers("Password: ", "builder");
    login.sees("Permission denied");
    host.wait_for_log("`chmod go-w /etc/pam_totp/policy.toml`");
    host.write(POLICY, REQUIRED);
    host.must_run(&["chmod", "go-w", POLICY]);
    let mut login = host.ssh("bob");
    login.answers("Password: ", "builder");
    login.answers(CODE, &phone.code());
    login.is_let_in_as("bob");
}

#[test]
fn what_only_root_and_its_group_can_write_is_taken() {
    let (host, mut phone) = house();
    host.must_run(&["chmod", "664", POLICY]);
    host.must_run(&["chmod", "775", "/etc/pam_totp"]);
    asks_and_lets_in(&host, &mut phone);
    host.must_run(&["chmod", "400", POLICY]);
    asks_and_lets_in(&host, &mut phone);
}

fn with_policy(path: &str) -> (Host, Phone) {
    let argument = format!("policy={path}");
    let host = Host::builder()
        .user("alice", "wonderland")
        .user("bob", "builder")
        .policy(REQUIRED)
        .stack("su", Stack::PasswordAndCodeWith(&argument))
        .build();
    let phone = host.enrol("bob");
    (host, phone)
}

#[test]
fn in_a_sticky_directory_of_roots_what_is_roots_is_taken() {
    let (host, mut phone) = with_policy("/tmp/there/policy.toml");
    host.must_run(&["install", "-d", "-m", "755", "/tmp/there"]);
    host.write("/tmp/there/policy.toml", REQUIRED);
    asks_and_lets_in(&host, &mut phone);
    host.must_run(&["chown", "alice", "/tmp/there"]);
    lets_nobody_in(&host, "/tmp/there belongs to uid ", "`chown root /tmp/there`");

    let (host, mut phone) = with_policy("/tmp/policy.toml");
    host.write("/tmp/policy.toml", REQUIRED);
    asks_and_lets_in(&host, &mut phone);
    host.must_run(&["rm", "/tmp/policy.toml"]);
    let word = "printf 'mode = \"disabled\"\\n' > /tmp/policy.toml; chmod 600 /tmp/policy.toml";
    assert_eq!(host.run_as("alice", &["sh", "-c", word]).status, 0);
    lets_nobody_in(&host, "/tmp/policy.toml belongs to uid ", "`chown root /tmp/policy.toml`");
    host.must_run(&["rm", "/tmp/policy.toml"]);
    assert_eq!(host.run_as("alice", &["ln", "-s", POLICY, "/tmp/policy.toml"]).status, 0);
    lets_nobody_in(&host, "/tmp/policy.toml belongs to uid ", "`chown -h root /tmp/policy.toml`");
    host.must_run(&["chmod", "777", "/tmp"]);
    lets_nobody_in(&host, "others than root can write /tmp (mode 0777, uid 0, gid 0)", "`chmod go-w /tmp`");
}

#[test]
fn in_a_home_neither_a_file_nor_a_link_is_taken_even_of_roots() {
    for make in [
        "cp -p /etc/pam_totp/policy.toml /home/alice/policy.toml",
        "ln -s /etc/pam_totp/policy.toml /home/alice/policy.toml",
    ] {
        let (host, _) = with_policy("/home/alice/policy.toml");
        host.must_run(&["sh", "-c", make]);
        lets_nobody_in(
            &host,
            "/home/alice belongs to uid ",
            "`chown root /home/alice`, or keep the policy below directories of root's",
        );
    }
}

#[test]
fn a_link_of_roots_is_followed_to_the_end_and_every_directory_counts() {
    let (host, mut phone) = with_policy("/etc/link/policy.toml");
    host.must_run(&["mkdir", "-p", "/var/opt/a/b"]);
    host.must_run(&["ln", "-s", "../var/opt/a/b", "/etc/link"]);
    host.must_run(&["ln", "-s", POLICY, "/var/opt/a/b/policy.toml"]);
    asks_and_lets_in(&host, &mut phone);
    host.must_run(&["chmod", "777", "/var/opt/a"]);
    lets_nobody_in(&host, "others than root can write /var/opt/a (mode 0777", "`chmod go-w /var/opt/a`");
}

#[test]
fn programs_that_run_as_the_user_and_the_helper_go_by_the_policy_as_before() {
    let (host, mut phone) = house();
    let locker = |code: &str| {
        host.run_with_input("bob", &["pamtester", "test", "bob", "authenticate"], format!("{code}\n"))
    };
    assert_eq!(locker(&phone.code()).status, 0);
    assert_ne!(locker(&phone.wrong_code()).status, 0);
    assert_eq!(host.run_as("bob", &["totp-enroll", "status"]).status, 0);
    host.must_run(&["chmod", "666", POLICY]);
    assert_ne!(locker(&phone.code()).status, 0);
    let outcome = host.run_as("bob", &["totp-enroll", "status"]);
    assert!(outcome.status == 5 && outcome.stderr.contains(OPEN), "{outcome:?}");
}

#[test]
fn the_tool_says_how_an_open_policy_is_closed_and_touches_nothing_before() {
    let (host, _) = house();
    host.must_run(&["chmod", "666", POLICY]);
    let policy = |words: &[&str]| host.run(&[&["totp-enroll", "admin", "policy"], words].concat());
    for words in [
        &["show"][..],
        &["get", "mode"],
        &["set", "mode=optional"],
        &["edit"],
        &["check"],
        &["check", "/etc/pam_totp/../pam_totp/policy.toml"],
        &["check", "--as-installed"],
        &["check", "--as-installed", POLICY],
    ] {
        let outcome = policy(words);
        assert_eq!((outcome.status, outcome.stdout.as_str()), (5, ""), "{words:?}: {outcome:?}");
        let way_out = "then run `chmod go-w /etc/pam_totp/policy.toml`";
        assert!(outcome.stderr.contains(OPEN) && outcome.stderr.contains(way_out), "{words:?}: {outcome:?}");
    }
    assert_eq!(host.read(POLICY), REQUIRED.as_bytes());
    assert_eq!(host.must_run(&["ls", "-A", "/etc/pam_totp"]), "policy.toml\n");
    host.must_run(&["chmod", "go-w", POLICY]);
    assert_eq!(policy(&["set", "mode=optional"]).status, 0);
}

#[test]
fn before_an_upgrade_it_is_said_what_that_would_refuse() {
    let (host, _) = house();
    let check = |words: &[&str]| {
        let outcome = host.run(&[&["totp-enroll", "admin", "policy", "check"], words].concat());
        (outcome.status, outcome.stdout, outcome.stderr)
    };
    let (status, stdout, _) = check(&["--as-installed"]);
    assert_eq!((status, stdout.as_str()), (0, ""), "what is told of the stacks goes to standard error");
    // A draft may lie anywhere; as what is installed it may not.
    host.write("/tmp/draft.toml", REQUIRED);
    host.must_run(&["chmod", "666", "/tmp/draft.toml"]);
    assert_eq!(check(&["/tmp/draft.toml"]).0, 0);
    let (status, stdout, stderr) = check(&["/tmp/draft.toml", "--as-installed"]);
    assert_eq!((status, stdout.as_str()), (5, ""));
    assert!(stderr.contains("/tmp/draft.toml (mode 0666, uid 0, gid 0)"), "{stderr}");
    host.write(POLICY, "services = [\"sshd su\"]\n");
    let (status, stdout, stderr) = check(&["--as-installed"]);
    assert_eq!((status, stdout.as_str()), (5, ""));
    assert!(stderr.contains("policy.toml:1: services: \"sshd su\" holds a blank"), "{stderr}");
    host.write(POLICY, "services = [\"sshd\", \"ftp\"]\n");
    let (status, stdout, stderr) = check(&["--as-installed"]);
    assert_eq!((status, stdout.as_str()), (0, ""));
    assert!(stderr.contains("warning: services names the service \"ftp\""), "{stderr}");
    assert_eq!(check(&["--as-installed", "--strict"]).0, 1);
}
