//! Bad input gets a clear error and changes nothing.

#![forbid(unsafe_code)]

use host::{Builder, Host, Outcome, POLICY, PROOF, Phone, STORE, Stack, Terminal, Theme};

const AUTH_ERR: &str = "Authentication failure";
const AUTHINFO_UNAVAIL: &str = "Authentication service cannot retrieve authentication info";
const CREDENTIAL: &str = "/var/lib/pam_totp/alice.toml";
const STATE: &str = "/var/lib/pam_totp/alice.state";

fn required() -> Builder {
    Host::builder()
        .user("alice", "wonderland")
        .policy("mode = \"required\"\n[totp]\nwindow = 10\n")
        .stack("test", Stack::Text("auth required pam_totp.so\n"))
}

fn authenticate(host: &Host, answer: impl AsRef<[u8]>) -> Outcome {
    let input = [answer.as_ref(), b"\n"].concat();
    host.run_with_input("root", &["pamtester", "test", "alice", "authenticate"], input)
}

fn passes(outcome: &Outcome) {
    assert_eq!(outcome.status, 0, "{outcome:?}");
}

fn says(outcome: &Outcome, answer: &str) {
    assert_eq!(outcome.status, 1, "{outcome:?}");
    assert!(outcome.text().contains(answer), "`{answer}` was not the answer: {outcome:?}");
}

fn scan(terminal: &Terminal) -> Phone {
    terminal.asks_for_proof();
    Phone::scan(&terminal.qr(Theme::Dark).expect("a camera reads the QR code")).with_window(10)
}

#[test]
fn odd_answers_are_denied_and_not_counted() {
    let host = required()
        .policy(
            "mode = \"required\"\n[totp]\nwindow = 10\n[throttle]\nfree_failures = 0\nbase_delay = \"10m\"\n",
        )
        .build();
    let mut phone = host.enrol("alice");
    let before = host.store();
    let endless = "1".repeat(5000);
    let almost = "1".repeat(400);
    let odd: [&[u8]; 14] = [
        b"",
        b" ",
        b"-",
        b"12345",
        b"123456789",
        endless.as_bytes(),
        almost.as_bytes(),
        "١٢٣٤٥٦".as_bytes(),
        "１２３４５６".as_bytes(),
        b"123\x00456",
        b"%s%s%s%n%n",
        b"%999999d",
        b"\xff\xfe123456",
        b"123456; rm -rf /",
    ];
    for answer in odd {
        says(&authenticate(&host, answer), AUTH_ERR);
        assert_eq!(host.store(), before, "{answer:?} changed the store");
    }
    passes(&authenticate(&host, phone.code()));
}

