WITH RECURSIVE wanted AS (
    SELECT asked.name, class.oid
    FROM pg_catalog.unnest(CAST(%(names)s AS text[])) AS asked (name)
    JOIN pg_catalog.pg_class AS class
        ON class.relkind IN ('r', 'p', 'm', 'v', 'f', 'i', 'I', 'S')
    JOIN pg_catalog.pg_namespace AS space
        ON space.oid = class.relnamespace
    WHERE pg_catalog.concat(space.nspname, '.', class.relname) = asked.name
        -- Measured in public: here, a name without a schema may be found in another one.
        OR (space.nspname = ANY (%(path)s) AND pg_catalog.concat('public.', class.relname) = asked.name)
),
tree AS (
    SELECT name, oid
    FROM wanted
    UNION
    SELECT tree.name, child.inhrelid
    FROM tree
    JOIN pg_catalog.pg_inherits AS child
        ON child.inhparent = tree.oid
),
every AS (
    SELECT pg_catalog.concat(space.nspname, '.', class.relname) AS name, class.oid
    FROM pg_catalog.pg_class AS class
    JOIN pg_catalog.pg_namespace AS space
        ON space.oid = class.relnamespace
    WHERE %(every)s
        AND class.relkind IN ('r', 'm', 'f')
        AND space.nspname !~ '^pg_'
        AND space.nspname <> 'information_schema'
        AND NOT (space.nspname = %(ledger)s AND class.relname = ANY (%(ledger_tables)s))
        -- The reference data of an extension are nobody's rows.
        AND NOT EXISTS (
            SELECT
            FROM pg_catalog.pg_depend
            WHERE classid = CAST('pg_catalog.pg_class' AS regclass)
                AND objid = class.oid
                AND deptype = 'e'
        )
),
asked AS (
    SELECT FALSE AS every, name, oid
    FROM tree
    UNION ALL
    SELECT TRUE, name, oid
    FROM every
)
SELECT
    asked.every,
    asked.name,
    CAST(
        CASE
            -- Nobody knows how large a foreign table is.
            WHEN pg_catalog.bool_or(class.relkind = 'f') THEN -1
            ELSE COALESCE(
                pg_catalog.sum(
                    pg_catalog.pg_relation_size(class.oid)
                    + COALESCE(pg_catalog.pg_relation_size(NULLIF(class.reltoastrelid, 0)), 0)
                ) FILTER (WHERE class.relkind NOT IN ('p', 'v', 'I')),
                0
            )
        END AS bigint
    ),
    CAST(COALESCE(pg_catalog.sum(class.reltuples) FILTER (WHERE class.reltuples >= 0), -1) AS bigint)
FROM asked
JOIN pg_catalog.pg_class AS class
    ON class.oid = asked.oid
GROUP BY asked.every, asked.name
