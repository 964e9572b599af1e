SELECT
    version,
    name,
    checksum,
    origin,
    state,
    set_name,
    tenant,
    CAST(extract(epoch FROM finished_at) * 1000000 AS bigint),
    elapsed_ms,
    statements,
    statements_done,
    applied_by,
    (
        SELECT description
        FROM pg_catalog.pg_description
        WHERE objoid = {table}::pg_catalog.regclass
            AND classoid = 'pg_catalog.pg_class'::pg_catalog.regclass
            AND objsubid = 0
    )
FROM {schema}._migrations
