//! What waits to be committed, bounded by its size.

use std::any::Any;

use event_listener::Event;
use parking_lot::{Condvar, Mutex};

use crate::decided::Decided;
use crate::error::{Damage, Refusal};
use crate::rows::Rows;
use crate::tables::{Lookup, Tables, Value};

mod patience;
mod task;

pub(crate) use patience::Patience;
pub(crate) use task::Task;

use patience::GATHERING_MAX;

/// Bytes that may wait before writers have to wait themselves: several full groups, so that the
/// committer never runs dry, and little enough to be written in well under a second.
const WAITING_BYTES_MAX: usize = 16 * 1024 * 1024;

/// What a request without content occupies.
const REQUEST_BYTES: usize = 512;

/// A request to write something.
pub(crate) trait Work: Send {
    /// Looks at what is there and says what to write. Nothing of it is written when it fails.
    fn decide(&mut self, reads: &Reads<'_>, rows: &mut Rows) -> Decision;

    /// The rows are on the disk and can be read, or nobody knows.
    fn finish(self: Box<Self>, outcome: Result<(), Refusal>);

    /// Bytes that it occupies while it waits.
    fn bytes(&self) -> usize;
}

/// Whether the rows of a request are to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// They are.
    Write,
    /// The request was refused; its rows are to be forgotten.
    Refuse,
}

/// What a decision can look at: everything committed, and what is decided in the same group.
pub(crate) struct Reads<'a> {
    pub(crate) tables: &'a Tables,
    pub(crate) decided: &'a Decided,
    /// The frame of the group so far, with what was decided in it.
    pub(crate) frame: &'a [u8],
}

impl Lookup for Reads<'_> {
    fn value(&self, key: &[u8]) -> Result<Option<Value>, Damage> {
        match self.decided.value(self.frame, key) {
            Some(decided) => Ok(decided),
            None => self.tables.newest(key),
        }
    }
}

impl Reads<'_> {
    /// What is under the keys that begin with `prefix`, in order.
    pub(crate) fn prefixed(&self, prefix: &[u8]) -> Result<Vec<(Value, Value)>, Damage> {
        let mut last = prefix.to_vec();
        last.extend([0xFF; 32]);
        let mut found = std::collections::BTreeMap::new();
        for row in self.tables.newest_range(prefix.to_vec()..=last) {
            let (key, value) = row?;
            found.insert(key, value);
        }
        for (key, value) in self.decided.prefixed(self.frame, prefix) {
            match value {
                Some(value) => found.insert(key.clone(), value),
                None => found.remove(key),
            };
        }
        Ok(found.into_iter().collect())
    }
}

/// The queue between everybody and the committer.
#[derive(Default)]
pub(crate) struct Queue {
    state: Mutex<State>,
    filled: Condvar,
    room: Event,
}

struct State {
    waiting: Vec<Box<dyn Work>>,
    bytes: usize,
    /// At how many the committer wakes up.
    enough: usize,
    closed: bool,
}

impl Default for State {
    fn default() -> Self {
        Self {
            waiting: Vec::new(),
            bytes: 0,
            enough: 1,
            closed: false,
        }
    }
}

impl Queue {
    /// Adds `work`, as soon as there is room. After that it will be carried out, also when nobody
    /// waits for it any more. When the store is closed, `work` is told so.
    pub(crate) async fn push(&self, work: Box<dyn Work>) {
        let mut work = work;
        loop {
            work = match self.offer(work) {
                Ok(()) => return,
                Err(refused) => refused,
            };
            let room = self.room.listen();
            work = match self.offer(work) {
                Ok(()) => return,
                Err(refused) => refused,
            };
            room.await;
        }
    }

    fn offer(&self, work: Box<dyn Work>) -> Result<(), Box<dyn Work>> {
        let mut state = self.state.lock();
        if state.closed {
            drop(state);
            work.finish(Err(Refusal::new("it was closed")));
            return Ok(());
        }
        let bytes = REQUEST_BYTES + work.bytes();
        // Something larger than the whole queue goes alone.
        if state.bytes > 0 && state.bytes + bytes > WAITING_BYTES_MAX {
            return Err(work);
        }
        state.bytes += bytes;
        state.waiting.push(work);
        if state.waiting.len() == state.enough {
            self.filled.notify_one();
        }
        Ok(())
    }

    /// Waits for work and takes all of it; `false` when the queue was closed and is empty.
    pub(crate) fn take(&self, taken: &mut Vec<Box<dyn Work>>, patience: &mut Patience) -> bool {
        let mut state = self.state.lock();
        let before = state.waiting.len();
        let enough = patience.enough(before);
        while state.waiting.is_empty() {
            if state.closed {
                return false;
            }
            self.filled.wait(&mut state);
        }
        state.enough = enough;
        let goes_on = |state: &mut State| state.waiting.len() < enough && !state.closed;
        self.filled
            .wait_while_for(&mut state, goes_on, GATHERING_MAX);
        patience.waited(before, enough, state.waiting.len());
        state.enough = 1;
        std::mem::swap(&mut state.waiting, taken);
        state.bytes = 0;
        drop(state);
        self.room.notify(usize::MAX);
        true
    }

    /// Takes nothing more, and tells everybody who waits that it is unknown what became of it.
    pub(crate) fn refuse_all(&self, reason: &Refusal) {
        self.close();
        let waiting = std::mem::take(&mut self.state.lock().waiting);
        waiting
            .into_iter()
            .for_each(|work| work.finish(Err(reason.clone())));
    }

    /// Takes nothing more. What waits is still carried out.
    pub(crate) fn close(&self) {
        self.state.lock().closed = true;
        self.filled.notify_one();
        self.room.notify(usize::MAX);
    }
}

/// The text of a panic.
pub(crate) fn panic_text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("no reason given")
}
