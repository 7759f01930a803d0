//! How many connections each address has, so that no address takes all of them.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::limits::network_of;

/// The connections of each address (IPv6: of each /64 network).
#[derive(Default)]
pub(crate) struct Neighbours {
    counts: Mutex<HashMap<IpAddr, usize>>,
}

/// One connection's place; dropping it gives it back.
pub(crate) struct Place {
    neighbours: Arc<Neighbours>,
    network: IpAddr,
}

impl Neighbours {
    /// A place for one more connection of `address`, unless it has `max` already.
    pub(crate) fn enter(self: &Arc<Self>, address: IpAddr, max: usize) -> Option<Place> {
        let network = network_of(address);
        let mut counts = self.counts.lock();
        let count = counts.entry(network).or_default();
        if *count >= max {
            return None;
        }
        *count += 1;
        Some(Place {
            neighbours: Arc::clone(self),
            network,
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.neighbours.counts.lock();
        if let Some(count) = counts.get_mut(&self.network) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.network);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_so_many_places_and_gets_them_back() {
        let neighbours = Arc::new(Neighbours::default());
        let [one, other] = [IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 2])];
        let places = [neighbours.enter(one, 2), neighbours.enter(one, 2)];
        assert!(places.iter().all(Option::is_some));
        assert!(neighbours.enter(one, 2).is_none());
        assert!(neighbours.enter(other, 2).is_some());
        drop(places);
        assert!(neighbours.enter(one, 2).is_some());
        assert!(neighbours.counts.lock().is_empty());
    }
}
