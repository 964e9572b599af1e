SELECT
    wanted.name,
    CAST(COALESCE(sum(pg_catalog.pg_total_relation_size(part.oid)), 0) AS bigint),
    CAST(COALESCE(sum(part.reltuples) FILTER (WHERE part.relkind <> 'p' AND part.reltuples >= 0), -1) AS bigint)
FROM pg_catalog.pg_class AS class
JOIN pg_catalog.pg_namespace AS namespace ON namespace.oid = class.relnamespace
CROSS JOIN LATERAL (SELECT namespace.nspname || '.' || class.relname AS name) AS wanted
JOIN pg_catalog.pg_class AS part
    -- A partitioned table has no rows of its own: those of its partitions count.
    ON part.oid = class.oid OR part.oid IN (SELECT tree.relid FROM pg_catalog.pg_partition_tree(class.oid) AS tree)
WHERE wanted.name = ANY (%s)
    AND class.relkind IN ('r', 'p', 'm')
GROUP BY wanted.name
