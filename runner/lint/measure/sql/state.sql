WITH held AS (
    SELECT
        relation,
        max(CASE mode
            WHEN 'AccessShareLock' THEN 1
            WHEN 'RowShareLock' THEN 2
            WHEN 'RowExclusiveLock' THEN 3
            WHEN 'ShareUpdateExclusiveLock' THEN 4
            WHEN 'ShareLock' THEN 5
            WHEN 'ShareRowExclusiveLock' THEN 6
            WHEN 'ExclusiveLock' THEN 7
            WHEN 'AccessExclusiveLock' THEN 8
        END) AS mode
    FROM pg_catalog.pg_locks
    WHERE pid = pg_catalog.pg_backend_pid()
        AND locktype = 'relation'
        AND database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
    GROUP BY relation
)
SELECT
    {oid},
    space.nspname || '.' || class.relname,
    -- An index, and a sequence of a column, is of its table.
    COALESCE(
        index.indrelid,
        (
            SELECT refobjid
            FROM pg_catalog.pg_depend
            WHERE class.relkind = 'S'
                AND classid = CAST('pg_catalog.pg_class' AS regclass)
                AND objid = class.oid
                AND refclassid = CAST('pg_catalog.pg_class' AS regclass)
                AND deptype IN ('a', 'i')
        ),
        class.oid
    ),
    COALESCE(pg_catalog.pg_relation_filenode(class.oid), 0),
    COALESCE(held.mode, 0),
    COALESCE(pg_catalog.pg_stat_get_xact_numscans(class.oid), 0),
    CAST(class.relkind AS text),
    CASE WHEN class.relispartition THEN CAST(pg_catalog.pg_partition_root(class.oid) AS oid) ELSE class.oid END
{relations}