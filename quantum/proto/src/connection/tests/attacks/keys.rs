//! The life of keys: updates that are due, that are abused, that are not possible.

use std::time::Duration;

use super::super::pair::Pair;
use super::super::paths::{reaches_client, reaches_server};
use super::super::transfer::{pattern, read, write};
use crate::config::TransportConfig;
use crate::error::TransportErrorCode;
use crate::stream::{Direction, Side};

const MOMENT: Duration = Duration::from_millis(100);

fn key_updates(pair: &mut Pair, side: Side) -> u64 {
    pair.host(side).connection().statistics().key_updates
}

/// Sends two megabytes from `side` and checks that they arrive.
fn transfer(pair: &mut Pair, side: Side) {
    let sender = pair.host(side).connection();
    let id = sender.open(Direction::Unidirectional).expect("a stream");
    write(sender, id, &mut pattern(2_000_000));
    sender.finish(id).expect("an open stream");
    pair.run(Duration::from_secs(10));
    let receiver = pair.host(side.peer()).connection();
    assert_eq!(receiver.accept(Direction::Unidirectional), Some(id));
    let mut received = Vec::new();
    assert!(read(receiver, id, &mut received));
    assert!(received == pattern(2_000_000));
}

#[test]
fn t15_keys_are_updated_after_the_configured_number_of_packets() {
    for side in [Side::Client, Side::Server] {
        let short = TransportConfig::default().with_key_update_packets(100);
        let long = TransportConfig::default();
        let mut pair = if side == Side::Client {
            Pair::new(short, long)
        } else {
            Pair::new(long, short)
        };
        pair.run(Duration::from_secs(1));
        transfer(&mut pair, side);
        // The last turn shows when the next packet leaves.
        assert!(reaches_client(&mut pair) && reaches_server(&mut pair));
        let updates = key_updates(&mut pair, side);
        assert!(updates >= 2, "{updates} updates");
        assert_eq!(key_updates(&mut pair, side.peer()), updates, "both turn");
    }
}

#[test]
fn t15_both_ends_may_update_at_the_same_time() {
    let short = TransportConfig::default().with_key_update_packets(50);
    let mut pair = Pair::new(short.clone(), short);
    pair.run(Duration::from_secs(1));
    for side in [Side::Client, Side::Server, Side::Client] {
        transfer(&mut pair, side);
    }
    let now = pair.now;
    pair.client.connection().start_key_update(now);
    pair.server.connection().start_key_update(now);
    assert!(reaches_client(&mut pair) && reaches_server(&mut pair));
    let updates = key_updates(&mut pair, Side::Client);
    assert_eq!(key_updates(&mut pair, Side::Server), updates);
    assert!(updates >= 3);
}

#[test]
fn t15_keys_are_updated_after_an_hour() {
    let config = TransportConfig::default()
        .with_idle_timeout(None)
        .with_keep_alive(Some(Duration::from_secs(60)));
    let mut pair = Pair::new(config.clone(), config);
    pair.run(Duration::from_secs(3 * 3600 + 60));
    let updates = key_updates(&mut pair, Side::Client);
    assert!(
        (2..=6).contains(&updates),
        "{updates} updates in three hours"
    );
    assert!(reaches_client(&mut pair) && reaches_server(&mut pair));
}

#[test]
fn t15_a_cipher_that_has_protected_all_it_may_closes() {
    let mut pair = Pair::connected();
    let keys = pair.client.connection().data_keys.as_deref_mut();
    let keys = keys.expect("the handshake is done");
    keys.sealed = keys.local.confidentiality_limit();
    // The peer has not followed the last update: there is no other key to turn to.
    keys.acknowledged = false;
    pair.client.connection().ping();
    pair.run(MOMENT);
    let code = TransportErrorCode::AEAD_LIMIT_REACHED;
    assert_eq!(pair.verdict(Side::Client), Some(code));
}

#[test]
fn t15_forgeries_beyond_the_limit_of_the_cipher_close() {
    let mut pair = Pair::connected();
    let keys = pair.server.connection().data_keys.as_deref_mut();
    let keys = keys.expect("the handshake is done");
    keys.forged = keys.remote.integrity_limit() - 2;
    let mut left = 2;
    pair.tamper = Box::new(move |_, datagram| {
        if datagram.to.port() == 443 && left > 0 {
            left -= 1;
            let last = datagram.bytes.len() - 1;
            datagram.bytes[last] ^= 1;
        }
        super::super::pair::Verdict::Deliver
    });
    pair.client.connection().ping();
    pair.run(Duration::from_millis(15));
    assert!(pair.server.connection().is_established());
    pair.client.connection().ping();
    pair.run(MOMENT);
    let code = TransportErrorCode::AEAD_LIMIT_REACHED;
    assert_eq!(pair.verdict(Side::Server), Some(code));
}

#[test]
fn t16_keys_that_change_with_each_packet_close() {
    let mut pair = Pair::connected();
    for _ in 0..20 {
        let now = pair.now;
        let client = pair.client.connection();
        let keys = client
            .data_keys
            .as_deref_mut()
            .expect("the handshake is done");
        keys.update(now);
        client.ping();
        pair.run(Duration::from_millis(2));
        if pair.server.connection().is_closed() {
            break;
        }
    }
    let code = TransportErrorCode::KEY_UPDATE_ERROR;
    assert_eq!(pair.verdict(Side::Server), Some(code));
    assert!(key_updates(&mut pair, Side::Server) <= 1);
}

#[test]
fn t16_packets_of_the_phase_before_are_read_while_they_may_be_under_way() {
    let mut pair = Pair::connected();
    let sent = pattern(50);
    pair.client
        .connection()
        .post(sent.clone(), true)
        .expect("room");
    // The old packet is held back behind one of the new phase.
    let mut held = None;
    pair.tamper = Box::new(move |_, datagram| {
        use super::super::pair::Verdict;
        if datagram.to.port() != 443 {
            return Verdict::Deliver;
        }
        match held.take() {
            None => {
                held = Some(datagram.clone());
                Verdict::Drop
            }
            Some(old) => Verdict::Replace(vec![datagram.clone(), old]),
        }
    });
    pair.drain();
    let now = pair.now;
    let client = pair.client.connection();
    client.data_keys.as_deref_mut().expect("keys").acknowledged = true;
    client.start_key_update(now);
    client.ping();
    pair.run(Duration::from_millis(15));
    assert_eq!(key_updates(&mut pair, Side::Server), 1);
    assert_eq!(pair.server.connection().take_message(), Some(sent));
}
