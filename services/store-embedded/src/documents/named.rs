//! Snapshots that somebody named, beside the newest one. The content is in a row of its own, so that
//! a list does not read it.
//!
//! ```text
//!  0  check       8   XXH3-64 of everything after it; context: document, name
//!  8  version     8   u64
//! 16  created at  8   u64, unix milliseconds
//! 24  content     8   XXH3-64 of the content; context: document, name
//! 32  created by      to the end
//! ```
//!
//! The head has the sum of the checks, so that none of them can be missing.

use bytes::Bytes;
use statesync_core::{DocumentId, NamedSnapshot, Snapshot, StoreError, Timestamp, UserId, Version};

use super::head::Head;
use super::{corrupt, key, load, refused};
use crate::encoding::{Fields, Malformed};
use crate::integrity::{self, Check};
use crate::queue::Reads;
use crate::rows::Rows;
use crate::tables::{Lookup, View};

/// Keeps a snapshot under a name that is not taken.
pub(super) fn add(
    reads: &Reads<'_>,
    rows: &mut Rows,
    id: DocumentId,
    named: &NamedSnapshot,
) -> Result<(), StoreError> {
    let mut head = Head::expect(reads, id)?;
    let present = reads.value(&key::named(id, &named.name));
    if present.map_err(|damage| corrupt(id, damage))?.is_some() {
        return Err(StoreError::NameTaken(named.name.clone()));
    }
    if named.snapshot.version > head.version {
        return Err(refused("a snapshot cannot be newer than the log"));
    }
    let about = About::of(id, named);
    let content = about.encode();
    let check = row_check(id, &named.name, &content);
    head.named = integrity::sum(head.named, check);
    rows.put(
        &key::named(id, &named.name),
        &[&check.to_le_bytes(), &content],
    );
    rows.put(
        &key::named_content(id, &named.name),
        &[&named.snapshot.content],
    );
    head.write(id, rows);
    Ok(())
}

/// All of them without their contents, the oldest version first.
pub(super) fn list(view: &View<'_>, id: DocumentId) -> Result<Vec<NamedSnapshot>, StoreError> {
    let head = Head::expect(view, id)?;
    let mut all = all(view, id, &head)?;
    all.sort_by(|one, other| (one.version, &one.name).cmp(&(other.version, &other.name)));
    Ok(all.into_iter().map(About::into_named).collect())
}

/// The newest snapshot, named or not, that is not newer than `version`.
pub(super) fn newest_before(
    view: &View<'_>,
    id: DocumentId,
    version: Version,
) -> Result<Option<Snapshot>, StoreError> {
    let head = Head::expect(view, id)?;
    let named = all(view, id, &head)?.into_iter();
    let old_enough = named.filter(|about| about.version <= version);
    let named = old_enough.max_by_key(|about| about.version);
    let mut unnamed = head.snapshots.iter().rev();
    let unnamed = unnamed.find(|covered| covered.version <= version);
    match (named, unnamed) {
        (Some(about), unnamed) if unnamed.is_none_or(|other| other.version < about.version) => {
            content(view, id, &about).map(Some)
        }
        (_, Some(covered)) => load::snapshot(view, id, *covered).map(Some),
        (_, None) => Ok(None),
    }
}

fn all(view: &View<'_>, id: DocumentId, head: &Head) -> Result<Vec<About>, StoreError> {
    let (mut all, mut sum) = (Vec::new(), 0);
    for row in view.range(key::all_named(id)) {
        let (row_key, row) = row.map_err(|damage| corrupt(id, damage))?;
        let name = key::parse_named(&row_key).map_err(|bad| corrupt(id, bad))?;
        let decoded = About::decode(id, name, &row);
        let (check, about) = decoded.map_err(|_| lost(id, name, "is damaged"))?;
        sum = integrity::sum(sum, check);
        all.push(about);
    }
    if sum == head.named {
        Ok(all)
    } else {
        let what = "the named snapshots do not add up to what the head says";
        Err(corrupt(id, what))
    }
}

fn content(view: &View<'_>, id: DocumentId, about: &About) -> Result<Snapshot, StoreError> {
    let row = view.value(&key::named_content(id, &about.name));
    let row = row.map_err(|damage| corrupt(id, damage))?;
    let row = row.ok_or_else(|| lost(id, &about.name, "is missing"))?;
    if row_check(id, &about.name, &row) != about.content {
        return Err(lost(id, &about.name, "is damaged"));
    }
    Ok(Snapshot {
        version: about.version,
        content: Bytes::copy_from_slice(&row),
    })
}

fn lost(id: DocumentId, name: &str, what: &str) -> StoreError {
    corrupt(id, format!("the snapshot named {name:?} {what}"))
}

/// All about a named snapshot but its content.
struct About {
    name: String,
    version: Version,
    created_at: Timestamp,
    content: Check,
    created_by: UserId,
}

impl About {
    fn of(id: DocumentId, named: &NamedSnapshot) -> Self {
        Self {
            name: named.name.clone(),
            version: named.snapshot.version,
            created_at: named.created_at,
            content: row_check(id, &named.name, &named.snapshot.content),
            created_by: named.created_by.clone(),
        }
    }

    fn encode(&self) -> Vec<u8> {
        let user = self.created_by.as_str().as_bytes();
        let mut content = Vec::with_capacity(24 + user.len());
        content.extend(self.version.0.to_le_bytes());
        content.extend(self.created_at.0.to_le_bytes());
        content.extend(self.content.to_le_bytes());
        content.extend(user);
        content
    }

    fn decode(id: DocumentId, name: &str, row: &[u8]) -> Result<(Check, Self), Malformed> {
        let mut fields = Fields::of(row, "named snapshot");
        let malformed = fields.malformed();
        let check = fields.u64()?;
        if check != row_check(id, name, fields.clone().rest()) {
            return Err(malformed);
        }
        let about = Self {
            name: name.to_owned(),
            version: Version(fields.u64()?),
            created_at: Timestamp(fields.u64()?),
            content: fields.u64()?,
            created_by: std::str::from_utf8(fields.rest())
                .ok()
                .and_then(|user| UserId::new(user).ok())
                .ok_or(malformed)?,
        };
        Ok((check, about))
    }

    fn into_named(self) -> NamedSnapshot {
        NamedSnapshot {
            name: self.name,
            created_by: self.created_by,
            created_at: self.created_at,
            snapshot: Snapshot {
                version: self.version,
                content: Bytes::new(),
            },
        }
    }
}

fn row_check(id: DocumentId, name: &str, content: &[u8]) -> Check {
    integrity::check(&[id.0.as_bytes(), name.as_bytes()], content)
}
