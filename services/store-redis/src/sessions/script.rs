//! Scripts, which the server carries out one at a time, and their arguments.

use redis::Script;
use session_core::{Record, StoreError, Timestamp};

use super::row;

/// All changes, and the readings that take more than one step.
pub(super) struct Scripts {
    pub(super) create: Script,
    pub(super) replace: Script,
    pub(super) remove: Script,
    pub(super) of_user: Script,
    pub(super) by_id: Script,
    pub(super) due: Script,
}

impl Scripts {
    pub(super) fn new() -> Self {
        let script = |body| Script::new(&[include_str!("lua/common.lua"), body].concat());
        Self {
            create: script(include_str!("lua/create.lua")),
            replace: script(include_str!("lua/replace.lua")),
            remove: script(include_str!("lua/remove.lua")),
            of_user: script(include_str!("lua/of_user.lua")),
            by_id: script(include_str!("lua/by_id.lua")),
            due: script(include_str!("lua/due.lua")),
        }
    }
}

/// What `put` of `lua/common.lua` takes.
pub(super) struct Put<'a> {
    record: &'a Record,
    row: Vec<u8>,
    lifetime_ms: u64,
}

impl<'a> Put<'a> {
    pub(super) fn new(record: &'a Record, now: Timestamp) -> Result<Self, StoreError> {
        Ok(Self {
            record,
            row: row::encode(record)?,
            lifetime_ms: row::lifetime_ms(record, now),
        })
    }

    pub(super) fn add_to(&self, invocation: &mut redis::ScriptInvocation<'_>) {
        let session = &self.record.session;
        let connection = session.connection_id.map(|id| id.to_string());
        invocation
            .arg(session.revision.number())
            .arg(session.created_at.unix_ms())
            .arg(session.expires_at.unix_ms())
            .arg(session.user_id.as_str())
            .arg(connection.unwrap_or_default())
            .arg(&self.row)
            .arg(self.lifetime_ms);
    }
}

/// What a script answers: a word, and what belongs to it.
pub(super) type Answer = Vec<Vec<u8>>;

/// The number that belongs to the word.
pub(super) fn number(answer: &Answer) -> Result<u64, StoreError> {
    let text = answer
        .get(1)
        .and_then(|bytes| std::str::from_utf8(bytes).ok());
    let number = text.and_then(|text| text.parse().ok());
    number.ok_or_else(|| unknown(answer))
}

/// An answer that no script of ours gives.
pub(super) fn unknown(answer: &Answer) -> StoreError {
    let word = answer
        .first()
        .map(|word| String::from_utf8_lossy(word).into_owned());
    StoreError::Corrupt(format!("not an answer: {word:?}").into())
}
