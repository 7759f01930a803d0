//! Where the system has no timer that a runtime could wait for as for a socket.

use std::task::Context;
use std::time::Duration;

/// Nothing.
#[derive(Debug)]
pub(super) struct Precise;

impl Precise {
    /// Nothing.
    pub(super) fn new() -> Self {
        Self
    }

    /// None.
    pub(super) fn set(&mut self, _: Duration, _: &mut Context<'_>) -> Option<bool> {
        None
    }
}
