//! What users and administrators do with a credential while a crowd logs in by it.

use super::{AUTH_ERR, CROWD, SERVICE, SUCCESS, house, report, revoke, status, token, win, winners};
use host::{Act, Crowd, HELPER, Host, Party, Phone};
use std::io::Write as _;
use std::time::Instant;

const ROUNDS: usize = 60;

/// Rounds in which the logins come ever later, from before the errand's own start to after its end.
#[derive(Default)]
struct Rounds {
    played: u64,
    errand_took: u64,
    logins_won: usize,
    errands_done: usize,
}

impl Rounds {
    /// Half of the crowd logs in by programs of root, half through the helper.
    fn play(&mut self, crowd: &mut Crowd, code: &str, errand: Party) -> (Vec<Act>, Act) {
        const DELAYS: u64 = 8;
        let later = self.errand_took * (self.played % DELAYS) / (DELAYS - 2);
        let logins = Party::logins(CROWD / 2, "alice", code).later(later);
        let mut acts = crowd.at_once(&[logins.clone(), logins.unprivileged(), errand]);
        let errand = acts.pop().expect("an errand was run");
        self.played += 1;
        self.errand_took = errand.ended - errand.began;
        self.logins_won += winners(&acts);
        self.errands_done += usize::from(errand.result == SUCCESS);
        (acts, errand)
    }

    /// Tells how often a login came first and how often none did: both are wanted.
    fn report(&self, what: &str, since: Instant) {
        report(what, ROUNDS, since);
        let _ = writeln!(std::io::stderr(), "    a login got in first in {}", self.logins_won);
        assert!(self.logins_won > 0, "the errand was always first: nothing was raced");
        assert!(
            self.logins_won < ROUNDS && self.errands_done > 0,
            "a login was always first: nothing was raced"
        );
    }
}

/// At most one got in, none that began after the errand was done, and the others were refused for their code.
fn at_most_one_before(logins: &[Act], errand: Act, round: usize) {
    assert!(winners(logins) <= 1, "in round {round}: {logins:?}");
    win(logins, winners(logins), round);
    let late = logins.iter().any(|act| act.result == SUCCESS && act.began >= errand.ended);
    assert!(!late, "in round {round}, {errand:?}: {logins:?}");
}

/// Nobody gets in by this code, whichever way.
fn opens_nothing(crowd: &mut Crowd, code: &str) {
    let acts =
        crowd.at_once(&[Party::logins(2, "alice", code), Party::logins(2, "alice", code).unprivileged()]);
    assert!(acts.iter().all(|act| act.result == AUTH_ERR), "{code} let somebody in: {acts:?}");
}

/// What totp-enroll sends to the helper for its user.
fn request(text: &str) -> String {
    format!("user = \"alice\"\nservice = \"totp-enroll\"\n[request]\n{text}\n")
}

fn renewal(code: &str) -> String {
    request(&format!("ask = \"begin\"\npurpose = \"renewal\"\ncode = \"{code}\""))
}

/// Calls totp-helper on a socket.
const CALLER: &str = "/usr/local/bin/caller";

/// Has the helper answer a request when the crowd acts; it fails where that is not done.
fn helper_errand(host: &Host, request: &str) -> Party {
    if !host.has(CALLER) {
        host.write("/tmp/caller.c", include_str!("../caller.c"));
        host.must_run(&["cc", "-std=gnu11", "-O1", "-o", CALLER, "/tmp/caller.c"]);
    }
    host.write("/tmp/request.toml", request);
    Party::command("alice", &format!("{CALLER} nothing {HELPER} /tmp/request.toml | grep -q '^.done'"))
}

fn value(answer: &str, key: &str) -> String {
    let start = format!("{key} = \"");
    let found = answer.lines().find_map(|line| line.strip_prefix(&start)?.strip_suffix('"'));
    found.unwrap_or_else(|| panic!("there is no `{key}` in: {answer}")).to_owned()
}

#[test]
fn a_code_serves_one_login_or_one_errand_and_never_both() {
    let host = house();
    let errands: [&dyn Fn(&str) -> Party; 3] = [
        &|code| helper_errand(&host, &renewal(code)),
        &|code| Party::command("alice", &format!("totp-enroll verify {code} >/dev/null 2>&1")),
        &|code| helper_errand(&host, &request(&format!("ask = \"renew-recovery\"\ncode = \"{code}\""))),
    ];
    let mut codes = token(&host, ROUNDS);
    let mut crowd = host.crowd(SERVICE);
    let mut rounds = Rounds::default();
    let mut done = [false; 3];
    let since = Instant::now();
    for (round, code) in codes.by_ref().take(ROUNDS).enumerate() {
        let kind = round % errands.len();
        let (logins, errand) = rounds.play(&mut crowd, &code, errands[kind](&code));
        done[kind] |= errand.result == SUCCESS;
        win(&logins, usize::from(errand.result != SUCCESS), round);
    }
    rounds.report("one code for logins and an errand", since);
    assert_eq!(done, [true; 3], "one kind of errand was never done");
    assert_eq!(status(&host)["configured"], true);
}

