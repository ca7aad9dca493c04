//! Services by name: which give root, and which ask for no code and need not.

/// Services by which somebody becomes root or logs in as root, as their programs call themselves.
const GIVE_ROOT: &[&str] = &[
    "su",
    "su-l",
    "sudo",
    "sudo-i",
    "doas",
    "polkit-1",
    "login",
    "remote",
    "sshd",
    "rlogin",
    "rsh",
    "rexec",
    "telnet",
    "dropbear",
    "cockpit",
    "webmin",
    "xrdp-sesman",
    "gdm",
    "gdm-password",
    "gdm-fingerprint",
    "gdm-smartcard",
    "gdm3",
    "lightdm",
    "lxdm",
    "sddm",
    "xdm",
    "kde",
    "kdm",
    "slim",
    "ly",
    "greetd",
    "wdm",
    "tigervnc",
    "x2go",
    "ksu",
    "super",
    "userhelper",
];

/// Programs that give root, with their service: where that has no stack, the one of `other` lets in.
pub const PROGRAMS: &[(&str, &str)] = &[
    ("usr/bin/su", "su"),
    ("usr/bin/su", "su-l"),
    ("usr/bin/sudo", "sudo"),
    ("usr/bin/doas", "doas"),
    ("usr/bin/pkexec", "polkit-1"),
    ("usr/bin/login", "login"),
    ("usr/sbin/sshd", "sshd"),
];

/// Services that may ask for the password alone.
const NEED_NO_CODE: &[&str] = &[
    // They change what belongs to somebody who is logged in already, or ask root alone.
    "chfn",
    "chsh",
    "chage",
    "chgpasswd",
    "chpasswd",
    "newusers",
    "passwd",
    "groupadd",
    "groupdel",
    "groupmems",
    "groupmod",
    "useradd",
    "userdel",
    "usermod",
    "runuser",
    "runuser-l",
    "sssd-shadowutils",
    // They run what somebody left earlier, and ask nobody.
    "atd",
    "cron",
    "crond",
    "systemd-user",
    "systemd-run0",
    // They unlock a session that somebody logged into.
    "cinnamon-screensaver",
    "gnome-screensaver",
    "hyprlock",
    "i3lock",
    "kcheckpass",
    "kscreensaver",
    "light-locker",
    "mate-screensaver",
    "physlock",
    "screen",
    "slock",
    "swaylock",
    "vlock",
    "waylock",
    "xfce4-screensaver",
    "xlock",
    "xscreensaver",
    "xsecurelock",
    "xtrlock-pam",
    "gtklock",
    // The greeters' own sessions, in which nobody is logged in yet, and logins that an administrator gave away.
    "gdm-autologin",
    "gdm-launch-environment",
    "lightdm-autologin",
    "lightdm-greeter",
    "sddm-autologin",
    "sddm-greeter",
    // The stack of services that have none: the programs that give root bring their own.
    super::OTHER,
];

/// Files for others to include, which are no services. Debian's and SUSE's begin with `common-`.
const FOR_INCLUSION: &[&str] = &[
    "config-util",
    "fingerprint-auth",
    "password-auth",
    "postlogin",
    "smartcard-auth",
    "system-auth",
    "system-auth-ac",
    "password-auth-ac",
    "system-local-login",
    "system-login",
    "system-remote-login",
    "system-services",
];

/// Whether somebody becomes root by this service, or logs in as root.
pub fn gives_root(service: &str) -> bool {
    GIVE_ROOT.contains(&service)
}

/// Whether this service may ask for the password alone.
pub fn needs_no_code(service: &str) -> bool {
    NEED_NO_CODE.contains(&service) || is_for_inclusion(service)
}

/// Whether a file is there for others to include.
pub fn is_for_inclusion(name: &str) -> bool {
    FOR_INCLUSION.contains(&name) || name.starts_with("common-")
}
