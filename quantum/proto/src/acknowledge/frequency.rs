//! Asking the peer for fewer acknowledgements (draft-ietf-quic-ack-frequency).

use std::time::Duration;

use crate::frame::AckFrequency;

/// Ack-eliciting packets for one acknowledgement of a bulk flow: a tenth of the work of two, and
/// the controller still hears several times per burst.
const PACKETS_MAX: u64 = 10;

/// What a peer does that was not asked (RFC 9000 section 13.2.2).
const PACKETS_UNASKED: u64 = 2;

/// The packets of one acknowledgement are this part of the window: a flow with few packets in a round
/// trip hears of each, or it would notice late that its queue grows.
const ACKS_PER_WINDOW: u64 = 16;

/// Acknowledgements in a round trip, at least.
const ACKS_PER_ROUND: u32 = 8;

/// An acknowledgement is never asked to wait longer than without the extension
/// (RFC 9000 section 18.2).
const DELAY_MAX: Duration = Duration::from_millis(25);

/// What the sender asks of the peer's acknowledgements.
#[derive(Clone, Debug)]
pub(crate) struct FrequencyRequests {
    /// The shortest delay that the peer can do; `None`: it does not know the frame.
    min_delay: Option<Duration>,
    next_sequence: u64,
    asked: Option<Request>,
    /// What was asked is lost.
    repeat: bool,
}

/// One wish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Request {
    packets: u64,
    delay: Duration,
    reordering: u64,
}

impl FrequencyRequests {
    /// `min_delay`: the peer's transport parameter.
    pub(crate) fn new(min_delay: Option<Duration>) -> Self {
        Self {
            min_delay,
            next_sequence: 0,
            asked: None,
            repeat: false,
        }
    }

    /// The peer knows the frames of the extension.
    pub(crate) fn is_understood(&self) -> bool {
        self.min_delay.is_some()
    }

    /// The frame to send now, if the wish has changed. `reordering`: the packet threshold of loss
    /// detection.
    pub(crate) fn poll(
        &mut self,
        rtt: Duration,
        window_packets: u64,
        reordering: u64,
    ) -> Option<AckFrequency> {
        let min_delay = self.min_delay?;
        let wish = Request {
            packets: (window_packets / ACKS_PER_WINDOW).clamp(1, PACKETS_MAX),
            delay: (rtt / ACKS_PER_ROUND).min(DELAY_MAX).max(min_delay),
            reordering,
        };
        if !self.repeat && !self.is_news(&wish) {
            return None;
        }
        self.repeat = false;
        self.asked = Some(wish);
        self.next_sequence += 1;
        Some(AckFrequency {
            sequence: self.next_sequence - 1,
            ack_eliciting_threshold: wish.packets - 1,
            request_max_ack_delay: u64::try_from(wish.delay.as_micros()).unwrap_or(u64::MAX),
            reordering_threshold: wish.reordering,
        })
    }

    /// The frame was lost: it is asked again, with what is wanted then.
    pub(crate) fn on_lost(&mut self) {
        self.repeat = true;
    }

    /// The peer has the wish: the longest that it holds an acknowledgement back now.
    pub(crate) fn on_delivered(&self) -> Option<Duration> {
        self.asked.map(|asked| asked.delay)
    }

    /// The peer acknowledges at once when it has so many packets, and one packet after so long.
    pub(crate) fn in_force(&self) -> (u64, Duration) {
        let asked = self.asked.map(|asked| (asked.packets, asked.delay));
        asked.unwrap_or((PACKETS_UNASKED, DELAY_MAX))
    }

    /// Small changes are not worth a frame. Nor is the first wish if it asks for no more than
    /// what every peer does.
    fn is_news(&self, wish: &Request) -> bool {
        let Some(asked) = self.asked else {
            return wish.packets != PACKETS_UNASKED;
        };
        wish.reordering != asked.reordering
            || wish.packets >= asked.packets * 2
            || wish.packets * 2 <= asked.packets
            || wish.delay >= asked.delay * 2
            || wish.delay * 2 <= asked.delay
    }
}
