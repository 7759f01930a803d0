//! Peers that break the rules of messages, or keep to them to do harm (T9, T10).

use super::*;
use crate::error::TransportErrorCode;

fn receiver() -> Messages {
    pair(&config()).1
}

fn message(id: u64, size: u64, offset: u64, data: &[u8]) -> frame::Message<'_> {
    frame::Message {
        id,
        size,
        reliable: true,
        offset,
        slack: None,
        data,
    }
}

#[track_caller]
fn assert_code(result: Result<(), TransportError>, code: TransportErrorCode) {
    assert_eq!(result.unwrap_err().code, code);
}

#[test]
fn a_message_beyond_its_size_or_the_limit_is_a_final_size_error() {
    let code = TransportErrorCode::FINAL_SIZE_ERROR;
    let max = config().message_bytes_max;
    assert_code(
        receiver().on_message(Instant::ORIGIN, &message(0, 10, 9, &[1; 2])),
        code,
    );
    assert_code(
        receiver().on_message(Instant::ORIGIN, &message(0, 10, u64::MAX, &[1])),
        code,
    );
    assert_code(
        receiver().on_message(Instant::ORIGIN, &message(0, max + 1, 0, &[1])),
        code,
    );
    assert_code(
        receiver().on_message(Instant::ORIGIN, &message(0, u64::MAX, 0, &[1])),
        code,
    );
    assert_code(receiver().on_reset_message(0, max + 1, 0), code);
    assert_code(receiver().on_reset_message(0, u64::MAX, 0), code);
}

#[test]
fn a_size_that_changes_is_a_final_size_error() {
    let code = TransportErrorCode::FINAL_SIZE_ERROR;
    let mut receiver = receiver();
    receiver
        .on_message(Instant::ORIGIN, &message(0, 10, 0, &[1]))
        .unwrap();
    assert_code(
        receiver.on_message(Instant::ORIGIN, &message(0, 11, 1, &[1])),
        code,
    );
    assert_code(receiver.on_reset_message(0, 9, 0), code);
}

#[test]
fn more_than_the_credit_is_a_flow_control_error() {
    let mut receiver = receiver();
    let cost = 1000 + OVERHEAD_BYTES;
    let affordable = config().message_receive_window / cost;
    for id in 0..affordable {
        receiver
            .on_message(Instant::ORIGIN, &message(id, 1000, 0, &[1]))
            .unwrap();
    }
    let code = TransportErrorCode::FLOW_CONTROL_ERROR;
    assert_code(
        receiver.on_message(Instant::ORIGIN, &message(affordable, 1000, 0, &[1])),
        code,
    );
}

#[test]
fn empty_messages_that_nobody_takes_use_up_the_credit() {
    let mut receiver = receiver();
    let mut send = |id| receiver.on_message(Instant::ORIGIN, &message(id, 0, 0, &[]));
    let refused = (0..1 << 20).find(|&id| send(id).is_err());
    assert_eq!(
        refused,
        Some(config().message_receive_window / OVERHEAD_BYTES)
    );
}

#[test]
fn a_message_in_fragments_with_holes_ends_the_connection() {
    let mut receiver = receiver();
    let size = config().message_bytes_max;
    let mut send =
        |index: u64| receiver.on_message(Instant::ORIGIN, &message(0, size, 2 * index + 1, &[1]));
    let refused = (0..1000).find_map(|index| send(index).err());
    let code = TransportErrorCode::PROTOCOL_VIOLATION;
    assert_eq!(refused.map(|error| error.code), Some(code));
}

#[test]
fn gaps_between_ended_messages_end_the_connection() {
    let mut receiver = receiver();
    let mut send = |index: u64| receiver.on_reset_message(2 * index + 1, 0, 0);
    let refused = (0..100_000).find_map(|index| send(index).err());
    let code = TransportErrorCode::PROTOCOL_VIOLATION;
    assert_eq!(refused.map(|error| error.code), Some(code));
}

#[test]
fn repeated_frames_of_ended_messages_are_free() {
    let mut receiver = receiver();
    for _ in 0..100_000 {
        receiver
            .on_message(Instant::ORIGIN, &message(0, 100, 0, &[1; 100]))
            .unwrap();
        receiver.on_reset_message(0, 100, 0).unwrap();
        receiver.on_reset_message(u64::MAX >> 2, 5, 0).unwrap();
    }
    assert_eq!(receiver.take().map(|data| data.len()), Some(100));
    assert_eq!(receiver.take(), None);
}

#[test]
fn bytes_that_arrive_twice_do_not_complete_a_message() {
    let mut receiver = receiver();
    for _ in 0..10 {
        receiver
            .on_message(Instant::ORIGIN, &message(0, 4, 0, &[1, 2]))
            .unwrap();
        receiver
            .on_message(Instant::ORIGIN, &message(0, 4, 3, &[4]))
            .unwrap();
    }
    assert_eq!(receiver.take(), None);
    receiver
        .on_message(Instant::ORIGIN, &message(0, 4, 1, &[2, 3]))
        .unwrap();
    assert_eq!(receiver.take(), Some(Bytes::from_static(&[1, 2, 3, 4])));
}
