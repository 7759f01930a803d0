//! From the handshake to the end: states, closing, idleness.

use std::time::Duration;

use super::{Connection, Timer};
use crate::endpoint::EndpointEvent;
use crate::error::{ConnectionError, TransportError, TransportErrorCode};
use crate::observe::{Observation, Stage};
use crate::recovery::SpaceId;
use crate::time::Instant;

/// Where in its life a connection is (RFC 9000 section 10).
#[derive(Debug)]
pub(super) enum State {
    /// Keys are being agreed on.
    Handshake,
    /// Data flows.
    Established,
    /// We closed it: what still arrives is answered with the close.
    Closing(Closing),
    /// The peer closed it, or it was reset: nothing more is sent.
    Draining,
    /// Over; the endpoint has forgotten it.
    Drained,
}

/// The close that we send, and how often.
#[derive(Debug)]
pub(super) struct Closing {
    pub(super) close: Close,
    /// A close has to be sent.
    pub(super) pending: bool,
    /// Datagrams since the last close was sent, and how many have to come before the next.
    received: u32,
    answer_after: u32,
}

/// What a CLOSE frame says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Close {
    Transport(TransportError),
    Application { error: u64, reason: Vec<u8> },
}

/// A close that waits until everything is delivered.
#[derive(Debug)]
pub(super) struct ShutDown {
    pub(super) error: u64,
    pub(super) reason: Vec<u8>,
}

/// How long silence is accepted.
#[derive(Debug, Default)]
pub(super) struct Idle {
    /// The smaller of both ends' idle timeouts.
    pub(super) timeout: Option<Duration>,
    /// Something that asks for an answer has been sent since something arrived.
    sent_since_received: bool,
    /// When something arrived last.
    heard_at: Option<Instant>,
    /// What to do when everything is delivered.
    pub(super) shut_down: Option<Box<ShutDown>>,
}

impl Idle {
    pub(super) fn new(timeout: Option<Duration>) -> Self {
        Self {
            timeout,
            ..Self::default()
        }
    }
}

impl Closing {
    fn new(close: Close) -> Self {
        Self {
            close,
            pending: true,
            received: 0,
            answer_after: 1,
        }
    }

    /// Answers fewer and fewer of the datagrams that still arrive (RFC 9000 section 10.2.1).
    pub(super) fn on_datagram(&mut self) {
        self.received += 1;
        if self.received >= self.answer_after {
            self.received = 0;
            self.answer_after = self.answer_after.saturating_mul(2);
            self.pending = true;
        }
    }
}

impl Connection {
    /// Closes at once: what was not delivered yet is given up.
    ///
    /// `error` is the application's code, and `reason` may be cut to what fits a datagram.
    /// A connection that is over stays as it is.
    pub fn close(&mut self, now: Instant, error: u64, reason: &[u8]) {
        if self.is_closed() {
            return;
        }
        let reason = reason.get(..REASON_BYTES_MAX).unwrap_or(reason).to_vec();
        self.start_closing(now, Close::Application { error, reason });
        self.on_closed(ConnectionError::LocallyClosed);
    }

    /// Closes when everything that was accepted has been delivered: all written bytes, ends and
    /// resets of streams, all reliable messages. Nothing new is accepted from now on. The idle
    /// timeout still ends a connection whose peer has gone.
    pub fn shut_down(&mut self, now: Instant, error: u64, reason: &[u8]) {
        if self.is_closed() || self.idle.shut_down.is_some() {
            return;
        }
        let reason = reason.get(..REASON_BYTES_MAX).unwrap_or(reason).to_vec();
        self.idle.shut_down = Some(Box::new(ShutDown { error, reason }));
        self.close_if_delivered(now);
    }

