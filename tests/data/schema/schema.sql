-- What the schema public holds, as one line for each table, column, constraint and index.
--
-- Tables are ordered by name, columns by position, the rest by definition; a constraint's name is left out, since
-- PostgreSQL chose it. NOT NULL stands with its column, because only PostgreSQL 18 lists it as a constraint as well.
-- The indexes of primary keys and unique constraints are left out: they stand there as constraints.
WITH tables AS (
    SELECT c.oid, c.relname
    FROM pg_catalog.pg_class AS c
    WHERE c.relnamespace = 'public'::pg_catalog.regnamespace
    AND c.relkind IN ('r', 'p')
),
facts AS (
    SELECT t.relname, 0 AS position, pg_catalog.format('TABLE %s', t.relname) AS fact
    FROM tables AS t

    UNION ALL
    SELECT
        t.relname,
        a.attnum,
        pg_catalog.concat_ws(
            ' ',
            a.attname,
            pg_catalog.format_type(a.atttypid, a.atttypmod),
            CASE WHEN a.attnotnull THEN 'NOT NULL' END,
            'DEFAULT ' || pg_catalog.pg_get_expr(d.adbin, d.adrelid),
            'OWNS ' || pg_catalog.pg_get_serial_sequence(t.oid::pg_catalog.regclass::text, a.attname),
            '-- ' || pg_catalog.col_description(t.oid, a.attnum)
        )
    FROM tables AS t
    JOIN pg_catalog.pg_attribute AS a
        ON a.attrelid = t.oid
        AND a.attnum > 0
        AND NOT a.attisdropped
    LEFT JOIN pg_catalog.pg_attrdef AS d
        ON d.adrelid = a.attrelid
        AND d.adnum = a.attnum

    UNION ALL
    SELECT t.relname, 10000, pg_catalog.pg_get_constraintdef(k.oid)
    FROM tables AS t
    JOIN pg_catalog.pg_constraint AS k
        ON k.conrelid = t.oid
        AND k.contype <> 'n'

    UNION ALL
    SELECT t.relname, 10001, pg_catalog.pg_get_indexdef(i.indexrelid)
    FROM tables AS t
    JOIN pg_catalog.pg_index AS i
        ON i.indrelid = t.oid
        AND NOT EXISTS (
            SELECT FROM pg_catalog.pg_constraint AS k
            WHERE k.conindid = i.indexrelid
            AND k.contype IN ('p', 'u', 'x')
        )
)
SELECT CASE position WHEN 0 THEN fact ELSE pg_catalog.format('%s: %s', relname, fact) END
FROM facts
ORDER BY relname COLLATE "C", position, fact COLLATE "C"
