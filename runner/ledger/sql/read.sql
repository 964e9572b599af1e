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
    -- Uncorrelated, so asked once, by the index on the oid: no relation made after initdb but the ledger's own.
    NOT EXISTS (
        SELECT FROM pg_catalog.pg_class
        WHERE oid >= 16384 AND relkind IN ('r', 'p', 'v', 'm', 'f', 'c') AND relname NOT IN ({tables})
    ),
    layout
FROM ONLY {schema}._migrations
