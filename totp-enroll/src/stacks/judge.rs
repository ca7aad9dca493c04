//! Whether the lines of pam_totp.so are always reached and count, over all that the other modules may answer.

use super::arguments;
use super::assembly::Stack;
use super::control::Answer;
use super::explore::{End, Said, Way, ends, goes_on};
use super::fault::Fault;
use super::handler::Handler;
use super::known;
use super::line::Kind;
use super::modules;
use std::collections::BTreeSet;

/// What the auth line answers whom it denies.
const DENIALS: [Answer; 3] = [Answer::AUTH_ERR, Answer::USER_UNKNOWN, Answer::AUTHINFO_UNAVAIL];
/// What the account and session lines answer whom they deny: also where the user is not known to the system, and
/// where the policy or the store cannot be used or the module failed.
const LATER_DENIALS: [Answer; 3] = [Answer::PERM_DENIED, Answer::USER_UNKNOWN, Answer::AUTHINFO_UNAVAIL];
/// The service that says by which key somebody came.
const SSHD: &str = "sshd";

/// What is wrong with a service that has pam_totp.so in its stack.
pub fn faults(service: &str, stack: &Stack) -> Vec<Fault> {
    if stack.unusable {
        return vec![Fault::Unusable];
    }
    if stack.too_long {
        return vec![Fault::TooMuch];
    }
    let mut faults = arguments::faults(stack);
    let account = of_later_stack(stack, Kind::Account);
    let later = if skippable_line(stack).is_some() {
        Later::Allows
    } else if has_line(&stack.account) && account.is_empty() {
        Later::Refuses
    } else {
        Later::LetsPass
    };
    if has_line(&stack.auth) {
        faults.extend(of_auth(service, &stack.auth, later));
    } else {
        faults.extend(of_no_question(service, stack, later));
    }
    if stack.auth.iter().any(Handler::is_begin) && !has_line(&stack.account) {
        faults.insert(Fault::BeginsForNothing);
    }
    let stands_in = faults.iter().any(|fault| matches!(fault, Fault::StandsIn(_)));
    if let Some(line) = skippable_line(stack).filter(|_| !stands_in) {
        faults.insert(Fault::SkippableForNothing(line.to_string()));
    }
    faults.extend(account);
    faults.extend(of_later_stack(stack, Kind::Session));
    faults.into_iter().collect()
}

/// What comes of the auth lines of a stack without pam_totp.so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// Nobody but root gets in.
    Nobody,
    /// Who shows who they are.
    WhoeverProves,
    /// Somebody who shows nothing.
    Anybody,
}

/// Who gets in by auth lines that ask for no code.
pub fn entry(auth: &[Handler]) -> Entry {
    let Some(ends) = ends(auth, &[Answer::IGNORE]) else { return Entry::WhoeverProves };
    let ways: Vec<Way> = ends
        .iter()
        .filter(|end| goes_on(end.result, false) && end.way.rootok.is_none())
        .map(|end| end.way)
        .collect();
    match (ways.iter().any(|way| way.shown), ways.is_empty()) {
        (true, _) => Entry::WhoeverProves,
        (false, false) => Entry::Anybody,
        (false, true) => Entry::Nobody,
    }
}

/// What the account line does about a login that came past the code, where an auth phase began.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Later {
    Refuses,
    /// It says `skippable`.
    Allows,
    /// It is missing, or not always reached, or does not count.
    LetsPass,
}

fn has_line(handlers: &[Handler]) -> bool {
    handlers.iter().any(Handler::decides)
}

fn skippable_line(stack: &Stack) -> Option<&Handler> {
    stack.account.iter().find(|line| line.is_totp() && line.says("skippable"))
}

