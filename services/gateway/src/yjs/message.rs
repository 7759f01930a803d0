//! The y-websocket wire: bytes to messages and back. Sources: y-protocols `PROTOCOL.md`,
//! `sync.js`, `awareness.js`; lib0 `encoding.js` (variable-length integers, 7 bits at a time,
//! least significant first).
//!
//! A message is `type body`: 0 sync (0 = step 1 with a state vector, 1 = step 2 with an update,
//! 2 = update), 1 awareness, 2 auth (from the server only), 3 query awareness. Ours, and only for
//! clients that asked for it: 100 saved (how many sync messages of this socket are durable).

use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};
use serde::de::IgnoredAny;
use statesync_core::PresenceEntry;

/// A message from a client. What it carries is a slice of the frame, not a copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ClientMessage {
    /// "Here is what I have (a state vector): send me the rest."
    SyncStep1(Bytes),
    /// "Here is what you lack", the answer to our step 1.
    SyncStep2(Bytes),
    /// "Here is something new."
    Update(Bytes),
    /// The state of clients on that side.
    Awareness(Vec<PresenceEntry>),
    /// "Tell me everybody's state."
    QueryAwareness,
}

/// Bytes that are not a message. The client is at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Malformed {
    #[error("the message ends too early")]
    Truncated,
    #[error("a number is too large")]
    NumberTooLarge,
    #[error("unknown message type {0}")]
    UnknownType(u64),
    #[error("unknown sync message type {0}")]
    UnknownSyncType(u64),
    #[error("a client id has more than 53 bits")]
    ClientTooLarge,
    #[error("a presence state is not JSON")]
    NotJson,
}

const SYNC: u8 = 0;
const AWARENESS: u8 = 1;
/// Outside the range that y-protocols has given out.
const SAVED: u8 = 100;

/// Largest client id: 53 bits, what a JavaScript number holds.
const CLIENT_MAX: u64 = (1 << 53) - 1;

const STEP_1: u8 = 0;
const STEP_2: u8 = 1;
const UPDATE: u8 = 2;

/// The next message of a frame; `None` at its end.
pub(crate) fn read_message(frame: &mut Bytes) -> Result<Option<ClientMessage>, Malformed> {
    if frame.is_empty() {
        return Ok(None);
    }
    let message = match read_number(frame)? {
        0 => match read_number(frame)? {
            0 => ClientMessage::SyncStep1(read_bytes(frame)?),
            1 => ClientMessage::SyncStep2(read_bytes(frame)?),
            2 => ClientMessage::Update(read_bytes(frame)?),
            other => return Err(Malformed::UnknownSyncType(other)),
        },
        1 => ClientMessage::Awareness(read_awareness(&mut read_bytes(frame)?)?),
        3 => ClientMessage::QueryAwareness,
        other => return Err(Malformed::UnknownType(other)),
    };
    Ok(Some(message))
}

fn read_awareness(body: &mut Bytes) -> Result<Vec<PresenceEntry>, Malformed> {
    let count = read_number(body)?;
    let mut entries = Vec::new();
    // No room is made ahead: the count is a stranger's word. Each entry takes bytes, so the loop
    // ends with the frame.
    for _ in 0..count {
        let client = read_number(body)?;
        if client > CLIENT_MAX {
            return Err(Malformed::ClientTooLarge);
        }
        let clock = u32::try_from(read_number(body)?).map_err(|_| Malformed::NumberTooLarge)?;
        let json = read_bytes(body)?;
        let json = std::str::from_utf8(&json).map_err(|_| Malformed::NotJson)?;
        if !is_shallow_json(json) {
            return Err(Malformed::NotJson);
        }
        let state = (json != "null").then(|| Arc::from(json));
        entries.push(PresenceEntry {
            client,
            clock,
            state,
        });
    }
    Ok(entries)
}

