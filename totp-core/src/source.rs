//! Where a login comes from, as far as it can be believed: the unit by which failures are counted.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

/// How the addresses begin by which a host without IPv4 sees clients that have nothing else.
const TRANSLATED: [u16; 6] = [0x64, 0xff9b, 0, 0, 0, 0];

/// The origin of an attempt.
///
/// Names of remote hosts are never resolved: an attacker owns the reverse DNS of their address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Source {
    /// No remote host: a console, su, sudo.
    Local,
    /// A remote address. IPv4-mapped IPv6 addresses are IPv4.
    Address(IpAddr),
    /// A remote host that is a name or nothing readable; all of them share one count.
    Named,
    /// An unprivileged caller of totp-helper.
    Helper,
}

impl Source {
    /// Reads PAM_RHOST. The zone of a link-local address (`%eth0`) is dropped.
    #[must_use]
    pub fn from_remote_host(remote_host: Option<&str>) -> Self {
        let Some(text) = remote_host.filter(|text| !text.is_empty()) else {
            return Self::Local;
        };
        let address = match text.split_once('%') {
            // A zone stands behind link-local addresses only: `192.0.2.7%x.example.org` is a name somebody chose,
            // and so is `::ffff:192.0.2.7%x.example.org`.
            Some((address, _zone)) => {
                address.parse().ok().filter(Ipv6Addr::is_unicast_link_local).map(IpAddr::V6)
            }
            None => text.parse().ok(),
        };
        address.map_or(Self::Named, Self::from_address)
    }

    /// Reads what [`fmt::Display`] writes; `None` for anything else.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Local, Self::Named, Self::Helper]
            .into_iter()
            .find(|source| source.to_string() == word)
            .or_else(|| word.parse().ok().map(Self::from_address))
    }

    /// A remote address, brought to one form.
    #[must_use]
    pub fn from_address(address: IpAddr) -> Self {
        Self::Address(address.to_canonical())
    }

    /// What failures are counted under: IPv6 by its /64, since a client has a whole one. Behind `64:ff9b::/96`
    /// (RFC 6052 2.1) a translator shows every client of IPv4, each by its own address: one of them vouches for
    /// no other, and makes no other wait.
    #[must_use]
    pub fn throttle_key(self) -> Self {
        match self {
            Self::Address(IpAddr::V6(address)) if address.segments().starts_with(&TRANSLATED) => self,
            Self::Address(IpAddr::V6(address)) => {
                let network = address.to_bits() & (u128::MAX << 64);
                Self::Address(IpAddr::V6(Ipv6Addr::from_bits(network)))
            }
            other => other,
        }
    }

    /// The exact address, for the list of remembered hosts.
    #[must_use]
    pub fn address(self) -> Option<IpAddr> {
        match self {
            Self::Address(address) => Some(address),
            Self::Local | Self::Named | Self::Helper => None,
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local => f.write_str("local"),
            Self::Address(address) => address.fmt(f),
            Self::Named => f.write_str("named-host"),
            Self::Helper => f.write_str("helper"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_remote_host_is_local_an_address_or_only_a_name() {
        let read = |text| Source::from_remote_host(Some(text)).to_string();
        assert_eq!(Source::from_remote_host(None), Source::Local);
        assert_eq!(read(""), "local");
        assert_eq!(read("192.0.2.7"), "192.0.2.7");
        assert_eq!(read("::ffff:192.0.2.7"), "192.0.2.7");
        assert_eq!(read("fe80::1%eth0"), "fe80::1");
        assert_eq!(read("gate.example.org"), "named-host");
        assert_eq!(read("192.0.2.7.example.org"), "named-host");
        assert_eq!(read("UNKNOWN"), "named-host");
        assert_eq!(read("192.0.2.7%x.example.org"), "named-host");
        assert_eq!(read("::ffff:192.0.2.7%x.example.org"), "named-host");
        assert_eq!(read("2001:db8::1%x.example.org"), "named-host");
        assert_eq!(read("%eth0"), "named-host");
    }

    #[test]
    fn a_source_is_read_back_as_written() {
        for source in
            ["", "gate.example.org", "192.0.2.7", "2001:db8::1"].map(Some).map(Source::from_remote_host)
        {
            assert_eq!(Source::from_word(&source.to_string()), Some(source));
        }
        assert_eq!(Source::from_word("helper"), Some(Source::Helper));
        for odd in ["", "Local", "192.0.2.7 ", "192.0.2.7%x", "1", "\u{1b}[2J"] {
            assert_eq!(Source::from_word(odd), None, "{odd:?}");
        }
    }

    #[test]
    fn failures_of_one_ipv6_network_are_counted_together() {
        let key = |text| Source::from_remote_host(Some(text)).throttle_key();
        assert_eq!(key("2001:db8::1"), key("2001:db8::ffff:1"));
        assert_ne!(key("2001:db8::1"), key("2001:db8:0:1::1"));
        assert_ne!(key("192.0.2.7"), key("192.0.2.8"));
    }

    #[test]
    fn clients_of_ipv4_behind_a_translator_are_counted_each_by_itself() {
        let key = |text| Source::from_remote_host(Some(text)).throttle_key();
        assert_ne!(key("64:ff9b::192.0.2.7"), key("64:ff9b::192.0.2.8"));
        assert_eq!(key("64:ff9b::192.0.2.7"), key("64:ff9b::c000:207"));
        assert_eq!(key("64:ff9b:0:0:1::1"), key("64:ff9b::1:0:0:2"));
    }
}
