//! A client comes back: without a full handshake, and with data in its first flight.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rustls::time_provider::DefaultTimeProvider;

use super::pair::{Identity, Pair, Verdict};
use super::transfer::{read, write};
use crate::config::{ClientConfig, TransportConfig};
use crate::connection::Event;
use crate::stream::{Direction, Side};

fn early() -> TransportConfig {
    TransportConfig::default().with_early_data(true)
}

/// A client and a server that have met, with no connection between them at present.
fn acquainted(server: TransportConfig) -> (Pair, ClientConfig) {
    let identity = Identity::new();
    let mut pair = Pair::unconnected(identity.server().with_transport(server));
    let client = identity.client().with_transport(early());
    pair.connect(&client);
    pair.run(Duration::from_secs(1));
    let now = pair.now;
    pair.client.connection().close(now, 0, b"");
    pair.run(Duration::from_secs(5));
    assert!(pair.client.connections.is_empty() && pair.server.connections.is_empty());
    (pair, client)
}

/// Connects again and writes at once; gives what the server has read after `time`.
fn call(pair: &mut Pair, client: &ClientConfig, time: Duration) -> Vec<u8> {
    pair.connect(client);
    let connection = pair.client.connection();
    let stream = connection.open(Direction::Bidirectional).expect("a stream");
    let mut data = Bytes::from_static(b"before the handshake");
    write(connection, stream, &mut data);
    pair.run(time);
    let mut arrived = Vec::new();
    if let Some(connection) = pair.server.connections.values_mut().next()
        && let Some(stream) = connection.accept(Direction::Bidirectional)
    {
        read(connection, stream, &mut arrived);
    }
    arrived
}

#[test]
fn data_of_a_returning_client_arrives_with_its_first_flight() {
    let (mut pair, client) = acquainted(early());
    // One way is 10 ms.
    let arrived = call(&mut pair, &client, Duration::from_millis(11));
    assert_eq!(arrived, b"before the handshake");
    pair.run(Duration::from_secs(1));
    assert_eq!(pair.client.connection().early_data_accepted(), Some(true));
    assert_eq!(pair.server.connection().early_data_accepted(), Some(true));
}

#[test]
fn data_that_a_server_does_not_take_early_arrives_after_the_handshake() {
    let (mut pair, client) = acquainted(early());
    // A server with another memory of tickets, or none.
    let clock = Arc::new(DefaultTimeProvider);
    let server = pair.server.endpoint.server.as_deref().cloned();
    let server = server.map(|server| Arc::new(server.with_time_of_day(clock)));
    pair.server.endpoint.set_server(server);
    assert_eq!(call(&mut pair, &client, Duration::from_millis(11)), b"");
    pair.run(Duration::from_secs(1));
    assert!(
        pair.events(Side::Client)
            .contains(&Event::EarlyDataRejected)
    );
    assert_eq!(pair.client.connection().early_data_accepted(), Some(false));
    let connection = pair.server.connection();
    let stream = connection
        .accept(Direction::Bidirectional)
        .expect("a stream");
    let mut arrived = Vec::new();
    read(connection, stream, &mut arrived);
    assert_eq!(arrived, b"before the handshake");
}

#[test]
fn unreliable_messages_that_a_server_does_not_take_early_are_sent_again() {
    let (mut pair, client) = acquainted(early());
    let clock = Arc::new(DefaultTimeProvider);
    let server = pair.server.endpoint.server.as_deref().cloned();
    let server = server.map(|server| Arc::new(server.with_time_of_day(clock)));
    pair.server.endpoint.set_server(server);
    pair.connect(&client);
    let sent = [Bytes::from_static(b"one"), Bytes::from_static(b"two")];
    for message in &sent {
        let connection = pair.client.connection();
        connection.post(message.clone(), false).expect("room");
    }
    pair.run(Duration::from_millis(300));
    let connection = pair.server.connection();
    let arrived: Vec<_> = std::iter::from_fn(|| connection.take_message()).collect();
    assert_eq!(arrived, sent);
    let now = pair.now;
    let client = pair.client.connection();
    client.shut_down(now, 0, b"");
    assert!(client.is_closed(), "all was delivered");
}

#[test]
fn early_data_fills_the_datagram_of_the_client_hello() {
    let (mut pair, client) = acquainted(early());
    let (sizes, server) = (Rc::<RefCell<Vec<usize>>>::default(), pair.server.address);
    let seen = Rc::clone(&sizes);
    pair.tamper = Box::new(move |_, datagram| {
        if datagram.to == server {
            seen.borrow_mut().push(datagram.bytes.len());
        }
        Verdict::Deliver
    });
    // Less than one way: all that left is the first flight.
    call(&mut pair, &client, Duration::from_millis(9));
    assert_eq!(*sizes.borrow(), [1200]);
    pair.run(Duration::from_millis(2));
    assert!(
        pair.server
            .connection()
            .accept(Direction::Bidirectional)
            .is_some()
    );
}

#[test]
fn a_client_without_resumption_shows_nothing_of_an_earlier_connection() {
    let identity = Identity::new();
    let mut pair = Pair::unconnected(identity.server().with_transport(early()));
    let client = identity
        .client()
        .with_transport(early())
        .without_resumption();
    for _ in 0..2 {
        pair.connect(&client);
        let early = pair.client.connection().open(Direction::Bidirectional);
        assert_eq!(early, None, "no limits are remembered");
        pair.run(Duration::from_secs(1));
        assert!(pair.is_connected());
        let now = pair.now;
        let connection = pair.client.connection();
        assert_eq!(connection.early_data_accepted(), Some(false));
        connection.close(now, 0, b"");
        pair.run(Duration::from_secs(5));
    }
}

#[test]
fn secrets_for_the_application_are_equal_when_the_handshake_is_long_over() {
    let mut pair = Pair::connected();
    let export = |pair: &mut Pair, side| {
        let mut secret = [0; 32];
        let connection = pair.host(side).connection();
        connection
            .export_keying_material(&mut secret, b"label", b"context")
            .expect("a secret");
        secret
    };
    assert_eq!(
        export(&mut pair, Side::Client),
        export(&mut pair, Side::Server)
    );
    assert_eq!(pair.server.connection().server_name(), Some("localhost"));
    let agreed = pair.client.connection().application_protocol();
    assert_eq!(agreed, Some(&b"aetherflow/1"[..]));
}
