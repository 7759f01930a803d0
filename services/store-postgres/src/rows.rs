//! Rows of the database as the core's types.

mod record;

use guuid::Guuid;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use statesync_core::{
    AuditEntry, ConflictId, Digest, Document, DocumentId, Fence, Lock, LockId, LockTarget,
    Metadata, NamedSnapshot, ObjectId, OperationId, PolicyName, Snapshot, StoreError, Timestamp,
    UserId, Version,
};
use tokio_postgres::Row;
use tokio_postgres::types::FromSql;
use uuid::Uuid;

use crate::checksum::checksum;
use crate::moment::Moment;
use crate::texts;

pub(crate) use record::{RECORD, contiguous, record, record_checksum};

/// The columns of [`head`].
pub(crate) const HEAD: &str = "id, name, type, state, version, created_by, created_at, \
     updated_by, updated_at, policy, metadata, audit";
/// The columns of [`lock`].
pub(crate) const LOCK: &str = "id, target, user_id, session_id, fence, acquired_at, expires_at";
/// The columns of [`audit_entry`].
pub(crate) const AUDIT: &str = "version, operation_id, user_id, timestamp, kind, digest, hash";

/// One row, read with the name of what it is about.
pub(crate) struct Columns<'a> {
    row: &'a Row,
    id: DocumentId,
    what: &'static str,
}

impl<'a> Columns<'a> {
    pub(crate) fn of(row: &'a Row, id: DocumentId, what: &'static str) -> Self {
        Self { row, id, what }
    }

    pub(crate) fn corrupt(&self, lost: impl std::fmt::Display) -> StoreError {
        corrupt(self.id, format!("{}: {lost}", self.what))
    }

    pub(crate) fn get<T: FromSql<'a>>(&self, name: &str) -> Result<T, StoreError> {
        self.row.try_get(name).map_err(|error| {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            self.corrupt(cause.unwrap_or_else(|| error.to_string()))
        })
    }

    pub(crate) fn guuid(&self, name: &str) -> Result<Guuid, StoreError> {
        let uuid = self.get::<Uuid>(name)?;
        Guuid::from_uuid(uuid).map_err(|error| self.corrupt(format!("{name}: {error}")))
    }

    pub(crate) fn version(&self, name: &str) -> Result<Version, StoreError> {
        Ok(Version(self.number(name)?))
    }

    fn number(&self, name: &str) -> Result<u64, StoreError> {
        let number = self.get::<i64>(name)?;
        u64::try_from(number).map_err(|_| self.corrupt(format!("{name} is {number}")))
    }

    pub(crate) fn time(&self, name: &str) -> Result<Timestamp, StoreError> {
        Ok(self.get::<Moment>(name)?.0)
    }

    pub(crate) fn text(&self, name: &str) -> Result<String, StoreError> {
        let text = texts::given(self.get(name)?);
        let text = text.ok_or_else(|| self.corrupt(format!("{name} is not a text of ours")))?;
        Ok(text.into_owned())
    }

    pub(crate) fn user(&self, name: &str) -> Result<UserId, StoreError> {
        UserId::new(self.get::<&str>(name)?).map_err(|error| self.corrupt(error))
    }

    /// One of the words that an enumeration is written with.
    pub(crate) fn word<T: DeserializeOwned>(&self, name: &str) -> Result<T, StoreError> {
        let word = self.get::<&str>(name)?;
        let value = Value::String(word.to_owned());
        serde_json::from_value(value).map_err(|_| self.corrupt(format!("{name} is {word}")))
    }

    fn digest(&self, name: &str) -> Result<Digest, StoreError> {
        let bytes = self.get::<&[u8]>(name)?.try_into();
        let bytes = bytes.map_err(|_| self.corrupt(format!("{name} has another length")))?;
        Ok(Digest(bytes))
    }

    /// A column of bytes whose checksum, with these parts before it, is beside it.
    pub(crate) fn checked(&self, name: &str, parts: &[&[u8]]) -> Result<&'a [u8], StoreError> {
        let bytes = self.get::<&[u8]>(name)?;
        let all = [parts, &[bytes]].concat();
        if checksum(&all) != self.get::<i64>("checksum")? {
            return Err(self.corrupt("its checksum is another"));
        }
        Ok(bytes)
    }
}

pub(crate) fn corrupt(id: DocumentId, lost: impl Into<String>) -> StoreError {
    let lost = lost.into();
    StoreError::Corrupt { id, lost }
}

/// As a column has it. No version comes near the end of the range; a question may.
pub(crate) fn bigint(version: Version) -> i64 {
    i64::try_from(version.0).unwrap_or(i64::MAX)
}

