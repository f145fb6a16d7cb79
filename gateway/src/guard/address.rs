//! Addresses: which client a request comes from, and whether it is on a list.

use std::net::IpAddr;

use http::HeaderMap;
use ipnet::IpNet;

use crate::config::{AddressHeader, Cidr};

/// The longest chain of proxies that is followed.
const LONGEST_CHAIN: usize = 32;

/// A set of networks, as quick to ask with a thousand of them as with one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AddressSet {
    four: Vec<(u128, u128)>,
    six: Vec<(u128, u128)>,
}

impl AddressSet {
    /// The addresses of these networks.
    pub fn new(networks: &[Cidr]) -> Self {
        let mut set = Self::default();
        for network in networks {
            match network.net() {
                IpNet::V4(net) => set.four.push((
                    u128::from(net.network().to_bits()),
                    u128::from(net.broadcast().to_bits()),
                )),
                IpNet::V6(net) => set
                    .six
                    .push((net.network().to_bits(), net.broadcast().to_bits())),
            }
        }
        join(&mut set.four);
        join(&mut set.six);
        set
    }

    /// Whether an address is in the set; an IPv4 address in IPv6 clothes is the IPv4 address.
    pub fn contains(&self, address: IpAddr) -> bool {
        let (ranges, bits) = match address.to_canonical() {
            IpAddr::V4(four) => (&self.four, u128::from(four.to_bits())),
            IpAddr::V6(six) => (&self.six, six.to_bits()),
        };
        let after = ranges.partition_point(|(first, _)| *first <= bits);
        after > 0 && bits <= ranges[after - 1].1
    }
}

/// Makes ranges that touch or overlap one, in order.
fn join(ranges: &mut Vec<(u128, u128)>) {
    ranges.sort_unstable();
    ranges.dedup_by(|next, kept| {
        let touches = next.0 <= kept.1.saturating_add(1);
        if touches {
            kept.1 = kept.1.max(next.1);
        }
        touches
    });
}

/// The proxies whose word about the client's address is believed.
#[derive(Debug, Clone)]
pub struct Proxies {
    trusted: AddressSet,
    header: AddressHeader,
}

impl Proxies {
    /// These proxies, which tell it in this header.
    pub fn new(trusted: &[Cidr], header: AddressHeader) -> Self {
        Self {
            trusted: AddressSet::new(trusted),
            header,
        }
    }

    /// Where a request comes from: the peer, unless that is a trusted proxy which says otherwise.
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let peer = peer.to_canonical();
        if !self.trusted.contains(peer) {
            return peer;
        }
        match self.header {
            AddressHeader::RealIp => real_ip(headers).unwrap_or(peer),
            AddressHeader::ForwardedFor => self.last_untrusted(peer, headers),
        }
    }

    fn last_untrusted(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let values = headers.get_all("x-forwarded-for").iter().rev();
        let hops = values.flat_map(|value| value.as_bytes().rsplit(|byte| *byte == b','));
        let mut nearest = peer;
        for hop in hops.take(LONGEST_CHAIN) {
            // What stands before a hop that makes no sense is nobody's word.
            let Some(address) = parse(hop) else { break };
            nearest = address;
            if !self.trusted.contains(address) {
                break;
            }
        }
        nearest
    }
}

fn real_ip(headers: &HeaderMap) -> Option<IpAddr> {
    let mut values = headers.get_all("x-real-ip").iter();
    let only = values.next()?;
    // A proxy that overwrites the header leaves one.
    if values.next().is_some() {
        return None;
    }
    parse(only.as_bytes())
}

