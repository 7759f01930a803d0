//! How many handshakes are under way, and from where.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Where a handshake comes from. Addresses that are proven and others are counted apart: whoever
/// makes addresses up cannot use up the room of those who really are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Origin {
    network: IpAddr,
    proven: bool,
}

impl Origin {
    pub(super) fn new(address: IpAddr, proven: bool) -> Self {
        Self {
            network: network(address),
            proven,
        }
    }
}

/// Counts handshakes, in all and for each origin.
#[derive(Debug, Default)]
pub(super) struct Handshakes {
    total: usize,
    by_origin: HashMap<Origin, usize>,
}

impl Handshakes {
    pub(super) fn total(&self) -> usize {
        self.total
    }

    pub(super) fn from(&self, origin: Origin) -> usize {
        self.by_origin.get(&origin).copied().unwrap_or(0)
    }

    pub(super) fn begin(&mut self, origin: Origin) {
        self.total += 1;
        *self.by_origin.entry(origin).or_default() += 1;
    }

    pub(super) fn end(&mut self, origin: Origin) {
        self.total = self.total.saturating_sub(1);
        if let Some(count) = self.by_origin.get_mut(&origin) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.by_origin.remove(&origin);
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
