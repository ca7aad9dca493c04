//! Any answers from anywhere, over any state, while the clock goes on or steps back: nothing is accepted
//! twice, every guess that was evaluated is counted, and what is recorded fits its slot.
#![no_main]

use libfuzzer_sys::arbitrary::{Result, Unstructured};
use libfuzzer_sys::fuzz_target;
use pam_totp_fuzz::{drawn, rfc};
use std::collections::HashSet;
use totp_core::answer::Answer;
use totp_core::clock::Timestamp;
use totp_core::credential::{Credential, CredentialId, DeviceId};
use totp_core::login::newcomer::{self, Grace, Welcome};
use totp_core::login::{self, Factor, Reason, Record, Verdict};
use totp_core::otp::Kind;
use totp_core::policy::Policy;
use totp_core::source::Source;
use totp_core::state::{State, slot};
use totp_core::throttle::{Ledger, ThrottleState};

const MOST_ANSWERS: usize = 24;

fuzz_target!(|bytes: &[u8]| {
    let _ = check(&mut Unstructured::new(bytes));
});

fn check(bytes: &mut Unstructured<'_>) -> Result<()> {
    let policy = drawn::policy(bytes)?;
    let now = Timestamp(if bytes.ratio(1, 16)? { bytes.arbitrary()? } else { 1_790_000_000 });
    if bytes.ratio(1, 4)? {
        let state = drawn::state(bytes, CredentialId::none_of(1000), &[], now)?;
        return Newcomer { policy, state, now, uses: 0 }.goes_on(bytes);
    }
    let credential = drawn::credential(bytes)?;
    let state = drawn::state(bytes, credential.id, &credential.devices, now)?;
    let login = Logins { policy, credential, state, now, codes: HashSet::new(), papers: HashSet::new() };
    login.go_on(bytes)
}

fn time_passes(now: &mut Timestamp, bytes: &mut Unstructured<'_>) -> Result<()> {
    let seconds = match bytes.int_in_range(0..=7u8)? {
        0 => bytes.int_in_range(-100_000..=100_000)?,
        1 => bytes.int_in_range(0..=3_000_000)?,
        _ => bytes.int_in_range(0..=60)?,
    };
    now.0 = now.0.saturating_add_signed(seconds);
    Ok(())
}

fn fits(state: &State) {
    let slot = slot::encode(state, 1, true).expect("the state outgrew its slot");
    let mut written = state.clone();
    // Whose an address is may change until it is read: see `Source::Own`.
    let since = written.refused_since.as_mut().map(|since| &mut since.source);
    for source in written.refusals.iter_mut().map(|refusal| &mut refusal.source).chain(since) {
        if let Source::Own(address) = *source {
            *source = Source::from_address(address);
        }
    }
    assert_eq!(slot::decode(&slot).expect("a whole slot").state, written);
}

/// The failures that are on record; saturated counts prove nothing.
fn failures(state: &State) -> Option<u64> {
    let counts: Vec<u64> = state.ledger.sources.iter().map(|record| u64::from(record.failures)).collect();
    let sum = counts.iter().sum();
    (sum < u64::from(u32::MAX)).then_some(sum)
}

fn spent(state: &State) -> [u64; 3] {
    spent_now(&state.ledger)
}

fn spent_now(ledger: &Ledger) -> [u64; 3] {
    [ledger.strangers.spent, ledger.this_machine.spent, ledger.known.spent]
}

/// The logins of a user who is set up.
struct Logins {
    policy: Policy,
    credential: Credential,
    state: State,
    now: Timestamp,
    codes: HashSet<(DeviceId, u64)>,
    papers: HashSet<String>,
}

impl Logins {
    fn go_on(mut self, bytes: &mut Unstructured<'_>) -> Result<()> {
        for _ in 0..MOST_ANSWERS {
            time_passes(&mut self.now, bytes)?;
            let typed = self.answer(bytes)?;
            let source = drawn::source(bytes)?;
            self.judge(&typed, source);
        }
        Ok(())
    }

