//! Ends: abrupt, graceful, silent.

use std::time::Duration;

use super::pair::{Pair, Verdict};
use super::transfer::{pattern, read, write};
use crate::config::TransportConfig;
use crate::connection::Event;
use crate::error::ConnectionError;
use crate::stream::{Direction, Side};

#[test]
fn a_close_reaches_the_peer_with_its_reason() {
    let mut pair = Pair::connected();
    let now = pair.now;
    pair.client.connection().close(now, 7, b"done");
    pair.run(Duration::from_millis(100));
    let expected = ConnectionError::ClosedByApplication {
        code: 7,
        reason: b"done".to_vec(),
    };
    assert!(pair.events(Side::Server).contains(&Event::Closed(expected)));
    assert!(
        pair.events(Side::Client)
            .contains(&Event::Closed(ConnectionError::LocallyClosed))
    );
    pair.run(Duration::from_secs(10));
    assert!(pair.client.connections.is_empty() && pair.server.connections.is_empty());
}

#[test]
fn a_graceful_close_delivers_what_was_accepted() {
    let mut pair = Pair::connected();
    let mut count = 0u64;
    pair.tamper = Box::new(move |_, _| {
        count += 1;
        if count.is_multiple_of(9) {
            Verdict::Drop
        } else {
            Verdict::Deliver
        }
    });
    let client = pair.client.connection();
    let id = client.open(Direction::Unidirectional).expect("a stream");
    let mut data = pattern(300_000);
    write(client, id, &mut data);
    assert!(data.is_empty(), "all of it is accepted");
    client.finish(id).expect("an open stream");
    client.post(pattern(10_000), true).expect("room");
    let now = pair.now;
    pair.client.connection().shut_down(now, 1, b"bye");
    assert!(
        pair.client
            .connection()
            .open(Direction::Bidirectional)
            .is_none()
    );
    pair.run(Duration::from_secs(20));
    let events = pair.events(Side::Server);
    let expected = ConnectionError::ClosedByApplication {
        code: 1,
        reason: b"bye".to_vec(),
    };
    assert!(events.contains(&Event::Closed(expected)), "{events:?}");
}

#[test]
fn what_arrived_before_the_close_can_be_read_after_it() {
    let mut pair = Pair::connected();
    let client = pair.client.connection();
    let id = client.open(Direction::Unidirectional).expect("a stream");
    write(client, id, &mut pattern(5_000));
    client.finish(id).expect("an open stream");
    pair.run(Duration::from_millis(100));
    let now = pair.now;
    pair.client.connection().close(now, 0, b"");
    pair.run(Duration::from_millis(50));
    let server = pair.server.connection();
    assert!(server.is_closed());
    assert_eq!(server.accept(Direction::Unidirectional), Some(id));
    let mut received = Vec::new();
    assert!(read(server, id, &mut received));
    assert_eq!(received, pattern(5_000));
}

#[test]
fn silence_ends_a_connection_after_the_idle_timeout() {
    let config = TransportConfig::default().with_idle_timeout(Some(Duration::from_secs(5)));
    let mut pair = Pair::new(config.clone(), config);
    pair.run(Duration::from_secs(1));
    pair.tamper = Box::new(|_, _| Verdict::Drop);
    pair.run(Duration::from_secs(3));
    assert!(pair.client.connection().is_established());
    pair.run(Duration::from_secs(3));
    assert!(
        pair.events(Side::Client)
            .contains(&Event::Closed(ConnectionError::TimedOut))
    );
    assert!(
        pair.events(Side::Server)
            .contains(&Event::Closed(ConnectionError::TimedOut))
    );
}

#[test]
fn a_peer_that_answers_late_does_not_keep_what_is_left_of_a_connection() {
    let mut pair = Pair::connected();
    pair.delay = Duration::from_secs(10);
    pair.client.connection().ping();
    pair.run(Duration::from_secs(25));
    assert!(pair.client.connection().statistics().rtt_latest >= Duration::from_secs(20));
    let now = pair.now;
    pair.client.connection().close(now, 0, b"");
    pair.run(Duration::from_secs(31));
    assert!(pair.client.connections.is_empty());
}

#[test]
fn keep_alive_keeps_a_silent_connection() {
    let config = TransportConfig::default()
        .with_idle_timeout(Some(Duration::from_secs(5)))
        .with_keep_alive(Some(Duration::from_secs(2)));
    let mut pair = Pair::new(config, TransportConfig::default());
    pair.run(Duration::from_secs(60));
    assert!(pair.client.connection().is_established());
    assert!(pair.server.connection().is_established());
}

#[test]
fn a_handshake_that_nobody_answers_times_out() {
    let mut pair = Pair::new(TransportConfig::default(), TransportConfig::default());
    pair.tamper = Box::new(|_, _| Verdict::Drop);
    pair.run(Duration::from_secs(60));
    let error = ConnectionError::HandshakeTimedOut;
    assert!(pair.events(Side::Client).contains(&Event::Closed(error)));
    assert!(pair.server.connections.is_empty());
}
