use proptest::prelude::*;

use super::decode::FrameError;
use super::*;
use crate::error::{TransportError, TransportErrorCode};
use crate::packet::PacketKind;
use crate::range_set::RangeSet;
use crate::wire::{VARINT_MAX, write_varint};

fn decode(payload: &[u8]) -> Result<Vec<Frame<'_>>, FrameError> {
    Frames::new(payload).collect()
}

fn encode(frame: &Frame<'_>) -> Vec<u8> {
    let mut buffer = Vec::new();
    frame.encode(&mut buffer);
    buffer
}

fn fields(values: &[u64]) -> Vec<u8> {
    let mut buffer = Vec::new();
    for &value in values {
        write_varint(&mut buffer, value);
    }
    buffer
}

/// Numbers of every size that a varint has.
fn number() -> impl Strategy<Value = u64> {
    (0u32..=62, any::<u64>()).prop_map(|(bits, value)| value & ((1u64 << bits) - 1))
}

fn direction() -> impl Strategy<Value = Direction> {
    prop_oneof![
        Just(Direction::Bidirectional),
        Just(Direction::Unidirectional)
    ]
}

/// Every frame that is made of numbers alone.
fn plain_frame() -> impl Strategy<Value = Frame<'static>> {
    prop_oneof![
        prop_oneof![
            Just(Frame::Padding),
            Just(Frame::Ping),
            Just(Frame::HandshakeDone),
            Just(Frame::ImmediateAck),
            Just(Frame::Grease),
        ],
        numbered_frame(),
        connection_frame(),
    ]
}

fn numbered_frame() -> impl Strategy<Value = Frame<'static>> {
    let numbers = (number(), number(), number());
    (0..14, numbers, direction()).prop_map(|(which, (first, second, third), direction)| {
        let id = StreamId(first);
        match which {
            0 => Frame::ResetStream {
                id,
                error: second,
                final_size: third,
            },
            1 => Frame::StopSending { id, error: second },
            2 => Frame::MaxData { bytes: first },
            3 => Frame::MaxStreamData { id, bytes: second },
            4 => Frame::MaxStreams {
                direction,
                count: first >> 2,
            },
            5 => Frame::DataBlocked { limit: first },
            6 => Frame::StreamDataBlocked { id, limit: second },
            7 => Frame::StreamsBlocked {
                direction,
                limit: first >> 2,
            },
            8 => Frame::RetireConnectionId { sequence: first },
            9 => Frame::ResetMessage {
                id: first,
                size: second,
                reason: third,
            },
            12 => Frame::MessagesExpired(MessagesExpired {
                unsent: first,
                late: second,
            }),
            13 => Frame::Timestamp(Timestamp {
                time: first,
                path: second,
            }),
            10 => Frame::MaxMessageData { bytes: first },
            _ => Frame::MessageDataBlocked { limit: first },
        }
    })
}

fn connection_frame() -> impl Strategy<Value = Frame<'static>> {
    let id = prop::collection::vec(any::<u8>(), 1..=20);
    let new_id =
        (number(), number(), id, any::<[u8; 16]>()).prop_map(|(sequence, retire, id, token)| {
            Frame::NewConnectionId(NewConnectionId {
                sequence,
                retire_prior_to: retire.min(sequence),
                id: ConnectionId::new(&id).unwrap(),
                reset_token: ResetToken(token),
            })
        });
    let frequency =
        (number(), number(), number(), number()).prop_map(|(sequence, threshold, delay, order)| {
            Frame::AckFrequency(AckFrequency {
                sequence,
                ack_eliciting_threshold: threshold,
                request_max_ack_delay: delay,
                reordering_threshold: order,
            })
        });
    prop_oneof![
        new_id,
        frequency,
        any::<[u8; 8]>().prop_map(|data| Frame::PathChallenge { data }),
        any::<[u8; 8]>().prop_map(|data| Frame::PathResponse { data }),
    ]
}

/// A frame that borrows `data`.
fn data_frame(which: u8, numbers: (u64, u64), flag: bool, data: &[u8]) -> Frame<'_> {
    let (first, second) = numbers;
    let offset = second.min(VARINT_MAX - data.len() as u64);
    match which {
        0 => Frame::Crypto { offset, data },
        1 => Frame::Stream(Stream {
            id: StreamId(first),
            offset,
            fin: flag,
            data,
        }),
        2 | 5 => Frame::Message(Message {
            id: first,
            size: offset + data.len() as u64,
            reliable: flag,
            offset,
            slack: (which == 5).then_some(second),
            data,
        }),
        3 => Frame::Close {
            transport: flag,
            error: first,
            frame_type: if flag { second } else { 0 },
            reason: data,
        },
        _ if data.is_empty() => Frame::Ping,
        _ => Frame::NewToken { token: data },
    }
}

