//! Attacks on whole connections: a peer that says what it must not, and others on the path or off
//! it. Names begin with the attack's number in the catalogue of attacks.

use super::pair::Pair;
use crate::error::TransportErrorCode;
use crate::stream::Side;

mod acknowledgements;
mod deadlines;
mod forgery;
mod frames;
mod keys;
mod opening;
mod repairs;
mod strangers;

/// What the server makes of a client that says these frames, one packet for each.
fn server_verdict(frames: impl IntoIterator<Item = Vec<u8>>) -> Option<TransportErrorCode> {
    let mut pair = Pair::connected();
    pair.say(Side::Client, frames);
    pair.verdict(Side::Server)
}

/// What the client makes of such a server.
fn client_verdict(frames: impl IntoIterator<Item = Vec<u8>>) -> Option<TransportErrorCode> {
    let mut pair = Pair::connected();
    pair.say(Side::Server, frames);
    pair.verdict(Side::Client)
}

/// One frame, written by `write`.
fn frame(write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut bytes = Vec::new();
    write(&mut bytes);
    bytes
}
