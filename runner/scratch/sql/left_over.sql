SELECT datname
FROM pg_catalog.pg_database
WHERE datname LIKE 'tenantry\_scratch\_%'
    AND datdba = (SELECT oid FROM pg_catalog.pg_roles WHERE rolname = CURRENT_USER)
    -- Whoever holds its lock may have connected to another database, which has advisory locks of its own.
    AND NOT EXISTS (
        SELECT
        FROM pg_catalog.pg_locks AS held
        WHERE held.locktype = 'advisory'
            AND held.objsubid = 1
            AND (CAST(held.classid AS bigint) << 32 | CAST(held.objid AS bigint))
                = pg_catalog.hashtextextended(CAST(datname AS text), 0)
    )
