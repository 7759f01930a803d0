//! Paths: what happens to datagrams in one direction, as a list in order of travel.
//!
//! ```
//! use quantum_sim::path::Path;
//! use quantum_sim::units::{bdp, mbit, ms};
//!
//! let downlink = Path::new()
//!     .loss(0.02)
//!     .rate(mbit(50))
//!     .queue(bdp(mbit(50), ms(40)))
//!     .delay(ms(20));
//! assert_eq!(
//!     downlink.to_string(),
//!     "loss(2.00%) rate(50 Mbit/s, queue 250000) delay(20ms)"
//! );
//! ```

use std::fmt;
use std::ops::Range;
use std::time::Duration;

use quantum_proto::time::Instant;

use crate::datagram::Datagram;
use crate::random::Random;

pub mod aggregate;
pub mod blackout;
pub mod bottleneck;
pub mod corrupt;
pub mod delay;
pub mod duplicate;
pub mod ecn;
pub mod gilbert;
pub mod jitter;
pub mod loss;
pub mod mtu;
pub mod nat;
pub mod policer;
pub mod reorder;
pub mod schedule;
pub mod window;

use aggregate::Aggregate;
use blackout::Blackout;
use bottleneck::{Bottleneck, Occupancy};
use corrupt::Corrupt;
use delay::Delay;
use duplicate::Duplicate;
use ecn::{EcnFault, EcnRemark};
use gilbert::GilbertElliott;
use jitter::{Jitter, Order};
use loss::Loss;
use mtu::Mtu;
use policer::Policer;
use reorder::Reorder;
use schedule::Schedule;
use window::Active;

use crate::units::BitRate;

/// One thing that happens to datagrams on their way.
///
/// Time never runs backwards between calls.
pub trait Element: fmt::Debug + fmt::Display {
    /// A datagram arrives: it leaves through `outlet`, now or later, once or more often, or is
    /// forgotten, which drops it.
    fn handle(
        &mut self,
        now: Instant,
        datagram: Datagram,
        random: &mut Random,
        outlet: &mut Outlet,
    );

    /// What a bottleneck has seen; `None` for every other element.
    fn occupancy(&self) -> Option<&Occupancy> {
        None
    }

    /// Lets a bottleneck be refined by the words that follow it in the list.
    fn bottleneck(&mut self) -> Option<&mut Bottleneck> {
        None
    }
}

/// Where an element puts what goes on.
#[derive(Debug, Default)]
pub struct Outlet {
    pub(crate) passed: Vec<(Instant, Datagram)>,
}

impl Outlet {
    /// `datagram` goes on to the next element at `time`, which is not in the past.
    pub fn pass(&mut self, time: Instant, datagram: Datagram) {
        self.passed.push((time, datagram));
    }
}

/// What happens to datagrams in one direction, in order of travel.
#[derive(Debug, Default)]
pub struct Path {
    pub(crate) elements: Vec<Box<dyn Element>>,
}

impl Path {
    /// A path on which nothing happens: everything arrives at once.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Any other element.
    #[must_use]
    pub fn then(mut self, element: impl Element + 'static) -> Self {
        self.elements.push(Box::new(element));
        self
    }

    /// Each datagram takes this long.
    #[must_use]
    pub fn delay(self, delay: impl Into<Schedule<Duration>>) -> Self {
        self.then(Delay::new(delay.into()))
    }

    /// Each datagram takes up to `most` longer, but none overtakes another.
    #[must_use]
    pub fn jitter(self, most: Duration) -> Self {
        self.then(Jitter::new(most, Order::Kept))
    }

    /// Each datagram takes up to `most` longer, whatever the others do.
    #[must_use]
    pub fn jitter_reordering(self, most: Duration) -> Self {
        self.then(Jitter::new(most, Order::Free))
    }

    /// Each datagram is lost with this probability.
    #[must_use]
    pub fn loss(self, probability: impl Into<Schedule<f64>>) -> Self {
        self.then(Loss::new(probability, Active::always()))
    }

    /// Losses come in runs: `probability` of all datagrams, `mean_burst` in a row on average.
    #[must_use]
    pub fn burst_loss(self, probability: f64, mean_burst: f64) -> Self {
        self.then(GilbertElliott::new(
            probability,
            mean_burst,
            Active::always(),
        ))
    }

    /// With this probability a datagram is held back up to `most`, and others overtake it.
    #[must_use]
    pub fn reorder(self, probability: impl Into<Schedule<f64>>, most: Duration) -> Self {
        self.then(Reorder::new(probability, most, Active::always()))
    }

    /// With this probability a datagram arrives twice, the copy up to `most` later.
    #[must_use]
    pub fn duplicate(self, probability: f64, most: Duration) -> Self {
        self.then(Duplicate::new(probability, most, Active::always()))
    }

    /// With this probability some bits are flipped.
    #[must_use]
    pub fn corrupt(self, probability: f64) -> Self {
        self.then(Corrupt::new(probability, Active::always()))
    }

    /// A link of this rate: [`Path::queue`] and [`Path::mark_above`] say what waits before it.
    #[must_use]
    pub fn rate(self, rate: impl Into<Schedule<BitRate>>) -> Self {
        self.then(Bottleneck::new(rate.into()))
    }

    /// At most so many bytes wait before the link just named; what does not fit is dropped.
    #[must_use]
    pub fn queue(self, bytes: u64) -> Self {
        self.refine(|bottleneck| bottleneck.queue_bytes_max = bytes)
    }

    /// The link just named marks (ECN) what finds more than `bytes` waiting.
    #[must_use]
    pub fn mark_above(self, bytes: u64) -> Self {
        self.refine(|bottleneck| bottleneck.mark_above = Some(bytes))
    }

    fn refine(mut self, change: impl FnOnce(&mut Bottleneck)) -> Self {
        let last = self.elements.last_mut();
        if let Some(bottleneck) = last.and_then(|element| element.bottleneck()) {
            change(bottleneck);
            return self;
        }
        // Without a link there is nothing to wait for: an infinitely fast one says the same.
        self.rate(BitRate(u64::MAX)).refine(change)
    }

    /// Datagrams with more than so many bytes of payload vanish. A schedule that goes down is a
    /// black hole.
    #[must_use]
    pub fn mtu(self, payload_bytes: impl Into<Schedule<usize>>) -> Self {
        self.then(Mtu::new(payload_bytes.into()))
    }

    /// Nothing passes during `interval`.
    #[must_use]
    pub fn blackout(self, interval: Range<Instant>) -> Self {
        self.then(Blackout::new(vec![interval]))
    }

    /// ECN marks are changed.
    #[must_use]
    pub fn ecn(self, fault: EcnFault) -> Self {
        self.then(EcnRemark::new(fault, Active::always()))
    }

    /// What exceeds `rate` after a burst of `burst` bytes is dropped.
    #[must_use]
    pub fn police(self, rate: impl Into<Schedule<BitRate>>, burst: u64) -> Self {
        self.then(Policer::new(rate.into(), burst))
    }

    /// Datagrams are released together, once per `period`.
    #[must_use]
    pub fn aggregate(self, period: impl Into<Schedule<Duration>>) -> Self {
        self.then(Aggregate::new(period))
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, element) in self.elements.iter().enumerate() {
            let separator = if position == 0 { "" } else { " " };
            write!(f, "{separator}{element}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
