//! The stacks that distributions ship, with pam_totp.so put in as it should be.

use super::*;

/// The files of a host, by path.
pub type Shape = BTreeMap<String, String>;

fn shape(files: &[(&str, &str)]) -> Shape {
    files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect()
}

pub fn read(shape: &Shape) -> Stacks {
    let files: Vec<_> = shape.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    stacks(&files)
}

/// What Debian 12 ships with openssh-server, sudo, polkitd, cron and libpam-systemd.
fn debian_12_as_shipped() -> Shape {
    let sshd = "@include common-auth
account required pam_nologin.so
@include common-account
session [success=ok ignore=ignore module_unknown=ignore default=bad] pam_selinux.so close
session required pam_loginuid.so
session optional pam_keyinit.so force revoke
@include common-session
session optional pam_motd.so motd=/run/motd.dynamic
session optional pam_motd.so noupdate
session optional pam_mail.so standard noenv
session required pam_limits.so
session required pam_env.so
session required pam_env.so user_readenv=1 envfile=/etc/default/locale
session [success=ok ignore=ignore module_unknown=ignore default=bad] pam_selinux.so open
@include common-password
";
    let login = "auth optional pam_faildelay.so delay=3000000
auth requisite pam_nologin.so
session [success=ok ignore=ignore module_unknown=ignore default=bad] pam_selinux.so close
session required pam_loginuid.so
session optional pam_motd.so motd=/run/motd.dynamic
session optional pam_motd.so noupdate
session [success=ok ignore=ignore module_unknown=ignore default=bad] pam_selinux.so open
session required pam_env.so readenv=1
session required pam_env.so readenv=1 envfile=/etc/default/locale
@include common-auth
auth optional pam_group.so
session required pam_limits.so
session optional pam_lastlog.so
session optional pam_mail.so standard
session optional pam_keyinit.so force revoke
@include common-account
@include common-session
@include common-password
";
    let su = "auth sufficient pam_rootok.so
session required pam_env.so readenv=1
session required pam_env.so readenv=1 envfile=/etc/default/locale
session optional pam_mail.so nopen
session required pam_limits.so
@include common-auth
@include common-account
@include common-session
";
    let su_l = "auth include su
account include su
password include su
session optional pam_keyinit.so force revoke
session include su
";
    let sudo = "session required pam_limits.so
@include common-auth
@include common-account
@include common-session-noninteractive
";
    let sudo_i = "session required pam_limits.so
@include common-auth
@include common-account
@include common-session
";
    let polkit = "@include common-auth
@include common-account
@include common-password
session required pam_env.so readenv=1 user_readenv=0
session required pam_env.so readenv=1 envfile=/etc/default/locale user_readenv=0
@include common-session-noninteractive
";
    let chfn = "auth sufficient pam_rootok.so
@include common-auth
@include common-account
@include common-session
";
    let session = "session [default=1] pam_permit.so
session requisite pam_deny.so
session required pam_permit.so
session required pam_unix.so
";
    shape(&[
        ("etc/debian_version", "12.11\n"),
        (
            "etc/pam.d/common-auth",
            "auth [success=1 default=ignore] pam_unix.so nullok
auth requisite pam_deny.so
auth required pam_permit.so
auth optional pam_cap.so
",
        ),
        (
            "etc/pam.d/common-account",
            "account [success=1 new_authtok_reqd=done default=ignore] pam_unix.so
account requisite pam_deny.so
account required pam_permit.so
",
        ),
        (
            "etc/pam.d/common-password",
            "password [success=1 default=ignore] pam_unix.so obscure yescrypt
password requisite pam_deny.so
password required pam_permit.so
",
        ),
        ("etc/pam.d/common-session", &format!("{session}session optional pam_systemd.so\n")),
        ("etc/pam.d/common-session-noninteractive", session),
        ("etc/pam.d/chfn", chfn),
        ("etc/pam.d/chsh", &format!("auth required pam_shells.so\n{chfn}")),
        ("etc/pam.d/chpasswd", "@include common-password\n"),
        ("etc/pam.d/newusers", "@include common-password\n"),
        ("etc/pam.d/passwd", "@include common-password\n"),
        (
            "etc/pam.d/cron",
            "@include common-auth
session required pam_loginuid.so
session required pam_env.so
session required pam_env.so envfile=/etc/default/locale
@include common-account
@include common-session-noninteractive
session required pam_limits.so
",
        ),
        (
            "etc/pam.d/other",
            "@include common-auth\n@include common-account\n@include common-password\n@include common-session\n",
        ),
        (
            "etc/pam.d/runuser",
            "auth sufficient pam_rootok.so
session optional pam_keyinit.so revoke
session required pam_limits.so
session required pam_unix.so
",
        ),
        (
            "etc/pam.d/runuser-l",
            "auth include runuser
session optional pam_keyinit.so force revoke
-session optional pam_systemd.so
session include runuser
",
        ),
        ("etc/pam.d/login", login),
        ("etc/pam.d/sshd", sshd),
        ("etc/pam.d/su", su),
        ("etc/pam.d/su-l", su_l),
        ("etc/pam.d/sudo", sudo),
        ("etc/pam.d/sudo-i", sudo_i),
        ("usr/lib/pam.d/polkit-1", polkit),
        (
            "usr/lib/pam.d/systemd-user",
            "@include common-account
session required pam_selinux.so close
session required pam_selinux.so nottys open
session required pam_loginuid.so
session required pam_limits.so
@include common-session-noninteractive
session optional pam_keyinit.so force revoke
session optional pam_systemd.so
",
        ),
    ])
}

