//! Keys of the policy and the words that are their values, as the programs name them to whoever mistypes one.

use super::compare;
use host::{Host, POLICY};
use std::collections::BTreeSet;

/// Each key with its section. Those that are read and no longer named to anybody, such as one that has a new name,
/// stand here too: old policies have them.
const KEYS: &str = "
    mode services strategy
    totp.digits totp.interval totp.window totp.algorithm totp.issuer
    enrollment.self_service enrollment.at_login enrollment.needs_invitation enrollment.mail_invitations
    enrollment.qr enrollment.grace_logins enrollment.grace_until
    throttle.free_failures throttle.base_delay throttle.max_delay throttle.ceiling
    throttle.budget throttle.refill throttle.known_budget throttle.known_refill
    remember.hosts_for recovery.codes prompt.code ssh.refuse_key_only store.directory
    rule.users rule.groups rule.services rule.networks rule.mode";

const WORDS: &str = "
    mode=required mode=optional mode=disabled
    strategy=totp strategy=sms
    totp.algorithm=SHA1 totp.algorithm=SHA256 totp.algorithm=SHA512
    enrollment.self_service=enroll enrollment.self_service=renew enrollment.self_service=unset
    enrollment.self_service=show
    enrollment.qr=dark enrollment.qr=light enrollment.qr=ascii enrollment.qr=none
    rule.mode=required rule.mode=optional rule.mode=disabled";

/// A word that is none of ours.
const ODD: &str = "unheard-of";

/// What `policy check` says of a policy that is nothing but this.
fn error(host: &Host, policy: &str) -> String {
    host.write(POLICY, policy);
    host.run(&["totp-enroll", "admin", "policy", "check"]).text()
}

/// What an error lists as allowed, if it is one about a word that is not known.
fn allowed(said: &str, what: &str) -> Vec<String> {
    let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
    let Some((_, list)) = said.split_once(what) else { return Vec::new() };
    let is_of_a_word = |character: char| character.is_ascii_alphanumeric() || "_\"".contains(character);
    let words =
        list.split(", ").map(|word| word.split(|other| !is_of_a_word(other)).next().unwrap_or_default());
    words.map(|word| word.trim_matches('"').to_owned()).filter(|word| !word.is_empty()).collect()
}

fn keys_in(host: &Host, table: &str) -> Vec<String> {
    allowed(&error(host, &format!("{table}\n{ODD} = 1\n")), "unknown key; allowed: ")
}

/// The header of the table that a key of a section stands in.
fn header(section: &str) -> String {
    if section == "rule" { "[[rule]]".to_owned() } else { format!("[{section}]") }
}

/// Whether a policy may have this key, whatever its value must be.
fn is_read(host: &Host, dotted: &str) -> bool {
    let text = match dotted.split_once('.') {
        Some((section, key)) => format!("{}\n{key} = {{}}\n", header(section)),
        None => format!("{dotted} = {{}}\n"),
    };
    !error(host, &text).contains("unknown key")
}

fn keys(host: &Host) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for top in keys_in(host, "") {
        let within = keys_in(host, &header(&top));
        if within.is_empty() {
            found.insert(top);
        } else {
            found.extend(within.iter().map(|key| format!("{top}.{key}")));
        }
    }
    found
}

#[test]
fn the_keys_of_the_policy_stay() {
    let host = Host::builder().build();
    let named = keys(&host);
    assert!(named.len() > 20, "{named:?}");
    let listed = KEYS.split_whitespace().map(str::to_owned);
    let read = listed.chain(named).filter(|key| is_read(&host, key)).collect();
    compare("keys of the policy", KEYS, &read);
}

#[test]
fn the_words_in_the_policy_stay() {
    let host = Host::builder().build();
    let mut found = BTreeSet::new();
    for dotted in KEYS.split_whitespace() {
        let (table, key) = match dotted.split_once('.') {
            Some((section, key)) => (header(section), key),
            None => (String::new(), dotted),
        };
        for value in [format!("\"{ODD}\""), format!("[\"{ODD}\"]")] {
            let said = error(&host, &format!("{table}\n{key} = {value}\n"));
            let words = allowed(&said, &format!("\"{ODD}\" is not known; allowed: "));
            found.extend(words.iter().map(|word| format!("{dotted}={word}")));
        }
    }
    compare("words in the policy", WORDS, &found);
}
