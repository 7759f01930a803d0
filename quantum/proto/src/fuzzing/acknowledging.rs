//! What is acknowledged.

use std::collections::BTreeSet;
use std::time::Duration;

use super::script::Script;
use crate::acknowledge::Acknowledger;
use crate::frame::AckFrequency;
use crate::recovery::SpaceId;
use crate::time::Instant;
use crate::transmit::EcnCodepoint;

/// Only what arrived is acknowledged, what arrived is known as a duplicate, and the ranges stay
/// few.
pub(super) fn acknowledge(input: &[u8]) {
    let mut script = Script::new(input);
    let mut acknowledger = Acknowledger::new(SpaceId::Data, Duration::from_millis(25));
    let mut arrived = BTreeSet::new();
    let mut now = Instant::from_nanos(1);
    while let Some(operation) = script.operation() {
        now += Duration::from_millis(u64::from(operation >> 4));
        match operation % 8 {
            0..=3 => {
                let base = acknowledger.largest().unwrap_or(0);
                let number = (base + u64::from(script.byte())).saturating_sub(100);
                receive(&mut acknowledger, now, number, operation, &mut arrived);
            }
            4 => acknowledger.on_ack_sent(),
            5 => acknowledger.on_ack_delivered(script.short().into()),
            6 => acknowledger.on_immediate_ack(),
            _ => {
                let _ = acknowledger.on_ack_frequency(&AckFrequency {
                    sequence: script.byte().into(),
                    ack_eliciting_threshold: script.number(),
                    request_max_ack_delay: script.number(),
                    reordering_threshold: script.number(),
                });
            }
        }
        check(&acknowledger, now, &arrived);
    }
}

fn receive(
    acknowledger: &mut Acknowledger,
    now: Instant,
    number: u64,
    operation: u8,
    arrived: &mut BTreeSet<u64>,
) {
    if acknowledger.is_duplicate(number) {
        return;
    }
    assert!(arrived.insert(number), "a duplicate of {number} passed");
    let ecn = (operation & 4 != 0).then_some(EcnCodepoint::Ce);
    acknowledger.on_received(now, number, operation & 1 == 0, ecn);
}

fn check(acknowledger: &Acknowledger, now: Instant, arrived: &BTreeSet<u64>) {
    let Some(content) = acknowledger.content(now) else {
        return;
    };
    assert_eq!(Some(content.largest), arrived.last().copied());
    assert_eq!(content.ranges.max(), Some(content.largest));
    assert!(content.ranges.len() <= 64);
    let all_arrived = |range: std::ops::Range<u64>| {
        arrived.range(range.clone()).count() as u64 == range.end - range.start
    };
    assert!(content.ranges.iter().all(all_arrived));
}
