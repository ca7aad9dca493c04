//! Which services have pam_totp.so in their PAM stack, what their lines let it do, and whether they are always
//! reached and count.
//!
//! Files are found ([`files`]) and put together ([`assembly`]) as libpam does, below a root directory that
//! tests choose. [`dispatch`] knows what libpam makes of the modules' answers, [`explore`] goes through all of
//! them, and [`judge`] says what that means for the code.

mod arguments;
mod assembly;
mod control;
mod dispatch;
mod explore;
mod fault;
mod files;
mod handler;
mod judge;
mod known;
mod line;
mod modules;

pub use fault::Fault;
pub use known::gives_root;

use assembly::Stack;
use files::{Files, ONE_FILE};
use handler::Handler;
use judge::Entry;
use line::Kind;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The service whose stack counts for those that have none.
pub const OTHER: &str = "other";

/// A service with pam_totp.so in its stack.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Service {
    /// As it is called in /etc/pam.d.
    pub name: String,
    /// The arguments of the first auth line that asks for the code; `None` where there is no such line, and so
    /// no prompt. A line with `begin` asks nothing.
    pub auth: Option<Vec<String>>,
    /// Whether an account line names the module.
    pub account: bool,
    /// Whether a session line names the module.
    pub session: bool,
    /// What its stack does that its administrator cannot mean, or should know.
    pub faults: Vec<Fault>,
}

impl Service {
    /// Whether an auth line asks for the code.
    pub fn asks(&self) -> bool {
        self.auth.is_some()
    }

    /// What follows "asks for a code" where that is not the whole truth.
    pub fn but(&self) -> Vec<String> {
        self.faults.iter().filter_map(Fault::but).collect()
    }

    /// Whether its lines let the module set users up during login.
    pub fn sets_up(&self) -> bool {
        self.lacks().is_empty()
    }

    /// What set-up during login lacks here, in words.
    pub fn lacks(&self) -> Vec<&'static str> {
        let mut lacks = Vec::new();
        match &self.auth {
            None => lacks.push("an auth line"),
            Some(arguments) if !arguments.iter().any(|argument| argument == "setup") => {
                lacks.push("the argument setup on its auth line");
            }
            Some(_) => {}
        }
        if !self.account {
            lacks.push("an account line");
        }
        if !self.session {
            lacks.push("a session line");
        }
        lacks
    }

    /// The policy its auth line names, the last one where it names several; `None` for that of the system.
    pub fn policy(&self) -> Option<&str> {
        self.auth.iter().flatten().rev().find_map(|argument| argument.strip_prefix("policy="))
    }

    /// The service of this name, if its own file names the module.
    fn of(name: &str, own: &Stack, other: &Stack) -> Option<Self> {
        const KINDS: [Kind; 4] = [Kind::Auth, Kind::Account, Kind::Session, Kind::Password];
        if !KINDS.iter().any(|&kind| own.of(kind).iter().any(Handler::is_totp)) {
            return None;
        }
        let stack = if name == OTHER { own.clone() } else { own.clone().or(other) };
        Some(Self {
            name: name.to_owned(),
            auth: stack.auth.iter().find(|line| line.decides()).map(|line| line.arguments().to_vec()),
            account: stack.account.iter().any(Handler::is_totp),
            session: stack.session.iter().any(Handler::is_totp),
            // The faults of a file for others are told of each service that includes it.
            faults: if known::is_for_inclusion(name) { Vec::new() } else { judge::faults(name, &stack) },
        })
    }
}

/// What the PAM stacks of a host say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stacks {
    /// The services whose stack names the module in any line, by name.
    pub services: Vec<Service>,
    /// Every service that has a stack, whether that names the module or not.
    pub names: BTreeSet<String>,
    /// Services that authenticate without asking for a code, those that give root first; without those that
    /// need not ask.
    pub without_code: Vec<String>,
    /// What could not be read, or is not read by libpam, as sentences that name the file.
    pub troubles: Vec<String>,
}

impl Stacks {
    /// The service of this name, which libpam knows in lower case.
    pub fn service(&self, name: &str) -> Option<&Service> {
        self.services.iter().find(|service| service.name.eq_ignore_ascii_case(name))
    }

