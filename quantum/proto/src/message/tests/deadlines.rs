//! Deadlines: in the queue, under way, at the receiver, and what both ends learn.

use super::*;

fn at(milliseconds: u64) -> Instant {
    Instant::ORIGIN + Duration::from_millis(milliseconds)
}

/// Reliable, and worth nothing after so many milliseconds.
fn within(milliseconds: u64) -> MessageOptions {
    MessageOptions::reliable().with_deadline(Duration::from_millis(milliseconds))
}

/// Two ends whose clocks know each other: a packet without delay has passed.
fn acquainted() -> (Messages, Messages) {
    let (mut sender, mut receiver) = pair(&config());
    sender.send(at(0), data(1), &within(1)).unwrap();
    transfer(&mut sender, &mut receiver);
    assert_eq!(receiver.receive(at(0)), Some(data(1)));
    assert_eq!(receiver.poll_event(), Some(MessageEvent::Received));
    (sender, receiver)
}

fn packet_at(messages: &mut Messages, now: Instant) -> Option<Packet> {
    packet_with(messages, &outlook(now), 1200)
}

/// Numbers of expired messages.
fn expired(messages: &mut Messages) -> Vec<u64> {
    std::iter::from_fn(|| messages.take_expired()).collect()
}

#[test]
fn what_waits_past_its_deadline_is_never_sent_and_both_ends_know() {
    let (mut sender, mut receiver) = acquainted();
    sender.send(at(0), data(100), &within(50)).unwrap();
    assert_eq!(sender.next_deadline(), Some(at(50)));
    sender.expire(at(49));
    assert!(sender.has_pending());
    sender.expire(at(50));
    assert_eq!(sender.next_deadline(), None);
    assert_eq!(sender.poll_event(), Some(MessageEvent::Expired));
    assert_eq!(expired(&mut sender), [1]);
    let told = packet_at(&mut sender, at(50)).unwrap();
    assert_eq!(told.contents[..], [Carried::MessagesExpired]);
    receive_at(&mut receiver, at(60), &told.payload).unwrap();
    assert_eq!(receiver.poll_event(), Some(MessageEvent::Missed(1)));
    assert_eq!(receiver.poll_event(), None);
    assert_eq!(statistics(&sender).messages_expired, 1);
    assert_eq!(statistics(&receiver).messages_withheld, 1);
    assert!(!sender.all_delivered(), "the peer may not know");
    acknowledge(&mut sender, &told.contents);
    assert!(sender.all_delivered());
}

#[test]
fn a_lost_word_of_expired_messages_is_repeated_with_what_is_true_then() {
    let (mut sender, mut receiver) = acquainted();
    sender.send(at(0), data(100), &within(10)).unwrap();
    sender.send(at(0), data(100), &within(20)).unwrap();
    sender.expire(at(10));
    let first = packet_at(&mut sender, at(10)).unwrap();
    sender.expire(at(20));
    lose(&mut sender, &first.contents);
    let second = packet_at(&mut sender, at(20)).unwrap();
    receive_at(&mut receiver, at(20), &second.payload).unwrap();
    assert_eq!(receiver.poll_event(), Some(MessageEvent::Missed(2)));
    // The first comes late: it says less.
    receive_at(&mut receiver, at(30), &first.payload).unwrap();
    assert_eq!(receiver.poll_event(), None);
}

#[test]
fn a_message_that_expires_half_sent_is_reset_and_its_memory_comes_back() {
    let (mut sender, mut receiver) = acquainted();
    sender.send(at(0), data(4000), &within(50)).unwrap();
    let first = packet_at(&mut sender, at(10)).unwrap();
    receive_at(&mut receiver, at(10), &first.payload).unwrap();
    sender.expire(at(50));
    let mut held = Holdings::default();
    sender.count(&mut held);
    assert_eq!(held.message_send_bytes, 0);
    let reset = packet_at(&mut sender, at(50)).unwrap();
    assert_eq!(reset.contents[..], [Carried::ResetMessage { number: 1 }]);
    receive_at(&mut receiver, at(50), &reset.payload).unwrap();
    assert_eq!(receiver.poll_event(), Some(MessageEvent::Missed(1)));
    assert!(receiver.incoming.is_drained());
    assert_eq!(statistics(&receiver).messages_missed, 1);
    acknowledge(&mut sender, &reset.contents);
    assert!(sender.all_delivered());
}

#[test]
fn what_is_wholly_under_way_is_settled_by_its_acknowledgement_or_its_loss() {
    for lost in [false, true] {
        let (mut sender, _) = acquainted();
        sender.send(at(0), data(100), &within(50)).unwrap();
        let sent = packet_at(&mut sender, at(10)).unwrap();
        sender.expire(at(60));
        assert!(expired(&mut sender).is_empty());
        if lost {
            lose(&mut sender, &sent.contents);
            let reset = packet_at(&mut sender, at(60)).unwrap();
            assert_eq!(reset.contents[..], [Carried::ResetMessage { number: 1 }]);
            assert_eq!(expired(&mut sender), [1]);
        } else {
            acknowledge(&mut sender, &sent.contents);
            assert!(sender.all_delivered());
        }
    }
}

#[test]
fn nothing_is_sent_again_that_half_a_round_trip_makes_late() {
    let (mut sender, _) = acquainted();
    sender.send(at(0), data(100), &within(100)).unwrap();
    let sent = packet_at(&mut sender, at(10)).unwrap();
    lose(&mut sender, &sent.contents);
    let outlook = Outlook {
        half_smoothed: Duration::from_millis(30),
        ..outlook(at(71))
    };
    packet_with(&mut sender, &outlook, 1200);
    assert_eq!(expired(&mut sender), [1]);
    assert_eq!(statistics(&sender).bytes_retransmitted, 0);
}

