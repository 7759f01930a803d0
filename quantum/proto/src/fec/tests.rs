//! What repairs promise: whatever is lost, as many repairs as lost packets bring it back, and nothing
//! else ever comes of them.

use std::cell::Cell;

use super::encode::SourceWindow;
use crate::time::Instant;

mod hostile;
mod schedule;
mod stream;

thread_local! {
    static SUMS: Cell<u64> = const { Cell::new(0) };
}

/// How many multiples of symbols this thread has added: the work that repairs are.
pub(crate) fn sums() -> u64 {
    SUMS.get()
}

pub(super) fn count_sum() {
    SUMS.set(SUMS.get() + 1);
}

/// A REPAIR frame in packet `row` that says what these packets carry.
pub(crate) fn repair_of(row: u64, symbols: &[(u64, &[u8])]) -> Vec<u8> {
    let mut window = SourceWindow::default();
    for (number, symbol) in symbols {
        window.push(*number, symbol, Instant::DISTANT, Instant::DISTANT);
    }
    let mut frame = Vec::new();
    let repair = window.plan(row, symbols.len(), 1_500).expect("it fits");
    repair.write(&mut frame);
    frame
}
