//! A window that never changes: for tests and benches.

use super::{
    Acknowledged, Controller, ControllerFactory, Lost, SendLimits, Sent, Snapshot, SpuriousLoss,
};
use crate::time::Instant;

/// Keeps the same window and rate whatever happens. It is no congestion control: for tests and
/// benches on links that nobody shares.
#[derive(Clone, Copy, Debug)]
pub struct Fixed(pub SendLimits);

impl ControllerFactory for Fixed {
    fn controller(&self, _now: Instant, _bytes: u16, _seed: u64) -> Box<dyn Controller> {
        Box::new(*self)
    }
}

impl Controller for Fixed {
    fn on_sent(&mut self, _sent: &Sent) {}

    fn on_acknowledged(&mut self, _acknowledged: &Acknowledged) {}

    fn on_lost(&mut self, _lost: &Lost) {}

    fn on_persistent_congestion(&mut self, _now: Instant) {}

    fn on_spurious_loss(&mut self, _spurious: &SpuriousLoss) {}

    fn on_datagram_size(&mut self, _bytes: u16) {}

    fn limits(&self) -> SendLimits {
        self.0
    }

    fn snapshot(&self) -> Snapshot {
        Snapshot {
            name: "fixed",
            ..Snapshot::default()
        }
    }
}
