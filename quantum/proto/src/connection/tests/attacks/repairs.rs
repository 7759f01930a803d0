//! Repairs that repair nothing, cost much, or contradict what they repair.

use std::cell::Cell;
use std::ops::Range;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use super::super::pair::{Datagram, Pair, Verdict};
use super::super::paths::{reaches_client, reaches_server};
use super::super::transfer::{pattern, write};
use super::{client_verdict, frame, server_verdict};
use crate::config::TransportConfig;
use crate::congestion::{Fixed, SendLimits};
use crate::error::TransportErrorCode;
use crate::fec::tests::{repair_of, sums};
use crate::frame;
use crate::recovery::SpaceId;
use crate::stats::Statistics;
use crate::stream::{Direction, Side, StreamId};

const VIOLATION: Option<TransportErrorCode> = Some(TransportErrorCode::PROTOCOL_VIOLATION);

/// What repairs may make a connection hold (Q-FEC-5): 64 symbols, and 16 equations of up to 128
/// unknowns whose memory may have grown by doubling.
const HELD_MAX: usize = 64 * 1_200 + 16 * (2 * 1_200 + 128 * 16);

/// Multiples of a symbol that are added for one packet at most: the 32 symbols that its repair
/// covers, and with 15 other equations what its repair, its symbol and an equation that the symbol
/// left without its unknown have to do.
const SUMS_MAX: u64 = 32 + 2 * 15 + 16 + 2 * 15;

fn repair(distance: u64, window: u64, data: &[u8]) -> Vec<u8> {
    frame(|buffer| {
        frame::write_repair_header(buffer, distance, window);
        buffer.extend_from_slice(data);
    })
}

/// STREAM with the first bytes of the client's stream 0, as often as one likes.
fn stream(bytes: usize) -> Vec<u8> {
    let id = StreamId::new(Side::Client, Direction::Unidirectional, 0);
    frame(|buffer| {
        frame::write_stream_header(buffer, id, 0, false, Some(bytes));
        buffer.extend_from_slice(&pattern(bytes));
    })
}

/// A client that makes no repairs of its own and that no loss slows down; its datagrams get lost
/// where `lost` says so.
fn hostile(mut lost: impl FnMut(u64) -> bool + 'static) -> Pair {
    let limits = SendLimits {
        window: 1 << 40,
        pacing_rate: None,
        quantum: 1,
    };
    let config = TransportConfig::default()
        .with_forward_error_correction(false)
        .with_controller(Arc::new(Fixed(limits)))
        .with_mtu_discovery(false);
    let victim = TransportConfig::default().with_mtu_discovery(false);
    let mut pair = Pair::new(config, victim);
    pair.run(Duration::from_secs(1));
    // As many packets as any repair may reach back.
    pair.say(Side::Client, std::iter::repeat_n(vec![1], 130));
    let (client, mut count) = (pair.client.address, 0);
    pair.tamper = Box::new(move |_, datagram| {
        let ours = datagram.from == client;
        count += u64::from(ours);
        if ours && lost(count) {
            Verdict::Drop
        } else {
            Verdict::Deliver
        }
    });
    pair
}

/// The client says `frames`, one packet for each; the server is looked at all the while. What it
/// counted meanwhile, and how many sums it computed.
fn flood(pair: &mut Pair, frames: impl IntoIterator<Item = Vec<u8>>) -> (Statistics, u64) {
    let before = sums();
    let frames: Vec<Vec<u8>> = frames.into_iter().collect();
    for some in frames.chunks(50) {
        let raw = &mut pair.client.connection().pending.raw;
        raw.extend(some.iter().cloned());
        pair.run(Duration::from_millis(25));
        assert_eq!(pair.verdict(Side::Server), None);
        let held = pair.server.connection().holdings();
        assert!(held.repair_bytes <= HELD_MAX, "{held:?}");
    }
    (pair.server.connection().statistics(), sums() - before)
}

/// Nothing is left of it all, and the connection works.
fn assert_unharmed(pair: &mut Pair) {
    pair.tamper = Box::new(|_, _| Verdict::Deliver);
    pair.run(Duration::from_secs(10));
    assert!(pair.server.connection().is_established());
    assert_eq!(pair.server.connection().holdings().repair_bytes, 0);
    assert!(reaches_server(pair) && reaches_client(pair));
}

