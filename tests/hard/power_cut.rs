//! The power fails after any write, sync or rename of a login, a set-up, a renewal, a revoke or an unlock, with any part
//! of the unsynced writes on the disk. The store opens, and what was accepted is never accepted again.

#![forbid(unsafe_code)]

mod disk;
mod subject;
mod version2;

use disk::{CALLS, Disk, OPTIONS, Step, steps};
use host::{HELPER, Host, Phone};
use subject::{
    AUTH_ERR, ENROL, Files, RECOVERY_CODES, REVOKE, SUCCESS, Subject, UNLOCK, UNTHROTTLED, codes_of,
    hold_lock, house, impatient, is_configured, login, login_words, phone_on_file, request, short_writes,
    status, value,
};

const LOG: &str = "/tmp/steps.log";

/// The steps of a program that strace follows, with options for it besides.
fn steps_of(host: &Host, options: &[&str], words: &[&str], input: &str) -> Vec<Step> {
    let all = [&["strace", "-o", LOG, "-e", CALLS], &OPTIONS[..], options, words].concat();
    host.run_with_input("root", &all, input);
    let log = String::from_utf8(host.read(LOG)).expect("strace writes text");
    let steps = steps(&log);
    assert!(steps.iter().any(|step| matches!(step, Step::Wrote(..) | Step::Removed(_))), "{words:?}: {log}");
    steps
}

/// The steps of a login.
fn login_steps(host: &Host, options: &[&str], code: &str) -> Vec<Step> {
    steps_of(host, options, &login_words(code), "")
}

/// Opens the store of `host` from everything that a power cut may leave of `before` within these steps.
/// `check` is told what had been said until then. Returns what had been said at the end: where nothing was,
/// nothing was checked.
#[must_use]
fn cut_anywhere(host: &Host, before: &Files, steps: &[Step], check: impl Fn(&str)) -> String {
    let mut disk = Disk::with(before);
    let (mut said, mut seen) = (String::new(), std::collections::BTreeSet::new());
    for cut in 0..=steps.len() {
        for found in disk.after_power_cut() {
            if seen.insert((found.clone(), said.clone())) {
                host.put_store(&found);
                let told = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| check(&said)));
                if let Err(why) = told {
                    eprintln!("after {:?}, with {:?} said", &steps[..cut], said);
                    std::panic::resume_unwind(why);
                }
            }
        }
        if let Some(step) = steps.get(cut) {
            disk.take(step);
            if let Step::Said(words) = step {
                said.push_str(words);
            }
        }
    }
    eprintln!("{} cut points, {} stores", steps.len() + 1, seen.len());
    said
}

/// What holds after any cut: the credential stands, and old codes stay old.
fn still_whole(subject: &Subject) {
    let Subject { host, codes, .. } = subject;
    assert!(subject.credential_stands(), "the credential was changed");
    assert_eq!(status(host)["recovery_codes_left"], RECOVERY_CODES, "recovery codes are lost");
    assert_eq!(login(host, &codes[0]), AUTH_ERR, "a code accepted long ago was not refused");
}

/// What holds after logins that were accepted with these codes: they are refused, and the fifth of all logs in.
fn stays_used(subject: &Subject, used: &[String]) {
    still_whole(subject);
    for code in used {
        assert_eq!(login(&subject.host, code), AUTH_ERR, "an accepted code was not refused");
    }
    assert_eq!(login(&subject.host, &subject.codes[4]), SUCCESS, "the next code does not log in");
}

fn accepted(said: &str) -> usize {
    said.matches("verdict 0\n").count()
}

#[test]
fn after_a_login_its_code_stays_used() {
    let subject = Subject::new(UNTHROTTLED);
    let Subject { host, codes, files, .. } = &subject;
    let all: Vec<Step> = codes[1..4].iter().flat_map(|code| login_steps(host, &[], code)).collect();
    let said = cut_anywhere(host, files, &all, |said| {
        stays_used(&subject, &codes[1..=accepted(said)]);
    });
    assert_eq!(accepted(&said), 3, "{said}");
}

#[test]
fn after_refusals_and_a_login_its_code_stays_used() {
    let subject = Subject::new(UNTHROTTLED);
    let Subject { host, codes, files, wrong, .. } = &subject;
    let tried = [&codes[1], wrong, wrong, wrong, &codes[2], wrong, &codes[3]];
    let all: Vec<Step> = tried.iter().flat_map(|code| login_steps(host, &[], code)).collect();
    let said = cut_anywhere(host, files, &all, |said| {
        stays_used(&subject, &codes[1..=accepted(said)]);
    });
    assert_eq!(accepted(&said), 3, "{said}");
}

