//! The receiving half of one stream (RFC 9000 section 3.2).

use super::blocks::Blocks;
use super::receive_buffer::ReceiveBuffer;
use crate::error::{TransportError, TransportErrorCode};

/// What the application reads from.
#[derive(Debug)]
pub(super) struct Receiving {
    pub(super) buffer: ReceiveBuffer,
    /// Up to which offset the peer may send.
    limit: u64,
    window: u64,
    /// One past the highest byte that the peer claims to have sent.
    highest: u64,
    /// Up to which offset credit went back to the connection.
    released: u64,
    pub(super) final_size: Option<u64>,
    pub(super) reset: Option<u64>,
    /// The application wants no more, with this error for the peer.
    pub(super) stopped: Option<u64>,
    /// The application has seen that there was nothing: tell when there is something.
    pub(super) read_blocked: bool,
}

impl Receiving {
    pub(super) fn new(window: u64, memory: Blocks) -> Self {
        Self {
            buffer: ReceiveBuffer::new(memory),
            limit: window,
            window,
            highest: 0,
            released: 0,
            final_size: None,
            reset: None,
            stopped: None,
            read_blocked: true,
        }
    }

    /// Checks a frame that reaches to `end`. Returns by how many bytes the stream grew.
    ///
    /// # Errors
    /// The peer is at fault: it exceeds the limit or changes the size of the stream.
    pub(super) fn grow(&mut self, end: u64, is_final: bool) -> Result<u64, TransportError> {
        let fits = match self.final_size {
            Some(size) => end <= size && (!is_final || end == size),
            None => !is_final || end >= self.highest,
        };
        if !fits {
            return Err(TransportError::new(
                TransportErrorCode::FINAL_SIZE_ERROR,
                "the peer changed the size of a stream",
            ));
        }
        if end > self.limit {
            return Err(TransportError::new(
                TransportErrorCode::FLOW_CONTROL_ERROR,
                "the peer sent more than the stream's limit",
            ));
        }
        if is_final {
            self.final_size = Some(end);
        }
        let growth = end.saturating_sub(self.highest);
        self.highest += growth;
        Ok(growth)
    }

    /// Keeps the bytes of a frame that [`grow`](Self::grow) accepted.
    ///
    /// # Errors
    /// The peer is at fault: it fragments the stream beyond measure.
    pub(super) fn store(&mut self, offset: u64, data: &[u8]) -> Result<(), TransportError> {
        self.buffer
            .insert(offset, data)
            .map_err(|_| TransportError::violation("the peer fragmented a stream beyond measure"))
    }

    /// Whether bytes are discarded as they arrive.
    pub(super) fn is_discarding(&self) -> bool {
        self.stopped.is_some() || self.reset.is_some()
    }

    /// Whether the end is known and every byte before it is here.
    pub(super) fn is_complete(&self) -> bool {
        self.final_size == Some(self.buffer.contiguous())
    }

    /// Whether the application has read everything.
    pub(super) fn is_read(&self) -> bool {
        self.final_size == Some(self.buffer.read_offset())
    }

    /// Whether a read returns something: bytes, the end or an error.
    pub(super) fn is_readable(&self) -> bool {
        self.reset.is_some() || self.buffer.readable() > 0 || self.is_read()
    }

    /// Bytes of connection credit that go back now that the application has read so far.
    pub(super) fn release_read(&mut self) -> u64 {
        self.release(self.buffer.read_offset())
    }

    /// Bytes of connection credit that go back as nothing will be read any more.
    pub(super) fn release_all(&mut self) -> u64 {
        self.release(self.highest)
    }

    /// Whether the peer should hear of a higher limit.
    pub(super) fn is_credit_due(&self) -> bool {
        let renewal = self.target().saturating_sub(self.limit);
        self.wants_credit() && renewal >= (self.window / 2).max(1)
    }

    /// Whether a limit still means something.
    pub(super) fn wants_credit(&self) -> bool {
        self.final_size.is_none() && !self.is_discarding()
    }

    /// Raises the limit to what can be allowed now, and returns it.
    pub(super) fn announce(&mut self) -> u64 {
        self.limit = self.limit.max(self.target());
        self.limit
    }

    fn target(&self) -> u64 {
        self.buffer
            .read_offset()
            .saturating_add(self.window)
            .min(super::flow::MAX)
    }

    fn release(&mut self, offset: u64) -> u64 {
        let released = offset.saturating_sub(self.released);
        self.released += released;
        released
    }
}
