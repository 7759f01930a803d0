//! Handshakes in memory: who is let in, which keys come of it, and what early data has to prove.

mod early_data;
mod fixture;
mod identity;
mod keys;
