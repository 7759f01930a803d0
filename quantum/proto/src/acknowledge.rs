//! The receiving side of acknowledgements: which packets arrived, and when to say so
//! (RFC 9000 section 13.2, draft-ietf-quic-ack-frequency).

mod duplicates;
mod frequency;

#[cfg(test)]
mod tests;

use std::time::Duration;

use self::duplicates::DuplicateWindow;
pub(crate) use self::frequency::FrequencyRequests;
use crate::error::TransportError;
use crate::frame::{AckFrequency, EcnCounts};
use crate::range_set::RangeSet;
use crate::recovery::SpaceId;
use crate::time::Instant;
use crate::transmit::EcnCodepoint;

/// Ranges that are kept; the oldest go first.
pub(crate) const RANGES_KEPT_MAX: usize = 64;

/// Ranges that one ACK frame carries.
pub(crate) const RANGES_SENT_MAX: usize = 32;

/// The shortest acknowledgement delay that a peer may ask for: the granularity of timers.
pub(crate) const MIN_ACK_DELAY: Duration = Duration::from_millis(1);

/// When acknowledgements are due in the Data space.
#[derive(Clone, Copy, Debug)]
struct Policy {
    /// Ack-eliciting packets that may wait: one more is answered at once.
    eliciting_max: u64,
    delay_max: Duration,
    /// A gap this many numbers behind the newest packet is reported at once; 0: gaps wait.
    reordering: u64,
}

/// What was received in one packet number space.
#[derive(Debug)]
pub(crate) struct Acknowledger {
    duplicates: DuplicateWindow,
    ranges: RangeSet,
    ecn: EcnCounts,
    policy: Policy,
    /// Sequence number of the peer's last ACK_FREQUENCY frame.
    frequency_sequence: Option<u64>,
    /// The largest number received, and when.
    largest: Option<(u64, Instant)>,
    /// The largest ack-eliciting number received.
    largest_eliciting: Option<u64>,
    /// The largest number that an ACK frame has reported.
    largest_reported: Option<u64>,
    /// What arrived below this is not remembered in `ranges`.
    forgotten_below: u64,
    /// Ack-eliciting packets since the last ACK frame.
    waiting: u64,
    immediate: bool,
    due_at: Option<Instant>,
}

/// What an ACK frame has to say.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AckContent<'a> {
    pub(crate) ranges: &'a RangeSet,
    pub(crate) largest: u64,
    /// How long ago the packet `largest` arrived.
    pub(crate) delay: Duration,
    /// `None`: no packet carried a mark.
    pub(crate) ecn: Option<EcnCounts>,
}

impl Acknowledger {
    /// `max_ack_delay`: the transport parameter that was promised to the peer. Handshake packets
    /// are acknowledged at once (RFC 9000 section 13.2.1).
    pub(crate) fn new(space: SpaceId, max_ack_delay: Duration) -> Self {
        let eliciting_max = u64::from(space == SpaceId::Data);
        Self {
            duplicates: DuplicateWindow::new(),
            ranges: RangeSet::default(),
            ecn: EcnCounts::default(),
            policy: Policy {
                eliciting_max,
                delay_max: max_ack_delay,
                reordering: 1,
            },
            frequency_sequence: None,
            largest: None,
            largest_eliciting: None,
            largest_reported: None,
            forgotten_below: 0,
            waiting: 0,
            immediate: false,
            due_at: None,
        }
    }

    /// Runs of numbers that are remembered.
    pub(crate) fn ranges(&self) -> usize {
        self.ranges.len()
    }

    /// Whether the packet arrived before, or is so old that it might have: it is to be dropped.
    /// Asked once the packet is authenticated.
    pub(crate) fn is_duplicate(&self, number: u64) -> bool {
        self.duplicates.contains(number)
    }

    /// The largest number received: by it, shortened numbers are read.
    pub(crate) fn largest(&self) -> Option<u64> {
        self.largest.map(|(number, _)| number)
    }

    /// A packet arrived that is no duplicate and whose frames were all read.
    pub(crate) fn on_received(
        &mut self,
        now: Instant,
        number: u64,
        ack_eliciting: bool,
        ecn: Option<EcnCodepoint>,
    ) {
        self.duplicates.insert(number);
        self.ranges.insert_one(number);
        self.bound_ranges();
        self.count(ecn);
        if self.largest.is_none_or(|(largest, _)| largest < number) {
            self.largest = Some((number, now));
        }
        if ack_eliciting {
            self.on_eliciting(now, number, ecn);
        }
    }

    fn bound_ranges(&mut self) {
        if self.ranges.len() > RANGES_KEPT_MAX {
            self.ranges.truncate_oldest(RANGES_KEPT_MAX);
            self.forgotten_below = self.ranges.min().unwrap_or(0);
        }
    }

    fn count(&mut self, ecn: Option<EcnCodepoint>) {
        match ecn {
            Some(EcnCodepoint::Ect0) => self.ecn.ect0 += 1,
            Some(EcnCodepoint::Ect1) => self.ecn.ect1 += 1,
            Some(EcnCodepoint::Ce) => self.ecn.ce += 1,
            None => {}
        }
    }

