//! Stateless reset: tells a peer that its connection is not known here (RFC 9000 section 10.3).

use std::time::Duration;

use rand::RngExt;

use super::{Arrival, Endpoint, Route, respond};
use crate::packet::ProtectedHeader;
use crate::time::Instant;

/// How many resets may still be sent in the current second.
#[derive(Debug, Default)]
pub(super) struct ResetBudget {
    since: Option<Instant>,
    sent: u32,
}

impl ResetBudget {
    fn take(&mut self, now: Instant) -> bool {
        if self
            .since
            .is_none_or(|since| now.since(since) >= Duration::from_secs(1))
        {
            self.since = Some(now);
            self.sent = 0;
        }
        self.sent += 1;
        self.sent <= RESETS_PER_SECOND
    }
}

impl Endpoint {
    /// A short header with an id that is not known: its connection is gone. Always smaller than what
    /// it answers, so that two endpoints cannot keep each other busy (T17).
    pub(super) fn answer_unknown(
        &mut self,
        now: Instant,
        arrival: &Arrival,
        header: &ProtectedHeader,
        datagram: &[u8],
        response: &mut Vec<u8>,
    ) -> Route {
        // Only ids of accepted connections have tokens that the peer was told.
        if self.server.is_none()
            || datagram.len() < RESET_BYTES_MIN + SHRINK
            || !self.resets.take(now)
        {
            return Route::Dropped;
        }
        let id = datagram.get(header.destination.clone()).unwrap_or_default();
        let token = self.ids.reset_token(id);
        let size = datagram.len().min(RESET_BYTES_MAX + SHRINK) - SHRINK;
        let mut padding = [0u8; RESET_BYTES_MAX];
        self.rng.fill(&mut padding[..]);
        // It has to look like a packet with a short header.
        padding[0] = padding[0] & 0x3f | 0x40;
        response.extend_from_slice(&padding[..size - token.0.len()]);
        response.extend_from_slice(&token.0);
        respond(arrival, response)
    }
}

/// RFC 9000 section 10.3: 5 bytes that look random, and the token.
const RESET_BYTES_MIN: usize = 21;

/// How much smaller a reset is than what it answers, at least: two endpoints that answer each other
/// fall silent within a few datagrams.
const SHRINK: usize = 4;

/// Looks like a small packet.
const RESET_BYTES_MAX: usize = 43;

/// Enough for an honest crowd after a restart; a flood is answered no faster.
const RESETS_PER_SECOND: u32 = 1000;
