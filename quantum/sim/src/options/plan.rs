//! What the applications of a run do.

use std::fmt;
use std::time::Duration;

use quantum_proto::stream::{Direction, Side, StreamId};
use quantum_proto::{MessageOptions, Urgency};

use crate::random::Random;
use crate::units::{ms, seconds};

/// Bytes that one side of a run writes, about, at most.
const BUDGET: u64 = 2_000_000;

/// What both applications do.
#[derive(Clone, Debug)]
pub struct Plan {
    key: u64,
    sides: [SidePlan; 2],
    /// Who closes.
    pub closer: Side,
    /// When.
    pub closing: Closing,
}

/// When a connection is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closing {
    /// Everything has been read by both applications.
    WhenAllIsDone,
    /// The closer has read everything and has handed over everything: it has still to arrive.
    WhenAllIsWritten,
}

/// What one side starts.
#[derive(Clone, Debug, Default)]
pub struct SidePlan {
    streams: [Vec<StreamPlan>; 2],
    /// Messages in the order in which they are sent.
    pub messages: Vec<MessagePlan>,
}

/// A stream.
#[derive(Clone, Debug)]
pub struct StreamPlan {
    /// When it is opened, after the handshake.
    pub opens_at: Duration,
    /// What the side writes that opens it.
    pub forward: Leg,
    /// What the other side writes, if it may.
    pub backward: Option<Leg>,
}

/// What is written and read in one direction of a stream.
#[derive(Clone, Debug)]
pub struct Leg {
    /// Bytes.
    pub bytes: u64,
    /// Bytes per write, at most.
    pub write_bytes: u64,
    /// The writer gives up.
    pub reset: Option<Break>,
    /// The reader gives up.
    pub stop: Option<Break>,
    /// Bytes per read, at most.
    pub read_bytes: u64,
    /// How long the reader waits after each read.
    pub read_pause: Duration,
    /// What the writer's bytes go before.
    pub urgency: Urgency,
}

/// After so many bytes, with this code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Break {
    /// Bytes before it.
    pub after: u64,
    /// The code that the other side is told.
    pub code: u64,
}

/// A message.
#[derive(Clone, Copy, Debug)]
pub struct MessagePlan {
    /// When it is sent, after the handshake.
    pub at: Duration,
    /// Its size, at least 4.
    pub bytes: usize,
    /// Whether it has to arrive.
    pub reliable: bool,
    /// What it goes before.
    pub urgency: Urgency,
    /// After which time it is worth nothing.
    pub deadline: Option<Duration>,
}

impl MessagePlan {
    /// How it is sent.
    #[must_use]
    pub fn options(&self) -> MessageOptions {
        let options = if self.reliable {
            MessageOptions::reliable()
        } else {
            MessageOptions::unreliable()
        };
        let options = options.with_urgency(self.urgency);
        match self.deadline {
            Some(after) => options.with_deadline(after),
            None => options,
        }
    }

    fn draw_urgency(&mut self, random: &mut Random) {
        self.urgency = draw_urgency(random);
        let deadline = ms(random.logarithmic(1, 5_000));
        self.deadline = random.chance(0.4).then_some(deadline);
    }
}

impl Leg {
    /// Bytes that the writer writes before it ends or resets the stream.
    #[must_use]
    pub fn written(&self) -> u64 {
        self.reset.map_or(self.bytes, |reset| reset.after)
    }

    fn draw(random: &mut Random, bytes_max: u64) -> Self {
        let bytes = match random.below(10) {
            0 => 0,
            1 => 1,
            2 | 3 => random.logarithmic(1, bytes_max.max(1)),
            _ => random.within(1..=bytes_max.max(1)),
        };
        let slow = random.chance(0.1);
        let read_bytes = random.logarithmic(if slow { 1 + bytes / 20 } else { 500 }, 100_000);
        Self {
            bytes,
            write_bytes: random.logarithmic(100, 100_000),
            reset: random.chance(0.05).then(|| draw_break(random, bytes)),
            stop: random.chance(0.05).then(|| draw_break(random, bytes)),
            read_bytes,
            read_pause: if slow {
                random.up_to(ms(100))
            } else {
                Duration::ZERO
            },
            urgency: Urgency::DEFAULT,
        }
    }
}

fn draw_break(random: &mut Random, bytes: u64) -> Break {
    Break {
        after: random.within(0..=bytes),
        code: random.below(1 << 62),
    }
}

impl SidePlan {
    /// The streams of a direction, in the order in which they are opened.
    #[must_use]
    pub fn streams(&self, direction: Direction) -> &[StreamPlan] {
        &self.streams[direction as usize]
    }

    fn draw(random: &mut Random) -> Self {
        let mut plan = Self::default();
        let mut budget = random.logarithmic(100, BUDGET);
        while budget > 0 {
            plan.draw_something(random, budget);
            let spent = random.within(budget / 8..=budget);
            budget = budget.saturating_sub(spent.max(100));
        }
        if random.chance(0.02) {
            plan.messages.push(draw_message(random, 1 << 20));
        }
        for streams in &mut plan.streams {
            streams.sort_by_key(|stream| stream.opens_at);
        }
        plan.messages.sort_by_key(|message| message.at);
        plan
    }

