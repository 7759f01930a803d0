//! What the driver and the application share of one connection.

use std::sync::Arc;
use std::task::{Context, Waker};

use parking_lot::{Mutex, MutexGuard};
use rustc_hash::FxHashMap;

use super::wait::{Occasion, WaitList};
use crate::driver::shared::Shared;
use crate::protocol::{
    Connection, ConnectionError, ConnectionHandle, Direction, Event, Instant, StreamId,
};

/// One connection, behind one lock.
pub(crate) struct Cell {
    handle: ConnectionHandle,
    endpoint: Arc<Shared>,
    state: Mutex<State>,
}

/// What the lock guards.
pub(crate) struct State {
    /// The protocol's own state.
    pub(crate) protocol: Box<Connection>,
    /// The driver is going to look after the connection (or never again).
    pub(crate) queued: bool,
    /// The handshake is complete.
    pub(crate) connected: bool,
    /// The application knows of the connection.
    pub(crate) announced: bool,
    /// Why the connection is over, if it is.
    pub(crate) ended: Option<ConnectionError>,
    /// Tasks that wait to read, by stream.
    readers: FxHashMap<StreamId, Waker>,
    /// Streams that somebody holds for sending.
    senders: FxHashMap<StreamId, Box<Sender>>,
    waiting: [WaitList; 9],
}

/// A stream that somebody holds for sending.
#[derive(Debug, Default)]
pub(crate) struct Sender {
    /// Waits to write.
    writer: Option<Waker>,
    /// Wait for the end.
    watchers: WaitList,
    /// How it ended.
    pub(crate) end: Option<SendEnd>,
}

/// How the sending side of a stream ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SendEnd {
    /// The peer has everything.
    Delivered,
    /// The peer wants no more, for this reason of its application's.
    Stopped(u64),
}

impl Cell {
    /// A connection that is driven by `endpoint`.
    pub(crate) fn new(
        handle: ConnectionHandle,
        protocol: Box<Connection>,
        endpoint: Arc<Shared>,
    ) -> Self {
        Self {
            handle,
            endpoint,
            state: Mutex::new(State {
                protocol,
                queued: false,
                connected: false,
                announced: false,
                ended: None,
                readers: FxHashMap::default(),
                senders: FxHashMap::default(),
                waiting: Default::default(),
            }),
        }
    }

    /// Its name within the endpoint.
    pub(crate) fn handle(&self) -> ConnectionHandle {
        self.handle
    }

    /// The endpoint's time.
    pub(crate) fn now(&self) -> Instant {
        self.endpoint.clock.now()
    }

    /// To look, or to change what needs no datagram.
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    /// Calls `action`; if it says that there may be something to send, the driver is told.
    pub(crate) fn act<T>(&self, action: impl FnOnce(&mut State) -> (bool, T)) -> T {
        let mut state = self.state.lock();
        let (changed, result) = action(&mut state);
        let ring = changed && !std::mem::replace(&mut state.queued, true);
        drop(state);
        if ring {
            self.endpoint.doorbell.ring(self.handle);
        }
        result
    }

    /// Closes the connection at once; who has to be woken goes to `wakes`.
    pub(crate) fn close(&self, code: u64, reason: &[u8], wakes: &mut Vec<Waker>) {
        let now = self.now();
        self.act(|state| {
            state.protocol.close(now, code, reason);
            (true, state.end(ConnectionError::LocallyClosed, wakes))
        });
    }

    /// Closes the connection when everything has been delivered.
    pub(crate) fn shut_down(&self, code: u64, reason: &[u8]) {
        let now = self.now();
        self.act(|state| {
            let open = state.ended.is_none();
            if open {
                state.protocol.shut_down(now, code, reason);
            }
            (open, ())
        });
    }
}

impl State {
    /// The tasks that wait for `occasion`.
    pub(crate) fn list(&mut self, occasion: Occasion) -> Option<&mut WaitList> {
        let index = match occasion {
            Occasion::Connected => 0,
            Occasion::Closed => 1,
            Occasion::StreamsAvailable(Direction::Bidirectional) => 2,
            Occasion::StreamsAvailable(Direction::Unidirectional) => 3,
            Occasion::StreamOpened(Direction::Bidirectional) => 4,
            Occasion::StreamOpened(Direction::Unidirectional) => 5,
            Occasion::MessageReceived => 6,
            Occasion::MessagesWritable => 7,
            Occasion::MessageExpired => 8,
            Occasion::SendEnded(id) => {
                return self.senders.get_mut(&id).map(|sender| &mut sender.watchers);
            }
        };
        self.waiting.get_mut(index)
    }

