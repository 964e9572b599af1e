SELECT index.indexrelid
FROM pg_catalog.pg_index AS index
WHERE index.indrelid = CAST({table} AS oid)
ORDER BY index.indexrelid
