//! What users of a library of documents are promised, on a deterministic executor.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "these are tests"
)]

mod contract;
mod durability;
mod eviction;
mod lifecycle;
mod permissions;
mod slow_reader;
mod world;
