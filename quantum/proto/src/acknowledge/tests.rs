use std::time::Duration;

use super::*;

const MS: Duration = Duration::from_millis(1);
const DELAY: Duration = Duration::from_millis(25);

fn at(ms: u64) -> Instant {
    Instant::from_nanos(ms * 1_000_000)
}

fn data() -> Acknowledger {
    Acknowledger::new(SpaceId::Data, DELAY)
}

fn receive(acknowledger: &mut Acknowledger, ms: u64, number: u64) {
    assert!(!acknowledger.is_duplicate(number), "packet {number}");
    acknowledger.on_received(at(ms), number, true, None);
}

fn reordering(threshold: u64, packets: u64) -> Acknowledger {
    let mut acknowledger = data();
    let frame = AckFrequency {
        sequence: 0,
        ack_eliciting_threshold: packets - 1,
        request_max_ack_delay: 25_000,
        reordering_threshold: threshold,
    };
    acknowledger.on_ack_frequency(&frame).unwrap();
    acknowledger
}

#[test]
fn every_second_packet_is_acknowledged_at_once() {
    let mut acknowledger = data();
    receive(&mut acknowledger, 0, 0);
    assert!(!acknowledger.is_due(at(0)));
    assert!(acknowledger.has_news());
    receive(&mut acknowledger, 0, 1);
    assert!(acknowledger.is_due(at(0)));
    acknowledger.on_ack_sent();
    assert!(!acknowledger.is_due(at(1_000)));
    assert!(!acknowledger.has_news());
}

#[test]
fn a_lone_packet_is_acknowledged_within_the_delay() {
    let mut acknowledger = data();
    receive(&mut acknowledger, 10, 0);
    assert_eq!(acknowledger.timeout(), Some(at(35)));
    assert!(!acknowledger.is_due(at(34)));
    assert!(acknowledger.is_due(at(35)));
    let content = acknowledger.content(at(35)).unwrap();
    assert_eq!((content.largest, content.delay), (0, MS * 25));
}

#[test]
fn handshake_packets_are_acknowledged_at_once() {
    let mut acknowledger = Acknowledger::new(SpaceId::Handshake, DELAY);
    receive(&mut acknowledger, 0, 0);
    assert!(acknowledger.is_due(at(0)));
}

#[test]
fn packets_that_elicit_nothing_are_not_answered() {
    let mut acknowledger = data();
    for number in 0..100 {
        acknowledger.on_received(at(0), number, false, None);
    }
    assert!(!acknowledger.has_news());
    assert_eq!(acknowledger.timeout(), None);
}

#[test]
fn a_gap_and_its_late_packet_are_reported_at_once() {
    let mut acknowledger = data();
    receive(&mut acknowledger, 0, 0);
    acknowledger.on_ack_sent();
    receive(&mut acknowledger, 0, 2);
    assert!(acknowledger.is_due(at(0)));
    acknowledger.on_ack_sent();
    receive(&mut acknowledger, 0, 3);
    assert!(!acknowledger.is_due(at(0)), "the gap is known by now");
    receive(&mut acknowledger, 0, 1);
    assert!(acknowledger.is_due(at(0)));
}

#[test]
fn marked_packets_are_reported_at_once_and_counted() {
    let mut acknowledger = data();
    acknowledger.on_received(at(0), 0, true, Some(EcnCodepoint::Ce));
    assert!(acknowledger.is_due(at(0)));
    acknowledger.on_received(at(0), 1, true, Some(EcnCodepoint::Ect0));
    let counts = EcnCounts {
        ect0: 1,
        ect1: 0,
        ce: 1,
    };
    assert_eq!(acknowledger.content(at(0)).unwrap().ecn, Some(counts));
}

#[test]
fn unmarked_packets_show_no_counts() {
    let mut acknowledger = data();
    receive(&mut acknowledger, 0, 0);
    assert_eq!(acknowledger.content(at(0)).unwrap().ecn, None);
}

#[test]
fn the_peer_chooses_how_often() {
    let mut acknowledger = reordering(3, 10);
    for number in 0..9 {
        receive(&mut acknowledger, 0, number);
    }
    assert!(!acknowledger.is_due(at(0)));
    receive(&mut acknowledger, 0, 9);
    assert!(acknowledger.is_due(at(0)));
}

#[test]
fn a_gap_is_reported_when_it_is_as_far_behind_as_the_peer_asks() {
    let mut acknowledger = reordering(3, 100);
    receive(&mut acknowledger, 0, 0);
    receive(&mut acknowledger, 0, 2);
    receive(&mut acknowledger, 0, 3);
    assert!(!acknowledger.is_due(at(0)));
    receive(&mut acknowledger, 0, 4);
    assert!(acknowledger.is_due(at(0)));
    acknowledger.on_ack_sent();
    (5..60).for_each(|number| receive(&mut acknowledger, 0, number));
    assert!(!acknowledger.is_due(at(0)), "the gap is known by now");
}

#[test]
fn what_was_acknowledged_and_forgotten_is_no_gap() {
    let mut acknowledger = reordering(3, 100);
    (0..=100).for_each(|number| receive(&mut acknowledger, 0, number));
    acknowledger.on_ack_sent();
    acknowledger.on_ack_delivered(100);
    receive(&mut acknowledger, 0, 101);
    assert!(!acknowledger.is_due(at(0)));
}

