//! A set-up by the tool or in the course of a login, and a revoke.

use super::{POLICY, insist};
use crate::strace::{Fault, Tracer};
use crate::subject::{
    AUTH_ERR, ENROL, ENROL_AT_LOGIN, REVOKE, SUCCESS, Subject, UNTHROTTLED, codes_of, house, is_configured,
    login, phone_on_file,
};
use host::{Outcome, Phone};

pub(super) fn phone_in(outcome: &Outcome) -> Phone {
    let answer = outcome.json();
    Phone::scan(answer["uri"].as_str().expect("`uri` is a string")).with_window(10)
}

#[test]
fn a_set_up_is_whole_or_can_be_made_again() {
    let host = house(UNTHROTTLED);
    let nothing = host.store();
    let tracer = Tracer::from(POLICY);
    let calls = tracer.calls(&host, &ENROL, 0);
    tracer.each_fault(
        &host,
        &ENROL,
        &calls,
        || host.put_store(&nothing),
        |fault, outcome| {
            let there = is_configured(&host);
            if outcome.status == 0 {
                insist(there, "it was told and is not so")?;
                insist(
                    login(&host, &codes_of(&phone_in(outcome))[0]) == SUCCESS,
                    "its code does not log in",
                )?;
            } else if there {
                insist(login(&host, &codes_of(&phone_on_file(&host))[0]) == SUCCESS, "half a set-up")?;
                // The disk may not have the name of the credential, and so it is no success; all else that
                // fails this late is not the set-up.
                let told = outcome.stderr.contains("alice is set up")
                    || outcome.stderr.contains("/var/lib/pam_totp/.: writing failed");
                insist(told || fault == Fault::Kill, "it is so and was told otherwise")?;
                insist(host.run(&REVOKE).status == 0, "it cannot be revoked")?;
            } else {
                insist(login(&host, "123456") == AUTH_ERR, "who is not set up is let in")?;
            }
            if !is_configured(&host) {
                let again = host.run(&ENROL);
                insist(again.status == 0, "it cannot be made again")?;
                insist(login(&host, &codes_of(&phone_in(&again))[0]) == SUCCESS, "made again, it fails")?;
            }
            Ok(())
        },
    );
}

#[test]
fn a_set_up_in_a_login_is_whole_or_can_be_made_again() {
    let host = house(UNTHROTTLED);
    let nothing = host.store();
    // The program under it starts oathtool, which is not to be disturbed.
    let tracer = Tracer { options: &[], ..Tracer::from(POLICY) };
    let calls = tracer.calls(&host, &ENROL_AT_LOGIN, SUCCESS);
    let its_codes_work = |outcome: &Outcome| {
        let proof = outcome.stdout.lines().find_map(|line| line.strip_prefix("typed "));
        let proof = proof.ok_or("nothing was shown, and it counts")?;
        insist(login(&host, proof) == AUTH_ERR, "the proof logs in")?;
        let next = phone_on_file(&host).code_at(1);
        insist(login(&host, &next) == SUCCESS, "the next code does not log in")
    };
    tracer.each_fault(
        &host,
        &ENROL_AT_LOGIN,
        &calls,
        || host.put_store(&nothing),
        |_, outcome| {
            let there = is_configured(&host);
            if outcome.stdout.contains("session 0\n") {
                insist(there, "who was not set up was let in")?;
            }
            if there {
                return its_codes_work(outcome);
            }
            let again = host.run(&ENROL_AT_LOGIN);
            insist(again.status == SUCCESS, "it cannot be made again")?;
            its_codes_work(&again)
        },
    );
}

#[test]
fn a_revoke_is_done_or_can_be_done_again() {
    let subject = Subject::new(UNTHROTTLED);
    let Subject { host, codes, .. } = &subject;
    let tracer = Tracer::from(POLICY);
    let calls = tracer.calls(host, &REVOKE, 0);
    tracer.each_fault(
        host,
        &REVOKE,
        &calls,
        || subject.put_back(),
        |_, outcome| {
            insist(login(host, &codes[0]) == AUTH_ERR, "a code accepted long ago was not refused")?;
            let there = is_configured(host);
            insist(!(outcome.status == 0 && there), "it was told and is not so")?;
            if there {
                insist(subject.credential_stands(), "the credential was changed")?;
                insist(login(host, &codes[1]) == SUCCESS, "half a revoke")?;
                insist(host.run(&REVOKE).status == 0, "it cannot be done again")?;
            }
            insist(login(host, &codes[2]) == AUTH_ERR, "a revoked phone logs in")?;
            let again = host.run(&ENROL);
            insist(again.status == 0, "nobody can be set up after it")?;
            insist(login(host, &codes[3]) == AUTH_ERR, "a revoked phone logs in after a new set-up")?;
            insist(login(host, &codes_of(&phone_in(&again))[0]) == SUCCESS, "the new phone does not log in")
        },
    );
}
