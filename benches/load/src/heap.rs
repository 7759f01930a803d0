//! How much memory is allocated, to the byte.

#![allow(
    unsafe_code,
    reason = "an allocator is a set of unsafe functions: these hand everything on to the system's"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicBool, AtomicIsize, Ordering};

static IS_COUNTING: AtomicBool = AtomicBool::new(false);
static LIVE: AtomicIsize = AtomicIsize::new(0);

/// The system's allocator. Once it is told to count, it counts what is live.
pub(crate) struct Counting;

/// Counts from now on: memory that was allocated before is not there when it is freed. Parts that
/// measure time do without, because threads meet in the counter.
pub(crate) fn count() {
    IS_COUNTING.store(true, Ordering::Relaxed);
}

/// Bytes that were allocated since [`count`] and not freed, less those that were freed alone: what is
/// between two such figures is what was allocated between them.
pub(crate) fn live() -> isize {
    LIVE.load(Ordering::Relaxed)
}

/// Bytes by which `work` makes the heap larger, and what it made.
pub(crate) fn grown_by<T>(work: impl FnOnce() -> T) -> (f64, T) {
    let before = live();
    let made = work();
    ((live() - before) as f64, made)
}

fn note(bytes: isize) {
    if IS_COUNTING.load(Ordering::Relaxed) {
        LIVE.fetch_add(bytes, Ordering::Relaxed);
    }
}

// SAFETY: every call goes on to the system's allocator as it came; no allocation is made here.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note(layout.size().cast_signed());
        // SAFETY: the caller keeps to the contract of this function.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        note(-layout.size().cast_signed());
        // SAFETY: the caller keeps to the contract of this function.
        unsafe { System.dealloc(place, layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        note(layout.size().cast_signed());
        // SAFETY: the caller keeps to the contract of this function.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        note(size.cast_signed() - layout.size().cast_signed());
        // SAFETY: the caller keeps to the contract of this function.
        unsafe { System.realloc(place, layout, size) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_allocated_and_freed_is_counted() {
        count();
        // Other tests allocate meanwhile, but not a gigabyte.
        const BYTES: f64 = (1 << 30) as f64;
        let (grown, large) = grown_by(|| vec![0_u8; 1 << 30]);
        assert!((0.9 * BYTES..1.1 * BYTES).contains(&grown), "{grown}");
        let (freed, ()) = grown_by(|| drop(large));
        assert!((-1.1 * BYTES..-0.9 * BYTES).contains(&freed), "{freed}");
    }
}
