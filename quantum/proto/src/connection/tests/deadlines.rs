//! Deadlines and urgency between whole connections.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::pair::{Pair, Verdict};
use super::transfer::pattern;
use crate::config::TransportConfig;
use crate::congestion::{Fixed, SendLimits};
use crate::connection::{Connection, Event};
use crate::message::MessageOptions;
use crate::stream::{Direction, Side, StreamId};
use crate::urgency::Urgency;

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// A client that sends 100 kB in a second, whatever happens.
fn slow() -> Pair {
    let limits = SendLimits {
        window: 1 << 20,
        pacing_rate: Some(100_000),
        quantum: 1,
    };
    let config = TransportConfig::default()
        .with_controller(Arc::new(Fixed(limits)))
        .with_mtu_discovery(false);
    let mut pair = Pair::new(config, TransportConfig::default());
    pair.run(Duration::from_secs(1));
    pair
}

fn within(deadline: Duration) -> MessageOptions {
    MessageOptions::reliable().with_deadline(deadline)
}

fn urgent(number: u8) -> MessageOptions {
    MessageOptions::reliable().with_urgency(Urgency::new(number))
}

fn send(pair: &mut Pair, data: Bytes, options: &MessageOptions) -> u64 {
    let now = pair.now;
    let client = pair.client.connection();
    client.send_message(now, data, options).expect("room")
}

/// A stream of the client's with so many bytes to send.
fn open(pair: &mut Pair, bytes: usize, urgency: Urgency) -> StreamId {
    let client = pair.client.connection();
    let id = client.open(Direction::Unidirectional).expect("a stream");
    client.set_urgency(id, urgency).expect("it is open");
    let mut data = pattern(bytes);
    while client.write_chunk(id, &mut data).is_ok() && !data.is_empty() {}
    assert!(data.is_empty());
    id
}

/// Bytes that the server reads of the client's streams.
fn read_all(server: &mut Connection, ids: &mut Vec<StreamId>) -> usize {
    ids.extend(std::iter::from_fn(|| {
        server.accept(Direction::Unidirectional)
    }));
    let mut sum = 0;
    for id in ids {
        while let Ok(count @ 1..) = server.read(*id, &mut [0; 4096]) {
            sum += count;
        }
    }
    sum
}

#[test]
fn what_cannot_be_sent_expires_at_its_deadline_and_both_ends_learn() {
    let mut pair = slow();
    // A second's worth goes first.
    send(&mut pair, pattern(100_000), &urgent(0));
    pair.run(ms(1));
    let number = send(&mut pair, pattern(1_000), &within(ms(150)));
    pair.run(ms(148));
    assert!(!pair.events(Side::Client).contains(&Event::MessageExpired));
    pair.run(ms(2));
    assert!(pair.events(Side::Client).contains(&Event::MessageExpired));
    let client = pair.client.connection();
    assert_eq!(client.take_expired_message(), Some(number));
    assert_eq!(client.take_expired_message(), None);
    pair.run(ms(100));
    assert!(
        pair.events(Side::Server)
            .contains(&Event::MessagesMissed(1))
    );
    pair.run(Duration::from_secs(2));
    assert_eq!(
        pair.server.connection().take_message(),
        Some(pattern(100_000))
    );
    assert_eq!(pair.server.connection().take_message(), None);
    assert_eq!(pair.client.connection().statistics().messages_expired, 1);
    assert_eq!(pair.server.connection().statistics().messages_withheld, 1);
}

#[test]
fn what_a_growing_delay_makes_late_is_not_delivered() {
    let mut pair = Pair::connected();
    for _ in 0..3 {
        send(&mut pair, pattern(100), &within(ms(100)));
        pair.run(ms(30));
        assert_eq!(pair.server.connection().take_message(), Some(pattern(100)));
    }
    pair.delay = ms(95);
    send(&mut pair, pattern(100), &within(ms(100)));
    pair.run(ms(97));
    let now = pair.now;
    assert_eq!(
        pair.server.connection().receive_message(now),
        Some(pattern(100))
    );
    pair.delay = ms(101);
    send(&mut pair, pattern(100), &within(ms(100)));
    pair.run(ms(300));
    let now = pair.now;
    assert_eq!(pair.server.connection().receive_message(now), None);
    assert_eq!(pair.server.connection().statistics().messages_missed, 1);
    assert_eq!(pair.client.connection().statistics().messages_late, 1);
}

#[test]
fn what_the_application_takes_too_late_is_not_delivered() {
    let mut pair = Pair::connected();
    send(&mut pair, pattern(100), &within(ms(100)));
    send(&mut pair, pattern(200), &MessageOptions::reliable());
    pair.run(ms(102));
    let now = pair.now;
    let server = pair.server.connection();
    assert_eq!(server.receive_message(now), Some(pattern(200)));
    assert_eq!(server.receive_message(now), None);
}

