//! Frames of every type with any values, written without the protocol's own encoder: that one does
//! not write what must not be said.

use quantum_proto::stream::{Direction, Side, StreamId};

use crate::options::insider::InsiderOptions;
use crate::random::Random;

/// So many bytes of frames fit any packet.
const PACKET_BYTES_MAX: usize = 1000;
/// Beyond so many, no further frame is begun.
const FRAMES_BYTES_MAX: u64 = 800;
/// The largest value of a variable-length integer (RFC 9000 section 16).
const VARINT_MAX: u64 = (1 << 62) - 1;

/// What a frame has behind its type. Each is written so that nothing is wrong with it, unless it is
/// wild: who breaks a rule with the first packet does not get far.
#[derive(Clone, Copy)]
enum Field {
    /// Any number.
    Value,
    /// A small number.
    Small,
    /// This number.
    Exactly(u64),
    /// The number of a packet of the peer's.
    Number,
    /// Which packets have arrived, and when.
    Acknowledged,
    /// A stream that the speaker sends on.
    Sent,
    /// A stream that the peer sends on.
    Heard,
    /// Where in a stream or message.
    Offset,
    /// A message's id, and its size.
    Message,
    /// The same, for a message that need not arrive.
    Doomed,
    /// A length and so many bytes.
    Data,
    /// Bytes to the end of the packet.
    Rest,
    /// So many bytes.
    Bytes(usize),
    /// The number of a new connection id, twice: it takes the place of all before.
    Sequence,
    /// The number of an id of the peer's that is not in use.
    Retired,
    /// A connection id behind its length.
    Id,
    /// Which packets a repair covers.
    Window,
}

use Field::{
    Acknowledged, Bytes, Data, Doomed, Exactly, Heard, Id, Message, Number, Offset, Rest, Retired,
    Sent, Sequence, Small, Value, Window,
};

type Shape = (u64, &'static [Field]);

/// Where all streams end.
const FINAL_SIZE: u64 = 4000;

/// What can be said for long.
const SHAPES: &[Shape] = &[
    (0x00, &[]),
    (0x01, &[]),
    (0x02, &[Acknowledged]),
    (0x03, &[Acknowledged, Small, Small, Small]),
    (0x04, &[Sent, Value, Exactly(FINAL_SIZE)]),
    (0x05, &[Heard, Value]),
    (0x08, &[Sent, Rest]),
    (0x0a, &[Sent, Data]),
    (0x0c, &[Sent, Offset, Rest]),
    (0x0e, &[Sent, Offset, Data]),
    (0x0f, &[Sent, Exactly(FINAL_SIZE), Exactly(0)]),
    (0x10, &[Value]),
    (0x11, &[Heard, Value]),
    (0x12, &[Value]),
    (0x13, &[Value]),
    (0x14, &[Value]),
    (0x15, &[Sent, Value]),
    (0x16, &[Value]),
    (0x17, &[Value]),
    (0x1a, &[Bytes(8)]),
    (0x1b, &[Bytes(8)]),
    (0x1f, &[]),
    (0x3f, &[]),
    (0x40, &[Doomed, Rest]),
    (0x41, &[Doomed, Data]),
    (0x43, &[Doomed, Offset, Data]),
    (0x45, &[Message, Data]),
    (0x46, &[Message, Offset, Rest]),
    (0x47, &[Message, Offset, Data]),
    (0x48, &[Doomed, Small]),
    (0x49, &[Value]),
    (0x4a, &[Value]),
    (0x4b, &[Value, Value]),
    (0x4c, &[Value, Small]),
    (0x4c, &[Value, Small, Exactly(0x58), Doomed, Value, Rest]),
    (
        0x4c,
        &[Value, Small, Exactly(0x5b), Doomed, Offset, Value, Data],
    ),
    (0x4c, &[Value, Small, Exactly(0x5d), Message, Value, Data]),
    (
        0x4c,
        &[Value, Small, Exactly(0x5f), Message, Offset, Value, Data],
    ),
    (0x50, &[Exactly(0), Exactly(0), Rest]),
    (0x51, &[Number]),
    (0xaf, &[Small, Small, Exactly(1 << 17), Small]),
];

/// What is soon too much.
const GRAVE: &[Shape] = &[
    (0x06, &[Offset, Data]),
    (0x07, &[Data]),
    (0x09, &[Sent, Rest]),
    (0x0b, &[Sent, Data]),
    (0x18, &[Sequence, Id, Bytes(16)]),
    (0x18, &[Small, Small, Id, Bytes(16)]),
    (0x19, &[Retired]),
    (0x19, &[Small]),
    (0x1e, &[]),
    (0x50, &[Window, Rest]),
    (0x5d, &[Message, Value, Data]),
    (0xaf, &[Small, Small, Value, Small]),
];

/// The closes: said seldom, as they end everything.
const CLOSES: &[Shape] = &[(0x1c, &[Value, Value, Data]), (0x1d, &[Value, Data])];

/// What is known of the connection.
pub(super) struct Facts<'a> {
    /// Packets of the peer's, about.
    pub(super) packets: u64,
    /// Packets of the speaker's, about.
    pub(super) sent: u64,
    /// Streams that were opened.
    pub(super) streams: &'a [StreamId],
}

