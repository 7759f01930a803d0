//! A client that comes back, with data in its first flight (0-RTT).

use super::settings::Settings;
use crate::random::Random;

/// What has become of the server since the client was here.
#[derive(Clone, Debug)]
pub struct EarlyOptions {
    /// What it does with the data.
    pub fate: EarlyFate,
    /// It knows the tokens again by which it let the client in without Retry.
    pub tokens_known: bool,
    /// How the server was configured then. If it takes the data, as now.
    pub before: Settings,
}

/// What the server does with early data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EarlyFate {
    /// It takes them.
    Taken,
    /// It has forgotten its tickets: the whole handshake is done again.
    TicketsForgotten,
    /// It knows the tickets, but takes no early data any more.
    Disabled,
}

impl EarlyOptions {
    pub(super) fn draw(random: &mut Random, now: &Settings) -> Option<Self> {
        if !random.chance(0.2) {
            return None;
        }
        let fate = match random.below(4) {
            0 => EarlyFate::TicketsForgotten,
            1 => EarlyFate::Disabled,
            _ => EarlyFate::Taken,
        };
        let before = Settings::draw(&mut random.fork());
        Some(Self {
            fate,
            tokens_known: random.chance(0.5),
            before: if fate == EarlyFate::Taken {
                now.clone()
            } else {
                before
            },
        })
    }
}
