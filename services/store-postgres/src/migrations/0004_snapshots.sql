-- Up to three snapshots of each document: the newest one, and those without which earlier versions could
-- not be read.
ALTER TABLE snapshots DROP CONSTRAINT snapshots_pkey;
ALTER TABLE snapshots ADD PRIMARY KEY (document_id, version);
