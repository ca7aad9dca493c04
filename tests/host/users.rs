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

    /// The uid of a user.
    pub fn uid(&self, name: &str) -> u32 {
        let said = self.must_run(&["id", "--user", name]);
        said.trim().parse().expect("id says a number")
    }
}