/// Makes up what is said.
pub(super) struct Speaker {
    random: Random,
    wildness: f64,
    damage: f64,
    side: Side,
    shapes: Vec<&'static Shape>,
    sequence: u64,
    retired: u64,
    /// The newest packet that it says has arrived.
    acknowledged: u64,
    /// Something that was said may have been a close.
    pub(super) may_have_closed: bool,
}

impl Speaker {
    pub(super) fn new(options: &InsiderOptions) -> Self {
        let mut random = Random::new(options.seed);
        let all = || SHAPES.iter().chain(GRAVE);
        let shapes = match options.focus {
            None => SHAPES.iter().collect(),
            Some(count) => (0..count)
                .filter_map(|_| all().nth(random.index(SHAPES.len() + GRAVE.len())))
                .collect(),
        };
        Self {
            random,
            wildness: options.wildness,
            damage: options.damage,
            side: options.side,
            shapes,
            // Behind those that its connection announces.
            sequence: 16,
            retired: 1,
            acknowledged: 0,
            may_have_closed: false,
        }
    }

    /// The frames of one packet.
    pub(super) fn packet(&mut self, facts: &Facts<'_>) -> Vec<u8> {
        let size = self.random.logarithmic(1, FRAMES_BYTES_MAX) as usize;
        let is_flood = self.random.chance(0.2);
        let mut shape = self.shape();
        let mut bytes = Vec::new();
        while bytes.len() < size {
            self.frame(shape, facts, size, &mut bytes);
            if !is_flood {
                shape = self.shape();
            }
        }
        if self.random.chance(self.damage) {
            self.damage(&mut bytes);
        }
        bytes.truncate(PACKET_BYTES_MAX);
        bytes
    }