#[test]
fn a_renewal_that_is_done_leaves_the_old_phone_no_login() {
    let host = house();
    let mut old = host.enrol("alice");
    let mut crowd = host.crowd(SERVICE);
    let mut rounds = Rounds::default();
    let since = Instant::now();
    for round in 0..ROUNDS {
        let answer = host.run_with_input("alice", &[HELPER], renewal(&old.code())).stdout;
        let mut new = Phone::scan(&value(&answer, "uri")).with_window(10);
        let proof = format!("nonce = \"{}\"\ncode = \"{}\"", value(&answer, "nonce"), new.code());
        let errand = helper_errand(&host, &request(&format!("ask = \"confirm\"\n{proof}")));
        let (logins, confirmed) = rounds.play(&mut crowd, &old.code(), errand);
        assert_eq!(confirmed.result, SUCCESS, "in round {round}: {logins:?}");
        at_most_one_before(&logins, confirmed, round);
        opens_nothing(&mut crowd, &old.code());
        win(&crowd.at_once(&[Party::logins(CROWD, "alice", &new.code())]), 1, round);
        old = new;
    }
    rounds.report("logins and a renewal", since);
    assert_eq!(status(&host)["recovery_codes_left"], 10);
}

#[test]
fn a_code_that_unset_took_lets_nobody_in() {
    let host = house();
    let mut crowd = host.crowd(SERVICE);
    let mut rounds = Rounds::default();
    let since = Instant::now();
    for round in 0..ROUNDS {
        let mut codes = token(&host, 4);
        let mut next = || codes.next().expect("four codes were made");
        let code = next();
        let same = round / 8 % 2 == 0;
        let taken = if same { code.clone() } else { next() };
        let unset = format!("echo {taken} | totp-enroll unset --yes >/dev/null 2>&1");
        let (logins, unset) = rounds.play(&mut crowd, &code, Party::command("alice", &unset));
        at_most_one_before(&logins, unset, round);
        let expected = !same || winners(&logins) == 0;
        assert_eq!(unset.result == SUCCESS, expected, "in round {round}: {logins:?}");
        assert_eq!(status(&host)["configured"], unset.result != SUCCESS);
        if unset.result == SUCCESS {
            opens_nothing(&mut crowd, &code);
            opens_nothing(&mut crowd, &next());
            assert!(host.store_names().is_empty(), "in round {round}: {:?}", host.store_names());
        } else {
            revoke(&host);
        }
    }
    rounds.report("logins and unset", since);
}

#[test]
fn after_a_revoke_nobody_gets_in() {
    let host = house();
    let mut crowd = host.crowd(SERVICE);
    let mut rounds = Rounds::default();
    let since = Instant::now();
    for round in 0..ROUNDS {
        let mut codes = token(&host, 4);
        let mut next = || codes.next().expect("four codes were made");
        let code = next();
        let revoke = Party::command("root", "totp-enroll admin revoke alice --yes >/dev/null 2>&1");
        let (logins, revoked) = rounds.play(&mut crowd, &code, revoke);
        assert_eq!(revoked.result, SUCCESS, "in round {round}: {logins:?}");
        at_most_one_before(&logins, revoked, round);
        opens_nothing(&mut crowd, &code);
        opens_nothing(&mut crowd, &next());
        assert_eq!(status(&host)["configured"], false);
        assert!(host.store_names().is_empty(), "in round {round}: {:?}", host.store_names());
    }
    rounds.report("logins and revoke", since);
}

#[test]
fn to_unlock_opens_no_code_twice() {
    let host = house();
    let mut codes = token(&host, ROUNDS);
    let mut crowd = host.crowd(SERVICE);
    let mut rounds = Rounds::default();
    let since = Instant::now();
    for (round, code) in codes.by_ref().take(ROUNDS).enumerate() {
        let unlock = Party::command("root", "totp-enroll admin unlock alice >/dev/null 2>&1");
        let (logins, unlocked) = rounds.play(&mut crowd, &code, unlock);
        assert_eq!(unlocked.result, SUCCESS, "in round {round}: {logins:?}");
        win(&logins, 1, round);
    }
    report("logins and unlock", ROUNDS, since);
    super::log_counts(&host, ROUNDS, ROUNDS * (CROWD - 1));
}
