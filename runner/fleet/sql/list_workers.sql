SELECT host, pid, servers, queues, version, files
FROM {schema}.workers
WHERE seen_at > pg_catalog.clock_timestamp() - %(seconds)s * interval '1 second'
ORDER BY started_at
