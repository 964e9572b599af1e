SELECT
    version,
    name,
    checksum,
    origin,
    state,
    set_name,
    tenant,
    pg_catalog.date_part('epoch', finished_at),
    elapsed_ms,
    statements,
    statements_done,
    applied_by,
    proven_at IS NOT NULL,
    progress,
    layout
FROM ONLY {schema}._migrations
