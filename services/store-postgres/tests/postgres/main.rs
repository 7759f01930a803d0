//! The store on a real PostgreSQL server, which the tests start themselves.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "these are tests"
)]

mod contract;
mod damage;
mod doubt;
mod groups;
mod migrations;
mod operator;
mod outage;
mod replicas;
mod tls;