#[test]
fn an_odd_answer_leaves_no_raw_byte_in_the_log() {
    let host = required().build();
    host.enrol("alice");
    for answer in [&b"\x1b[2J\x07\xff"[..], b"%s%n", b"\r\nevent=login result=accepted"] {
        says(&authenticate(&host, answer), AUTH_ERR);
    }
    for line in host.log() {
        assert!(line.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{line:?}");
        assert!(!line.contains("result=accepted"), "{line}");
    }
}

#[test]
fn five_thousand_digits_over_ssh_are_denied_and_the_server_lives() {
    let host = required().stack("sshd", Stack::PasswordAndCode).build();
    let mut phone = host.enrol("alice");
    let mut login = host.ssh("alice");
    login.answers("Password: ", "wonderland");
    login.answers("Verification code: ", &"7".repeat(3900));
    login.sees("Permission denied");
    let mut login = host.ssh("alice");
    login.answers("Password: ", "wonderland");
    login.answers("Verification code: ", &phone.code());
    login.is_let_in_as("alice");
}

#[test]
fn odd_answers_to_the_tool_are_refused_and_not_counted() {
    let host = required()
        .policy(
            "mode = \"required\"\n[totp]\nwindow = 10\n[throttle]\nfree_failures = 0\nbase_delay = \"10m\"\n",
        )
        .build();
    let mut phone = host.enrol("alice");
    let endless = "1".repeat(5000);
    for answer in [&b""[..], b"%s%n", b"12\x0034", b"\xff\xff", endless.as_bytes(), "١٢٣٤٥٦".as_bytes()]
    {
        let input = [answer, b"\n"].concat();
        let outcome = host.run_with_input("alice", &["totp-enroll", "verify"], input);
        assert_eq!(outcome.status, 1, "{outcome:?}");
        assert!(!outcome.stderr.contains("panicked"), "{outcome:?}");
    }
    passes(&host.run_as("alice", &["totp-enroll", "verify", &phone.code()]));
}

#[test]
fn odd_names_do_not_leave_the_store_and_create_nothing() {
    let host = required().build();
    host.enrol("alice");
    let before = host.store();
    for name in [
        "../alice",
        "alice/../alice",
        ".",
        "..",
        "%s%n",
        "alice.toml",
        "alice\n",
        "\u{1b}[2J",
        "a b",
        "-x",
        "ALICE",
    ] {
        let input = "123456\n";
        let outcome = host.run_with_input("root", &["pamtester", "--", "test", name, "authenticate"], input);
        assert_eq!(outcome.status, 1, "{name:?}: {outcome:?}");
        let admin = host.run(&["totp-enroll", "admin", "enroll", "--json", "--", name]);
        assert_ne!(admin.status, 0, "{name:?}: {admin:?}");
        assert!(!admin.stdout.contains("otpauth"), "{name:?}: {admin:?}");
    }
    assert_eq!(host.store(), before);
    for line in host.log() {
        assert!(line.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{line:?}");
    }
}

#[test]
fn users_with_odd_but_real_names_log_in() {
    for (name, stem) in
        [("eve.adams", "eve.adams"), ("100%sure", "100%25sure"), ("a@example.org", "a@example.org")]
    {
        let host = required().user(name, "secret word").build();
        let mut phone = host.enrol(name);
        let input = format!("{}\n", phone.code());
        passes(&host.run_with_input("root", &["pamtester", "test", name, "authenticate"], input));
        assert!(host.has(&format!("{STORE}/{stem}.toml")), "{:?}", host.store_names());
    }
}

/// A host with alice set up, after something was done to her files as root.
fn sabotaged(script: &str) -> (Host, Phone) {
    let host = required().user("bob", "builder").build();
    let phone = host.enrol("alice");
    let script = format!("cd {STORE} && {script}");
    host.must_run(&["sh", "-e", "-c", &script]);
    (host, phone)
}

#[test]
fn files_that_cannot_be_trusted_are_refused_and_the_log_says_why() {
    for script in [
        "chown bob alice.toml",
        "chown bob alice.state",
        "chmod 644 alice.toml",
        "chmod 620 alice.toml",
        "chmod 640 alice.state",
        "ln alice.toml spare.toml",
        "ln alice.state spare.state",
        "mv alice.toml real && ln -s real alice.toml",
        "mv alice.state real && ln -s real alice.state",
        "ln -sf /etc/shadow alice.toml",
        "rm alice.toml && mkfifo -m 600 alice.toml",
        "rm alice.state && mkfifo -m 600 alice.state",
        "rm alice.toml && mkdir -m 700 alice.toml",
        "rm alice.toml && mknod -m 600 alice.toml c 1 5",
    ] {
        let (host, mut phone) = sabotaged(script);
        let listing = |host: &Host| {
            host.must_run(&["sh", "-c", &format!("cd {STORE} && ls -lA --time-style=full-iso")])
        };
        let before = listing(&host);
        let outcome = authenticate(&host, phone.code());
        assert!(outcome.text().contains(AUTHINFO_UNAVAIL), "{script}: {outcome:?}");
        let file = if script.contains(".state") { "alice.state" } else { "alice.toml" };
        host.wait_for_log(file);
        assert_eq!(listing(&host), before, "{script}");
    }
}

#[test]
fn a_file_of_root_is_as_good_as_one_of_the_stores_owner() {
    let (host, mut phone) = sabotaged("chown root:root alice.toml alice.state");
    passes(&authenticate(&host, phone.code()));
}

#[test]
fn a_credential_that_cannot_be_read_makes_the_service_unavailable() {
    for script in [
        ": >alice.toml",
        "truncate -s 40 alice.toml",
        "truncate -s -20 alice.toml",
        "printf '\\000\\377' >alice.toml",
        "head -c 5000000 /dev/zero >alice.toml",
        "sed -i 's/^version = .*/version = 99/' alice.toml",
        "sed -i 's/^secret = .*/secret = \"!!!\"/' alice.toml",
    ] {
        let (host, mut phone) = sabotaged(script);
        let before = host.store();
        let outcome = authenticate(&host, phone.code());
        assert!(outcome.text().contains(AUTHINFO_UNAVAIL), "{script}: {outcome:?}");
        host.wait_for_log("alice.toml");
        assert_eq!(host.store(), before, "{script}");
    }
}

#[test]
fn with_one_slot_torn_the_other_still_knows_what_was_used() {
    let host = required().build();
    let mut phone = host.enrol("alice");
    let (first, second) = (phone.code(), phone.code());
    passes(&authenticate(&host, &first));
    passes(&authenticate(&host, &second));
    let whole = host.read(STATE);
    assert_eq!(whole.len(), 8192);
    for slot in [0, 4096] {
        let mut torn = whole.clone();
        torn[slot..slot + 2048].fill(0x5a);
        host.write(STATE, &torn);
        says(&authenticate(&host, &first), AUTH_ERR);
        host.write(STATE, &torn);
        passes(&authenticate(&host, phone.code()));
    }
}

#[test]
fn a_state_that_is_gone_opens_no_used_code_again() {
    for script in [
        "rm alice.state",
        ": >alice.state",
        "truncate -s 100 alice.state",
        "head -c 8192 /dev/zero >alice.state",
        "head -c 8192 /dev/urandom >alice.state",
    ] {
        let host = required().build();
        let mut phone = host.enrol("alice");
        let used = phone.code();
        passes(&authenticate(&host, &used));
        host.must_run(&["sh", "-e", "-c", &format!("cd {STORE} && {script}")]);
        says(&authenticate(&host, &used), AUTH_ERR);
        says(&authenticate(&host, phone.code()), AUTH_ERR);
        says(&authenticate(&host, &phone.recovery_codes[0]), AUTH_ERR);
    }
}

#[test]
fn after_a_lost_state_the_first_code_beyond_the_window_works() {
    let host = required()
        .policy("mode = \"required\"\n[totp]\nwindow = 0\ninterval = 5\n[throttle]\nfree_failures = 100\n")
        .build();
    let mut phone = host.enrol("alice");
    host.must_run(&["rm", STATE]);
    says(&authenticate(&host, phone.code()), AUTH_ERR);
    phone.note_used_now();
    let code = phone.wait_for_next_code();
    passes(&authenticate(&host, code));
}

#[test]
fn a_recreated_user_does_not_inherit_the_phone() {
    let host = required().build();
    let mut phone = host.enrol("alice");
    host.recreate_user("alice", "wonderland");
    says(&authenticate(&host, phone.code()), AUTH_ERR);
    host.wait_for_log("uid");
    let status = host.run(&["totp-enroll", "admin", "status", "alice", "--json"]).json();
    assert_eq!(status["configured"], false);
}

#[test]
fn of_two_runs_of_enroll_at_once_the_newest_wins() {
    let host = required().policy("[totp]\nwindow = 10\n").build();
    let first = host.terminal("alice", &["totp-enroll", "enroll"]);
    let mut first_phone = scan(&first);
    let second = host.terminal("alice", &["totp-enroll", "enroll"]);
    let mut second_phone = scan(&second);
    first.enters(&first_phone.code());
    assert_ne!(first.exit_status(), 0, "the older set-up is no longer valid");
    second.enters(&second_phone.code());
    assert_eq!(second.exit_status(), 0);
    says(&authenticate(&host, first_phone.code()), AUTH_ERR);
    passes(&authenticate(&host, second_phone.code()));
}

#[test]
fn a_run_of_enroll_overtaken_by_an_administrator_sets_nothing_up() {
    let host = required().build();
    let terminal = host.terminal("alice", &["totp-enroll", "enroll"]);
    let mut late = scan(&terminal);
    let mut given = host.enrol("alice");
    terminal.enters(&late.code());
    assert_ne!(terminal.exit_status(), 0);
    says(&authenticate(&host, late.code()), AUTH_ERR);
    passes(&authenticate(&host, given.code()));
}

#[test]
fn control_c_at_the_prompt_of_enroll_leaves_nothing_half_made() {
    let host = required().policy("[totp]\nwindow = 10\n").build();
    for attempts in 1..=3 {
        let terminal = host.terminal("alice", &["totp-enroll", "enroll"]);
        let mut phone = scan(&terminal);
        for attempt in 2..=attempts {
            terminal.enters(&phone.wrong_code());
            terminal.shows_times(PROOF.trim_end(), attempt);
        }
        terminal.types("12");
        terminal.presses("C-c");
        terminal.exit_status();
        assert!(!host.has(CREDENTIAL));
        assert!(!host.has(STATE));
        says(&authenticate(&host, phone.code()), "Permission denied");
        assert_eq!(host.run_as("alice", &["totp-enroll", "verify", "123456"]).status, 3);
    }
    let terminal = host.terminal("alice", &["totp-enroll", "enroll"]);
    let mut phone = scan(&terminal);
    terminal.enters(&phone.code());
    terminal.shows("Two-factor login is set up");
    passes(&authenticate(&host, phone.code()));
}

#[test]
fn a_signal_before_the_first_code_leaves_nothing_half_made() {
    let host = required().policy("[totp]\nwindow = 10\n").build();
    for signal in ["INT", "TERM", "HUP"] {
        let terminal = host.terminal("alice", &["totp-enroll", "enroll"]);
        terminal.shows("Press Enter");
        host.must_run(&["pkill", &format!("-{signal}"), "-u", "alice", "-x", "totp-enroll"]);
        assert_eq!(terminal.exit_status(), 130, "{signal}");
        assert!(host.store_names().is_empty(), "{signal}: {:?}", host.store_names());
    }
    let mut phone = host.enrol("alice");
    let terminal = host.terminal("alice", &["totp-enroll", "enroll", "--device", "tablet"]);
    let before = host.store();
    terminal.shows("Code: ");
    terminal.presses("C-c");
    terminal.exit_status();
    assert_eq!(host.store(), before);
    passes(&authenticate(&host, phone.code()));
}

#[test]
fn control_c_leaves_the_terminal_as_it_was() {
    let host = required().build();
    host.enrol("alice");
    let terminal = host.terminal("alice", &["bash", "--norc", "-c", "before=$(stty -g); trap : INT; totp-enroll renew; [ \"$before\" = \"$(stty -g)\" ] && echo as-$((40+2)); read wait"]);
    terminal.shows("Code:");
    terminal.presses("C-c");
    terminal.shows("as-42");
}

#[test]
fn control_c_on_renew_and_unset_changes_nothing() {
    let host = required().policy("[totp]\nwindow = 10\n").build();
    let mut phone = host.enrol("alice");
    for command in ["renew", "unset"] {
        let terminal = host.terminal("alice", &["totp-enroll", command]);
        terminal.shows("Code: ");
        terminal.presses("C-c");
        terminal.exit_status();
        let terminal = host.terminal("alice", &["totp-enroll", command]);
        terminal.shows("Code: ");
        terminal.enters(&phone.code());
        terminal.shows(if command == "renew" { "Press Enter" } else { "[y/N]" });
        terminal.presses("C-c");
        terminal.exit_status();
        passes(&authenticate(&host, phone.code()));
    }
}

#[test]
fn without_a_terminal_enroll_prints_no_secret_and_sets_nothing_up() {
    let host = required().build();
    for input in ["", "123456\n"] {
        let outcome = host.run_with_input("alice", &["totp-enroll", "enroll"], input);
        assert_ne!(outcome.status, 0, "{outcome:?}");
        assert!(!outcome.text().contains("otpauth://") && !outcome.text().contains("secret="), "{outcome:?}");
        assert!(!outcome.stderr.is_empty());
        assert!(!host.has(CREDENTIAL));
    }
}

#[test]
fn an_output_that_is_closed_is_no_crash() {
    let host = required().build();
    let phone = host.enrol("alice");
    let outcome = host.run(&["sh", "-c", "totp-enroll admin show alice >/dev/full"]);
    assert_ne!(outcome.status, 0, "{outcome:?}");
    assert!(!outcome.stderr.contains("panicked") && !outcome.stderr.contains(phone.secret()), "{outcome:?}");
}

#[test]
fn logins_work_on_a_full_disk() {
    let host = required().store_size("256k").build();
    let mut phone = host.enrol("alice");
    host.fill_store();
    let code = phone.code();
    passes(&authenticate(&host, &code));
    says(&authenticate(&host, &code), AUTH_ERR);
    says(&authenticate(&host, phone.wrong_code()), AUTH_ERR);
    passes(&authenticate(&host, &phone.recovery_codes[0]));
    says(&authenticate(&host, &phone.recovery_codes[0]), AUTH_ERR);
    passes(&host.run_as("alice", &["totp-enroll", "verify", &phone.code()]));
}

#[test]
fn on_a_full_disk_set_up_fails_whole() {
    let host = required().store_size("256k").build();
    host.fill_store();
    let before = host.store();
    let outcome = host.run(&["totp-enroll", "admin", "enroll", "alice", "--json"]);
    assert_eq!(outcome.status, 5, "{outcome:?}");
    assert!(!outcome.stdout.contains("otpauth"), "{outcome:?}");
    assert_eq!(host.store(), before);
    assert_eq!(host.run_as("alice", &["totp-enroll", "verify", "123456"]).status, 3);
}

#[test]
fn on_a_full_disk_renewal_keeps_the_old_phone() {
    let host = required().policy("[totp]\nwindow = 10\n").store_size("256k").build();
    let mut phone = host.enrol("alice");
    host.fill_store();
    let terminal = host.terminal("alice", &["totp-enroll", "renew"]);
    terminal.shows("Code: ");
    terminal.enters(&phone.code());
    assert_ne!(terminal.exit_status(), 0);
    passes(&authenticate(&host, phone.code()));
}

#[test]
fn a_read_only_store_lets_nobody_in_and_says_so() {
    let host = required().user("bob", "builder").build();
    let mut phone = host.enrol("alice");
    host.make_store_read_only();
    says(&authenticate(&host, phone.code()), AUTHINFO_UNAVAIL);
    says(&authenticate(&host, &phone.recovery_codes[0]), AUTHINFO_UNAVAIL);
    host.wait_for_log(STORE);
    let outcome = host.run(&["totp-enroll", "admin", "enroll", "bob", "--json"]);
    assert_eq!(outcome.status, 5, "{outcome:?}");
    assert!(!outcome.stdout.contains("otpauth"), "{outcome:?}");
}

#[test]
fn an_ordinary_user_gets_a_clear_word_from_a_read_only_store() {
    let host = required().build();
    host.make_store_read_only();
    let outcome = host.terminal("alice", &["totp-enroll", "enroll"]);
    assert_eq!(outcome.exit_status(), 5, "{}", outcome.history());
    assert!(!outcome.history().contains(PROOF));
}

#[test]
fn a_store_open_to_others_or_of_the_wrong_kind_is_refused() {
    for script in [
        format!("chmod 777 {STORE}"),
        format!("mv {STORE} /var/lib/real && ln -s real {STORE}"),
        format!("rm -r {STORE} && touch {STORE}"),
    ] {
        let host = required().build();
        let mut phone = host.enrol("alice");
        host.must_run(&["sh", "-e", "-c", &script]);
        let outcome = authenticate(&host, phone.code());
        assert!(outcome.text().contains(AUTHINFO_UNAVAIL), "{script}: {outcome:?}");
    }
}

#[test]
fn policies_with_errors_are_reported_with_key_and_range() {
    let host = required().build();
    for (text, parts) in [
        ("[totp]\ndigits = 9\n", ["digits", "6", "8"]),
        ("[totp]\ninterval = 1\n", ["interval", "5", "300"]),
        ("[totp]\nwindow = 11\n", ["window", "0", "10"]),
        ("[totp]\nalgorithm = \"MD5\"\n", ["algorithm", "SHA1", "SHA512"]),
        ("mode = true\n", ["mode", "required", "disabled"]),
        ("[throttle]\nbase_delay = \"5 parsecs\"\n", ["base_delay", "2", "parsecs"]),
        ("[totpp]\n", ["totpp", "1", POLICY]),
    ] {
        host.write(POLICY, text);
        let outcome = host.run_as("alice", &["totp-enroll", "status"]);
        assert_eq!(outcome.status, 5, "{outcome:?}");
        for part in parts.iter().chain(&[POLICY]) {
            assert!(outcome.stderr.contains(part), "`{part}` is missing for {text:?}: {}", outcome.stderr);
        }
    }
}
