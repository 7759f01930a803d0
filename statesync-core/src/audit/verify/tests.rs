use bytes::Bytes;
use guuid::Guuid;

use super::*;
use crate::document::{DocumentState, DocumentType, Metadata};
use crate::identity::{OperationId, Timestamp, UserId};
use crate::record::{Author, Change, Edit};

/// A log of this many records, with its entries and its head.
struct Log {
    head: Document,
    records: Vec<Record>,
    entries: Vec<AuditEntry>,
}

impl Log {
    fn of(length: u64) -> Self {
        let alice = UserId::new("alice").unwrap();
        let mut head = Document {
            id: DocumentId(Guuid::now()),
            name: "Notes".to_owned(),
            kind: DocumentType::Text,
            state: DocumentState::Active,
            version: Version::ZERO,
            created_by: alice.clone(),
            created_at: Timestamp(1),
            updated_by: alice.clone(),
            updated_at: Timestamp(1),
            metadata: Metadata::owned_by(alice.clone()),
            policy: DocumentType::Text.usual_policy(),
            audit: genesis(),
        };
        let (mut records, mut entries) = (Vec::new(), Vec::new());
        for version in 1..=length {
            let author = Author {
                user_id: alice.clone(),
                session_id: "s".into(),
            };
            let edit = Edit::new(author, Change::Yjs(Bytes::from(version.to_string())));
            let id = OperationId(Guuid::now());
            let record = Record::of(edit, Version(version), id, Timestamp(version));
            let entry = AuditEntry::of(head.id, head.audit, &record);
            (head.version, head.audit) = (record.version, entry.hash);
            records.push(record);
            entries.push(entry);
        }
        Self {
            head,
            records,
            entries,
        }
    }

    /// Follows it; records before this index are no longer kept.
    fn verify(&self, kept_from: usize) -> Result<(), AuditFault> {
        self.verify_with(AuditVerifier::new(self.head.id), kept_from)
    }

    fn verify_with(&self, mut verifier: AuditVerifier, kept_from: usize) -> Result<(), AuditFault> {
        for (index, entry) in self.entries.iter().enumerate() {
            let record = self.records.get(index).filter(|_| index >= kept_from);
            verifier.entry(entry, record)?;
        }
        verifier.head(&self.head)
    }

    fn expecting(&self, kept: &[(u64, Digest)]) -> Result<(), AuditFault> {
        let kept = kept
            .iter()
            .map(|(version, hash)| (Version(*version), *hash));
        let verifier = AuditVerifier::new(self.head.id).expecting(kept.collect())?;
        self.verify_with(verifier, 0)
    }

    /// Writes the chain anew from an index on, as somebody does who can write everything.
    fn forge_from(&mut self, index: usize) {
        let mut hash = match index {
            0 => genesis(),
            _ => self.entries[index - 1].hash,
        };
        for (entry, record) in self.entries.iter_mut().zip(&self.records).skip(index) {
            *entry = AuditEntry::of(self.head.id, hash, record);
            hash = entry.hash;
        }
        self.head.audit = hash;
    }
}

#[test]
fn a_log_that_nobody_touched_is_fine_with_all_records_some_or_none() {
    let log = Log::of(5);
    for kept_from in 0..=5 {
        assert_eq!(log.verify(kept_from), Ok(()));
    }
    assert_eq!(Log::of(0).verify(0), Ok(()));
}

#[test]
fn any_change_of_an_entry_is_found_where_it_is() {
    let changes: [fn(&mut AuditEntry); 6] = [
        |entry| entry.user_id = UserId::new("mallory").unwrap(),
        |entry| entry.timestamp = Timestamp(9),
        |entry| entry.operation_id = OperationId(Guuid::now()),
        |entry| entry.kind = crate::operation::OperationKind::Delete,
        |entry| entry.digest.0[31] ^= 1,
        |entry| entry.hash.0[0] ^= 1,
    ];
    for change in changes {
        let mut log = Log::of(4);
        change(&mut log.entries[2]);
        assert_eq!(log.verify(4), Err(AuditFault::Entry(Version(3))));
    }
}