#[test]
fn t22_a_flood_of_repairs_alone_is_hardly_looked_at() {
    let mut pair = hostile(|_| false);
    let packets = 10_000;
    let data = pattern(1_100);
    let repairs = (0..packets).map(|at| repair(1 + at % 63, 0x7fff_ffff >> (at % 31), &data));
    let (server, sums) = flood(&mut pair, repairs);
    let looked_at = server.repairs_received + server.repairs_needless;
    assert!(server.repairs_skipped >= packets - 16, "{server:?}");
    assert!(looked_at <= 16, "{server:?}");
    assert!(sums <= 16 * SUMS_MAX, "{sums}");
    assert_unharmed(&mut pair);
}

#[test]
fn t22_equations_that_never_resolve_cost_what_was_stated() {
    // More packets are lost than repairs arrive.
    let mut pair = hostile(|at| at % 3 != 0);
    let packets = 6_000;
    let data = pattern(1_150);
    // Of the packets that arrive, every second has no symbol: no window covers it.
    let covered = |bit: &u64| bit % 6 != 4;
    let window = |bits: Range<u64>| bits.filter(covered).fold(0, |sum, bit| sum | 1 << bit);
    let windows = [window(0..31), window(12..48), window(24..61)];
    let frames = (0..packets).map(|at| match at % 2 {
        0 => repair(1, windows[at % 3], &data),
        _ => stream(1_100),
    });
    let (server, sums) = flood(&mut pair, frames);
    assert!(server.repairs_received >= 100, "{server:?}");
    assert_eq!(server.packets_recovered, 0);
    let arrived = server.packets_received;
    assert!(sums <= arrived * SUMS_MAX, "{sums} for {arrived} packets");
    assert_unharmed(&mut pair);
}

#[test]
fn t22_repairs_that_nobody_could_have_made_close() {
    let data = pattern(100);
    for bad in [
        repair(1 << 40, 0, &data),
        repair(1, 1 << 61, &data),
        repair(1, 0xffff_ffff, &data),
        repair(0, 0xffff_ffff, &data),
        repair((1 << 62) - 1, 0, &data),
    ] {
        assert_eq!(server_verdict([bad.clone()]), VIOLATION, "{bad:?}");
        assert_eq!(client_verdict([bad.clone()]), VIOLATION, "{bad:?}");
    }
    let short = [repair(0, 0, &[]), stream(100), repair(1, 0, &data[..50])];
    assert_eq!(server_verdict(short), VIOLATION);
    let empty = [repair(0, 0, &[]), stream(100), repair(1, 0, &[])];
    assert_eq!(server_verdict(empty), VIOLATION);
}

#[test]
fn t22_repairs_that_were_not_asked_for_close() {
    let config = TransportConfig::default().with_forward_error_correction(false);
    let mut pair = Pair::new(TransportConfig::default(), config);
    pair.run(Duration::from_secs(1));
    pair.say(Side::Client, [repair(0, 0, &[])]);
    assert_eq!(pair.verdict(Side::Server), VIOLATION);
}

/// A hostile client, and a switch: while it is on, its datagrams get lost.
fn switched() -> (Pair, Rc<Cell<bool>>) {
    let switch = Rc::new(Cell::new(false));
    let on = Rc::clone(&switch);
    (hostile(move |_| on.get()), switch)
}

/// The number of the client's next packet.
fn next_number(pair: &mut Pair) -> u64 {
    let recovery = &pair.client.connection().recovery;
    1 + recovery.largest_sent(SpaceId::Data).expect("a packet")
}

/// The client loses a packet and sends a repair that says that it was `symbol`. The number of the
/// lost packet.
fn poison(pair: &mut Pair, switch: &Cell<bool>, lost: &[u8], symbol: &[u8]) -> u64 {
    pair.say(Side::Client, [repair(0, 0, &[])]);
    let number = next_number(pair);
    switch.set(true);
    let raw = &mut pair.client.connection().pending.raw;
    raw.push_back(lost.to_vec());
    pair.drain();
    switch.set(false);
    claim(pair, number, symbol);
    number
}

/// The client sends a repair that says that packet `number` was `symbol`.
fn claim(pair: &mut Pair, number: u64, symbol: &[u8]) {
    let row = next_number(pair);
    let repair = repair_of(row, &[(number, symbol)]);
    let raw = &mut pair.client.connection().pending.raw;
    raw.push_back(repair);
    pair.drain();
    assert_eq!(next_number(pair), row + 1, "no number is left out here");
    pair.run(Duration::from_millis(15));
}