/// How many rows to ask for.
pub(crate) fn limit(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

/// The word that an enumeration is written with.
pub(crate) fn word(value: impl Serialize) -> Result<String, StoreError> {
    match serde_json::to_value(value) {
        Ok(Value::String(word)) => Ok(word),
        Ok(other) => Err(StoreError::Backend(format!("{other} is not a word").into())),
        Err(error) => Err(StoreError::Backend(error.into())),
    }
}

/// The metadata of a document, for its column.
pub(crate) fn metadata(metadata: &Metadata) -> Result<Value, StoreError> {
    let value = serde_json::to_value(metadata);
    let value = value.map_err(|error| StoreError::Backend(error.into()))?;
    Ok(texts::kept_json(value))
}

/// The head of a document, of the columns [`HEAD`].
pub(crate) fn head(row: &Row, id: DocumentId) -> Result<Document, StoreError> {
    let columns = Columns::of(row, id, "head");
    let metadata = texts::given_json(columns.get("metadata")?);
    let metadata = metadata.ok_or_else(|| columns.corrupt("metadata"))?;
    Ok(Document {
        id: DocumentId(columns.guuid("id")?),
        name: columns.text("name")?,
        kind: columns.word("type")?,
        state: columns.word("state")?,
        version: columns.version("version")?,
        created_by: columns.user("created_by")?,
        created_at: columns.time("created_at")?,
        updated_by: columns.user("updated_by")?,
        updated_at: columns.time("updated_at")?,
        metadata: serde_json::from_value(metadata).map_err(|error| columns.corrupt(error))?,
        policy: PolicyName::from(columns.text("policy")?),
        audit: columns.digest("audit")?,
    })
}

/// A lock, of the columns [`LOCK`].
pub(crate) fn lock(row: &Row, id: DocumentId) -> Result<Lock, StoreError> {
    let columns = Columns::of(row, id, "lock");
    let target = columns.get::<Option<&str>>("target")?;
    let target = match target.map(ObjectId::new).transpose() {
        Ok(object) => object.map_or(LockTarget::Document, LockTarget::Object),
        Err(error) => return Err(columns.corrupt(error)),
    };
    Ok(Lock {
        id: LockId(columns.guuid("id")?),
        document_id: id,
        target,
        holder: statesync_core::Author {
            user_id: columns.user("user_id")?,
            session_id: columns.text("session_id")?.into(),
        },
        fence: Fence(columns.number("fence")?),
        acquired_at: columns.time("acquired_at")?,
        expires_at: columns.time("expires_at")?,
    })
}

/// An audit entry, of the columns [`AUDIT`].
pub(crate) fn audit_entry(row: &Row, id: DocumentId) -> Result<AuditEntry, StoreError> {
    let columns = Columns::of(row, id, "audit entry");
    Ok(AuditEntry {
        version: columns.version("version")?,
        operation_id: OperationId(columns.guuid("operation_id")?),
        user_id: columns.user("user_id")?,
        timestamp: columns.time("timestamp")?,
        kind: columns.word("kind")?,
        digest: columns.digest("digest")?,
        hash: columns.digest("hash")?,
    })
}

/// A snapshot, of the columns `version, content, checksum`.
pub(crate) fn snapshot(row: &Row, id: DocumentId) -> Result<Snapshot, StoreError> {
    let columns = Columns::of(row, id, "snapshot");
    let version = columns.version("version")?;
    let place = snapshot_place(id, version);
    let content = columns.checked("content", &[&place])?;
    Ok(Snapshot {
        version,
        content: bytes::Bytes::copy_from_slice(content),
    })
}

/// The checksum that [`snapshot`] expects.
pub(crate) fn snapshot_checksum(id: DocumentId, snapshot: &Snapshot) -> i64 {
    checksum(&[&snapshot_place(id, snapshot.version), &snapshot.content])
}

fn snapshot_place(id: DocumentId, version: Version) -> Vec<u8> {
    [id.0.as_bytes().as_slice(), &version.0.to_be_bytes()].concat()
}

/// A named snapshot without its content, of the columns `name, created_by, created_at, version`.
pub(crate) fn named_snapshot(row: &Row, id: DocumentId) -> Result<NamedSnapshot, StoreError> {
    let columns = Columns::of(row, id, "named snapshot");
    Ok(NamedSnapshot {
        name: columns.text("name")?,
        created_by: columns.user("created_by")?,
        created_at: columns.time("created_at")?,
        snapshot: Snapshot {
            version: columns.version("version")?,
            content: bytes::Bytes::new(),
        },
    })
}

/// The id of a conflict, for its column.
pub(crate) fn conflict_uuid(id: Option<ConflictId>) -> Option<Uuid> {
    id.map(|id| id.0.to_uuid())
}