/// What Debian 13 ships, with opendoas, too.
fn debian_13_as_shipped() -> Shape {
    let mut shape = debian_12_as_shipped();
    shape.insert("etc/debian_version".to_owned(), "13.1\n".to_owned());
    let mut change = |path: &str, old: &str, new: &str| {
        let text = shape.get_mut(path).unwrap();
        assert!(text.contains(old), "{path}: {old}");
        *text = text.replace(old, new);
    };
    change("etc/pam.d/login", "session optional pam_lastlog.so\n", "");
    change("etc/pam.d/sshd", "pam_env.so user_readenv=1 envfile", "pam_env.so envfile");
    let doas = shape["etc/pam.d/sudo"].clone();
    shape.insert("etc/pam.d/doas".to_owned(), doas);
    shape
}

/// What RHEL 9 ships, with authselect's profile for sssd and pam_faillock.
fn rhel_as_shipped() -> Shape {
    let common = "auth required pam_env.so
auth required pam_faildelay.so delay=2000000
auth required pam_faillock.so preauth silent
auth [default=1 ignore=ignore success=ok] pam_usertype.so isregular
auth [default=1 ignore=ignore success=ok] pam_localuser.so
auth sufficient pam_unix.so nullok
auth [default=1 ignore=ignore success=ok] pam_usertype.so isregular
auth sufficient pam_sss.so forward_pass
auth required pam_faillock.so authfail
auth required pam_deny.so
account required pam_faillock.so
account required pam_unix.so
account sufficient pam_localuser.so
account sufficient pam_usertype.so issystem
account [default=bad success=ok user_unknown=ignore] pam_sss.so
account required pam_permit.so
password requisite pam_pwquality.so local_users_only
password sufficient pam_unix.so yescrypt shadow nullok use_authtok
password [success=1 default=ignore] pam_localuser.so
password sufficient pam_sss.so use_authtok
password required pam_deny.so
session optional pam_keyinit.so revoke
session required pam_limits.so
-session optional pam_systemd.so
session [success=1 default=ignore] pam_succeed_if.so service in crond quiet use_uid
session required pam_unix.so
session optional pam_sss.so
";
    let login = "auth substack system-auth
auth include postlogin
account required pam_nologin.so
account include system-auth
password include system-auth
session required pam_selinux.so close
session required pam_loginuid.so
session required pam_selinux.so open
session required pam_namespace.so
session optional pam_keyinit.so force revoke
session include system-auth
session include postlogin
-session optional pam_ck_connector.so
";
    let sshd = "auth substack password-auth
auth include postlogin
account required pam_sepermit.so
account required pam_nologin.so
account include password-auth
password include password-auth
session required pam_selinux.so close
session required pam_loginuid.so
session required pam_selinux.so open env_params
session required pam_namespace.so
session optional pam_keyinit.so force revoke
session optional pam_motd.so
session include password-auth
session include postlogin
";
    let su = "auth required pam_env.so
auth sufficient pam_rootok.so
auth substack system-auth
auth include postlogin
account sufficient pam_succeed_if.so uid = 0 use_uid quiet
account include system-auth
password include system-auth
session include system-auth
session include postlogin
session optional pam_xauth.so
";
    let of = |file: &str| {
        ["auth", "account", "password", "session"].map(|kind| format!("{kind} include {file}\n")).concat()
    };
    let through = |file: &str| {
        format!(
            "auth include {file}\naccount include {file}\npassword include {file}\nsession optional pam_keyinit.so force revoke\nsession include {file}\n"
        )
    };
    let deny =
        ["auth", "account", "password", "session"].map(|kind| format!("{kind} required pam_deny.so\n"));
    shape(&[
        ("etc/redhat-release", "Red Hat Enterprise Linux release 9.4 (Plow)\n"),
        ("etc/pam.d/system-auth", common),
        ("etc/pam.d/password-auth", common),
        ("etc/pam.d/fingerprint-auth", "auth required pam_deny.so\naccount required pam_permit.so\n"),
        ("etc/pam.d/smartcard-auth", "auth required pam_deny.so\naccount required pam_permit.so\n"),
        (
            "etc/pam.d/postlogin",
            "session optional pam_umask.so silent
session [success=1 default=ignore] pam_succeed_if.so service !~ gdm* service !~ su* quiet
session [default=1] pam_lastlog.so nowtmp showfailed
session optional pam_lastlog.so silent noupdate showfailed
",
        ),
        ("etc/pam.d/login", login),
        ("etc/pam.d/remote", &login.replace("system-auth", "password-auth")),
        ("etc/pam.d/sshd", sshd),
        ("etc/pam.d/su", su),
        ("etc/pam.d/su-l", &through("su")),
        ("etc/pam.d/sudo", &of("system-auth")),
        ("etc/pam.d/sudo-i", &through("sudo")),
        ("etc/pam.d/polkit-1", &of("system-auth")),
        (
            "etc/pam.d/config-util",
            "auth sufficient pam_rootok.so\nauth sufficient pam_timestamp.so\nauth include system-auth\naccount required pam_permit.so\nsession required pam_permit.so\n",
        ),
        ("etc/pam.d/runuser", "auth sufficient pam_rootok.so\nsession include system-auth\n"),
        (
            "etc/pam.d/runuser-l",
            "auth include runuser\nsession optional pam_keyinit.so force revoke\nsession include runuser\n",
        ),
        (
            "etc/pam.d/crond",
            "auth include password-auth\naccount required pam_access.so\naccount include system-auth\nsession required pam_loginuid.so\nsession include password-auth\n",
        ),
        (
            "etc/pam.d/atd",
            "auth required pam_env.so\nauth include password-auth\naccount required pam_access.so\naccount include password-auth\nsession required pam_loginuid.so\nsession include password-auth\n",
        ),
        (
            "etc/pam.d/chfn",
            "auth sufficient pam_rootok.so\nauth include system-auth\naccount include system-auth\npassword include system-auth\nsession include system-auth\n",
        ),
        (
            "etc/pam.d/chsh",
            "auth sufficient pam_rootok.so\nauth include system-auth\naccount include system-auth\npassword include system-auth\nsession include system-auth\n",
        ),
        (
            "etc/pam.d/passwd",
            "auth include system-auth\naccount include system-auth\npassword substack system-auth\n-password optional pam_gnome_keyring.so use_authtok\npassword substack postlogin\n",
        ),
        ("etc/pam.d/vlock", "auth include system-auth\naccount required pam_permit.so\n"),
        (
            "etc/pam.d/sssd-shadowutils",
            "auth [success=done ignore=ignore default=die] pam_unix.so nullok try_first_pass\nauth required pam_deny.so\naccount required pam_unix.so\naccount required pam_permit.so\n",
        ),
        (
            "etc/pam.d/systemd-user",
            "account include system-auth\nsession required pam_selinux.so close\nsession required pam_selinux.so nottys open\nsession required pam_loginuid.so\nsession required pam_namespace.so\nsession optional pam_keyinit.so force revoke\nsession include system-auth\nsession optional pam_systemd.so\n",
        ),
        ("etc/pam.d/other", &deny.concat()),
    ])
}

