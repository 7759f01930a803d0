//! What is wrong with a driver.

use std::time::Duration;

use quantum_proto::time::Instant;

use crate::driver::DriverFaults;
use crate::path::window::Active;
use crate::random::Random;
use crate::units::{ms, seconds};

/// Half of the drivers are perfect.
pub(super) fn draw(random: &mut Random, calm_at: Instant) -> DriverFaults {
    let mut faults = DriverFaults {
        active: Active::until(calm_at),
        ..DriverFaults::default()
    };
    if random.chance(0.5) {
        return faults;
    }
    faults.timer_late = maybe(random, 0.5, ms(20));
    faults.clock_lag = maybe(random, 0.3, ms(3));
    faults.spurious_wakeups = if random.chance(0.3) { 0.2 } else { 0.0 };
    faults.batch = usize::try_from(random.logarithmic(1, 64)).unwrap_or(1);
    faults.turn = usize::try_from(random.logarithmic(1, 1024)).unwrap_or(1);
    faults.pause = random.up_to(Duration::from_micros(200));
    faults.receive_buffer = usize::try_from(random.logarithmic(20_000, 4 << 20)).unwrap_or(20_000);
    if random.chance(0.3) {
        let latest = (calm_at - Instant::ORIGIN).saturating_sub(seconds(1));
        let start = Instant::ORIGIN + random.up_to(latest);
        let end = start + ms(random.logarithmic(1, 2000));
        faults.stalls.push(start..end.min(calm_at));
    }
    faults
}

fn maybe(random: &mut Random, probability: f64, most: Duration) -> Duration {
    if random.chance(probability) {
        random.up_to(most)
    } else {
        Duration::ZERO
    }
}
