//! Byte order is mint order, is text order: whatever the clock does, and across threads.
#![expect(clippy::unwrap_used, reason = "what helps a test may fail it")]

use core::time::Duration;
use std::{
    collections::HashSet,
    sync::{Barrier, Mutex, mpsc},
    thread,
};

use guuid::{Clock, Entropy, Generator, Guuid, ManualClock, SeededEntropy, Tick, mint};
use proptest::prelude::*;

const THREADS: usize = 4;
const IDS_PER_THREAD: usize = 20_000;

/// What a clock may do between two ids, in nanoseconds.
#[derive(Clone, Debug)]
enum Step {
    StandStill,
    Ahead(u64),
    Back(u64),
    JumpTo(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => Just(Step::StandStill),
        3 => (0..100_000_u64).prop_map(Step::Ahead),
        1 => (0..10_000_000_000_u64).prop_map(Step::Ahead),
        2 => (0..10_000_000_000_u64).prop_map(Step::Back),
        1 => any::<u64>().prop_map(Step::JumpTo),
    ]
}

fn apply(step: &Step, clock: &ManualClock) {
    match *step {
        Step::StandStill => {}
        Step::Ahead(nanos) => clock.advance(Duration::from_nanos(nanos)),
        Step::Back(nanos) => clock.rewind(Duration::from_nanos(nanos)),
        Step::JumpTo(nanos) => clock.set(Duration::from_nanos(nanos)),
    }
}

fn strictly_increasing<T: Ord>(values: impl IntoIterator<Item = T>) -> bool {
    let values: Vec<T> = values.into_iter().collect();
    values.is_sorted_by(|earlier, later| earlier < later)
}

proptest! {
    #[test]
    fn order_holds_in_every_form_whatever_the_clock_does(
        start in any::<u64>(),
        seed in any::<u64>(),
        steps in prop::collection::vec(step(), 1..200),
    ) {
        let clock = ManualClock::new(Duration::from_nanos(start));
        let generator = Generator::new(&clock, SeededEntropy::new(seed));
        let ids: Vec<Guuid> = steps
            .iter()
            .map(|step| {
                apply(step, &clock);
                generator.mint()
            })
            .collect();
        prop_assert!(strictly_increasing(ids.iter()));
        prop_assert!(strictly_increasing(ids.iter().map(|id| id.to_bytes())));
        prop_assert!(strictly_increasing(ids.iter().map(|id| id.to_uuid())));
        prop_assert!(strictly_increasing(ids.iter().map(|id| id.hyphenated().to_string())));
        prop_assert!(strictly_increasing(ids.iter().map(|id| id.simple().to_string())));
        prop_assert!(strictly_increasing(ids.iter().map(|id| id.sortable().to_string())));
    }

    /// The bound that the documentation gives: the greatest time seen, plus a tick for each id.
    #[test]
    fn ids_run_ahead_of_the_greatest_time_by_one_tick_each_at_most(
        steps in prop::collection::vec(step(), 1..200),
    ) {
        let clock = ManualClock::new(Duration::from_secs(1));
        let generator = Generator::new(&clock, SeededEntropy::new(1));
        let mut greatest = Tick::ZERO;
        for (minted, step) in (1_u64..).zip(&steps) {
            apply(step, &clock);
            let now = Tick::from_unix_time(clock.unix_time());
            greatest = greatest.max(now);
            let tick = generator.mint().tick();
            prop_assert!(tick >= now, "never less than the clock");
            prop_assert!(tick.to_bits() - greatest.to_bits() <= minted);
        }
    }

    #[test]
    fn the_pure_function_mints_what_the_generator_mints(
        seed in any::<u64>(),
        steps in prop::collection::vec(step(), 1..50),
    ) {
        let clock = ManualClock::new(Duration::from_secs(1));
        let generator = Generator::new(&clock, SeededEntropy::new(seed));
        let entropy = SeededEntropy::new(seed);
        let mut last = Tick::ZERO;
        for step in &steps {
            apply(step, &clock);
            let now = Tick::from_unix_time(clock.unix_time());
            let id = mint(last, now, entropy.next_u64());
            prop_assert_eq!(generator.mint(), id);
            last = id.tick();
        }
    }

    #[test]
    fn an_id_is_greater_than_all_of_an_earlier_tick(
        previous in 0..u64::MAX, now in any::<u64>(), random in any::<[u64; 2]>(),
    ) {
        let earlier = Guuid::from_tick(Tick::from_bits(previous), random[0]);
        prop_assert!(mint(earlier.tick(), Tick::from_bits(now), random[1]) > earlier);
    }
}

