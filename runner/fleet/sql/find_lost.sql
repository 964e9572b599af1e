SELECT j.id, j.attempts, EXISTS (
    SELECT
    FROM {schema}.workers w
    WHERE w.queue_worker = j.worker_id
        AND w.seen_at > pg_catalog.clock_timestamp() - %(seconds)s * interval '1 second'
)
FROM {schema}.procrastinate_jobs j
JOIN {schema}.batches b ON b.job = j.id
WHERE j.status = 'doing'
    AND (%(run)s::uuid IS NULL OR b.run = %(run)s::uuid)
    AND NOT EXISTS (
        SELECT
        FROM pg_catalog.pg_locks l
        WHERE l.locktype = 'advisory' AND l.objsubid = 2 AND l.granted
            AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
            AND l.classid::bigint = (pg_catalog.hashtext(%(schema_name)s)::bigint & 4294967295)
            AND l.objid::bigint = (j.id & 4294967295)
    )