    fn draw_something(&mut self, random: &mut Random, bytes_max: u64) {
        match random.below(4) {
            0 | 1 => {
                let backward = Leg::draw(random, bytes_max);
                self.draw_stream(random, Direction::Bidirectional, bytes_max, Some(backward));
            }
            2 => self.draw_stream(random, Direction::Unidirectional, bytes_max, None),
            _ => {
                for _ in 0..random.within(1..=20) {
                    let most = random.logarithmic(8, bytes_max.clamp(8, 100_000));
                    self.messages.push(draw_message(random, most / 4));
                }
            }
        }
    }

    fn draw_stream(
        &mut self,
        random: &mut Random,
        direction: Direction,
        bytes_max: u64,
        backward: Option<Leg>,
    ) {
        self.streams[direction as usize].push(StreamPlan {
            opens_at: draw_start(random),
            forward: Leg::draw(random, bytes_max),
            backward,
        });
    }
}

/// Most at once, some later.
fn draw_start(random: &mut Random) -> Duration {
    if random.chance(0.5) {
        Duration::ZERO
    } else {
        random.up_to(seconds(3))
    }
}

fn draw_message(random: &mut Random, most: u64) -> MessagePlan {
    MessagePlan {
        at: draw_start(random),
        bytes: usize::try_from(random.logarithmic(4, most.max(4))).unwrap_or(4),
        reliable: random.chance(0.5),
        urgency: Urgency::DEFAULT,
        deadline: None,
    }
}

/// Half are left alone.
fn draw_urgency(random: &mut Random) -> Urgency {
    let number = u8::try_from(random.below(8)).unwrap_or_default();
    if random.chance(0.5) {
        Urgency::new(number)
    } else {
        Urgency::DEFAULT
    }
}

impl Plan {
    /// The code with which connections are closed.
    pub const CLOSE_CODE: u64 = 42;

    pub(super) fn draw(random: &mut Random) -> Self {
        let mut sides: [_; 2] = std::array::from_fn(|_| SidePlan::draw(random));
        let closer = if random.chance(0.5) {
            Side::Client
        } else {
            Side::Server
        };
        let mut closing = Closing::WhenAllIsDone;
        if random.chance(0.3) {
            // One-way: the closer need not know what the other side still has to say.
            closing = Closing::WhenAllIsWritten;
            sides[1 - closer as usize] = SidePlan::default();
        }
        let mut plan = Self {
            key: random.bits(),
            sides,
            closer,
            closing,
        };
        plan.drop_answers();
        plan.draw_urgencies(&mut Random::new(!plan.key));
        plan
    }

    fn draw_urgencies(&mut self, random: &mut Random) {
        for side in &mut self.sides {
            for message in &mut side.messages {
                message.draw_urgency(random);
            }
            for stream in side.streams.iter_mut().flatten() {
                stream.forward.urgency = draw_urgency(random);
                if let Some(backward) = &mut stream.backward {
                    backward.urgency = draw_urgency(random);
                }
            }
        }
    }

    fn drop_answers(&mut self) {
        if self.closing == Closing::WhenAllIsDone {
            return;
        }
        for stream in self
            .sides
            .iter_mut()
            .flat_map(|side| side.streams.iter_mut().flatten())
        {
            stream.forward.stop = None;
            if let Some(backward) = &mut stream.backward {
                backward.stop = Some(Break { after: 0, code: 1 });
            }
        }
    }

    /// What a side starts.
    #[must_use]
    pub fn side(&self, side: Side) -> &SidePlan {
        &self.sides[side as usize]
    }

    /// The plan of a stream; `None` if nobody opens it.
    #[must_use]
    pub fn stream(&self, id: StreamId) -> Option<&StreamPlan> {
        let streams = self.side(id.initiator()).streams(id.direction());
        streams.get(usize::try_from(id.index()).ok()?)
    }

    /// The key to what `writer` sends in messages.
    #[must_use]
    pub fn key(&self, writer: Side) -> u64 {
        self.key ^ (1 << 40 << writer as u64)
    }

    /// The key to what `writer` writes to a stream.
    #[must_use]
    pub fn stream_key(&self, id: StreamId, writer: Side) -> u64 {
        Random::new(self.key ^ (id.value() << 1 | writer as u64)).bits()
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "closed by {:?} {:?}", self.closer, self.closing)?;
        for side in [Side::Client, Side::Server] {
            for direction in [Direction::Bidirectional, Direction::Unidirectional] {
                for stream in self.side(side).streams(direction) {
                    writeln!(f, "{side:?} {direction:?} {stream:?}")?;
                }
            }
            for message in &self.side(side).messages {
                writeln!(f, "{side:?} {message:?}")?;
            }
        }
        Ok(())
    }
}
