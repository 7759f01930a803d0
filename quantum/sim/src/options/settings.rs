//! How the transports are configured.

use std::time::Duration;

use quantum_proto::congestion::SendLimits;

use crate::random::Random;
use crate::units::{ms, seconds};

/// Who decides how much may be in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Control {
    /// What everybody gets who does not ask.
    Bbr,
    /// Names a window and no rate.
    Cubic,
    /// A controller of the user's own that listens to nothing.
    Fixed(SendLimits),
}

impl Control {
    fn draw(random: &mut Random) -> Self {
        match random.below(20) {
            0..=4 => Self::Cubic,
            // Little enough for the slowest link: nobody slows it down.
            5 => Self::Fixed(SendLimits {
                window: random.logarithmic(4_000, 60_000),
                pacing_rate: random
                    .chance(0.5)
                    .then(|| random.logarithmic(60_000, 1_000_000)),
                quantum: random.logarithmic(1_200, 15_000),
            }),
            _ => Self::Bbr,
        }
    }
}

/// One side's transport.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What a connection buffers for the application to read.
    pub receive_window: u64,
    /// What a stream does.
    pub stream_receive_window: u64,
    /// What messages do.
    pub message_receive_window: u64,
    /// What a connection buffers until it is acknowledged.
    pub send_window: u64,
    /// Streams that the peer may have open, of each direction.
    pub streams_max: u64,
    /// The largest datagram.
    pub datagram_bytes_max: u16,
    /// Whether larger datagrams than 1200 bytes are tried.
    pub mtu_discovery: bool,
    /// Whether datagrams are marked.
    pub ecn: bool,
    /// Packets after which keys are updated, if early.
    pub key_update_packets: Option<u64>,
    /// When acknowledgements are sent at the latest.
    pub ack_delay_max: Duration,
    /// Whether the server asks for proof of address first.
    pub retry: bool,
    /// Silence after which something is sent.
    pub keep_alive: Option<Duration>,
    /// Congestion control.
    pub control: Control,
}

impl Settings {
    /// Longer than any blackout of the simulation, with the timers that grow in it.
    pub const IDLE_TIMEOUT: Duration = seconds(90);
    /// The same for the handshake.
    pub const HANDSHAKE_TIMEOUT: Duration = seconds(90);

    /// Some settings; half of them roomy, half cramped.
    #[must_use]
    pub fn draw(random: &mut Random) -> Self {
        let roomy = random.chance(0.5);
        let mut window = |least, most| {
            if roomy {
                most
            } else {
                random.logarithmic(least, most)
            }
        };
        let receive_window = window(10_000, 16 << 20);
        Self {
            receive_window,
            stream_receive_window: window(5_000, 8 << 20).min(receive_window),
            message_receive_window: (1 << 20) + 64 + window(1_000, 4 << 20),
            send_window: window(5_000, 16 << 20),
            streams_max: window(1, 128),
            datagram_bytes_max: u16::try_from(random.within(1200..=1472)).unwrap_or(1200),
            mtu_discovery: random.chance(0.8),
            ecn: random.chance(0.8),
            key_update_packets: random.chance(0.2).then(|| random.logarithmic(10, 1000)),
            ack_delay_max: ms(random.within(1..=50)),
            retry: random.chance(0.1),
            keep_alive: random
                .chance(0.2)
                .then(|| ms(random.logarithmic(100, 10_000))),
            control: Control::draw(random),
        }
    }
}
