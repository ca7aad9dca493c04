//! What `make install` says is to be done next, done word by word on a host as Debian ships it.

use crate::installation::{make, with_what_was_built};
use host::{Host, Phone, Stack, Theme, distributions_stack, with_lines_added};

/// sshd's stack as Debian ships it, without its comments.
const DEBIAN: &str = "@include common-auth\naccount required pam_nologin.so\n@include common-account\n\
                      session [success=ok ignore=ignore module_unknown=ignore default=bad] pam_selinux.so close\n\
                      session required pam_loginuid.so\nsession optional pam_keyinit.so force revoke\n\
                      @include common-session\nsession required pam_limits.so\nsession required pam_env.so\n\
                      @include common-password\n";

/// The text, and what has been read of it: steps are followed in their order.
struct Text<'t>(&'t str);

impl<'t> Text<'t> {
    /// Goes on behind this.
    fn reads(&mut self, words: &str) -> &mut Self {
        let place = self.0.find(words).unwrap_or_else(|| panic!("`{words}` does not follow: {}", self.0));
        self.0 = &self.0[place + words.len()..];
        self
    }

    /// The lines that are set off next.
    fn set_off(&mut self) -> Vec<&'t str> {
        let is_set_off = |line: &&str| line.starts_with("       ");
        let lines: Vec<_> = self
            .0
            .lines()
            .skip_while(|line| !is_set_off(line))
            .take_while(is_set_off)
            .map(str::trim)
            .collect();
        self.reads(lines.last().expect("a line is set off"));
        lines
    }
}

/// Adds a line to the stack where its words say; gives it back without them.
fn add(stack: &mut Vec<String>, line: &str) {
    let (line, place) = line.rsplit_once("   ").expect("where it belongs stands behind it");
    let kind = line.split_whitespace().next().expect("a line has a kind");
    let password = || stack.iter().position(|one| one == "@include common-auth").expect("the password");
    let position = match place.trim() {
        "above the password" => password(),
        "below the password" => 1 + password(),
        "first of its kind" => stack
            .iter()
            .position(|one| one.starts_with(kind) || *one == format!("@include common-{kind}"))
            .expect("one of its kind"),
        other => panic!("where is `{other}`?"),
    };
    stack.insert(position, line.trim().to_owned());
}

#[test]
fn the_next_steps_followed_word_by_word_lead_to_a_login_with_a_code() {
    let host = with_what_was_built(
        Host::builder()
            .bare()
            .user("alice", "wonderland")
            .stack("sshd", Stack::Text(DEBIAN))
            .sshd_as_shipped()
            .build(),
    );
    // What the unit of sshd does on reload.
    host.write(
        "/usr/bin/systemctl",
        "#!/bin/sh\n[ \"$*\" = 'reload ssh' ] && sshd -t && kill -HUP $(cat /run/sshd.pid)\n",
    );
    host.must_run(&["chmod", "755", "/usr/bin/systemctl"]);
    let said = make(&host, &["install"]).stdout;
    let mut text = Text(&said);

    text.reads("asks nobody yet").reads("/etc/ssh/sshd_config.d/00-pam_totp.conf");
    host.write("/etc/ssh/sshd_config.d/00-pam_totp.conf", text.set_off().join("\n") + "\n");
    let commands = text.set_off();
    assert_eq!(commands, ["sshd -t", "systemctl reload ssh"]);
    for command in commands {
        host.must_run(&["sh", "-c", command]);
    }
    host.wait_until("sshd has reloaded", |host| host.times_logged("Server listening on 127.0.0.1") == 2);

    text.reads("/etc/pam.d/sshd");
    let mut stack: Vec<_> = DEBIAN.lines().map(str::to_owned).collect();
    text.set_off().into_iter().for_each(|line| add(&mut stack, line));
    host.write("/etc/pam.d/sshd", stack.join("\n") + "\n");
    text.reads(" /usr/share/doc/pam_totp/pam.d.");
    assert_eq!(text.set_off(), ["totp-enroll admin policy check"]);
    let check = || host.run(&["totp-enroll", "admin", "policy", "check"]);
    let told = check().stderr;
    for service in ["sudo-i", "su", "login"] {
        assert!(told.contains(&format!("warning: {service}: gives root without a code")), "{told}");
    }
    for service in ["login", "su", "su-l", "sudo", "sudo-i", "polkit-1", "doas"] {
        let lines = host.read(&format!("/usr/share/doc/pam_totp/pam.d/{service}"));
        let lines = String::from_utf8(lines).expect("the lines are text");
        let stack = with_lines_added(&distributions_stack(service), &lines).expect(service);
        host.write(&format!("/etc/pam.d/{service}"), stack);
    }
    let checked = check();
    // Services that got no lines are named; of sshd there is nothing to say.
    let of_sshd = |line: &&str| !line.contains("no auth line of its PAM stack names pam_totp.so");
    let of_sshd: Vec<_> = checked.stderr.lines().filter(of_sshd).collect();
    assert_eq!((checked.status, of_sshd), (0, Vec::new()), "{checked:?}");

    text.reads("as the user you are: totp-enroll");
    let terminal = host.terminal("alice", &["totp-enroll"]);
    terminal.asks_for_proof();
    let mut phone = Phone::scan(&terminal.qr(Theme::Dark).expect("a camera reads the QR code"));
    terminal.enters(&phone.code());
    terminal.shows("Two-factor login is set up");
    text.reads("Log in once more");
    let mut login = host.ssh("alice");
    login.answers("Password: ", "wonderland").answers("Verification code: ", &phone.code());
    login.is_let_in_as("alice");
}
