//! Whom a rate limit counts as one client.

use std::net::IpAddr;

use crate::api::request::Peer;

/// An IPv4 address, or the network of an IPv6 address: whoever has one address of a /64 has all of
/// them, and may send each request from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Client(u64);

impl Client {
    /// All clients together: a network that none can be in, as its addresses are for groups.
    pub const ALL: Self = Self(u64::MAX);

    /// The client at the other end of a connection. All of a unix socket are one.
    pub fn of(peer: &Peer) -> Self {
        match peer.address.map(|address| address.to_canonical()) {
            // Below ::/8, where no address of a network lies.
            Some(IpAddr::V4(address)) => Self(u64::from(address.to_bits())),
            Some(IpAddr::V6(address)) => {
                let [a, b, c, d, ..] = address.segments();
                Self([a, b, c, d].into_iter().fold(0, |sum, part| sum << 16 | u64::from(part)))
            }
            None => Self(0),
        }
    }

    /// Whether it is on this machine: as a proxy may be, through which others come.
    pub fn is_local(peer: &Peer) -> bool {
        peer.address.is_none_or(|address| address.to_canonical().is_loopback())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(address: &str) -> Client {
        Client::of(&Peer { address: address.parse().ok(), ..Peer::default() })
    }

    #[test]
    fn a_client_is_an_address_or_a_network_of_them() {
        assert_eq!(client("10.0.0.1"), client("::ffff:10.0.0.1"));
        assert_ne!(client("10.0.0.1"), client("10.0.0.2"));
        assert_eq!(client("2001:db8:0:1::1"), client("2001:db8:0:1:ffff::2"));
        assert_ne!(client("2001:db8:0:1::1"), client("2001:db8:0:2::1"));
        assert_eq!(client("no address"), client("::1"));
    }
}
