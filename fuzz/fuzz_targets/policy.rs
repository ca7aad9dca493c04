//! Any text is a policy within its ranges, or an error of one line that names the file.
#![no_main]

use libfuzzer_sys::fuzz_target;
use totp_core::name::UserName;
use totp_core::policy::{Ground, Mode, NoGroups, Policy, Subject, parse_span, write_span};
use totp_core::source::Source;

fuzz_target!(|text: &str| {
    if let Some(seconds) = parse_span(text) {
        assert_eq!(parse_span(&write_span(seconds)), Some(seconds));
    }
    let policy = match Policy::parse("policy.toml", text) {
        Ok(policy) => policy,
        Err(error) => {
            let said = error.to_string();
            assert!(said.starts_with("policy.toml"), "{said}");
            assert!(error.line <= text.matches('\n').count() + 1, "{said}");
            return;
        }
    };
    assert!((6..=8).contains(&policy.totp.digits));
    assert!((5..=300).contains(&policy.totp.interval));
    assert!(policy.totp.window <= 10);
    assert!(!policy.totp.issuer.trim().is_empty() && !policy.totp.issuer.contains(':'));
    for budget in [policy.throttle.budget, policy.throttle.known_budget] {
        assert!(
            (1..=1_000_000).contains(&budget.guesses) && (1..=1_000_000).contains(&budget.refill.per_day)
        );
    }
    assert!(policy.throttle.free_failures <= 1_000_000);
    assert!((1..=3600).contains(&policy.throttle.base_delay));
    assert!((policy.throttle.base_delay..=86_400).contains(&policy.throttle.max_delay));
    assert!(policy.remember_hosts_for <= 30 * 86_400);
    assert!(policy.recovery_codes <= 20);
    assert!(policy.store.is_absolute());
    for line in [&policy.prompt, &policy.totp.issuer] {
        assert!(line.len() <= 100 && !line.chars().any(char::is_control));
    }
    let lists = policy.rules.iter().filter_map(|rule| rule.services.as_ref());
    for service in lists.chain([&policy.services, &policy.enrollment.at_login]).flatten() {
        let odd = |character: char| character.is_whitespace() || character.is_control() || character == '/';
        assert!(!service.is_empty() && !service.contains(odd), "{service:?}");
    }
    assert_eq!(Policy::parse("policy.toml", text).as_ref(), Ok(&policy), "read twice, read alike");
    decides(&policy);
});

/// An override counts always, and what is not known never makes a decision laxer than what is.
fn decides(policy: &Policy) {
    let alice = UserName::new("alice").expect("a plain name");
    for user in [Some(&alice), None] {
        for service in ["sshd", "login", "SU", "su-l", "sudo-i"] {
            let subject = |source| Subject { user, groups: &NoGroups, service: Some(service), source };
            let overridden = policy.decide(Some(Mode::Disabled), &subject(None));
            assert_eq!((overridden.mode, overridden.ground), (Mode::Disabled, Ground::Override));
            let anywhere = policy.decide(None, &subject(None)).mode;
            let bounds = policy.modes(None, &subject(None));
            let named = policy.decide(None, &subject(Some(Source::Named))).mode;
            for from in [None, Some("10.1.2.3"), Some("192.0.2.7"), Some("2001:db8::1"), Some("127.0.0.1")] {
                let mode = policy.decide(None, &subject(Some(Source::parse(from)))).mode;
                assert!(mode <= anywhere, "{mode} from {from:?}, {anywhere} from anywhere");
                assert!(
                    bounds.laxest <= mode && mode <= bounds.strictest,
                    "{mode} from {from:?}, {bounds:?}"
                );
                assert!(mode == Mode::Disabled || policy.may_ask(service), "{mode} by {service}");
                assert!(from.is_none() || mode <= named, "{mode} from {from:?}, {named} from a name");
            }
        }
    }
}
