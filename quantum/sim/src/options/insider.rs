//! A peer that talks nonsense with the right keys.

use std::time::Duration;

use quantum_proto::stream::Side;
use quantum_proto::time::Instant;

use crate::random::Random;
use crate::units::ms;

/// A malicious peer of one end: it completes a handshake, as anybody can, and then says what it
/// likes.
#[derive(Clone, Copy, Debug)]
pub struct InsiderOptions {
    /// Which side of its connection it is: a client of the server's, or a server to which the client
    /// connects as well.
    pub side: Side,
    /// What it says comes from this.
    pub seed: u64,
    /// It says so many packets at most.
    pub packets: u32,
    /// They follow each other about so fast.
    pub interval: Duration,
    /// With this probability, a value is any and not one that makes sense.
    pub wildness: f64,
    /// With this probability, a packet's frames are cut off, changed or replaced by noise.
    pub damage: f64,
    /// It says so few types of frames; `None`: all.
    pub focus: Option<usize>,
    /// It stops then.
    pub until: Instant,
    /// How it ends what its peer has borne.
    pub farewell: Farewell,
    /// Whether the application of its peer reads what arrives.
    pub is_read: bool,
}

/// How a malicious peer leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Farewell {
    /// With a frame that nobody may bear.
    Breach,
    /// It closes.
    Close,
}

impl InsiderOptions {
    pub(super) fn draw(random: &mut Random, calm_at: Instant) -> Option<Self> {
        if !random.chance(0.125) {
            return None;
        }
        Some(Self {
            side: if random.chance(0.7) {
                Side::Client
            } else {
                Side::Server
            },
            seed: random.bits(),
            packets: u32::try_from(random.logarithmic(10, 2_000)).unwrap_or(10),
            interval: ms(random.logarithmic(1, 50)),
            wildness: draw_share(random),
            damage: draw_share(random),
            focus: random.chance(0.5).then(|| 1 + random.index(4)),
            until: calm_at,
            farewell: if random.chance(0.6) {
                Farewell::Breach
            } else {
                Farewell::Close
            },
            is_read: random.chance(0.7),
        })
    }
}

/// Nothing, or seldom, or often: who says nothing that makes sense is not listened to for long.
fn draw_share(random: &mut Random) -> f64 {
    if random.chance(0.5) {
        return 0.0;
    }
    1.0 / random.logarithmic(3, 3_000) as f64
}