    fn shape(&mut self) -> &'static Shape {
        if self.random.chance(self.wildness / 20.0) {
            self.may_have_closed = true;
            return &CLOSES[self.random.index(CLOSES.len())];
        }
        if self.random.chance(self.wildness) {
            return &GRAVE[self.random.index(GRAVE.len())];
        }
        let index = self.random.index(self.shapes.len());
        self.shapes.get(index).copied().unwrap_or(&SHAPES[0])
    }

    fn frame(
        &mut self,
        (kind, fields): &Shape,
        facts: &Facts<'_>,
        size: usize,
        bytes: &mut Vec<u8>,
    ) {
        write_varint(bytes, *kind);
        for field in *fields {
            self.field(*field, facts, size, bytes);
        }
    }

    fn field(&mut self, field: Field, facts: &Facts<'_>, size: usize, bytes: &mut Vec<u8>) {
        match field {
            Value => self.value(1 << 24, bytes),
            Small => self.value(16, bytes),
            Offset => self.value(1000, bytes),
            Exactly(value) => self.value_near(value, bytes),
            Number => self.value(facts.packets, bytes),
            Acknowledged => self.acknowledgement(facts, bytes),
            Sent => self.stream(self.side, facts, bytes),
            Heard => self.stream(self.side.peer(), facts, bytes),
            Message | Doomed => {
                let id = MESSAGES_BEFORE + 2 * self.random.below(32);
                let id = id + u64::from(matches!(field, Doomed));
                self.value_near(id, bytes);
                // The same each time, and room for any offset and data.
                self.value_near(2000 + 10 * id, bytes);
            }
            Data => {
                let count = 1 + self.random.index(32);
                self.value_near(count as u64, bytes);
                self.noise(count, bytes);
            }
            Rest => self.noise(size.saturating_sub(bytes.len()).max(1), bytes),
            Bytes(count) => self.noise(count, bytes),
            Sequence => {
                self.sequence += 1;
                self.value_near(self.sequence, bytes);
                self.value_near(self.sequence, bytes);
            }
            Retired => {
                self.retired += 1;
                self.value_near(self.retired - 1, bytes);
            }
            Id => {
                let wild = self.is_wild();
                let count = if wild { self.random.index(256) } else { 8 };
                bytes.push(count as u8);
                self.noise(count.min(64), bytes);
            }
            Window => {
                self.value(facts.sent.clamp(1, 62), bytes);
                self.value(1 << (facts.sent / 2).min(31), bytes);
            }
        }
    }

    fn acknowledgement(&mut self, facts: &Facts<'_>, bytes: &mut Vec<u8>) {
        // Seldom another: some numbers are left out, and nobody can have received those.
        if self.acknowledged == 0 || self.random.chance(0.02) {
            self.acknowledged = self.random.below(facts.packets);
        }
        let largest = self.acknowledged;
        let bound = if largest < 4 { 1 } else { 4 };
        let count = self.random.logarithmic(1, 1 + largest.min(480) / 16) - 1;
        self.value_near(largest, bytes);
        self.value(1 << 16, bytes);
        self.value_near(count, bytes);
        for _ in 0..=2 * count {
            self.value(bound, bytes);
        }
    }

    fn stream(&mut self, sender: Side, facts: &Facts<'_>, bytes: &mut Vec<u8>) {
        let carries =
            |id: &&StreamId| id.direction() == Direction::Bidirectional || id.initiator() == sender;
        let streams: Vec<_> = facts.streams.iter().filter(carries).collect();
        let chosen = streams.get(self.random.index(streams.len()));
        self.value_near(chosen.map_or(0, |id| id.value()), bytes);
    }

    fn is_wild(&mut self) -> bool {
        self.random.chance(self.wildness)
    }

    /// A value below `bound`, or a wild one.
    fn value(&mut self, bound: u64, bytes: &mut Vec<u8>) {
        let value = self.random.logarithmic(1, bound.max(1)) - 1;
        self.value_near(value, bytes);
    }

    /// This value, or a wild one.
    fn value_near(&mut self, value: u64, bytes: &mut Vec<u8>) {
        let value = if self.is_wild() { self.wild() } else { value };
        write_varint(bytes, value);
    }

    /// Around the bounds of everything.
    fn wild(&mut self) -> u64 {
        let bound = 1 << self.random.below(63);
        let value = match self.random.below(4) {
            0 => bound - 1,
            1 => bound,
            2 => bound + 1,
            _ => self.random.bits() & (bound - 1),
        };
        value.min(VARINT_MAX)
    }

    fn noise(&mut self, count: usize, bytes: &mut Vec<u8>) {
        let start = bytes.len();
        bytes.resize(start + count, 0);
        self.random.fill(bytes.get_mut(start..).unwrap_or_default());
    }

    fn damage(&mut self, bytes: &mut Vec<u8>) {
        self.may_have_closed = true;
        match self.random.below(3) {
            0 => bytes.truncate(self.random.index(bytes.len())),
            1 => {
                let index = self.random.index(bytes.len());
                if let Some(byte) = bytes.get_mut(index) {
                    *byte ^= 1 << self.random.below(8);
                }
            }
            _ => {
                let count = bytes.len();
                bytes.clear();
                self.noise(count, bytes);
            }
        }
    }

    /// A frame that nobody may bear, whatever was said before.
    pub(super) fn breach(&mut self, side: Side) -> Vec<u8> {
        let id = self.random.below(4);
        let own_one_way = 2 | side as u64;
        let values: [&[u64]; 14] = [
            // No such types.
            &[0x20],
            &[0x4d],
            &[0x7fff],
            // Data that are not there.
            &[0x0a, id, 1 << 30],
            &[0x06, 0, 1 << 30],
            &[0x47, 7, 1 << 20, 0, 1 << 20],
            // Ranges below zero.
            &[0x02, 5, 0, 0, 6],
            // What was never sent.
            &[0x02, VARINT_MAX, 0, 0, 0],
            &[0x19, 1 << 61],
            // More than can be.
            &[0x12, (1 << 60) + 1],
            &[0x13, VARINT_MAX],
            &[0x0e, id, VARINT_MAX, 1, 0],
            // An id that retires itself.
            &[0x18, 1, 2],
            // Nobody sends back on a stream that goes one way.
            &[0x05, own_one_way, 0],
        ];
        let mut bytes = Vec::new();
        if side == Side::Client && self.random.chance(0.2) {
            // What only servers say.
            write_varint(&mut bytes, 0x1e);
            return bytes;
        }
        let index = self.random.index(values.len());
        let chosen = values.get(index).copied().unwrap_or_default();
        chosen
            .iter()
            .for_each(|value| write_varint(&mut bytes, *value));
        bytes
    }
}

