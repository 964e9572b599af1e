SELECT
    lock.pid,
    activity.application_name,
    activity.usename,
    CAST(extract(epoch FROM pg_catalog.clock_timestamp() - activity.state_change) AS integer)
FROM pg_catalog.pg_locks AS lock
LEFT JOIN pg_catalog.pg_stat_activity AS activity ON activity.pid = lock.pid
WHERE lock.locktype = 'advisory'
    AND lock.granted
    AND lock.pid <> pg_catalog.pg_backend_pid()
    AND lock.objsubid = 1
    AND (CAST(lock.classid AS bigint) << 32 | CAST(lock.objid AS bigint)) IN ({key}, {work_key})
    AND lock.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
LIMIT 1
