//! What a subscriber is sent of a document's news: as few frames as possible.

use std::sync::Arc;

use bytes::Bytes;
use statesync_core::{ConnectionId, News};

/// Size above which updates are no longer joined into one.
const JOINED_BYTES_MAX: usize = 256 * 1024;

/// The updates that `me` has not made itself, several of them joined into one. What cannot be
/// joined is sent one by one.
pub(crate) fn updates_for(me: ConnectionId, news: &[Arc<News>]) -> Vec<Bytes> {
    let foreign: Vec<&Bytes> = news
        .iter()
        .filter(|item| item.origin != Some(me))
        .filter_map(|item| item.record.yjs_update())
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
    let merged = (group.len() > 1)
        .then(|| yrs::merge_updates_v1(group.iter().map(|update| update.as_ref())).ok())
        .flatten();
    match merged {
        Some(merged) => vec![merged.into()],
        None => group.iter().copied().cloned().collect(),
    }
}

#[cfg(test)]
mod tests {
    use guuid::Guuid;
    use statesync_core::{
        Author, Change, Edit, OperationId, PropertiesChange, Record, Timestamp, UserId, Version,
    };
    use yrs::updates::decoder::Decode;
    use yrs::{Doc, GetString, Text, Transact, Update};

    use super::*;

    fn news(origin: u64, change: Change) -> Arc<News> {
        let author = Author {
            user_id: UserId::new("alice").unwrap(),
            session_id: "".into(),
        };
        let edit = Edit::new(author, change);
        let id = OperationId(Guuid::now());
        let record = Arc::new(Record::of(edit, Version(1), id, Timestamp(0)));
        Arc::new(News::new(record, Some(ConnectionId(origin)), Vec::new()))
    }

    /// Updates of a document in which somebody types `letters`, one update each.
    fn typed(letters: &str) -> Vec<Bytes> {
        let document = Doc::new();
        let text = document.get_or_insert_text("content");
        let mut updates = Vec::new();
        for letter in letters.chars() {
            let mut transaction = document.transact_mut();
            text.push(&mut transaction, &letter.to_string());
            updates.push(transaction.encode_update_v1().into());
        }
        updates
    }

    #[test]
    fn many_updates_are_joined_and_say_the_same() {
        let updates = typed("hello");
        let items: Vec<_> = updates
            .into_iter()
            .map(|u| news(1, Change::Yjs(u)))
            .collect();
        let joined = updates_for(ConnectionId(2), &items);
        assert_eq!(joined.len(), 1);
        let reader = Doc::new();
        let text = reader.get_or_insert_text("content");
        let mut transaction = reader.transact_mut();
        transaction
            .apply_update(Update::decode_v1(&joined[0]).unwrap())
            .unwrap();
        assert_eq!(text.get_string(&transaction), "hello");
    }

    #[test]
    fn nobody_is_told_their_own_edits_or_changes_of_the_head() {
        let own = typed("a")
            .into_iter()
            .map(|update| news(7, Change::Yjs(update)));
        let head = news(1, Change::Properties(PropertiesChange::default()));
        let items: Vec<_> = own.chain([head]).collect();
        assert!(updates_for(ConnectionId(7), &items).is_empty());
        assert_eq!(updates_for(ConnectionId(1), &items).len(), 1);
    }

    #[test]
    fn what_cannot_be_joined_is_sent_one_by_one() {
        let good = typed("a").remove(0);
        let bad = Bytes::from_static(b"\xff");
        let items = [good.clone(), bad.clone()].map(|update| news(1, Change::Yjs(update)));
        assert_eq!(updates_for(ConnectionId(2), &items), [good, bad]);
    }

    #[test]
    fn a_group_has_at_least_one_update_and_stays_below_the_limit() {
        let large = Bytes::from(vec![0; JOINED_BYTES_MAX]);
        let small = Bytes::from_static(b"x");
        assert_eq!(group_length(&[&large, &small]), 1);
        assert_eq!(group_length(&[&small, &small, &large]), 2);
        let too_large = Bytes::from(vec![0; JOINED_BYTES_MAX + 1]);
        assert_eq!(group_length(&[&too_large]), 1);
    }
}
