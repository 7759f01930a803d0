//! Libraries over every store there is: the same things asked for lead to the same documents.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "these are tests"
)]

mod differential;
mod plan;