/// An address, with or without a port.
fn parse(hop: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(hop).ok()?.trim();
    let address = text
        .parse::<IpAddr>()
        .ok()
        .or_else(|| {
            text.parse()
                .ok()
                .map(|address: std::net::SocketAddr| address.ip())
        })
        .or_else(|| text.strip_prefix('[')?.strip_suffix(']')?.parse().ok())?;
    Some(address.to_canonical())
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};
    use proptest::prelude::*;

    use super::*;

    fn networks(texts: &[&str]) -> Vec<Cidr> {
        let parsed = texts.iter().map(|text| Cidr::try_from((*text).to_owned()));
        parsed.collect::<Result<_, _>>().unwrap()
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn the_edges_of_networks_belong_to_them() {
        let set = AddressSet::new(&networks(&[
            "10.0.0.0/8",
            "192.0.2.7",
            "203.0.113.128/25",
            "2001:db8::/32",
            "::1",
            "11.0.0.0/8",
        ]));
        for inside in [
            "10.0.0.0",
            "11.255.255.255",
            "192.0.2.7",
            "203.0.113.128",
            "203.0.113.255",
            "2001:db8::",
            "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff",
            "::1",
            "::ffff:10.1.2.3",
        ] {
            assert!(set.contains(ip(inside)), "{inside}");
        }
        for outside in [
            "9.255.255.255",
            "12.0.0.0",
            "192.0.2.6",
            "192.0.2.8",
            "203.0.113.127",
            "2001:db7:ffff::",
            "2001:db9::",
            "::",
            "::2",
            "::ffff:12.0.0.0",
            "::10.1.2.3",
        ] {
            assert!(!set.contains(ip(outside)), "{outside}");
        }
    }

    #[test]
    fn all_of_one_kind_is_nothing_of_the_other() {
        let six = AddressSet::new(&networks(&["::/0"]));
        assert!(six.contains(ip("2001:db8::1")) && !six.contains(ip("192.0.2.1")));
        assert!(!six.contains(ip("::ffff:192.0.2.1")));
        let four = AddressSet::new(&networks(&["0.0.0.0/0"]));
        assert!(four.contains(ip("255.255.255.255")) && !four.contains(ip("::1")));
        assert!(!AddressSet::default().contains(ip("127.0.0.1")));
    }

    proptest! {
        #[test]
        fn a_set_holds_what_its_networks_hold(
            nets in prop::collection::vec((any::<u32>(), 0_u8..=32), 0..20),
            asked in prop::collection::vec(any::<u32>(), 50),
        ) {
            let nets: Vec<ipnet::Ipv4Net> = nets
                .into_iter()
                .map(|(bits, prefix)| ipnet::Ipv4Net::new(bits.into(), prefix).unwrap().trunc())
                .collect();
            let texts: Vec<String> = nets.iter().map(ToString::to_string).collect();
            let set = AddressSet::new(&networks(&texts.iter().map(String::as_str).collect::<Vec<_>>()));
            let edges = nets.iter().flat_map(|net| [net.network(), net.broadcast()]);
            for address in asked.into_iter().map(std::net::Ipv4Addr::from).chain(edges) {
                let is_in = nets.iter().any(|net| net.contains(&address));
                prop_assert_eq!(set.contains(address.into()), is_in);
                prop_assert_eq!(set.contains(address.to_ipv6_mapped().into()), is_in);
            }
        }
    }

    fn client(header: AddressHeader, peer: &str, lines: &[(&'static str, &'static str)]) -> String {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            let name = HeaderName::from_static(name);
            headers.append(name, HeaderValue::from_static(value));
        }
        let proxies = Proxies::new(&networks(&["127.0.0.0/8", "172.18.0.1"]), header);
        proxies.client(ip(peer), &headers).to_string()
    }

    #[test]
    fn only_a_trusted_proxy_is_believed() {
        let asked = |peer, lines: &[_]| client(AddressHeader::RealIp, peer, lines);
        let told = ("x-real-ip", "203.0.113.9");
        assert_eq!(asked("127.0.0.1", &[told]), "203.0.113.9");
        assert_eq!(asked("::ffff:172.18.0.1", &[told]), "203.0.113.9");
        assert_eq!(asked("198.51.100.1", &[told]), "198.51.100.1");
        assert_eq!(asked("::ffff:198.51.100.1", &[]), "198.51.100.1");
        assert_eq!(asked("127.0.0.1", &[]), "127.0.0.1");
        assert_eq!(asked("127.0.0.1", &[told, told]), "127.0.0.1");
        assert_eq!(asked("127.0.0.1", &[("x-real-ip", "unknown")]), "127.0.0.1");
        assert_eq!(
            asked("127.0.0.1", &[("x-forwarded-for", "203.0.113.9")]),
            "127.0.0.1"
        );
        assert_eq!(
            asked("127.0.0.1", &[("x-real-ip", "[2001:db8::1]:443")]),
            "2001:db8::1"
        );
    }

    #[test]
    fn the_last_hop_that_is_no_proxy_is_the_client() {
        let asked = |value| {
            client(
                AddressHeader::ForwardedFor,
                "127.0.0.1",
                &[("x-forwarded-for", value)],
            )
        };
        assert_eq!(asked("10.0.0.1, 203.0.113.9"), "203.0.113.9");
        assert_eq!(asked("6.6.6.6, 203.0.113.9, 172.18.0.1"), "203.0.113.9");
        assert_eq!(asked("6.6.6.6, ,172.18.0.1"), "172.18.0.1");
        assert_eq!(asked("6.6.6.6, evil, 172.18.0.1:99"), "172.18.0.1");
        assert_eq!(asked("127.0.0.2"), "127.0.0.2");
        let lines = [
            ("x-forwarded-for", "6.6.6.6"),
            ("x-forwarded-for", "203.0.113.9"),
        ];
        assert_eq!(
            client(AddressHeader::ForwardedFor, "127.0.0.1", &lines),
            "203.0.113.9"
        );
    }
}
