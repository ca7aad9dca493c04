//! Odd answers to the module and to the tool, and odd names of users.

use super::{AUTH_ERR, authenticate, passes, required, says};
use host::{STORE, Stack};

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