proptest! {
    #[test]
    fn plain_frames_come_back(frames in prop::collection::vec(plain_frame(), 1..20)) {
        let frames: Vec<_> = frames
            .into_iter()
            .filter(|frame| *frame != Frame::Padding)
            .chain([Frame::Padding])
            .collect();
        let payload: Vec<u8> = frames.iter().flat_map(encode).collect();
        prop_assert_eq!(decode(&payload), Ok(frames));
    }

    #[test]
    fn a_cut_frame_is_an_error_that_names_it(frame in plain_frame(), cut in any::<prop::sample::Index>()) {
        let bytes = encode(&frame);
        let kept = cut.index(bytes.len());
        let outcome = decode(&bytes[..kept]);
        if kept == 0 {
            prop_assert_eq!(outcome, Ok(vec![]));
        } else {
            let error = outcome.unwrap_err();
            prop_assert!(error.frame_type == frame.frame_type() || kept == 1);
        }
    }

    #[test]
    fn frames_with_data_come_back(
        which in 0u8..6,
        numbers in (number(), number()),
        flag: bool,
        data in prop::collection::vec(any::<u8>(), 0..100),
    ) {
        let frame = data_frame(which, numbers, flag, &data);
        let bytes = encode(&frame);
        prop_assert_eq!(decode(&bytes), Ok(vec![frame]));
    }

    #[test]
    fn stream_headers_are_as_long_as_announced(id in number(), offset in number(), fin: bool, length in prop::option::of(0usize..20_000)) {
        let id = StreamId(id);
        let mut buffer = Vec::new();
        write_stream_header(&mut buffer, id, offset, fin, length);
        prop_assert_eq!(buffer.len(), stream_header_size(id, offset, length));
        buffer.resize(buffer.len() + length.unwrap_or(77), 7);
        let offset_ok = offset <= VARINT_MAX - length.unwrap_or(77) as u64;
        match decode(&buffer) {
            Ok(frames) => prop_assert!(matches!(
                frames.as_slice(),
                [Frame::Stream(stream)] if stream.id == id && stream.offset == offset
                    && stream.fin == fin && stream.data.len() == length.unwrap_or(77)
            )),
            Err(_) => prop_assert!(!offset_ok),
        }
    }

    #[test]
    fn message_headers_are_as_long_as_announced(
        id in number(),
        offset in 0u64..1 << 40,
        slack in prop::option::of(number()),
        reliable: bool,
        length in prop::option::of(0usize..20_000),
    ) {
        let size = offset + 20_000;
        let header = MessageHeader { id, size, reliable, offset, slack, length };
        let mut buffer = Vec::new();
        header.write(&mut buffer);
        prop_assert_eq!(buffer.len(), header.bytes());
        buffer.resize(buffer.len() + length.unwrap_or(77), 7);
        let frames = decode(&buffer).unwrap();
        prop_assert!(matches!(
            frames.as_slice(),
            [Frame::Message(message)] if message.id == id && message.offset == offset
                && message.reliable == reliable && message.size == size
                && message.slack == slack && message.data.len() == length.unwrap_or(77)
        ));
    }

    #[test]
    fn acknowledged_ranges_come_back(
        ranges in prop::collection::vec((0u64..1 << 20, 0u64..100), 1..200),
        delay in number(),
        ecn in prop::option::of((number(), number(), number())),
        ranges_max in 1usize..=64,
    ) {
        let mut received = RangeSet::new();
        for &(start, length) in &ranges {
            received.insert(start..start + length + 1);
        }
        let ecn = ecn.map(|(ect0, ect1, ce)| EcnCounts { ect0, ect1, ce });
        let mut buffer = Vec::new();
        write_ack(&mut buffer, &received, delay, ecn, ranges_max);
        prop_assert!(buffer.len() <= ack_size_max(ranges_max));
        let frames = decode(&buffer).unwrap();
        let [Frame::Ack(ack)] = frames.as_slice() else { panic!("one ACK frame") };
        let expected: Vec<_> = received.iter().rev().take(ranges_max).collect();
        let seen: Vec<_> = ack.ranges().map(|range| *range.start()..*range.end() + 1).collect();
        prop_assert_eq!(seen, expected);
        prop_assert_eq!((ack.delay, ack.ecn), (delay, ecn));
        prop_assert_eq!(encode(&frames[0]), buffer);
    }

    #[test]
    fn junk_neither_panics_nor_changes_when_written_again(payload in prop::collection::vec(any::<u8>(), 0..100)) {
        let frames: Vec<_> = Frames::new(&payload).map_while(Result::ok).collect();
        let again: Vec<u8> = frames.iter().flat_map(encode).collect();
        prop_assert_eq!(decode(&again).unwrap(), frames);
    }
}

