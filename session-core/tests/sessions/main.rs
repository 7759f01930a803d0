//! What session-core promises, seen from outside. One binary, a module per theme.
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests stand outside of the test functions"
)]

mod admission;
mod contention;
mod decisions;
mod events;
mod expiry;
mod faults;
mod ids;
mod lifecycle;
mod limits;
mod memory_contract;
mod model;
mod revocation;
mod rotation;
mod serialisation;
mod tokens;
mod world;
