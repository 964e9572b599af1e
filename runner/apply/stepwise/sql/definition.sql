SELECT
    index.indisunique,
    CAST(index.indclass AS text),
    CAST(index.indcollation AS text),
    CAST(index.indoption AS text),
    index.indnkeyatts,
    ARRAY(
        SELECT pg_catalog.pg_get_indexdef(index.indexrelid, place, false)
        FROM pg_catalog.generate_series(1, index.indnatts) AS place
    ),
    pg_catalog.pg_get_expr(index.indpred, index.indrelid),
    class.relam,
    class.reloptions
FROM pg_catalog.pg_index AS index
JOIN pg_catalog.pg_class AS class ON class.oid = index.indexrelid
WHERE index.indexrelid = CAST({index} AS oid)
    OR index.indrelid = CAST({table} AS oid)
