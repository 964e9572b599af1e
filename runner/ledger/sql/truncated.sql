-- Rows that it truncated, which no statistics tell. A table that was created just now has its first file yet.
(
    NOT EXISTS (SELECT FROM ONLY {table})
    AND EXISTS (
        SELECT FROM pg_catalog.pg_class JOIN pg_catalog.pg_locks ON relation OPERATOR(pg_catalog.=) pg_class.oid
        WHERE pg_class.oid OPERATOR(pg_catalog.=) {relation} AND relfilenode OPERATOR(pg_catalog.<>) pg_class.oid
            AND pid OPERATOR(pg_catalog.=) pg_catalog.pg_backend_pid()
            AND mode OPERATOR(pg_catalog.=) 'AccessExclusiveLock'
    )
)
