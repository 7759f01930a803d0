//! Quantum for tokio.
