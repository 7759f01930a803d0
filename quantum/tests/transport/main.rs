//! The transport over real sockets, as an application uses it.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

mod cancellation;
mod closing;
mod endpoints;
mod fixture;
mod messages;
mod streams;
mod traces;
