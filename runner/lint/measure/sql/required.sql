SELECT attname
FROM pg_catalog.pg_attribute
WHERE attrelid = pg_catalog.to_regclass(%s)
    AND attnum > 0
    AND attnotnull
ORDER BY attnum
