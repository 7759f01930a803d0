//! Whole connections, client and server, in virtual time.

pub(crate) mod pair;

mod closing;
mod resumption;
mod transfer;
