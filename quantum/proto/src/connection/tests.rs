//! Whole connections, client and server, in virtual time.

pub(crate) mod pair;

mod attacks;
mod closing;
mod deadlines;
mod handshake;
mod latency;
mod moves;
mod paths;
mod repair;
mod resumption;
mod transfer;
mod weather;
