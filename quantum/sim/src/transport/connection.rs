//! The real connection, as applications of the simulation use it.

use bytes::Bytes;
use quantum_proto::error::ConnectionError;
use quantum_proto::stream::{Direction, ReadError, StreamId, WriteError};
use quantum_proto::time::Instant;
use quantum_proto::{Connection, Event, MessageOptions, SendMessageError, Urgency};

use super::{Ending, Notice, Refusal, Transport};

impl Transport for Connection {
    fn open(&mut self, direction: Direction) -> Option<StreamId> {
        Connection::open(self, direction)
    }

    fn accept(&mut self, direction: Direction) -> Option<StreamId> {
        Connection::accept(self, direction)
    }

    fn write(&mut self, id: StreamId, data: &[u8]) -> Result<usize, Refusal> {
        Connection::write(self, id, data).map_err(|error| match error {
            WriteError::Blocked => Refusal::Blocked,
            WriteError::Stopped(code) => Refusal::Stopped(code),
            _ => Refusal::Closed,
        })
    }

    fn set_urgency(&mut self, id: StreamId, urgency: Urgency) {
        // Ended already: then it has none.
        let _ = Connection::set_urgency(self, id, urgency);
    }

    fn finish(&mut self, id: StreamId) {
        // Stopped in between: the notice says so.
        let _ = Connection::finish(self, id);
    }

    fn reset(&mut self, id: StreamId, code: u64) {
        // Ended already: the notice says so.
        let _ = Connection::reset(self, id, code);
    }

    fn read(&mut self, id: StreamId, buffer: &mut [u8]) -> Result<usize, Refusal> {
        Connection::read(self, id, buffer).map_err(|error| match error {
            ReadError::Blocked => Refusal::Blocked,
            ReadError::Reset(code) => Refusal::Reset(code),
            _ => Refusal::Closed,
        })
    }

    fn stop(&mut self, id: StreamId, code: u64) {
        // Ended already: nothing is left to stop.
        let _ = Connection::stop(self, id, code);
    }

    fn send_message(
        &mut self,
        now: Instant,
        data: Bytes,
        options: &MessageOptions,
    ) -> Result<u64, Refusal> {
        let sent = Connection::send_message(self, now, data, options);
        sent.map_err(|error| match error {
            SendMessageError::Blocked => Refusal::Blocked,
            _ => Refusal::Closed,
        })
    }

    fn receive_message(&mut self, now: Instant) -> Option<Bytes> {
        Connection::receive_message(self, now)
    }

    fn take_expired_message(&mut self) -> Option<u64> {
        Connection::take_expired_message(self)
    }

    fn shut_down(&mut self, now: Instant, code: u64) {
        Connection::shut_down(self, now, code, b"done");
    }

    fn early_data_accepted(&self) -> Option<bool> {
        Connection::early_data_accepted(self)
    }

    fn poll_notice(&mut self) -> Option<Notice> {
        loop {
            if let Some(notice) = notice(self.poll_event()?) {
                return Some(notice);
            }
        }
    }
}

/// What applications want to know; `None` for the rest.
fn notice(event: Event) -> Option<Notice> {
    Some(match event {
        Event::Connected => Notice::Connected,
        Event::HandshakeConfirmed => Notice::Confirmed,
        Event::StreamOpened(direction) => Notice::StreamOpened(direction),
        Event::Readable(id) => Notice::Readable(id),
        Event::Writable(id) => Notice::Writable(id),
        Event::Finished(id) => Notice::Finished(id),
        Event::Stopped(id, code) => Notice::Stopped(id, code),
        Event::StreamsAvailable(direction) => Notice::StreamsAvailable(direction),
        Event::MessageReceived => Notice::MessageReceived,
        Event::MessagesWritable => Notice::MessagesWritable,
        Event::MessageExpired => Notice::MessageExpired,
        Event::MessagesMissed(count) => Notice::MessagesMissed(count),
        Event::EarlyDataRejected => Notice::EarlyDataRejected,
        Event::Closed(error) => Notice::Closed(ending(error)),
        _ => return None,
    })
}

fn ending(error: ConnectionError) -> Ending {
    match error {
        ConnectionError::LocallyClosed => Ending::Here,
        ConnectionError::ClosedByApplication { code, .. } => Ending::Peer(code),
        ConnectionError::TimedOut | ConnectionError::Reset => Ending::Silence,
        ConnectionError::PeerMisbehaved(error) => Ending::Misbehaved(error.code),
        other => Ending::Failure(other.to_string()),
    }
}
