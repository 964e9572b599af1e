-- The versions of the catalog's rows that say what runs with a plain table: a trigger, a rule, row security, a check or
-- another owner writes a new row in pg_class; a default, a domain or an identity, one in pg_attribute.
-- A place and its writer together are those of one version of one row.
SELECT pg_catalog.concat_ws(
    '|',
    (
        SELECT pg_catalog.string_agg(pg_catalog.concat(oid, ctid, xmin), ' ')
        FROM pg_catalog.pg_class WHERE oid = ANY ({ids})
    ),
    (
        SELECT pg_catalog.string_agg(pg_catalog.concat(ctid, xmin), ' ')
        FROM pg_catalog.pg_attribute WHERE attrelid = ANY ({ids}) AND attnum > 0
    ),
    (
        SELECT pg_catalog.string_agg(pg_catalog.concat(ctid, xmin), ' ')
        FROM pg_catalog.pg_index WHERE indrelid = ANY ({ids})
    ),
    (
        SELECT pg_catalog.string_agg(pg_catalog.concat(ctid, xmin), ' ')
        FROM pg_catalog.pg_statistic_ext WHERE stxrelid = ANY ({ids})
    )
)
