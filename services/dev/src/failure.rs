//! Why a command could not go on, in words for the person at the terminal.

use std::fmt;

/// A failure that a person reads; nothing branches on its kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure(String);

impl Failure {
    /// A failure that says `message`: what is wrong and, where there is one, what to do about it.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for Failure {}

/// Says what was being done when an I/O operation failed.
pub(crate) trait While<T> {
    /// Turns the error into a [`Failure`] that starts with `action`.
    ///
    /// # Errors
    ///
    /// The failure, if `self` was an error.
    fn while_doing(self, action: impl FnOnce() -> String) -> Result<T, Failure>;
}

impl<T, E: fmt::Display> While<T> for Result<T, E> {
    fn while_doing(self, action: impl FnOnce() -> String) -> Result<T, Failure> {
        self.map_err(|error| Failure(format!("{}: {error}", action())))
    }
}
