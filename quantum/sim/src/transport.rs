//! What an application in the simulation needs of a connection.

use bytes::Bytes;
use quantum_proto::error::TransportErrorCode;
use quantum_proto::stream::{Direction, StreamId};
use quantum_proto::time::Instant;
use quantum_proto::{MessageOptions, Urgency};

mod connection;

/// A connection, seen from the application.
pub trait Transport {
    /// A new stream; `None` until [`Notice::StreamsAvailable`].
    fn open(&mut self, direction: Direction) -> Option<StreamId>;

    /// A stream that the peer opened.
    fn accept(&mut self, direction: Direction) -> Option<StreamId>;

    /// Writes a beginning of `data`.
    ///
    /// # Errors
    ///
    /// Why nothing was taken.
    fn write(&mut self, id: StreamId, data: &[u8]) -> Result<usize, Refusal>;

    /// What the stream goes before.
    fn set_urgency(&mut self, id: StreamId, urgency: Urgency);

    /// Nothing more will be written.
    fn finish(&mut self, id: StreamId);

    /// What was written need not arrive.
    fn reset(&mut self, id: StreamId, code: u64);

    /// Reads; 0 is the end.
    ///
    /// # Errors
    ///
    /// Why nothing came.
    fn read(&mut self, id: StreamId, buffer: &mut [u8]) -> Result<usize, Refusal>;

    /// Nothing more will be read.
    fn stop(&mut self, id: StreamId, code: u64);

    /// Sends a message.
    ///
    /// # Errors
    ///
    /// [`Refusal::Blocked`] until [`Notice::MessagesWritable`].
    fn send_message(
        &mut self,
        now: Instant,
        data: Bytes,
        options: &MessageOptions,
    ) -> Result<u64, Refusal>;

    /// A message that has arrived.
    fn receive_message(&mut self, now: Instant) -> Option<Bytes>;

    /// The number of a message that expired.
    fn take_expired_message(&mut self) -> Option<u64>;

    /// Delivers what was accepted, then closes.
    fn shut_down(&mut self, now: Instant, code: u64);

    /// Whether the server took what was sent before the handshake was complete; `None` until then.
    fn early_data_accepted(&self) -> Option<bool>;

    /// What has happened.
    fn poll_notice(&mut self) -> Option<Notice>;
}

/// Why an operation did nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Not now: a notice will follow.
    Blocked,
    /// The reader stopped the stream with this code.
    Stopped(u64),
    /// The writer reset the stream with this code.
    Reset(u64),
    /// The stream or the connection is gone.
    Closed,
}

/// What a connection tells its application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// The handshake is through.
    Connected,
    /// Both sides know that it is.
    Confirmed,
    /// The peer opened a stream.
    StreamOpened(Direction),
    /// There is something to read, be it the end.
    Readable(StreamId),
    /// There is room to write.
    Writable(StreamId),
    /// Everything that was written has arrived.
    Finished(StreamId),
    /// The peer does not read on.
    Stopped(StreamId, u64),
    /// Streams can be opened again.
    StreamsAvailable(Direction),
    /// A message has arrived.
    MessageReceived,
    /// Messages can be sent again.
    MessagesWritable,
    /// Messages of this side have expired.
    MessageExpired,
    /// So many more messages of the peer's have expired.
    MessagesMissed(u64),
    /// The server did not take early data.
    EarlyDataRejected,
    /// The connection is over.
    Closed(Ending),
}

/// How a connection ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// This side closed it.
    Here,
    /// The peer's application closed it with this code.
    Peer(u64),
    /// Nothing came for too long, or a stateless reset did.
    Silence,
    /// This side closed it because the peer broke the protocol, or so it seemed.
    Misbehaved(TransportErrorCode),
    /// Anything else, in words.
    Failure(String),
}
