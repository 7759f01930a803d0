//! The service as its callers meet it: over TCP, with the client that tonic generates.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed"
)]

mod board;
mod conflicts;
mod history;
mod locks;
mod operator;
mod places;
mod predecessor;
mod refusals;
mod retries;
mod start;
mod subscriptions;
mod world;
