//! Frames that ask for more than is due: memory, work, ids, answers.

use std::time::Duration;

use super::super::pair::{Pair, Verdict};
use super::super::paths::{reaches_client, reaches_server};
use super::super::transfer::pattern;
use super::{client_verdict, frame, server_verdict};
use crate::config::TransportConfig;
use crate::connection_id::{ConnectionId, ResetToken};
use crate::error::TransportErrorCode;
use crate::frame::{self, MessageHeader, NewConnectionId};
use crate::stream::{Direction, Side, StreamId};

/// STREAM with these bytes, on the client's stream `index`.
fn stream(index: u64, offset: u64, data: &[u8], fin: bool) -> Vec<u8> {
    let id = StreamId::new(Side::Client, Direction::Unidirectional, index);
    frame(|buffer| {
        frame::write_stream_header(buffer, id, offset, fin, Some(data.len()));
        buffer.extend_from_slice(data);
    })
}

#[test]
fn t09_a_stream_of_holes_closes_and_costs_little() {
    let mut pair = Pair::connected();
    let holes = (0..256).map(|hole| stream(0, 2 * hole + 1, b"x", false));
    let packets: Vec<Vec<u8>> = holes.collect();
    pair.say(Side::Client, packets.chunks(100).map(<[_]>::concat));
    assert!(
        pair.server.connection().is_established(),
        "256 gaps are borne"
    );
    pair.say(Side::Client, [stream(0, 1_000, b"x", false)]);
    let code = TransportErrorCode::PROTOCOL_VIOLATION;
    assert_eq!(pair.verdict(Side::Server), Some(code));
}

#[test]
fn t09_handshake_bytes_in_holes_or_far_ahead_close() {
    let crypto = |offset: u64, length: usize| {
        frame(|buffer| {
            frame::write_crypto_header(buffer, offset, length);
            buffer.resize(buffer.len() + length, 0);
        })
    };
    let far = TransportErrorCode::CRYPTO_BUFFER_EXCEEDED;
    assert_eq!(client_verdict([crypto(1 << 20, 10)]), Some(far));
    assert_eq!(client_verdict([crypto((1 << 62) - 100, 10)]), Some(far));
    let holes: Vec<u8> = (0..100)
        .flat_map(|hole| crypto(10_000 + 2 * hole, 1))
        .collect();
    let more: Vec<u8> = (100..200)
        .flat_map(|hole| crypto(10_000 + 2 * hole, 1))
        .collect();
    let most: Vec<u8> = (200..300)
        .flat_map(|hole| crypto(10_000 + 2 * hole, 1))
        .collect();
    let code = client_verdict([holes, more, most]);
    assert_eq!(code, Some(TransportErrorCode::PROTOCOL_VIOLATION));
}

#[test]
fn t10_more_streams_than_allowed_close() {
    let code = server_verdict([stream(128, 0, b"x", false)]);
    assert_eq!(code, Some(TransportErrorCode::STREAM_LIMIT_ERROR));
    let code = server_verdict([stream(1 << 59, 0, b"x", false)]);
    assert_eq!(code, Some(TransportErrorCode::STREAM_LIMIT_ERROR));
}

#[test]
fn t10_more_bytes_than_allowed_close() {
    let code = Some(TransportErrorCode::FLOW_CONTROL_ERROR);
    assert_eq!(server_verdict([stream(0, 8 << 20, b"x", false)]), code);
    let across: Vec<Vec<u8>> = (0..3)
        .map(|at| stream(at, (6 << 20) - 1, b"x", false))
        .collect();
    assert_eq!(server_verdict(across), code, "each is within its own limit");
}

#[test]
fn t10_streams_that_nobody_reads_cost_what_was_allowed_and_no_more() {
    let config = TransportConfig::default().with_receive_window(64 << 10);
    let mut pair = Pair::new(TransportConfig::default(), config);
    pair.run(Duration::from_secs(1));
    let client = pair.client.connection();
    for _ in 0..128 {
        let id = client.open(Direction::Unidirectional).expect("a stream");
        client.write(id, &pattern(10_000)).expect("room");
    }
    assert!(client.open(Direction::Unidirectional).is_none());
    pair.run(Duration::from_secs(5));
    assert!(pair.server.connection().is_established());
    let sent = pair.client.connection().statistics().bytes_sent;
    assert!(sent < 200_000, "{sent} bytes for a window of 65536");
}

#[test]
fn t10_a_stream_that_changes_its_size_closes() {
    let code = Some(TransportErrorCode::FINAL_SIZE_ERROR);
    let longer = [stream(0, 0, b"abc", true), stream(0, 3, b"d", false)];
    assert_eq!(server_verdict(longer), code);
    let shorter = [stream(0, 0, b"abc", false), stream(0, 0, b"ab", true)];
    assert_eq!(server_verdict(shorter), code);
}

#[test]
fn t10_frames_for_streams_that_do_not_permit_them_close() {
    let code = Some(TransportErrorCode::STREAM_STATE_ERROR);
    let servers = StreamId::new(Side::Server, Direction::Unidirectional, 0);
    let clients = StreamId::new(Side::Client, Direction::Unidirectional, 0);
    let unopened = StreamId::new(Side::Server, Direction::Bidirectional, 0);
    for bad in [
        frame(|buffer| frame::write_stream_header(buffer, servers, 0, false, Some(0))),
        frame(|buffer| frame::write_reset_stream(buffer, servers, 0, 0)),
        frame(|buffer| frame::write_stop_sending(buffer, clients, 0)),
        frame(|buffer| frame::write_max_stream_data(buffer, clients, 9)),
        frame(|buffer| frame::write_stream_data_blocked(buffer, servers, 9)),
        frame(|buffer| frame::write_stream_header(buffer, unopened, 0, false, Some(0))),
    ] {
        assert_eq!(server_verdict([bad.clone()]), code, "{bad:?}");
    }
}

