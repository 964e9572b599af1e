SELECT
    index.indexrelid,
    index.indrelid,
    space.nspname,
    class.relname,
    EXISTS (
        SELECT
        FROM pg_catalog.pg_stat_progress_create_index AS build
        WHERE build.datname = pg_catalog.current_database()
            AND build.pid <> pg_catalog.pg_backend_pid()
            AND (build.relid = index.indrelid OR build.relid IS NULL)
    )
FROM pg_catalog.pg_index AS index
JOIN pg_catalog.pg_class AS class ON class.oid = index.indexrelid
JOIN pg_catalog.pg_namespace AS space ON space.oid = class.relnamespace
WHERE class.relkind = 'i'
    AND NOT (index.indisvalid AND index.indisready)
ORDER BY index.indexrelid
