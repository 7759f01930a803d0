//! When what leaves now arrives, as far as its sender can know.

use std::time::Duration;

use crate::frame::TENTH;
use crate::time::Instant;

/// What is known of the way to the peer while a packet is assembled.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outlook {
    pub(crate) now: Instant,
    /// What the empty path takes one way, at most; zero before a round trip was measured.
    pub(crate) least_delay: Duration,
    /// What queues add to it at present.
    pub(crate) queueing: Duration,
    /// Half of the smoothed round trip; zero before any.
    pub(crate) half_smoothed: Duration,
    /// Bytes per second that leave.
    pub(crate) rate: u64,
    /// What a full packet takes to leave at that rate.
    pub(crate) packet_time: Duration,
    /// Something is under way that will tell how the path is.
    pub(crate) in_flight: bool,
}

impl Outlook {
    /// Whether a full packet holds up what comes behind it.
    pub(crate) fn is_slow(&self) -> bool {
        self.packet_time > SLOW
    }

    /// Whether `bytes` that begin to leave now arrive after `deadline` (Q-DLN-7). With nothing in
    /// flight what is known of queues may be long over: then only the deadline itself counts.
    pub(super) fn is_hopeless(&self, deadline: Instant, bytes: u64) -> bool {
        let leaving = u128::from(bytes) * 1_000_000_000 / u128::from(self.rate.max(1));
        let leaving = Duration::from_nanos(u64::try_from(leaving).unwrap_or(u64::MAX));
        let arrival = self.now + self.least_delay + self.queueing + leaving;
        deadline <= self.now || (self.in_flight && deadline < arrival)
    }

    /// The same for a message of so many bytes that is not begun: its end may have to wait for another
    /// packet, and half of it is worth nothing.
    pub(super) fn is_hopeless_new(&self, deadline: Instant, bytes: u64) -> bool {
        let begins = deadline.before(self.packet_time);
        deadline <= self.now || self.is_hopeless(begins.max(self.now + TENTH), bytes)
    }

    /// The same for something that is sent again.
    pub(super) fn is_hopeless_again(&self, deadline: Instant) -> bool {
        let delay = self.half_smoothed.max(self.least_delay + self.queueing);
        deadline <= self.now || deadline < self.now + delay
    }

    /// How much more than on the empty path a packet may take that leaves now, in tenths of a
    /// millisecond. One less than there are: both ends round.
    pub(super) fn slack(&self, deadline: Instant) -> u64 {
        let left = deadline.since(self.now + self.least_delay).as_nanos() / TENTH.as_nanos();
        u64::try_from(left).unwrap_or(u64::MAX).saturating_sub(1)
    }
}

/// A packet that takes longer than this to leave is worth splitting: at 1,200 bytes, below 10 Mbit/s.
const SLOW: Duration = Duration::from_millis(1);

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: u64) -> Instant {
        Instant::ORIGIN + Duration::from_millis(milliseconds)
    }

    /// A path of 20 ms with a queue of 10 ms, at 100 kB/s, one second after the origin.
    fn outlook() -> Outlook {
        Outlook {
            now: at(1000),
            least_delay: Duration::from_millis(20),
            queueing: Duration::from_millis(10),
            half_smoothed: Duration::from_millis(40),
            rate: 100_000,
            packet_time: Duration::ZERO,
            in_flight: true,
        }
    }

    #[test]
    fn path_queue_and_size_decide_what_arrives_in_time() {
        let outlook = outlook();
        assert!(!outlook.is_hopeless(at(1031), 100));
        assert!(outlook.is_hopeless(at(1030), 100));
        assert!(!outlook.is_hopeless(at(1130), 10_000));
        assert!(outlook.is_hopeless(at(1129), 10_000));
        assert!(!outlook.is_hopeless(Instant::DISTANT, u64::MAX));
    }

    #[test]
    fn what_is_sent_again_needs_half_a_smoothed_round_trip() {
        let outlook = outlook();
        assert!(outlook.is_hopeless_again(at(1039)));
        assert!(!outlook.is_hopeless_again(at(1040)));
    }

    #[test]
    fn with_nothing_in_flight_the_deadline_alone_counts() {
        let outlook = Outlook {
            in_flight: false,
            ..outlook()
        };
        assert!(!outlook.is_hopeless(at(1001), 10_000));
        assert!(outlook.is_hopeless(at(1000), 0));
        assert!(outlook.is_hopeless_again(at(1001)));
    }

    #[test]
    fn slack_is_what_the_path_leaves_of_the_time() {
        let outlook = outlook();
        assert_eq!(outlook.slack(at(1050)), 299);
        assert_eq!(outlook.slack(at(1020)), 0);
        assert_eq!(outlook.slack(at(900)), 0);
        assert!(outlook.slack(Instant::DISTANT) > 1 << 40);
    }
}
