//! Usual appends as the parameters of one call.

use statesync_core::Append;
use tokio_postgres::types::Type;

use super::OperationColumns;
use super::heads::UnchangedHeads;
use crate::rows::bigint;
use crate::transaction::Statement;

/// Heads, records, and what audit entries have that records do not.
#[derive(Default)]
pub(in crate::append) struct UsualColumns<'a> {
    heads: UnchangedHeads<'a>,
    expected: Vec<i64>,
    operations: OperationColumns<'a>,
    digests: Vec<&'a [u8]>,
    hashes: Vec<&'a [u8]>,
}

impl<'a> UsualColumns<'a> {
    pub(in crate::append) fn add(&mut self, append: &'a Append) {
        self.heads.add(&append.document);
        self.expected.push(bigint(append.expected));
        self.operations.add(&append.document, &append.records);
        for entry in &append.audit {
            self.digests.push(&entry.digest.0);
            self.hashes.push(&entry.hash.0);
        }
    }

    /// The call.
    pub(in crate::append) fn call(&self) -> Statement<'_> {
        let [ids, reached, writers, written_at, hashes] = self.heads.parameters();
        let expected = (&self.expected as _, Type::INT8_ARRAY);
        let mut parameters = vec![ids, expected, reached, writers, written_at, hashes];
        parameters.extend(self.operations.parameters());
        parameters.push((&self.digests, Type::BYTEA_ARRAY));
        parameters.push((&self.hashes, Type::BYTEA_ARRAY));
        Statement::with(APPEND_USUAL, parameters)
    }
}

const APPEND_USUAL: &str = "SELECT append_usual($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, \
     $13, $14, $15, $16, $17, $18, $19, $20, $21, $22) AS written";
