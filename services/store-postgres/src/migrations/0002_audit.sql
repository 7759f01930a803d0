-- The audit log: one entry for each record, in a chain of hashes. Entries are only ever added.
CREATE TABLE audit (
    document_id  uuid        NOT NULL,
    version      bigint      NOT NULL,
    operation_id uuid        NOT NULL,
    user_id      text        NOT NULL,
    timestamp    timestamptz NOT NULL,
    kind         text        NOT NULL,
    digest       bytea       NOT NULL,
    hash         bytea       NOT NULL,
    PRIMARY KEY (document_id, version)
);

-- The chain shows a change to whoever verifies it; this stops one that is made by mistake. Somebody who
-- may drop triggers can do anything: give the service a role that may not.
CREATE FUNCTION refuse_change_of_audit() RETURNS trigger AS $$
BEGIN
    RAISE EXCEPTION 'the audit log is insert-only: % is refused', TG_OP
        USING ERRCODE = 'insufficient_privilege';
END;
$$ LANGUAGE plpgsql;

CREATE TRIGGER audit_is_insert_only BEFORE UPDATE OR DELETE ON audit
    FOR EACH ROW EXECUTE FUNCTION refuse_change_of_audit();
CREATE TRIGGER audit_is_never_emptied BEFORE TRUNCATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_audit();
