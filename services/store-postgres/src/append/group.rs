//! Appends to several documents in one transaction.
//!
//! The first round trip begins and locks the heads, which puts this writer behind all others of these
//! documents, on whichever replica; then it is known which appends are allowed. The second one writes
//! all of those and commits. Who is refused is not part of it, and does not disturb the others.

use std::collections::HashMap;
use std::sync::Arc;

use statesync_core::{Append, DocumentId, Lock, OperationId, StoreError, Timestamp, Version};
use tokio_postgres::Row;
use tokio_postgres::types::Type;
use uuid::Uuid;

use super::columns::Columns;
use crate::failure::Failure;
use crate::locks;
use crate::rows::{self, bigint};
use crate::transaction::{Statement, Transaction, Transactions};

/// What became of one append.
pub(super) enum Outcome {
    /// It is committed.
    Written,
    /// Nothing was written, and the others are not to be held up: it has to be tried in a transaction of its
    /// own.
    Alone,
    /// Why not.
    Failed(Failure),
}

/// Whose locks of heads to wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wait {
    /// For nobody's: a document that somebody else is at would hold up all the others, and two groups that
    /// wait for each other would never end.
    ForNobody,
    /// For anybody's.
    ForOthers,
}

/// An append that is allowed.
pub(super) struct Allowed<'a> {
    pub(super) append: &'a Append,
    /// Whether the head is as the append has it, apart from what every append changes.
    pub(super) is_described: bool,
    /// Whether the append brings other metadata.
    pub(super) changes_metadata: bool,
    /// Versions of pruned operations that bear a name of the append.
    pub(super) forgotten: Vec<i64>,
    index: usize,
}

/// Commits those that are allowed, all or none of them; one outcome for each. `described`: which of the
/// heads need no comparison.
pub(super) async fn commit(
    transactions: &Transactions,
    appends: &[Arc<Append>],
    described: &[bool],
    wait: Wait,
) -> Vec<Outcome> {
    let mut group = Group {
        appends,
        described,
        wait,
        refused: appends.iter().map(|_| None).collect(),
    };
    let outcome = group.attempt(transactions).await;
    let mut refused = group.refused;
    match (outcome, refused.as_mut_slice()) {
        // Nobody shares the failure of the only one.
        (Err(failure), [only @ None]) if wait == Wait::ForOthers => {
            *only = Some(Outcome::Failed(failure));
        }
        (Ok(()), _) => {}
        (Err(failure), refused) => {
            for outcome in refused {
                outcome.get_or_insert_with(|| of_each(&failure));
            }
        }
    }
    let written = |refused: Option<Outcome>| refused.unwrap_or(Outcome::Written);
    refused.into_iter().map(written).collect()
}

/// What the failure of a transaction means for each of its appends. If a statement failed, nobody knows
/// which of them is the reason.
pub(super) fn of_each(failure: &Failure) -> Outcome {
    Outcome::Failed(match failure {
        Failure::Refused(_) | Failure::Engine(_) => return Outcome::Alone,
        Failure::Lost(reason) => Failure::Lost(reason.clone()),
        Failure::Silent(reason) => Failure::Silent(reason.clone()),
        Failure::Doubtful(reason) => Failure::Doubtful(reason.clone()),
    })
}

/// Appends on their way into one transaction.
struct Group<'a> {
    appends: &'a [Arc<Append>],
    described: &'a [bool],
    wait: Wait,
    /// What became of those that are not part of it.
    refused: Vec<Option<Outcome>>,
}

impl<'a> Group<'a> {
    async fn attempt(&mut self, transactions: &Transactions) -> Result<(), Failure> {
        let transaction = transactions.start().await?;
        match self.write(&transaction, &transactions.writing).await {
            Ok(Written::All) => transaction.end(Ok(())),
            Ok(Written::Nothing) => {
                transaction.roll_back();
                Ok(())
            }
            Err(failure) => transaction.end(Err(failure)),
        }
    }

