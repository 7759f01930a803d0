//! Acknowledgements that lie, and packets that come twice.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use super::super::pair::{Datagram, Pair, Verdict};
use super::super::paths::{reaches_client, reaches_server};
use super::super::transfer::{pattern, read, write};
use super::{client_verdict, frame, server_verdict};
use crate::error::TransportErrorCode;
use crate::frame::{EcnCounts, write_ack};
use crate::range_set::RangeSet;
use crate::recovery::SpaceId;
use crate::stats::EcnState;
use crate::stream::{Direction, Side};
use crate::transmit::EcnCodepoint;

const VIOLATION: Option<TransportErrorCode> = Some(TransportErrorCode::PROTOCOL_VIOLATION);

/// An ACK frame of packets from `first` to `last`.
fn ack(first: u64, last: u64, ecn: Option<EcnCounts>) -> Vec<u8> {
    let mut ranges = RangeSet::new();
    ranges.insert(first..last + 1);
    frame(|buffer| write_ack(buffer, &ranges, 0, ecn, 32))
}

#[test]
fn t06_an_acknowledgement_of_a_packet_never_sent_closes() {
    for last in [1 << 20, (1 << 62) - 1] {
        assert_eq!(server_verdict([ack(last, last, None)]), VIOLATION);
        assert_eq!(client_verdict([ack(last, last, None)]), VIOLATION);
        assert_eq!(server_verdict([ack(0, last - 1, None)]), VIOLATION);
    }
}

/// A client that acknowledges everything that the server has sent, arrived or not, half a round
/// trip early; how much the server had sent when it found out.
fn optimistic_acknowledger(seed: u64) -> u64 {
    let mut pair = Pair::connected();
    pair.delay = Duration::from_millis(10 + seed);
    let server = pair.server.connection();
    let id = server.open(Direction::Unidirectional).expect("a stream");
    let before = pair.server.sent_bytes;
    for _ in 0..1_000 {
        write(pair.server.connection(), id, &mut pattern(1 << 20));
        pair.run(Duration::from_millis(5));
        if pair.verdict(Side::Server) == VIOLATION {
            return pair.server.sent_bytes - before;
        }
        let recovery = &pair.server.connection().recovery;
        let Some(last) = recovery.largest_sent(SpaceId::Data) else {
            continue;
        };
        let client = pair.client.connection();
        client.pending.raw.push_back(ack(0, last, None));
    }
    panic!("not found out");
}

#[test]
fn t07_acknowledging_ahead_of_what_arrives_closes() {
    for seed in 0..10 {
        let sent = optimistic_acknowledger(seed);
        assert!(sent < 8 << 20, "found out after {sent} bytes");
    }
}

#[test]
fn t08_every_second_packet_lost_keeps_the_ranges_bounded() {
    let mut pair = Pair::connected();
    let client = pair.client.address;
    let mut count = 0u64;
    pair.tamper = Box::new(move |_, datagram| {
        count += u64::from(datagram.from == client);
        if datagram.from == client && count.is_multiple_of(2) {
            Verdict::Drop
        } else {
            Verdict::Deliver
        }
    });
    for _ in 0..1_000 {
        pair.client.connection().ping();
        pair.run(Duration::from_millis(2));
        let now = pair.now;
        let space = pair.server.connection().spaces[SpaceId::Data as usize].as_deref();
        let content = space.and_then(|space| space.acknowledger.content(now));
        assert!(content.is_none_or(|content| content.ranges.len() <= 64));
    }
    assert!(reaches_client(&mut pair));
}

#[test]
fn t08_a_frame_that_claims_more_ranges_than_it_holds_closes() {
    let mut pair = Pair::connected();
    let server = pair.server.connection();
    let last = server
        .recovery
        .largest_sent(SpaceId::Data)
        .expect("packets were sent");
    // A thousand ranges, of gaps and lengths of zero, that end early.
    let mut frame = vec![0x02, last as u8, 0, 0x43, 0xe8, 0];
    frame.extend(std::iter::repeat_n(0, 2_000));
    frame.truncate(1_000);
    pair.say(Side::Client, [frame]);
    let code = TransportErrorCode::FRAME_ENCODING_ERROR;
    assert_eq!(pair.verdict(Side::Server), Some(code));
}

