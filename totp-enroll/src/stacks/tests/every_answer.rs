//! Going through a stack by its states finds exactly the ends that trying all answers one by one finds.

use super::*;
use crate::stacks::control::Answer;
use crate::stacks::dispatch::State;
use crate::stacks::explore::{self, Said};
use proptest::prelude::*;
use std::collections::HashSet;

/// One of each sort that the controls below tell apart.
const ANSWERS: [Answer; 5] =
    [Answer::SUCCESS, Answer::NEW_AUTHTOK_REQD, Answer::IGNORE, Answer::AUTH_ERR, Answer::USER_UNKNOWN];
const LINE: [Answer; 4] = [Answer::SUCCESS, Answer::IGNORE, Answer::AUTH_ERR, Answer::USER_UNKNOWN];

/// How a stack ends, and what of it matters: what the line said, whether a phase began, pam_rootok, a proof.
type End = (Answer, Said, bool, bool, bool);

fn explored(handlers: &[Handler]) -> HashSet<End> {
    let ends = explore::ends(handlers, &LINE).unwrap();
    ends.iter()
        .map(|end| (end.result, end.way.line, end.way.begun, end.way.rootok.is_some(), end.way.shown))
        .collect()
}

fn tried(handlers: &[Handler]) -> HashSet<End> {
    let mut ends = HashSet::new();
    try_from(handlers, State::start(), &mut Vec::new(), &mut ends);
    ends
}

fn try_from(handlers: &[Handler], state: State, ran: &mut Vec<(usize, Answer)>, ends: &mut HashSet<End>) {
    let Some(handler) = handlers.get(state.at) else {
        ends.insert(end(handlers, &state, ran));
        return;
    };
    let answers: &[Answer] = match handler.module() {
        "pam_totp.so" if handler.is_begin() => &[Answer::IGNORE],
        "pam_totp.so" => &LINE,
        "pam_permit.so" => &[Answer::SUCCESS],
        "pam_rootok.so" => &[Answer::SUCCESS, Answer::AUTH_ERR],
        "" => &[Answer::IGNORE],
        _ => &ANSWERS,
    };
    for &answer in answers {
        ran.push((state.at, answer));
        try_from(handlers, state.step(handlers, answer), ran, ends);
        ran.pop();
    }
}

fn end(handlers: &[Handler], state: &State, ran: &[(usize, Answer)]) -> End {
    let of = |name: &'static str| ran.iter().filter(move |(at, _)| handlers[*at].module() == name);
    let line = of("pam_totp.so").rfind(|(at, _)| !handlers[*at].is_begin());
    let said = line.map_or(Said::Nothing, |(_, answer)| match *answer {
        Answer::SUCCESS => Said::Yes,
        Answer::IGNORE => Said::NotAsked,
        _ => Said::No,
    });
    let result = [Answer::SUCCESS, Answer::NEW_AUTHTOK_REQD].into_iter().find(|&one| one == state.result());
    (
        result.unwrap_or(Answer::PERM_DENIED),
        said,
        of("pam_totp.so").any(|(at, _)| handlers[*at].is_begin()),
        of("pam_rootok.so").any(|(_, answer)| *answer == Answer::SUCCESS),
        of("pam_proof.so").any(|(_, answer)| [Answer::SUCCESS, Answer::IGNORE].contains(answer)),
    )
}

fn line() -> impl Strategy<Value = String> {
    let action = proptest::sample::select(vec!["ignore", "ok", "done", "bad", "die", "reset", "1", "2", "3"]);
    let value =
        proptest::sample::select(vec!["success", "new_authtok_reqd", "ignore", "auth_err", "default"]);
    let pairs = proptest::collection::vec((value, action), 1..4).prop_map(|pairs| {
        let pairs: Vec<_> = pairs.iter().map(|(value, action)| format!("{value}={action}")).collect();
        format!("[{}]", pairs.join(" "))
    });
    let word = proptest::sample::select(vec!["required", "requisite", "sufficient", "optional"]);
    let control = prop_oneof![word.prop_map(str::to_owned), pairs];
    let module = proptest::sample::select(vec![
        "pam_totp.so",
        "pam_totp.so begin",
        "pam_proof.so",
        "pam_proof.so",
        "pam_rootok.so",
        "pam_permit.so",
    ]);
    prop_oneof![
        8 => (control, module).prop_map(|(control, module)| format!("auth {control} {module}")),
        1 => Just("auth substack inside".to_owned()),
    ]
}

proptest! {
    #[test]
    fn states_find_every_end_and_no_other(
        own in proptest::collection::vec(line(), 1..5),
        inside in proptest::collection::vec(line(), 1..3),
    ) {
        let inside = inside.join("\n").replace("auth substack inside", "auth optional pam_proof.so");
        let root = host(&[("etc/pam.d/su", &own.join("\n")), ("etc/pam.d/inside", &inside)]);
        let mut files = Files::below(root.path());
        let file = files.read(&root.path().join("etc/pam.d/su")).unwrap();
        let stack = assembly::assemble(&mut files, &file);
        prop_assume!(stack.auth.len() < 8);
        prop_assert_eq!(explored(&stack.auth), tried(&stack.auth));
    }
}
