//! Sets of ranges and the ACK frames that carry them.

use std::collections::BTreeSet;
use std::ops::Range;

use super::script::Script;
use crate::frame::{Ack, EcnCounts, Frame, Frames, ack_size_max, write_ack};
use crate::range_set::RangeSet;

/// Above this the model would be too slow.
const NUMBERS: u64 = 256;
/// Operations after which a script is stopped.
const OPERATIONS_MAX: usize = 200;

/// The set behaves as a set of single numbers does.
pub(super) fn range_set(input: &[u8]) {
    let mut script = Script::new(input);
    let (mut set, mut model) = (RangeSet::new(), BTreeSet::new());
    for _ in 0..OPERATIONS_MAX {
        let Some(operation) = script.operation() else {
            break;
        };
        apply(operation, &mut script, &mut set, &mut model);
        let listed: Vec<Range<u64>> = set.iter().collect();
        assert_eq!(listed, runs(&model));
        assert_eq!(
            (set.min(), set.max()),
            (model.first().copied(), model.last().copied())
        );
        assert_eq!(
            (set.len(), set.is_empty()),
            (listed.len(), model.is_empty())
        );
    }
}

fn apply(operation: u8, script: &mut Script<'_>, set: &mut RangeSet, model: &mut BTreeSet<u64>) {
    let start = u64::from(script.byte());
    let range = start..start + u64::from(script.byte() % 32);
    match operation % 8 {
        0..=2 => {
            set.insert(range.clone());
            model.extend(range);
        }
        3 => {
            set.remove(range.clone());
            model.retain(|number| !range.contains(number));
        }
        4 => {
            set.insert_one(start);
            model.insert(start);
        }
        5 => {
            let first = set.pop_first().unwrap_or_default();
            model.retain(|number| !first.contains(number));
        }
        6 => {
            set.truncate_oldest(usize::from(script.byte() % 16));
            let kept = set.min().unwrap_or(NUMBERS * 2);
            model.retain(|number| *number >= kept);
        }
        _ => {
            assert_eq!(set.contains(start), model.contains(&start));
            let all = range.clone().all(|number| model.contains(&number));
            assert_eq!(set.covers(&range), all);
            set.remove_below(start / 2);
            model.retain(|number| *number >= start / 2);
        }
    }
}

fn runs(model: &BTreeSet<u64>) -> Vec<Range<u64>> {
    let mut runs: Vec<Range<u64>> = Vec::new();
    for &number in model {
        match runs.last_mut() {
            Some(last) if last.end == number => last.end += 1,
            _ => runs.push(number..number + 1),
        }
    }
    runs
}

/// Ranges of any ACK frame descend and do not touch; those of a set come back as they were.
pub(super) fn ack_ranges(input: &[u8]) {
    for frame in Frames::new(input).map_while(Result::ok) {
        if let Frame::Ack(ack) = frame {
            check_order(&ack);
        }
    }
    let mut script = Script::new(input);
    let mut received = RangeSet::new();
    let ranges_max = usize::from(script.byte() % 64) + 1;
    let delay = script.number();
    let ecn = (script.byte() & 1 == 1).then(|| EcnCounts {
        ect0: script.number(),
        ect1: 0,
        ce: script.number(),
    });
    while let Some(gap) = script.operation() {
        let start = received.max().unwrap_or(0) + u64::from(gap) * u64::from(gap) * 17;
        received.insert(start..start + u64::from(script.byte()) + 1);
    }
    come_back(&received, delay, ecn, ranges_max);
}

fn check_order(ack: &Ack<'_>) {
    let ranges: Vec<_> = ack.ranges().collect();
    assert!(ranges.iter().all(|range| range.start() <= range.end()));
    assert_eq!(ranges.first().map(|range| *range.end()), Some(ack.largest));
    let apart = |pair: &[std::ops::RangeInclusive<u64>]| match pair {
        [above, below] => *below.end() + 1 < *above.start(),
        _ => true,
    };
    assert!(ranges.windows(2).all(apart));
}

fn come_back(received: &RangeSet, delay: u64, ecn: Option<EcnCounts>, ranges_max: usize) {
    let mut buffer = Vec::new();
    write_ack(&mut buffer, received, delay, ecn, ranges_max);
    assert!(buffer.len() <= ack_size_max(ranges_max));
    let Some(Ok(Frame::Ack(ack))) = Frames::new(&buffer).next() else {
        assert!(received.is_empty());
        return;
    };
    assert_eq!((ack.delay, ack.ecn), (delay, ecn));
    let sent = received.iter().rev().take(ranges_max);
    let read = ack.ranges().map(|range| *range.start()..*range.end() + 1);
    assert!(sent.eq(read));
}
