//! What recovery and congestion control hold of the path.

use std::time::Duration;

use crate::congestion::Snapshot;
use crate::recovery::Recovery;
use crate::stats::Statistics;

/// What recovery and congestion control hold of the current path.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Metrics {
    /// The round trip, once it is measured.
    pub round_trip: Option<RoundTrip>,
    /// Bytes that may be in flight.
    pub window: u64,
    /// Bytes in flight.
    pub bytes_in_flight: u64,
    /// Bytes per second at which packets leave; `None`: only the window limits them.
    pub pacing_rate: Option<u64>,
    /// Probe timeouts in a row.
    pub probe_timeouts: u32,
    /// What the congestion controller shows.
    pub controller: Snapshot,
}

/// How long a round trip takes (RFC 9002 section 5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RoundTrip {
    /// The shortest.
    pub min: Duration,
    /// Smoothed.
    pub smoothed: Duration,
    /// The last one, the peer's delay included.
    pub latest: Duration,
    /// Mean deviation.
    pub variation: Duration,
}

impl Metrics {
    pub(crate) fn of(recovery: &Recovery) -> Self {
        let mut statistics = Statistics::default();
        recovery.fill(&mut statistics);
        let measured = recovery.rtt().first_sample_at().is_some();
        Self {
            round_trip: measured.then_some(RoundTrip {
                min: statistics.rtt_min,
                smoothed: statistics.rtt_smoothed,
                latest: statistics.rtt_latest,
                variation: statistics.rtt_variation,
            }),
            window: statistics.window,
            bytes_in_flight: statistics.bytes_in_flight,
            pacing_rate: statistics.pacing_rate,
            probe_timeouts: recovery.timeouts(),
            controller: statistics.controller,
        }
    }
}
