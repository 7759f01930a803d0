//! How a message is sent.

use std::time::Duration;

use crate::urgency::Urgency;

/// How a message is sent: whether it has to arrive, how soon it leaves, and when it is worth
/// nothing any more.
///
/// ```
/// use std::time::Duration;
/// use quantum_proto::{MessageOptions, Urgency};
///
/// let position = MessageOptions::unreliable()
///     .with_urgency(Urgency::new(1))
///     .with_deadline(Duration::from_millis(80));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MessageOptions {
    pub(crate) reliable: bool,
    pub(crate) urgency: Urgency,
    pub(crate) deadline: Option<Duration>,
}

impl MessageOptions {
    /// What is lost of it is sent again.
    #[must_use]
    pub const fn reliable() -> Self {
        Self {
            reliable: true,
            urgency: Urgency::DEFAULT,
            deadline: None,
        }
    }

    /// If a part of it is lost, the rest is not sent.
    #[must_use]
    pub const fn unreliable() -> Self {
        Self {
            reliable: false,
            ..Self::reliable()
        }
    }

    /// What it goes before. Default: [`Urgency::DEFAULT`].
    #[must_use]
    pub const fn with_urgency(mut self, urgency: Urgency) -> Self {
        self.urgency = urgency;
        self
    }

    /// It is not delivered later than this after it is accepted, and as soon as it cannot be
    /// delivered by then, nothing more of it is sent. Default: none.
    ///
    /// As no clocks are shared, it is met as well as a path's one-way delay is known: half of its
    /// round trip is taken for it (Q-DLN-3).
    #[must_use]
    pub const fn with_deadline(mut self, after: Duration) -> Self {
        self.deadline = Some(after);
        self
    }

    /// How long after its acceptance it is worth nothing; `None`: never.
    #[must_use]
    pub const fn deadline(&self) -> Option<Duration> {
        self.deadline
    }
}

impl Default for MessageOptions {
    /// [`reliable`](Self::reliable).
    fn default() -> Self {
        Self::reliable()
    }
}