    async fn write(&mut self, transaction: &Transaction, begin: &str) -> Result<Written, Failure> {
        let (heads, names) = self.lock_heads(transaction, begin).await?;
        let mut allowed = Vec::with_capacity(self.appends.len());
        let mut guarded = Vec::new();
        for index in 0..self.appends.len() {
            match self.allow(index, &heads, &names) {
                Ok((append, is_guarded)) => {
                    if is_guarded {
                        guarded.push(append.append.document.id);
                    }
                    allowed.push(append);
                }
                Err(outcome) => self.refused[index] = Some(outcome),
            }
        }
        if !guarded.is_empty() {
            let (now, locks) = locks::all(transaction, &guarded).await?;
            allowed.retain(|allowed| {
                let id = allowed.append.document.id;
                let locks = locks.get(&id).map(Vec::as_slice).unwrap_or_default();
                let violation = violation(allowed.append, locks, now);
                if let Some(refusal) = violation {
                    self.refused[allowed.index] = Some(Outcome::Failed(refusal.into()));
                    return false;
                }
                true
            });
        }
        if allowed.is_empty() {
            return Ok(Written::Nothing);
        }
        let columns = Columns::of(&allowed)?;
        transaction.commit(&columns.statements()).await?;
        Ok(Written::All)
    }

    /// The first round trip.
    async fn lock_heads(
        &self,
        transaction: &Transaction,
        begin: &str,
    ) -> Result<(HashMap<Uuid, Head>, Names), Failure> {
        let documents = self.appends.iter().map(|append| &append.document);
        let ids: Vec<Uuid> = documents.clone().map(|head| head.id.0.to_uuid()).collect();
        let metadata = documents.zip(self.described).map(|(head, is_described)| {
            let differs = (!is_described).then(|| rows::metadata(&head.metadata));
            differs.transpose()
        });
        let metadata = metadata.collect::<Result<Vec<_>, _>>()?;
        let lock = match self.wait {
            Wait::ForNobody => format!("{LOCK_HEADS} SKIP LOCKED"),
            Wait::ForOthers => LOCK_HEADS.to_owned(),
        };
        let lock = Statement::new(
            &lock,
            [(&ids, Type::UUID_ARRAY), (&metadata, Type::JSONB_ARRAY)],
        );
        let (named_in, named) = self.named();
        if named.is_empty() {
            let [heads] = transaction.begin(begin, [lock]).await?;
            return Ok((self.heads(&heads)?, Names::default()));
        }
        let known = Statement::new(
            KNOWN,
            [(&named_in, Type::UUID_ARRAY), (&named, Type::UUID_ARRAY)],
        );
        let [heads, known] = transaction.begin(begin, [lock, known]).await?;
        Ok((self.heads(&heads)?, self.names(&known)?))
    }

    /// The operations that their authors named: of which documents, and the names.
    fn named(&self) -> (Vec<Uuid>, Vec<Uuid>) {
        let records = self.appends.iter().flat_map(|append| {
            let document = append.document.id.0.to_uuid();
            append.records.iter().map(move |record| (document, record))
        });
        let named = records.filter(|(_, record)| record.terms.operation_id.is_some());
        named
            .map(|(document, record)| (document, record.operation_id.0.to_uuid()))
            .unzip()
    }

    /// Some document of the group, to have a name for what is damaged.
    fn any_id(&self) -> Result<DocumentId, Failure> {
        let first = self.appends.first();
        let none = || Failure::Lost("a group of nothing".to_owned());
        Ok(first.ok_or_else(none)?.document.id)
    }

    fn heads(&self, found: &[Row]) -> Result<HashMap<Uuid, Head>, Failure> {
        let any = self.any_id()?;
        let mut heads = HashMap::with_capacity(found.len());
        for row in found {
            let columns = rows::Columns::of(row, any, "head");
            heads.insert(columns.get::<Uuid>("id")?, Head::of(&columns)?);
        }
        Ok(heads)
    }

    fn names(&self, found: &[Row]) -> Result<Names, Failure> {
        let any = self.any_id()?;
        let mut names = Names::default();
        for row in found {
            let columns = rows::Columns::of(row, any, "record");
            let name = (columns.get("document_id")?, columns.get("id")?);
            names.insert(name, columns.version("version")?);
        }
        Ok(names)
    }

