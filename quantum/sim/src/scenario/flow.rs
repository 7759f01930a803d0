//! Who sends in a scenario, when, and how much.

use std::sync::Arc;
use std::time::Duration;

use quantum_proto::congestion::{Bbr, ControllerFactory, Cubic};

use crate::path::schedule::Schedule;
use crate::units::BitRate;

/// Which congestion controller a flow uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Controller {
    /// BBRv3.
    Bbr,
    /// CUBIC with HyStart++.
    Cubic,
}

impl Controller {
    pub(super) fn factory(self) -> Arc<dyn ControllerFactory> {
        match self {
            Self::Bbr => Arc::new(Bbr::default()),
            Self::Cubic => Arc::new(Cubic::default()),
        }
    }
}

/// One sender, which always has more to send unless [`Flow::writing`] says otherwise.
#[derive(Clone, Debug)]
pub struct Flow {
    pub(super) controller: Controller,
    pub(super) starts_at: Duration,
    /// Beyond the delay of the scenario, both ways together.
    pub(super) more_rtt: Duration,
    pub(super) demand: Option<Schedule<BitRate>>,
}

impl Flow {
    /// A flow from the beginning to the end.
    #[must_use]
    pub fn new(controller: Controller) -> Self {
        Self {
            controller,
            starts_at: Duration::ZERO,
            more_rtt: Duration::ZERO,
            demand: None,
        }
    }

    /// It starts later.
    #[must_use]
    pub fn starting(mut self, after: Duration) -> Self {
        self.starts_at = after;
        self
    }

    /// It comes from farther away.
    #[must_use]
    pub fn farther(mut self, rtt: Duration) -> Self {
        self.more_rtt = rtt;
        self
    }

    /// Its application writes at this rate, and hardly before the bytes can leave: when the rate
    /// falls, nothing is left over. At [`BitRate::UNLIMITED`] there is always more.
    #[must_use]
    pub fn writing(mut self, rate: impl Into<Schedule<BitRate>>) -> Self {
        self.demand = Some(rate.into());
        self
    }
}
