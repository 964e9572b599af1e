SELECT
    space.nspname,
    class.relname,
    CAST(class.relkind AS text),
    class.relkind = 'r'
        AND EXISTS (SELECT FROM pg_catalog.pg_inherits AS child WHERE child.inhparent = class.oid),
    CAST(COALESCE(pg_catalog.pg_partition_root(class.oid), class.oid) AS bigint),
    access.amname,
    ARRAY(
        SELECT CAST(attribute.attname AS text)
        FROM pg_catalog.unnest(index.indkey) WITH ORDINALITY AS key (number, place)
        JOIN pg_catalog.pg_attribute AS attribute ON attribute.attrelid = class.oid AND attribute.attnum = key.number
        WHERE key.place <= index.indnkeyatts
        ORDER BY key.place
    ),
    ARRAY(
        SELECT CAST(attribute.attname AS text)
        FROM pg_catalog.pg_attribute AS attribute
        WHERE attribute.attrelid = class.oid AND attribute.attgenerated <> ''
    ),
    CAST(COALESCE(
        (
            SELECT sum(greatest(leaf.reltuples, 0))
            FROM pg_catalog.pg_partition_tree(class.oid) AS part
            JOIN pg_catalog.pg_class AS leaf ON leaf.oid = part.relid
            WHERE part.isleaf
        ),
        greatest(class.reltuples, 0)
    ) AS bigint)
FROM pg_catalog.pg_class AS class
JOIN pg_catalog.pg_namespace AS space ON space.oid = class.relnamespace
LEFT JOIN pg_catalog.pg_index AS index ON index.indrelid = class.oid AND index.indisprimary
LEFT JOIN pg_catalog.pg_class AS built ON built.oid = index.indexrelid
LEFT JOIN pg_catalog.pg_am AS access ON access.oid = built.relam
WHERE class.oid = pg_catalog.to_regclass({name})
