WITH RECURSIVE base AS (
    SELECT oid, oid AS root, typbasetype, typtypmod
    FROM pg_catalog.pg_type
    WHERE typtype = 'd'
    UNION ALL
    SELECT base.oid, inner_type.oid, inner_type.typbasetype, inner_type.typtypmod
    FROM base
    JOIN pg_catalog.pg_type AS inner_type
        ON inner_type.oid = base.typbasetype
)
SELECT
    CAST(class.oid AS bigint),
    space.nspname,
    class.relname,
    attribute.attname,
    pg_catalog.format_type(attribute.atttypid, attribute.atttypmod),
    root.typname,
    root.typtype,
    attribute.attnotnull AND NOT attribute.atthasdef AND attribute.attidentity = '',
    COALESCE(
        (
            SELECT pg_catalog.string_agg(pg_catalog.pg_get_constraintdef(checks.oid), ' ')
            FROM pg_catalog.pg_constraint AS checks
            WHERE checks.contype = 'c'
                AND (
                    checks.contypid IN (SELECT base.root FROM base WHERE base.oid = attribute.atttypid)
                    OR (checks.conrelid = class.oid AND attribute.attnum = ANY (checks.conkey))
                )
        ),
        ''
    )
FROM pg_catalog.pg_class AS class
JOIN pg_catalog.pg_namespace AS space
    ON space.oid = class.relnamespace
JOIN pg_catalog.pg_attribute AS attribute
    ON attribute.attrelid = class.oid
LEFT JOIN base
    ON base.oid = attribute.atttypid AND base.typbasetype = 0
JOIN pg_catalog.pg_type AS root
    ON root.oid = COALESCE(base.root, attribute.atttypid)
WHERE class.relkind IN ('r', 'p')
    AND NOT class.relispartition
    AND {of_tables}
    AND class.relpersistence <> 't'
    AND space.nspname !~ '^pg_'
    AND space.nspname <> 'information_schema'
    AND NOT (space.nspname = {ledger} AND class.relname = ANY ({ledger_tables}))
    AND attribute.attnum > 0
    AND NOT attribute.attisdropped
    AND attribute.attgenerated = ''
ORDER BY class.oid, attribute.attnum
