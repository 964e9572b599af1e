type AS MATERIALIZED (
    SELECT base.*, namespace.prefix || quote_ident(base.typname) AS name
    FROM pg_catalog.pg_type AS base
    JOIN namespace ON namespace.oid = base.typnamespace
    WHERE base.oid >= 16384
        AND base.typtype IN ('e', 'd', 'r', 'c', 'b', 'p')
        AND NOT (
            base.typtype = 'b' AND EXISTS (SELECT FROM pg_catalog.pg_type AS part WHERE part.typarray = base.oid)
        )
        AND (base.typtype <> 'c' OR base.typrelid IN (SELECT oid FROM relation WHERE relkind = 'c'))
        AND NOT EXISTS (
            SELECT
            FROM member
            WHERE member.classid = CAST('pg_catalog.pg_type' AS regclass) AND member.objid = base.oid
        )
)