    /// A code around the present step or the last one, a paper code, or anything.
    fn answer(&self, bytes: &mut Unstructured<'_>) -> Result<Vec<u8>> {
        Ok(match bytes.int_in_range(0..=9u8)? {
            0..=5 => {
                let device = bytes.choose(&self.credential.devices)?;
                let last = self.state.progress_of(device.id).and_then(|progress| progress.last);
                let around = match device.parameters.kind {
                    Kind::Totp { .. } if bytes.ratio(3, 4)? => device.step_at(self.now),
                    _ => last.unwrap_or(0),
                };
                let step = around.saturating_add_signed(bytes.int_in_range(-14..=14)?);
                let (secret, parameters) = (device.secret.as_bytes(), device.parameters);
                rfc::code(secret, parameters.algorithm, parameters.digits, step).into_bytes()
            }
            6 if bytes.arbitrary()? => {
                let device = bytes.choose(&self.credential.devices)?;
                let last = self.state.progress_of(device.id).and_then(|progress| progress.last);
                let around = match device.parameters.kind {
                    Kind::Totp { .. } => device.step_at(self.now),
                    Kind::Hotp => last.unwrap_or(0),
                };
                let first = around.saturating_add_signed(bytes.int_in_range(-4..=4)?);
                let (secret, parameters) = (device.secret.as_bytes(), device.parameters);
                let code = |step| rfc::code(secret, parameters.algorithm, parameters.digits, step);
                (code(first) + " " + &code(first.saturating_add(1))).into_bytes()
            }
            6 => drawn::paper_code(bytes.int_in_range(0..=21)?).into_bytes(),
            7 => drawn::paper_code(bytes.int_in_range(100..=101)?).into_bytes(),
            8 => format!("{:06}", bytes.int_in_range(0..=99_999_999)?).into_bytes(),
            _ => bytes.arbitrary::<&[u8]>()?.to_vec(),
        })
    }

    fn judge(&mut self, typed: &[u8], source: Source) {
        let before = self.state.clone();
        let mut ledger = before.ledger.clone();
        ledger.clamp_to(self.now);
        let answer = Answer::parse(typed);
        let (is_code, is_pair) = (matches!(answer, Answer::Code(_)), matches!(answer, Answer::Pair(_)));
        let cost = match &answer {
            Answer::Code(code) => login::guess_cost(&self.policy, &self.credential, code),
            Answer::Pair(pair) => login::guess_cost(&self.policy, &self.credential, pair.codes().0),
            _ => 0,
        };
        let takes_pair = ledger.takes_pair(source, cost, self.now);
        let cost_now = if is_code { cost } else { 0 };
        let throttle = ledger.state_of(source, cost_now, self.now, &self.policy.throttle);
        let closed = self.must_be_closed(source);
        let (verdict, next) =
            login::judge(&self.policy, &self.credential, before.clone(), &answer, source, self.now);
        fits(&next);
        if verdict.record() == Record::Nothing {
            assert_eq!(next, before, "what is not recorded has not changed");
        }
        match &verdict {
            Verdict::Accepted(factor) => {
                assert_eq!(verdict.record(), Record::Durable);
                assert_eq!(next.ledger.failures(source), 0);
                assert_eq!(spent(&next), spent_now(&ledger), "no success refills a budget");
                assert!(!is_code || throttle == ThrottleState::Free, "{throttle:?}");
                assert_eq!(next.refused_since, before.refused_since);
                self.accepted(factor, typed, &before, &next);
            }
            Verdict::Refused(refusal) => {
                assert!(!refusal.counted || refusal.recorded);
                let evaluated = matches!(answer, Answer::Code(_) | Answer::Recovery(_));
                // A paper code from a source that must wait is evaluated, and is too long to be guessed.
                let counts = evaluated && throttle == ThrottleState::Free;
                assert_eq!(refusal.counted, counts);
                match throttle {
                    ThrottleState::Wait(wait) if is_code => {
                        assert_eq!((refusal.reason, refusal.wait), (Reason::Throttled, wait));
                        assert!(wait <= self.policy.throttle.max_delay);
                    }
                    ThrottleState::Exhausted(_) if is_code => assert_eq!(refusal.reason, Reason::Exhausted),
                    _ => {}
                }
                if let (Some(old), Some(new)) = (failures(&before), failures(&next)) {
                    assert_eq!(new, old + u64::from(refusal.counted), "a failure was lost or made up");
                }
                assert_eq!(next.recovery, before.recovery);
                assert_eq!(next.temporary, before.temporary);
                if refusal.counted || is_pair && takes_pair {
                    let last = next.refusals.last().expect("it is kept");
                    assert_eq!((last.source, last.at), (source, self.now));
                    let told_as_wrong =
                        last.reason == Reason::StaleCode && refusal.reason == Reason::WrongCode;
                    assert!(last.reason == refusal.reason || told_as_wrong);
                    assert!(next.refused_since.is_some_and(|since| since.latest == self.now));
                }
                for device in &self.credential.devices {
                    let last =
                        |state: &State| state.progress_of(device.id).and_then(|progress| progress.last);
                    assert!(last(&next) >= last(&before), "a used step came back");
                }
            }
        }
        let judged = match &verdict {
            Verdict::Accepted(_) => true,
            Verdict::Refused(refusal) => refusal.counted,
        };
        assert!(
            !(is_code && cost > 0 && judged && closed),
            "a code was judged where the budget is used up, or too early"
        );
        self.state = next;
    }

