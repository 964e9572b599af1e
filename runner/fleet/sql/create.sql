CREATE TABLE {schema}.layout (
    version smallint NOT NULL,
    queue text NOT NULL
);
CREATE TABLE {schema}.runs (
    run uuid PRIMARY KEY,
    started_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    request json NOT NULL,
    orders text NOT NULL DEFAULT 'go' CHECK (orders IN ('go', 'hold', 'end', 'cancel', 'sever')),
    reason text NOT NULL DEFAULT ''
);
CREATE TABLE {schema}.batches (
    job bigint PRIMARY KEY,
    run uuid NOT NULL REFERENCES {schema}.runs ON DELETE CASCADE,
    content json NOT NULL
);
CREATE INDEX ON {schema}.batches (run);
CREATE TABLE {schema}.messages (
    job bigint NOT NULL REFERENCES {schema}.batches ON DELETE CASCADE,
    attempt integer NOT NULL,
    seq integer NOT NULL,
    message json NOT NULL,
    PRIMARY KEY (job, attempt, seq)
);
CREATE TABLE {schema}.workers (
    worker uuid PRIMARY KEY,
    host text NOT NULL,
    pid integer NOT NULL,
    servers text[] NOT NULL,
    queues text[] NOT NULL,
    version text NOT NULL,
    files text NOT NULL,
    queue_worker bigint,
    started_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    seen_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()
);
COMMENT ON TABLE {schema}.layout IS 'Version of these tables, and of the library whose tables are next to them.';
COMMENT ON TABLE {schema}.runs IS 'Runs that workers carry; each is deleted when it is over: its journal has all.';
COMMENT ON COLUMN {schema}.runs.request IS 'The options of the run; never a connection string.';
COMMENT ON COLUMN {schema}.runs.orders IS 'hold: start nobody else; end: stop at the next step; cancel and sever: at once.';
COMMENT ON TABLE {schema}.batches IS 'Tenants of one server that one worker takes together: a job of the queue each.';
COMMENT ON TABLE {schema}.messages IS 'What an attempt of a worker at a batch has seen, in order. Only the coordinator reads it.';
COMMENT ON TABLE {schema}.workers IS 'Workers, with the queues that each takes jobs from; alive while seen_at moves.';
COMMENT ON COLUMN {schema}.workers.queue_worker IS 'Its number in procrastinate_workers, which jobs have as worker_id.';
