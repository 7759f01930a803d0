//! How many handshakes are under way, and from where.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Counts handshakes, in all and for each network.
#[derive(Debug, Default)]
pub(super) struct Handshakes {
    total: usize,
    by_network: HashMap<IpAddr, usize>,
}

impl Handshakes {
    pub(super) fn total(&self) -> usize {
        self.total
    }

    pub(super) fn from(&self, address: IpAddr) -> usize {
        self.by_network.get(&network(address)).copied().unwrap_or(0)
    }

    pub(super) fn begin(&mut self, address: IpAddr) {
        self.total += 1;
        *self.by_network.entry(network(address)).or_default() += 1;
    }

    pub(super) fn end(&mut self, address: IpAddr) {
        self.total = self.total.saturating_sub(1);
        let network = network(address);
        if let Some(count) = self.by_network.get_mut(&network) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.by_network.remove(&network);
            }
        }
    }
}

/// Who has one address of a /24 or a /64 has, as a rule, all of them.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => Ipv4Addr::from_bits(address.to_bits() & !0xff).into(),
        IpAddr::V6(address) => {
            Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into()
        }
    }
}
