//! Lists of services: which services a list means, and which names can stand in one.

use super::EVERY_SERVICE;
use crate::toml_file::{Entry, FileError};

/// Programs that ask libpam for another service when they open a login shell (`su -`, `sudo -i`). Who writes
/// the name of the program means both; a code that only one of them asks for is no protection.
const LOGIN_SHELLS: [(&str, &str); 2] = [("su", "su-l"), ("sudo", "sudo-i")];

/// Whether the list means `service`: it names it, or it names `su` and means `su-l` by that, `sudo` and
/// `sudo-i`. Case is ignored, for libpam knows services in lower case.
#[must_use]
pub fn lists(services: &[String], service: &str) -> bool {
    names(services, service) || implied(services).any(|implied| implied.eq_ignore_ascii_case(service))
}

/// The services that the list means and does not name, `su-l` and `sudo-i` at most.
///
/// A list that names one of them itself was written by somebody who tells them apart: it is taken as it is
/// written, so that what it exempts does not grow.
pub fn implied(services: &[String]) -> impl Iterator<Item = &str> {
    let tells_apart = LOGIN_SHELLS.iter().any(|(_, login)| names(services, login));
    LOGIN_SHELLS
        .iter()
        .filter(move |(program, _)| !tells_apart && names(services, program))
        .map(|(_, login)| *login)
}

fn names(services: &[String], service: &str) -> bool {
    services.iter().any(|listed| listed.eq_ignore_ascii_case(service))
}

/// Reads a list of services. `*` is allowed where it stands for all of them.
pub(super) fn read(entry: &Entry<'_>) -> Result<Vec<String>, FileError> {
    let services = super::rule::names(entry)?;
    match services.iter().find_map(|name| problem(name)) {
        Some(problem) => Err(entry.error(problem)),
        None => Ok(services),
    }
}

/// As [`read`], where `*` would be a service of that name, which never asks.
pub(super) fn read_named(entry: &Entry<'_>, way_out: &str) -> Result<Vec<String>, FileError> {
    let services = read(entry)?;
    if names(&services, EVERY_SERVICE) {
        return Err(entry.error(format!("\"*\" means every service only in services; {way_out}")));
    }
    Ok(services)
}

/// Why no PAM service can have this name; it would be a setting without effect.
fn problem(name: &str) -> Option<String> {
    if name.trim().is_empty() {
        return Some(format!("{name:?} holds nothing but blanks; remove it"));
    }
    if name.contains(char::is_whitespace) {
        let apart: Vec<_> = name.split_whitespace().collect();
        return Some(format!(
            "{name:?} holds a blank, and no service does; write {apart} (with `policy set`: {typed})",
            apart = apart.iter().map(|name| format!("{name:?}")).collect::<Vec<_>>().join(", "),
            typed = apart.join(","),
        ));
    }
    if name.contains('/') {
        let file = name.rsplit('/').find(|part| !part.is_empty()).unwrap_or("sshd");
        return Some(format!(
            "{name:?} holds a slash, and no service does; write its name in /etc/pam.d: {file:?}"
        ));
    }
    let control = name.contains(char::is_control);
    control.then(|| format!("{name:?} holds a control character, and no service does; remove it"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn means(services: &[&str]) -> Vec<&'static str> {
        let services: Vec<_> = services.iter().map(|&name| name.to_owned()).collect();
        ["su", "su-l", "sudo", "sudo-i", "sshd"]
            .into_iter()
            .filter(|service| lists(&services, service))
            .collect()
    }

    #[test]
    fn su_means_su_l_too_and_sudo_means_sudo_i() {
        assert_eq!(means(&["su"]), ["su", "su-l"]);
        assert_eq!(means(&["SUDO", "sshd"]), ["sudo", "sudo-i", "sshd"]);
        assert_eq!(means(&["sudo", "su"]), ["su", "su-l", "sudo", "sudo-i"]);
        assert_eq!(means(&["sshd"]), ["sshd"]);
    }

    #[test]
    fn a_list_that_names_one_of_them_is_taken_as_written() {
        assert_eq!(means(&["su-l"]), ["su-l"]);
        assert_eq!(means(&["su", "su-l"]), ["su", "su-l"]);
        assert_eq!(means(&["su", "sudo", "SUDO-I"]), ["su", "sudo", "sudo-i"]);
        assert_eq!(means(&["sudo", "su-l"]), ["su-l", "sudo"]);
    }
}
