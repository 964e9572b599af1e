SELECT
  a.attname,
  pg_catalog.format_type(a.atttypid, a.atttypmod),
  -- Only built-in kinds of types are read: what another one gives would be anybody's guess.
  CASE WHEN t.typtype IN ('b', 'e') THEN t.typcategory::text ELSE '' END,
  t.oid
FROM pg_catalog.pg_attribute a
JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
WHERE n.nspname = %s
  AND c.relname = %s
  AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
  AND a.attnum > 0
  AND NOT a.attisdropped
ORDER BY a.attnum