/// MESSAGE with one byte at `offset` of `size`.
fn message(id: u64, size: u64, offset: u64) -> Vec<u8> {
    frame(|buffer| {
        let header = MessageHeader {
            id,
            size,
            reliable: true,
            offset,
            slack: None,
            length: Some(1),
        };
        header.write(buffer);
        buffer.push(b'x');
    })
}

#[test]
fn t10_messages_beyond_the_credit_or_the_size_close() {
    let huge = server_verdict([message(0, 1 << 40, 0)]);
    assert!(huge.is_some());
    let many = (0..5).map(|id| message(id, 1 << 20, 0));
    assert_eq!(
        server_verdict(many),
        Some(TransportErrorCode::FLOW_CONTROL_ERROR)
    );
    let changed = [message(0, 10, 0), message(0, 11, 1)];
    assert_eq!(
        server_verdict(changed),
        Some(TransportErrorCode::FINAL_SIZE_ERROR)
    );
    let beyond = server_verdict([message(0, 10, 10)]);
    assert_eq!(beyond, Some(TransportErrorCode::FINAL_SIZE_ERROR));
}

fn new_id(sequence: u64, retire_prior_to: u64) -> Vec<u8> {
    let id = [&[0xee; 8][..], &sequence.to_be_bytes()].concat();
    let new = NewConnectionId {
        sequence,
        retire_prior_to,
        id: ConnectionId::new(&id).expect("16 bytes"),
        reset_token: ResetToken([sequence as u8; 16]),
    };
    frame(|buffer| frame::write_new_connection_id(buffer, &new))
}

#[test]
fn t11_a_flood_of_new_ids_closes() {
    let code = Some(TransportErrorCode::CONNECTION_ID_LIMIT_ERROR);
    assert_eq!(server_verdict((10..20).map(|at| new_id(at, 0))), code);
    assert_eq!(client_verdict((10..20).map(|at| new_id(at, 0))), code);
}

#[test]
fn t11_retirements_that_are_never_acknowledged_close() {
    let mut pair = Pair::connected();
    // Whoever collapses the victim's window keeps it from telling what it retired.
    let server = pair.server.address;
    pair.tamper = Box::new(move |_, datagram| {
        if datagram.from == server {
            Verdict::Drop
        } else {
            Verdict::Deliver
        }
    });
    pair.say(Side::Client, (10..100).map(|at| new_id(at, at)));
    let code = TransportErrorCode::CONNECTION_ID_LIMIT_ERROR;
    assert_eq!(pair.verdict(Side::Server), Some(code));
}

#[test]
fn t11_ids_that_contradict_each_other_close() {
    let code = Some(TransportErrorCode::PROTOCOL_VIOLATION);
    let mut other = new_id(10, 0);
    let at = other.len() - 1;
    other[at] ^= 1;
    assert_eq!(server_verdict([new_id(10, 0), other]), code);
    let retire = |sequence| frame(|buffer| frame::write_retire_connection_id(buffer, sequence));
    assert_eq!(server_verdict([retire(1_000)]), code, "it does not exist");
    assert_eq!(server_verdict([retire(0)]), code, "it is in use");
}

#[test]
fn t11_ids_that_are_retired_again_and_again_cost_nothing_that_grows() {
    let mut pair = Pair::connected();
    for _ in 0..500 {
        let client = pair.client.connection();
        client.remote_ids.rotate().expect("few are retired at once");
        pair.run(Duration::from_millis(25));
    }
    let server = pair.server.connection();
    assert!(server.is_established());
    let (active, ever) = server.local_ids.counts();
    assert!(active <= 3 && ever > 200, "{active} of {ever} ids");
    assert!(reaches_client(&mut pair));
}

#[test]
fn t12_a_flood_of_challenges_gets_the_newest_few_answered() {
    let mut pair = Pair::connected();
    let challenge = |at: u64| frame(|buffer| frame::write_path_challenge(buffer, at.to_be_bytes()));
    let before = pair.server.connection().statistics().packets_sent;
    for packet in 0..1_000 {
        let many: Vec<u8> = (0..100)
            .flat_map(|at| challenge(100 * packet + at))
            .collect();
        pair.client.connection().pending.raw.push_back(many);
    }
    for _ in 0..100 {
        pair.run(Duration::from_millis(50));
        assert!(pair.server.connection().path_responses.count() <= 4);
    }
    let answers = pair.server.connection().statistics().packets_sent - before;
    assert!(answers <= 2_000, "{answers} packets for 1,000");
    assert!(reaches_server(&mut pair) && reaches_client(&mut pair));
}

#[test]
fn frames_that_the_other_side_must_not_send_close() {
    let code = Some(TransportErrorCode::PROTOCOL_VIOLATION);
    assert_eq!(server_verdict([frame(frame::write_handshake_done)]), code);
    let token = frame(|buffer| frame::write_new_token(buffer, b"token"));
    assert_eq!(server_verdict([token]), code);
}

#[test]
fn frames_of_unknown_types_close_and_grease_does_not() {
    let code = Some(TransportErrorCode::FRAME_ENCODING_ERROR);
    for unknown in [&[0x20][..], &[0x40, 0x50], &[0x40, 0x4d], &[0x7f, 0xff]] {
        assert_eq!(server_verdict([unknown.to_vec()]), code, "{unknown:?}");
    }
    assert_eq!(server_verdict([frame(frame::write_grease)]), None);
}