#[test]
fn t19_duplicates_and_old_packets_change_nothing() {
    let mut pair = Pair::connected();
    let kept: Rc<RefCell<Vec<Datagram>>> = Rc::default();
    let mut count = 0usize;
    pair.tamper = Box::new(move |_, datagram| {
        let mut kept = kept.borrow_mut();
        kept.push(datagram.clone());
        count += 1;
        let old = kept[count * 7_919 % kept.len()].clone();
        let copies = 1 + usize::from(count.is_multiple_of(5));
        let mut all = vec![datagram.clone(); copies];
        all.push(old);
        Verdict::Replace(all)
    });
    let client = pair.client.connection();
    let id = client.open(Direction::Unidirectional).expect("a stream");
    write(client, id, &mut pattern(3_000_000));
    client.finish(id).expect("an open stream");
    for round in 0..50u8 {
        let message = vec![round; 200].into();
        pair.client.connection().post(message, true).expect("room");
        pair.run(Duration::from_millis(20));
    }
    pair.run(Duration::from_secs(2));
    let server = pair.server.connection();
    assert!(server.is_established());
    assert_eq!(server.accept(Direction::Unidirectional), Some(id));
    let mut received = Vec::new();
    assert!(read(server, id, &mut received));
    assert!(received == pattern(3_000_000));
    let mut seen = [0; 50];
    while let Some(message) = server.take_message() {
        seen[usize::from(message[0])] += 1;
    }
    assert_eq!(seen, [1; 50], "each message once");
    assert!(server.statistics().packets_duplicate > 100);
}

/// What the server thinks of ECN on a path where this happens to marks.
fn ecn_after(remark: fn(Option<EcnCodepoint>) -> Option<EcnCodepoint>) -> EcnState {
    let mut pair = Pair::connected();
    pair.tamper = Box::new(move |_, datagram| {
        datagram.ecn = remark(datagram.ecn);
        Verdict::Deliver
    });
    let server = pair.server.connection();
    let id = server.open(Direction::Unidirectional).expect("a stream");
    write(server, id, &mut pattern(300_000));
    pair.run(Duration::from_secs(2));
    assert!(pair.server.connection().is_established());
    assert!(reaches_client(&mut pair) && reaches_server(&mut pair));
    pair.server.connection().statistics().ecn
}

#[test]
fn t21_a_path_that_keeps_marks_is_used_with_them() {
    assert_eq!(ecn_after(|mark| mark), EcnState::Capable);
}

#[test]
fn t21_marks_that_are_bleached_turn_ecn_off() {
    assert_eq!(ecn_after(|_| None), EcnState::Failed);
}

#[test]
fn t21_marks_that_are_changed_turn_ecn_off() {
    let remark = |mark: Option<EcnCodepoint>| mark.map(|_| EcnCodepoint::Ect1);
    assert_eq!(ecn_after(remark), EcnState::Failed);
}

#[test]
fn t21_marks_on_everything_do_not_stop_a_connection() {
    let remark = |mark: Option<EcnCodepoint>| mark.map(|_| EcnCodepoint::Ce);
    assert_eq!(ecn_after(remark), EcnState::Capable);
}

#[test]
fn t21_counts_that_fall_or_lie_turn_ecn_off() {
    let counts = |ect0, ect1, ce| Some(EcnCounts { ect0, ect1, ce });
    for lie in [
        counts(0, 0, 0),
        counts(1, 0, 0),
        counts(1 << 60, 1, 0),
        None,
    ] {
        let mut pair = Pair::connected();
        let server = pair.server.connection();
        server.ping();
        pair.drain();
        let server = pair.server.connection();
        let last = server
            .recovery
            .largest_sent(SpaceId::Data)
            .expect("a packet");
        pair.say(Side::Client, [ack(last, last, lie)]);
        let server = pair.server.connection();
        assert!(server.is_established());
        assert_eq!(server.statistics().ecn, EcnState::Failed, "{lie:?}");
    }
}
