CREATE TABLE {schema}._migrations_repeatable (
    name text PRIMARY KEY,
    checksum text NOT NULL,
    set_name text NOT NULL CHECK (set_name IN ('master', 'tenant')),
    tenant text NOT NULL,
    applied_at timestamptz NOT NULL,
    elapsed_ms bigint NOT NULL,
    applied_by text NOT NULL,
    run_id uuid NOT NULL,
    tool_version text NOT NULL,
    git_commit text,
    sql_text text NOT NULL
);
COMMENT ON TABLE {schema}._migrations_repeatable IS 'tenantry: one row for each repeatable file, as it was last applied';
COMMENT ON COLUMN {schema}._migrations_repeatable.name IS 'file name without suffix';
COMMENT ON COLUMN {schema}._migrations_repeatable.checksum IS 'sha256 of the file as it was last applied, see docs/reference/formats.md of tenantry';
COMMENT ON COLUMN {schema}._migrations_repeatable.set_name IS 'set of migrations that this database belongs to';
COMMENT ON COLUMN {schema}._migrations_repeatable.tenant IS 'tenant that this database belongs to';
COMMENT ON COLUMN {schema}._migrations_repeatable.applied_at IS 'when the file was last applied';
COMMENT ON COLUMN {schema}._migrations_repeatable.elapsed_ms IS 'how long the file took then';
COMMENT ON COLUMN {schema}._migrations_repeatable.applied_by IS 'database role and operating-system user that ran it';
COMMENT ON COLUMN {schema}._migrations_repeatable.run_id IS 'run of tenantry, as in application_name and in the log';
COMMENT ON COLUMN {schema}._migrations_repeatable.tool_version IS 'version of tenantry';
COMMENT ON COLUMN {schema}._migrations_repeatable.git_commit IS 'commit of the checkout; -dirty: the files differed from it';
COMMENT ON COLUMN {schema}._migrations_repeatable.sql_text IS 'the file as it was last applied'
