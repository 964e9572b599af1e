-- To write a definition, the server opens the table. Of an index on one column of a common type, with nothing else to
-- it, the same is written here: the operator classes are those that such a type has by default, by number, since what
-- PostgreSQL itself brings has the same ones in all majors.
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
        'definition', CASE
            WHEN class.relkind = 'i'
                AND class.relam = 403
                AND class.reloptions IS NULL
                AND class.reltablespace = 0
                AND index.indexprs IS NULL
                AND index.indpred IS NULL
                AND index.indnatts = 1
                AND index.indoption[0] = 0
                AND index.indcollation[0] = attribute.attcollation
                AND NOT {nulls_not_distinct}
                AND index.indclass[0] = CASE attribute.atttypid
                    WHEN 20 THEN 3124
                    WHEN 23 THEN 1978
                    WHEN 25 THEN 3126
                    WHEN 1043 THEN 3126
                    WHEN 1082 THEN 3122
                    WHEN 1114 THEN 3128
                    WHEN 1184 THEN 3127
                END
                THEN
                    CASE WHEN index.indisunique THEN 'CREATE UNIQUE INDEX ' ELSE 'CREATE INDEX ' END
                    || quote_ident(class.relname) || ' ON ' || relation.name || ' USING btree ('
                    || quote_ident(attribute.attname) || ')'
            ELSE pg_get_indexdef(class.oid)
        END,
        'constraint', CASE WHEN con.oid IS NOT NULL THEN quote_ident(con.conname) END
    ]
FROM relation
JOIN pg_catalog.pg_index AS index ON index.indrelid = relation.oid
JOIN pg_catalog.pg_class AS class ON class.oid = index.indexrelid
LEFT JOIN pg_catalog.pg_attribute AS attribute
    ON attribute.attrelid = relation.oid AND attribute.attnum = index.indkey[0]
LEFT JOIN pg_catalog.pg_constraint AS con
    ON con.conindid = index.indexrelid AND con.conrelid = relation.oid AND con.contype IN ('p', 'u', 'x')
