//! How much memory the open documents take together, known at any time without asking each.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The sum of all shares.
#[derive(Clone, Debug, Default)]
pub(crate) struct Budget(Arc<AtomicUsize>);

/// One part of the sum, for as long as it lives.
#[derive(Debug)]
pub(crate) struct Share {
    budget: Budget,
    bytes: AtomicUsize,
}

impl Budget {
    /// Bytes of all shares together.
    pub(crate) fn bytes(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    /// A new part, of no bytes yet.
    pub(crate) fn share(&self) -> Share {
        Share {
            budget: self.clone(),
            bytes: AtomicUsize::new(0),
        }
    }
}

impl Share {
    /// Makes this part `bytes` large.
    pub(crate) fn set(&self, bytes: usize) {
        let before = self.bytes.swap(bytes, Ordering::Relaxed);
        // In this order the sum never goes below what the others have.
        self.budget.0.fetch_add(bytes, Ordering::Relaxed);
        self.budget.0.fetch_sub(before, Ordering::Relaxed);
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.set(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sum_follows_its_parts() {
        let budget = Budget::default();
        let (one, other) = (budget.share(), budget.share());
        one.set(10);
        other.set(5);
        one.set(3);
        assert_eq!(budget.bytes(), 8);
        drop(other);
        assert_eq!(budget.bytes(), 3);
        drop(one);
        assert_eq!(budget.bytes(), 0);
    }
}
