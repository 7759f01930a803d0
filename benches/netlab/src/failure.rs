//! Why a lab could not be made.

use std::io;

/// A lab could not be made or used.
#[derive(Debug, thiserror::Error)]
pub enum LabFailure {
    /// The system refused a step. Most steps need root.
    #[error("{step} failed (network labs need root): {source}")]
    Refused {
        /// What was tried.
        step: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// The program `ip` could not be started.
    #[error("the program `ip` is missing: install iproute2 (`apt-get install iproute2`): {0}")]
    NoIproute(io::Error),
    /// The program `ip` was started and failed.
    #[error("`ip {arguments}` failed: {said}")]
    Iproute {
        /// What it was asked.
        arguments: String,
        /// What it wrote to standard error.
        said: String,
    },
    /// A thread of the lab is gone.
    #[error("a thread of the lab ended early")]
    Gone,
}

impl LabFailure {
    /// For `map_err`: the system refused `step`.
    pub fn refused<E: Into<io::Error>>(step: &'static str) -> impl FnOnce(E) -> Self {
        move |source| Self::Refused {
            step,
            source: source.into(),
        }
    }
}
