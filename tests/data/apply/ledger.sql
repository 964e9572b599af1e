-- The text of the ledger's schema, as the catalogue has it: a line for each column, constraint and comment.
-- Constraints of NOT NULL have rows of their own in newer servers: the columns say it.
WITH ledger AS (
    SELECT oid, relname
    FROM pg_catalog.pg_class
    WHERE relname IN ('_migrations', '_migrations_log')
)
SELECT pg_catalog.format(
    '%s.%s %s%s%s%s',
    ledger.relname,
    attribute.attname,
    pg_catalog.format_type(attribute.atttypid, attribute.atttypmod),
    CASE WHEN attribute.attnotnull THEN ' NOT NULL' END,
    CASE attribute.attidentity WHEN 'a' THEN ' GENERATED ALWAYS AS IDENTITY' END,
    ' DEFAULT ' || pg_catalog.pg_get_expr(fallback.adbin, fallback.adrelid)
) AS line
FROM ledger
JOIN pg_catalog.pg_attribute AS attribute ON attribute.attrelid = ledger.oid AND attribute.attnum > 0
LEFT JOIN pg_catalog.pg_attrdef AS fallback ON fallback.adrelid = ledger.oid AND fallback.adnum = attribute.attnum
UNION ALL
SELECT pg_catalog.format(
    '%s %s %s', ledger.relname, rule.conname, pg_catalog.pg_get_constraintdef(rule.oid)
)
FROM ledger
JOIN pg_catalog.pg_constraint AS rule ON rule.conrelid = ledger.oid AND rule.contype <> 'n'
UNION ALL
SELECT pg_catalog.format(
    'COMMENT %s%s: %s',
    ledger.relname,
    (SELECT '.' || attname FROM pg_catalog.pg_attribute WHERE attrelid = ledger.oid AND attnum = told.objsubid AND attnum > 0),
    told.description
)
FROM ledger
JOIN pg_catalog.pg_description AS told ON told.objoid = ledger.oid AND told.classoid = CAST('pg_catalog.pg_class' AS pg_catalog.regclass)
ORDER BY 1