    fn on_eliciting(&mut self, now: Instant, number: u64, ecn: Option<EcnCodepoint>) {
        self.waiting += 1;
        let late = self
            .largest_eliciting
            .is_some_and(|largest| number < largest);
        self.largest_eliciting = self.largest_eliciting.max(Some(number));
        let reorder_matters = self.policy.reordering > 0;
        self.immediate |= self.waiting > self.policy.eliciting_max
            || ecn == Some(EcnCodepoint::Ce)
            || (reorder_matters && (late || self.gap_is_due()));
        if self.due_at.is_none() {
            self.due_at = Some(now + self.policy.delay_max);
        }
    }

    /// Whether a number is missing that lies so far behind the newest packet that the sender will
    /// want to know, and that no frame has shown it yet (draft-ietf-quic-ack-frequency, "Expediting
    /// ACK"). The default of 1 is the rule of RFC 9000 section 13.2.1.
    fn gap_is_due(&self) -> bool {
        let (Some(newest), threshold) = (self.largest_eliciting, self.policy.reordering) else {
            return false;
        };
        let Some(horizon) = (newest + 1).checked_sub(threshold) else {
            return false;
        };
        // Gaps at or below this were far enough behind when the last frame was sent.
        let shown = self
            .largest_reported
            .and_then(|reported| (reported + 1).checked_sub(threshold));
        let floor = shown.map_or(0, |shown| shown + 1);
        self.smallest_missing(floor.max(self.forgotten_below))
            .is_some_and(|missing| missing < horizon)
    }

    /// The smallest number not below `floor` that is missing below a received one.
    fn smallest_missing(&self, floor: u64) -> Option<u64> {
        let mut missing = None;
        let mut above: Option<u64> = None;
        for range in self.ranges.iter().rev() {
            if let Some(above) = above {
                let gap = range.end.max(floor);
                missing = (gap < above).then_some(gap).or(missing);
            }
            above = Some(range.start);
            if range.start <= floor {
                return missing;
            }
        }
        above
            .filter(|above| floor < *above)
            .map(|_| floor)
            .or(missing)
    }

    /// The peer wants acknowledgements at another rate.
    ///
    /// # Errors
    ///
    /// It asks for a shorter delay than it was told it may.
    pub(crate) fn on_ack_frequency(&mut self, frame: &AckFrequency) -> Result<(), TransportError> {
        let delay_max = Duration::from_micros(frame.request_max_ack_delay);
        if delay_max < MIN_ACK_DELAY {
            return Err(TransportError::violation(
                "the peer asked for acknowledgements faster than it may",
            ));
        }
        if self.frequency_sequence >= Some(frame.sequence) {
            return Ok(());
        }
        self.frequency_sequence = Some(frame.sequence);
        self.policy = Policy {
            eliciting_max: frame.ack_eliciting_threshold,
            delay_max,
            reordering: frame.reordering_threshold,
        };
        Ok(())
    }

    /// The peer wants an acknowledgement now.
    pub(crate) fn on_immediate_ack(&mut self) {
        self.immediate = true;
    }

    /// When an acknowledgement is due at the latest.
    pub(crate) fn timeout(&self) -> Option<Instant> {
        if self.immediate { None } else { self.due_at }
    }

    /// Whether an ACK frame is to be sent now, if need be in a packet of its own.
    pub(crate) fn is_due(&self, now: Instant) -> bool {
        self.immediate || self.due_at.is_some_and(|at| at <= now)
    }

    /// Whether an ACK frame would tell the peer something it waits for: it goes along with any
    /// packet that is sent.
    pub(crate) fn has_news(&self) -> bool {
        self.immediate || self.waiting > 0
    }

    /// What an ACK frame says now; `None` before anything arrived.
    pub(crate) fn content(&self, now: Instant) -> Option<AckContent<'_>> {
        let (largest, received_at) = self.largest?;
        self.ranges.max()?;
        Some(AckContent {
            ranges: &self.ranges,
            largest,
            delay: now.since(received_at),
            ecn: (self.ecn != EcnCounts::default()).then_some(self.ecn),
        })
    }

    /// An ACK frame with the content of now leaves.
    pub(crate) fn on_ack_sent(&mut self) {
        self.largest_reported = self.largest();
        self.waiting = 0;
        self.immediate = false;
        self.due_at = None;
    }

    /// The peer has an ACK frame that reported numbers up to `largest`: they need no more
    /// repeating (RFC 9000 section 13.2.4).
    pub(crate) fn on_ack_delivered(&mut self, largest: u64) {
        // The largest number stays: each ACK frame has to state it.
        let end = self
            .largest()
            .map_or(0, |newest| newest.min(largest.saturating_add(1)));
        self.ranges.remove_below(end);
        self.forgotten_below = self.forgotten_below.max(end);
    }
}