#[test]
fn a_peer_that_does_not_mind_reordering_is_not_told_of_it() {
    let mut acknowledger = reordering(0, 100);
    for number in [0, 5, 9, 3] {
        receive(&mut acknowledger, 0, number);
    }
    assert!(!acknowledger.is_due(at(0)));
    acknowledger.on_immediate_ack();
    assert!(acknowledger.is_due(at(0)));
}

#[test]
fn an_old_wish_does_not_undo_a_newer_one() {
    let mut acknowledger = reordering(0, 100);
    let old = AckFrequency {
        sequence: 0,
        ack_eliciting_threshold: 0,
        request_max_ack_delay: 1_000,
        reordering_threshold: 1,
    };
    acknowledger.on_ack_frequency(&old).unwrap();
    receive(&mut acknowledger, 0, 0);
    assert!(!acknowledger.is_due(at(1)));
}

#[test]
fn a_delay_below_what_was_promised_is_a_violation() {
    let hasty = AckFrequency {
        sequence: 0,
        ack_eliciting_threshold: 0,
        request_max_ack_delay: 999,
        reordering_threshold: 1,
    };
    assert!(data().on_ack_frequency(&hasty).is_err());
}

#[test]
fn t8_a_peer_that_skips_every_second_number_costs_64_ranges() {
    let mut acknowledger = data();
    for number in (0..200_000).step_by(2) {
        receive(&mut acknowledger, 0, number);
        assert!(acknowledger.ranges.len() <= RANGES_KEPT_MAX);
    }
    assert_eq!(acknowledger.ranges.max(), Some(199_998));
    assert_eq!(acknowledger.ranges.min(), Some(199_998 - 2 * 63));
}

#[test]
fn t19_duplicates_and_old_replays_are_dropped() {
    let mut acknowledger = data();
    let (mut state, mut arrived) = (1_u64, std::collections::BTreeSet::new());
    for step in 0..50_000_u64 {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        // Mostly forward, a fifth of it repeated, some from long ago.
        let number = match (state >> 33) % 10 {
            0 => step.saturating_sub((state >> 40) % 20_000),
            1 | 2 => step.saturating_sub((state >> 40) % 1_024),
            _ => step,
        };
        if acknowledger.is_duplicate(number) {
            let newest = acknowledger.largest().unwrap();
            let old = newest.saturating_sub(number) > 1_024;
            assert!(old || arrived.contains(&number), "{number} is new");
        } else {
            assert!(arrived.insert(number), "{number} came through twice");
            acknowledger.on_received(at(step), number, true, None);
        }
    }
}

#[test]
fn the_window_moves_by_leaps() {
    let mut window = DuplicateWindow::new();
    for number in [0, 1, 70, 5_000, 5_001, 1 << 40, (1 << 62) - 1] {
        assert!(!window.contains(number));
        window.insert(number);
        assert!(window.contains(number));
    }
    assert!(window.contains(5_000), "too old to tell");
    assert!(!window.contains((1 << 62) - 2));
}

#[test]
fn what_the_peer_knows_is_not_repeated() {
    let mut acknowledger = data();
    for number in [0, 1, 2, 5, 6, 9] {
        receive(&mut acknowledger, 0, number);
    }
    acknowledger.on_ack_delivered(6);
    assert!(acknowledger.ranges.iter().eq(std::iter::once(9..10)));
    acknowledger.on_ack_delivered(u64::MAX);
    assert!(acknowledger.ranges.iter().eq(std::iter::once(9..10)));
}

#[test]
fn bulk_asks_for_one_acknowledgement_in_ten_packets_or_an_eighth_of_the_round_trip() {
    let mut requests = FrequencyRequests::new(Some(MS));
    assert_eq!(requests.poll(MS * 80, 40, 3), None);
    let frame = requests.poll(MS * 80, 200, 3).unwrap();
    assert_eq!(frame.ack_eliciting_threshold, 9);
    assert_eq!(frame.request_max_ack_delay, 10_000);
    assert_eq!(frame.reordering_threshold, 3);
    assert_eq!(requests.on_delivered(), Some(MS * 10));
    assert_eq!(requests.poll(MS * 90, 300, 3), None);
}

#[test]
fn a_small_window_asks_for_an_acknowledgement_of_each_packet() {
    let mut requests = FrequencyRequests::new(Some(MS));
    let frame = requests.poll(MS * 80, 20, 3).unwrap();
    assert_eq!(frame.ack_eliciting_threshold, 0);
    let frame = requests.poll(MS * 80, 32, 3).unwrap();
    assert_eq!(frame.ack_eliciting_threshold, 1);
}

#[test]
fn a_lost_wish_is_repeated_with_a_new_number() {
    let mut requests = FrequencyRequests::new(Some(MS));
    assert_eq!(requests.poll(MS * 80, 200, 3).unwrap().sequence, 0);
    requests.on_lost();
    assert_eq!(requests.poll(MS * 80, 200, 3).unwrap().sequence, 1);
    assert_eq!(requests.poll(MS * 80, 200, 3), None);
}

#[test]
fn peers_without_the_extension_are_asked_for_nothing() {
    let mut requests = FrequencyRequests::new(None);
    assert_eq!(requests.poll(MS * 80, 2_000, 3), None);
}
