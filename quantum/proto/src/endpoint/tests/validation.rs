//! Proof of address, over whole handshakes.

use std::time::Duration;

use crate::config::{AddressValidation, ServerConfig};
use crate::connection::tests::pair::{Identity, Pair, Verdict};
use crate::stream::Side;

fn retrying(identity: &Identity) -> ServerConfig {
    identity
        .server()
        .with_address_validation(AddressValidation::Always)
}

fn round_trips_to_connect(pair: &mut Pair) -> u32 {
    for round_trips in 1..10 {
        pair.run(Duration::from_millis(20));
        if pair
            .client
            .connections
            .values()
            .any(|connection| connection.is_established())
        {
            return round_trips;
        }
    }
    panic!("no connection");
}

#[test]
fn a_client_proves_its_address_before_anything_is_remembered() {
    let identity = Identity::new();
    let mut pair = Pair::unconnected(retrying(&identity));
    pair.connect(&identity.client());
    pair.run(Duration::from_millis(15));
    assert_eq!(pair.server.endpoint.connections(), 0);
    assert!(pair.server.sent_bytes > 0 && pair.server.sent_bytes < pair.server.received_bytes);
    pair.run(Duration::from_secs(1));
    assert!(pair.client.connection().is_established());
    assert!(pair.server.connection().is_established());
}

#[test]
fn a_client_that_was_here_before_is_let_in_at_once() {
    let identity = Identity::new();
    let mut pair = Pair::unconnected(retrying(&identity));
    let config = identity.client();
    pair.connect(&config);
    let first = round_trips_to_connect(&mut pair);
    pair.run(Duration::from_secs(1));
    let now = pair.now;
    pair.client.connection().close(now, 0, b"");
    pair.run(Duration::from_secs(5));
    assert!(pair.client.connections.is_empty() && pair.server.connections.is_empty());
    pair.connect(&config);
    assert_eq!(round_trips_to_connect(&mut pair) + 1, first);
}

#[test]
fn a_forged_retry_changes_nothing() {
    let identity = Identity::new();
    let mut pair = Pair::unconnected(retrying(&identity));
    // Every answer of the server is damaged once, then comes as it is.
    pair.tamper = Box::new(|_, datagram| {
        if datagram.from.port() != 443 {
            return Verdict::Deliver;
        }
        let mut forged = datagram.clone();
        if let Some(byte) = forged.bytes.get_mut(30) {
            *byte ^= 1;
        }
        Verdict::Replace(vec![forged, datagram.clone()])
    });
    pair.connect(&identity.client());
    pair.run(Duration::from_secs(2));
    assert!(pair.client.connection().is_established());
}

#[test]
fn t01_nobody_is_sent_more_than_three_times_what_came_from_his_address() {
    let identity = Identity::new();
    let mut pair = Pair::unconnected(identity.server());
    pair.connect(&identity.client());
    // The client's address is made up: it hears nothing, and says nothing after its first flight.
    let mut first = true;
    pair.tamper = Box::new(move |_, datagram| {
        if datagram.from.port() == 443 || !std::mem::take(&mut first) {
            Verdict::Drop
        } else {
            Verdict::Deliver
        }
    });
    pair.run(Duration::from_secs(30));
    let server = pair.host(Side::Server);
    assert!(server.sent_bytes > 0 && server.sent_bytes <= 3 * server.received_bytes);
    assert_eq!(server.endpoint.connections(), 0, "forgotten in the end");
    assert_eq!(server.endpoint.handshakes.total(), 0);
}
