//! A network of a host's own: the host at one end of a cable, and at the other a client with several addresses. Both
//! ends lie in network namespaces, so that this machine's network stays as it is, and hosts know nothing of each other.
//! Without it a host sees its logins come from itself, where no address is ever known or remembered.

use crate::Host;

/// The host's address on its network.
pub const SERVER: &str = "192.0.2.1";

/// The client's addresses there; what does not choose comes from the first.
pub const CLIENTS: [&str; 4] = ["192.0.2.2", "192.0.2.3", "192.0.2.4", "192.0.2.5"];

/// The client's network namespace, as ip-netns(8) shows it on the host.
pub(crate) const CLIENT_NAMESPACE: &str = "/run/netns/client";

impl Host {
    /// Where sshd listens for the client.
    pub fn ssh_address(&self) -> &'static str {
        if self.namespace.has_network() { SERVER } else { "127.0.0.1" }
    }
}

/// Everything on this network, as words for furnish.sh: the host's address, and then the client's.
pub(crate) fn addresses() -> String {
    [&[SERVER][..], &CLIENTS].concat().join(" ")
}
