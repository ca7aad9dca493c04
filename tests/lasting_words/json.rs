//! Keys of what each command prints with `--json`, from what it really prints on hosts that have everything.

use super::compare;
use host::{Host, Outcome, Phone, Stack};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// What each command prints. Items of a list are marked `[]`.
const KEYS: [(&str, &str); 15] = [
    (
        "status",
        "user mode configured strategy since last_login mail at_ceiling exhausted throttled_for recovery_codes_left invited_until
        overridden overridden.mode overridden.since overridden.until overridden.by
        orphan grace temporary_code temporary_code.until temporary_code.uses_left
        devices devices[].name devices[].kind devices[].digits devices[].interval devices[].algorithm
        devices[].created
        remembered_hosts remembered_hosts[].address remembered_hosts[].since
        asked_in asked_in[].service asked_in[].depends_on_address asked_in[].lets_past
        asked_in_once_configured",
    ),
    (
        "devices",
        "user devices devices[].name devices[].kind devices[].digits devices[].interval devices[].algorithm
        devices[].created",
    ),
    ("verify", "valid factor device recovery_codes_left reason wait"),
    ("recovery", "user recovery_codes_left"),
    ("hosts", "user remembered_hosts remembered_hosts[].address remembered_hosts[].since"),
    (
        "admin users",
        "[].user [].uid [].configured [].mode [].override [].strategy [].devices [].throttled [].invited [].last_login
        [].orphan [].orphan.user [].orphan.uid
        [].asked_in [].asked_in[].service [].asked_in[].depends_on_address [].asked_in[].lets_past
        [].asked_in_once_configured [].asked_in_once_configured[].service
        [].asked_in_once_configured[].depends_on_address [].asked_in_once_configured[].lets_past",
    ),
    (
        "admin users --summary",
        "users configured not_configured required_and_not_configured invited disabled throttled overrides gone
        services_that_ask",
    ),
    ("admin enroll", "user device uri secret recovery_codes contact"),
    ("admin show", "user devices devices[].device devices[].uri devices[].secret"),
    (
        "admin status",
        "user mode configured strategy since last_login mail at_ceiling exhausted throttled_for recovery_codes_left invited_until
        overridden overridden.mode overridden.since overridden.until overridden.by
        orphan orphan.user orphan.uid orphan.way_out grace grace.until grace.logins
        temporary_code temporary_code.until temporary_code.uses_left
        devices devices[].name devices[].kind devices[].digits devices[].interval devices[].algorithm
        devices[].created
        remembered_hosts remembered_hosts[].address remembered_hosts[].since
        asked_in asked_in[].service asked_in[].depends_on_address asked_in[].lets_past
        asked_in_once_configured asked_in_once_configured[].service
        asked_in_once_configured[].depends_on_address asked_in_once_configured[].lets_past",
    ),
    (
        "admin why",
        "user now refusals refusals[].at refusals[].reason refusals[].from
        unavailable unavailable.at unavailable.concerns unavailable.service unavailable.from unavailable.reason",
    ),
    (
        "admin explain",
        "user service from own_address mode decided_by asked outcome by_key_alone
        rules rules[].line rules[].mode rules[].fit",
    ),
    ("admin invite", "user invitation expires"),
    ("admin code", "user code uses expires"),
    (
        "admin policy show",
        "policy services_without_code troubles
        settings settings[].key settings[].value settings[].source settings[].line settings[].services_implied
        rules rules[].line rules[].mode rules[].users rules[].groups rules[].networks rules[].services
        rules[].services_implied
        services services[].service services[].asks services[].asks_anybody services[].always_asks
        services[].faults services[].policy services[].sets_up_at_login services[].why_not",
    ),
];