    /// By the letter of the policy, and without the product's own word for it: whether no code from here is
    /// judged now. A source that is not on record may have to wait for others as well.
    fn must_be_closed(&self, source: Source) -> bool {
        const THIRTY_DAYS: u64 = 30 * 24 * 60 * 60;
        let limits = &self.policy.throttle;
        let key = source.throttle_key();
        let ledger = &self.state.ledger;
        let record = ledger.sources.iter().find(|record| record.source == key);
        let ago = |moment: Timestamp| self.now.0.saturating_sub(moment.0);
        let known = record.is_some_and(|record| {
            record.last_success.0 != 0 && record.last_success.0.abs_diff(self.now.0) < THIRTY_DAYS
        });
        let (bucket, budget) = match source {
            Source::Address(_) if known => (&ledger.known, limits.known_budget),
            Source::Address(_) | Source::Named => (&ledger.strangers, limits.budget),
            _ => (&ledger.this_machine, limits.known_budget),
        };
        // In guesses, and rounded in favour of whoever guesses.
        let refilled = ago(bucket.as_of) as f64 / 86_400.0 * f64::from(budget.refill.per_day);
        let spent = (bucket.spent as f64 / 86_400.0).min(f64::from(budget.guesses)) - refilled;
        let used_up = spent > f64::from(budget.guesses) - 0.999;
        let early = record.is_some_and(|record| {
            record.failures > limits.free_failures && ago(record.last_failure) < limits.base_delay
        });
        early || used_up
    }

