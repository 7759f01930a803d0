//! What the application does with a connection: streams, messages, questions.

use bytes::Bytes;
use rustls_pki_types::CertificateDer;

use super::{Connection, Event};
use crate::crypto::ExportError;
use crate::message::{MessageEvent, MessageOptions, SendMessageError};
use crate::stats::Statistics;
use crate::stream::{
    ClosedStream, Direction, FinishError, ReadError, StreamEvent, StreamId, WriteError,
};
use crate::time::Instant;
use crate::urgency::Urgency;

impl Connection {
    /// Opens a stream. `None`: the peer allows no more of them now, or the connection is closing;
    /// [`Event::StreamsAvailable`] tells when one can be opened.
    pub fn open(&mut self, direction: Direction) -> Option<StreamId> {
        self.accepts_work()
            .then(|| self.streams.open(direction))
            .flatten()
    }

    /// Takes the next stream that the peer opened.
    pub fn accept(&mut self, direction: Direction) -> Option<StreamId> {
        self.streams.accept(direction)
    }

    /// Accepts a copy of as much of `data` as there is room for, and says how much. No more than
    /// 256 KiB of copies wait on a stream to be sent for the first time.
    ///
    /// # Errors
    ///
    /// [`WriteError::Blocked`] if there is no room: [`Event::Writable`] tells when there is.
    pub fn write(&mut self, id: StreamId, data: &[u8]) -> Result<usize, WriteError> {
        self.check_open()
            .and_then(|()| self.streams.write(id, data))
    }

