//! What an ACK frame or a timer brought about.

use crate::carried::Contents;
use crate::frame::EcnCounts;

/// A packet number space (RFC 9000 section 12.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum SpaceId {
    Initial,
    Handshake,
    /// 0-RTT and 1-RTT packets.
    Data,
}

impl SpaceId {
    pub(crate) const ALL: [Self; 3] = [Self::Initial, Self::Handshake, Self::Data];
}

/// A packet as it leaves.
#[derive(Clone, Debug)]
pub(crate) struct SentPacket {
    /// From [`Recovery::next_packet_number`](super::Recovery::next_packet_number).
    pub(crate) number: u64,
    /// UDP payload that it takes.
    pub(crate) bytes: u16,
    pub(crate) ack_eliciting: bool,
    /// Ack-eliciting, or padded (RFC 9002 section 2).
    pub(crate) in_flight: bool,
    /// Its loss says something about the size of datagrams only.
    pub(crate) mtu_probe: bool,
    /// Left with the mark ECT(0).
    pub(crate) ect0: bool,
    pub(crate) contents: Contents,
}

/// A packet that arrived.
#[derive(Clone, Debug)]
pub(crate) struct Delivered {
    pub(crate) number: u64,
    pub(crate) bytes: u16,
    pub(crate) in_flight: bool,
    pub(crate) mtu_probe: bool,
    /// It was sent on the path in use: sizes and marks that it proves hold there.
    pub(crate) current_path: bool,
    /// It had been reported as lost before.
    pub(crate) spurious: bool,
    pub(crate) contents: Contents,
}

/// A packet that is given up.
#[derive(Clone, Debug)]
pub(crate) struct LostPacket {
    pub(crate) number: u64,
    pub(crate) bytes: u16,
    pub(crate) in_flight: bool,
    pub(crate) mtu_probe: bool,
    /// It was sent on the path in use.
    pub(crate) current_path: bool,
    pub(crate) contents: Contents,
}

/// Everything that one call brought about; cleared and filled by each.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) delivered: Vec<Delivered>,
    pub(crate) lost: Vec<LostPacket>,
    /// An ack-eliciting packet was acknowledged for the first time: the peer is alive.
    pub(crate) ack_eliciting: bool,
    /// The frame's largest number is larger than any before.
    pub(crate) largest_advanced: bool,
    /// Everything sent over a long time was lost.
    pub(crate) persistent_congestion: bool,
}

impl Outcome {
    /// Entries whose memory is kept between calls.
    const ENTRIES_IDLE_MAX: usize = 256;

    pub(crate) fn clear(&mut self) {
        self.delivered.clear();
        self.delivered.shrink_to(Self::ENTRIES_IDLE_MAX);
        self.lost.clear();
        self.lost.shrink_to(Self::ENTRIES_IDLE_MAX);
        self.ack_eliciting = false;
        self.largest_advanced = false;
        self.persistent_congestion = false;
    }
}

/// What ECN validation needs of an ACK frame (RFC 9000 section 13.4.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EcnReport {
    pub(crate) space: SpaceId,
    /// Packets sent with ECT(0) that are newly acknowledged since the last report of the space.
    pub(crate) ect0_acknowledged: u64,
    /// What the frame says; `None`: it says nothing.
    pub(crate) counts: Option<EcnCounts>,
}

/// Where the handshake stands, as far as timers depend on it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct HandshakeFacts {
    /// Handshake keys are there: an anti-deadlock probe goes into the Handshake space.
    pub(crate) handshake_keys: bool,
    /// A server that has sent three times what it received: it cannot send, so it arms nothing.
    pub(crate) amplification_limited: bool,
}

/// What a timer asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TimerAction {
    /// Nothing was due.
    Nothing,
    /// Packets of this space were given up: they are in the outcome. Another space may be due
    /// as well: the timer says so.
    Lost(SpaceId),
    /// Send up to `packets` ack-eliciting packets in `space`, whatever the window says: new data
    /// or what [`Recovery::outstanding`](super::Recovery::outstanding) shows.
    Probe { space: SpaceId, packets: u8 },
}