    fn accepted(&mut self, factor: &Factor, typed: &[u8], before: &State, next: &State) {
        match factor {
            Factor::Device(name) => {
                let device = self.credential.device(name).expect("a device of this credential");
                let step = next.progress_of(device.id).and_then(|progress| progress.last).expect("a step");
                let earlier = before.progress_of(device.id).expect("a lost state accepts no code").last;
                assert!(earlier.is_none_or(|earlier| step > earlier), "{step} after {earlier:?}");
                assert!(self.codes.insert((device.id, step)), "step {step} was accepted twice");
                let is_pair = matches!(Answer::parse(typed), Answer::Pair(_));
                if is_pair {
                    assert!(self.codes.insert((device.id, step - 1)), "step {step} - 1 was accepted twice");
                    assert!(earlier.is_none_or(|earlier| step - 1 > earlier), "the first was used");
                }
                let parameters = device.parameters;
                let code_of =
                    |step| rfc::code(device.secret.as_bytes(), parameters.algorithm, parameters.digits, step);
                let code = if is_pair { code_of(step - 1) + &code_of(step) } else { code_of(step) };
                let bare: Vec<u8> = typed.iter().copied().filter(u8::is_ascii_alphanumeric).collect();
                assert_eq!(bare, code.as_bytes(), "another step's code");
                let reach = match parameters.kind {
                    Kind::Totp { .. } => {
                        step.abs_diff(device.step_at(self.now)) <= device.window(self.policy.totp.window)
                    }
                    Kind::Hotp if is_pair => step <= earlier.map_or(2, |earlier| earlier.saturating_add(3)),
                    Kind::Hotp => step <= earlier.map_or(9, |earlier| earlier.saturating_add(10)),
                };
                assert!(reach, "step {step} lies outside the window");
            }
            Factor::RecoveryCode { left } => {
                assert_eq!((next.recovery.left(), *left + 1), (*left, before.recovery.left()));
                let code = String::from_utf8_lossy(typed).into_owned();
                assert!(self.papers.insert(code), "a recovery code was accepted twice");
            }
            Factor::TemporaryCode { left } => {
                let temporary = before.temporary.as_ref().expect("there was one");
                assert_eq!(u16::from(*left) + 1, u16::from(temporary.uses_left));
                assert!(temporary.code.issued <= self.now && self.now < temporary.code.expires);
                assert_eq!(next.temporary.is_none(), *left == 0);
            }
        }
    }
}

/// The logins of a user who is not set up.
struct Newcomer {
    policy: Policy,
    state: State,
    now: Timestamp,
    uses: u32,
}

impl Newcomer {
    fn goes_on(mut self, bytes: &mut Unstructured<'_>) -> Result<()> {
        let uses = self.state.temporary.as_ref().map_or(0, |temporary| u32::from(temporary.uses_left));
        let graces = self.policy.enrollment.grace_logins.saturating_sub(self.state.graces_used);
        let mut put_off = 0;
        for _ in 0..MOST_ANSWERS {
            time_passes(&mut self.now, bytes)?;
            let typed = match bytes.int_in_range(0..=3u8)? {
                0 => drawn::paper_code(100).into_bytes(),
                1 => drawn::paper_code(101).into_bytes(),
                2 => bytes.arbitrary::<&[u8]>()?.to_vec(),
                _ => {
                    match newcomer::put_off(&self.policy, &mut self.state, self.now) {
                        Some(Grace::Logins(left)) => {
                            put_off += 1;
                            assert_eq!(left, graces - put_off, "counted wrongly");
                        }
                        Some(Grace::Until(_)) => panic!("no date is set"),
                        None => assert_eq!(put_off, graces),
                    }
                    fits(&self.state);
                    continue;
                }
            };
            self.is_welcomed(&typed);
            assert!(self.uses <= uses, "a temporary code worked too often");
        }
        Ok(())
    }

    fn is_welcomed(&mut self, typed: &[u8]) {
        let before = self.state.clone();
        let (welcome, next) =
            newcomer::welcome(&self.policy, before.clone(), &Answer::parse(typed), self.now);
        fits(&next);
        let alive = |code: &totp_core::issued::Issued| code.issued <= self.now && self.now < code.expires;
        match &welcome {
            Welcome::Accepted(Factor::TemporaryCode { .. }) => {
                assert!(alive(&before.temporary.as_ref().expect("there was one").code));
                self.uses += 1;
            }
            Welcome::Accepted(_) => panic!("there is nothing else to log in with"),
            _ => assert_eq!(next, before, "only a temporary code is spent"),
        }
        match welcome {
            Welcome::Invited(id) => {
                let invitation = before.invitation.as_ref().expect("there is one");
                assert!(alive(&invitation.code) && id == invitation.id());
            }
            Welcome::SetUp => assert!(!self.policy.enrollment.needs_invitation),
            Welcome::NotInvited => assert!(self.policy.enrollment.needs_invitation),
            Welcome::Accepted(_) => {}
        }
        self.state = next;
    }
}
