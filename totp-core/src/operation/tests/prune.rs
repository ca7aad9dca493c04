//! Notes about users whom the name service does not know, and what they are worth.

use super::*;
use crate::absence::{LONG_ENOUGH, Moment};
use std::os::unix::fs::symlink;

impl Home {
    fn moment(&self) -> Moment {
        Moment { now: self.now, boot: "boot".to_owned(), uptime: self.now.0 - NOON.0 }
    }

    fn left(&self) -> u64 {
        admin::absence_left(&self.context(), &self.moment()).unwrap()
    }

    fn notes(&self) {
        admin::note_absence(&self.context(), &self.moment()).unwrap();
    }
}

#[test]
fn a_user_may_be_removed_a_day_after_the_first_note_and_not_before() {
    let mut home = Home::new();
    home.sets_up();
    assert_eq!(home.left(), LONG_ENOUGH, "never by one run");
    home.notes();
    for _ in 0..24 {
        home.now = home.now.plus(3600);
        home.notes();
    }
    assert_eq!(home.left(), 0, "runs in between do not begin anew");
    assert!(home.has_logged_once("event=absence result=done"));
}

#[test]
fn who_is_known_again_or_let_in_loses_the_note() {
    let mut home = Home::new();
    let (phone, _) = home.sets_up();
    home.notes();
    home.now = home.now.plus(LONG_ENOUGH - 60);
    assert!(home.is_let_in(&phone.code(home.now)));
    home.now = home.now.plus(LONG_ENOUGH);
    assert_eq!(home.left(), LONG_ENOUGH);
    home.notes();
    home.now = home.now.plus(LONG_ENOUGH);
    assert_eq!(home.left(), 0, "noted anew");
    admin::end_absence(&home.context()).unwrap();
    assert_eq!(home.left(), LONG_ENOUGH);
    assert_eq!(home.names(), ["alice.state", "alice.toml"]);
}

#[test]
fn a_note_that_is_not_the_stores_is_none_and_is_made_anew() {
    for text in [
        "",
        "version = 1\n",
        "since = 2020-01-01T00:00:00Z",
        "\u{0}",
        "since = 9999-01-01T00:00:00Z\nboot = \"\"\nuptime = 0\nversion = 1\n",
    ] {
        let mut home = Home::new();
        home.sets_up();
        let path = home.directory.path().join("alice.absent");
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        assert_eq!(home.left(), LONG_ENOUGH, "{text:?}");
        home.notes();
        home.now = home.now.plus(LONG_ENOUGH);
        assert_eq!(home.left(), 0, "{text:?}");
    }
    let mut home = Home::new();
    home.sets_up();
    symlink("/etc/passwd", home.directory.path().join("alice.absent")).unwrap();
    assert_eq!(home.left(), LONG_ENOUGH);
    home.notes();
    home.now = home.now.plus(LONG_ENOUGH);
    assert_eq!(home.left(), 0);
}

#[test]
fn of_who_has_an_override_alone_the_note_leaves_no_state() {
    let mut home = Home::new();
    home.actor = Actor::Root;
    let wanted = admin::Override { mode: Mode::Required, until: None };
    admin::set_mode(&home.context(), Some(wanted)).unwrap();
    home.notes();
    assert_eq!(home.names(), ["alice.absent", "alice.mode"]);
    admin::prune(&home.context()).unwrap();
    assert_eq!(home.names(), Vec::<String>::new());
}

impl Home {
    fn has_logged_once(&self, text: &str) -> bool {
        self.lines.0.borrow().iter().filter(|line| line.contains(text)).count() == 1
    }
}
