//! Routers that tamper with marks of Explicit Congestion Notification.

use std::fmt;

use quantum_proto::time::Instant;
use quantum_proto::transmit::EcnCodepoint;

use super::window::Active;
use super::{Element, Outlet};
use crate::datagram::Datagram;
use crate::random::Random;

/// What happens to marks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum EcnFault {
    /// All are removed.
    Bleach,
    /// This share of them is removed.
    BleachSome(f64),
    /// ECT(0) becomes ECT(1).
    Remark,
    /// Every marked datagram becomes Congestion Experienced, congestion or not.
    MarkAll,
    /// This share of the marked datagrams becomes Congestion Experienced.
    MarkSome(f64),
    /// Marked datagrams vanish.
    DropMarked,
}

/// Changes marks.
#[derive(Debug)]
pub struct EcnRemark {
    fault: EcnFault,
    active: Active,
}

impl EcnRemark {
    /// Does this to marks.
    #[must_use]
    pub const fn new(fault: EcnFault, active: Active) -> Self {
        Self { fault, active }
    }

    /// The mark that leaves in place of `mark`; `Err`: the datagram does not.
    fn remark(
        &self,
        mark: EcnCodepoint,
        random: &mut Random,
    ) -> Result<Option<EcnCodepoint>, Vanished> {
        let hit = match self.fault {
            EcnFault::BleachSome(share) | EcnFault::MarkSome(share) => random.chance(share),
            _ => true,
        };
        Ok(match self.fault {
            EcnFault::Bleach | EcnFault::BleachSome(_) if hit => None,
            EcnFault::MarkAll | EcnFault::MarkSome(_) if hit => Some(EcnCodepoint::Ce),
            EcnFault::Remark if mark == EcnCodepoint::Ect0 => Some(EcnCodepoint::Ect1),
            EcnFault::DropMarked => return Err(Vanished),
            _ => Some(mark),
        })
    }
}

struct Vanished;

impl Element for EcnRemark {
    fn handle(
        &mut self,
        now: Instant,
        mut datagram: Datagram,
        random: &mut Random,
        outlet: &mut Outlet,
    ) {
        if let Some(mark) = datagram.ecn.filter(|_| self.active.includes(now)) {
            let Ok(changed) = self.remark(mark, random) else {
                return;
            };
            datagram.ecn = changed;
        }
        outlet.pass(now, datagram);
    }
}

impl fmt::Display for EcnRemark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ecn({:?}{})", self.fault, self.active)
    }
}