#[test]
fn only_the_newest_ranges_of_a_long_ack_are_kept() {
    let mut values = vec![kind::ACK, 10_000, 0, 200, 0];
    values.extend([0, 0].repeat(200));
    values.push(kind::PING);
    let payload = fields(&values);
    let frames = decode(&payload).unwrap();
    let [Frame::Ack(ack), Frame::Ping] = frames.as_slice() else {
        panic!("an ACK frame and what follows it: {frames:?}");
    };
    let ranges: Vec<_> = ack.ranges().collect();
    assert_eq!(ranges.len(), 65);
    assert_eq!(ranges[0], 10_000..=10_000);
    assert_eq!(ranges[64], 9_872..=9_872);
}

#[test]
fn an_empty_set_writes_no_ack() {
    let mut buffer = Vec::new();
    write_ack(&mut buffer, &RangeSet::new(), 0, None, 32);
    assert!(buffer.is_empty());
}

/// A NEW_CONNECTION_ID frame with a zero id of `length` bytes and a zero reset token.
fn new_connection_id(retire_prior_to: u64, length: u64) -> Vec<u8> {
    let mut payload = fields(&[kind::NEW_CONNECTION_ID, 3, retire_prior_to, length]);
    payload.resize(payload.len() + length as usize + 16, 0);
    payload
}

#[test]
fn malformed_frames_are_refused() {
    let malformed = [
        ("reserved for later", fields(&[0x50])),
        ("unknown", fields(&[0x20])),
        ("long form", vec![0x40, 0x01]),
        ("first range", fields(&[kind::ACK, 5, 0, 0, 6])),
        ("gap", fields(&[kind::ACK, 5, 0, 1, 0, 4, 0])),
        ("range", fields(&[kind::ACK, 5, 0, 1, 0, 1, 3])),
        ("no ranges", fields(&[kind::ACK, 5, 0, VARINT_MAX, 0, 0, 0])),
        ("no counts", fields(&[kind::ACK_ECN, 5, 0, 0, 0, 1, 1])),
        ("stream", fields(&[kind::STREAM | 6, 0, VARINT_MAX, 1, 0])),
        ("crypto", fields(&[kind::CRYPTO, VARINT_MAX, 1, 0])),
        (
            "message",
            fields(&[kind::MESSAGE | 3, 0, 3, VARINT_MAX, 1, 0]),
        ),
        (
            "deadline message",
            fields(&[kind::DEADLINE_MESSAGE | 3, 0, 3, VARINT_MAX, 5, 1, 0]),
        ),
        ("empty token", fields(&[kind::NEW_TOKEN, 0])),
        ("streams", fields(&[kind::MAX_STREAMS_BIDI, (1 << 60) + 1])),
        ("blocked", fields(&[kind::STREAMS_BLOCKED_UNI, VARINT_MAX])),
        ("retires itself", new_connection_id(4, 8)),
        ("empty id", new_connection_id(0, 0)),
        ("long id", new_connection_id(0, 21)),
    ];
    for (name, payload) in malformed {
        let mut frames = Frames::new(&payload);
        let error = frames.next().unwrap().expect_err(name);
        assert_eq!(frames.next(), None, "{name}: nothing follows an error");
        let frame_type = Some(error.frame_type);
        let error = TransportError::from(error);
        assert_eq!(
            error.code,
            TransportErrorCode::FRAME_ENCODING_ERROR,
            "{name}"
        );
        assert_eq!(error.frame_type, frame_type, "{name}");
    }
}

#[test]
fn packets_carry_what_table_3_allows() {
    let allowed = |payload: &[u8]| {
        let frame = &decode(payload).unwrap()[0];
        [
            PacketKind::Initial,
            PacketKind::ZeroRtt,
            PacketKind::Handshake,
            PacketKind::Short,
        ]
        .map(|packet| packet.permits(frame))
    };
    assert_eq!(allowed(&fields(&[kind::PING])), [true; 4]);
    assert_eq!(
        allowed(&fields(&[kind::ACK, 1, 0, 0, 0])),
        [true, false, true, true]
    );
    assert_eq!(
        allowed(&fields(&[kind::CRYPTO, 0, 0])),
        [true, false, true, true]
    );
    assert_eq!(
        allowed(&fields(&[kind::STREAM, 0])),
        [false, true, false, true]
    );
    assert_eq!(
        allowed(&fields(&[kind::MESSAGE, 0, 0])),
        [false, true, false, true]
    );
    assert_eq!(
        allowed(&fields(&[kind::DEADLINE_MESSAGE, 0, 0, 0])),
        [false, true, false, true]
    );
    assert_eq!(
        allowed(&fields(&[kind::TIMESTAMP, 0, 0])),
        [false, true, false, true]
    );
    assert_eq!(
        allowed(&fields(&[kind::CLOSE_TRANSPORT, 0, 0, 0])),
        [true; 4]
    );
    assert_eq!(
        allowed(&fields(&[kind::CLOSE_APPLICATION, 0, 0])),
        [false, true, false, true]
    );
    assert_eq!(
        allowed(&fields(&[kind::HANDSHAKE_DONE])),
        [false, false, false, true]
    );
}
