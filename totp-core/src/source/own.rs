//! Whether an address is one of this machine's own, which only the kernel knows: who asks it is
//! [`Source::from_remote_host`](super::Source::from_remote_host), once for each login.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket};

/// Addresses that no machine has: reserved for the future (RFC 1112 4), and to be discarded (RFC 6666). Where even
/// they can be bound, as with net.ipv4.ip_nonlocal_bind, which hosts of keepalived set, a bind says nothing.
const NOBODYS: (Ipv4Addr, Ipv6Addr) =
    (Ipv4Addr::new(240, 0, 0, 1), Ipv6Addr::new(0x100, 0, 0, 0, 0, 0, 0, 1));

/// Whether `address` is of this machine. Where that cannot be asked it is taken for another's: no socket is left,
/// a sandbox forbids it, an address cannot be bound without its zone (`fe80::1`), or everything can be bound.
pub(super) fn is_own(address: IpAddr) -> bool {
    is_own_by(address, |address| UdpSocket::bind((address, 0)).map(drop))
}

/// The same, by what bind(2) says of an address.
fn is_own_by(address: IpAddr, bind: impl Fn(IpAddr) -> io::Result<()>) -> bool {
    let nobodys = match address {
        IpAddr::V4(_) => IpAddr::V4(NOBODYS.0),
        IpAddr::V6(_) => IpAddr::V6(NOBODYS.1),
    };
    // Which address it is comes before the port: one without a free port is there.
    let is_there = |address| match bind(address) {
        Ok(()) => true,
        Err(error) => error.kind() == io::ErrorKind::AddrInUse,
    };
    is_there(address) && !is_there(nobodys)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::ErrorKind;

    fn refusing(address: IpAddr, own: &[&str], error: ErrorKind) -> bool {
        is_own_by(address, |address| {
            if own.contains(&address.to_string().as_str()) { Ok(()) } else { Err(error.into()) }
        })
    }

    #[test]
    fn an_address_that_can_be_bound_is_own() {
        for text in ["198.51.100.7", "2001:db8::7"] {
            let address = text.parse().unwrap();
            assert!(refusing(address, &[text], ErrorKind::AddrNotAvailable));
            assert!(!refusing(address, &["192.0.2.1"], ErrorKind::AddrNotAvailable));
        }
    }

    /// Whoever holds every port makes no address another machine's: it is looked at before the port.
    #[test]
    fn an_address_without_a_free_port_is_own() {
        let own: IpAddr = "198.51.100.7".parse().unwrap();
        let error = |address| if address == own { ErrorKind::AddrInUse } else { ErrorKind::AddrNotAvailable };
        assert!(is_own_by(own, |address| Err(error(address).into())));
        assert!(!is_own_by(own, |_| Err(ErrorKind::AddrInUse.into())), "where every address can be bound");
    }

    #[test]
    fn where_every_address_can_be_bound_none_is_own() {
        for text in ["198.51.100.7", "2001:db8::7"] {
            assert!(!is_own_by(text.parse().unwrap(), |_| Ok(())));
        }
    }

    #[test]
    fn where_it_cannot_be_asked_no_address_is_own() {
        for error in [ErrorKind::PermissionDenied, ErrorKind::Unsupported, ErrorKind::InvalidInput] {
            assert!(!refusing("198.51.100.7".parse().unwrap(), &[], error));
        }
    }

    #[test]
    fn an_address_of_another_machine_is_not_own() {
        assert!(!is_own("203.0.113.254".parse().unwrap()));
        // A link-local address is nobody's without the link.
        assert!(!is_own("fe80::1".parse().unwrap()));
    }
}
