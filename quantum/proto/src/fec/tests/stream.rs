use std::time::Duration;

use proptest::prelude::*;

use crate::fec::decode::{Decoder, Recovered, Use};
use crate::fec::encode::SourceWindow;
use crate::frame::{Frame, Frames};
use crate::time::Instant;

/// A symbol that says which packet it is of.
fn symbol(number: u64) -> Vec<u8> {
    let length = 3 + (number * 7 % 50) as usize;
    (0..length as u64)
        .map(|at| (number * 31 + at) as u8)
        .collect()
}

/// Hands a repair of the window, sent as packet `row`, to the decoder.
fn repair(window: &SourceWindow, row: u64, lost: &[u64], decoder: &mut Decoder) -> Use {
    let mut frame = Vec::new();
    window.plan(row, 32, 1_200).unwrap().write(&mut frame);
    let Some(Ok(Frame::Repair(repair))) = Frames::new(&frame).next() else {
        panic!("a repair");
    };
    decoder
        .on_repair(row, &repair, |number| !lost.contains(&number))
        .unwrap()
}

fn take_all(decoder: &mut Decoder) -> Vec<u64> {
    let mut numbers = Vec::new();
    while let Some(Recovered {
        number,
        symbol: found,
    }) = decoder.take_recovered().unwrap()
    {
        assert_eq!(found, symbol(number));
        numbers.push(number);
    }
    numbers.sort_unstable();
    numbers
}

#[test]
fn a_lost_packet_comes_back_with_the_next_repair() {
    let (mut window, mut decoder) = (SourceWindow::default(), Decoder::new());
    for number in 1..=5 {
        window.push(number, &symbol(number), Instant::DISTANT, Instant::DISTANT);
        if number != 3 {
            decoder.on_symbol(number, &symbol(number)).unwrap();
        }
    }
    assert_eq!(repair(&window, 6, &[3], &mut decoder), Use::Kept);
    assert_eq!(take_all(&mut decoder), [3]);
    assert_eq!(repair(&window, 7, &[3], &mut decoder), Use::Needless);
}

#[test]
fn what_was_not_kept_makes_a_repair_useless() {
    let (mut window, mut decoder) = (SourceWindow::default(), Decoder::new());
    (1..=5).for_each(|number| {
        window.push(number, &symbol(number), Instant::DISTANT, Instant::DISTANT)
    });
    assert_eq!(repair(&window, 6, &[3], &mut decoder), Use::Skipped);
}

#[test]
fn a_packet_that_is_only_late_helps_as_well() {
    let (mut window, mut decoder) = (SourceWindow::default(), Decoder::new());
    let lost = [2, 3];
    for number in 1..=4 {
        window.push(number, &symbol(number), Instant::DISTANT, Instant::DISTANT);
        if !lost.contains(&number) {
            decoder.on_symbol(number, &symbol(number)).unwrap();
        }
    }
    assert_eq!(repair(&window, 5, &lost, &mut decoder), Use::Kept);
    assert_eq!(take_all(&mut decoder), [0; 0]);
    decoder.on_symbol(3, &symbol(3)).unwrap();
    assert_eq!(take_all(&mut decoder), [2]);
}

proptest! {
    /// Whatever is lost of sources and repairs: as soon as as many repairs have come as packets are
    /// missing that they cover, all are back; and what comes back is what was sent.
    #[test]
    fn as_many_repairs_as_losses_bring_everything_back(
        lost in prop::collection::btree_set(0u64..24, 0..12),
        order in prop::collection::vec(any::<bool>(), 24),
    ) {
        let (mut window, mut decoder) = (SourceWindow::default(), Decoder::new());
        let lost: Vec<u64> = lost.into_iter().collect();
        for number in 0..24 {
            window.push(number, &symbol(number), Instant::DISTANT, Instant::DISTANT);
            if !lost.contains(&number) {
                decoder.on_symbol(number, &symbol(number)).unwrap();
            }
        }
        let mut back = Vec::new();
        // Rows need not be in a row: packets between them may be lost.
        let mut row = 24;
        for step in order.iter().take(lost.len()) {
            row += 1 + u64::from(*step);
            repair(&window, row, &lost, &mut decoder);
            back.extend(take_all(&mut decoder));
        }
        back.sort_unstable();
        prop_assert_eq!(back, lost);
    }

    /// A window that moves on, with losses and repairs anywhere.
    #[test]
    fn nothing_wrong_ever_comes_back(
        steps in prop::collection::vec((any::<bool>(), 0u8..4, any::<bool>()), 1..200),
    ) {
        let (mut window, mut decoder) = (SourceWindow::default(), Decoder::new());
        let (mut row, mut lost) = (0, Vec::new());
        for (source, repairs, arrives) in steps {
            row += 1;
            if source {
                window.push(row, &symbol(row), Instant::DISTANT, Instant::DISTANT);
                if arrives {
                    decoder.on_symbol(row, &symbol(row)).unwrap();
                } else {
                    lost.push(row);
                }
            } else if repairs == 0 && window.plan(row, 32, 1_200).is_some() {
                repair(&window, row, &lost, &mut decoder);
            }
            for number in take_all(&mut decoder) {
                prop_assert!(lost.contains(&number));
            }
        }
    }
}

#[test]
fn what_nobody_wants_any_more_is_not_repaired() {
    let (mut window, mut decoder) = (SourceWindow::default(), Decoder::new());
    let late = Instant::from_nanos(1_000);
    for number in 1..=4 {
        let until = if number % 2 == 0 {
            late
        } else {
            Instant::DISTANT
        };
        window.push(number, &symbol(number), until, Instant::DISTANT);
    }
    window.forget_unwanted(late);
    let whole = window.plan(5, 32, 1_200).expect("four").bytes();
    window.forget_unwanted(late + Duration::from_nanos(1));
    let half = window.plan(5, 32, 1_200).expect("two").bytes();
    assert!(half < whole, "the longest symbol is gone");
    // It covers the first and the third packet alone, so that one of them suffices.
    decoder.on_symbol(1, &symbol(1)).unwrap();
    assert_eq!(repair(&window, 5, &[2, 3, 4], &mut decoder), Use::Kept);
    assert_eq!(take_all(&mut decoder), [3]);
    window.settle(1);
    window.settle(3);
    assert!(window.is_empty());
}
