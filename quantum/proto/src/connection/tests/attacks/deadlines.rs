//! Deadlines that nobody honest states: times without sense, floods of what is late.

use std::time::Duration;

use super::super::pair::Pair;
use super::super::paths::reaches_server;
use super::{frame, server_verdict};
use crate::error::TransportErrorCode;
use crate::frame::{self, MessageHeader, MessagesExpired, Timestamp};
use crate::stats::Holdings;
use crate::stream::Side;
use crate::wire::VARINT_MAX;

/// TIMESTAMP, in milliseconds.
fn stamp(milliseconds: u64) -> Vec<u8> {
    let time = milliseconds * 10;
    frame(|buffer| frame::write_timestamp(buffer, Timestamp { time, path: 0 }))
}

/// MESSAGE with a deadline, whole.
fn message(id: u64, slack: u64, data: &[u8]) -> Vec<u8> {
    frame(|buffer| {
        let header = MessageHeader {
            id,
            size: data.len() as u64,
            reliable: true,
            offset: 0,
            slack: Some(slack),
            length: Some(data.len()),
        };
        header.write(buffer);
        buffer.extend_from_slice(data);
    })
}

#[test]
fn t10_a_deadline_without_a_time_closes() {
    let code = Some(TransportErrorCode::PROTOCOL_VIOLATION);
    assert_eq!(server_verdict([message(0, 100, b"x")]), code);
    let behind = [message(0, 100, b"x"), stamp(0)].concat();
    assert_eq!(server_verdict([behind]), code);
    let elsewhere = [stamp(0), message(0, 100, b"x")];
    assert_eq!(server_verdict(elsewhere), code);
    let before = [stamp(0), message(0, 100, b"x")].concat();
    assert_eq!(server_verdict([before]), None);
}

#[test]
fn t10_times_without_sense_harm_none_but_their_own_message() {
    let mut pair = Pair::connected();
    let absurd = [0, 1, VARINT_MAX / 2, VARINT_MAX];
    let mut packets = Vec::new();
    for (id, time) in (0..).zip(absurd) {
        for (which, path) in (0..).zip(absurd) {
            let sent = Timestamp { time, path };
            let sent = frame(|buffer| frame::write_timestamp(buffer, sent));
            let slack = absurd[(id + which) % 4];
            packets.push([sent, message(1_000 + (4 * id + which) as u64, slack, b"x")].concat());
        }
    }
    pair.say(Side::Client, packets);
    assert!(pair.server.connection().is_established());
    let totals = MessagesExpired {
        unsent: VARINT_MAX,
        late: VARINT_MAX,
    };
    pair.say(
        Side::Client,
        [frame(|buffer| {
            frame::write_messages_expired(buffer, totals)
        })],
    );
    let statistics = pair.server.connection().statistics();
    assert_eq!(statistics.messages_withheld, VARINT_MAX, "it says so");
    assert_eq!(statistics.messages_late, 0, "none has left");
    while pair.server.connection().take_message().is_some() {}
    assert!(reaches_server(&mut pair));
}

/// What a connection that has nothing to do holds of messages.
fn assert_nothing_is_held(held: &Holdings) {
    assert_eq!(held.messages_incoming, 0);
    assert_eq!(held.message_receive_bytes, 0);
    assert_eq!(held.message_gaps, 0);
}

#[test]
fn t10_a_flood_of_late_messages_costs_neither_memory_nor_more_packets_than_it_has() {
    let mut pair = Pair::connected();
    // The quickest packet seems to have come ten seconds before it was sent.
    pair.say(Side::Client, [stamp(20_000)]);
    let before = pair.server.connection().statistics();
    let (packets, messages) = (2_000, 50);
    for packet in 0..packets {
        let late = (0..messages).map(|at| message(packet * messages + at, 0, b"late"));
        let flood: Vec<u8> = std::iter::once(stamp(0)).chain(late).flatten().collect();
        pair.client.connection().pending.raw.push_back(flood);
        if packet % 100 == 0 {
            pair.run(Duration::from_millis(100));
            assert_nothing_is_held(&pair.server.connection().holdings());
        }
    }
    pair.run(Duration::from_secs(30));
    let server = pair.server.connection();
    assert!(server.is_established());
    assert_nothing_is_held(&server.holdings());
    let after = server.statistics();
    assert_eq!(after.messages_missed, packets * messages);
    let received = after.packets_received - before.packets_received;
    let sent = after.packets_sent - before.packets_sent;
    assert!(
        received >= packets && sent <= received,
        "{sent} for {received}"
    );
    assert_eq!(pair.server.connection().take_message(), None);
}

#[test]
fn t10_late_parts_of_many_messages_are_not_gathered() {
    let mut pair = Pair::connected();
    pair.say(Side::Client, [stamp(20_000)]);
    let part = |id: u64| {
        frame(|buffer| {
            let header = MessageHeader {
                id,
                size: 1 << 20,
                reliable: true,
                offset: 1 << 19,
                slack: Some(0),
                length: Some(1),
            };
            header.write(buffer);
            buffer.push(b'x');
        })
    };
    // More than the credit, if what is late did not give it back.
    for packet in 0..100 {
        pair.say(Side::Client, [[stamp(0), part(packet)].concat()]);
    }
    assert!(pair.server.connection().is_established());
    assert_nothing_is_held(&pair.server.connection().holdings());
}
