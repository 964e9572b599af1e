-- Together with what table.sql says of it.
SELECT
    NULL,
    NULL,
    0,
    relation.kind,
    relation.name,
    '',
    0,
    NULL,
    NULL,
    NULL,
    false,
    ARRAY[
        'partition of', CASE WHEN relation.relispartition THEN parents.names END,
        'bound', CASE WHEN relation.relispartition THEN pg_get_expr(relation.relpartbound, relation.oid) END,
        'detached', CASE WHEN parents.pending THEN 'pending' END,
        'inherits', CASE WHEN NOT relation.relispartition THEN parents.names END
    ]
FROM (
    SELECT
        link.inhrelid,
        string_agg(parent.name, ', ' ORDER BY link.inhseqno) AS names,
        bool_or({detach_pending}) AS pending
    FROM pg_catalog.pg_inherits AS link
    JOIN relation AS parent ON parent.oid = link.inhparent
    GROUP BY link.inhrelid
) AS parents
JOIN relation ON relation.oid = parents.inhrelid
WHERE relation.relkind IN ('r', 'p', 'f')