/// Ids of messages that are sent as the protocol has it.
pub(super) const MESSAGES_BEFORE: u64 = 8;

fn write_varint(bytes: &mut Vec<u8>, value: u64) {
    match value {
        0..0x40 => bytes.push(value as u8),
        0x40..0x4000 => bytes.extend((value as u16 | 0x4000).to_be_bytes()),
        0x4000..0x4000_0000 => bytes.extend((value as u32 | 0x8000_0000).to_be_bytes()),
        _ => bytes.extend((value | 0xc000_0000_0000_0000).to_be_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::Options;

    const FACTS: Facts<'_> = Facts {
        packets: 100,
        sent: 100,
        streams: &[],
    };

    fn insiders() -> impl Iterator<Item = InsiderOptions> {
        (0..200).filter_map(|seed| Options::from_seed(seed).insider)
    }

    #[test]
    fn what_is_said_follows_from_the_seed_and_fits_a_packet() {
        for options in insiders() {
            let [mut one, mut other] = [(); 2].map(|()| Speaker::new(&options));
            for _ in 0..200 {
                let frames = one.packet(&FACTS);
                assert!(frames.len() <= PACKET_BYTES_MAX);
                assert_eq!(frames, other.packet(&FACTS));
            }
        }
    }

    #[test]
    fn varints_have_the_shortest_form() {
        let encode = |value| {
            let mut bytes = Vec::new();
            write_varint(&mut bytes, value);
            bytes
        };
        // RFC 9000 appendix A.1.
        assert_eq!(encode(37), [0x25]);
        assert_eq!(encode(15_293), [0x7b, 0xbd]);
        assert_eq!(encode(494_878_333), [0x9d, 0x7f, 0x3e, 0x7d]);
        let longest = [0xc2, 0x19, 0x7c, 0x5e, 0xff, 0x14, 0xe8, 0x8c];
        assert_eq!(encode(151_288_809_941_952_652), longest);
    }
}
