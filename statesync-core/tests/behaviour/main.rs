//! What users of a library of documents are promised, on a deterministic executor.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "these are tests"
)]

mod adds_up;
mod conflicts;
mod contract;
mod durability;
mod eviction;
mod history;
mod interposed;
mod lifecycle;
mod locks;
mod operations;
mod permissions;
mod replicas;
mod slow_reader;
mod world;
