//! A crowd of one user who is not set up: one invitation serves one of them, one login of grace lets one in.

use super::{AUTH_ERR, CROWD, report, revoke, status, winners};
use host::{Host, POLICY, Party};
use std::time::Instant;

const ROUNDS: usize = 40;

/// The service that sets users up, behind a key.
const SERVICE: &str = "sshd";
const STACK: &str = "auth required pam_totp.so setup\nauth required pam_permit.so\n\
                     account required pam_totp.so\naccount required pam_permit.so\n\
                     session required pam_totp.so\nsession required pam_permit.so\n";

/// PAM_PERM_DENIED in the account phase: set up meanwhile, no grace left, or no invitation any more.
const NOT_SET_UP: i32 = 106;
/// PAM_PERM_DENIED in the session phase: proven, and overtaken.
const OVERTAKEN: i32 = 206;

fn policy_with(enrollment: &str) -> String {
    format!("mode = \"required\"\n[totp]\nwindow = 10\n[enrollment]\n{enrollment}\n")
}

fn house(enrollment: &str) -> Host {
    let host = Host::builder().user("alice", "wonderland").policy(&policy_with(enrollment)).build();
    host.write(&format!("/etc/pam.d/{SERVICE}"), STACK);
    host
}

#[test]
fn of_sixteen_set_ups_with_one_invitation_one_counts() {
    let host = house("needs_invitation = true");
    let mut crowd = host.crowd(SERVICE);
    let since = Instant::now();
    for round in 0..ROUNDS {
        let made = host.run(&["totp-enroll", "admin", "invite", "alice", "--json"]).json();
        let invitation = made["invitation"].as_str().expect("`invitation` is a string");
        let acts = crowd.at_once(&[Party::set_ups(CROWD, "alice", invitation)]);
        assert_eq!(winners(&acts), 1, "in round {round}: {acts:?}");
        let expected = [0, AUTH_ERR, NOT_SET_UP, OVERTAKEN];
        assert!(acts.iter().all(|act| expected.contains(&act.result)), "in round {round}: {acts:?}");
        assert_eq!(status(&host)["configured"], true);
        assert_eq!(host.store_names(), ["alice.state", "alice.toml"], "in round {round}");
        revoke(&host);
        let again = crowd.at_once(&[Party::set_ups(2, "alice", invitation)]);
        assert!(again.iter().all(|act| act.result == NOT_SET_UP), "in round {round}: {again:?}");
    }
    report("one invitation", ROUNDS, since);
    assert_eq!(host.times_logged("event=setup result=done"), ROUNDS);
}

#[test]
fn of_sixteen_who_put_set_up_off_as_many_get_in_as_logins_are_left() {
    let host = house("grace_logins = 1");
    let mut crowd = host.crowd(SERVICE);
    let since = Instant::now();
    for round in 1..=ROUNDS {
        // What was used up stays used up, so one more is one left.
        host.write(POLICY, policy_with(&format!("grace_logins = {round}")));
        let acts = crowd.at_once(&[Party::put_offs(CROWD, "alice")]);
        assert_eq!(winners(&acts), 1, "in round {round}: {acts:?}");
        let others = acts.iter().filter(|act| act.result != 0);
        assert!(others.clone().all(|act| act.result == NOT_SET_UP), "in round {round}: {acts:?}");
    }
    report("one login of grace", ROUNDS, since);
    assert_eq!(host.times_logged("event=setup result=put-off"), ROUNDS);
    assert_eq!(status(&host)["configured"], false);
}
