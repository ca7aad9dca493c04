//! Two codes of the app in a row get their owner in where a budget of guesses is used up, and one does not.

#![forbid(unsafe_code)]

use host::{Host, Outcome, Phone, Stack};

/// Of nine good codes a guess costs 3: two are paid for.
const POLICY: &str = "mode = \"required\"\n[totp]\nwindow = 4\n\
                      [throttle]\nfree_failures = 100\nbudget = 6\nknown_budget = 6\n";
const TYPE_TWO: &str = "type two codes in a row";
const STRANGER: &str = "198.51.100.7";

fn host(stack: Stack) -> (Host, Phone) {
    let host = Host::builder().user("alice", "wonderland").policy(POLICY).stack("test", stack).build();
    let phone = host.enrol("alice");
    (host, phone)
}

fn pair(phone: &Phone, second: i64) -> String {
    phone.codes_at(second - 1..=second).join(" ")
}

/// Logs in with this answer, from an address or from this machine.
fn log_in(host: &Host, from: Option<&str>, answer: &str) -> Outcome {
    // Without a terminal nobody sits here as far as anybody knows.
    let place = from.map_or_else(|| "tty=/dev/tty1".to_owned(), |address| format!("rhost={address}"));
    let words = ["pamtester", "-I", &place, "test", "alice", "authenticate"];
    host.run_with_input("root", &words, format!("{answer}\n"))
}

fn use_up(host: &Host, phone: &Phone, from: Option<&str>) {
    for code in phone.wrong_codes().take(2) {
        assert_ne!(log_in(host, from, &code).status, 0);
    }
}

#[test]
fn at_this_machine_the_way_in_is_told_and_works() {
    let (host, phone) = host(Stack::Code);
    use_up(&host, &phone, None);
    let refused = log_in(&host, None, &phone.code_at(1));
    assert!(refused.status != 0 && refused.text().contains(TYPE_TWO), "{refused:?}");
    host.wait_for_log("event=login result=denied reason=ceiling user=alice service=test from=local");
    let half = format!("{} {}", phone.code_at(3), phone.wrong_code());
    let refused = log_in(&host, None, &half);
    assert!(refused.status != 0 && refused.text().contains("The code is wrong"), "{refused:?}");
    assert_eq!(second_passes(&host, None, &pair(&phone, 3)), 0);
    // Both are spent, and so is every earlier step.
    assert_ne!(second_passes(&host, None, &pair(&phone, 3)), 0);
}

/// The pair of this second may have been looked at.
fn second_passes(host: &Host, from: Option<&str>, pair: &str) -> i32 {
    std::thread::sleep(std::time::Duration::from_secs(3));
    log_in(host, from, pair).status
}

#[test]
fn a_stranger_is_told_nothing_and_gets_in_by_two_codes_all_the_same() {
    let (host, phone) = host(Stack::Code);
    use_up(&host, &phone, Some("203.0.113.9"));
    let refused = log_in(&host, Some(STRANGER), &phone.code_at(1));
    assert!(refused.status != 0 && !refused.text().contains(TYPE_TWO), "{refused:?}");
    assert!(refused.text().contains("The code was not accepted."), "{refused:?}");
    let status = host.run(&["totp-enroll", "admin", "status", "alice", "--json"]).json();
    assert_eq!(status["exhausted"], serde_json::json!(["strangers"]));
    assert_eq!(log_in(&host, Some(STRANGER), &pair(&phone, 3)).status, 0);
    // It is known now, and has a budget of its own.
    assert_eq!(log_in(&host, Some(STRANGER), &phone.code_at(4)).status, 0);
    assert_ne!(log_in(&host, Some("203.0.113.9"), &phone.code_at(4)).status, 0);
    host.wait_for_log("event=login result=denied reason=ceiling user=alice service=test from=203.0.113.9");
}

#[test]
fn behind_a_password_a_space_sets_them_apart() {
    let (host, phone) = host(Stack::CodeThenPasswordWith("forward_pass"));
    for code in phone.wrong_codes().take(2) {
        assert_ne!(log_in(&host, None, &format!("wonderland{code}")).status, 0);
    }
    assert_ne!(log_in(&host, None, &format!("wonderland{}", phone.code_at(1))).status, 0);
    assert_eq!(log_in(&host, None, &format!("wonderland{}", pair(&phone, 3))).status, 0);
}

#[test]
fn the_tool_takes_two_codes_as_well() {
    let (host, phone) = host(Stack::Code);
    use_up(&host, &phone, None);
    let verify = |code: &str| host.run_with_input("alice", &["totp-enroll", "verify", code], "");
    let refused = verify(&phone.code_at(1));
    assert!(refused.status == 1 && refused.text().contains(TYPE_TWO), "{refused:?}");
    let accepted = verify(&pair(&phone, 3));
    assert_eq!(accepted.status, 0, "{accepted:?}");
    // No success refills a budget.
    assert_eq!(verify(&phone.code_at(4)).status, 1);
    host.must_run(&["totp-enroll", "admin", "unlock", "alice"]);
    assert_eq!(verify(&phone.code_at(4)).status, 0);
}
