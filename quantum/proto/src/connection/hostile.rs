//! A peer that holds the keys and says what it likes: for tests, never for applications.

use super::Connection;
use crate::carried::PacketBuffer;

impl Connection {
    /// Has the next 1-RTT packet begin with `frames`, whatever the protocol thinks of them. What does
    /// not fit is not said, nor what something else takes the place of before it could be; what is
    /// lost is not said again.
    ///
    /// From then on the connection closes for no fault of the peer's: whoever talks nonsense gets
    /// answers that make no sense.
    #[doc(hidden)]
    pub fn say(&mut self, frames: Vec<u8>) {
        self.pending.heedless = true;
        self.pending.raw.clear();
        self.pending.raw.push_back(frames);
    }

    pub(super) fn write_raw(&mut self, packet: &mut PacketBuffer<'_>) {
        if let Some(raw) = self.pending.raw.pop_front()
            && raw.len() <= packet.remaining()
        {
            packet.buffer.extend_from_slice(&raw);
        }
    }
}
