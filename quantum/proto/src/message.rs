//! Messages: whole or not at all, each by itself, in any order.

mod clock;
mod ended;
mod incoming;
mod options;
mod outgoing;
mod outlook;

pub use options::MessageOptions;
pub(crate) use outlook::Outlook;

use bytes::Bytes;
use thiserror::Error;

use crate::carried::{Carried, PacketBuffer};
use crate::config::TransportConfig;
use crate::error::TransportError;
use crate::frame::{self, MessagesExpired, Timestamp};
use crate::stats::{Holdings, Statistics};
use crate::time::Instant;
use crate::urgency::Urgency;
use incoming::Incoming;
use outgoing::{Begun, Outgoing};

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
    /// Ours.
    Expired,
    /// So many more of the peer's.
    Missed(u64),
}

/// The messages of one connection.
#[derive(Debug)]
pub(crate) struct Messages {
    outgoing: Outgoing,
    incoming: Incoming,
    /// Made when a message expires for the first time: most connections have none.
    word: Option<Box<Word>>,
}

/// What the ends have told each other of expired messages.
#[derive(Clone, Copy, Debug, Default)]
struct Word {
    /// What the peer was told last.
    told: MessagesExpired,
    /// Frames that told it, and are neither acknowledged nor lost.
    telling: u32,
    /// What the peer has told.
    heard: MessagesExpired,
    /// Messages of the peer's that are known to have expired, as far as an event said so.
    announced: u64,
}

impl Messages {
    pub(crate) fn new(config: &TransportConfig) -> Self {
        Self {
            outgoing: Outgoing::new(config.send_window),
            incoming: Incoming::new(config.message_receive_window, config.message_bytes_max),
            word: None,
        }
    }

    fn word(&self) -> Word {
        self.word.as_deref().copied().unwrap_or_default()
    }

    fn word_mut(&mut self) -> &mut Word {
        self.word.get_or_insert_default()
    }

    pub(crate) fn set_peer_limits(&mut self, credit: u64, message_bytes_max: u64) {
        self.outgoing.set_peer_limits(credit, message_bytes_max);
    }

    pub(crate) fn send(
        &mut self,
        now: Instant,
        data: Bytes,
        options: &MessageOptions,
    ) -> Result<u64, SendMessageError> {
        self.outgoing.send(now, data, options)
    }

    /// The next complete message that is in time.
    pub(crate) fn receive(&mut self, now: Instant) -> Option<Bytes> {
        self.incoming.receive(now)
    }

    /// The number of the next message that expired; of many, the oldest are forgotten.
    pub(crate) fn take_expired(&mut self) -> Option<u64> {
        self.outgoing.take_expired()
    }

    /// The frames of another packet follow.
    pub(crate) fn on_packet(&mut self) {
        self.incoming.clock.begin_packet();
    }

    /// The packet arrived at `at`.
    pub(crate) fn on_timestamp(&mut self, at: Instant, sent: Timestamp) {
        self.incoming.clock.on_timestamp(at, sent);
    }

    /// # Errors
    ///
    /// If the peer breaks a rule of Q-MSG or Q-DLN.
    pub(crate) fn on_message(
        &mut self,
        now: Instant,
        message: &frame::Message<'_>,
    ) -> Result<(), TransportError> {
        self.incoming.on_message(now, message)
    }

    /// # Errors
    ///
    /// As [`on_message`](Self::on_message).
    pub(crate) fn on_reset_message(
        &mut self,
        id: u64,
        size: u64,
        reason: u64,
    ) -> Result<(), TransportError> {
        self.incoming.on_reset(id, size, reason)
    }

    pub(crate) fn on_max_message_data(&mut self, bytes: u64) {
        self.outgoing.on_max_message_data(bytes);
    }

    pub(crate) fn on_messages_expired(&mut self, totals: MessagesExpired) {
        // No more can have been late than have left.
        let late = totals.late.min(self.outgoing.begun());
        let heard = &mut self.word_mut().heard;
        heard.unsent = heard.unsent.max(totals.unsent);
        heard.late = heard.late.max(late);
    }