/// MESSAGE, whole.
fn message(id: u64, data: &[u8]) -> Vec<u8> {
    frame(|buffer| {
        let header = frame::MessageHeader {
            id,
            size: data.len() as u64,
            reliable: true,
            offset: 0,
            slack: None,
            length: Some(data.len()),
        };
        header.write(buffer);
        buffer.extend_from_slice(data);
    })
}

#[test]
fn t23_frames_of_a_rebuilt_packet_are_held_to_the_same_limits() {
    let beyond = frame(|buffer| {
        let id = StreamId::new(Side::Client, Direction::Unidirectional, 0);
        frame::write_stream_header(buffer, id, 1 << 40, false, Some(1));
        buffer.push(0);
    });
    let illegal = frame(|buffer| {
        let id = StreamId::new(Side::Server, Direction::Unidirectional, 0);
        frame::write_stream_header(buffer, id, 0, false, Some(0));
    });
    let cut = stream(100)[..50].to_vec();
    let unknown = vec![0x3f, 1, 2, 3];
    for (symbol, code) in [
        (beyond, TransportErrorCode::FLOW_CONTROL_ERROR),
        (illegal, TransportErrorCode::STREAM_STATE_ERROR),
        (cut, TransportErrorCode::FRAME_ENCODING_ERROR),
        (unknown, TransportErrorCode::FRAME_ENCODING_ERROR),
    ] {
        let (mut pair, switch) = switched();
        poison(&mut pair, &switch, &[1], &symbol);
        assert_eq!(pair.verdict(Side::Server), Some(code), "{symbol:?}");
    }
}

#[test]
fn t23_frames_that_no_repair_may_bring_have_no_effect() {
    let (mut pair, switch) = switched();
    let close = frame(|buffer| frame::write_application_close(buffer, 7, b"gone"));
    let challenge = frame(|buffer| frame::write_path_challenge(buffer, [7; 8]));
    let retire = frame(|buffer| frame::write_retire_connection_id(buffer, 1));
    let symbol = [close, challenge, retire, message(0, b"x")].concat();
    poison(&mut pair, &switch, &[1], &symbol);
    let server = pair.server.connection();
    assert_eq!(server.statistics().packets_recovered, 1);
    assert_eq!(server.take_message().as_deref(), Some(&b"x"[..]));
    assert_eq!(server.holdings().path_responses, 0);
    pair.run(Duration::from_secs(1));
    assert!(pair.server.connection().is_established());
}

#[test]
fn t23_repairs_that_contradict_each_other_have_the_effect_of_the_first() {
    let (mut pair, switch) = switched();
    let number = poison(&mut pair, &switch, &[1], &message(0, b"first"));
    claim(&mut pair, number, &message(0, b"other"));
    claim(&mut pair, number, &message(1, b"more!"));
    let server = pair.server.connection();
    assert_eq!(server.statistics().packets_recovered, 1);
    assert_eq!(server.statistics().repairs_needless, 2);
    assert_eq!(server.take_message().as_deref(), Some(&b"first"[..]));
    assert_eq!(server.take_message(), None);
    assert_unharmed_by(&mut pair, 1);
}

#[test]
fn t23_repairs_of_what_arrived_have_no_effect() {
    let (mut pair, _) = switched();
    pair.say(Side::Client, [repair(0, 0, &[])]);
    let number = next_number(&mut pair);
    pair.say(Side::Client, [message(0, b"first")]);
    claim(&mut pair, number, &message(1, b"other"));
    let server = pair.server.connection();
    assert_eq!(server.statistics().packets_recovered, 0);
    assert_eq!(server.take_message().as_deref(), Some(&b"first"[..]));
    assert_eq!(server.take_message(), None);
    assert_unharmed_by(&mut pair, 1);
}

/// The connection works, after `used` messages that the client did not count.
fn assert_unharmed_by(pair: &mut Pair, used: u64) {
    pair.run(Duration::from_secs(5));
    for id in used..used + 3 {
        pair.say(Side::Client, [message(id, b"goes on")]);
        let message = pair.server.connection().take_message();
        assert_eq!(message.as_deref(), Some(&b"goes on"[..]));
    }
    assert!(reaches_client(pair));
}