    /// No more data can be exchanged. What has arrived can still be read.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        matches!(
            self.state,
            State::Closing(_) | State::Draining | State::Drained
        )
    }

    /// The connection can be forgotten.
    #[must_use]
    pub fn is_drained(&self) -> bool {
        matches!(self.state, State::Drained)
    }

    /// The handshake is not complete.
    #[must_use]
    pub fn is_handshaking(&self) -> bool {
        matches!(self.state, State::Handshake)
    }

    /// The handshake is complete and the connection open.
    #[must_use]
    pub fn is_established(&self) -> bool {
        matches!(self.state, State::Established)
    }

    /// Both ends know that the handshake is complete (RFC 9001 section 4.1.2).
    #[must_use]
    pub fn is_confirmed(&self) -> bool {
        self.handshake.confirmed
    }

    /// A close that was put off happens when nothing is left to deliver.
    pub(super) fn close_if_delivered(&mut self, now: Instant) {
        // A server that has not seen the end of the handshake would never hear of the connection.
        let delivered = self.idle.shut_down.is_some()
            && self.is_established()
            && self.handshake.confirmed
            && self.streams.all_delivered()
            && self.messages.all_delivered();
        if delivered && let Some(shut_down) = self.idle.shut_down.take() {
            self.close(now, shut_down.error, &shut_down.reason);
        }
    }

    /// The protocol was broken (or we cannot go on): say so and stop.
    pub(super) fn close_because(&mut self, now: Instant, error: TransportError) {
        #[cfg(any(test, feature = "hostile"))]
        if self.pending.heedless {
            return;
        }
        if self.is_closed() {
            return;
        }
        self.start_closing(now, Close::Transport(error.clone()));
        self.on_closed(ConnectionError::PeerMisbehaved(error));
    }

    fn start_closing(&mut self, now: Instant, close: Close) {
        self.watch_from(now);
        self.observe(|| Observation::Reached(Stage::Closing));
        self.state = State::Closing(Closing::new(close));
        self.await_end(now);
        // A lost close would leave the peer waiting for its idle timeout: said twice.
        let again = self.recovery.probe_timeout(SpaceId::Data);
        self.timers
            .set(Timer::LossDetection, now + again.min(CLOSING_MAX / 3));
    }

    /// The peer closed.
    pub(super) fn drain_because(&mut self, now: Instant, error: ConnectionError) {
        if matches!(self.state, State::Draining | State::Drained) {
            return;
        }
        let news = !self.is_closed();
        self.state = State::Draining;
        self.observe(|| Observation::Reached(Stage::Draining));
        self.await_end(now);
        if news {
            self.on_closed(error);
        }
    }

    /// There is nobody to say goodbye to.
    pub(super) fn abandon(&mut self, error: ConnectionError) {
        if !self.is_closed() {
            self.on_closed(error);
        }
        self.end();
    }

    fn await_end(&mut self, now: Instant) {
        self.timers.stop_all();
        // RFC 9000 section 10.2: at least three times the probe timeout.
        let late = self.recovery.probe_timeout(SpaceId::Data) * 3;
        self.timers.set(Timer::Close, now + late.min(CLOSING_MAX));
    }

    /// The end: the endpoint may forget the connection.
    pub(super) fn end(&mut self) {
        if !self.is_drained() {
            self.state = State::Drained;
            self.observe(|| Observation::Reached(Stage::Closed));
            self.timers.stop_all();
            self.endpoint_events.push_back(EndpointEvent::Drained);
        }
    }

    /// Something authentic arrived.
    pub(super) fn on_heard(&mut self, now: Instant) {
        self.idle.sent_since_received = false;
        // Packets that arrive together restart the timers once.
        let heard_at = self.is_established().then_some(now);
        if heard_at.is_some() && self.idle.heard_at == heard_at {
            return;
        }
        self.idle.heard_at = heard_at;
        self.restart_idle_timer(now);
        self.restart_keep_alive(now);
    }

    /// Something that asks for an answer left: the first since something arrived keeps the
    /// connection alive (RFC 9000 section 10.1).
    pub(super) fn on_asked(&mut self, now: Instant) {
        if !self.idle.sent_since_received {
            self.idle.sent_since_received = true;
            self.restart_idle_timer(now);
        }
    }

    fn restart_idle_timer(&mut self, now: Instant) {
        let Some(timeout) = self.idle.timeout.filter(|_| !self.is_closed()) else {
            return;
        };
        // RFC 9000 section 10.1: not before three probes had their chance.
        let timeout = timeout.max(self.recovery.probe_timeout(SpaceId::Data) * 3);
        self.timers.set(Timer::Idle, now + timeout);
    }

    fn restart_keep_alive(&mut self, now: Instant) {
        if let Some(interval) = self.config.keep_alive.filter(|_| self.is_established()) {
            self.timers.set(Timer::KeepAlive, now + interval);
        }
    }
}

impl Close {
    /// What may be said of it before the peer is known to be the right one: nothing of the
    /// application's (RFC 9000 section 10.2.3).
    pub(super) fn during_handshake(&self) -> Self {
        match self {
            Self::Transport(_) => self.clone(),
            Self::Application { .. } => Self::Transport(TransportError::new(
                TransportErrorCode::APPLICATION_ERROR,
                "closed during the handshake",
            )),
        }
    }
}

/// What remains of a connection is kept no longer than this: a peer decides how late it
/// acknowledges, and so how long a probe timeout is.
const CLOSING_MAX: Duration = Duration::from_secs(30);

/// So that a close fits any datagram.
const REASON_BYTES_MAX: usize = 512;
