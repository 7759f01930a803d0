//! Which message goes first, and who may use up credit and room.

use std::collections::BTreeSet;

use super::*;

fn urgent(number: u8) -> MessageOptions {
    MessageOptions::reliable().with_urgency(Urgency::new(number))
}

/// Numbers of the messages of a packet.
fn numbers(packet: &Packet) -> Vec<u64> {
    let numbers = packet.contents.iter().filter_map(|carried| match carried {
        Carried::Message { number, .. } => Some(*number),
        _ => None,
    });
    numbers.collect()
}

#[test]
fn the_more_urgent_go_first_and_equals_as_they_were_accepted() {
    let (mut sender, _) = pair(&config());
    for urgency in [7, 3, 0, 3, 7, 1] {
        sender
            .send(Instant::ORIGIN, data(10), &urgent(urgency))
            .unwrap();
    }
    let packet = packet(&mut sender, 1200).unwrap();
    assert_eq!(numbers(&packet), [2, 5, 1, 3, 0, 4]);
}

#[test]
fn an_urgent_message_enters_at_the_next_packet_of_a_large_one() {
    let (mut sender, _) = pair(&config());
    sender
        .send(Instant::ORIGIN, data(100_000), &urgent(7))
        .unwrap();
    packet(&mut sender, 1200).unwrap();
    sender.send(Instant::ORIGIN, data(10), &urgent(1)).unwrap();
    let next = packet(&mut sender, 1200).unwrap();
    assert_eq!(numbers(&next), [1, 0]);
}

#[test]
fn lost_urgent_bytes_go_before_fresh_bulk_and_lost_bulk_after_fresh_urgent_ones() {
    let (mut sender, _) = pair(&config());
    for (size, urgency) in [(1000, 1), (3000, 7)] {
        sender
            .send(Instant::ORIGIN, data(size), &urgent(urgency))
            .unwrap();
    }
    let first = packet(&mut sender, 1020).unwrap();
    assert_eq!(numbers(&first), [0]);
    let second = packet(&mut sender, 1020).unwrap();
    lose(&mut sender, &first.contents);
    let again = packet(&mut sender, 1020).unwrap();
    assert_eq!(numbers(&again), [0]);
    lose(&mut sender, &second.contents);
    sender.send(Instant::ORIGIN, data(10), &urgent(3)).unwrap();
    assert_eq!(numbers(&packet(&mut sender, 1020).unwrap()), [2, 1]);
}

#[test]
fn ids_are_given_in_the_order_of_departure() {
    let (mut sender, mut receiver) = pair(&config());
    for urgency in (0..8).rev().cycle().take(1000) {
        sender
            .send(Instant::ORIGIN, data(100), &urgent(urgency))
            .unwrap();
    }
    while let Some(packet) = packet(&mut sender, 1200) {
        receive(&mut receiver, &packet.payload).unwrap();
        let mut held = Holdings::default();
        receiver.count(&mut held);
        assert_eq!(held.message_gaps, 0);
    }
}

#[test]
fn bulk_leaves_credit_for_an_urgent_message() {
    let config = TransportConfig {
        message_receive_window: 64_000,
        message_bytes_max: 10_000,
        ..config()
    };
    let (mut sender, _) = pair(&config);
    for _ in 0..64 {
        sender.send(Instant::ORIGIN, data(936), &urgent(7)).unwrap();
    }
    let mut sent = BTreeSet::new();
    while let Some(packet) = packet(&mut sender, 1200) {
        sent.extend(numbers(&packet));
    }
    // Of 64 that the credit pays for, seven are left to others.
    assert_eq!(sent.len(), 57);
    sender.send(Instant::ORIGIN, data(936), &urgent(0)).unwrap();
    assert_eq!(numbers(&packet(&mut sender, 1200).unwrap()), [64]);
}

#[test]
fn bulk_leaves_room_for_an_urgent_message() {
    let config = TransportConfig {
        send_window: 64_000,
        ..config()
    };
    let (mut sender, _) = pair(&config);
    let accepted = |sender: &mut Messages, urgency| {
        sender
            .send(Instant::ORIGIN, data(936), &urgent(urgency))
            .is_ok()
    };
    while accepted(&mut sender, 7) {}
    assert!(!accepted(&mut sender, 7));
    assert!(accepted(&mut sender, 3));
    assert!(accepted(&mut sender, 0));
}

#[test]
fn a_message_as_large_as_the_credit_is_sent_when_nothing_is_under_way() {
    let config = TransportConfig {
        message_receive_window: 5000,
        message_bytes_max: 5000,
        ..config()
    };
    let (mut sender, mut receiver) = pair(&config);
    for _ in 0..5 {
        let size = 5000 - OVERHEAD_BYTES as usize;
        sender
            .send(Instant::ORIGIN, data(size), &urgent(7))
            .unwrap();
        transfer(&mut sender, &mut receiver);
        assert_eq!(receiver.take(), Some(data(size)));
        transfer(&mut receiver, &mut sender);
    }
}

#[test]
fn an_urgent_message_without_credit_holds_up_what_would_take_it_and_nothing_else() {
    let config = TransportConfig {
        message_receive_window: 10_000,
        message_bytes_max: 9_000,
        ..config()
    };
    let (mut sender, _) = pair(&config);
    sender
        .send(Instant::ORIGIN, data(5_000), &urgent(7))
        .unwrap();
    packet(&mut sender, 1200).unwrap();
    sender
        .send(Instant::ORIGIN, data(8_000), &urgent(0))
        .unwrap();
    sender.send(Instant::ORIGIN, data(10), &urgent(3)).unwrap();
    let rest = packet(&mut sender, 1200).unwrap();
    assert_eq!(numbers(&rest), [0], "it has begun, and is paid for");
    while let Some(packet) = packet(&mut sender, 1200) {
        assert!(numbers(&packet).iter().all(|number| *number == 0));
    }
}
