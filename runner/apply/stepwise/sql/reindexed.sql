SELECT class.oid
FROM pg_catalog.pg_class AS named
LEFT JOIN pg_catalog.pg_index AS index ON index.indexrelid = named.oid
JOIN pg_catalog.pg_class AS heap ON heap.oid = COALESCE(index.indrelid, named.oid)
JOIN pg_catalog.pg_class AS class ON class.oid IN (heap.oid, heap.reltoastrelid)
WHERE named.oid = CAST({relation} AS oid)