/// Whether every client can read it. One that cannot loses, with this state, everybody else's.
/// The text is checked and not taken apart: what JavaScript writes and Rust cannot hold, such as
/// half of a surrogate pair, is JSON too.
fn is_shallow_json(text: &str) -> bool {
    /// What `serde_json` takes, and far below what a browser's stack bears.
    const DEPTH_MAX: usize = 128;
    if serde_json::from_str::<IgnoredAny>(text).is_err() {
        return false;
    }
    let (mut depth, mut deepest) = (0_usize, 0);
    let mut bytes = text.bytes();
    let mut in_string = false;
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => in_string = !in_string,
            b'\\' => drop(bytes.next()),
            b'[' | b'{' if !in_string => depth += 1,
            b']' | b'}' if !in_string => depth -= 1,
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest <= DEPTH_MAX
}

fn read_number(bytes: &mut Bytes) -> Result<u64, Malformed> {
    let mut value = 0_u64;
    for (index, byte) in bytes.iter().enumerate() {
        let bits = u64::from(byte & 0x7f);
        let shift = 7 * index;
        if shift >= u64::BITS as usize || (bits << shift) >> shift != bits {
            return Err(Malformed::NumberTooLarge);
        }
        value |= bits << shift;
        if byte & 0x80 == 0 {
            let _number = bytes.split_to(index + 1);
            return Ok(value);
        }
    }
    Err(Malformed::Truncated)
}

fn read_bytes(bytes: &mut Bytes) -> Result<Bytes, Malformed> {
    let length = usize::try_from(read_number(bytes)?).map_err(|_| Malformed::Truncated)?;
    if length > bytes.len() {
        return Err(Malformed::Truncated);
    }
    Ok(bytes.split_to(length))
}

/// Step 1: what the server has.
pub(crate) fn sync_step_1(state_vector: &[u8]) -> Bytes {
    sync(STEP_1, state_vector)
}

/// Step 2: what the client lacks.
pub(crate) fn sync_step_2(update: &[u8]) -> Bytes {
    sync(STEP_2, update)
}

/// Something new.
pub(crate) fn update(update: &[u8]) -> Bytes {
    sync(UPDATE, update)
}

fn sync(subtype: u8, body: &[u8]) -> Bytes {
    let mut frame = BytesMut::with_capacity(2 + NUMBER_BYTES_MAX + body.len());
    frame.put_u8(SYNC);
    frame.put_u8(subtype);
    put_bytes(&mut frame, body);
    frame.freeze()
}

/// States of clients; of none, a frame that only says "I am here".
pub(crate) fn awareness(entries: &[PresenceEntry]) -> Bytes {
    let mut body = BytesMut::new();
    put_number(&mut body, entries.len() as u64);
    for entry in entries {
        put_number(&mut body, entry.client);
        put_number(&mut body, u64::from(entry.clock));
        put_bytes(
            &mut body,
            entry.state.as_deref().unwrap_or("null").as_bytes(),
        );
    }
    let mut frame = BytesMut::with_capacity(1 + NUMBER_BYTES_MAX + body.len());
    frame.put_u8(AWARENESS);
    put_bytes(&mut frame, &body);
    frame.freeze()
}

/// The first `count` sync messages (step 2 and update) of this socket are durable.
pub(crate) fn saved(count: u64) -> Bytes {
    let mut frame = BytesMut::with_capacity(1 + NUMBER_BYTES_MAX);
    frame.put_u8(SAVED);
    put_number(&mut frame, count);
    frame.freeze()
}

/// An update with nothing in it: no blocks, no deletions.
pub(crate) const EMPTY_UPDATE: &[u8] = &[0, 0];

/// Bytes of a 64-bit number, 7 bits at a time.
const NUMBER_BYTES_MAX: usize = 10;

fn put_number(buffer: &mut BytesMut, mut value: u64) {
    while value >= 0x80 {
        buffer.put_u8(value as u8 | 0x80);
        value >>= 7;
    }
    buffer.put_u8(value as u8);
}

fn put_bytes(buffer: &mut BytesMut, bytes: &[u8]) {
    put_number(buffer, bytes.len() as u64);
    buffer.put_slice(bytes);
}

#[cfg(test)]
mod tests;