    /// Whether an append may be part of it, and then whether locks have a say.
    fn allow(
        &self,
        index: usize,
        heads: &HashMap<Uuid, Head>,
        names: &Names,
    ) -> Result<(Allowed<'a>, bool), Outcome> {
        let append: &'a Append = &self.appends[index];
        let id = append.document.id;
        let Some(head) = heads.get(&id.0.to_uuid()) else {
            // There is none, or somebody else is at it.
            return Err(match self.wait {
                Wait::ForNobody => Outcome::Alone,
                Wait::ForOthers => Outcome::Failed(StoreError::NotFound(id).into()),
            });
        };
        let forgotten = head.check(append, names);
        let forgotten = forgotten.map_err(|refusal| Outcome::Failed(refusal.into()))?;
        let mut records = append.records.iter();
        let relies_on_a_lock = records.any(|record| record.terms.fence.is_some());
        let allowed = Allowed {
            append,
            is_described: self.described[index],
            changes_metadata: head.changes_metadata,
            forgotten,
            index,
        };
        Ok((allowed, head.locked || relies_on_a_lock))
    }
}

/// Whether there was something to commit.
enum Written {
    All,
    Nothing,
}

/// Versions of operations that bear these names, by document and name.
type Names = HashMap<(Uuid, Uuid), Version>;

/// What the first round trip tells.
struct Head {
    version: Version,
    pruned: Version,
    /// Whether there may be a live lock.
    locked: bool,
    changes_metadata: bool,
}

impl Head {
    fn of(columns: &rows::Columns<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            version: columns.version("version")?,
            pruned: columns.version("pruned")?,
            locked: columns.get::<Option<bool>>("locked")?.unwrap_or_default(),
            changes_metadata: columns.get("changes_metadata")?,
        })
    }

    /// Whether the log can take the append; rows of pruned operations that bear a name of it.
    fn check(&self, append: &Append, names: &Names) -> Result<Vec<i64>, StoreError> {
        let id = append.document.id;
        let named = append.records.iter().filter_map(|record| {
            record.terms.operation_id?;
            let operation: OperationId = record.operation_id;
            let version = names.get(&(id.0.to_uuid(), operation.0.to_uuid()))?;
            Some((operation, *version))
        });
        let mut forgotten = Vec::new();
        for (operation, version) in named {
            if version > self.pruned {
                return Err(StoreError::Duplicate { id, operation });
            }
            forgotten.push(bigint(version));
        }
        if self.version != append.expected {
            let (expected, actual) = (append.expected, self.version);
            return Err(StoreError::Conflict {
                id,
                expected,
                actual,
            });
        }
        Ok(forgotten)
    }
}

/// What a live lock has against an append. Whoever wants another lock waits for the head, so they stay what
/// they are until the commit.
fn violation(append: &Append, locks: &[Lock], now: Timestamp) -> Option<StoreError> {
    let mut records = append.records.iter().enumerate();
    records.find_map(|(record, asked)| {
        let violation = asked.violation(locks, now)?;
        let id = append.document.id;
        Some(StoreError::Guarded {
            id,
            record,
            violation,
        })
    })
}

/// `locked` may be true a moment too long, never too short: every grant changes the row. Metadata that need
/// no comparison are null.
const LOCK_HEADS: &str = "SELECT documents.id, version, pruned, \
     locked_until > clock_timestamp() AS locked, given.metadata IS NOT NULL \
     AND documents.metadata IS DISTINCT FROM given.metadata AS changes_metadata \
     FROM unnest($1::uuid[], $2::jsonb[]) AS given (id, metadata) \
     JOIN documents ON documents.id = given.id FOR UPDATE OF documents";
const KNOWN: &str = "SELECT document_id, operations.id, version \
     FROM unnest($1::uuid[], $2::uuid[]) AS given (document, id) \
     JOIN operations ON document_id = document AND operations.id = given.id WHERE named";
