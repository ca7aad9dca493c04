//! Where a login comes from, as far as it can be believed: the unit by which failures are counted.

mod own;

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// How the addresses begin by which a host without IPv4 sees clients that have nothing else.
const TRANSLATED: [u16; 6] = [0x64, 0xff9b, 0, 0, 0, 0];

/// The origin of an attempt.
///
/// Names of remote hosts are never resolved: an attacker owns the reverse DNS of their address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Source {
    /// No remote host: a console, su, sudo; and programs that name none though their user is remote.
    Local,
    /// An address of another machine. IPv4-mapped IPv6 addresses are IPv4.
    Address(IpAddr),
    /// An address of this machine itself: loopback, or one of its interfaces. Behind it may be anybody: who logged in
    /// by another way, a tunnel, a proxy that hides its clients (sslh, haproxy). It is never known and never
    /// remembered, and counts as [this machine](Source::Local). On disk it is written as an address, and read back
    /// as one.
    Own(IpAddr),
    /// A remote host that is a name or nothing readable; all of them share one count. An address that no machine
    /// has is no more than that: gdm writes 0.0.0.0 for a remote display of which it knows no host.
    Named,
    /// An unprivileged caller of totp-helper.
    Helper,
}

impl Source {
    /// Reads PAM_RHOST, and asks the kernel whether the address is one of this machine's own: once for a login, at
    /// the edge. Where that cannot be asked, the address is another machine's.
    #[must_use]
    pub fn from_remote_host(remote_host: Option<&str>) -> Self {
        Self::parse(remote_host).or_own(own::is_own)
    }

    /// Reads PAM_RHOST by its text alone: of this machine's own addresses only loopback is told. The zone of a
    /// link-local address (`%eth0`) is dropped.
    #[must_use]
    pub fn parse(remote_host: Option<&str>) -> Self {
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
        address.map(|address: IpAddr| address.to_canonical()).map_or(Self::Named, |address| match address {
            own if own.is_loopback() => Self::Own(own),
            nobodys if is_nobodys(nobodys) => Self::Named,
            other => Self::Address(other),
        })
    }

    /// Reads what [`fmt::Display`] writes; `None` for anything else. An address is not asked whose it is.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Local, Self::Named, Self::Helper]
            .into_iter()
            .find(|source| source.to_string() == word)
            .or_else(|| word.parse().ok().map(Self::from_address))
    }

    /// An address as it was written to disk, brought to one form. Nobody is asked whose it is now.
    #[must_use]
    pub fn from_address(address: IpAddr) -> Self {
        Self::Address(address.to_canonical())
    }

    /// An address that `is_own` finds to be this machine's is one.
    fn or_own(self, is_own: impl Fn(IpAddr) -> bool) -> Self {
        match self {
            Self::Address(address) if is_own(address) => Self::Own(address),
            other => other,
        }
    }

    /// What failures are counted under. All that comes from this machine itself is one source: who has one way in
    /// has all of them. IPv6 by its /64, since a client has a whole one. Behind `64:ff9b::/96`
    /// (RFC 6052 2.1) a translator shows every client of IPv4, each by its own address: one of them vouches for
    /// no other, and makes no other wait.
    #[must_use]
    pub fn throttle_key(self) -> Self {
        match self {
            Self::Local | Self::Helper | Self::Own(_) => Self::Local,
            Self::Address(IpAddr::V6(address)) if address.segments().starts_with(&TRANSLATED) => self,
            Self::Address(IpAddr::V6(address)) => {
                let network = address.to_bits() & (u128::MAX << 64);
                Self::Address(IpAddr::V6(Ipv6Addr::from_bits(network)))
            }
            Self::Address(IpAddr::V4(_)) | Self::Named => self,
        }
    }

    /// The exact address of another machine, for what is known and remembered.
    #[must_use]
    pub fn address(self) -> Option<IpAddr> {
        match self {
            Self::Address(address) => Some(address),
            Self::Local | Self::Own(_) | Self::Named | Self::Helper => None,
        }
    }
}

/// Whether no machine has this address as its own: unspecified, broadcast, multicast.
fn is_nobodys(address: IpAddr) -> bool {
    address.is_unspecified() || address.is_multicast() || address == IpAddr::V4(Ipv4Addr::BROADCAST)
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local => f.write_str("local"),
            Self::Address(address) | Self::Own(address) => address.fmt(f),
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
        for source in ["", "gate.example.org", "192.0.2.7", "2001:db8::1"].map(Some).map(Source::parse) {
            assert_eq!(Source::from_word(&source.to_string()), Some(source));
        }
        assert_eq!(Source::from_word("helper"), Some(Source::Helper));
        for odd in ["", "Local", "192.0.2.7 ", "192.0.2.7%x", "1", "\u{1b}[2J"] {
            assert_eq!(Source::from_word(odd), None, "{odd:?}");
        }
    }

    #[test]
    fn loopback_and_what_the_kernel_knows_as_its_own_is_this_machine() {
        let read = |text| Source::parse(Some(text)).or_own(|address| address.to_string() == "192.0.2.1");
        for text in ["127.0.0.1", "127.9.8.7", "::1", "::ffff:127.0.0.2", "192.0.2.1", "::ffff:192.0.2.1"] {
            assert!(matches!(read(text), Source::Own(_)), "{text}");
        }
        assert_eq!(read("::ffff:127.0.0.2").to_string(), "127.0.0.2");
        assert_eq!(read("192.0.2.2"), Source::from_address(IpAddr::from([192, 0, 2, 2])));
        // Asked of the kernel, loopback stays what it is by value.
        assert!(matches!(Source::from_remote_host(Some("127.0.0.1")), Source::Own(_)));
        assert!(matches!(Source::parse(Some("127.0.0.1")).or_own(|_| false), Source::Own(_)));
    }

    #[test]
    fn an_address_that_no_machine_has_says_no_more_than_a_name() {
        for text in ["0.0.0.0", "::", "255.255.255.255", "224.0.0.1", "ff02::1", "::ffff:0.0.0.0"] {
            assert_eq!(Source::from_remote_host(Some(text)), Source::Named, "{text}");
        }
    }

    #[test]
    fn all_that_comes_from_this_machine_is_counted_together_and_no_address_of_it_is_remembered() {
        for text in ["127.0.0.1", "127.0.0.2", "::1"] {
            let own = Source::from_remote_host(Some(text));
            assert_eq!((own.throttle_key(), own.address()), (Source::Local, None), "{text}");
        }
        assert_eq!(Source::Helper.throttle_key(), Source::Local);
        assert_ne!(Source::Named.throttle_key(), Source::Local);
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
