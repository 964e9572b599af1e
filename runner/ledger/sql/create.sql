CREATE TABLE {schema}._migrations (
    version bigint PRIMARY KEY,
    name text NOT NULL,
    checksum text NOT NULL,
    origin text NOT NULL CHECK (origin IN ('applied', 'baseline', 'imported', 'marked')),
    state text NOT NULL CHECK (state IN ('applied', 'running', 'failed', 'rolled back')),
    set_name text NOT NULL CHECK (set_name IN ('master', 'tenant')),
    tenant text NOT NULL,
    started_at timestamptz NOT NULL,
    finished_at timestamptz,
    elapsed_ms bigint,
    statements integer NOT NULL,
    statements_done integer NOT NULL,
    applied_by text NOT NULL,
    run_id uuid NOT NULL,
    tool_version text NOT NULL,
    git_commit text,
    sql_text text NOT NULL,
    layout smallint NOT NULL,
    proven_at timestamptz,
    rollback_text text,
    progress jsonb
);
CREATE TABLE {schema}._migrations_log (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    run_id uuid NOT NULL,
    version bigint,
    event text NOT NULL,
    checksum text,
    applied_by text NOT NULL,
    reason text,
    detail jsonb
);
COMMENT ON TABLE {schema}._migrations IS {comment};
COMMENT ON COLUMN {schema}._migrations.version IS 'number at the start of the file name';
COMMENT ON COLUMN {schema}._migrations.name IS 'file name without number and suffix';
COMMENT ON COLUMN {schema}._migrations.checksum IS 'sha256 of the file as it was applied, see docs/reference/formats.md of tenantry';
COMMENT ON COLUMN {schema}._migrations.origin IS 'applied: run by tenantry; baseline, imported, marked: recorded without being run';
COMMENT ON COLUMN {schema}._migrations.state IS 'applied: done; running, failed: a non-transactional file that is not finished; rolled back: undone by its rollback file';
COMMENT ON COLUMN {schema}._migrations.set_name IS 'which family of migrations this database belongs to';
COMMENT ON COLUMN {schema}._migrations.tenant IS 'which tenant this database belongs to';
COMMENT ON COLUMN {schema}._migrations.started_at IS 'when the file was begun';
COMMENT ON COLUMN {schema}._migrations.finished_at IS 'when the file was done; null: it is not';
COMMENT ON COLUMN {schema}._migrations.elapsed_ms IS 'how long the file took; null: it was not run';
COMMENT ON COLUMN {schema}._migrations.statements IS 'how many statements the file has';
COMMENT ON COLUMN {schema}._migrations.statements_done IS 'how many of them took effect; less only while state is running or failed';
COMMENT ON COLUMN {schema}._migrations.applied_by IS 'database role and operating-system user of who ran it';
COMMENT ON COLUMN {schema}._migrations.run_id IS 'which run of tenantry, as in application_name and in the log';
COMMENT ON COLUMN {schema}._migrations.tool_version IS 'version of tenantry';
COMMENT ON COLUMN {schema}._migrations.git_commit IS 'commit that the files were checked out from, -dirty where they differed';
COMMENT ON COLUMN {schema}._migrations.sql_text IS 'the file as it was applied';
COMMENT ON COLUMN {schema}._migrations.proven_at IS 'when the schema was first seen to be what this and all other rows stand for; null: not yet';
COMMENT ON COLUMN {schema}._migrations.rollback_text IS 'the file that undoes it, as it was then; null: there was none';
COMMENT ON COLUMN {schema}._migrations.progress IS 'of a non-transactional file: the hash of the statements that are done, and how far a batch came; null: finished, or never begun so';
COMMENT ON COLUMN {schema}._migrations.layout IS 'layout of this table: tenantry refuses one that it does not know';
COMMENT ON TABLE {schema}._migrations_log IS 'tenantry: what was done and tried, by whom; rows are only ever added';
COMMENT ON COLUMN {schema}._migrations_log.id IS 'order of events';
COMMENT ON COLUMN {schema}._migrations_log.at IS 'when it happened';
COMMENT ON COLUMN {schema}._migrations_log.run_id IS 'which run of tenantry';
COMMENT ON COLUMN {schema}._migrations_log.version IS 'which migration; null: none in particular';
COMMENT ON COLUMN {schema}._migrations_log.event IS 'applied, repeated, started, failed, blocked, cancelled, lost, accepted, marked, forgotten, adopted, allowed, danger allowed, resumed, rolled back';
COMMENT ON COLUMN {schema}._migrations_log.checksum IS 'checksum of the file at that time';
COMMENT ON COLUMN {schema}._migrations_log.applied_by IS 'database role and operating-system user';
COMMENT ON COLUMN {schema}._migrations_log.reason IS 'why, as given with --reason for changes made by hand';
COMMENT ON COLUMN {schema}._migrations_log.detail IS 'what else is known: the error, the row before a change'
