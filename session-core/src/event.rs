//! What happened to sessions, told to whoever listens: a bounded stream without a runtime.
//!
//! A gateway listens in order to close the sockets of a session that ended. Events are announced
//! after the store has committed the change, in the process whose [`Manager`](crate::Manager) made
//! it, and they are hints: a listener that falls behind loses the oldest and is [told
//! so](Notice::Missed), a process that dies says nothing. Who must be right asks
//! [`Manager::load`](crate::Manager::load) again after a miss and from time to time.

use core::pin::Pin;
use core::task::{Context, Poll};

use async_broadcast::{InactiveReceiver, Receiver, RecvError, Sender, TryRecvError};
use futures::Stream;

use crate::id::{ConnectionId, SessionId, UserId};
use crate::session::Session;
use crate::time::Timestamp;

/// One change in the life of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The session.
    pub session_id: SessionId,
    /// Its user.
    pub user_id: UserId,
    /// The connection that it had when this happened.
    pub connection_id: Option<ConnectionId>,
    /// When it happened.
    pub at: Timestamp,
    /// What happened.
    pub kind: EventKind,
}

/// What happened to a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EventKind {
    /// It began.
    Opened,
    /// It is reached through a new connection.
    Attached {
        /// The connection that it had before, if any: close it.
        replaced: Option<ConnectionId>,
    },
    /// Its connection is gone.
    Detached {
        /// The connection.
        connection_id: ConnectionId,
    },
    /// Its token was replaced.
    Rotated,
    /// The answer to the last rotation was given again. Innocent when an answer was lost;
    /// suspicious when it comes from elsewhere.
    RotationRepeated,
    /// It is ending: finish what is under way.
    Disconnecting,
    /// It ended: close its connections.
    Closed {
        /// Why.
        reason: CloseReason,
    },
}

/// Why a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CloseReason {
    /// The user logged out.
    LoggedOut,
    /// Somebody with the right ended it.
    Revoked,
    /// The same user opened more sessions than allowed, and this was the oldest.
    Evicted,
    /// A rotated-away token was used again.
    TokenReused,
    /// The client was silent for too long, or the session reached its greatest age.
    Expired,
    /// It was disconnecting, and the time to finish is over.
    Disconnected,
}

/// What a listener hears.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// Something happened.
    Event(Event),
    /// The listener was behind, and this many events were dropped.
    Missed(u64),
}

/// A listener's end of the stream of events. Every listener hears every event that happens after it
/// began.
#[derive(Debug)]
pub struct Events {
    receiver: Receiver<Event>,
}

impl Events {
    /// Waits for the next event; `None` when the manager is gone and everything was heard.
    ///
    /// Cancel safe: an event is taken only when it is returned.
    pub async fn next(&mut self) -> Option<Notice> {
        match self.receiver.recv_direct().await {
            Ok(event) => Some(Notice::Event(event)),
            Err(RecvError::Overflowed(missed)) => Some(Notice::Missed(missed)),
            Err(RecvError::Closed) => None,
        }
    }

    /// The next event, if there is one already.
    pub fn try_next(&mut self) -> Option<Notice> {
        match self.receiver.try_recv() {
            Ok(event) => Some(Notice::Event(event)),
            Err(TryRecvError::Overflowed(missed)) => Some(Notice::Missed(missed)),
            Err(TryRecvError::Empty | TryRecvError::Closed) => None,
        }
    }
}

impl Stream for Events {
    type Item = Notice;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Notice>> {
        let polled = Pin::new(&mut self.receiver).poll_recv(context);
        polled.map(|received| match received? {
            Ok(event) => Some(Notice::Event(event)),
            Err(RecvError::Overflowed(missed)) => Some(Notice::Missed(missed)),
            Err(RecvError::Closed) => None,
        })
    }
}

/// The announcing end. Announcing never waits: a listener that is behind loses the oldest events.
#[derive(Debug)]
pub(crate) struct Announcer {
    sender: Sender<Event>,
    /// Keeps the channel open while nobody listens.
    inactive: InactiveReceiver<Event>,
}

impl Announcer {
    pub(crate) fn new(events_max: usize) -> Self {
        let (mut sender, receiver) = async_broadcast::broadcast(events_max);
        sender.set_overflow(true);
        Self {
            sender,
            inactive: receiver.deactivate(),
        }
    }

    pub(crate) fn listen(&self) -> Events {
        Events {
            receiver: self.inactive.activate_cloned(),
        }
    }

    pub(crate) fn announce(&self, session: &Session, at: Timestamp, kind: EventKind) {
        let event = Event {
            session_id: session.session_id,
            user_id: session.user_id.clone(),
            connection_id: session.connection_id,
            at,
            kind,
        };
        // Fails only when nobody listens; with overflow on, it is never full.
        let _unheard = self.sender.try_broadcast(event);
    }
}
