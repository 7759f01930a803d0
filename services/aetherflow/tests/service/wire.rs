//! The y-websocket wire as clients see it, read and written with the tools of yrs: none of the
//! server's own code.

use serde_json::Value;
use yrs::encoding::read::{Cursor, Read};
use yrs::encoding::write::Write;

/// A message from the server.
#[derive(Debug)]
pub(crate) enum ServerMessage {
    Step1(Vec<u8>),
    Step2(Vec<u8>),
    Update(Vec<u8>),
    Awareness(Vec<Presence>),
    Saved(u64),
}

/// The state of one client; `None` when it is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Presence {
    pub(crate) client: u64,
    pub(crate) clock: u32,
    pub(crate) state: Option<Value>,
}

/// Reads a frame, which must hold exactly one message.
pub(crate) fn read(frame: &[u8]) -> ServerMessage {
    let mut cursor = Cursor::new(frame);
    let message = match number(&mut cursor) {
        0 => match number(&mut cursor) {
            0 => ServerMessage::Step1(block(&mut cursor)),
            1 => ServerMessage::Step2(block(&mut cursor)),
            2 => ServerMessage::Update(block(&mut cursor)),
            other => panic!("sync message of type {other}"),
        },
        1 => ServerMessage::Awareness(read_awareness(&block(&mut cursor))),
        100 => ServerMessage::Saved(number(&mut cursor)),
        other => panic!("message of type {other}"),
    };
    assert!(!cursor.has_content(), "more than one message in a frame");
    message
}

fn read_awareness(body: &[u8]) -> Vec<Presence> {
    let mut cursor = Cursor::new(body);
    let count = number(&mut cursor);
    let entry = |_| {
        let (client, clock) = (number(&mut cursor), number(&mut cursor));
        // What a JavaScript client could not read would end everybody's session.
        assert!(
            client < 1 << 53,
            "client id {client} is no JavaScript number"
        );
        let state: Value = serde_json::from_slice(&block(&mut cursor)).expect("a state is JSON");
        let state = (!state.is_null()).then_some(state);
        Presence {
            client,
            clock: clock.try_into().unwrap(),
            state,
        }
    };
    (0..count).map(entry).collect()
}

fn number(cursor: &mut Cursor<'_>) -> u64 {
    cursor.read_var().expect("a number")
}

fn block(cursor: &mut Cursor<'_>) -> Vec<u8> {
    cursor
        .read_buf()
        .expect("as many bytes as announced")
        .to_vec()
}

/// The state vector of somebody who has nothing.
pub(crate) const NOTHING: &[u8] = &[0];

pub(crate) fn step_1(state_vector: &[u8]) -> Vec<u8> {
    sync(0, state_vector)
}

pub(crate) fn step_2(update: &[u8]) -> Vec<u8> {
    sync(1, update)
}

pub(crate) fn update(update: &[u8]) -> Vec<u8> {
    sync(2, update)
}

fn sync(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut frame = vec![0, kind];
    frame.write_buf(body);
    frame
}

/// A presence message with one entry. The state is JSON text, or should be.
pub(crate) fn presence(client: u64, clock: u32, state: &str) -> Vec<u8> {
    let mut body = Vec::new();
    body.write_var(1_u32);
    body.write_var(client);
    body.write_var(clock);
    body.write_string(state);
    let mut frame = vec![1];
    frame.write_buf(body);
    frame
}
