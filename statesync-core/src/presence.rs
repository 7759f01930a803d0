//! Who is there and where their cursor is: ephemeral, never in the log.
//!
//! The rules are those of y-protocols awareness: each client id has one state (JSON text) and a
//! clock; a higher clock wins; the state `null` takes the client away. Added here: a connection
//! speaks only for client ids that it introduced, states are bounded, and every change gets a
//! sequence number, so that a subscriber asks for "all after my last" and several changes of one
//! client that it missed arrive as one.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::identity::{Timestamp, UserId};
use crate::limits::Limits;

/// Names one connection among the subscribers of a document, for as long as it lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnectionId(pub u64);

/// The state of one client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PresenceEntry {
    /// The Yjs client id.
    pub client: u64,
    /// Rises with each change by the client.
    pub clock: u32,
    /// JSON text; `None` when the client is gone.
    pub state: Option<Arc<str>>,
}

/// Why presence was refused. The sender is at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PresenceError {
    /// The client id belongs to another user's connection.
    #[error("client id {0} belongs to another connection")]
    NotYours(u64),
    /// The connection speaks for too many clients.
    #[error("a connection speaks for at most {0} clients")]
    TooMany(usize),
    /// The state is too large.
    #[error("a presence state has at most {0} bytes")]
    TooLarge(usize),
}

/// The states of everybody in one document.
#[derive(Debug, Default)]
pub(crate) struct Presence {
    clients: BTreeMap<u64, Client>,
    /// Each client under the number of its newest change, so that a reader who lacks one change
    /// among a thousand clients does not look at all of them.
    by_change: BTreeMap<u64, u64>,
    sequence: u64,
}

#[derive(Debug)]
struct Client {
    entry: PresenceEntry,
    connection: ConnectionId,
    user: UserId,
    renewed_at: Timestamp,
    changed: u64,
}

impl Presence {
    /// Number of the newest change.
    pub(crate) fn sequence(&self) -> u64 {
        self.sequence
    }

    /// Takes entries from `connection` of `user`, up to the first that breaks the rules.
    pub(crate) fn apply(
        &mut self,
        connection: ConnectionId,
        user: &UserId,
        entries: Vec<PresenceEntry>,
        now: Timestamp,
        limits: &Limits,
    ) -> Result<(), PresenceError> {
        for entry in entries {
            self.check(connection, user, &entry, limits)?;
            self.apply_one(connection, user, entry, now);
        }
        Ok(())
    }

    fn check(
        &self,
        connection: ConnectionId,
        user: &UserId,
        entry: &PresenceEntry,
        limits: &Limits,
    ) -> Result<(), PresenceError> {
        let bytes = entry.state.as_ref().map_or(0, |state| state.len());
        if bytes > limits.presence_bytes_max {
            return Err(PresenceError::TooLarge(limits.presence_bytes_max));
        }
        match self.clients.get(&entry.client) {
            Some(known) if known.connection == connection => return Ok(()),
            // The same user may take its client along to a new connection, before the server has
            // noticed that the old one is dead.
            Some(known) if known.user != *user && known.entry.state.is_some() => {
                return Err(PresenceError::NotYours(entry.client));
            }
            _ => {}
        }
        let spoken_for = self
            .clients
            .values()
            .filter(|client| client.connection == connection)
            .count();
        if spoken_for < limits.presence_per_connection_max {
            Ok(())
        } else {
            Err(PresenceError::TooMany(limits.presence_per_connection_max))
        }
    }

    fn apply_one(
        &mut self,
        connection: ConnectionId,
        user: &UserId,
        entry: PresenceEntry,
        now: Timestamp,
    ) {
        if let Some(known) = self.clients.get_mut(&entry.client) {
            let removal = entry.state.is_none() && known.entry.state.is_some();
            let newer =
                entry.clock > known.entry.clock || (entry.clock == known.entry.clock && removal);
            if !newer {
                return;
            }
            self.by_change.remove(&known.changed);
        } else if entry.state.is_none() {
            return;
        }
        self.sequence += 1;
        let client = Client {
            connection,
            user: user.clone(),
            renewed_at: now,
            changed: self.sequence,
            entry,
        };
        self.by_change.insert(self.sequence, client.entry.client);
        self.clients.insert(client.entry.client, client);
    }

    /// Takes away every client that `connection` introduced. Returns whether there was one.
    pub(crate) fn remove_connection(&mut self, connection: ConnectionId, now: Timestamp) -> bool {
        self.remove_where(now, |client| client.connection == connection)
    }

    /// Takes away clients that were not renewed for the time to live, and forgets those that are
    /// gone for as long. Returns whether somebody was taken away.
    pub(crate) fn expire(&mut self, now: Timestamp, limits: &Limits) -> bool {
        let outdated = |client: &Client| now.since_ms(client.renewed_at) >= limits.presence_ttl_ms;
        let by_change = &mut self.by_change;
        self.clients.retain(|_, client| {
            let keep = client.entry.state.is_some() || !outdated(client);
            if !keep {
                by_change.remove(&client.changed);
            }
            keep
        });
        self.remove_where(now, outdated)
    }

    fn remove_where(&mut self, now: Timestamp, gone: impl Fn(&Client) -> bool) -> bool {
        let before = self.sequence;
        for client in self.clients.values_mut() {
            if client.entry.state.is_some() && gone(client) {
                self.sequence += 1;
                self.by_change.remove(&client.changed);
                self.by_change.insert(self.sequence, client.entry.client);
                client.changed = self.sequence;
                client.renewed_at = now;
                // Receivers take a removal at the clock that they know (y-protocols).
                client.entry.state = None;
            }
        }
        self.sequence != before
    }

    /// The present state of every client that changed after `sequence`, but for those that
    /// `reader` speaks for itself; from zero, of everybody who is there.
    pub(crate) fn since(&self, sequence: u64, reader: ConnectionId) -> Vec<PresenceEntry> {
        self.by_change
            .range(sequence + 1..)
            .filter_map(|(_, client)| self.clients.get(client))
            .filter(|client| client.connection != reader)
            .filter(|client| sequence > 0 || client.entry.state.is_some())
            .map(|client| client.entry.clone())
            .collect()
    }
}

#[cfg(test)]
mod tests;
