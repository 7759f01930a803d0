//! The real binary, driven from outside over TCP: by editors, by programs, by signals, and by
//! people who mean harm. One binary, a module per theme.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests stand outside of the test functions"
)]

mod audit;
mod crash;
mod damage;
mod database;
mod editor;
mod eviction;
mod grpc;
mod hostile;
mod patience;
mod rest;
mod server;
mod sessions;
mod socket;
mod start;
mod traces;
mod wire;
