//! Congestion control: events in, a window and a rate out.
//!
//! A [`Controller`] hears of sent, acknowledged and lost packets of one path, in that order, and
//! says how many bytes may be in flight and how fast they may leave. It reads no clock.

mod bbr;
mod cubic;
mod fixed;
mod hystart;

pub use bbr::Bbr;
pub use cubic::Cubic;
pub use fixed::Fixed;

use std::fmt::Debug;
use std::time::Duration;

use crate::time::Instant;

/// Decides how much may be in flight on one path, and how fast it may leave.
///
/// Order of calls: [`on_sent`](Self::on_sent) for each packet in flight; for an ACK frame (or a
/// loss timer) first [`on_lost`](Self::on_lost) for each packet that it gives up, then
/// [`on_acknowledged`](Self::on_acknowledged) once. All sizes are bytes of UDP payload.
pub trait Controller: Send + Debug {
    /// A packet that counts as in flight leaves.
    fn on_sent(&mut self, sent: &Sent);

    /// An ACK frame acknowledged at least one packet in flight.
    fn on_acknowledged(&mut self, acknowledged: &Acknowledged);

    /// A packet is declared lost.
    fn on_lost(&mut self, lost: &Lost);

    /// Everything sent in a long period was lost (RFC 9002 section 7.6): start over.
    fn on_persistent_congestion(&mut self, now: Instant);

    /// Packets declared lost in the last recovery arrived after all: undo what the loss caused.
    fn on_spurious_loss(&mut self, spurious: &SpuriousLoss);

    /// The largest datagram that the path carries has changed.
    fn on_datagram_size(&mut self, bytes: u16);

    /// What may be in flight and how fast it may leave, now.
    fn limits(&self) -> SendLimits;

    /// The name for logs, and what the controller wants to show.
    fn snapshot(&self) -> Snapshot {
        Snapshot::default()
    }
}

/// Makes a controller for each new path.
pub trait ControllerFactory: Send + Sync + Debug {
    /// A controller for a path that carries datagrams of `datagram_bytes`; `seed` is its only
    /// source of randomness.
    fn controller(&self, now: Instant, datagram_bytes: u16, seed: u64) -> Box<dyn Controller>;
}

/// What a controller allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SendLimits {
    /// Bytes that may be in flight.
    pub window: u64,
    /// Bytes per second that may leave; `None`: as fast as the window allows, spread over a
    /// round trip by the pacer.
    pub pacing_rate: Option<u64>,
    /// The most that may leave in one burst, in bytes.
    pub quantum: u64,
}

/// A packet leaves.
#[derive(Clone, Copy, Debug)]
pub struct Sent {
    /// When.
    pub now: Instant,
    /// Its packet number.
    pub packet_number: u64,
    /// Its size.
    pub bytes: u64,
    /// Bytes in flight before it left.
    pub bytes_in_flight: u64,
    /// The connection had been idle (nothing in flight) and starts again with this packet.
    pub after_idle: bool,
    /// The application had nothing more to send when the last packet before this one left.
    pub app_limited: bool,
}

/// An ACK frame, summed up.
#[derive(Clone, Copy, Debug)]
pub struct Acknowledged {
    /// When it arrived.
    pub now: Instant,
    /// Bytes that it acknowledged for the first time.
    pub bytes: u64,
    /// Bytes declared lost by the same frame.
    pub lost_bytes: u64,
    /// Bytes in flight before the frame.
    pub prior_in_flight: u64,
    /// Bytes in flight after the frame, lost ones taken off.
    pub bytes_in_flight: u64,
    /// The largest packet number that it newly acknowledged, and when that packet was sent.
    pub largest: u64,
    /// When the packet `largest` was sent.
    pub largest_sent_at: Instant,
    /// The frame's own round-trip sample, acknowledgement delay taken off, if it gave one.
    pub rtt: Option<Duration>,
    /// Smoothed round-trip time.
    pub smoothed_rtt: Duration,
    /// Bytes delivered on this path since it began.
    pub delivered: u64,
    /// Bytes declared lost on this path since it began.
    pub lost: u64,
    /// The delivery rate that the frame shows, if it shows one.
    pub rate: Option<RateSample>,
    /// Packets that the peer newly reports as marked Congestion Experienced.
    pub ecn_marked: u64,
    /// The sender is limited by the application, not by window or rate, since before this frame.
    pub app_limited: bool,
}

/// A delivery-rate sample (draft-ietf-ccwg-bbr, "Delivery Rate Samples"): from the newest packet
/// that an ACK frame acknowledges.
#[derive(Clone, Copy, Debug)]
pub struct RateSample {
    /// Bytes per second.
    pub delivery_rate: u64,
    /// The time over which it was measured: the longer of send and ACK interval.
    pub interval: Duration,
    /// Bytes delivered over the interval.
    pub delivered: u64,
    /// Bytes delivered when the sampled packet was sent: marks rounds.
    pub prior_delivered: u64,
    /// Bytes lost between sending the sampled packet and now.
    pub lost: u64,
    /// Bytes in flight right after the sampled packet was sent.
    pub sent_in_flight: u64,
    /// The sampled packet left while the application limited the flow.
    pub app_limited: bool,
    /// Round-trip time of the sampled packet (acknowledgement delay not taken off).
    pub rtt: Duration,
}

/// A packet is given up as lost.
#[derive(Clone, Copy, Debug)]
pub struct Lost {
    /// When it was declared lost.
    pub now: Instant,
    /// Its packet number.
    pub packet_number: u64,
    /// Its size.
    pub bytes: u64,
    /// When it was sent.
    pub sent_at: Instant,
    /// Bytes in flight right after it was sent.
    pub sent_in_flight: u64,
    /// Bytes delivered on the path when it was sent.
    pub prior_delivered: u64,
    /// Bytes lost on the path when it was sent.
    pub prior_lost: u64,
    /// It left while the application limited the flow.
    pub app_limited: bool,
    /// Bytes in flight, this packet taken off.
    pub bytes_in_flight: u64,
    /// Bytes lost on the path since it began, this packet included.
    pub lost: u64,
    /// The packet before it (by number) was lost too: both belong to one run of losses.
    pub continues_run: bool,
}

/// A packet that was declared lost has arrived.
#[derive(Clone, Copy, Debug)]
pub struct SpuriousLoss {
    /// When that was learnt.
    pub now: Instant,
    /// Its packet number.
    pub packet_number: u64,
    /// Its size.
    pub bytes: u64,
    /// When it had been sent.
    pub sent_at: Instant,
    /// No packet of that loss event is believed lost any more.
    pub whole_event: bool,
}

/// What a controller shows to statistics and qlog.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// The algorithm.
    pub name: &'static str,
    /// The state it is in, in the words of its specification.
    pub state: &'static str,
    /// Estimated bottleneck bandwidth in bytes per second.
    pub bandwidth: Option<u64>,
    /// Slow-start threshold in bytes.
    pub slow_start_threshold: Option<u64>,
}