    /// Whether there is a stack for this service.
    pub fn has_stack(&self, name: &str) -> bool {
        self.names.contains(&name.to_ascii_lowercase())
    }

    /// What libpam goes through at a login by this service: the stack of `other` where it has none.
    pub fn at_login_by(&self, name: &str) -> Option<&Service> {
        self.service(if self.has_stack(name) { name } else { OTHER })
    }
}

/// Reads the stacks of this host.
pub fn read() -> Stacks {
    read_below(Path::new("/"))
}

/// Reads the stacks of the host whose file system lies below `root`.
pub fn read_below(root: &Path) -> Stacks {
    let mut files = Files::below(root);
    let (paths, has_directory) = files.services();
    let mut own = BTreeMap::new();
    for (name, path) in &paths {
        if let Some(file) = files.read(path) {
            own.insert(name.clone(), assembly::assemble(&mut files, &file));
        }
    }
    let mut names: BTreeSet<String> = paths.into_keys().collect();
    let in_one_file = stacks_in_one_file(&mut files);
    if !has_directory {
        names.extend(in_one_file.keys().cloned());
        own = in_one_file;
    } else {
        let other = Stack::default();
        let named = in_one_file.iter().filter_map(|(name, stack)| Service::of(name, stack, &other));
        let named: Vec<_> = named.map(|service| service.name).collect();
        if !named.is_empty() {
            files.troubles.insert(format!(
                "/{ONE_FILE} names pam_totp.so for {}, but libpam does not read it where /etc/pam.d exists",
                named.join(", ")
            ));
        }
    }
    let other = own.get(OTHER).cloned().unwrap_or_default();
    let services: Vec<_> = own.iter().filter_map(|(name, stack)| Service::of(name, stack, &other)).collect();
    tell_missing_module(&mut files, &own);
    let mut without_code = without_code(&own);
    if !other.auth.iter().any(Handler::decides) && judge::entry(&other.auth) != Entry::Nobody {
        let left_to_other = known::PROGRAMS
            .iter()
            .filter(|(program, service)| root.join(program).exists() && !names.contains(*service))
            .map(|(_, service)| (*service).to_owned());
        without_code.extend(left_to_other);
        without_code.sort_by_key(|name| (!gives_root(name), name.clone()));
    }
    Stacks { services, names, without_code, troubles: files.troubles.into_iter().collect() }
}

fn stacks_in_one_file(files: &mut Files<'_>) -> BTreeMap<String, Stack> {
    let Some((services, _)) = files.one_file() else { return BTreeMap::new() };
    services.into_iter().map(|(name, file)| (name, assembly::assemble(files, &file))).collect()
}

fn tell_missing_module(files: &mut Files<'_>, stacks: &BTreeMap<String, Stack>) {
    let kinds = [Kind::Auth, Kind::Account, Kind::Session, Kind::Password];
    let lines = stacks.values().flat_map(|stack| kinds.iter().flat_map(|&kind| stack.of(kind)));
    let missing = lines.filter(|line| line.is_totp() && line.runs == handler::Runs::MissingModule);
    let told: BTreeSet<String> = missing
        .map(|line| {
            format!(
                "the module of {line} is not there: libpam looks in {}",
                files.modules().unwrap_or_default()
            )
        })
        .collect();
    files.troubles.extend(told);
}

/// Only a file of its own counts: whoever brings one without auth lines authenticates nobody.
fn without_code(stacks: &BTreeMap<String, Stack>) -> Vec<String> {
    let lets_in = |(name, stack): &(&String, &Stack)| {
        !stack.unusable
            && !stack.too_long
            && !stack.auth.iter().any(Handler::decides)
            && !known::needs_no_code(name)
            && match judge::entry(&stack.auth) {
                Entry::Nobody => false,
                Entry::WhoeverProves => true,
                Entry::Anybody => gives_root(name),
            }
    };
    let mut names: Vec<String> = stacks.iter().filter(lets_in).map(|(name, _)| name.clone()).collect();
    names.sort_by_key(|name| (!gives_root(name), name.clone()));
    names
}

#[cfg(test)]
mod tests;