#[test]
fn while_a_state_of_version_2_is_converted_no_code_before_it_comes_back_and_none_is_lost() {
    let mut subject = Subject::new(UNTHROTTLED);
    let state = subject.files.get_mut("alice.state").expect("alice has a state");
    *state = version2::as_version_2(state);
    subject.put_back();
    let Subject { host, codes, files, wrong, .. } = &subject;
    for tried in [[&codes[1], wrong, &codes[2], &codes[3]], [wrong, &codes[1], &codes[2], &codes[3]]] {
        subject.put_back();
        let all: Vec<Step> = tried.iter().flat_map(|code| login_steps(host, &[], code)).collect();
        assert!(host.store()["alice.state"].starts_with(b"PAMTOTP3"), "it is converted");
        let said = cut_anywhere(host, files, &all, |said| {
            stays_used(&subject, &codes[1..=accepted(said)]);
        });
        assert_eq!(accepted(&said), 3, "{said}");
    }
}

#[test]
fn after_a_sync_that_failed_no_code_before_it_comes_back() {
    let subject = Subject::new(UNTHROTTLED);
    let Subject { host, codes, files, wrong, .. } = &subject;
    let fails = ["-e", "inject=fdatasync:error=EIO:when=1"];
    let all = [
        login_steps(host, &[], &codes[1]),
        login_steps(host, &fails, &codes[2]),
        login_steps(host, &[], wrong),
        login_steps(host, &[], &codes[3]),
    ]
    .concat();
    assert!(all.iter().any(|step| matches!(step, Step::Synced(_, false))), "no sync failed");
    let said = cut_anywhere(host, files, &all, |said| {
        // The second login met the fault.
        let used = [&codes[1], &codes[3]].map(String::clone);
        stays_used(&subject, &used[..accepted(said)]);
    });
    assert_eq!(accepted(&said), 2, "{said}");
}

#[test]
fn after_a_login_that_was_killed_within_a_write_no_code_before_it_comes_back() {
    let subject = Subject::new(UNTHROTTLED);
    let Subject { host, codes, files, wrong, .. } = &subject;
    for longest in [1000, 4000, 4090] {
        subject.put_back();
        let short = short_writes(host, longest);
        let killed = ["-e", "inject=pwrite64:signal=KILL:when=2"];
        let options: Vec<&str> = short.iter().map(String::as_str).chain(killed).collect();
        let all = [
            login_steps(host, &[], &codes[1]),
            login_steps(host, &options, &codes[2]),
            login_steps(host, &[], wrong),
            login_steps(host, &[], &codes[3]),
        ]
        .concat();
        let cut_short =
            all.iter().any(|step| matches!(step, Step::Wrote(_, _, bytes) if bytes.len() == longest));
        assert!(cut_short, "no write was cut short: {all:?}");
        let said = cut_anywhere(host, files, &all, |said| {
            // The second login met the fault.
            let used = [&codes[1], &codes[3]].map(String::clone);
            stays_used(&subject, &used[..accepted(said)]);
        });
        assert_eq!(accepted(&said), 2, "{said}");
    }
}

#[test]
fn a_recovery_code_stays_spent_and_the_others_stay() {
    let subject = Subject::new(UNTHROTTLED);
    let Subject { host, recovery_codes, files, codes, .. } = &subject;
    let all: Vec<Step> = recovery_codes[..2].iter().flat_map(|code| login_steps(host, &[], code)).collect();
    let said = cut_anywhere(host, files, &all, |said| {
        assert!(subject.credential_stands(), "the credential was changed");
        for code in &recovery_codes[..accepted(said)] {
            assert_eq!(login(host, code), AUTH_ERR, "a spent recovery code was not refused");
        }
        for code in [&recovery_codes[2], &recovery_codes[9], &codes[1]] {
            assert_eq!(login(host, code), SUCCESS, "another code is lost");
        }
    });
    assert_eq!(accepted(&said), 2, "{said}");
}

#[test]
fn a_first_set_up_is_there_whole_or_not_at_all() {
    let host = house(UNTHROTTLED);
    let nothing = host.store();
    let all = steps_of(&host, &[], &ENROL, "");
    let said = cut_anywhere(&host, &nothing, &all, |said| {
        let there = is_configured(&host);
        assert!(there || !said.contains("otpauth://"), "what was told is lost");
        if there {
            if said.contains("otpauth://") {
                assert_eq!(status(&host)["recovery_codes_left"], RECOVERY_CODES, "recovery codes are lost");
            }
            assert_eq!(login(&host, &codes_of(&phone_on_file(&host))[0]), SUCCESS, "half a set-up");
        } else {
            assert_eq!(login(&host, "123456"), AUTH_ERR);
            assert_eq!(host.run(&ENROL).status, 0, "it cannot be made again");
        }
    });
    assert!(said.contains("otpauth://"), "{said}");
}

