//! All that is left without `std` and without an allocator, used as such a program uses it.
//! Runs with every set of features; `cargo test -p guuid --no-default-features` is the one meant.
#![no_std]

use core::{fmt::Write, time::Duration};

use guuid::{Clock, Entropy, Generator, Guuid, ManualClock, SeededEntropy};

/// A timer and a noise source as a board would have them.
struct Timer;
struct Noise;

impl Clock for Timer {
    fn unix_time(&self) -> Duration {
        Duration::from_millis(1_645_557_742_000)
    }
}

impl Entropy for Noise {
    fn fill(&self, destination: &mut [u8]) {
        destination.fill(0xa5);
    }
}

static IDS: Generator<Timer, Noise> = Generator::new(Timer, Noise);

#[test]
fn a_board_mints_from_its_own_clock_and_entropy() {
    let (first, second) = (IDS.mint(), IDS.mint());
    assert!(first < second);
    assert_eq!(first.unix_ms(), Timer.unix_ms());
    assert_eq!(first.to_bytes()[9..], [0xa5; 7]);
}

#[test]
fn a_simulation_mints_the_same_ids_for_the_same_seed() {
    let ids = || {
        let clock = ManualClock::new(Duration::from_secs(1));
        let generator = Generator::new(clock, SeededEntropy::new(42));
        [(); 3].map(|()| {
            generator.clock().advance(Duration::from_micros(3));
            generator.mint()
        })
    };
    assert_eq!(ids(), ids());
}

#[test]
fn text_needs_no_allocation() {
    struct Buffer<const N: usize>([u8; N], usize);
    impl<const N: usize> Write for Buffer<N> {
        fn write_str(&mut self, text: &str) -> core::fmt::Result {
            let end = self.1 + text.len();
            self.0
                .get_mut(self.1..end)
                .ok_or(core::fmt::Error)?
                .copy_from_slice(text.as_bytes());
            self.1 = end;
            Ok(())
        }
    }
    let id = Guuid::parse("01fwhe4ydgfk1shh6w1g60eecf").unwrap();
    let mut buffer = Buffer([0; 63], 0);
    write!(buffer, "{id} {}", id.sortable()).unwrap();
    assert_eq!(
        &buffer.0,
        b"017f22e2-79b0-7cc3-98c4-dc0c0c07398f 01fwhe4ydgfk1shh6w1g60eecf"
    );
}
