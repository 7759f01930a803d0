//! What a row of a record keeps, and what it notices.

use statesync_core::{Change, Edit, Effect, Terms};

use super::*;

fn record(version: u64) -> Record {
    let author = Author {
        user_id: UserId::new("alice").unwrap(),
        session_id: "her session".into(),
    };
    let named = OperationId(Guuid::now());
    let terms = Terms {
        operation_id: Some(named),
        ..Terms::default()
    };
    let edit = Edit::new(author, Change::Yjs(Bytes::from_static(b"update"))).with_terms(terms);
    let mut record = Record::of(edit, Version(version), named, Timestamp(5));
    record.status = Status::Conflict;
    record.effect = Effect::Nothing;
    record.conflict = Some(ConflictId(Guuid::now()));
    record
}

fn row(id: DocumentId, record: &Record, chain: Check) -> Vec<u8> {
    let mut rows = Rows::default();
    let encoded = Encoded::new(id, record).unwrap();
    encoded.write(id, chain, &mut rows);
    let mut commit = Vec::new();
    rows.append_to(&mut commit);
    let mut value = None;
    crate::rows::walk(&commit, |_, row| value = row.value.map(<[u8]>::to_vec)).unwrap();
    value.unwrap()
}

#[test]
fn a_record_comes_back_and_any_flipped_bit_or_cut_is_noticed() {
    let (id, record) = (DocumentId(Guuid::now()), record(7));
    let row = row(id, &record, 11);
    let linked = Linked::decode(id, Version(7), &row).unwrap();
    assert!(linked.follows(11));
    assert_eq!(linked.record, record);
    assert_eq!(name(&row), record.terms.operation_id);
    for place in 0..row.len() * 8 {
        let mut altered = row.clone();
        altered[place / 8] ^= 1 << (place % 8);
        let decoded = Linked::decode(id, Version(7), &altered);
        assert!(
            !decoded.is_ok_and(|linked| linked.follows(11)),
            "bit {place}"
        );
    }
    for length in 0..row.len() {
        assert!(Linked::decode(id, Version(7), &row[..length]).is_err());
        // Whatever it answers, it does not panic.
        let _ = name(&row[..length]);
    }
}

#[test]
fn a_settled_record_keeps_its_place_in_the_chain() {
    let id = DocumentId(Guuid::now());
    let (first, second) = (record(1), record(2));
    let row_of_first = row(id, &first, 11);
    let chain = Linked::decode(id, Version(1), &row_of_first).unwrap().chain;
    let row_of_second = row(id, &second, chain);
    let settled = settled(id, Version(1), &row_of_first, Status::Rejected).unwrap();
    let linked = Linked::decode(id, Version(1), &settled).unwrap();
    assert!(linked.follows(11));
    assert_eq!(linked.chain, chain);
    assert_eq!(linked.record.status, Status::Rejected);
    let next = Linked::decode(id, Version(2), &row_of_second).unwrap();
    assert!(next.follows(linked.chain));
    // The status of another record does not fit.
    let mut swapped = settled.clone();
    swapped[16..21].copy_from_slice(&row_of_second[16..21]);
    assert!(Linked::decode(id, Version(1), &swapped).is_err());
}