/// What becomes of a packet `late` that arrives after a repair said that it was `symbol`.
fn verdict_on_late(late: &[u8], symbol: &[u8]) -> Option<TransportErrorCode> {
    let (mut pair, switch) = switched();
    let held: Rc<Cell<Option<Datagram>>> = Rc::default();
    let (hold, on, client) = (Rc::clone(&held), Rc::clone(&switch), pair.client.address);
    pair.tamper = Box::new(move |_, datagram| {
        if datagram.from == client && on.get() {
            hold.set(Some(datagram.clone()));
            Verdict::Drop
        } else {
            Verdict::Deliver
        }
    });
    poison(&mut pair, &switch, late, symbol);
    let recovered = pair.server.connection().statistics().packets_recovered;
    assert_eq!(recovered, 1);
    pair.inject(held.take().expect("it was held"));
    pair.run(Duration::from_millis(50));
    pair.verdict(Side::Server)
}

#[test]
fn t23_a_packet_that_arrives_after_all_has_to_be_what_was_rebuilt() {
    let said = message(0, b"first");
    assert_eq!(verdict_on_late(&said, &said), None);
    assert_eq!(verdict_on_late(&message(0, b"other"), &said), VIOLATION);
    let longer = [said.clone(), message(1, b"")].concat();
    assert_eq!(verdict_on_late(&longer, &said), VIOLATION);
    let ping = [1];
    assert_eq!(verdict_on_late(&ping, &said), VIOLATION, "it has no symbol");
}

#[test]
fn t22_rebuilt_packets_are_told_of_in_no_more_packets_than_came() {
    // All is lost but every second packet, which says what the one before it was.
    let mut pair = hostile(|at| at % 2 == 1);
    let before = pair.server.connection().statistics();
    for _ in 0..1_000 {
        let number = next_number(&mut pair);
        let symbol = stream(1_000);
        let raw = &mut pair.client.connection().pending.raw;
        raw.push_back(vec![1]);
        raw.push_back([stream(100), repair_of(number + 1, &[(number, &symbol)])].concat());
        pair.run(Duration::from_millis(1));
        let held = pair.server.connection().holdings();
        assert!(held.repair_bytes <= HELD_MAX, "{held:?}");
    }
    let after = pair.server.connection().statistics();
    let received = after.packets_received - before.packets_received;
    let sent = after.packets_sent - before.packets_sent;
    assert!(after.packets_recovered > 0, "{after:?}");
    assert!(after.packets_recovered <= received, "{after:?}");
    // One answer to each, and few probes, as the client loses some of its acknowledgements.
    assert!(sent <= received + received / 100, "{sent} for {received}");
    assert_unharmed(&mut pair);
}

#[test]
fn t23_word_of_a_rebuilt_packet_that_was_never_sent_closes() {
    for number in [1 << 20, (1 << 62) - 1] {
        let word = frame(|buffer| frame::write_recovered(buffer, number));
        assert_eq!(server_verdict([word.clone()]), VIOLATION);
        assert_eq!(client_verdict([word]), VIOLATION);
    }
}

#[test]
fn t23_word_of_rebuilt_packets_makes_nobody_send_faster() {
    let mut pair = Pair::connected();
    let server_address = pair.server.address;
    pair.tamper = Box::new(move |_, datagram| {
        if datagram.from == server_address {
            Verdict::Drop
        } else {
            Verdict::Deliver
        }
    });
    let server = pair.server.connection();
    let id = server.open(Direction::Unidirectional).expect("a stream");
    write(server, id, &mut pattern(1 << 20));
    pair.run(Duration::from_millis(12));
    let before = pair.server.connection().statistics();
    assert!(before.bytes_in_flight > 0);
    let recovery = &pair.server.connection().recovery;
    let last = recovery.largest_sent(SpaceId::Data).expect("a packet");
    let word = (0..=last).flat_map(|number| frame(|buffer| frame::write_recovered(buffer, number)));
    let raw = &mut pair.client.connection().pending.raw;
    raw.push_back(word.collect());
    pair.run(Duration::from_millis(12));
    let after = pair.server.connection().statistics();
    assert!(after.packets_received > before.packets_received);
    assert!(after.bytes_in_flight >= before.bytes_in_flight, "{after:?}");
    assert_eq!(after.window, before.window);
    assert_eq!(after.bytes_delivered, before.bytes_delivered);
}
