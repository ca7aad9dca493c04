//! What is known of the modules that stand beside pam_totp.so in a stack.

use super::control::Answer;
use super::handler::Handler;

/// Modules that show nobody's identity: their success alone must let nobody in. None of them says that a
/// password has expired, either. Every other module may do both.
const SHOW_NOBODY: &[&str] = &[
    "pam_access.so",
    "pam_cap.so",
    "pam_deny.so",
    "pam_echo.so",
    "pam_env.so",
    "pam_faildelay.so",
    "pam_faillock.so",
    "pam_gdm.so",
    "pam_gnome_keyring.so",
    "pam_group.so",
    "pam_issue.so",
    "pam_keyinit.so",
    "pam_kwallet5.so",
    "pam_kwallet.so",
    "pam_lastlog.so",
    "pam_lastlog2.so",
    "pam_limits.so",
    "pam_listfile.so",
    "pam_localuser.so",
    "pam_loginuid.so",
    "pam_mail.so",
    "pam_mkhomedir.so",
    "pam_motd.so",
    "pam_namespace.so",
    "pam_nologin.so",
    "pam_oddjob_mkhomedir.so",
    "pam_permit.so",
    "pam_pwhistory.so",
    "pam_pwquality.so",
    "pam_rootok.so",
    "pam_securetty.so",
    "pam_selinux.so",
    "pam_sepermit.so",
    "pam_setquota.so",
    "pam_shells.so",
    "pam_succeed_if.so",
    "pam_systemd.so",
    "pam_tally2.so",
    "pam_time.so",
    "pam_totp.so",
    "pam_tty_audit.so",
    "pam_umask.so",
    "pam_usertype.so",
    "pam_uid_min.so",
    "pam_warn.so",
    "pam_wheel.so",
    "pam_xauth.so",
];

/// Programs that everybody may start and that stay the caller's by their real user ID: there pam_rootok succeeds
/// for root alone. In a server such as sshd the process itself is root's, and it succeeds for everybody.
const ROOTOK_MEANS_ROOT: &[&str] = &[
    "su",
    "su-l",
    "sudo",
    "sudo-i",
    "runuser",
    "runuser-l",
    "chfn",
    "chsh",
    "passwd",
    "chage",
    "chgpasswd",
    "chpasswd",
    "newusers",
    "groupadd",
    "groupdel",
    "groupmems",
    "groupmod",
    "useradd",
    "userdel",
    "usermod",
    "doas",
];

/// Whether the success of this line's module shows who somebody is.
pub fn shows_identity(handler: &Handler) -> bool {
    !SHOW_NOBODY.contains(&handler.module())
}

/// Whether pam_rootok succeeds for root alone in this service.
pub fn rootok_means_root(service: &str) -> bool {
    ROOTOK_MEANS_ROOT.contains(&service)
}

/// What the module of a line that is not pam_totp.so's may answer.
pub fn answers(handler: &Handler) -> Vec<Answer> {
    match handler.module() {
        "pam_permit.so" => vec![Answer::SUCCESS],
        "pam_deny.so" => vec![Answer::AUTH_ERR],
        "pam_rootok.so" => vec![Answer::SUCCESS, Answer::AUTH_ERR],
        _ => Answer::all()
            .filter(|&answer| answer != Answer::INCOMPLETE)
            .filter(|&answer| answer != Answer::NEW_AUTHTOK_REQD || shows_identity(handler))
            .collect(),
    }
}
