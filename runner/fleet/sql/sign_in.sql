INSERT INTO {schema}.workers (worker, host, pid, servers, queues, version, files, queue_worker)
VALUES (%(worker)s, %(host)s, %(pid)s, %(servers)s, %(queues)s, %(version)s, %(files)s, %(number)s)
ON CONFLICT (worker) DO UPDATE
SET seen_at = pg_catalog.clock_timestamp(), queue_worker = excluded.queue_worker
