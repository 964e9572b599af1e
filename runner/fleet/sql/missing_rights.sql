-- The rights that the current role lacks in the control database, in words.
WITH relations AS (
    SELECT c.oid, c.relname, c.relkind
    FROM pg_catalog.pg_class c
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = %(schema_name)s AND c.relname LIKE ANY (%(read)s)
),
wanted AS (
    SELECT *
    FROM ROWS FROM (
        pg_catalog.unnest(%(tables)s::text[]),
        pg_catalog.unnest(%(privileges)s::text[]),
        pg_catalog.unnest(%(columns)s::text[])
    ) AS w (name, privilege, columns)
)
SELECT 'USAGE on the schema'
FROM pg_catalog.pg_namespace
WHERE nspname = %(schema_name)s AND NOT pg_catalog.has_schema_privilege(oid, 'USAGE')
UNION ALL
SELECT CASE relkind WHEN 'S' THEN 'USAGE on ' ELSE 'SELECT on ' END || relname
FROM relations
WHERE CASE relkind
    WHEN 'S' THEN NOT pg_catalog.has_sequence_privilege(oid, 'USAGE')
    WHEN 'r' THEN NOT pg_catalog.has_table_privilege(oid, 'SELECT')
END
UNION ALL
SELECT pg_catalog.concat(w.privilege, ' (' || nullif(w.columns, '') || ')', ' on ', r.relname)
FROM wanted w
JOIN relations r ON r.relname = w.name
WHERE NOT pg_catalog.has_table_privilege(r.oid, w.privilege)
AND (w.columns = '' OR EXISTS (
    SELECT
    FROM pg_catalog.pg_attribute a
    WHERE a.attrelid = r.oid
    AND a.attname = ANY (pg_catalog.string_to_array(w.columns, ', '))
    AND NOT pg_catalog.has_column_privilege(r.oid, a.attnum, w.privilege)
))
ORDER BY 1
