//! Wakes the driver, and tells it which connections have work.

use std::collections::VecDeque;
use std::task::{Context, Waker};

use parking_lot::Mutex;

use crate::protocol::ConnectionHandle;

/// The way from application calls to the driver.
#[derive(Debug, Default)]
pub(crate) struct Doorbell {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Connections with something to send.
    dirty: Vec<ConnectionHandle>,
    /// Somebody wants the driver to look.
    rung: bool,
    waker: Option<Waker>,
    /// The driver is not going to look again by itself.
    asleep: bool,
}

impl Doorbell {
    /// The connection has something to send (or the driver has to look after it).
    pub(crate) fn ring(&self, handle: ConnectionHandle) {
        let mut state = self.state.lock();
        state.dirty.push(handle);
        state.wake();
    }

    /// The driver has to look after the endpoint.
    pub(crate) fn wake(&self) {
        self.state.lock().wake();
    }

    /// The driver is awake: moves the connections with work to the end of `pending`.
    pub(crate) fn answer(&self, pending: &mut VecDeque<ConnectionHandle>) {
        let mut state = self.state.lock();
        state.asleep = false;
        state.rung = false;
        pending.extend(state.dirty.drain(..));
    }

    /// The driver goes to sleep; false if somebody rang in the meantime.
    pub(crate) fn sleep(&self, context: &Context<'_>) -> bool {
        let mut state = self.state.lock();
        if state.rung {
            return false;
        }
        state.asleep = true;
        match &mut state.waker {
            Some(waker) => waker.clone_from(context.waker()),
            none => *none = Some(context.waker().clone()),
        }
        true
    }
}

impl State {
    fn wake(&mut self) {
        self.rung = true;
        if !std::mem::replace(&mut self.asleep, false) {
            return;
        }
        if let Some(waker) = &self.waker {
            waker.wake_by_ref();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    use super::*;

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn many_rings_wake_a_sleeper_once() {
        let count = Arc::new(Count::default());
        let waker = Waker::from(Arc::clone(&count));
        let doorbell = Doorbell::default();
        assert!(doorbell.sleep(&Context::from_waker(&waker)));
        (0..10).for_each(|index| doorbell.ring(ConnectionHandle(index)));
        assert_eq!(count.0.load(Ordering::Relaxed), 1);
        let mut pending = VecDeque::new();
        doorbell.answer(&mut pending);
        assert_eq!(pending.len(), 10);
    }

    #[test]
    fn who_was_rung_does_not_fall_asleep() {
        let doorbell = Doorbell::default();
        doorbell.ring(ConnectionHandle(0));
        assert!(!doorbell.sleep(&Context::from_waker(Waker::noop())));
        doorbell.answer(&mut VecDeque::new());
        assert!(doorbell.sleep(&Context::from_waker(Waker::noop())));
    }
}
