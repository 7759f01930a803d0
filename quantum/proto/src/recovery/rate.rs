//! Delivery-rate samples (draft-ietf-ccwg-bbr, "Delivery Rate Samples").

use crate::congestion::RateSample;
use crate::time::Instant;

/// What has been delivered on one path, and when.
#[derive(Clone, Debug)]
pub(crate) struct RateSampler {
    delivered: u64,
    delivered_at: Instant,
    first_sent_at: Instant,
    lost: u64,
    /// The flow is limited by the application until this much is delivered; 0: it is not.
    app_limited_until: u64,
    /// What the last sample showed, in bytes per second; 0: there is none.
    latest: u64,
}

/// The sampler's state when a packet left: carried by the packet.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct RateStamp {
    pub(crate) delivered: u64,
    pub(crate) delivered_at: Instant,
    pub(crate) first_sent_at: Instant,
    pub(crate) lost: u64,
    /// Bytes in flight, this packet included.
    pub(crate) in_flight: u64,
}

/// The newest packet that an ACK frame acknowledged.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Newest {
    pub(crate) number: u64,
    pub(crate) sent_at: Instant,
    pub(crate) stamp: RateStamp,
    pub(crate) app_limited: bool,
}

impl RateSampler {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            delivered: 0,
            delivered_at: now,
            first_sent_at: now,
            lost: 0,
            app_limited_until: 0,
            latest: 0,
        }
    }

    /// A packet leaves; `in_flight_before` excludes it.
    pub(crate) fn on_sent(&mut self, now: Instant, in_flight_before: u64, bytes: u64) -> RateStamp {
        if in_flight_before == 0 {
            self.first_sent_at = now;
            self.delivered_at = now;
        }
        RateStamp {
            delivered: self.delivered,
            delivered_at: self.delivered_at,
            first_sent_at: self.first_sent_at,
            lost: self.lost,
            in_flight: in_flight_before.saturating_add(bytes),
        }
    }

    pub(crate) fn on_delivered(&mut self, at: Instant, bytes: u64) {
        self.delivered = self.delivered.saturating_add(bytes);
        self.delivered_at = self.delivered_at.max(at);
    }

    pub(crate) fn on_lost(&mut self, bytes: u64) {
        self.lost = self.lost.saturating_add(bytes);
    }

    /// The sample of an ACK frame that comes `now` and whose packets are all counted; once per frame.
    /// `arrived_at`: when the newest of them arrived there, plus the way here.
    pub(crate) fn sample(
        &mut self,
        now: Instant,
        arrived_at: Instant,
        newest: &Newest,
        rtt_min: std::time::Duration,
    ) -> Option<RateSample> {
        if self.delivered > self.app_limited_until {
            self.app_limited_until = 0;
        }
        let stamp = &newest.stamp;
        let send_elapsed = newest.sent_at.since(stamp.first_sent_at);
        self.first_sent_at = newest.sent_at;
        if send_elapsed.max(now.since(stamp.delivered_at)) < rtt_min {
            return None;
        }
        // Who overstates how long it held a frame back gains nothing by that.
        let arriving = arrived_at.since(stamp.delivered_at);
        let interval = send_elapsed.max(arriving).max(rtt_min);
        if interval.is_zero() {
            return None;
        }
        let delivered = self.delivered.saturating_sub(stamp.delivered);
        self.latest = per_second(delivered, interval);
        Some(RateSample {
            delivery_rate: self.latest,
            interval,
            delivered,
            prior_delivered: stamp.delivered,
            lost: self.lost.saturating_sub(stamp.lost),
            sent_in_flight: stamp.in_flight,
            app_limited: newest.app_limited,
            rtt: now.since(newest.sent_at),
        })
    }

    /// The application has nothing to send: marks what is in flight.
    pub(crate) fn set_app_limited(&mut self, in_flight: u64) {
        self.app_limited_until = self.delivered.saturating_add(in_flight).max(1);
    }

    pub(crate) fn is_app_limited(&self) -> bool {
        self.app_limited_until != 0
    }

    pub(crate) fn latest(&self) -> u64 {
        self.latest
    }

    pub(crate) fn delivered(&self) -> u64 {
        self.delivered
    }

    pub(crate) fn lost(&self) -> u64 {
        self.lost
    }
}

fn per_second(bytes: u64, interval: std::time::Duration) -> u64 {
    let rate = u128::from(bytes) * 1_000_000_000 / interval.as_nanos().max(1);
    u64::try_from(rate).unwrap_or(u64::MAX)
}
