//! A limit on everything.

/// Bounds that a [`Library`](crate::Library) holds its documents to.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Longest document name, in bytes.
    pub name_bytes_max: usize,
    /// Longest description, in bytes.
    pub description_bytes_max: usize,
    /// Most tags, and most users in each list of the permissions.
    pub list_entries_max: usize,
    /// Longest tag, in bytes.
    pub tag_bytes_max: usize,
    /// Largest single edit, in bytes.
    pub edit_bytes_max: usize,
    /// Largest value of one field, in bytes.
    pub value_bytes_max: usize,
    /// Objects of one document.
    pub objects_max: usize,
    /// Conflicts of one document that wait at one time.
    pub open_conflicts_max: usize,
    /// Live locks of one document.
    pub locks_max: usize,
    /// Shortest and longest lease of a lock, in milliseconds.
    pub lease_ms: (u64, u64),
    /// Named snapshots of one document.
    pub named_snapshots_max: usize,
    /// Records that an operation may not have seen; what is based on something older has to be based
    /// anew.
    pub unseen_records_max: usize,
    /// Attempts to append where another process appends to the same document.
    pub append_attempts_max: usize,
    /// Largest content of one document, in encoded bytes.
    pub document_bytes_max: usize,
    /// Edits that wait for a document's owner before submitters have to wait.
    pub inbox_edits_max: usize,
    /// Edits that one append carries at most.
    pub batch_edits_max: usize,
    /// Bytes after which an append takes no further edit.
    pub batch_bytes_max: usize,
    /// Bytes of recent records kept in memory for subscribers. One that falls further behind is
    /// told to start again from the present content.
    pub recent_bytes_max: usize,
    /// Records since the snapshot after which a new one is saved, or one for each 200 bytes of the
    /// snapshot, whichever is more: so that saving costs a bounded share of writing.
    pub snapshot_records: u64,
    /// Bytes of records since the snapshot after which a new one is saved, or half the
    /// snapshot's own size, whichever is more.
    pub snapshot_bytes: usize,
    /// Versions before the newest snapshot that can be read as history. For them, up to twice as many
    /// records are kept, and two snapshots more.
    pub history_records: u64,
    /// Subscribers of one document at one time.
    pub subscribers_max: usize,
    /// Presence entries of one connection.
    pub presence_per_connection_max: usize,
    /// Largest presence state, in bytes.
    pub presence_bytes_max: usize,
    /// Milliseconds after which presence that was not renewed is taken away. Yjs clients renew
    /// every 15 s and drop others after 30 s (y-protocols, `awareness.js`, `outdatedTimeout`).
    pub presence_ttl_ms: u64,
    /// Milliseconds that a document without subscribers stays in memory.
    pub idle_ms: u64,
    /// Estimated bytes of memory for all open documents. Idle ones leave early when it is
    /// reached; when that is not enough, no further document is opened.
    pub memory_bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        const KIB: usize = 1024;
        const MIB: usize = 1024 * KIB;
        Self {
            name_bytes_max: 256,
            description_bytes_max: 4 * KIB,
            list_entries_max: 256,
            tag_bytes_max: 64,
            edit_bytes_max: MIB,
            value_bytes_max: 64 * KIB,
            objects_max: 100_000,
            open_conflicts_max: 256,
            locks_max: 1_024,
            lease_ms: (100, 3_600_000),
            named_snapshots_max: 256,
            unseen_records_max: 4_096,
            append_attempts_max: 32,
            document_bytes_max: 64 * MIB,
            inbox_edits_max: 256,
            batch_edits_max: 256,
            batch_bytes_max: MIB,
            recent_bytes_max: MIB,
            snapshot_records: 2_048,
            snapshot_bytes: 256 * KIB,
            history_records: 10_000,
            subscribers_max: 10_000,
            presence_per_connection_max: 16,
            presence_bytes_max: 16 * KIB,
            presence_ttl_ms: 30_000,
            idle_ms: 60_000,
            memory_bytes_max: 1024 * MIB,
        }
    }
}
