//! Whether a connection holds no more than its configuration allows.

use quantum_proto::stats::Holdings;

use crate::application::Fault;
use crate::options::settings::Settings;
use crate::violation::Rule;

/// Turns between two looks: what leaks leaks on.
const TURNS: u64 = 16;
/// What a half of a stream may waste: a block that is hardly used, a piece that is nearly
/// acknowledged.
const WASTE_BYTES: usize = 64 << 10;
/// The handshake's bytes, in each direction.
const HANDSHAKE_BYTES: usize = 96 << 10;
/// The largest message.
const MESSAGE_BYTES: usize = 1 << 20;
/// What a message costs beside its bytes: bounds their number.
const MESSAGE_OVERHEAD: usize = 64;
/// Bare acknowledgements that are remembered.
const BARE: usize = 128;
/// Symbols and equations of the peer's and symbols of our own (Q-FEC-4, Q-FEC-5), each as large as a
/// packet.
const REPAIR_BYTES: usize = (64 + 16 + 32) * 1500;
/// Slots for each packet that is remembered: it, and traces of what was between it and others.
const SLOTS: usize = 3;
/// Packets of the handshake, which are in flight without asking for an acknowledgement.
const PADDED: usize = 16;
/// The smallest packet that asks for an acknowledgement.
const PACKET_BYTES: usize = 20;

/// What a connection may hold.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    stream_halves: usize,
    send: usize,
    receive: usize,
    messages: usize,
}

impl Limits {
    /// What follows from the settings of this side and of the other. `streams_before`: streams that
    /// the other side allowed at an earlier visit, which early data may still use.
    #[must_use]
    pub fn new(here: &Settings, there: &Settings, streams_before: u64) -> Self {
        let bytes = |bytes| usize::try_from(bytes).unwrap_or(usize::MAX);
        // Three halves for one stream of each direction. A stream may be over for the peer, which
        // lets another be opened, before its last acknowledgement is here.
        let stream_halves = 2 * 3 * bytes(here.streams_max + there.streams_max.max(streams_before));
        Self {
            stream_halves,
            send: bytes(here.send_window),
            receive: bytes(here.receive_window),
            messages: bytes(here.message_receive_window),
        }
    }
}

/// Looks at what one connection holds.
#[derive(Default)]
pub(super) struct Memory {
    turns: u64,
    bytes_in_flight_max: u64,
}

impl Memory {
    /// Whether it is time to look again.
    pub(super) fn is_due(&mut self, bytes_in_flight: u64) -> bool {
        self.bytes_in_flight_max = self.bytes_in_flight_max.max(bytes_in_flight);
        self.turns += 1;
        self.turns.is_multiple_of(TURNS)
    }

    /// Names what has grown beyond its bound.
    pub(super) fn check(&self, limits: &Limits, held: &Holdings) -> Result<(), Fault> {
        let halves = held.stream_halves;
        // Without streams there is nothing to buffer for them.
        let unless_idle = |bytes| if halves == 0 { 0 } else { bytes };
        let peak = usize::try_from(self.bytes_in_flight_max).unwrap_or(usize::MAX);
        let bounds = [
            ("stream halves", halves, limits.stream_halves),
            (
                "bytes of streams to send",
                held.stream_send_bytes,
                unless_idle(limits.send) + halves * WASTE_BYTES + HANDSHAKE_BYTES,
            ),
            (
                "bytes of streams received",
                held.stream_receive_bytes,
                unless_idle(limits.receive) + halves * WASTE_BYTES + HANDSHAKE_BYTES,
            ),
            ("stream controls", held.stream_controls, 4 * halves + 8),
            (
                "messages to send",
                held.messages_outgoing,
                limits.send / MESSAGE_OVERHEAD + 1,
            ),
            (
                "bytes of messages to send",
                held.message_send_bytes,
                limits.send.max(MESSAGE_BYTES),
            ),
            ("expired messages", held.messages_expired, 1 << 10),
            (
                "messages received",
                held.messages_incoming,
                limits.messages / MESSAGE_OVERHEAD,
            ),
            (
                "bytes of messages received",
                held.message_receive_bytes,
                limits.messages,
            ),
            ("gaps between messages", held.message_gaps, 1 << 14),
            (
                "sent packets",
                held.sent_packets,
                SLOTS * (held.unacknowledged_packets + BARE + PADDED),
            ),
            (
                "unacknowledged packets",
                held.unacknowledged_packets,
                peak / PACKET_BYTES + 64,
            ),
            ("lost packets", held.lost_packets, 3 * 4096),
            ("undecryptable packets", held.undecryptable_packets, 10),
            (
                "bytes of undecryptable packets",
                held.undecryptable_bytes,
                10 * 1500,
            ),
            ("ranges to acknowledge", held.ack_ranges, 3 * 64),
            ("answers to challenges", held.path_responses, 4),
            ("connection ids", held.connection_ids, 6 + 4 + 16),
            ("bytes for repairs", held.repair_bytes, REPAIR_BYTES),
            ("events", held.events, 8 * halves + 64),
        ];
        let grown = bounds.into_iter().find(|(_, count, most)| count > most);
        grown.map_or(Ok(()), |(what, count, most)| {
            let detail = format!("{what}: {count}, at most {most}");
            Err((Rule::MemoryBudget, detail))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    #[test]
    fn what_grows_beyond_its_bound_is_named() {
        let settings = Settings::draw(&mut Random::new(1));
        let limits = Limits::new(&settings, &settings, 0);
        let memory = Memory::default();
        let mut held = Holdings::default();
        assert_eq!(memory.check(&limits, &held), Ok(()));
        held.path_responses = 5;
        let (rule, detail) = memory.check(&limits, &held).unwrap_err();
        assert_eq!(rule, Rule::MemoryBudget);
        assert_eq!(detail, "answers to challenges: 5, at most 4");
    }

    #[test]
    fn memory_of_streams_goes_with_them() {
        let settings = Settings::draw(&mut Random::new(1));
        let limits = Limits::new(&settings, &settings, 0);
        let mut held = Holdings::default();
        held.stream_receive_bytes = HANDSHAKE_BYTES + 1;
        assert!(Memory::default().check(&limits, &held).is_err());
        held.stream_halves = 1;
        assert!(Memory::default().check(&limits, &held).is_ok());
    }
}
