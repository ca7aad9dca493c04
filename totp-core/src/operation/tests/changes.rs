//! What users change of what they have, and may change: renewal, devices, recovery codes, removal.

use super::*;
use crate::login::Factor;

#[test]
fn renewing_takes_a_code_and_the_old_secret_works_until_the_new_is_proven() {
    let mut home = Home::new();
    let (old, _) = home.sets_up();
    assert_eq!(
        reason(home.begins(Purpose::Renewal, None, Some("000000")).map(|_| unreachable_verdict())),
        Reason::WrongCode
    );
    let begun = home.begins(Purpose::Renewal, None, Some(&old.code(home.now))).unwrap();
    let new = Phone::with(&begun.secret);
    home.now = home.now.plus(30);
    assert!(!home.is_let_in(&new.code(home.now)));
    assert!(home.is_let_in(&old.code(home.now)));
    home.now = home.now.plus(30);
    let confirmed = home.confirms(&begun, &new.code(home.now)).unwrap();
    assert!(confirmed.recovery_codes.is_empty(), "the recovery codes stay");
    assert_eq!(home.status().recovery_codes_left, 10);
    assert!(!home.is_let_in(&new.code(home.now)), "the proving code is spent");
    home.now = home.now.plus(30);
    assert!(!home.is_let_in(&old.code(home.now)));
    assert!(home.is_let_in(&new.code(home.now)));
}

fn unreachable_verdict() -> Verdict {
    Verdict::Accepted(Factor::RecoveryCode { left: 0 })
}

#[test]
fn devices_are_added_and_removed_with_a_code_and_go_by_name() {
    let mut home = Home::new();
    let (phone, _) = home.sets_up();
    assert!(
        matches!(home.begins(Purpose::Further, None, None), Err(Failure::Impossible(_))),
        "the name is taken"
    );
    let begun = home.begins(Purpose::Further, Some("tablet"), Some(&phone.code(home.now))).unwrap();
    let tablet = Phone::with(&begun.secret);
    home.confirms(&begun, &tablet.code(home.now)).unwrap();
    home.now = home.now.plus(30);
    assert!(home.is_let_in(&phone.code(home.now)) && home.is_let_in(&tablet.code(home.now)));
    assert!(
        matches!(home.begins(Purpose::Renewal, None, Some("000000")), Err(Failure::Impossible(_))),
        "which?"
    );

    home.now = home.now.plus(30);
    let device = DeviceName::new("phone").unwrap();
    let code = typed(&tablet.code(home.now));
    home.asks(Request::RemoveDevice { device: device.clone(), code }).unwrap();
    home.now = home.now.plus(30);
    assert!(!home.is_let_in(&phone.code(home.now)));
    let code = typed(&tablet.code(home.now));
    let last = DeviceName::new("tablet").unwrap();
    assert!(matches!(home.asks(Request::RemoveDevice { device: last, code }), Err(Failure::Impossible(_))));
}

#[test]
fn there_are_eight_devices_at_most() {
    let mut home = Home::new();
    let (phone, _) = home.sets_up();
    for number in 2..=8 {
        let begun =
            home.begins(Purpose::Further, Some(&format!("d{number}")), Some(&phone.code(home.now))).unwrap();
        home.confirms(&begun, &Phone::with(&begun.secret).code(home.now)).unwrap();
        home.now = home.now.plus(30);
    }
    assert_eq!(home.status().devices.len(), 8);
    let ninth = home.begins(Purpose::Further, Some("d9"), Some(&phone.code(home.now)));
    assert!(matches!(ninth, Err(Failure::Impossible(_))));
    assert!(home.is_let_in(&phone.code(home.now)), "and no code was spent on it");
}

#[test]
fn new_recovery_codes_take_the_place_of_the_old() {
    let mut home = Home::new();
    let (_, confirmed) = home.sets_up();
    let old = &confirmed.recovery_codes;
    let Ok(Reply::RecoveryCodes(new)) = home.asks(Request::RenewRecovery { code: old[0].clone() }) else {
        panic!("a recovery code is a code");
    };
    assert_eq!(home.status().recovery_codes_left, 10);
    assert!(!home.is_let_in(&old[1]));
    assert!(home.is_let_in(&new[1]));
}

#[test]
fn removing_two_factor_login_takes_a_code_and_leaves_nothing() {
    let mut home = Home::new();
    let (phone, _) = home.sets_up();
    assert_eq!(
        reason(home.asks(Request::Unset { code: typed("000000") }).map(|_| unreachable_verdict())),
        Reason::WrongCode
    );
    assert!(home.status().configured);
    home.asks(Request::Unset { code: typed(&phone.code(home.now)) }).unwrap();
    assert!(!home.status().configured);
    assert_eq!(home.names(), Vec::<String>::new());
}

#[test]
fn where_it_is_required_and_no_login_could_set_it_up_again_it_cannot_be_removed() {
    let mut home = Home::new();
    let (phone, _) = home.sets_up();
    home.policy.mode = Mode::Required;
    home.policy.enrollment.at_login.clear();
    let refused = home.asks(Request::Unset { code: typed(&phone.code(home.now)) });
    assert!(matches!(refused, Err(Failure::Impossible(_))));
    assert!(home.is_let_in(&phone.code(home.now)), "the code was not spent on it");
    home.now = home.now.plus(30);
    home.policy.enrollment.at_login.push("sshd".into());
    home.policy.enrollment.needs_invitation = true;
    let refused = home.asks(Request::Unset { code: typed(&phone.code(home.now)) });
    assert!(matches!(refused, Err(Failure::Impossible(_))), "nobody would hand out an invitation");
    home.policy.enrollment.needs_invitation = false;
    assert!(home.asks(Request::Unset { code: typed(&phone.code(home.now)) }).is_ok());
}

#[test]
fn the_policy_says_what_users_may_do_and_root_may_everything() {
    let mut home = Home::new();
    let (phone, _) = home.sets_up();
    let may = &mut home.policy.enrollment;
    (may.enroll, may.renew, may.unset, may.show) = (false, false, false, false);
    let code = || typed("000000");
    let device = || DeviceName::new("phone").unwrap();
    let requests: [&dyn Fn() -> Request; 6] = [
        &|| Request::Begin { purpose: Purpose::Further, device: None, code: Some(code()) },
        &|| Request::Begin { purpose: Purpose::Renewal, device: None, code: Some(code()) },
        &|| Request::RenewRecovery { code: code() },
        &|| Request::RemoveDevice { device: device(), code: code() },
        &|| Request::Unset { code: code() },
        &|| Request::Show { device: None, code: code() },
    ];
    for request in requests {
        assert!(matches!(home.asks(request()), Err(Failure::NotPermitted(_))));
    }
    home.actor = Actor::Root;
    for request in requests {
        assert!(!matches!(home.asks(request()), Err(Failure::NotPermitted(_))));
    }
    home.now = home.now.plus(3600);
    home.asks(Request::Show { device: None, code: typed(&phone.code(home.now)) }).unwrap();
}
