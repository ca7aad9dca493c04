//! Whether sshd asks for codes at all, and asks those whom the policy means.
//!
//! Only where sshd's PAM stack asks for a code. What sshd does is read from sshd itself; see [`crate::sshd`].

mod judgement;
mod people;

use crate::sshd::effective::{self, Connection, ELSEWHERE, SOMEBODY, Settings};
use crate::sshd::{SERVICE, blocks, note, running};
use crate::stacks::{Service, Stacks};
use crate::text::printable;
use judgement::{Stack, Whom};
use std::path::Path;
use totp_core::POLICY_FILE;
use totp_core::clock::Timestamp;
use totp_core::policy::Policy;

/// What is wrong with sshd's configuration under this policy. Leaves word for users, too.
pub fn findings(policy: &Policy, stacks: &Stacks) -> Vec<String> {
    let (found, reason) = match stacks.service(SERVICE).filter(|service| service.auth.is_some()) {
        Some(service) => looked_at(policy, service),
        None => (Vec::new(), None),
    };
    // What a draft would do is nothing for users to hear.
    if Policy::load(Path::new(POLICY_FILE)).is_ok_and(|in_force| in_force == *policy) {
        note::leave(reason, Timestamp::now());
    }
    found
}

fn looked_at(policy: &Policy, service: &Service) -> (Vec<String>, Option<note::Reason>) {
    let unknown =
        |why: &str| (vec![format!("whether sshd asks for codes could not be looked at: {why}")], None);
    let Some(program) = effective::program() else {
        return unknown("there is no sshd in /usr/sbin or /usr/local/sbin");
    };
    let general = match effective::ask(program, &Connection::of_somebody()) {
        Ok(settings) => settings,
        Err(why) => return unknown(&why),
    };
    let stack = Stack::of(policy, service);
    let mut files = blocks::read();
    let mut found = judgement::of_everybody(&general, &stack);
    let mut troubles = Vec::new();
    let people = people::People::under(policy);
    for connection in files.connections(&people.named(), people::members) {
        if connection == Connection::of_somebody() {
            continue;
        }
        match effective::ask(program, &connection) {
            Ok(settings) => {
                let whom = people.whom(&connection);
                found.extend(of_a_connection(&general, &settings, &stack, &connection, &whom));
            }
            Err(why) => {
                troubles.push(format!("what sshd does {} could not be looked at: {why}", of(&connection)))
            }
        }
    }
    if let Some(last) = found.last_mut() {
        last.push_str(&format!(". sshd knows a change once it is reloaded: {}", running::RELOAD));
    }
    found.extend(judgement::of_the_stack(policy, service));
    found.extend(running::findings(general.pid_file.as_deref(), &files.read));
    found.extend(troubles);
    found.extend(files.troubles);
    let mut told = std::collections::BTreeSet::new();
    found.retain(|finding| told.insert(finding.clone()));
    (found, judgement::reason(&general).filter(|_| stack.asks))
}

/// What is wrong for this connection and not for everybody.
fn of_a_connection(
    general: &Settings,
    settings: &Settings,
    stack: &Stack,
    connection: &Connection,
    whom: &Whom,
) -> Vec<String> {
    let mut found = Vec::new();
    if settings != general && whom.asked {
        let known = judgement::of_everybody(general, stack);
        let other = judgement::of_everybody(settings, stack).into_iter().filter(|one| !known.contains(one));
        let lapse = judgement::lapse(general, settings).filter(|_| stack.asks);
        found.extend(other.chain(lapse).map(|finding| format!("{}: {finding}", of(connection))));
    }
    if connection.user == "root" {
        let usual = Connection { user: connection.user.clone(), ..Connection::of_somebody() } == *connection;
        let told = |finding| if usual { finding } else { format!("{}: {finding}", of(connection)) };
        found.extend(judgement::of_root(settings, whom).map(told));
    }
    found
}

/// Whose connection it is, in words.
fn of(connection: &Connection) -> String {
    let Connection { user, address, port } = connection;
    let user = if user == SOMEBODY { "anybody".to_owned() } else { format!("\"{}\"", printable(user)) };
    let from = if address == ELSEWHERE { String::new() } else { format!(" from {}", printable(address)) };
    let to = if *port == 22 { String::new() } else { format!(" to port {port}") };
    format!("for {user}{from}{to}, by a Match block of sshd_config")
}