/// A revoke, with these options of strace for it, is done or all is as it was.
fn revokes(subject: &Subject, options: &[&str]) {
    let Subject { host, codes, files, .. } = subject;
    let all = steps_of(host, options, &REVOKE, "");
    let said = cut_anywhere(host, files, &all, |said| {
        assert_eq!(login(host, &codes[0]), AUTH_ERR, "a code accepted long ago was not refused");
        if is_configured(host) {
            assert!(!said.contains("removed"), "it was told and is not so");
            still_whole(subject);
            assert_eq!(login(host, &codes[1]), SUCCESS, "half a revoke");
        } else {
            assert_eq!(login(host, &codes[1]), AUTH_ERR, "a revoked phone logs in");
            assert_eq!(host.run(&ENROL).status, 0, "nobody can be set up after it");
        }
    });
    assert!(said.contains("removed"), "{said}");
}

#[test]
fn after_a_revoke_no_code_comes_back() {
    revokes(&Subject::new(UNTHROTTLED), &[]);
}

#[test]
fn after_a_revoke_that_takes_the_lock_over_no_code_comes_back() {
    let subject = Subject::new(UNTHROTTLED);
    let _holder = hold_lock(&subject.host);
    let options = impatient(&subject.host, usize::MAX);
    revokes(&subject, &options.each_ref().map(String::as_str));
}

#[test]
fn an_unlock_that_takes_the_lock_over_leaves_the_state_whole() {
    let mut subject = Subject::new(UNTHROTTLED);
    assert_eq!(login(&subject.host, &subject.wrong), AUTH_ERR);
    subject.files = subject.host.store();
    let Subject { host, codes, recovery_codes, files, .. } = &subject;
    let options = impatient(host, usize::MAX);
    let holder = hold_lock(host);
    let all = steps_of(host, &options.each_ref().map(String::as_str), &UNLOCK, "");
    drop(holder);
    let replaced = |step: &Step| matches!(step, Step::Renamed(_, to) if to == "alice.state");
    assert!(all.iter().any(replaced), "the lock was not taken over: {all:?}");
    let said = cut_anywhere(host, files, &all, |_| {
        still_whole(&subject);
        let why = host.must_run(&["totp-enroll", "admin", "why", "alice", "--json"]);
        assert!(why.contains("wrong-code"), "the refusal is forgotten: {why}");
        assert_eq!(login(host, &recovery_codes[9]), SUCCESS, "a recovery code does not log in");
        assert_eq!(login(host, &codes[1]), SUCCESS, "the next code does not log in");
    });
    assert!(said.contains("forgiven"), "{said}");
}

#[test]
fn a_renewal_leaves_the_old_secret_or_the_new_one() {
    let subject = Subject::new(UNTHROTTLED);
    let Subject { host, codes, files, .. } = &subject;
    let begin = request(&format!("ask = \"begin\"\npurpose = \"renewal\"\ncode = \"{}\"", codes[1]));
    let mut all = steps_of(host, &[], &[HELPER], &begin);
    let answer: String = all
        .iter()
        .filter_map(|step| if let Step::Said(text) = step { Some(text.as_str()) } else { None })
        .collect();
    let new = codes_of(&Phone::scan(value(&answer, "uri")));
    let nonce = value(&answer, "nonce");
    let confirm = request(&format!("ask = \"confirm\"\nnonce = \"{nonce}\"\ncode = \"{}\"", new[0]));
    all.extend(steps_of(host, &[], &[HELPER], &confirm));
    let said = cut_anywhere(host, files, &all, |said| {
        assert_eq!(login(host, &codes[0]), AUTH_ERR, "a code accepted long ago was not refused");
        if said.contains("otpauth://") {
            assert_eq!(login(host, &codes[1]), AUTH_ERR, "the code that began it was not refused");
        }
        assert_eq!(status(host)["recovery_codes_left"], RECOVERY_CODES, "recovery codes are lost");
        if subject.credential_stands() {
            assert!(!said.contains("recovery_codes"), "it was told and is not so");
            assert_eq!(login(host, &new[2]), AUTH_ERR, "the new phone logs in too early");
            assert_eq!(login(host, &codes[2]), SUCCESS, "the old phone does not log in");
        } else {
            assert_eq!(login(host, &codes[2]), AUTH_ERR, "the old phone still logs in");
            assert_eq!(login(host, &new[0]), AUTH_ERR, "the proof logs in");
            assert_eq!(login(host, &new[2]), SUCCESS, "the new phone does not log in");
        }
    });
    assert!(said.contains("otpauth://") && said.contains("recovery_codes"), "{said}");
}
