CREATE TABLE {schema}._migrations_proofs (
    set_name text NOT NULL CHECK (set_name IN ('master', 'tenant')),
    tenant text NOT NULL,
    expected text NOT NULL,
    token text NOT NULL,
    proven_at timestamptz NOT NULL,
    run_id uuid NOT NULL,
    tool_version text NOT NULL,
    PRIMARY KEY (set_name, tenant)
);
COMMENT ON TABLE {schema}._migrations_proofs IS 'tenantry: one row for each database whose schema was proven; it may be emptied at any time';
COMMENT ON COLUMN {schema}._migrations_proofs.set_name IS 'set of migrations that the database belongs to';
COMMENT ON COLUMN {schema}._migrations_proofs.tenant IS 'tenant that the database belongs to';
COMMENT ON COLUMN {schema}._migrations_proofs.expected IS 'hash of all that the schema was compared with; empty: the last comparison found a difference';
COMMENT ON COLUMN {schema}._migrations_proofs.token IS 'server, database, role and versions of the catalog just before the comparison';
COMMENT ON COLUMN {schema}._migrations_proofs.proven_at IS 'when the row was written, at the end of its run or before';
COMMENT ON COLUMN {schema}._migrations_proofs.run_id IS 'run of tenantry, as in application_name and in the log';
COMMENT ON COLUMN {schema}._migrations_proofs.tool_version IS 'version of tenantry'