    /// When [`expire`](Self::expire) has something to do.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.outgoing.next_deadline()
    }

    /// Gives up what cannot be sent in time any more.
    pub(crate) fn expire(&mut self, now: Instant) {
        self.outgoing.expire(now);
    }

    /// Until when something that a packet carried is wanted, of messages; what is not of messages
    /// always is. `None`: it is settled or given up.
    pub(crate) fn wanted_until(&self, carried: &Carried) -> Option<Instant> {
        match *carried {
            Carried::Message { number, .. } => self.outgoing.wanted_until(number),
            _ => Some(Instant::DISTANT),
        }
    }

    pub(crate) fn has_pending(&self) -> bool {
        self.incoming.owes_credit() || self.owes_totals() || self.outgoing.has_pending()
    }

    /// What is the most urgent to send, and whether it has been begun.
    pub(crate) fn next(&self) -> Option<(Urgency, bool)> {
        let next = self.outgoing.next();
        next.map(|(urgency, begun)| (urgency, begun == Begun::Yes))
    }

    /// The urgency of the least urgent.
    pub(crate) fn last(&self) -> Option<Urgency> {
        self.outgoing.last()
    }

    /// Begins another packet with what is no data.
    pub(crate) fn write_control(&mut self, path: u32, packet: &mut PacketBuffer<'_>) {
        self.outgoing.clock.begin_packet(path);
        self.incoming.write_credit(packet);
        self.write_endings(packet);
    }

    /// Tells of messages that are not to be delivered.
    pub(crate) fn write_endings(&mut self, packet: &mut PacketBuffer<'_>) {
        if self.owes_totals() && packet.remaining() >= TOTALS_BYTES_MAX {
            let totals = self.totals();
            let word = self.word_mut();
            word.told = totals;
            word.telling += 1;
            frame::write_messages_expired(packet.buffer, totals);
            packet.contents.push(Carried::MessagesExpired);
        }
        self.outgoing.write_resets(packet);
    }

    /// States the time, if it is due for the next data.
    pub(crate) fn write_time(&mut self, now: Instant, packet: &mut PacketBuffer<'_>) {
        if self.outgoing.clock.is_due(now) {
            self.outgoing.clock.write(now, packet);
        }
    }

    /// Writes a frame of the first message of this urgency, or gives it up. False: the packet is
    /// full.
    pub(crate) fn write_next(
        &mut self,
        urgency: Urgency,
        outlook: &Outlook,
        packet: &mut PacketBuffer<'_>,
    ) -> bool {
        self.outgoing.write_next(urgency, outlook, packet)
    }

    /// Tells the peer, once for each limit, that its credit holds us up.
    pub(crate) fn tell_blocked(&mut self, packet: &mut PacketBuffer<'_>) {
        self.outgoing.tell_blocked(packet);
    }

    pub(crate) fn on_delivered(&mut self, carried: &Carried) {
        match carried {
            Carried::MessagesExpired => {
                let word = self.word_mut();
                word.telling = word.telling.saturating_sub(1);
            }
            other => self.outgoing.on_delivered(other),
        }
    }

    /// Says whether what is lost has to be sent again, or something in its place.
    pub(crate) fn on_lost(&mut self, carried: &Carried) -> bool {
        match carried {
            Carried::MaxMessageData => {
                self.incoming.owe_credit();
                true
            }
            Carried::MessagesExpired => {
                let word = self.word_mut();
                word.told = MessagesExpired::default();
                word.telling = word.telling.saturating_sub(1);
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

    /// Adds what was counted here.
    pub(crate) fn fill(&self, statistics: &mut Statistics) {
        statistics.bytes_retransmitted += self.outgoing.repeated_bytes();
        statistics.messages_expired = self.outgoing.expired().0;
        let heard = self.word().heard;
        statistics.messages_late = heard.late;
        let (late, expired) = self.incoming.missed();
        statistics.messages_missed = late + expired;
        statistics.messages_withheld = heard.unsent;
    }

    /// What was sent as 0-RTT was thrown away.
    pub(crate) fn restart(&mut self) {
        self.outgoing.restart();
        if let Some(word) = &mut self.word {
            word.told = MessagesExpired::default();
            word.telling = 0;
        }
    }

    pub(crate) fn poll_event(&mut self) -> Option<MessageEvent> {
        if self.incoming.take_news() {
            return Some(MessageEvent::Received);
        }
        if self.outgoing.take_expired_news() {
            return Some(MessageEvent::Expired);
        }
        let missed = self.missed();
        let more = missed - self.word().announced;
        if more > 0 {
            self.word_mut().announced = missed;
            return Some(MessageEvent::Missed(more));
        }
        self.outgoing
            .take_writable()
            .then_some(MessageEvent::Writable)
    }

    /// Every message is acknowledged or given up, and the peer knows of those that expired.
    pub(crate) fn all_delivered(&self) -> bool {
        self.outgoing.is_empty() && !self.owes_totals() && self.word().telling == 0
    }

    /// What the peer has to know of expired messages.
    fn totals(&self) -> MessagesExpired {
        MessagesExpired {
            unsent: self.outgoing.expired().1,
            late: self.incoming.missed().0,
        }
    }

    fn owes_totals(&self) -> bool {
        self.word().told != self.totals()
    }

    /// Messages of the peer's that expired, there or here.
    fn missed(&self) -> u64 {
        let (late, expired) = self.incoming.missed();
        (late + expired).saturating_add(self.word().heard.unsent)
    }
}

/// A type of two bytes and two varints.
const TOTALS_BYTES_MAX: usize = 2 + 8 + 8;

/// What a message costs beside its bytes (Q-MSG-4).
const OVERHEAD_BYTES: u64 = 64;

#[cfg(test)]
mod tests;
