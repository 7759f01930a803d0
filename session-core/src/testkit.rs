//! The contract that every [`SessionStore`] must pass, as code.
//!
//! Each promise is a public async function that panics when the store breaks it, and is named by
//! what is promised. [`run_all`] runs them all, each against a new, empty store:
//!
//! ```
//! use std::sync::Arc;
//! use session_core::{MemoryStore, SessionStore, testkit};
//!
//! let new_store = || async { Arc::new(MemoryStore::new()) as Arc<dyn SessionStore> };
//! futures::executor::block_on(testkit::run_all(new_store));
//! ```
//!
//! Nothing here needs a particular executor: run it on the one that the store needs. A durable
//! store passes [`sessions_survive_reopening`] too. Stores that can fail (disk full, server away)
//! owe tests of their own for that.

use core::pin::Pin;
use std::sync::Arc;

use crate::store::SessionStore;

mod admission;
mod contention;
mod listing;
mod records;
mod sample;

pub use admission::*;
pub use contention::*;
pub use listing::*;
pub use records::*;
pub use sample::{T0, record, sampled_user, strict, touched};

/// A promise at work.
pub type Checking<'store> = Pin<Box<dyn Future<Output = ()> + Send + 'store>>;

/// Something that every store promises.
pub struct Promise {
    /// The name of the function that checks it.
    pub name: &'static str,
    /// Checks it against an empty store; panics when it is broken.
    pub check: for<'store> fn(&'store dyn SessionStore) -> Checking<'store>,
}

/// Checks all [`PROMISES`], each against an empty store made by `new_store`.
///
/// # Panics
///
/// At the first broken promise.
pub async fn run_all<NewStore, Opening>(mut new_store: NewStore)
where
    NewStore: FnMut() -> Opening,
    Opening: Future<Output = Arc<dyn SessionStore>>,
{
    for promise in PROMISES {
        let store = new_store().await;
        (promise.check)(&*store).await;
    }
}

macro_rules! promises {
    ($($name:ident),* $(,)?) => {
        /// All promises, for a harness that wants one test each.
        pub const PROMISES: &[Promise] = &[
            $(Promise { name: stringify!($name), check: |store| Box::pin($name(store)) }),*
        ];
    };
}

promises![
    created_record_is_loaded_as_it_was,
    unknown_session_is_not_found,
    taken_id_is_a_conflict,
    replacement_needs_the_stored_revision,
    replacement_is_seen_by_every_read,
    removal_answers_with_the_record_once,
    removal_needs_the_stored_revision_when_one_is_given,
    removed_session_is_in_no_index,
    removed_session_is_not_brought_back_by_a_replacement,
    full_user_is_rejected_and_nothing_changes,
    oldest_session_is_evicted,
    as_many_are_evicted_as_the_limit_needs,
    other_users_do_not_count,
    expired_sessions_neither_count_nor_go,
    extended_session_counts_by_its_new_expiry,
    sessions_of_a_user_are_listed_in_the_order_of_ids,
    pages_join_to_the_whole_without_repetition,
    walk_goes_on_after_its_last_session_was_removed,
    connection_index_follows_replacements,
    unmatched_filter_lists_nothing,
    expired_sessions_are_found_earliest_first,
    extended_session_is_not_expired,
    one_of_many_replacements_wins,
    one_of_many_removals_gets_the_record,
    concurrent_creations_never_exceed_the_limit,
    concurrent_evictions_leave_exactly_the_limit,
];