#[test]
fn a_message_that_queue_and_rate_make_late_is_not_begun() {
    let (mut sender, _) = acquainted();
    let slow = Outlook {
        least_delay: Duration::from_millis(10),
        queueing: Duration::from_millis(20),
        rate: 100_000,
        ..outlook(at(0))
    };
    // 10 ms for the path, 20 for the queue, 40 for itself.
    sender.send(at(0), data(4000), &within(69)).unwrap();
    sender.send(at(0), data(4000), &within(71)).unwrap();
    let packet = packet_with(&mut sender, &slow, 1200).unwrap();
    assert_eq!(expired(&mut sender), [1]);
    assert!(
        packet
            .contents
            .iter()
            .any(|carried| matches!(carried, Carried::Message { number: 2, .. }))
    );
    // With nothing in flight nobody knows whether that is so still.
    let idle = Outlook {
        in_flight: false,
        ..slow
    };
    sender.send(at(0), data(100), &within(5)).unwrap();
    while packet_with(&mut sender, &idle, 1200).is_some() {}
    assert!(expired(&mut sender).is_empty());
}

#[test]
fn a_message_is_taken_up_to_its_deadline_and_not_after_it() {
    // The ends round to a tenth of a millisecond, twice; the floor has risen by a hundredth.
    for (taken_at, outcome) in [(49_780, true), (50_020, false)] {
        let (mut sender, mut receiver) = acquainted();
        sender.send(at(0), data(100), &within(50)).unwrap();
        let sent = packet_at(&mut sender, at(10)).unwrap();
        receive_at(&mut receiver, at(30), &sent.payload).unwrap();
        assert_eq!(receiver.poll_event(), Some(MessageEvent::Received));
        let now = Instant::ORIGIN + Duration::from_micros(taken_at);
        assert_eq!(receiver.receive(now).is_some(), outcome, "{taken_at} us");
        assert_eq!(statistics(&receiver).messages_missed, u64::from(!outcome));
    }
}

#[test]
fn what_a_queue_makes_late_is_dropped_and_the_sender_hears_how_much() {
    let (mut sender, mut receiver) = acquainted();
    for _ in 0..3 {
        sender.send(at(0), data(100), &within(50)).unwrap();
    }
    let sent = packet_at(&mut sender, at(10)).unwrap();
    receive_at(&mut receiver, at(51), &sent.payload).unwrap();
    assert_eq!(receiver.poll_event(), Some(MessageEvent::Missed(3)));
    assert_eq!(receiver.receive(at(51)), None);
    assert!(receiver.incoming.is_drained());
    acknowledge(&mut sender, &sent.contents);
    transfer(&mut receiver, &mut sender);
    assert_eq!(statistics(&sender).messages_late, 3);
    assert_eq!(statistics(&sender).messages_expired, 0);
}

#[test]
fn a_part_that_comes_late_ends_the_message_whatever_else_has_come() {
    let (mut sender, mut receiver) = acquainted();
    sender.send(at(0), data(2000), &within(50)).unwrap();
    let first = packet_at(&mut sender, at(10)).unwrap();
    let second = packet_at(&mut sender, at(10)).unwrap();
    receive_at(&mut receiver, at(20), &first.payload).unwrap();
    receive_at(&mut receiver, at(55), &second.payload).unwrap();
    assert_eq!(receiver.receive(at(55)), None);
    assert!(receiver.incoming.is_drained());
    receive_at(&mut receiver, at(56), &first.payload).unwrap();
    assert_eq!(statistics(&receiver).messages_missed, 1);
}

#[test]
fn early_data_that_expired_before_it_was_refused_is_counted_as_unsent() {
    let (mut sender, mut receiver) = pair(&config());
    sender.send(at(0), data(4000), &within(50)).unwrap();
    sender.send(at(0), data(10), &within(100)).unwrap();
    packet_at(&mut sender, at(0)).unwrap();
    sender.expire(at(50));
    sender.restart();
    while let Some(packet) = packet_at(&mut sender, at(60)) {
        receive_at(&mut receiver, at(60), &packet.payload).unwrap();
        acknowledge(&mut sender, &packet.contents);
    }
    assert_eq!(receiver.receive(at(60)), Some(data(10)));
    assert_eq!(statistics(&receiver).messages_withheld, 1);
    assert!(sender.all_delivered());
}

#[test]
fn only_the_newest_expired_numbers_are_kept() {
    let (mut sender, _) = acquainted();
    for _ in 0..3000 {
        sender.send(at(0), data(0), &within(1)).unwrap();
    }
    sender.expire(at(1));
    assert_eq!(statistics(&sender).messages_expired, 3000);
    let numbers = expired(&mut sender);
    assert_eq!(numbers, (1977..=3000).collect::<Vec<_>>());
}

#[test]
fn whoever_repairs_packets_is_told_what_is_still_wanted() {
    let (mut sender, _) = acquainted();
    sender.send(at(0), data(100), &within(50)).unwrap();
    let sent = packet_at(&mut sender, at(0)).unwrap();
    let carried = sent.contents.last().unwrap();
    assert_eq!(sender.wanted_until(carried), Some(at(50)));
    acknowledge(&mut sender, &sent.contents);
    assert_eq!(sender.wanted_until(carried), None);
    let always = Some(Instant::DISTANT);
    assert_eq!(sender.wanted_until(&Carried::MaxMessageData), always);
}
