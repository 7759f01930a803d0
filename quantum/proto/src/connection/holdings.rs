//! What a connection holds.

use super::Connection;
use crate::stats::Holdings;

impl Connection {
    /// What this connection holds at present. Looks at every stream and message: for now and then,
    /// not for every packet.
    #[must_use]
    pub fn holdings(&self) -> Holdings {
        let mut held = Holdings {
            undecryptable_packets: self.undecryptable.packets(),
            undecryptable_bytes: self.undecryptable.bytes(),
            path_responses: self.path_responses.count(),
            connection_ids: self.local_ids.count() + self.remote_ids.count(),
            events: self.events.len() + self.endpoint_events.len(),
            ..Holdings::default()
        };
        for space in self.spaces.iter().flatten() {
            space.count(&mut held);
        }
        self.streams.count(&mut held);
        self.messages.count(&mut held);
        self.repairs.count(&mut held);
        self.recovery.count(&mut held);
        held
    }
}
