//! Users of a host, made by the distribution's own tools.

use crate::Host;

impl Host {
    /// Adds a user with a home, bash and a password. One of that name on this machine is not
    /// touched: the host has a user database of its own.
    pub fn add_user(&self, name: &str, password: &str) {
        self.run(&["userdel", "--force", name]);
        self.must_run(&[
            "useradd",
            "--create-home",
            "--user-group",
            "--shell",
            "/bin/bash",
            "--badname",
            name,
        ]);
        self.set_password(name, password);
    }

    /// Gives a user of the host's own files another password; root has none to begin with.
    pub fn set_password(&self, name: &str, password: &str) {
        let outcome = self.run_with_input("root", &["chpasswd"], format!("{name}:{password}\n"));
        assert_eq!(outcome.status, 0, "the password of {name} could not be set: {outcome:?}");
    }

    /// Removes a user, and adds one of the same name with another uid.
    pub fn recreate_user(&self, name: &str, password: &str) {
        let uid = self.uid(name) + 1000;
        self.must_run(&["userdel", "--remove", name]);
        self.add_user(name, password);
        self.must_run(&["usermod", "--uid", &uid.to_string(), name]);
    }

    /// Removes a user and the home.
    pub fn remove_user(&self, name: &str) {
        self.must_run(&["userdel", "--remove", name]);
    }

    /// Adds a user with a home and a password who gets no shell, as an account for a service.
    pub fn add_service_account(&self, name: &str, password: &str) {
        self.add_user(name, password);
        self.must_run(&["usermod", "--shell", "/usr/sbin/nologin", name]);
    }

    /// The password of the user must be changed at the next login: the account lines of a stack say
    /// `new_authtok_reqd`.
    pub fn expire_password(&self, name: &str) {
        self.must_run(&["chage", "--lastday", "0", name]);
    }

    /// No password is right for this user any more.
    pub fn lock(&self, name: &str) {
        self.must_run(&["usermod", "--lock", name]);
    }

    /// Adds a group with these members by a line in /etc/group, so that hundreds of them cost little.
    pub fn add_group(&self, name: &str, members: &[&str]) {
        const FIRST_GID: usize = 30_000;
        let groups = String::from_utf8(self.read("/etc/group")).expect("/etc/group is text");
        let gid = FIRST_GID + groups.lines().count();
        self.write("/etc/group", format!("{groups}{name}:x:{gid}:{}\n", members.join(",")));
    }

    /// The uid of a user.
    pub fn uid(&self, name: &str) -> u32 {
        let said = self.must_run(&["id", "--user", name]);
        said.trim().parse().expect("id says a number")
    }
}
