//! Data arrives: whole, once, in order, whatever the link does.

use std::time::Duration;

use bytes::Bytes;

use super::pair::{Pair, Verdict};
use crate::connection::{Connection, Event};
use crate::stream::{Direction, ReadError, Side, StreamId, WriteError};

/// Writes as much as is taken.
pub(super) fn write(connection: &mut Connection, id: StreamId, data: &mut Bytes) {
    while !data.is_empty() {
        match connection.write_chunk(id, data) {
            Ok(_) => {}
            Err(WriteError::Blocked) => return,
            Err(error) => panic!("writing: {error}"),
        }
    }
}

/// Reads what there is; says whether the end has come.
pub(super) fn read(connection: &mut Connection, id: StreamId, into: &mut Vec<u8>) -> bool {
    loop {
        match connection.read_chunk(id, usize::MAX) {
            Ok(Some(bytes)) => into.extend_from_slice(&bytes),
            Ok(None) => return true,
            Err(ReadError::Blocked) => return false,
            Err(error) => panic!("reading: {error}"),
        }
    }
}

pub(super) fn pattern(bytes: usize) -> Bytes {
    (0..bytes)
        .map(|at| (at.wrapping_mul(31) ^ (at >> 8)) as u8)
        .collect()
}

/// Sends `bytes` from the client to the server and gives what arrived.
fn transfer(pair: &mut Pair, bytes: usize) -> Vec<u8> {
    let mut data = pattern(bytes);
    let id = pair
        .client
        .connection()
        .open(Direction::Bidirectional)
        .expect("a stream");
    let mut received = Vec::new();
    let mut finished = false;
    for _ in 0..10_000 {
        write(pair.client.connection(), id, &mut data);
        if data.is_empty() && !finished {
            pair.client.connection().finish(id).expect("an open stream");
            finished = true;
        }
        pair.run(Duration::from_millis(5));
        pair.server.connection().accept(Direction::Bidirectional);
        if pair.server.connection().is_closed() {
            panic!("closed: {:?}", pair.events(Side::Server));
        }
        if (!received.is_empty() || pair.server.events.contains(&Event::Readable(id)))
            && read(pair.server.connection(), id, &mut received)
        {
            return received;
        }
    }
    panic!("{} of {bytes} bytes arrived", received.len());
}

#[test]
fn a_stream_arrives_whole() {
    let mut pair = Pair::connected();
    assert_eq!(transfer(&mut pair, 3_000_000), pattern(3_000_000));
    let statistics = pair.client.connection().statistics();
    assert_eq!(
        statistics.packets_lost, 0,
        "nothing was lost on a perfect link"
    );
    assert_eq!(statistics.bytes_retransmitted, 0);
    assert_eq!(statistics.packets_retransmitted, 0);
}

/// Drops the client's datagrams with these numbers, counted from here.
fn drop_from_client(pair: &mut Pair, doomed: std::ops::Range<u64>) {
    let (client, mut count) = (pair.client.address, 0u64);
    pair.tamper = Box::new(move |_, datagram| {
        let from_client = datagram.from == client;
        count += u64::from(from_client);
        if from_client && doomed.contains(&(count - 1)) {
            Verdict::Drop
        } else {
            Verdict::Deliver
        }
    });
}

#[test]
fn what_is_sent_again_is_counted() {
    let mut pair = Pair::connected();
    pair.run(Duration::from_secs(1));
    drop_from_client(&mut pair, 1..3);
    assert_eq!(transfer(&mut pair, 10_000), pattern(10_000));
    let statistics = pair.client.connection().statistics();
    assert_eq!(statistics.packets_lost, 2);
    assert_eq!(statistics.packets_retransmitted, 2);
    // Two datagrams' worth of stream, less their headers and tags.
    let lost = statistics.bytes_lost;
    let again = statistics.bytes_retransmitted;
    assert!(
        again < lost && again + 100 > lost,
        "{again} of {lost} bytes"
    );
}