const BEGIN: &str = "auth optional pam_totp.so begin\n";
const CODE: &str = "auth required pam_totp.so setup\n";
const ACCOUNT: &str = "account required pam_totp.so\n";
const SESSION: &str = "session required pam_totp.so\n";

/// Puts the lines of pam_totp.so into a file: `begin` first, but below pam_rootok, the code below the first
/// factor, and the others first of their kind.
fn put_in(text: &str) -> String {
    let mut done = String::new();
    let (mut begun, mut account, mut session) = (text.contains("pam_rootok.so"), false, false);
    for line in text.lines() {
        let is = |kind: &str| line.starts_with(kind) || line.starts_with(&format!("@include common-{kind}"));
        if is("auth") && !begun {
            done.push_str(BEGIN);
            begun = true;
        }
        if is("account") && !account {
            done.push_str(ACCOUNT);
            account = true;
        }
        if is("session") && !session {
            done.push_str(SESSION);
            session = true;
        }
        // What may end the stack with success must not end this one.
        let line = line.replace("auth include system-auth", "auth substack system-auth");
        done.push_str(&line);
        done.push('\n');
        if line.contains("pam_rootok.so") {
            done.push_str(BEGIN);
        }
        if line == "@include common-auth" || line.starts_with("auth substack ") {
            done.push_str(CODE);
        }
    }
    done
}

