//! `judge` by example and by property. Codes are computed by the generator that the RFC tables test. Here are what
//! a login meets and what holds of any; the examples are beneath, by what they turn on.

mod clocks;
mod codes;
mod pairs;
mod sources;

use super::*;
use crate::credential::DeviceName;
use crate::credential::tests::example;
use proptest::prelude::*;
use std::collections::HashSet;

const NOON: Timestamp = Timestamp(1_790_000_010);
const STRANGER: &str = "192.0.2.66";

pub(super) fn code_at(device: &Device, step: u64) -> String {
    Generator::new(&device.secret, device.parameters).code(step)
}

/// One user with one phone: what a login meets.
struct World {
    policy: Policy,
    credential: Credential,
    state: State,
    now: Timestamp,
}

impl World {
    fn new() -> Self {
        let credential = example();
        let mut state = State::afresh(credential.id);
        for device in &credential.devices {
            state.set_progress(device.id, None);
        }
        Self { policy: Policy::default(), credential, state, now: NOON }
    }

    /// The code of the first device, so many steps from now.
    fn code(&self, offset: i64) -> String {
        let device = &self.credential.devices[0];
        code_at(device, device.step_at(self.now).saturating_add_signed(offset))
    }

    fn tries_from(&mut self, from: Source, typed: &str) -> Verdict {
        let answer = Answer::parse(typed.as_bytes());
        let state = self.state.clone();
        let (verdict, next) = judge(&self.policy, &self.credential, state, &answer, from, self.now);
        if verdict.record() == Record::Nothing {
            assert_eq!(next, self.state, "what is not recorded must not have changed");
        }
        self.state = next;
        verdict
    }

    fn tries(&mut self, typed: &str) -> Verdict {
        self.tries_from(Source::Local, typed)
    }

    fn reason(&mut self, typed: &str) -> Option<Reason> {
        refusal(self.tries(typed)).map(|refusal| refusal.reason)
    }
}

pub(super) fn refusal(verdict: Verdict) -> Option<Refusal> {
    match verdict {
        Verdict::Accepted(_) => None,
        Verdict::Refused(refusal) => Some(refusal),
    }
}

fn address(text: &str) -> Source {
    Source::parse(Some(text))
}

#[test]
fn every_reason_has_a_word_and_a_number_of_its_own() {
    let words: HashSet<_> = Reason::ALL.iter().map(|(_, word, _)| word).collect();
    let numbers: HashSet<_> = Reason::ALL.iter().map(|(number, _, _)| number).collect();
    assert_eq!((words.len(), numbers.len()), (Reason::ALL.len(), Reason::ALL.len()));
    for (number, word, reason) in Reason::ALL {
        assert_eq!((reason.number(), reason.as_str()), (number, word));
        assert_eq!(Reason::from_number(number), Some(reason));
    }
    assert_eq!(Reason::from_number(0), None);
}

/// Any answers, from anywhere, while the clock goes on or steps back.
fn attempts() -> impl Strategy<Value = Vec<(i64, usize, i64)>> {
    prop::collection::vec((-14i64..14, 0usize..4, -90i64..200), 1..40)
}

proptest! {
    #[test]
    fn no_step_is_ever_accepted_twice(attempts in attempts()) {
        let mut world = World::new();
        let sources = [Source::Local, Source::Named, Source::Helper, address(STRANGER)];
        let mut accepted = HashSet::new();
        let mut last = 0;
        for (offset, from, passes) in attempts {
            world.now = Timestamp(world.now.0.saturating_add_signed(passes));
            let code = world.code(offset);
            if refusal(world.tries_from(sources[from], &code)).is_none() {
                let recorded = world.state.progress_of(world.credential.devices[0].id).unwrap().last.unwrap();
                prop_assert!(accepted.insert(recorded), "step {} twice", recorded);
                prop_assert!(recorded > last);
                last = recorded;
            }
        }
    }

    #[test]
    fn any_answer_gets_a_verdict_and_a_state_that_fits(typed in prop::collection::vec(any::<u8>(), 0..40), now in any::<u64>()) {
        let mut world = World::new();
        world.now = Timestamp(now);
        let answer = Answer::parse(&typed);
        let (_, next) = judge(&world.policy, &world.credential, world.state.clone(), &answer, Source::Local, world.now);
        prop_assert!(crate::state::slot::encode(&next, 1, true).is_ok());
    }
}