#[test]
fn a_message_that_only_a_probe_repairs_counts_as_sent_again() {
    let mut pair = Pair::connected();
    pair.run(Duration::from_secs(1));
    drop_from_client(&mut pair, 0..1);
    let message = pattern(100);
    let client = pair.client.connection();
    client.post(message.clone(), true).expect("room");
    pair.run(Duration::from_secs(3));
    assert_eq!(pair.server.connection().take_message(), Some(message));
    let statistics = pair.client.connection().statistics();
    assert_eq!(statistics.probe_timeouts, 1);
    assert_eq!(statistics.packets_retransmitted, 1);
    assert_eq!(statistics.bytes_retransmitted, 100);
}

#[test]
fn an_unreliable_message_is_lost_without_being_sent_again() {
    let mut pair = Pair::connected();
    pair.run(Duration::from_secs(1));
    drop_from_client(&mut pair, 0..1);
    let client = pair.client.connection();
    client.post(pattern(100), false).expect("room");
    client.post(pattern(3_000), false).expect("room");
    pair.run(Duration::from_secs(3));
    assert!(pair.client.connection().statistics().packets_lost > 0);
    assert_eq!(pair.client.connection().statistics().bytes_retransmitted, 0);
}

#[test]
fn a_stream_arrives_whole_through_loss() {
    let mut pair = Pair::connected();
    let mut count = 0u64;
    pair.tamper = Box::new(move |_, _| {
        count += 1;
        if count.is_multiple_of(13) {
            Verdict::Drop
        } else {
            Verdict::Deliver
        }
    });
    assert_eq!(transfer(&mut pair, 500_000), pattern(500_000));
    assert!(pair.client.connection().statistics().packets_lost > 0);
}

#[test]
fn a_stream_arrives_whole_through_duplication() {
    let mut pair = Pair::connected();
    pair.tamper =
        Box::new(|_, datagram| Verdict::Replace(vec![datagram.clone(), datagram.clone()]));
    assert_eq!(transfer(&mut pair, 200_000), pattern(200_000));
    assert!(pair.server.connection().statistics().packets_duplicate > 0);
}

#[test]
fn messages_arrive_both_ways() {
    let mut pair = Pair::connected();
    for (side, reliable) in [
        (Side::Client, true),
        (Side::Client, false),
        (Side::Server, true),
    ] {
        for bytes in [0, 1, 1000, 5000, 1 << 20] {
            let data = pattern(bytes);
            pair.host(side)
                .connection()
                .post(data, reliable)
                .expect("room");
            pair.run(Duration::from_secs(3));
            let other = if side == Side::Client {
                Side::Server
            } else {
                Side::Client
            };
            let got = pair.host(other).connection().take_message();
            assert_eq!(
                got.map(|got| got.len()),
                Some(bytes),
                "{side:?} reliable {reliable}"
            );
        }
    }
}

#[test]
fn reliable_messages_survive_loss_and_unreliable_ones_arrive_whole_or_not_at_all() {
    let mut pair = Pair::connected();
    let mut count = 0u64;
    pair.tamper = Box::new(move |_, _| {
        count += 1;
        if count.is_multiple_of(7) {
            Verdict::Drop
        } else {
            Verdict::Deliver
        }
    });
    for round in 0..100 {
        let data = Bytes::from(vec![round as u8; 4000]);
        pair.client
            .connection()
            .post(data.clone(), true)
            .expect("room");
        pair.client.connection().post(data, false).expect("room");
        pair.run(Duration::from_millis(20));
    }
    pair.run(Duration::from_secs(5));
    let mut arrived = [0; 100];
    while let Some(message) = pair.server.connection().take_message() {
        assert!(message.len() == 4000 && message.iter().all(|byte| *byte == message[0]));
        arrived[usize::from(message[0])] += 1;
    }
    assert!(
        arrived.iter().all(|count| (1..=2).contains(count)),
        "{arrived:?}"
    );
    assert!(arrived.contains(&1), "some unreliable message was lost");
}

#[test]
fn an_idle_connection_sends_nothing() {
    let mut pair = Pair::connected();
    pair.run(Duration::from_secs(5));
    let before = pair.client.sent_bytes + pair.server.sent_bytes;
    pair.run(Duration::from_secs(10));
    assert_eq!(pair.client.sent_bytes + pair.server.sent_bytes, before);
}
