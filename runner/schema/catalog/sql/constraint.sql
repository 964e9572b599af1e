-- Those of foreign keys that a partition has from its parent are named differently by different servers, and say
-- nothing that the parent's does not. PostgreSQL 18 has constraints for NOT NULL, which is a fact of the column.
SELECT
    CAST('pg_catalog.pg_constraint' AS regclass),
    con.oid,
    0,
    'constraint',
    relation.name || '.' || quote_ident(con.conname),
    relation.name,
    0,
    NULL,
    NULL,
    NULL,
    false,
    ARRAY[
        'definition', CASE
            WHEN NOT {enforced} THEN regexp_replace(pg_get_constraintdef(con.oid), ' NOT ENFORCED$', '')
            WHEN NOT con.convalidated THEN regexp_replace(pg_get_constraintdef(con.oid), ' NOT VALID$', '')
            ELSE pg_get_constraintdef(con.oid)
        END,
        'validated', CASE WHEN {enforced} AND NOT con.convalidated THEN 'no' END,
        'enforced', CASE WHEN NOT {enforced} THEN 'no' END
    ]
FROM pg_catalog.pg_constraint AS con
JOIN relation ON relation.oid = con.conrelid
WHERE con.contype IN ('c', 'f', 'p', 'u', 'x') AND NOT (con.contype = 'f' AND con.conparentid <> 0)