    /// Like [`write`](Self::write) without a copy; what was accepted is taken off `data`.
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write).
    pub fn write_chunk(&mut self, id: StreamId, data: &mut Bytes) -> Result<usize, WriteError> {
        self.check_open()
            .and_then(|()| self.streams.write_chunk(id, data))
    }

    /// Marks the end of a stream.
    ///
    /// # Errors
    ///
    /// If the stream has ended already, or the peer has stopped it.
    pub fn finish(&mut self, id: StreamId) -> Result<(), FinishError> {
        self.streams.finish(id)
    }

    /// Gives up sending: what is not delivered is dropped, and the peer reads `error`.
    ///
    /// # Errors
    ///
    /// If the stream has ended already.
    pub fn reset(&mut self, id: StreamId, error: u64) -> Result<(), ClosedStream> {
        self.streams.reset(id, error)
    }

    /// Reads into `buffer` and says how much; 0 is the end of the stream (or an empty buffer).
    ///
    /// # Errors
    ///
    /// [`ReadError::Blocked`] if nothing has arrived: [`Event::Readable`] tells when something
    /// has.
    pub fn read(&mut self, id: StreamId, buffer: &mut [u8]) -> Result<usize, ReadError> {
        self.streams.read(id, buffer)
    }

    /// Takes up to `bytes_max` bytes without a copy where possible; `None` is the end.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    pub fn read_chunk(
        &mut self,
        id: StreamId,
        bytes_max: usize,
    ) -> Result<Option<Bytes>, ReadError> {
        self.streams.read_chunk(id, bytes_max)
    }

    /// Tells the peer that no more of the stream is wanted, and why.
    ///
    /// # Errors
    ///
    /// If the stream has ended already.
    pub fn stop(&mut self, id: StreamId, error: u64) -> Result<(), ClosedStream> {
        self.streams.stop(id, error)
    }

    /// Says what the stream goes before from now on, beside other streams and messages. Default:
    /// [`Urgency::DEFAULT`].
    ///
    /// # Errors
    ///
    /// If this end sends nothing more on the stream.
    pub fn set_urgency(&mut self, id: StreamId, urgency: Urgency) -> Result<(), ClosedStream> {
        self.streams.set_urgency(id, urgency)
    }

    /// Accepts a message. Reliable ones arrive, in any order; unreliable ones arrive whole or not
    /// at all; and none arrive after their deadline, which counts from `now`. Returns its number:
    /// the messages of this end are counted from 0.
    ///
    /// # Errors
    ///
    /// If it is larger than the peer takes, or if there is no room now:
    /// [`Event::MessagesWritable`] tells when there is.
    pub fn send_message(
        &mut self,
        now: Instant,
        data: Bytes,
        options: &MessageOptions,
    ) -> Result<u64, SendMessageError> {
        if !self.accepts_work() {
            return Err(SendMessageError::ConnectionClosed);
        }
        let number = self.messages.send(now, data, options)?;
        self.arm_message_timer();
        Ok(number)
    }

    /// Takes the next message that is complete; what would be late is dropped.
    pub fn receive_message(&mut self, now: Instant) -> Option<Bytes> {
        self.messages.receive(now)
    }

    /// Takes the number of the next message of this end that expired: its deadline passed, or
    /// would have, before it was delivered. The newest 1,024 that nobody took are kept;
    /// [`Statistics::messages_expired`] counts all.
    pub fn take_expired_message(&mut self) -> Option<u64> {
        self.messages.take_expired()
    }

    /// What there is to know; see [`Event`].
    pub fn poll_event(&mut self) -> Option<Event> {
        if let Some(event) = super::event::take_next(&mut self.events) {
            return Some(event);
        }
        if let Some(event) = self.streams.poll_event() {
            return Some(match event {
                StreamEvent::Opened(direction) => Event::StreamOpened(direction),
                StreamEvent::Readable(id) => Event::Readable(id),
                StreamEvent::Writable(id) => Event::Writable(id),
                StreamEvent::Finished(id) => Event::Finished(id),
                StreamEvent::Stopped(id, error) => Event::Stopped(id, error),
                StreamEvent::Available(direction) => Event::StreamsAvailable(direction),
            });
        }
        self.messages.poll_event().map(|event| match event {
            MessageEvent::Received => Event::MessageReceived,
            MessageEvent::Writable => Event::MessagesWritable,
            MessageEvent::Expired => Event::MessageExpired,
            MessageEvent::Missed(count) => Event::MessagesMissed(count),
        })
    }

    /// Makes the peer answer: keeps NAT entries and the connection alive, and measures the path.
    pub fn ping(&mut self) {
        self.pending.ping = true;
    }

    /// Figures of this connection.
    #[must_use]
    pub fn statistics(&self) -> Statistics {
        let mut statistics = Statistics::default();
        self.statistics.fill(&mut statistics);
        self.recovery.fill(&mut statistics);
        statistics.bytes_retransmitted = self.streams.repeated_bytes();
        self.messages.fill(&mut statistics);
        self.repairs.fill(&mut statistics);
        statistics.ecn = self.path.ecn.state();
        statistics.path_changes = self.migration.generation;
        statistics.datagram_bytes = self.path.mtu.current();
        statistics
    }

    /// The peer's certificate chain, or its raw public key in place of a certificate.
    #[must_use]
    pub fn peer_identity(&self) -> Option<&[CertificateDer<'static>]> {
        self.handshake.peer_identity.as_deref()
    }

    /// The application protocol that was agreed on, once the handshake is complete.
    #[must_use]
    pub fn application_protocol(&self) -> Option<&[u8]> {
        self.handshake.application_protocol.as_deref()
    }

    /// Server: the name that the client asked for, once the handshake is complete.
    #[must_use]
    pub fn server_name(&self) -> Option<&str> {
        self.handshake.server_name.as_deref()
    }

    /// Whether the server took data before the handshake was complete (0-RTT). `None` until it is.
    #[must_use]
    pub fn early_data_accepted(&self) -> Option<bool> {
        let known = self.handshake.exporter.is_some();
        known.then_some(self.handshake.early_accepted)
    }

    /// Fills `output` with secret bytes that both ends derive from `label` and `context`, and nobody
    /// else can.
    ///
    /// # Errors
    ///
    /// Before the handshake is complete, or if more than 8160 bytes are asked for.
    pub fn export_keying_material(
        &self,
        output: &mut [u8],
        label: &[u8],
        context: &[u8],
    ) -> Result<(), ExportError> {
        let exporter = self.handshake.exporter.as_ref().ok_or(ExportError)?;
        exporter.export(output, label, context)
    }

    fn accepts_work(&self) -> bool {
        !self.is_closed() && self.idle.shut_down.is_none()
    }

    fn check_open(&self) -> Result<(), WriteError> {
        if self.accepts_work() {
            Ok(())
        } else {
            Err(WriteError::ConnectionClosed)
        }
    }
}