/// What each command printed: every key, with those it stands within.
#[derive(Default)]
struct Printed(BTreeMap<&'static str, BTreeSet<String>>);

impl Printed {
    fn note(&mut self, command: &'static str, outcome: &Outcome) {
        let value = serde_json::from_str(&outcome.stdout)
            .unwrap_or_else(|error| panic!("{command}: {error}: {outcome:?}"));
        note_keys("", &value, self.0.entry(command).or_default());
    }
}

fn note_keys(within: &str, value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(keys) => {
            for (key, value) in keys {
                let dotted = if within.is_empty() { key.clone() } else { format!("{within}.{key}") };
                note_keys(&dotted, value, found);
                found.insert(dotted);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| note_keys(&format!("{within}[]"), item, found)),
        _ => {}
    }
}

const POLICY: &str = "
mode = \"required\"
services = [\"test\", \"su\"]
[totp]
window = 10
[enrollment]
at_login = [\"test\"]
grace_logins = 3
[throttle]
free_failures = 0
base_delay = \"10m\"
[remember]
hosts_for = \"1h\"
[[rule]]
services = [\"su\"]
mode = \"optional\"
";

/// Alice, who has everything; bob, whose credential is kept under another name; carol, who is invited; dave, who has nothing.
fn host() -> Host {
    let users = ["alice", "bob", "carol", "dave"];
    users
        .into_iter()
        .fold(Host::builder(), |builder, user| builder.user(user, "wonderland"))
        .policy(POLICY)
        .stack("test", Stack::Code)
        .stack("su", Stack::PasswordAndCode)
        .build()
}

fn tool(host: &Host, words: &[&str]) -> Outcome {
    host.run(&[&["totp-enroll"], words, &["--json"]].concat())
}

fn logs_in(host: &Host, from: &str, code: &str) {
    let words = ["pamtester", "-I", &format!("rhost={from}"), "test", "alice", "authenticate"];
    let _ = host.run_with_input("root", &words, format!("{code}\n"));
}

/// Each command on a host where whatever it can say is there to be said.
fn printed() -> Printed {
    let host = host();
    let mut printed = Printed::default();
    let enrolled = tool(&host, &["admin", "enroll", "alice"]);
    printed.note("admin enroll", &enrolled);
    printed.note("admin enroll", &tool(&host, &["admin", "enroll", "alice", "--mail", "alice@example.org"]));
    let enrolled = enrolled.json();
    let mut phone = Phone::scan(enrolled["uri"].as_str().expect("a URI")).with_window(10);
    host.must_run(&["totp-enroll", "admin", "enroll", "bob", "--json"]);
    host.must_run(&["usermod", "--login", "robert", "bob"]);
    printed.note("admin invite", &tool(&host, &["admin", "invite", "carol"]));
    printed.note("admin code", &tool(&host, &["admin", "code", "alice"]));
    host.must_run(&["totp-enroll", "admin", "mode", "alice", "required", "--until", "2999-01-31"]);
    logs_in(&host, "192.0.2.7", &phone.code());
    logs_in(&host, "192.0.2.8", &phone.wrong_code());
    host.write(host::POLICY, "mode = 1\n");
    logs_in(&host, "192.0.2.9", &phone.code());
    host.write(host::POLICY, POLICY);

    for (command, words) in [
        ("admin status", &["admin", "status", "alice"] as &[&str]),
        ("admin status", &["admin", "status", "robert"]),
        ("admin status", &["admin", "status", "carol"]),
        ("admin status", &["admin", "status", "dave"]),
        ("admin show", &["admin", "show", "alice"]),
        ("admin why", &["admin", "why", "alice"]),
        ("admin users", &["admin", "users"]),
        ("admin users --summary", &["admin", "users", "--summary"]),
        ("admin explain", &["admin", "explain", "alice", "--service", "su", "--from", "192.0.2.7"]),
        ("admin policy show", &["admin", "policy", "show"]),
    ] {
        printed.note(command, &tool(&host, words));
    }
    host.must_run(&["totp-enroll", "admin", "policy", "set", "enrollment.grace_until=2999-01-31"]);
    printed.note("admin status", &tool(&host, &["admin", "status", "carol"]));
    let own = |words: &[&str]| host.run_as("alice", &[&["totp-enroll"], words, &["--json"]].concat());
    printed.note("status", &own(&["status"]));
    printed.note("devices", &own(&["devices"]));
    printed.note("recovery", &own(&["recovery"]));
    printed.note("hosts", &own(&["hosts"]));
    printed.note("verify", &own(&["verify", &phone.code()]));
    printed.note("verify", &own(&["verify", &phone.wrong_code()]));
    let recovery = enrolled["recovery_codes"][0].as_str().expect("a recovery code");
    printed.note("verify", &own(&["verify", recovery]));
    printed
}

/// Every command that takes `--json`, as its help says.
fn commands_with_json(host: &Host, command: &str) -> Vec<String> {
    let mut words = vec!["totp-enroll"];
    words.extend(command.split_whitespace());
    words.push("--help");
    let help = host.must_run(&words);
    if let Some((_, list)) = help.split_once("\nCommands:\n") {
        let list = list.split("\n\n").next().unwrap_or_default();
        // A description that is too long for its line goes on below, further in.
        let names = list.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   "));
        let names = names.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help");
        return names
            .flat_map(|name| commands_with_json(host, format!("{command} {name}").trim_start()))
            .collect();
    }
    if help.contains("--json") { vec![command.to_owned()] } else { Vec::new() }
}

#[test]
fn every_command_that_prints_json_is_listed() {
    let host = Host::builder().build();
    let found: BTreeSet<_> = commands_with_json(&host, "").into_iter().collect();
    assert!(found.len() > 10, "{found:?}");
    let listed = KEYS.map(|(command, _)| command.replace(" --summary", "").replace(' ', "_"));
    compare(
        "commands with --json",
        &listed.join(" "),
        &found.iter().map(|name| name.replace(' ', "_")).collect(),
    );
}

#[test]
fn the_keys_that_commands_print_as_json_stay() {
    let printed = printed().0;
    for (command, listed) in KEYS {
        let found = printed.get(command).unwrap_or_else(|| panic!("`{command} --json` is not tried"));
        compare(&format!("keys of `{command} --json`"), listed, found);
    }
}
