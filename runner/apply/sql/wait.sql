BEGIN READ ONLY;
-- The watched statement may have ended: its locks are kept until this answer arrives.
SET LOCAL statement_timeout = '1s';
SELECT
    coalesce(waited.locktype, ''),
    coalesce(waited.mode, ''),
    coalesce(waited.relation, ''),
    blocking.pid,
    coalesce(activity.application_name, ''),
    coalesce(CAST(activity.usename AS text), ''),
    CAST(extract(epoch FROM pg_catalog.clock_timestamp() - activity.xact_start) AS integer),
    coalesce(activity.query, '')
-- Parallel workers make the function name a pid twice; a prepared transaction is 0, and has no activity.
FROM (SELECT DISTINCT pid FROM pg_catalog.unnest(pg_catalog.pg_blocking_pids({pid})) AS found (pid)) AS blocking
LEFT JOIN pg_catalog.pg_stat_activity AS activity ON activity.pid = blocking.pid
LEFT JOIN (
    SELECT
        lock.locktype,
        lock.mode,
        CASE WHEN lock.relation IS NOT NULL THEN pg_catalog.format('%I.%I', schema.nspname, relation.relname) END
            AS relation
    FROM pg_catalog.pg_locks AS lock
    LEFT JOIN pg_catalog.pg_class AS relation ON relation.oid = lock.relation
    LEFT JOIN pg_catalog.pg_namespace AS schema ON schema.oid = relation.relnamespace
    WHERE lock.pid = {pid} AND NOT lock.granted
    LIMIT 1
) AS waited ON true
ORDER BY activity.xact_start, blocking.pid;
COMMIT
