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
COMMENT ON COLUMN {schema}._migrations.name IS 'file name without its number and suffix';
COMMENT ON COLUMN {schema}._migrations.checksum IS 'sha256 of the file as it was applied, see docs/reference/formats.md of tenantry';
COMMENT ON COLUMN {schema}._migrations.origin IS 'applied: run by tenantry; baseline, imported, marked: recorded without being run';
COMMENT ON COLUMN {schema}._migrations.state IS 'applied: done; running, failed: a non-transactional file that is unfinished; rolled back: undone by its rollback file';
COMMENT ON COLUMN {schema}._migrations.set_name IS 'set of migrations that this database belongs to';
COMMENT ON COLUMN {schema}._migrations.tenant IS 'tenant that this database belongs to';
COMMENT ON COLUMN {schema}._migrations.started_at IS 'when the file started';
COMMENT ON COLUMN {schema}._migrations.finished_at IS 'when the file finished; null: it has not';
COMMENT ON COLUMN {schema}._migrations.elapsed_ms IS 'how long the file took; null: it did not run';
COMMENT ON COLUMN {schema}._migrations.statements IS 'number of statements in the file';
COMMENT ON COLUMN {schema}._migrations.statements_done IS 'number of these that took effect; lower only while state is running or failed';
COMMENT ON COLUMN {schema}._migrations.applied_by IS 'database role and operating-system user that ran it';
COMMENT ON COLUMN {schema}._migrations.run_id IS 'run of tenantry, as in application_name and in the log';
COMMENT ON COLUMN {schema}._migrations.tool_version IS 'version of tenantry';
COMMENT ON COLUMN {schema}._migrations.git_commit IS 'commit of the checkout; -dirty: the files differed from it';
COMMENT ON COLUMN {schema}._migrations.sql_text IS 'the file as it was applied';
COMMENT ON COLUMN {schema}._migrations.proven_at IS 'when the schema was first seen to match this and all other rows; null: not yet';
COMMENT ON COLUMN {schema}._migrations.rollback_text IS 'the rollback file as it was then; null: there was none';
COMMENT ON COLUMN {schema}._migrations.progress IS 'of a non-transactional file: hash of the finished statements, and progress of batches; null: finished, or transactional';
COMMENT ON COLUMN {schema}._migrations.layout IS 'layout of this table; tenantry refuses a layout that it does not know';
COMMENT ON TABLE {schema}._migrations_log IS 'tenantry: every attempt and every repair, and who made it; rows are only added';
COMMENT ON COLUMN {schema}._migrations_log.id IS 'order of events';
COMMENT ON COLUMN {schema}._migrations_log.at IS 'when it happened';
COMMENT ON COLUMN {schema}._migrations_log.run_id IS 'run of tenantry';
COMMENT ON COLUMN {schema}._migrations_log.version IS 'version of the migration; null: no single one';
COMMENT ON COLUMN {schema}._migrations_log.event IS 'applied, repeated, started, failed, blocked, cancelled, lost, accepted, marked, forgotten, adopted, allowed, danger allowed, resumed, rolled back';
COMMENT ON COLUMN {schema}._migrations_log.checksum IS 'checksum of the file at that time';
COMMENT ON COLUMN {schema}._migrations_log.applied_by IS 'database role and operating-system user';
COMMENT ON COLUMN {schema}._migrations_log.reason IS 'reason given with --reason, for repairs';
COMMENT ON COLUMN {schema}._migrations_log.detail IS 'further details: the error, the row before a change'