fn of_auth(service: &str, auth: &[Handler], later: Later) -> BTreeSet<Fault> {
    let answers: Vec<Answer> = [Answer::SUCCESS, Answer::IGNORE].into_iter().chain(DENIALS).collect();
    let Some(ends) = ends(auth, &answers) else { return BTreeSet::from([Fault::TooMuch]) };
    let mut faults = BTreeSet::new();
    let requires_key = auth.iter().filter(|line| line.decides()).all(|line| line.says("require_key"));
    let in_sshd = service == SSHD;
    let (mut lets_in, mut lets_unasked_in) = (false, false);
    for End { way, .. } in ends.iter().filter(|end| goes_on(end.result, false)) {
        match way.line {
            Said::Yes => {
                lets_in = true;
                if !way.shown && !requires_key {
                    faults.insert(Fault::CodeAlone { in_sshd });
                }
            }
            // With `require_key` it says yes instead.
            Said::NotAsked if requires_key => {}
            Said::NotAsked => {
                lets_unasked_in = true;
                if !way.shown && way.rootok.is_none() {
                    faults.insert(Fault::AsksNothing { in_sshd });
                }
            }
            Said::Nothing | Said::No => faults.extend(of_way_past(service, auth, *way, later)),
        }
    }
    if faults.contains(&Fault::AsksNothing { in_sshd }) {
        // The same is to be done about it.
        faults.remove(&Fault::CodeAlone { in_sshd });
    }
    let lets_past = faults.iter().any(|fault| matches!(fault, Fault::LetsPast(_)));
    if !lets_in && !lets_past {
        faults.insert(Fault::NeverLetsIn(Kind::Auth));
    } else if lets_in && !lets_unasked_in && !requires_key {
        faults.insert(Fault::RefusesTheUnasked { in_sshd });
    }
    faults
}

/// Where lines of the module stand in a stack that authenticates, and none asks for the code.
fn of_no_question(service: &str, stack: &Stack, later: Later) -> Option<Fault> {
    let begins = stack.auth.iter().any(Handler::is_begin);
    let has_lines = begins || has_line(&stack.account) || has_line(&stack.session);
    let authenticates = match entry(&stack.auth) {
        Entry::Nobody => false,
        // `begin` means to ask; common files bring the other lines to services that ask nobody.
        Entry::WhoeverProves => begins || !known::needs_no_code(service),
        Entry::Anybody => begins || known::gives_root(service),
    };
    let always_begins = || {
        ends(&stack.auth, &[Answer::IGNORE]).is_some_and(|ends| {
            ends.iter()
                .filter(|end| goes_on(end.result, false) && end.way.rootok.is_none())
                .all(|end| end.way.begun)
        })
    };
    (has_lines && authenticates)
        .then(|| Fault::AsksNobody { refuses: later == Later::Refuses && always_begins() })
}

/// A way on which the auth stack says yes, and the code was not asked for or denied.
fn of_way_past(service: &str, auth: &[Handler], way: Way, later: Later) -> Option<Fault> {
    let rootok = way.rootok.filter(|_| modules::rootok_means_root(service));
    let named = |at: Option<usize>| at.and_then(|at| auth.get(at)).map(Handler::to_string);
    if let Some(rootok) = rootok {
        // Root itself came this way.
        let refused = way.begun && later == Later::Refuses;
        return refused.then(|| Fault::RefusesRoot(named(Some(rootok)).unwrap_or_default()));
    }
    let by = named(way.by).unwrap_or_default();
    Some(match (way.line == Said::No, later) {
        (_, Later::Allows) => Fault::StandsIn(by),
        (true, Later::Refuses) => Fault::RefusesLate(by),
        (true, Later::LetsPass) => Fault::DenialDoesNotCount(by),
        (false, Later::Refuses) if way.begun => Fault::Refuses(by),
        (false, _) => Fault::LetsPast(by),
    })
}

/// Whether the account or session line is always reached and counts.
fn of_later_stack(stack: &Stack, kind: Kind) -> BTreeSet<Fault> {
    let handlers = stack.of(kind);
    if !has_line(handlers) {
        return BTreeSet::new();
    }
    let in_account = kind == Kind::Account;
    let too_much = || BTreeSet::from([Fault::TooMuch]);
    let Some(denied) = ends(handlers, &LATER_DENIALS) else { return too_much() };
    let Some(allowed) = ends(handlers, &[Answer::IGNORE, Answer::SUCCESS]) else { return too_much() };
    let mut faults = BTreeSet::new();
    for end in denied.iter().filter(|end| goes_on(end.result, in_account)) {
        let line = end.way.by.and_then(|at| handlers.get(at)).map(Handler::to_string).unwrap_or_default();
        faults.insert(match end.way.line {
            Said::Nothing => Fault::Skipped(kind, line),
            _ => Fault::Uncounted(kind, line),
        });
    }
    if !allowed.iter().any(|end| goes_on(end.result, in_account)) {
        faults.insert(Fault::NeverLetsIn(kind));
    }
    faults
}