#[test]
fn a_missing_a_doubled_and_a_foreign_entry_are_found() {
    let missing = |expected, found| {
        let (expected, found) = (Version(expected), Version(found));
        Err(AuditFault::Missing { expected, found })
    };
    let mut log = Log::of(4);
    log.entries.remove(1);
    assert_eq!(log.verify(4), missing(2, 3));
    let mut log = Log::of(4);
    log.entries.insert(1, log.entries[0].clone());
    assert_eq!(log.verify(4), missing(2, 1));
    let mut log = Log::of(4);
    log.entries[1] = Log::of(4).entries[1].clone();
    assert_eq!(log.verify(4), Err(AuditFault::Entry(Version(2))));
}

#[test]
fn a_record_is_held_against_its_entry_in_all_that_the_entry_says() {
    let changes: [fn(&mut Record); 4] = [
        |record| record.change = Change::Yjs(Bytes::from_static(b"another")),
        |record| record.author.user_id = UserId::new("mallory").unwrap(),
        |record| record.timestamp = Timestamp(9),
        |record| record.operation_id = OperationId(Guuid::now()),
    ];
    for change in changes {
        let mut log = Log::of(4);
        change(&mut log.records[2]);
        assert_eq!(log.verify(0), Err(AuditFault::Record(Version(3))));
        // Of one that is not kept, nobody can say.
        assert_eq!(log.verify(3), Ok(()));
    }
    // What became of it may change.
    let mut log = Log::of(4);
    log.records[2].status = crate::record::Status::Rejected;
    assert_eq!(log.verify(0), Ok(()));
}

#[test]
fn the_head_says_where_the_log_ends_and_how() {
    let mut log = Log::of(4);
    log.entries.pop();
    let (head, end) = (Version(4), Version(3));
    assert_eq!(log.verify(0), Err(AuditFault::End { head, end }));
    let mut log = Log::of(4);
    log.head.audit.0[5] ^= 1;
    assert_eq!(log.verify(0), Err(AuditFault::Head(Version(4))));
}

#[test]
fn a_chain_written_anew_shows_only_to_whoever_kept_a_hash() {
    let mut log = Log::of(4);
    let kept: Vec<_> = log.entries.iter().map(|entry| entry.hash).collect();
    assert_eq!(log.expecting(&[(2, kept[1]), (4, kept[3])]), Ok(()));
    log.records[2].author.user_id = UserId::new("mallory").unwrap();
    log.forge_from(2);
    assert_eq!(log.verify(0), Ok(()), "a bare chain does not show it");
    assert_eq!(log.expecting(&[(2, kept[1])]), Ok(()), "from before it");
    let found = log.entries[3].hash;
    let unexpected = AuditFault::Unexpected {
        version: Version(4),
        expected: kept[3],
        found,
    };
    assert_eq!(log.expecting(&[(4, kept[3])]), Err(unexpected));
}

#[test]
fn a_chain_cut_off_shows_only_to_whoever_kept_a_hash() {
    let mut log = Log::of(4);
    let kept = log.head.audit;
    log.records.pop();
    log.entries.pop();
    log.head.version = Version(3);
    log.head.audit = log.entries[2].hash;
    assert_eq!(log.verify(0), Ok(()), "a bare chain does not show it");
    let (version, end) = (Version(4), Version(3));
    assert_eq!(
        log.expecting(&[(4, kept)]),
        Err(AuditFault::Cut { version, end })
    );
}

#[test]
fn the_hash_of_version_zero_is_the_same_for_all() {
    let log = Log::of(1);
    assert_eq!(log.expecting(&[(0, genesis())]), Ok(()));
    let wrong = log.expecting(&[(0, Digest([1; 32]))]);
    assert!(matches!(wrong, Err(AuditFault::Unexpected { version, .. }) if version == Version(0)));
}

#[test]
fn hashes_are_read_as_they_are_written_and_nothing_else_is() {
    let digest = Log::of(1).head.audit;
    let text = digest.to_string();
    assert_eq!(text.parse(), Ok(digest));
    assert_eq!(text.to_uppercase().parse(), Ok(digest));
    let odd = format!("\u{e9}{}", &text[2..]);
    for wrong in ["", &text[1..], &format!("{text}0"), &odd, &"+f".repeat(32)] {
        assert_eq!(wrong.parse::<Digest>(), Err(InvalidDigest), "{wrong:?}");
    }
}
