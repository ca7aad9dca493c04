//! What this host's PAM stacks do with pam_totp.so, and which of them do without.

use crate::stacks::{Fault, Stacks, gives_root};
use std::collections::BTreeMap;

/// A sentence for each fault, with all services that have it, and for those that ask for no code.
pub fn findings(stacks: &Stacks) -> Vec<String> {
    let mut services: BTreeMap<&Fault, Vec<&str>> = BTreeMap::new();
    for service in &stacks.services {
        for fault in &service.faults {
            services.entry(fault).or_default().push(&service.name);
        }
    }
    let mut findings: Vec<String> =
        services.into_iter().map(|(fault, names)| fault.of_service(&names.join(", "))).collect();
    findings.extend(siblings(stacks));
    findings
}

/// Services that let in with the password alone while another one asks for the code.
fn siblings(stacks: &Stacks) -> Vec<String> {
    let asking = || stacks.services.iter().filter(|service| service.asks());
    let good = asking().find(|service| service.faults.is_empty());
    let Some(asking) = good.or_else(|| asking().next()).map(|service| &service.name) else {
        return Vec::new();
    };
    // Where the module has other lines, that is told already.
    let asks_nobody = |name: &str| {
        let mut faults = stacks.service(name).into_iter().flat_map(|service| &service.faults);
        faults.any(|fault| matches!(fault, Fault::AsksNobody { .. }))
    };
    let (root, others): (Vec<&String>, Vec<&String>) =
        stacks.without_code.iter().filter(|name| !asks_nobody(name)).partition(|name| gives_root(name));
    let mut findings: Vec<String> = root
        .into_iter()
        .map(|name| {
            format!(
                "{name}: gives root without a code{}: no auth line of its PAM stack names pam_totp.so; add the lines that {asking} has",
                by(name)
            )
        })
        .collect();
    if !others.is_empty() {
        let names: Vec<_> = others.iter().map(|name| name.as_str()).collect();
        let names = names.join(", ");
        findings
            .push(format!("these services authenticate without a code, which {asking} asks for: {names}"));
    }
    findings
}

/// What a service is called by, where people know it by another name.
fn by(service: &str) -> &'static str {
    match service {
        "polkit-1" => " (by pkexec, run0 and systemd-run)",
        "sudo-i" => " (by `sudo -i`)",
        "su-l" => " (by `su -`)",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stacks::Service;

    #[test]
    fn services_without_a_code_are_told_where_another_asks() {
        let mut stacks = Stacks {
            without_code: ["polkit-1", "su-l", "dovecot", "vsftpd"].map(str::to_owned).to_vec(),
            ..Stacks::default()
        };
        assert_eq!(findings(&stacks), [""; 0]);
        stacks.services =
            vec![Service { name: "sshd".to_owned(), auth: Some(Vec::new()), ..Service::default() }];
        let told = findings(&stacks);
        assert_eq!(told.len(), 3, "{told:?}");
        assert!(told[0].starts_with("polkit-1: gives root without a code (by pkexec"), "{told:?}");
        assert!(told[1].starts_with("su-l: gives root without a code (by `su -`)"), "{told:?}");
        assert!(told[2].ends_with("which sshd asks for: dovecot, vsftpd"), "{told:?}");
    }

    #[test]
    fn a_service_with_lines_of_the_module_is_not_said_to_have_none() {
        let service = |name: &str, auth, faults| Service {
            name: name.to_owned(),
            auth,
            account: true,
            faults,
            ..Service::default()
        };
        let stacks = Stacks {
            without_code: vec!["su".to_owned()],
            services: vec![
                service("sshd", Some(Vec::new()), Vec::new()),
                service("su", None, vec![Fault::AsksNobody { refuses: false }]),
            ],
            ..Stacks::default()
        };
        let told = findings(&stacks);
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].starts_with("su: no auth line asks for the code, and whoever needs one gets in"));
    }

    #[test]
    fn a_fault_of_several_services_is_told_once() {
        let service = |name: &str| Service {
            name: name.to_owned(),
            faults: vec![Fault::LetsPast(
                "sufficient pam_unix.so (line 1 of /etc/pam.d/common-auth)".to_owned(),
            )],
            ..Service::default()
        };
        let stacks = Stacks { services: vec![service("login"), service("sshd")], ..Stacks::default() };
        let told = findings(&stacks);
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(
            told[0].starts_with("login, sshd: asks for a code, but sufficient pam_unix.so (line 1 of /etc/pam.d/common-auth) lets past it; "),
            "{told:?}"
        );
    }
}
