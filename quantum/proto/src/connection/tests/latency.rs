//! What has to cross the path before a client has its first answer.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;

use super::pair::{Pair, Verdict};
use crate::config::TransportConfig;
use crate::stream::{Direction, StreamId};

/// Sizes of datagrams, to the server and to the client.
type Sizes = Rc<RefCell<[Vec<usize>; 2]>>;

/// A client that connects, and the datagrams of both ends from now on.
fn watched() -> (Pair, Sizes) {
    let transport = TransportConfig::default();
    let mut pair = Pair::new(transport.clone(), transport);
    let (sizes, server) = (Sizes::default(), pair.server.address);
    let seen = sizes.clone();
    pair.tamper = Box::new(move |_, datagram| {
        let way = usize::from(datagram.to != server);
        seen.borrow_mut()[way].push(datagram.bytes.len());
        Verdict::Deliver
    });
    (pair, sizes)
}

/// Lets the client ask when it can, and the server answer when it can.
fn ask(pair: &mut Pair, asked: &mut Option<StreamId>, answered: &mut bool) {
    let client = pair.client.connection();
    if asked.is_none() && client.is_established() {
        let id = client.open(Direction::Bidirectional).expect("a stream");
        client.write(id, &[1; 64]).expect("room");
        *asked = Some(id);
    }
    let server = pair.server.connections.values_mut().next();
    if let Some(server) = server.filter(|_| !*answered)
        && let Some(id) = server.accept(Direction::Bidirectional)
    {
        server.write(id, &[2; 64]).expect("room");
        *answered = true;
    }
}

#[test]
fn the_first_answer_comes_in_two_round_trips_and_waits_behind_nothing() {
    let (mut pair, sizes) = watched();
    let (mut asked, mut answered) = (None, false);
    let mut before = <[Vec<usize>; 2]>::default();
    let steps = (1..=40).find(|_| {
        before = sizes.borrow().clone();
        pair.run(Duration::from_millis(1));
        ask(&mut pair, &mut asked, &mut answered);
        let client = pair.client.connection();
        asked.is_some_and(|id| client.read(id, &mut [0; 64]) == Ok(64))
    });
    assert_eq!(steps, Some(40), "two round trips of 20 ms");
    // What left before the answer was there.
    let [to_server, to_client] = before;
    assert_eq!(to_server[0], 1200);
    assert!(to_client[0] < 1000, "{to_client:?}: a server does not pad");
    let request: usize = to_server[1..].iter().sum();
    assert!(request < 300, "{to_server:?}: nothing padded");
    let answer: usize = to_client[1..].iter().sum();
    assert!(answer < 500, "{to_client:?}: no probes before the answer");
}

#[test]
fn an_answer_that_is_ready_leaves_before_tickets_and_ids() {
    let (mut pair, sizes) = watched();
    // Its end waits at the server until the client's address has proven itself.
    pair.run(Duration::from_millis(15));
    let server = pair.server.connection();
    let message = Bytes::from_static(&[3; 2500]);
    server.post(message.clone(), true).expect("room");
    pair.run(Duration::from_millis(1));
    let before = sizes.borrow()[1].len();
    pair.run(Duration::from_millis(25));
    let after = sizes.borrow()[1][before..].to_vec();
    assert!(after[0] < 300, "{after:?}: the answer alone");
    assert!(after[1] > 200, "{after:?}: then tickets");
    let answer = pair.client.connection().take_message();
    assert_eq!(answer, Some(message));
}

#[test]
fn a_keep_alive_is_answered_in_the_turn_in_which_it_arrives() {
    let keep_alive = Some(Duration::from_secs(5));
    let client = TransportConfig::default().with_keep_alive(keep_alive);
    let mut pair = Pair::new(client, TransportConfig::default());
    pair.run(Duration::from_secs(3));
    let before = pair.server.connection().statistics();
    while pair.server.connection().statistics().datagrams_received == before.datagrams_received {
        pair.run(Duration::from_millis(1));
    }
    let after = pair.server.connection().statistics();
    assert_eq!(after.datagrams_sent, before.datagrams_sent + 1);
    // Nothing to wake up for before the idle timeout: nothing is held back.
    let next = pair.server.connection().poll_timeout();
    assert!(next > Some(pair.now + Duration::from_secs(20)));
}
