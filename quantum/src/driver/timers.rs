//! When which connection wants to be woken: one entry per connection.

use std::collections::BTreeSet;

use crate::protocol::{ConnectionHandle, Instant};

#[cfg(test)]
mod tests;

/// Deadlines in order, at most one per connection.
///
/// A deadline that moves to a later time leaves its entry where it is: it fires early, finds the
/// connection not yet due, and is entered anew. Nearly every packet moves a deadline to a later
/// time; so moving costs a comparison.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    order: BTreeSet<(Instant, usize)>,
    entered: Vec<Option<Instant>>,
}

impl Timers {
    /// The connection wants to be woken at `deadline`, or not at all.
    pub(crate) fn set(&mut self, handle: ConnectionHandle, deadline: Option<Instant>) {
        let Some(deadline) = deadline else {
            return self.remove(handle);
        };
        match self.entered(handle) {
            Some(entered) if entered <= deadline => {}
            _ => self.enter(handle, deadline),
        }
    }

    /// Forgets the connection.
    pub(crate) fn remove(&mut self, handle: ConnectionHandle) {
        let slot = self.entered.get_mut(handle.0);
        if let Some(entered) = slot.and_then(Option::take) {
            self.order.remove(&(entered, handle.0));
        }
    }

    /// Takes a connection whose entry is due. It may not be due itself: ask it, and set it again.
    pub(crate) fn pop_due(&mut self, now: Instant) -> Option<ConnectionHandle> {
        let &(entered, handle) = self.order.first().filter(|(at, _)| *at <= now)?;
        self.order.remove(&(entered, handle));
        if let Some(slot) = self.entered.get_mut(handle) {
            *slot = None;
        }
        Some(ConnectionHandle(handle))
    }

    /// The earliest entry.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.order.first().map(|(at, _)| *at)
    }

    fn entered(&self, handle: ConnectionHandle) -> Option<Instant> {
        self.entered.get(handle.0).copied().flatten()
    }

    fn enter(&mut self, handle: ConnectionHandle, deadline: Instant) {
        self.remove(handle);
        if self.entered.len() <= handle.0 {
            self.entered.resize(handle.0.saturating_add(1), None);
        }
        if let Some(slot) = self.entered.get_mut(handle.0) {
            *slot = Some(deadline);
            self.order.insert((deadline, handle.0));
        }
    }
}
