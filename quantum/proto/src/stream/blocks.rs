//! Blocks of memory for stream data, used again and again.
//!
//! Bulk data passes through a block every few microseconds. An allocator that gets such blocks back
//! in the order of their addresses returns the memory to the system, and each new block begins with
//! page faults; a block that was in use just now is also in the processor's caches.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::BytesMut;

/// Bytes per block: some twenty packets, and small against every window.
pub(crate) const BLOCK_BYTES: usize = 32 << 10;

/// Blocks that are kept for whoever needs one next: 2 MiB, whatever the number of connections.
const KEPT_MAX: usize = 64;

/// Where blocks come from and go to: shared by all connections of one configuration, so that an
/// idle one holds none. Clones are the same; the default keeps nothing.
#[derive(Clone, Debug, Default)]
pub(crate) struct Blocks(Option<Arc<Mutex<Vec<BytesMut>>>>);

impl Blocks {
    /// Keeps blocks, none at first.
    pub(crate) fn new() -> Self {
        Self(Some(Arc::default()))
    }

    /// An empty block.
    pub(crate) fn take(&self) -> BytesMut {
        let kept = self.0.as_ref().and_then(|kept| {
            let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
            kept.pop()
        });
        kept.unwrap_or_else(|| BytesMut::with_capacity(BLOCK_BYTES))
    }

    /// Takes memory back: kept if it is a block that nobody else uses.
    pub(crate) fn put(&self, mut block: BytesMut) {
        let Some(kept) = &self.0 else {
            return;
        };
        block.clear();
        if !block.try_reclaim(BLOCK_BYTES) || block.capacity() != BLOCK_BYTES {
            return;
        }
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < KEPT_MAX {
            kept.push(block);
        }
    }

    /// How many blocks are kept.
    #[cfg(test)]
    pub(crate) fn kept(&self) -> usize {
        let lock = |kept: &Arc<Mutex<Vec<_>>>| kept.lock().unwrap().len();
        self.0.as_ref().map_or(0, lock)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Buf;

    use super::*;

    #[test]
    fn a_block_comes_back_whole_whatever_was_done_with_it() {
        let blocks = Blocks::new();
        let mut block = blocks.take();
        block.extend_from_slice(&[1; BLOCK_BYTES]);
        block.advance(BLOCK_BYTES / 2);
        drop(block.split_to(100).freeze());
        blocks.put(block);
        assert_eq!(blocks.kept(), 1);
        let block = blocks.take();
        assert_eq!((block.len(), block.capacity()), (0, BLOCK_BYTES));
        assert_eq!(blocks.kept(), 0);
    }

    #[test]
    fn what_somebody_still_reads_is_not_kept() {
        let blocks = Blocks::new();
        let mut block = blocks.take();
        block.extend_from_slice(&[1; BLOCK_BYTES]);
        let read = block.split_to(100).freeze();
        blocks.put(block);
        assert_eq!(blocks.kept(), 0);
        assert_eq!(read, [1; 100][..]);
    }

    #[test]
    fn other_sizes_and_too_many_are_not_kept() {
        let blocks = Blocks::new();
        blocks.put(BytesMut::with_capacity(BLOCK_BYTES / 2));
        blocks.put(BytesMut::with_capacity(BLOCK_BYTES * 2));
        assert_eq!(blocks.kept(), 0);
        let taken: Vec<_> = (0..2 * KEPT_MAX).map(|_| blocks.take()).collect();
        taken.into_iter().for_each(|block| blocks.put(block));
        assert_eq!(blocks.kept(), KEPT_MAX);
    }
}
