//! The memory store keeps the public contract.

use statesync_core::{MemoryStore, testkit};

#[test]
fn the_memory_store_keeps_the_contract() {
    futures::executor::block_on(testkit::run_all(&MemoryStore::new()));
}
