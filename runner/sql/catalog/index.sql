SELECT
    CAST('pg_catalog.pg_class' AS regclass),
    class.oid,
    0,
    'index',
    relation.prefix || quote_ident(class.relname),
    relation.name,
    0,
    NULL,
    NULL,
    NULL,
    ARRAY[
        'definition', pg_get_indexdef(class.oid),
        'valid', CASE WHEN NOT index.indisvalid THEN 'no' END,
        'replica identity', CASE WHEN index.indisreplident THEN 'yes' END,
        'clustered', CASE WHEN index.indisclustered THEN 'yes' END,
        'constraint', CASE WHEN con.oid IS NOT NULL THEN quote_ident(con.conname) END,
        'partition of', CASE WHEN class.relispartition THEN
            (
                SELECT CAST(CAST(link.inhparent AS regclass) AS text)
                FROM pg_catalog.pg_inherits AS link
                WHERE link.inhrelid = class.oid
            )
        END
    ]
FROM relation
JOIN pg_catalog.pg_index AS index ON index.indrelid = relation.oid
JOIN pg_catalog.pg_class AS class ON class.oid = index.indexrelid
LEFT JOIN pg_catalog.pg_constraint AS con
    ON con.conindid = index.indexrelid AND con.conrelid = relation.oid AND con.contype IN ('p', 'u', 'x')
