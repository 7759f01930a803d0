//! What a subscriber is sent of a document's news: as few frames as possible.

use std::sync::Arc;

use bytes::Bytes;
use statesync_core::{Change, ConnectionId, News};

/// Size above which updates are no longer joined into one.
const JOINED_BYTES_MAX: usize = 256 * 1024;

/// The updates that `me` has not made itself, several of them joined into one. What cannot be
/// joined is sent one by one.
pub(crate) fn updates_for(me: ConnectionId, news: &[Arc<News>]) -> Vec<Bytes> {
    let foreign: Vec<&Bytes> = news
        .iter()
        .filter(|item| item.origin != Some(me))
        .filter_map(|item| match &item.record.change {
            Change::Yjs(update) => Some(update),
            _ => None,
        })
        .collect();
    let mut joined = Vec::new();
    let mut rest = foreign.as_slice();
    while !rest.is_empty() {
        let (group, others) = rest.split_at(group_length(rest));
        joined.extend(join(group));
        rest = others;
    }
    joined
}

/// How many of the first updates fit into one frame: at least one.
fn group_length(updates: &[&Bytes]) -> usize {
    let mut bytes = 0;
    let fitting = updates.iter().take_while(|update| {
        bytes += update.len();
        bytes <= JOINED_BYTES_MAX
    });
    fitting.count().max(1)
}

fn join(group: &[&Bytes]) -> Vec<Bytes> {
    if group.len() > 1 {
        if let Ok(merged) = yrs::merge_updates_v1(group.iter().map(|update| update.as_ref())) {
            return vec![merged.into()];
        }
    }
    group.iter().map(|update| Bytes::clone(update)).collect()
}
