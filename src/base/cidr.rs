//! Networks that a token or a role is bound to, as Vault's fields carry them.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// An address with the length of its prefix (RFC 4632): `10.0.0.0/8`, `::1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Cidr {
    address: IpAddr,
    prefix: u8,
}

/// What is no network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotCidr;

impl fmt::Display for NotCidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not an IP address or a network in CIDR notation")
    }
}

impl std::error::Error for NotCidr {}

impl Cidr {
    /// Whether the address lies in it. An IPv4 address that came over IPv6 counts as IPv4.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        match (self.address, address) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                same_prefix(own.to_bits().into(), other.to_bits().into(), 32, self.prefix)
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                same_prefix(own.to_bits(), other.to_bits(), 128, self.prefix)
            }
            _ => false,
        }
    }

    /// Whether what is bound to `networks`, and to none where they are empty, may be used from
    /// `address`. A unix socket has none and lies in no network.
    pub fn admit(networks: &[Self], address: Option<IpAddr>) -> bool {
        let within = |address| networks.iter().any(|network| network.contains(address));
        networks.is_empty() || address.is_some_and(within)
    }

    /// Whether all of `other` lies in it.
    pub fn covers(&self, other: &Self) -> bool {
        self.prefix <= other.prefix && self.contains(other.address)
    }

    /// A network with its prefix, which Go's `net.ParseCIDR` wants of a single address too.
    pub fn block(text: &str) -> Result<Self, NotCidr> {
        if text.contains('/') { text.parse() } else { Err(NotCidr) }
    }

    /// It as such a block.
    pub fn to_block(&self) -> String {
        format!("{}/{}", self.address, self.prefix)
    }

    fn longest(address: IpAddr) -> u8 {
        if address.is_ipv4() { 32 } else { 128 }
    }
}

/// Whether the first `prefix` of `width` bits are the same.
fn same_prefix(one: u128, other: u128, width: u32, prefix: u8) -> bool {
    let differing = one ^ other;
    u32::from(prefix) == 0 || differing.checked_shr(width - u32::from(prefix)).unwrap_or(0) == 0
}

impl FromStr for Cidr {
    type Err = NotCidr;

    fn from_str(text: &str) -> Result<Self, NotCidr> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| NotCidr)?;
        let longest = Self::longest(address);
        let prefix = match prefix {
            // Rust takes `+8`, which no network is written as.
            Some(text) if text.bytes().all(|b| b.is_ascii_digit()) => {
                text.parse().ok().filter(|prefix| *prefix <= longest).ok_or(NotCidr)?
            }
            Some(_) => return Err(NotCidr),
            None => longest,
        };
        Ok(Self { address, prefix })
    }
}

impl fmt::Display for Cidr {
    /// A single address is shown without its prefix, as Vault does.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.address.fmt(f)?;
        if self.prefix == Self::longest(self.address) {
            return Ok(());
        }
        write!(f, "/{}", self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_read_and_hold_their_addresses() {
        for (text, shown, inside, outside) in [
            ("10.0.0.0/8", "10.0.0.0/8", "10.255.0.1", "11.0.0.1"),
            ("10.1.2.3/8", "10.1.2.3/8", "10.0.0.1", "9.255.255.255"),
            ("127.0.0.1", "127.0.0.1", "::ffff:127.0.0.1", "127.0.0.2"),
            ("127.0.0.1/32", "127.0.0.1", "127.0.0.1", "::1"),
            ("0.0.0.0/0", "0.0.0.0/0", "255.255.255.255", "::1"),
            ("::/0", "::/0", "ff::1", "10.0.0.1"),
            ("2001:db8::/32", "2001:db8::/32", "2001:db8:1::1", "2001:db9::1"),
        ] {
            let cidr: Cidr = text.parse().unwrap();
            assert_eq!(cidr.to_string(), shown);
            assert!(cidr.contains(inside.parse().unwrap()), "{text} holds {inside}");
            assert!(!cidr.contains(outside.parse().unwrap()), "{text} holds {outside}");
        }
        assert_eq!(Cidr::block("127.0.0.1/32").unwrap().to_block(), "127.0.0.1/32");
        assert_eq!(Cidr::block("127.0.0.1"), Err(NotCidr));
        for text in ["", "10.0.0.0/33", "10.0.0/8", "::1/129", "10.0.0.0/", "10.0.0.0/+8", "x/8"] {
            assert_eq!(text.parse::<Cidr>(), Err(NotCidr), "{text}");
        }
    }

    #[test]
    fn a_network_covers_narrower_ones() {
        let covers = |wide: &str, narrow: &str| {
            wide.parse::<Cidr>().unwrap().covers(&narrow.parse().unwrap())
        };
        assert!(covers("10.0.0.0/8", "10.1.0.0/16"));
        assert!(covers("10.0.0.0/8", "10.0.0.0/8"));
        assert!(!covers("10.1.0.0/16", "10.0.0.0/8"));
        assert!(!covers("10.0.0.0/8", "::/128"));
    }
}
