-- Documents and everything that belongs to them.
--
-- Each table begins with the document's id, so that a distributed relative of PostgreSQL can keep all
-- of one document in one place (Citus: distribute by document_id; documents by id). There are no
-- foreign keys: rows are written only while the writer holds the lock of the document's head, and heads
-- are never deleted. Nothing here needs an extension.

-- The heads. A lock of this row orders all writers of a document.
CREATE TABLE documents (
    id           uuid        NOT NULL PRIMARY KEY,
    name         text        NOT NULL,
    type         text        NOT NULL,
    state        text        NOT NULL,
    -- Of the newest record in the log.
    version      bigint      NOT NULL,
    -- Records up to here are forgotten; rows that are still there are on their way out.
    pruned       bigint      NOT NULL DEFAULT 0,
    created_by   text        NOT NULL,
    created_at   timestamptz NOT NULL,
    updated_by   text        NOT NULL,
    updated_at   timestamptz NOT NULL,
    policy       text        NOT NULL,
    metadata     jsonb       NOT NULL,
    -- Hash of the newest audit entry.
    audit        bytea       NOT NULL,
    -- Of the newest grant of a lock.
    fence        bigint      NOT NULL DEFAULT 0,
    -- No lock of this document lasts longer; null: it never had one.
    locked_until timestamptz NULL
) WITH (fillfactor = 70);
-- Lists of one state, newest first. Nothing that changes with every append is in an index: PostgreSQL
-- then writes the new head beside the old one and leaves the indexes alone.
CREATE INDEX documents_of_state ON documents (state, id DESC);

-- Who is named in a document's permissions: for the list of one user's documents.
CREATE TABLE members (
    document_id uuid NOT NULL,
    user_id     text NOT NULL,
    PRIMARY KEY (document_id, user_id)
);
CREATE INDEX members_of_user ON members (user_id, document_id DESC);

-- The log.
CREATE TABLE operations (
    document_id  uuid        NOT NULL,
    version      bigint      NOT NULL,
    id           uuid        NOT NULL,
    type         text        NOT NULL,
    status       text        NOT NULL,
    user_id      text        NOT NULL,
    session_id   text        NOT NULL,
    client_id    text        NOT NULL,
    -- What its author had seen; null: whatever there was.
    prev_version bigint      NULL,
    timestamp    timestamptz NOT NULL,
    -- Whether its author chose the id, to be able to ask again.
    named        boolean     NOT NULL,
    conflict_id  uuid        NULL,
    -- What was asked, on what terms, and what it did.
    body         bytea       NOT NULL,
    -- XXH3 of everything that never changes.
    checksum     bigint      NOT NULL,
    PRIMARY KEY (document_id, version)
);
-- The second wall behind the check under the lock of the head.
CREATE UNIQUE INDEX operations_named ON operations (document_id, id) WHERE named;

CREATE TABLE conflicts (
    document_id uuid        NOT NULL,
    id          uuid        NOT NULL,
    policy      text        NOT NULL,
    -- How it ended: the name of the policy that settled it, or 'manual'; null while it waits.
    resolution  text        NULL,
    resolved_by text        NULL,
    resolved_op uuid        NULL,
    resolved_at timestamptz NULL,
    detected_at timestamptz NOT NULL,
    -- The whole of it, with its operations as they were.
    body        bytea       NOT NULL,
    checksum    bigint      NOT NULL,
    PRIMARY KEY (document_id, id)
);
CREATE INDEX conflicts_open ON conflicts (document_id, id) WHERE resolved_at IS NULL;

CREATE TABLE locks (
    document_id uuid        NOT NULL,
    id          uuid        NOT NULL,
    -- The object that it covers; null: all of the document.
    target      text        NULL,
    user_id     text        NOT NULL,
    session_id  text        NOT NULL,
    fence       bigint      NOT NULL,
    acquired_at timestamptz NOT NULL,
    expires_at  timestamptz NOT NULL,
    PRIMARY KEY (document_id, id)
);

-- The newest snapshot of each document.
CREATE TABLE snapshots (
    document_id uuid   NOT NULL PRIMARY KEY,
    version     bigint NOT NULL,
    content     bytea  NOT NULL,
    checksum    bigint NOT NULL
);

-- Those that somebody gave a name.
CREATE TABLE named_snapshots (
    document_id uuid        NOT NULL,
    name        text        NOT NULL,
    version     bigint      NOT NULL,
    created_by  text        NOT NULL,
    created_at  timestamptz NOT NULL,
    content     bytea       NOT NULL,
    checksum    bigint      NOT NULL,
    PRIMARY KEY (document_id, name)
);
CREATE INDEX named_snapshots_by_version ON named_snapshots (document_id, version);
