//! Every open socket, so that it can be ended: by its session, or because the service stops.

use std::collections::HashMap;
use std::sync::Arc;

use futures::channel::oneshot;
use parking_lot::Mutex;
use session_core::SessionId;
use statesync_core::UserId;

use crate::limits::Limits;
use crate::yjs::Close;

/// The open sockets of this process.
#[derive(Default)]
pub(crate) struct Sockets {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    next: u64,
    open: HashMap<u64, Socket>,
    per_user: HashMap<UserId, usize>,
    draining: bool,
}

struct Socket {
    session_id: SessionId,
    cancel: oneshot::Sender<Close>,
}

/// One socket's entry; dropping it takes it out.
pub(crate) struct Registration {
    sockets: Arc<Sockets>,
    number: u64,
    user_id: UserId,
    cancelled: Option<oneshot::Receiver<Close>>,
}

impl Sockets {
    /// Enters a socket.
    ///
    /// # Errors
    ///
    /// What to close it with, when its user has too many or the service is stopping.
    pub(crate) fn register(
        self: &Arc<Self>,
        session_id: SessionId,
        user_id: &UserId,
        limits: &Limits,
    ) -> Result<Registration, Close> {
        let mut state = self.state.lock();
        if state.draining {
            return Err(Close::restarting());
        }
        if state.open.len() >= limits.sockets_max {
            return Err(Close::new(Close::TRY_AGAIN_LATER, "too many connections"));
        }
        let of_user = state.per_user.entry(user_id.clone()).or_default();
        if *of_user >= limits.sockets_per_user_max {
            return Err(Close::new(
                Close::TRY_AGAIN_LATER,
                "too many connections of this user",
            ));
        }
        *of_user += 1;
        let number = state.next;
        state.next += 1;
        let (cancel, cancelled) = oneshot::channel();
        state.open.insert(number, Socket { session_id, cancel });
        Ok(Registration {
            sockets: Arc::clone(self),
            number,
            user_id: user_id.clone(),
            cancelled: Some(cancelled),
        })
    }

    /// Ends the sockets of a session that is over.
    pub(crate) fn end_session(&self, session_id: SessionId) {
        let mut state = self.state.lock();
        let ended: Vec<_> = state
            .open
            .extract_if(|_, socket| socket.session_id == session_id)
            .collect();
        drop(state);
        for (_, socket) in ended {
            let close = Close::new(Close::UNAUTHENTICATED, "the session has ended");
            // Fails only when the socket is gone already.
            let _gone = socket.cancel.send(close);
        }
    }

    /// Ends all sockets, telling the clients to come back, and lets no more in.
    pub(crate) fn drain(&self) {
        let mut state = self.state.lock();
        state.draining = true;
        let open = std::mem::take(&mut state.open);
        drop(state);
        for socket in open.into_values() {
            let _gone = socket.cancel.send(Close::restarting());
        }
    }

    /// How many are open.
    pub(crate) fn count(&self) -> usize {
        self.state.lock().per_user.values().sum()
    }

    /// The sessions that have a socket, each once.
    pub(crate) fn sessions(&self) -> Vec<SessionId> {
        let mut sessions: Vec<_> = self
            .state
            .lock()
            .open
            .values()
            .map(|socket| socket.session_id)
            .collect();
        sessions.sort_unstable();
        sessions.dedup();
        sessions
    }
}

impl Registration {
    /// Resolves when the socket has to end.
    pub(crate) fn cancelled(&mut self) -> impl Future<Output = Close> + Send + use<> {
        let cancelled = self.cancelled.take();
        async move {
            match cancelled {
                Some(cancelled) => cancelled.await.unwrap_or_else(|_| Close::restarting()),
                None => std::future::pending().await,
            }
        }
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        let mut state = self.sockets.state.lock();
        state.open.remove(&self.number);
        if let Some(of_user) = state.per_user.get_mut(&self.user_id) {
            *of_user -= 1;
            if *of_user == 0 {
                state.per_user.remove(&self.user_id);
            }
        }
    }
}
