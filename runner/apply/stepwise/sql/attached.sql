SELECT inherits.inhdetachpending
FROM pg_catalog.pg_inherits AS inherits
WHERE inherits.inhrelid = CAST({partition} AS oid)
    AND inherits.inhparent = CAST({parent} AS oid)
