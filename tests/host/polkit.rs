//! The system bus of a host and polkitd on it, for pkexec.

use crate::Host;

impl Host {
    /// Starts a system bus, which starts polkitd when it is called. These users, and no others, are
    /// administrators: with their own password they run a program as root.
    pub fn start_polkit(&self, administrators: &[&str]) {
        let identities: Vec<String> =
            administrators.iter().map(|user| format!("\"unix-user:{user}\"")).collect();
        let rule = format!("polkit.addAdminRule(function() {{ return [{}]; }});\n", identities.join(", "));
        // The first file in the order of names counts.
        self.write("/etc/polkit-1/rules.d/00-administrators.rules", rule);
        self.must_run(&["mkdir", "-p", "/run/dbus"]);
        // Returns once the bus can be called. The daemon ends with the host's process namespace.
        self.must_run(&["dbus-daemon", "--system", "--fork", "--nopidfile"]);
    }
}
