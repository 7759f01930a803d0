//! Forward error correction between two ends.

use std::time::Duration;

use bytes::Bytes;

use super::pair::{Pair, Verdict};
use crate::config::TransportConfig;
use crate::connection::Event;
use crate::stats::Statistics;
use crate::stream::Side;
use crate::time::Instant;

/// A message of `bytes` each `interval`; the link loses each `nth` datagram of the client's (0:
/// none). Gives how long each message took, and what both ends counted.
fn converse(
    config: TransportConfig,
    bytes: usize,
    interval: Duration,
    nth: u64,
) -> (Vec<Duration>, Statistics, Statistics) {
    let mut pair = Pair::new(config.clone(), config);
    pair.delay = Duration::from_millis(25);
    while !pair.is_connected() {
        pair.run(Duration::from_millis(10));
    }
    pair.run(Duration::from_secs(1));
    let (client, mut count) = (pair.client.address, 0_u64);
    pair.tamper = Box::new(move |_, datagram| {
        let ours = datagram.from == client;
        count += u64::from(ours);
        if ours && nth > 0 && count.is_multiple_of(nth) {
            Verdict::Drop
        } else {
            Verdict::Deliver
        }
    });
    let mut sent_at: Vec<Instant> = Vec::new();
    let mut took = Vec::new();
    for index in 0..600_u16 {
        let mut message = vec![0; bytes];
        message[..2].copy_from_slice(&index.to_be_bytes());
        pair.client
            .connection()
            .post(Bytes::from(message), true)
            .expect("room");
        sent_at.push(pair.now);
        pair.drain();
        let next = pair.now + interval;
        while pair.now < next {
            pair.run(Duration::from_millis(1));
            take(&mut pair, &sent_at, &mut took);
        }
    }
    for _ in 0..1_000 {
        pair.run(Duration::from_millis(1));
        take(&mut pair, &sent_at, &mut took);
    }
    assert!(
        !pair
            .events(Side::Server)
            .iter()
            .any(|event| matches!(event, Event::Closed(_)))
    );
    let client = pair.client.connection().statistics();
    (took, client, pair.server.connection().statistics())
}

fn take(pair: &mut Pair, sent_at: &[Instant], took: &mut Vec<Duration>) {
    let now = pair.now;
    while let Some(message) = pair.server.connection().take_message() {
        let index = u16::from_be_bytes([message[0], message[1]]);
        took.push(now.since(sent_at[usize::from(index)]));
    }
}

#[test]
fn a_lost_message_comes_back_before_it_could_be_sent_again() {
    for (bytes, interval) in [(200, 10), (1_000, 4)] {
        let interval = Duration::from_millis(interval);
        let config = TransportConfig::default();
        let (mut took, client, server) = converse(config, bytes, interval, 40);
        assert_eq!(took.len(), 600);
        took.sort_unstable();
        // To be sent again takes three ways and the time until it is missed. The first loss is what
        // repairs begin with.
        let again = 3 * Duration::from_millis(25);
        let slow = took.iter().filter(|took| **took > again);
        assert!(slow.count() <= 1, "{:?}", &took[580..]);
        assert!(server.packets_recovered >= 10, "{server:?}");
        assert_eq!(client.packets_spuriously_lost, 0);
        let lost = client.packets_lost;
        assert!(
            lost >= server.packets_recovered,
            "a packet that is rebuilt stays lost"
        );
    }
}

#[test]
fn a_path_without_losses_carries_no_repairs() {
    let interval = Duration::from_millis(10);
    let (with, client, server) = converse(TransportConfig::default(), 200, interval, 0);
    assert_eq!((client.repairs_sent, server.packets_recovered), (0, 0));
    let off = TransportConfig::default().with_forward_error_correction(false);
    let (without, bare, _) = converse(off, 200, interval, 0);
    assert_eq!(with, without);
    assert_eq!(client.bytes_sent, bare.bytes_sent);
}

#[test]
fn who_wants_no_repairs_gets_none() {
    let off = TransportConfig::default().with_forward_error_correction(false);
    let (took, client, server) = converse(off, 200, Duration::from_millis(10), 40);
    assert_eq!(took.len(), 600);
    assert_eq!((client.repairs_sent, server.packets_recovered), (0, 0));
}
