-- The usual append, of many documents in one call: records, their audit entries, and of the heads what
-- every append changes. Answers whether it wrote; if not all of them are usual, it writes nothing. A call
-- is parsed in no time, and each session plans what is in here once.
--
-- The heads are locked first, as by every other writer. A head is not usual if somebody else is at it, if
-- its log ends elsewhere, or if it may have a live lock; a record is not if its name is known.
CREATE FUNCTION append_usual(
    heads uuid[], expected bigint[], reached bigint[], writers text[], written_at timestamptz[],
    head_hashes bytea[],
    documents_of uuid[], versions bigint[], ids uuid[], types text[], statuses text[], users text[],
    sessions text[], clients text[], prev_versions bigint[], timestamps timestamptz[],
    names boolean[], conflicts_of uuid[], bodies bytea[], checksums bigint[],
    digests bytea[], hashes bytea[]
) RETURNS boolean AS $$
DECLARE
    usual bigint;
BEGIN
    SELECT count(*) INTO usual
    FROM unnest(heads, expected) AS given (id, version), LATERAL (
        SELECT FROM documents
        WHERE documents.id = given.id AND documents.version = given.version
            AND (documents.locked_until IS NULL OR documents.locked_until <= clock_timestamp())
        FOR UPDATE SKIP LOCKED
    ) AS locked;
    IF usual < cardinality(heads) THEN
        RETURN false;
    END IF;
    IF true = ANY (names) AND EXISTS (
        SELECT FROM unnest(documents_of, ids, names) AS given (document, id, is_name)
        WHERE given.is_name AND (
            SELECT named FROM operations
            WHERE document_id = given.document AND operations.id = given.id AND named
        )
    ) THEN
        RETURN false;
    END IF;
    INSERT INTO operations (document_id, version, id, type, status, user_id, session_id, client_id,
        prev_version, timestamp, named, conflict_id, body, checksum)
    SELECT * FROM unnest(documents_of, versions, ids, types, statuses, users, sessions, clients,
        prev_versions, timestamps, names, conflicts_of, bodies, checksums);
    INSERT INTO audit (document_id, version, operation_id, user_id, timestamp, kind, digest, hash)
    SELECT * FROM unnest(documents_of, versions, ids, users, timestamps, types, digests, hashes);
    UPDATE documents SET version = given.version, updated_by = given.updated_by,
        updated_at = given.updated_at, audit = given.audit
    FROM unnest(heads, reached, writers, written_at, head_hashes)
        AS given (id, version, updated_by, updated_at, audit)
    WHERE documents.id = given.id;
    RETURN true;
END;
$$ LANGUAGE plpgsql
-- The plans are kept while tables grow: they must not be what is best for tables that are still empty.
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off;
