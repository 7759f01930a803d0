//! Reading documents, and finding out whether all of it is there.

use std::sync::Arc;

use statesync_core::{Document, DocumentId, Record, Since, Snapshot, StoreError, Stored, Version};

use super::description::Description;
use super::head::{Covered, Head};
use super::record::Linked;
use super::{conflict, corrupt, key, snapshot};
use crate::integrity::{self, Check};
use crate::tables::{Lookup, View};

/// Damaged records that an error names before it only counts.
const NAMED_MAX: usize = 8;

/// The head row and the description together.
pub(super) fn document(view: &View<'_>, id: DocumentId) -> Result<(Document, Head), StoreError> {
    let head = Head::expect(view, id)?;
    let row = view
        .value(&key::description(id))
        .map_err(|damage| corrupt(id, damage))?;
    let row = row.ok_or_else(|| corrupt(id, "the description is missing"))?;
    let description =
        Description::decode(id, &head, &row).map_err(|malformed| corrupt(id, malformed))?;
    Ok((description.into_document(id, &head), head))
}

/// Everything needed to go on editing.
pub(super) fn stored(view: &View<'_>, id: DocumentId) -> Result<Stored, StoreError> {
    let (document, head) = document(view, id)?;
    let newest = head.newest_snapshot();
    let newest = newest.map(|covered| snapshot(view, id, covered));
    let snapshot = newest.transpose()?;
    let after = snapshot
        .as_ref()
        .map_or(Version::ZERO, |snapshot| snapshot.version);
    let log = Log {
        view,
        id,
        head: &head,
    };
    log.expect_no_more()?;
    let records = log.records(after, head.version)?;
    Ok(Stored {
        document,
        snapshot,
        records,
        open_conflicts: conflict::open(view, id, &head)?,
    })
}

/// A snapshot that the head knows.
pub(super) fn snapshot(
    view: &View<'_>,
    id: DocumentId,
    covered: Covered,
) -> Result<Snapshot, StoreError> {
    let row = view
        .value(&key::snapshot(id, covered.version))
        .map_err(|damage| corrupt(id, damage))?;
    let lost = |what| {
        corrupt(
            id,
            format!("the snapshot of version {} {what}", covered.version),
        )
    };
    let row = row.ok_or_else(|| lost("is missing"))?;
    snapshot::decode(id, covered, &row).map_err(|_| lost("is damaged"))
}

/// The versions of those documents that there are.
pub(super) fn versions(
    view: &View<'_>,
    ids: &[DocumentId],
) -> Result<Vec<(DocumentId, Version)>, StoreError> {
    let version = |id: &DocumentId| {
        let head = Head::find(view, *id).map_err(|damage| corrupt(*id, damage));
        let found = head.map(|head| head.map(|head| (*id, head.version)));
        found.transpose()
    };
    ids.iter().filter_map(version).collect()
}

/// Up to `limit` records after a version.
pub(super) fn since(
    view: &View<'_>,
    id: DocumentId,
    after: Version,
    limit: usize,
) -> Result<Since, StoreError> {
    let head = Head::expect(view, id)?;
    if after < head.pruned_through {
        return Ok(Since::Pruned {
            oldest: head.pruned_through.next(),
        });
    }
    let last = head
        .version
        .min(Version(after.0.saturating_add(limit as u64)));
    Ok(Since::Records(
        Log {
            view,
            id,
            head: &head,
        }
        .records(after, last)?,
    ))
}

/// The records of one document at one moment.
struct Log<'a> {
    view: &'a View<'a>,
    id: DocumentId,
    head: &'a Head,
}

impl Log<'_> {
    /// The records after `after`, up to and including `last`: all of them, each as it was written.
    fn records(&self, after: Version, last: Version) -> Result<Vec<Arc<Record>>, StoreError> {
        let mut records = Vec::new();
        if after >= last {
            return Ok(records);
        }
        let mut faults = Faults::default();
        let mut chain = self.chain_at(after);
        let mut expected = after.next();
        for row in self.rows(expected, last) {
            let Ok((row_key, value)) = row else { break };
            let Ok(version) = key::parse_version(&row_key) else {
                break;
            };
            faults.missing(expected, version);
            expected = version.next();
            match Linked::decode(self.id, version, &value) {
                Ok(linked) if chain.is_none_or(|chain| linked.follows(chain)) => {
                    chain = Some(linked.chain);
                    records.push(Arc::new(linked.record));
                }
                _ => {
                    faults.add(version);
                    chain = None;
                }
            }
        }
        // The scan ended early: it met a damaged block. Which rows are in it?
        while expected <= last {
            let value = self.view.value(&key::record(self.id, expected));
            let linked = value
                .ok()
                .flatten()
                .map(|row| Linked::decode(self.id, expected, &row));
            if !matches!(linked, Some(Ok(_))) {
                faults.add(expected);
            }
            expected = expected.next();
        }
        if let Some(lost) = faults.text() {
            return Err(corrupt(self.id, lost));
        }
        let is_whole = records.len() as u64 == last.0 - after.0;
        let ends_well = last < self.head.version || chain == Some(self.head.chain);
        if is_whole && ends_well {
            Ok(records)
        } else {
            Err(corrupt(
                self.id,
                "the records do not add up to what the head says",
            ))
        }
    }

    /// A head that lost its newest versions would hide them.
    fn expect_no_more(&self) -> Result<(), StoreError> {
        match self
            .rows(self.head.version.next(), Version(u64::MAX))
            .next()
        {
            None => Ok(()),
            Some(_) => {
                let version = self.head.version;
                Err(corrupt(
                    self.id,
                    format!("the head stayed at version {version}, the log did not"),
                ))
            }
        }
    }

    fn rows(&self, first: Version, last: Version) -> crate::tables::Scan {
        let (first, last) = (key::record(self.id, first), key::record(self.id, last));
        self.view.range(first..=last)
    }

    /// The chain at a version, where it is known.
    fn chain_at(&self, version: Version) -> Option<Check> {
        if version == Version::ZERO {
            Some(integrity::genesis(self.id.0.as_bytes()))
        } else if let Some(chain) = self.head.chain_of_snapshot(version) {
            Some(chain)
        } else {
            let row = self.view.value(&key::record(self.id, version)).ok()??;
            Some(Linked::decode(self.id, version, &row).ok()?.chain)
        }
    }
}

/// Records that cannot be served, as rows of versions.
#[derive(Default)]
struct Faults {
    rows: Vec<(u64, u64)>,
    count: u64,
}

impl Faults {
    fn add(&mut self, version: Version) {
        self.missing(version, version.next());
    }

    /// Everything from `expected` up to, but not including, `found`.
    fn missing(&mut self, expected: Version, found: Version) {
        let (first, end) = (expected.0, found.0);
        if first >= end {
            return;
        }
        self.count += end - first;
        match self.rows.last_mut() {
            Some((_, last)) if *last + 1 == first => *last = end - 1,
            _ => self.rows.push((first, end - 1)),
        }
    }

    fn text(&self) -> Option<String> {
        if self.rows.is_empty() {
            return None;
        }
        let named = self.rows.iter().take(NAMED_MAX).map(|(first, last)| {
            if first == last {
                first.to_string()
            } else {
                format!("{first}-{last}")
            }
        });
        let named: Vec<String> = named.collect();
        let more = if self.rows.len() > NAMED_MAX {
            " and more"
        } else {
            ""
        };
        Some(format!(
            "{} records: versions {}{more}",
            self.count,
            named.join(", ")
        ))
    }
}