fn done_right(mut shape: Shape, services: &[&str]) -> Shape {
    for service in services {
        let paths = [format!("etc/pam.d/{service}"), format!("usr/lib/pam.d/{service}")];
        let text = paths.iter().find_map(|path| shape.get(path)).unwrap();
        let text = put_in(text);
        shape.insert(paths[0].clone(), text);
    }
    shape
}

pub fn debian_12() -> Shape {
    done_right(debian_12_as_shipped(), &["sshd", "login", "su", "sudo", "sudo-i", "polkit-1"])
}

pub fn debian_13() -> Shape {
    done_right(debian_13_as_shipped(), &["sshd", "login", "su", "sudo", "sudo-i", "polkit-1", "doas"])
}

pub fn rhel() -> Shape {
    done_right(rhel_as_shipped(), &["sshd", "login", "remote", "su", "sudo", "polkit-1"])
}

pub fn all() -> [(&'static str, Shape); 3] {
    [("Debian 12", debian_12()), ("Debian 13", debian_13()), ("RHEL 9", rhel())]
}

#[test]
fn a_set_done_right_is_quiet() {
    for (name, shape) in all() {
        let read = read(&shape);
        let faults: Vec<_> = read
            .services
            .iter()
            .flat_map(|service| service.faults.iter().map(|fault| fault.of_service(&service.name)))
            .collect();
        assert_eq!((faults, &read.without_code, &read.troubles), (vec![], &vec![], &vec![]), "{name}");
        for service in ["sshd", "login", "su", "su-l", "sudo", "sudo-i", "polkit-1"] {
            assert!(read.service(service).is_some_and(Service::sets_up), "{name}: {service}");
        }
    }
}

#[test]
fn the_lines_without_begin_are_enough() {
    for (name, mut shape) in all() {
        shape.values_mut().for_each(|text| *text = text.replace(BEGIN, ""));
        let read = read(&shape);
        assert!(read.services.iter().all(|service| service.faults.is_empty()), "{name}: {read:#?}");
    }
}

#[test]
fn other_distributions_common_files_are_quiet() {
    let ubuntu_with_sssd = (
        "auth [success=2 default=ignore] pam_unix.so nullok
auth [success=1 default=ignore] pam_sss.so use_first_pass
auth requisite pam_deny.so
auth required pam_permit.so
auth optional pam_cap.so
",
        "account [success=1 new_authtok_reqd=done default=ignore] pam_unix.so
account requisite pam_deny.so
account required pam_permit.so
account sufficient pam_localuser.so
account [default=bad success=ok user_unknown=ignore] pam_sss.so
",
    );
    let arch = (
        "auth required pam_shells.so
auth requisite pam_nologin.so
auth required pam_faillock.so preauth
-auth [success=2 default=ignore] pam_systemd_home.so
auth [success=1 default=bad] pam_unix.so try_first_pass nullok
auth [default=die] pam_faillock.so authfail
auth optional pam_permit.so
auth required pam_env.so
auth required pam_faillock.so authsucc
",
        "account required pam_access.so
account required pam_nologin.so
-account [success=1 default=ignore] pam_systemd_home.so
account required pam_unix.so
account optional pam_permit.so
account required pam_time.so
",
    );
    let suse = (
        "auth required pam_env.so\nauth optional pam_gnome_keyring.so\nauth required pam_unix.so try_first_pass\n",
        "account required pam_unix.so try_first_pass\n",
    );
    for (auth, account) in [ubuntu_with_sssd, arch, suse] {
        let service = format!(
            "{BEGIN}auth include common-auth\n{CODE}{ACCOUNT}account include common-account\n{SESSION}session required pam_unix.so\n"
        );
        for service in [service.replace(BEGIN, ""), service] {
            let read = stacks(&[
                ("etc/pam.d/common-auth", auth),
                ("etc/pam.d/common-account", account),
                ("etc/pam.d/sshd", &service),
            ]);
            assert_eq!(read.services[0].faults, [], "{auth}");
        }
    }
}

#[test]
fn short_stacks_done_right_are_quiet() {
    let rest = "account required pam_totp.so\naccount required pam_unix.so\nsession required pam_totp.so\nsession required pam_permit.so\n";
    for auth in [
        "auth required pam_unix.so\nauth required pam_totp.so\n",
        "auth requisite pam_unix.so\nauth required pam_totp.so setup\n",
        "auth required pam_unix.so\nauth requisite pam_totp.so echo\nauth required pam_env.so\n",
        "auth required pam_totp.so forward_pass\nauth required pam_unix.so use_first_pass\n",
        "auth required pam_krb5.so minimum_uid=1000\nauth required pam_totp.so\n",
        "auth [success=ok default=die] pam_ldap.so\nauth [success=ok ignore=ignore default=die] pam_totp.so\n",
        "auth required pam_faillock.so preauth\nauth required pam_unix.so\nauth required pam_totp.so\nauth required pam_faillock.so authsucc\n",
    ] {
        for begin in ["", BEGIN] {
            let read = stacks(&[("etc/pam.d/sshd", &format!("{begin}{auth}{rest}"))]);
            assert_eq!(read.services[0].faults, [], "{auth}");
        }
    }
}

#[test]
fn without_the_module_there_is_nothing_to_judge() {
    for shape in [debian_12_as_shipped(), debian_13_as_shipped(), rhel_as_shipped()] {
        let read = read(&shape);
        assert!(read.services.is_empty() && read.troubles.is_empty(), "{read:#?}");
        let all = ["doas", "login", "polkit-1", "remote", "sshd", "su", "su-l", "sudo", "sudo-i"];
        let expected: Vec<_> =
            all.into_iter().filter(|name| read.names.contains(*name)).map(str::to_owned).collect();
        assert_eq!(read.without_code, expected);
    }
}