    /// Somebody holds the stream for sending from now on.
    pub(crate) fn hold(&mut self, id: StreamId) {
        self.senders.insert(id, Box::default());
    }

    /// Nobody holds the stream for sending any more.
    pub(crate) fn release(&mut self, id: StreamId) {
        self.senders.remove(&id);
    }

    /// How sending on the stream ended.
    pub(crate) fn send_end(&self, id: StreamId) -> Option<SendEnd> {
        self.senders.get(&id).and_then(|sender| sender.end)
    }

    /// The task of `context` waits to write.
    pub(crate) fn await_writable(&mut self, id: StreamId, context: &Context<'_>) {
        if let Some(sender) = self.senders.get_mut(&id) {
            sender.writer = Some(context.waker().clone());
        }
    }

    /// The task of `context` waits to read.
    pub(crate) fn await_readable(&mut self, id: StreamId, context: &Context<'_>) {
        self.readers.insert(id, context.waker().clone());
    }

    /// Nobody waits to read any more.
    pub(crate) fn forget_reader(&mut self, id: StreamId) {
        self.readers.remove(&id);
    }

    /// Takes the protocol's events: who has to be woken goes to `wakes`. True: the application may
    /// be told of the connection, if it does not know it: because the handshake is complete, or
    /// because the peer sent something with it already.
    pub(crate) fn take_events(&mut self, wakes: &mut Vec<Waker>) -> bool {
        let mut usable = false;
        while let Some(event) = self.protocol.poll_event() {
            usable |= matches!(
                event,
                Event::Connected | Event::StreamOpened(_) | Event::MessageReceived
            );
            self.on_event(event, wakes);
        }
        usable
    }

    fn on_event(&mut self, event: Event, wakes: &mut Vec<Waker>) {
        match event {
            Event::Readable(id) => wakes.extend(self.readers.remove(&id)),
            Event::Writable(id) => self.on_writable(id, wakes),
            Event::Finished(id) => self.on_send_end(id, SendEnd::Delivered, wakes),
            Event::Stopped(id, code) => self.on_send_end(id, SendEnd::Stopped(code), wakes),
            Event::StreamsAvailable(direction) => {
                self.wake(Occasion::StreamsAvailable(direction), wakes);
            }
            Event::StreamOpened(direction) => self.wake(Occasion::StreamOpened(direction), wakes),
            Event::MessageReceived => self.wake(Occasion::MessageReceived, wakes),
            Event::MessagesWritable => self.wake(Occasion::MessagesWritable, wakes),
            Event::MessageExpired => self.wake(Occasion::MessageExpired, wakes),
            Event::Connected => {
                self.connected = true;
                self.wake(Occasion::Connected, wakes);
            }
            Event::Closed(error) => self.end(error, wakes),
            Event::EarlyDataRejected => self.wake_everybody(wakes),
            _ => {}
        }
    }

    /// The connection is over: everybody who waits learns it.
    pub(crate) fn end(&mut self, error: ConnectionError, wakes: &mut Vec<Waker>) {
        self.ended.get_or_insert(error);
        self.wake_everybody(wakes);
    }

    fn wake(&mut self, occasion: Occasion, wakes: &mut Vec<Waker>) {
        if let Some(list) = self.list(occasion) {
            list.wake_all(wakes);
        }
    }

    fn wake_everybody(&mut self, wakes: &mut Vec<Waker>) {
        self.waiting
            .iter_mut()
            .for_each(|list| list.wake_all(wakes));
        wakes.extend(self.readers.drain().map(|(_, waker)| waker));
        for sender in self.senders.values_mut() {
            wakes.extend(sender.writer.take());
            sender.watchers.wake_all(wakes);
        }
    }

    fn on_writable(&mut self, id: StreamId, wakes: &mut Vec<Waker>) {
        let sender = self.senders.get_mut(&id);
        wakes.extend(sender.and_then(|sender| sender.writer.take()));
    }

    fn on_send_end(&mut self, id: StreamId, end: SendEnd, wakes: &mut Vec<Waker>) {
        if let Some(sender) = self.senders.get_mut(&id) {
            sender.end = Some(end);
            wakes.extend(sender.writer.take());
            sender.watchers.wake_all(wakes);
        }
    }
}