#[test]
fn what_is_lost_is_sent_again_only_while_it_can_come_in_time() {
    for (deadline, arrives) in [(ms(200), true), (ms(25), false)] {
        let mut pair = Pair::connected();
        let mut left = 1;
        let client = pair.client.address;
        pair.tamper = Box::new(move |_, datagram| {
            if datagram.from == client && left > 0 {
                left -= 1;
                return Verdict::Drop;
            }
            Verdict::Deliver
        });
        send(&mut pair, pattern(500), &within(deadline));
        pair.run(ms(120));
        let now = pair.now;
        let taken = pair.server.connection().receive_message(now);
        assert_eq!(taken.is_some(), arrives, "{deadline:?}");
        pair.run(Duration::from_secs(1));
        let (client, server) = (&mut pair.client, &mut pair.server);
        let expired = client.connection().statistics().messages_expired;
        assert_eq!(expired, u64::from(!arrives));
        let missed = server.connection().statistics().messages_missed;
        assert_eq!(missed, u64::from(!arrives));
    }
}

#[test]
fn an_urgent_message_leaves_with_the_next_packet_whatever_bulk_waits() {
    let mut pair = slow();
    open(&mut pair, 200_000, Urgency::LOWEST);
    pair.run(ms(500));
    for _ in 0..10 {
        send(&mut pair, pattern(100), &urgent(1));
        // 12 ms for a packet of 1200 bytes, 10 ms for the path, and what the driver's clock adds.
        pair.run(ms(23));
        assert_eq!(pair.server.connection().take_message(), Some(pattern(100)));
    }
}

#[test]
fn an_urgent_stream_goes_before_less_urgent_messages() {
    let mut pair = slow();
    send(&mut pair, pattern(100_000), &urgent(5));
    pair.run(ms(100));
    open(&mut pair, 10_000, Urgency::new(1));
    pair.run(ms(140));
    let read = read_all(pair.server.connection(), &mut Vec::new());
    assert_eq!(read, 10_000);
    assert_eq!(pair.server.connection().take_message(), None);
    pair.run(Duration::from_secs(2));
    assert!(pair.server.connection().take_message().is_some());
}

#[test]
fn the_least_urgent_gets_a_twentieth_while_others_could_fill_the_link() {
    let mut pair = slow();
    open(&mut pair, 100_000, Urgency::LOWEST);
    let (mut ids, mut bulk) = (Vec::new(), 0);
    let (mut urgent_bytes, mut sent) = (0, 0);
    for _ in 0..400 {
        // Always more than leaves.
        while sent - urgent_bytes < 20_000 {
            send(&mut pair, pattern(1_000), &urgent(0));
            sent += 1_000;
        }
        pair.run(ms(25));
        bulk += read_all(pair.server.connection(), &mut ids);
        while let Some(message) = pair.server.connection().take_message() {
            urgent_bytes += message.len();
        }
    }
    let share = bulk as f64 / (bulk + urgent_bytes) as f64;
    assert!(
        (0.045..0.06).contains(&share),
        "{share}: {bulk} of {urgent_bytes}"
    );
}

#[test]
fn a_stream_takes_another_urgency_while_it_waits() {
    let mut pair = slow();
    let first = open(&mut pair, 50_000, Urgency::DEFAULT);
    let second = open(&mut pair, 50_000, Urgency::LOWEST);
    pair.run(ms(50));
    let client = pair.client.connection();
    client
        .set_urgency(first, Urgency::LOWEST)
        .expect("it is open");
    client
        .set_urgency(second, Urgency::HIGHEST)
        .expect("it is open");
    client.finish(second).expect("it is open");
    pair.run(ms(700));
    assert!(pair.events(Side::Client).contains(&Event::Finished(second)));
    let client = pair.client.connection();
    assert!(client.set_urgency(second, Urgency::DEFAULT).is_err());
}

/// Repairs that a client sends for 500 small messages with this deadline, of which each 40th packet
/// gets lost, 25 ms away from the server.
fn repairs_for(deadline: Duration) -> u64 {
    let mut pair = Pair::new(TransportConfig::default(), TransportConfig::default());
    pair.delay = ms(25);
    pair.run(Duration::from_secs(1));
    let (client, mut count) = (pair.client.address, 0_u64);
    pair.tamper = Box::new(move |_, datagram| {
        let ours = datagram.from == client;
        count += u64::from(ours);
        if ours && count.is_multiple_of(40) {
            Verdict::Drop
        } else {
            Verdict::Deliver
        }
    });
    for _ in 0..500 {
        send(&mut pair, pattern(200), &within(deadline));
        pair.run(ms(10));
        while pair.server.connection().take_message().is_some() {}
    }
    let statistics = pair.client.connection().statistics();
    assert!(statistics.packets_lost >= 10, "{statistics:?}");
    statistics.repairs_sent
}

#[test]
fn what_a_repair_could_not_bring_in_time_is_not_repaired() {
    let (long, short) = (repairs_for(ms(100)), repairs_for(ms(27)));
    assert!(long >= 200, "{long}");
    assert_eq!(short, 0);
}
