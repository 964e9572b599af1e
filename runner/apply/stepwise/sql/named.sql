SELECT
    class.oid,
    COALESCE(index.indrelid = CAST({table} AS oid), false),
    COALESCE(index.indisvalid AND index.indisready, false),
    CAST(CAST(index.indrelid AS regclass) AS text)
FROM pg_catalog.pg_class AS place
JOIN pg_catalog.pg_class AS class ON class.relnamespace = place.relnamespace
LEFT JOIN pg_catalog.pg_index AS index ON index.indexrelid = class.oid
WHERE place.oid = CAST({table} AS oid)
    AND class.relname = {name}
