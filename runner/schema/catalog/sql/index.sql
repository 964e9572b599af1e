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
    {index_has_more},
    ARRAY[
        'definition', pg_get_indexdef(class.oid),
        'constraint', CASE WHEN con.oid IS NOT NULL THEN quote_ident(con.conname) END
    ]
FROM relation
JOIN pg_catalog.pg_index AS index ON index.indrelid = relation.oid
JOIN pg_catalog.pg_class AS class ON class.oid = index.indexrelid
LEFT JOIN pg_catalog.pg_constraint AS con
    ON con.conindid = index.indexrelid AND con.conrelid = relation.oid AND con.contype IN ('p', 'u', 'x')
