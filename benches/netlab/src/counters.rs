//! What the emulator counts in one direction.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::link::Fate;

/// Counts of one direction since the lab was made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
    /// Packets that the sending side gave to the link.
    pub offered_packets: u64,
    /// Their IP bytes.
    pub offered_bytes: u64,
    /// Packets for which the queue had no room.
    pub queue_drops: u64,
    /// Packets lost at random, after the queue.
    pub losses: u64,
    /// Packets handed to the receiving side.
    pub delivered_packets: u64,
    /// Their IP bytes.
    pub delivered_bytes: u64,
    /// Packets that the receiving device refused: the lab is broken if there are any.
    pub refused: u64,
    /// Nanoseconds waited in the queue, summed over the packets it took.
    pub queued_sum: u64,
    /// The longest of them.
    pub queued_max: u64,
    /// Nanoseconds between when packets were due and when they were handed over, summed.
    pub late_sum: u64,
    /// The longest of them.
    pub late_max: u64,
}

impl Counters {
    pub(crate) fn on_offered(&mut self, length: usize, fate: Fate) {
        self.offered_packets += 1;
        self.offered_bytes += length as u64;
        match fate {
            Fate::Arrives { queued, .. } => self.on_queued(queued),
            Fate::Lost { queued } => {
                self.losses += 1;
                self.on_queued(queued);
            }
            Fate::QueueFull => self.queue_drops += 1,
        }
    }

    pub(crate) fn on_delivered(&mut self, length: usize, late: u64) {
        self.delivered_packets += 1;
        self.delivered_bytes += length as u64;
        self.late_sum += late;
        self.late_max = self.late_max.max(late);
    }

    fn on_queued(&mut self, queued: u64) {
        self.queued_sum += queued;
        self.queued_max = self.queued_max.max(queued);
    }

    /// What was counted since `earlier`; the longest times are those of all time.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        Self {
            offered_packets: self.offered_packets - earlier.offered_packets,
            offered_bytes: self.offered_bytes - earlier.offered_bytes,
            queue_drops: self.queue_drops - earlier.queue_drops,
            losses: self.losses - earlier.losses,
            delivered_packets: self.delivered_packets - earlier.delivered_packets,
            delivered_bytes: self.delivered_bytes - earlier.delivered_bytes,
            refused: self.refused - earlier.refused,
            queued_sum: self.queued_sum - earlier.queued_sum,
            queued_max: self.queued_max,
            late_sum: self.late_sum - earlier.late_sum,
            late_max: self.late_max,
        }
    }

    /// Mean time in the queue of the packets it took.
    pub fn queue_delay_mean(&self) -> Duration {
        let taken = self.offered_packets - self.queue_drops;
        Duration::from_nanos(self.queued_sum.checked_div(taken).unwrap_or(0))
    }

    /// Longest time in the queue.
    pub fn queue_delay_max(&self) -> Duration {
        Duration::from_nanos(self.queued_max)
    }

    /// How late packets were handed over, on average: the emulator's own error.
    pub fn release_error_mean(&self) -> Duration {
        let released = self.delivered_packets;
        Duration::from_nanos(self.late_sum.checked_div(released).unwrap_or(0))
    }

    /// Share of the offered packets that the queue dropped, 0 to 1.
    pub fn queue_drop_share(&self) -> f64 {
        self.queue_drops as f64 / self.offered_packets.max(1) as f64
    }

    /// Share of the packets that left the queue and were lost, 0 to 1.
    pub fn loss_share(&self) -> f64 {
        let sent = self.offered_packets - self.queue_drops;
        self.losses as f64 / sent.max(1) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_and_means_count_the_right_packets() {
        let mut counters = Counters::default();
        counters.on_offered(100, Fate::QueueFull);
        counters.on_offered(100, Fate::Lost { queued: 30 });
        counters.on_offered(100, Fate::Arrives { at: 9, queued: 10 });
        counters.on_delivered(100, 4);
        assert_eq!(counters.offered_bytes, 300);
        assert_eq!(counters.queue_drop_share(), 1.0 / 3.0);
        assert_eq!(counters.loss_share(), 0.5);
        assert_eq!(counters.queue_delay_mean(), Duration::from_nanos(20));
        assert_eq!(counters.queue_delay_max(), Duration::from_nanos(30));
        assert_eq!(counters.release_error_mean(), Duration::from_nanos(4));
    }

    #[test]
    fn what_was_counted_before_is_left_out() {
        let mut counters = Counters::default();
        counters.on_offered(100, Fate::Lost { queued: 30 });
        let earlier = counters;
        counters.on_offered(70, Fate::Arrives { at: 9, queued: 10 });
        counters.on_delivered(70, 4);
        let since = counters.since(&earlier);
        assert_eq!((since.offered_packets, since.offered_bytes), (1, 70));
        assert_eq!((since.losses, since.delivered_bytes), (0, 70));
        assert_eq!(since.queue_delay_mean(), Duration::from_nanos(10));
        assert_eq!(since.queue_delay_max(), Duration::from_nanos(30));
    }

    #[test]
    fn nothing_counted_is_no_division_by_zero() {
        let counters = Counters::default();
        assert_eq!(counters.queue_delay_mean(), Duration::ZERO);
        assert_eq!(counters.loss_share(), 0.0);
    }
}
