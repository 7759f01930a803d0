//! Messages: whole or not at all, each by itself, in any order.

mod ended;
mod incoming;
mod outgoing;

use bytes::Bytes;
use thiserror::Error;

use crate::carried::{Carried, PacketBuffer};
use crate::config::TransportConfig;
use crate::error::TransportError;
use crate::frame;
use crate::stats::Holdings;
use incoming::Incoming;
use outgoing::Outgoing;

/// A message was not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SendMessageError {
    /// Nobody's fault: there is no room now.
    #[error("no room for a message now")]
    Blocked,
    /// The caller's fault: the peer takes no message of this size; with a limit of 0, none at all.
    #[error("a message of {bytes} bytes, and the peer takes {bytes_max} at most")]
    TooLarge {
        /// Its size.
        bytes: usize,
        /// The peer's limit.
        bytes_max: u64,
    },
    /// The connection is over, or about to be.
    #[error("the connection is closed")]
    ConnectionClosed,
}

/// What happened to messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MessageEvent {
    Received,
    Writable,
}

/// The messages of one connection.
#[derive(Debug)]
pub(crate) struct Messages {
    outgoing: Outgoing,
    incoming: Incoming,
}

impl Messages {
    pub(crate) fn new(config: &TransportConfig) -> Self {
        Self {
            outgoing: Outgoing::new(config.send_window),
            incoming: Incoming::new(config.message_receive_window, config.message_bytes_max),
        }
    }

    pub(crate) fn set_peer_limits(&mut self, credit: u64, message_bytes_max: u64) {
        self.outgoing.set_peer_limits(credit, message_bytes_max);
    }

    pub(crate) fn send(&mut self, data: Bytes, reliable: bool) -> Result<u64, SendMessageError> {
        self.outgoing.send(data, reliable)
    }

    /// The next complete message.
    pub(crate) fn receive(&mut self) -> Option<Bytes> {
        self.incoming.receive()
    }

    /// # Errors
    ///
    /// If the peer breaks a rule of Q-MSG.
    pub(crate) fn on_message(
        &mut self,
        message: &frame::Message<'_>,
    ) -> Result<(), TransportError> {
        self.incoming.on_message(message)
    }

    /// # Errors
    ///
    /// As [`on_message`](Self::on_message).
    pub(crate) fn on_reset_message(&mut self, id: u64, size: u64) -> Result<(), TransportError> {
        self.incoming.on_reset(id, size)
    }

    pub(crate) fn on_max_message_data(&mut self, bytes: u64) {
        self.outgoing.on_max_message_data(bytes);
    }

    pub(crate) fn has_pending(&self) -> bool {
        self.incoming.owes_credit() || self.outgoing.has_pending()
    }

    /// Writes what fits.
    pub(crate) fn write(&mut self, packet: &mut PacketBuffer<'_>) {
        self.incoming.write_credit(packet);
        self.outgoing.write(packet);
    }

    pub(crate) fn on_delivered(&mut self, carried: &Carried) {
        self.outgoing.on_delivered(carried);
    }

    /// Says whether what is lost has to be sent again, or something in its place.
    pub(crate) fn on_lost(&mut self, carried: &Carried) -> bool {
        match carried {
            Carried::MaxMessageData => {
                self.incoming.owe_credit();
                true
            }
            other => self.outgoing.on_lost(other),
        }
    }

    /// Adds what is held here.
    pub(crate) fn count(&self, held: &mut Holdings) {
        self.outgoing.count(held);
        self.incoming.count(held);
    }

    /// Bytes of messages that were sent more than once.
    pub(crate) fn repeated_bytes(&self) -> u64 {
        self.outgoing.repeated_bytes()
    }

    /// What was sent as 0-RTT was thrown away.
    pub(crate) fn restart(&mut self) {
        self.outgoing.restart();
    }

    pub(crate) fn poll_event(&mut self) -> Option<MessageEvent> {
        if self.incoming.take_news() {
            return Some(MessageEvent::Received);
        }
        self.outgoing
            .take_writable()
            .then_some(MessageEvent::Writable)
    }

    /// Every reliable message is acknowledged, and every unreliable one sent or given up.
    pub(crate) fn all_delivered(&self) -> bool {
        self.outgoing.is_empty()
    }
}

/// What a message costs beside its bytes (Q-MSG-4).
const OVERHEAD_BYTES: u64 = 64;

#[cfg(test)]
mod tests;