/// Mints on all threads at once while the clock does what `disturb` makes it do.
fn mint_on_threads<C: Clock, E: Entropy>(
    generator: &Generator<C, E>,
    disturb: impl Fn(usize) + Sync,
) -> Vec<Vec<Guuid>> {
    let start = Barrier::new(THREADS);
    let one_thread = || {
        start.wait();
        (0..IDS_PER_THREAD)
            .map(|index| {
                disturb(index);
                generator.mint()
            })
            .collect()
    };
    thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(one_thread)).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    })
}

fn assert_unique_and_increasing(ids: &[Vec<Guuid>]) {
    for of_one_thread in ids {
        assert!(strictly_increasing(of_one_thread));
    }
    // Not only the ids: no tick was given out twice, so no random bit was needed for that.
    let ticks: HashSet<Tick> = ids.iter().flatten().map(|id| id.tick()).collect();
    assert_eq!(ticks.len(), THREADS * IDS_PER_THREAD);
}

#[cfg(feature = "std")]
#[test]
fn threads_on_the_system_clock_share_one_order() {
    let ids = mint_on_threads(Generator::process_wide(), |_| {});
    assert_unique_and_increasing(&ids);
}

#[test]
fn threads_under_a_standing_clock_share_one_order() {
    let clock = ManualClock::new(Duration::from_secs(1));
    let generator = Generator::new(&clock, SeededEntropy::new(1));
    let ids = mint_on_threads(&generator, |_| {});
    assert_unique_and_increasing(&ids);
    // Each tick from the first to the last was used: none was skipped, none was lost.
    let used = generator.last().to_bits() - Tick::from_unix_time(clock.unix_time()).to_bits();
    assert_eq!(used, (THREADS * IDS_PER_THREAD) as u64 - 1);
}

#[test]
fn threads_under_a_clock_that_jumps_about_share_one_order() {
    let clock = ManualClock::new(Duration::from_secs(1_000));
    let generator = Generator::new(&clock, SeededEntropy::new(1));
    let ids = mint_on_threads(&generator, |index| match index % 5 {
        0 => clock.rewind(Duration::from_micros(7)),
        1 => clock.set(Duration::from_secs(900)),
        2 => clock.set(Duration::from_secs(1_000) + Duration::from_micros(index as u64)),
        _ => clock.advance(Duration::from_nanos(40)),
    });
    assert_unique_and_increasing(&ids);
}

/// Two threads hand ids to and fro: each id is minted after the one that its thread received.
#[test]
fn an_id_minted_after_another_was_received_is_greater() {
    const ROUNDS: usize = 5_000;
    let clock = ManualClock::new(Duration::from_secs(1_000));
    let generator = Generator::new(&clock, SeededEntropy::new(1));
    let answer = |receive: mpsc::Receiver<Guuid>, send: mpsc::Sender<Guuid>| {
        for received in receive {
            clock.rewind(Duration::from_micros(1));
            let minted = generator.mint();
            assert!(
                minted > received,
                "{minted} was minted after {received} was received"
            );
            if send.send(minted).is_err() {
                break;
            }
        }
    };
    let (send_there, receive_there) = mpsc::channel();
    let (send_back, receive_back) = mpsc::channel();
    thread::scope(|scope| {
        scope.spawn(move || answer(receive_there, send_back));
        // Others mint meanwhile, and the order of the two must not depend on it.
        scope.spawn(|| {
            for _ in 0..ROUNDS {
                generator.mint();
            }
        });
        for _ in 0..ROUNDS {
            let sent = generator.mint();
            send_there.send(sent).unwrap();
            assert!(receive_back.recv().unwrap() > sent);
        }
        drop(send_there);
    });
}

#[test]
fn ids_minted_under_a_lock_are_in_the_order_of_the_lock() {
    let generator = Generator::new(ManualClock::new(Duration::ZERO), SeededEntropy::new(1));
    let log = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                for _ in 0..2_000 {
                    generator.mint();
                    let mut log = log.lock().unwrap();
                    log.push(generator.mint());
                }
            });
        }
    });
    assert!(strictly_increasing(log.into_inner().unwrap()));
}
