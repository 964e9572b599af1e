-- The locks on tables of the schema public that this transaction holds, one row for each table and mode.
SELECT c.relname, l.mode
FROM pg_catalog.pg_locks AS l
JOIN pg_catalog.pg_class AS c ON c.oid = l.relation
WHERE l.pid = pg_catalog.pg_backend_pid()
AND l.locktype = 'relation'
AND l.granted
AND c.relnamespace = 'public'::pg_catalog.regnamespace
AND c.relkind = 'r'
