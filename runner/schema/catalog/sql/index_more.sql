-- Together with what index.sql says of it.
SELECT
    NULL,
    NULL,
    0,
    'index',
    relation.prefix || quote_ident(class.relname),
    relation.name,
    0,
    NULL,
    NULL,
    NULL,
    false,
    ARRAY[
        'valid', CASE WHEN NOT index.indisvalid THEN 'no' END,
        'maintained', CASE WHEN NOT (index.indisready AND index.indislive) THEN 'no' END,
        'statistics', (
            SELECT string_agg(attribute.attnum || ': ' || attribute.attstattarget, ', ' ORDER BY attribute.attnum)
            FROM pg_catalog.pg_attribute AS attribute
            WHERE attribute.attrelid = class.oid AND attribute.attstattarget <> -1
        ),
        'replica identity', CASE WHEN index.indisreplident THEN 'yes' END,
        'clustered', CASE WHEN index.indisclustered THEN 'yes' END,
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
WHERE {index_has_more}
