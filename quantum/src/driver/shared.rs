//! What the driver, the endpoint's handles and its connections share.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::Waker;

use parking_lot::Mutex;

use crate::clock::Clock;
use crate::connection::Connection;
use crate::connection::cell::Cell;
use crate::connection::wait::WaitList;
use crate::metrics::Totals;
use crate::protocol::{self, ConnectionHandle};
use crate::socket::Socket;
use crate::statistics::EndpointStatistics;
use crate::wake::Doorbell;

/// One endpoint.
///
/// Locks are taken in this order: core, a connection's cell, doorbell.
pub(crate) struct Shared {
    pub(crate) clock: Clock,
    pub(crate) doorbell: Doorbell,
    pub(crate) core: Mutex<Core>,
}

/// What only the driver and calls on the endpoint itself need.
pub(crate) struct Core {
    pub(crate) protocol: protocol::Endpoint,
    pub(crate) registry: Registry,
    pub(crate) socket: Socket,
    pub(crate) incoming: Incoming,
    /// Wait until no connection is left.
    pub(crate) idle: WaitList,
    /// No connection is made any more.
    pub(crate) closed: bool,
    /// No handle of the endpoint is left.
    pub(crate) abandoned: bool,
    pub(crate) statistics: EndpointStatistics,
    /// What connections that are gone had counted.
    pub(crate) ended: Totals,
}

/// The connections, by handle.
#[derive(Default)]
pub(crate) struct Registry {
    cells: Vec<Option<Arc<Cell>>>,
    count: usize,
}

/// Connections that the application has not accepted yet.
#[derive(Debug, Default)]
pub(crate) struct Incoming {
    pub(crate) queue: VecDeque<Connection>,
    pub(crate) waiting: WaitList,
    /// No connection is accepted (any more).
    pub(crate) closed: bool,
    /// Connections turned away because too many waited.
    pub(crate) refused: u64,
}

/// Connections that may wait to be accepted; more are closed at once, so that an application that
/// does not keep up costs its peers an answer rather than this process its memory.
const INCOMING_MAX: usize = 4096;

impl Incoming {
    /// Lets the application accept the connection of `cell`. False: there is no room.
    pub(crate) fn announce(&mut self, cell: &Arc<Cell>, wakes: &mut Vec<Waker>) -> bool {
        if self.closed || self.queue.len() >= INCOMING_MAX {
            self.refused = self.refused.wrapping_add(1);
            return false;
        }
        self.queue.push_back(Connection::new(Arc::clone(cell)));
        self.waiting.wake_all(wakes);
        true
    }
}

impl Registry {
    /// The connection of `handle`.
    pub(crate) fn get(&self, handle: ConnectionHandle) -> Option<&Arc<Cell>> {
        self.cells.get(handle.0)?.as_ref()
    }

    /// A new connection.
    pub(crate) fn insert(&mut self, handle: ConnectionHandle, cell: Arc<Cell>) {
        if self.cells.len() <= handle.0 {
            self.cells.resize(handle.0.saturating_add(1), None);
        }
        if let Some(slot) = self.cells.get_mut(handle.0)
            && slot.replace(cell).is_none()
        {
            self.count = self.count.saturating_add(1);
        }
    }

    /// The connection is over and forgotten.
    pub(crate) fn remove(&mut self, handle: ConnectionHandle) -> Option<Arc<Cell>> {
        let cell = self.cells.get_mut(handle.0)?.take()?;
        self.count = self.count.saturating_sub(1);
        Some(cell)
    }

    /// All of them, with their handles.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (ConnectionHandle, &Arc<Cell>)> {
        let cells = self.cells.iter().enumerate();
        cells.filter_map(|(index, cell)| Some((ConnectionHandle(index), cell.as_ref()?)))
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.count
    }
}
